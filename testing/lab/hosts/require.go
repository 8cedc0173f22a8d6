package hosts

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Require ends the test unless it runs in the lab: it is skipped, or fails when IPSECIF_TEST_REQUIRE (a comma-separated list) contains lab.
func Require(t testing.TB) {
	t.Helper()
	if os.Getenv("IPSECIF_LAB") != "" {
		return
	}
	const how = `needs the lab: go build -o /tmp/lab ./testing/lab/cmd/lab && go test -exec "/tmp/lab exec" PACKAGE`
	if slices.Contains(strings.Split(os.Getenv("IPSECIF_TEST_REQUIRE"), ","), "lab") {
		t.Fatal(how)
	}
	t.Skip(how)
}
