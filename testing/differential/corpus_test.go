package differential

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// TestCorpus compares the readings of each case of the corpus: a file, or a
// folder whose ipsec.conf includes others. A new case is a new file.
func TestCorpus(t *testing.T) {
	hosts.Require(t)
	cases, err := filepath.Glob("corpus/[^.]*")
	if err != nil || len(cases) < 300 {
		t.Fatalf("found %d cases, want at least 300 (%v)", len(cases), err)
	}
	read, refused := 0, 0
	dir := t.TempDir()
	for _, name := range cases {
		files := readCase(t, name)
		t.Run(strings.TrimSuffix(filepath.Base(name), ".conf"), func(t *testing.T) {
			want := Predict(files)
			got, err := Read(t.Context(), dir, files)
			if err != nil {
				t.Fatal(err)
			}
			if got.Refused {
				refused++
			} else {
				read++
			}
			if difference := Differ(want, got); difference != "" {
				t.Errorf("%s\nexplained so far: %v\n%s", difference, want.Explained, dump(files))
			}
		})
	}
	t.Logf("%d read, %d refused", read, refused)
	if read < 80 || refused < 80 {
		t.Errorf("%d cases were read and %d refused, want at least 80 of each", read, refused)
	}
}

// TestExplained shows each explained difference alone: its case needs it, needs
// no other, and without it the readings differ.
func TestExplained(t *testing.T) {
	hosts.Require(t)
	dir := t.TempDir()
	for _, e := range List() {
		t.Run(e.Name, func(t *testing.T) {
			path := "corpus/explained-" + e.Name
			if found, _ := filepath.Glob(path + ".conf"); len(found) > 0 {
				path = found[0]
			}
			files := readCase(t, path)
			got, err := Read(t.Context(), dir, files)
			if err != nil {
				t.Fatal(err)
			}
			want := Predict(files)
			if difference := Differ(want, got); difference != "" || !slices.Equal(want.Explained, []string{e.Name}) {
				t.Errorf("explained by %v:\n%s", want.Explained, difference)
			}
			if Differ(Predict(files, e.Name), got) == "" {
				t.Errorf("the readings agree without the explanation (%s)", e.Reason)
			}
		})
	}
}
