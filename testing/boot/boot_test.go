package boot

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab"
)

// stepEnv names the step that the test program does in the guest.
const stepEnv = "BOOT_STEP"

// steps are what is done between two boots.
var steps = map[string]func(*testing.T){
	"install":  install,
	"features": features,
	"tunnel":   tunnel,
	"service":  service,
	"remove":   remove,
}

func TestMain(m *testing.M) {
	lab.Internal()
	os.Exit(m.Run())
}

// TestBoot boots the machine once for each step, which it does itself when it
// finds itself there. Each time the power is cut.
func TestBoot(t *testing.T) {
	if step, ok := steps[os.Getenv(stepEnv)]; ok {
		step(t)
		return
	}
	if os.Getenv("IPSECIF_LAB") != "" {
		t.Skip("this test starts guests and belongs on the host")
	}
	if err := lab.Prepared(); err != nil {
		if slices.Contains(strings.Split(os.Getenv("IPSECIF_TEST_REQUIRE"), ","), "lab") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	packages, disk := t.TempDir(), t.TempDir()
	build := exec.Command("make", "--silent", "deb", "PACKAGES="+packages)
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	for _, step := range []string{"install", "tunnel", "tunnel", "features", "service", "remove"} {
		status, err := lab.Run(t.Context(), lab.Options{
			Systemd: true, Disk: disk, Out: packages, Binary: self, Args: []string{"-test.v"}, Env: []string{stepEnv + "=" + step},
			Stdout: t.Output(), Stderr: t.Output(),
		})
		if err != nil || status != 0 {
			t.Fatalf("%s: status %d, %v", step, status, err)
		}
	}
}
