package kernel

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Kind says what has changed in the kernel.
type Kind uint8

// The kinds of changes.
const (
	Links Kind = iota + 1
	Addrs
	Routes
	Rules
	Settings // rp_filter and its like
	SAs
	SPs
	Tables // of nftables
	Lost   // changes that the kernel had no room to tell: anything may have changed
)

// String returns the name of the kind.
func (k Kind) String() string {
	return [...]string{"", "links", "addresses", "routes", "rules", "settings", "SAs", "SPs", "nftables", "lost events"}[k]
}

// Multicast groups of NETLINK_XFRM (linux/xfrm.h) and NETLINK_NETFILTER
// (linux/netfilter/nfnetlink.h).
const (
	xfrmGroupExpire = 2
	xfrmGroupSA     = 3
	xfrmGroupPolicy = 4
	nftGroup        = 7
)

// feed is one socket of a Watcher: a netlink protocol and its groups.
type feed struct {
	name     string
	protocol int
	groups   []uint
	kind     func(msgType uint16) Kind // 0 for a message that tells nothing
}

var feeds = []feed{
	{"routing", unix.NETLINK_ROUTE, []uint{
		unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_IPV4_NETCONF,
	}, routeKind},
	{"IPsec", unix.NETLINK_XFRM, []uint{xfrmGroupExpire, xfrmGroupSA, xfrmGroupPolicy}, xfrmKind},
	{"nftables", unix.NETLINK_NETFILTER, []uint{nftGroup}, func(uint16) Kind { return Tables }},
}

func routeKind(msgType uint16) Kind {
	switch msgType {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return Links
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return Addrs
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return Routes
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		return Rules
	case unix.RTM_NEWNETCONF, unix.RTM_DELNETCONF:
		return Settings
	}
	return 0
}

// The messages about SPs (linux/xfrm.h); all others of the groups are about SAs.
const (
	xfrmNewPolicy   = 0x13
	xfrmDelPolicy   = 0x14
	xfrmUpdPolicy   = 0x19
	xfrmPolExpire   = 0x1b
	xfrmFlushPolicy = 0x1d
)

func xfrmKind(msgType uint16) Kind {
	switch msgType {
	case xfrmNewPolicy, xfrmDelPolicy, xfrmUpdPolicy, xfrmPolExpire, xfrmFlushPolicy:
		return SPs
	}
	return SAs
}

// Watcher tells that something has changed in the network namespace in which it
// was opened, not what: who hears of it has to look. Other namespaces are not
// watched: a socket there would keep one alive that somebody deletes.
type Watcher struct {
	events  chan Kind
	files   []*os.File
	readers sync.WaitGroup
	// Unwatched says which kinds of changes are not told, and why.
	Unwatched []error
}

// eventsAhead is how many events wait for a reader. Who has one to read looks at
// everything, so what finds no room adds nothing.
const eventsAhead = 64

// Watch begins to watch the network namespace of the calling thread. Without
// privilege, or where the kernel lacks them, SAs and nftables are not watched. The
// caller must Close the Watcher.
func Watch() (*Watcher, error) {
	w := &Watcher{events: make(chan Kind, eventsAhead)}
	for i, f := range feeds {
		file, err := f.open()
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			w.Unwatched = append(w.Unwatched, err)
			continue
		}
		w.files = append(w.files, file)
		w.readers.Go(func() { w.read(file, f.kind) })
	}
	return w, nil
}

// Events returns the channel of events. It is closed by Close.
func (w *Watcher) Events() <-chan Kind { return w.events }

// Close ends the watch.
func (w *Watcher) Close() {
	for _, f := range w.files {
		f.Close()
	}
	w.readers.Wait()
	close(w.events)
}

// open opens the socket of a feed.
func (f feed) open() (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("watching for changes of %s: %w", f.name, err)
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, f.protocol)
	if err != nil {
		return fail(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return fail(err)
	}
	for _, g := range f.groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, int(g)); err != nil {
			unix.Close(fd)
			return fail(err)
		}
	}
	return os.NewFile(uintptr(fd), f.name), nil
}

// pause is for how long nothing is read after an error that may come again at
// once.
const pause = 100 * time.Millisecond

// read tells what a socket receives until it is closed.
func (w *Watcher) read(file *os.File, kind func(uint16) Kind) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := file.Read(buffer)
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case errors.Is(err, unix.ENOBUFS):
			w.tell(Lost)
			continue
		case err != nil:
			w.tell(Lost)
			time.Sleep(pause)
			continue
		}
		w.each(buffer[:n], kind)
	}
}

// each tells the messages of a datagram. One that does not fit, or makes no
// sense, may say anything.
func (w *Watcher) each(b []byte, kind func(uint16) Kind) {
	last := Kind(0)
	for len(b) > 0 {
		if len(b) < unix.NLMSG_HDRLEN {
			w.tell(Lost)
			return
		}
		length := int(number(b[:4]))
		if length < unix.NLMSG_HDRLEN {
			w.tell(Lost)
			return
		}
		if k := kind(nl.NativeEndian().Uint16(b[4:6])); k != 0 && k != last {
			w.tell(k)
			last = k
		}
		b = b[min(len(b), nlmAlign(length)):]
	}
}

func nlmAlign(n int) int { return (n + syscall.NLMSG_ALIGNTO - 1) &^ (syscall.NLMSG_ALIGNTO - 1) }

func (w *Watcher) tell(k Kind) {
	select {
	case w.events <- k:
	default:
	}
}
