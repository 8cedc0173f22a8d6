package kernel

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/ipsecif/ipsecif/routing"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// netnsDir has a file for each network namespace that `ip netns` knows.
const netnsDir = "/run/netns"

// Attributes of RTM_NEWNSID (linux/net_namespace.h).
const (
	netnsaNSID = 1
	netnsaFD   = 3
)

// noNSID is what the kernel calls a network namespace without an ID
// (NETNSA_NSID_NOT_ASSIGNED); asked for, it means any ID.
const noNSID = -1

// netns is what a Kernel knows about its network namespace. The zero value is
// for that of ipsecif.
type netns struct {
	name     string
	home     int    // open file of the namespace of ipsecif
	homeID   int32  // what the kernel calls that one here, noNSID as far as is known
	inode    uint64 // identifies the namespace
	promotes bool   // promote_secondaries of all links
}

// noNetnsError says why there is no network namespace of a name, or none that
// may be entered.
type noNetnsError struct {
	why    string
	closed bool // there is one
}

func (e noNetnsError) Error() string { return e.why }

// enter returns the Kernel for a network namespace, "" for that of ipsecif. It
// keeps the namespace alive until leave.
func (k *Kernel) enter(name string) (*Kernel, error) {
	if name == "" {
		return k, nil
	}
	if within, ok := k.spaces[name]; ok {
		return within, nil
	}
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the own network namespace: %w", err)
	}
	within := &Kernel{devices: -1, netns: netns{name: name, home: home, homeID: noNSID}, indices: map[string]uint32{}}
	if err := k.open(within); err != nil {
		within.Close()
		return nil, err
	}
	if k.spaces == nil {
		k.spaces = map[string]*Kernel{}
	}
	k.spaces[name] = within
	return within, nil
}

// open opens the sockets of a Kernel in its network namespace.
func (k *Kernel) open(within *Kernel) error {
	name := within.netns.name
	fd, err := openNetns(name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if within.netns.inode, err = inode(fd); err != nil {
		return err
	}
	ours, err := inode(within.netns.home)
	if err != nil {
		return err
	}
	if within.netns.inode == ours {
		return noNetnsError{why: fmt.Sprintf("the network namespace %s is the one that ipsecif is in; leave netns= out", name)}
	}
	for other, o := range k.spaces {
		if o.netns.inode == within.netns.inode {
			return noNetnsError{why: fmt.Sprintf("the network namespaces %s and %s are one; use one name for it", name, other)}
		}
	}
	failed := make(chan error)
	go func() {
		// The thread stays locked, so it ends, and nothing else ever runs on it.
		runtime.LockOSThread()
		if err := unix.Setns(fd, unix.CLONE_NEWNET); errors.Is(err, unix.EPERM) {
			failed <- noNetnsError{fmt.Sprintf("entering network namespace %s: %v; this needs root with CAP_SYS_ADMIN, which the units have with the drop-in netns.conf", name, err), true}
			return
		} else if err != nil {
			failed <- fmt.Errorf("entering network namespace %s: %w", name, err)
			return
		}
		promote, err := readSysctl(ofLink("all", routing.SysctlPromote))
		within.netns.promotes = err == nil && promote != 0
		failed <- within.connect()
	}()
	return <-failed
}

// openNetns opens the file of a network namespace, and nothing but a file right
// there.
func openNetns(name string) (int, error) {
	if strings.Contains(name, "/") || name == "." || name == ".." {
		return -1, noNetnsError{why: fmt.Sprintf("%q is not the name of a network namespace", name)}
	}
	missing := noNetnsError{why: fmt.Sprintf("there is no network namespace %s; make it with `ip netns add %s`", name, name)}
	dir, err := unix.Open(netnsDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, missing
	}
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", netnsDir, err)
	}
	defer unix.Close(dir)
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return -1, missing
	case errors.Is(err, unix.ELOOP):
		return -1, noNetnsError{why: fmt.Sprintf("%s/%s is a symbolic link, and those are not followed", netnsDir, name)}
	case err != nil:
		return -1, fmt.Errorf("opening network namespace %s: %w", name, err)
	}
	if kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE); err != nil || kind != unix.CLONE_NEWNET {
		unix.Close(fd)
		return -1, noNetnsError{why: fmt.Sprintf("%s/%s is not a network namespace; delete it with `ip netns del %s` and make one", netnsDir, name, name)}
	}
	return fd, nil
}

