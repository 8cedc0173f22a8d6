package contract

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ipsecif/ipsecif/testing/fake"
	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

var update = flag.Bool("update", false, "write the cases anew from the fake; the lab then tells whether they are true")

// ipNetns makes and deletes network namespaces with ip(8).
type ipNetns struct{ t *testing.T }

func (n ipNetns) AddNetns(name string) { n.run("add", name) }

// DelNetns leaves one alone that has gone.
func (n ipNetns) DelNetns(name string) {
	if _, err := os.Stat("/run/netns/" + name); err == nil {
		n.run("del", name)
	}
}

func (n ipNetns) run(verb, name string) {
	n.t.Helper()
	if out, err := exec.Command("ip", "netns", verb, name).CombinedOutput(); err != nil {
		n.t.Fatalf("ip netns %s %s: %v\n%s", verb, name, err, out)
	}
}

func TestFake(t *testing.T) {
	for _, file := range Files(t, "testdata") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			k := fake.New()
			Run(t, k, k, file, *update)
		})
	}
}

func TestKernel(t *testing.T) {
	hosts.Require(t)
	for _, file := range Files(t, "testdata") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			k := newKernel(t)
			Run(t, k, ipNetns{t}, file, false)
		})
	}
}
