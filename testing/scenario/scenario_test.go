// Package scenario_test runs the stories in testdata inside the lab: real
// hosts, real IKE daemons, the real ipsecif. A new story is a new file.
package scenario_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestScenarios runs every file of testdata as a testscript, with the commands
// of command_test.go.
func TestScenarios(t *testing.T) {
	hosts.Require(t)
	if os.Getenv("IPSECIF_BIN") == "" {
		t.Fatal("IPSECIF_BIN must name the ipsecif to test: CGO_ENABLED=0 go build -o bin/ipsecif ./cmd/ipsecif")
	}
	// IKE daemons call it by this path.
	if err := os.Symlink(os.Getenv("IPSECIF_BIN"), installed); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			s := &scenario{networks: map[string]*hosts.Network{}, keepers: map[string]*keeper{}, dir: env.WorkDir}
			env.Values[scenarioKey{}] = s
			env.Defer(func() {
				if err := s.close(); err != nil {
					env.T().Log(err)
					env.T().FailNow()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"network":   network,
			"twin":      twin,
			"conf":      conf,
			"updown":    updownScript,
			"hook":      hook,
			"watch":     watch,
			"changes":   changes,
			"pluto":     pluto,
			"initiate":  initiate,
			"charon":    charon,
			"swanctl":   swanctl,
			"crash":     crash,
			"logged":    logged,
			"on":        on,
			"exits":     exits,
			"becomes":   becomes,
			"ipbatch":   ipBatch,
			"snapshot":  snapshot,
			"restored":  restored,
			"layout":    layout,
			"nflog":     nflog,
			"copied":    copied,
			"netns":     netns,
			"shell":     shell,
			"ping":      ping,
			"capture":   capture,
			"only-esp":  onlyESP,
			"seen":      seen,
			"largest":   largest,
			"transfer":  transfer,
			"rp_filter": rpFilter,
			"keep":      keep,
			"unkeep":    unkeep,
			"reload":    reload,
			"told":      told,
			"heals":     heals,
			"metrics":   metrics,
			"grown":     grown,
		},
	})
}

// installed is where the lab's file system, which is thrown away, has ipsecif.
const installed = "/usr/sbin/ipsecif"

type scenarioKey struct{}

// scenario is the state of one running file.
type scenario struct {
	dir      string
	networks map[string]*hosts.Network // by prefix of host names: "" and "twin-"
	keepers  map[string]*keeper        // by host
	sockets  []io.Closer
	capture  *hosts.Capture
	packets  hosts.Packets // of the last capture
}

func of(ts *testscript.TestScript) *scenario { return ts.Value(scenarioKey{}).(*scenario) }

func (s *scenario) close() error {
	for _, c := range s.sockets {
		if err := c.Close(); err != nil {
			return err
		}
	}
	for _, n := range s.networks {
		if err := n.Close(); err != nil {
			return err
		}
	}
	return nil
}

// host returns a host of the network, or of the twin for twin-NAME.
func (s *scenario) host(name string) *hosts.Host {
	if rest, ok := strings.CutPrefix(name, "twin-"); ok {
		return s.networks["twin-"].Host(rest)
	}
	return s.networks[""].Host(name)
}
