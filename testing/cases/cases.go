// Package cases plays test cases that are txtar files: some parts say what is done,
// one has what comes out of it.
package cases

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Play runs a test for each file of a pattern, of which there must be some. What
// play makes of its parts, by name, has to be the part called want; with update
// it becomes that.
func Play(t *testing.T, pattern, want string, update bool, play func(t *testing.T, parts map[string]string) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases %s (%v)", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range ar.Files {
				parts[f.Name] = string(f.Data)
			}
			got := play(t, parts)
			if update {
				write(t, file, ar, want, got)
			} else if got != parts[want] {
				t.Errorf("got\n%s\nwant\n%s", got, parts[want])
			}
		})
	}
}

// write writes a case with one part anew.
func write(t *testing.T, file string, ar *txtar.Archive, part, text string) {
	t.Helper()
	i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == part })
	if i < 0 {
		i = len(ar.Files)
		ar.Files = append(ar.Files, txtar.File{Name: part})
	}
	ar.Files[i].Data = []byte(text)
	if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
