package contract

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
)

// TestWatch is told of every kind of change that somebody makes.
func TestWatch(t *testing.T) {
	hosts.Require(t)
	newNamespace(t)
	before := runtime.NumGoroutine()
	w, err := kernel.Watch()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range w.Unwatched {
		t.Error(err)
	}
	for _, change := range []struct {
		command string
		kind    kernel.Kind
	}{
		{"ip link add d0 type dummy", kernel.Links},
		{"ip link set d0 up", kernel.Links},
		{"ip -4 address add 192.0.2.1/24 dev d0", kernel.Addrs},
		{"ip -6 address add 2001:db8::1/64 dev d0 nodad", kernel.Addrs},
		{"ip -4 route add 198.51.100.0/24 dev d0", kernel.Routes},
		{"ip -6 route add 2001:db8:1::/64 dev d0", kernel.Routes},
		{"ip -4 rule add priority 7 lookup 7", kernel.Rules},
		{"ip -6 rule add priority 7 lookup 7", kernel.Rules},
		{"sysctl -q -w net.ipv4.conf.d0.rp_filter=2", kernel.Settings},
		{"ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 7 mode tunnel aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128", kernel.SAs},
		{"ip xfrm state del src 192.0.2.1 dst 192.0.2.2 proto esp spi 7", kernel.SAs},
		{"ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir out action block", kernel.SPs},
		{"nft add table inet t", kernel.Tables},
		{"ip link del d0", kernel.Links},
	} {
		for len(w.Events()) > 0 {
			<-w.Events()
		}
		words := strings.Fields(change.command)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", change.command, err, out)
		}
		limit := time.After(10 * time.Second)
		for told := kernel.Kind(0); told != change.kind; {
			select {
			case told = <-w.Events():
			case <-limit:
				t.Fatalf("%s: was not told of %s", change.command, change.kind)
			}
		}
	}
	w.Close()
	if _, open := <-w.Events(); open {
		for range w.Events() {
			continue
		}
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}
