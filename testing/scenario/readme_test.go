package scenario_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// TestReadme runs the example of the README: the conn in it, and what up
// prints.
func TestReadme(t *testing.T) {
	hosts.Require(t)
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	conf, printed := block(t, string(text), "A conn of five lines"), block(t, string(text), "What `ipsecif up north-east` does")
	n, err := hosts.New(t.TempDir(), "north")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	h := n.Host("north")
	if err := h.WriteFile("/etc/ipsecif.conf", []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stdout, stderr, err := h.Run(ctx, os.Getenv("IPSECIF_BIN"), "up", "north-east")
	if err != nil || stderr+stdout != printed {
		t.Errorf("%v\ngot\n%swant\n%s", err, stderr+stdout, printed)
	}
}

// block returns the first indented block after a text, without the indent.
func block(t *testing.T, text, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, after)
	if !ok {
		t.Fatalf("the README has no %q", after)
	}
	var b strings.Builder
	for line := range strings.Lines(rest) {
		if line, ok := strings.CutPrefix(line, "    "); ok {
			b.WriteString(line)
		} else if b.Len() > 0 {
			break
		}
	}
	return b.String()
}
