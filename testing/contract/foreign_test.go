package contract

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/ipsecif/ipsecif/updown/kernel"
	"github.com/ipsecif/ipsecif/updown/plan"
	"github.com/ipsecif/ipsecif/xfrmi"
	"golang.org/x/sys/unix"
	"golang.org/x/tools/txtar"
)

// TestForeign shows what is seen of objects that ipsecif itself never makes.
// A case has the `commands` of ip(8) that make them, and the `state` after
// them; where it has `paths`, each line is an address and how packets leave
// for it; where it has `sas`, the SAs with the if_ids 1 and 2. Only the real kernel can tell, so there is no fake here.
func TestForeign(t *testing.T) {
	hosts.Require(t)
	for _, file := range Files(t, filepath.Join("testdata", "foreign")) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			k := newKernel(t)
			runForeign(t, k, file)
		})
	}
}

func runForeign(t *testing.T, k *kernel.Kernel, file string) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range ar.Files {
		sections[f.Name] = string(f.Data)
	}
	for line := range strings.Lines(sections["commands"]) {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.TrimSpace(line), err, out)
		}
	}
	if got := dump(t, k, query); got != sections["state"] {
		t.Errorf("state: got\n%swant\n%s", got, sections["state"])
	}
	if want, ok := sections["sas"]; ok {
		o, err := k.Observe(plan.Query{SAs: []xfrmi.IfID{1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, sa := range slices.Concat(o.Facts.SAs[1], o.Facts.SAs[2]) {
			got += sa.String() + "\n"
		}
		if got != want {
			t.Errorf("sas: got\n%swant\n%s", got, want)
		}
		sasBetween(t, k, o.Facts.SAs[1])
	}
	for line := range strings.Lines(sections["paths"]) {
		to, _, _ := strings.Cut(line, " ")
		pq := plan.PathQuery{To: netip.MustParseAddr(to)}
		o, err := k.Observe(plan.Query{Paths: []plan.PathQuery{pq}})
		if err != nil {
			t.Fatal(err)
		}
		p := o.Facts.Paths[pq]
		if got := fmt.Sprintf("%s via %s dev %s mtu %d\n", to, p.Via, p.Dev, p.MTU); got != line {
			t.Errorf("path: got %swant %s", got, line)
		}
	}
}

// sasBetween asks for the SAs of if_id 1 by their ends, and by others.
func sasBetween(t *testing.T, k *kernel.Kernel, want []plan.SA) {
	t.Helper()
	ask := func(ends ...plan.Ends) []plan.SA {
		o, err := k.Observe(plan.Query{SAs: []xfrmi.IfID{1}, Near: &plan.Near{Ends: ends}})
		if err != nil {
			t.Fatal(err)
		}
		return o.Facts.SAs[1]
	}
	ours, theirs := want[0].Dst, want[0].Src
	if got := ask(plan.Ends{ours, theirs}); !slices.Equal(got, want) {
		t.Errorf("between %s and %s there are %v, want %v", ours, theirs, got, want)
	}
	if got := ask(plan.Ends{ours, theirs.Next()}); len(got) != 0 {
		t.Errorf("between %s and %s there are %v", ours, theirs.Next(), got)
	}
}

// TestSAsNeedPrivilege shows that everything but SAs is read without it.
func TestSAsNeedPrivilege(t *testing.T) {
	hosts.Require(t)
	k := newKernel(t)
	q := plan.Query{SAs: []xfrmi.IfID{1}}
	if o, err := k.Observe(q); err != nil || o.Facts.NoSAs {
		t.Fatalf("with privilege: %v, no SAs: %v", err, o.Facts.NoSAs)
	}
	none := make([]unix.CapUserData, 2)
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&head, &none[0]); err != nil {
		t.Fatal(err)
	}
	if o, err := k.Observe(q); err != nil || !o.Facts.NoSAs {
		t.Errorf("without privilege: %v, no SAs: %v", err, o.Facts.NoSAs)
	}
	if o, err := k.Observe(plan.Query{}); err != nil || o.Facts.NoSAs {
		t.Errorf("without privilege, not asked: %v, no SAs: %v", err, o.Facts.NoSAs)
	}
}