func inode(fd int) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, fmt.Errorf("telling network namespaces apart: %w", err)
	}
	return st.Ino, nil
}

// leave lets go of all network namespaces that were entered: as long as somebody
// has a socket there, a deleted one stays.
func (k *Kernel) leave() {
	for _, within := range k.spaces {
		within.Close()
	}
	k.spaces = nil
}

// namespaces adds the objects of other network namespaces to an observation.
func (k *Kernel) namespaces(o *plan.Observation, names []string) error {
	defer k.leave()
	o.Facts.NoNetns, o.Facts.Closed = map[string]string{}, map[string]bool{}
	for _, name := range names {
		within, err := k.enter(name)
		var missing noNetnsError
		if errors.As(err, &missing) {
			o.Facts.NoNetns[name], o.Facts.Closed[name] = missing.why, missing.closed
			continue
		}
		if err != nil {
			return err
		}
		s, err := within.objects()
		if err != nil {
			return fmt.Errorf("network namespace %s: %w", name, err)
		}
		for _, obj := range s {
			o.State.Put(plan.Inside(name, obj))
		}
	}
	return nil
}

// objects reads what there is in another network namespace.
func (k *Kernel) objects() (plan.State, error) {
	s := plan.State{}
	links, err := k.links(s)
	if err != nil {
		return s, err
	}
	if err := k.addrs(0, links, func(a xfrmi.Addr) { s.Put(a) }); err != nil {
		return s, err
	}
	for link, c := range links.conf {
		if c.promotes || k.netns.promotes {
			s.Put(routing.Sysctl{Link: link, Name: routing.SysctlPromote, Value: 1})
		}
	}
	return s, k.routes(s, []routing.Table{routing.TableMain}, links)
}

// isFar reports whether an xfrm interface uses the policies of another network
// namespace than that of ipsecif, given the ID of their namespace, which is
// missing when they are those of the interface's own.
func (k *Kernel) isFar(nsid []byte) bool {
	if k.netns.name == "" {
		return len(nsid) > 0
	}
	ours, err := k.homeID()
	return err != nil || ours == noNSID || len(nsid) == 0 || int32(number(nsid)) != ours
}

// homeID returns the ID that the namespace of ipsecif has in this one. The kernel
// gives it one when it first has to name it. The socket for dumps may be in the
// middle of one.
func (k *Kernel) homeID() (int32, error) {
	if k.netns.homeID != noNSID {
		return k.netns.homeID, nil
	}
	head := nl.NewRtGenMsg()
	req := nl.NewNetlinkRequest(unix.RTM_GETNSID, 0)
	req.AddData(head)
	req.AddData(nl.NewRtAttr(netnsaFD, nl.Uint32Attr(uint32(k.netns.home))))
	msg, err := k.change.one(req, unix.RTM_NEWNSID)
	if err == nil && len(msg) < head.Len() {
		err = unix.EBADMSG
	}
	if err != nil {
		return noNSID, fmt.Errorf("asking for the ID of the own network namespace in %s: %w", k.netns.name, err)
	}
	k.netns.homeID = int32(number(attrs(msg[head.Len():])[netnsaNSID]))
	return k.netns.homeID, nil
}

// giveHomeID returns the ID of the namespace of ipsecif in this one, after giving
// it one if it has none.
func (k *Kernel) giveHomeID() (uint32, error) {
	id, err := k.homeID()
	if err == nil && id == noNSID {
		req := nl.NewNetlinkRequest(unix.RTM_NEWNSID, unix.NLM_F_ACK)
		req.AddData(nl.NewRtGenMsg())
		req.AddData(nl.NewRtAttr(netnsaFD, nl.Uint32Attr(uint32(k.netns.home))))
		anyID := int32(noNSID)
		req.AddData(nl.NewRtAttr(netnsaNSID, nl.Uint32Attr(uint32(anyID))))
		if err := k.batch([]*nl.NetlinkRequest{req})[0]; err != nil && !errors.Is(err, unix.EEXIST) {
			return 0, fmt.Errorf("giving the own network namespace an ID in %s: %w", k.netns.name, err)
		}
		id, err = k.homeID()
	}
	return uint32(id), err
}
