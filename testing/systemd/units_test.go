package systemd

import (
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// TestExposure asks systemd how much the units may do, from 0 to 10.
func TestExposure(t *testing.T) {
	hosts.Require(t)
	const most = 2.0
	units, err := filepath.Glob("../../systemd/units/*.service")
	if err != nil || len(units) != 2 {
		t.Fatal(units, err)
	}
	overall := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range units {
		out := run(t, "systemd-analyze security --no-pager --offline=yes "+unit)
		m := overall.FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("%s: no exposure in\n%s", unit, out)
		}
		exposure, err := strconv.ParseFloat(m[1], 64)
		if err != nil || exposure > most {
			t.Errorf("%s has exposure %s, wanted at most %.1f (%v)\n%s", unit, m[1], most, err, out)
		}
		t.Logf("%s: %s", unit, m[1])
	}
}
