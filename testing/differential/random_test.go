package differential

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

var (
	randomSeed  = flag.Uint64("differential.seed", 0, "first seed of the random cases; 0 takes the time")
	randomCount = flag.Int("differential.count", 20000, "number of random cases")
)

// worst is how many failing cases are printed.
const worst = 5

// TestRandom compares the readings of random cases. Case i has the seed first+i;
// -differential.seed=SEED -differential.count=1 repeats a case that failed.
func TestRandom(t *testing.T) {
	hosts.Require(t)
	first := *randomSeed
	if first == 0 {
		first = uint64(time.Now().UnixNano()) >> 10
	}
	t.Logf("%d cases from -differential.seed=%d", *randomCount, first)
	tally := newTally()
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		workers.Go(func() {
			for i := next.Add(1) - 1; i < uint64(*randomCount) && !tally.enough(); i = next.Add(1) - 1 {
				files := Generate(first + i)
				tally.add(t, dir, fmt.Sprintf("-differential.seed=%d -differential.count=1", first+i), files)
			}
		})
	}
	workers.Wait()
	tally.report(t)
	if *randomCount < 1000 {
		return
	}
	if tally.read < *randomCount/4 || tally.refused < *randomCount/20 {
		t.Errorf("%d cases were read and %d refused: the generator is out of balance", tally.read, tally.refused)
	}
}

// tally counts what the cases showed.
type tally struct {
	mu            sync.Mutex
	read, refused int
	explained     map[string]int
	failures      int
}

func newTally() *tally { return &tally{explained: map[string]int{}} }

func (c *tally) enough() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures >= worst
}

// add compares the two readings of one case.
func (c *tally) add(t *testing.T, dir, name string, files Files) {
	want := Predict(files)
	got, err := Read(t.Context(), dir, files)
	difference := ""
	if err != nil {
		difference = err.Error()
	} else {
		difference = Differ(want, got)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if got.Refused {
		c.refused++
	} else {
		c.read++
	}
	for _, e := range want.Explained {
		c.explained[e]++
	}
	if difference != "" {
		c.failures++
		if c.failures <= worst {
			t.Errorf("%s: %s\nexplained so far: %v\n%s", name, difference, want.Explained, dump(files))
		}
	}
}

func (c *tally) report(t *testing.T) {
	t.Logf("%d read, %d refused, %d unexplained", c.read, c.refused, c.failures)
	for _, e := range List() {
		t.Logf("%6d %s", c.explained[e.Name], e.Name)
	}
}

// dump prints the files of a case so that they can be copied into the corpus.
func dump(files Files) string {
	var b strings.Builder
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "-- %s --\n%q\n%s\n", name, files[name], files[name])
	}
	return b.String()
}

// readCase returns a file or a folder of the corpus.
func readCase(t *testing.T, path string) Files {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !info.IsDir() {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return Files{mainFile: string(text)}
	}
	files := Files{}
	err = filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		relative, _ := filepath.Rel(path, name)
		files[filepath.ToSlash(relative)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
