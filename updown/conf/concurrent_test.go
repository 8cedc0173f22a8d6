package conf

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConcurrent has several readers, each of which may build the index, beside
// one who edits the configuration. Nobody may see what was before an edit that
// was done before he asked.
func TestConcurrent(t *testing.T) {
	dir, c := sample(t)
	x := open(t)
	var done atomic.Uint32
	edit := func(n uint32) {
		// Sizes differ: these edits are faster than the clock of the file system.
		text := fmt.Sprintf("config setup\n\tx-ipsecif-table=%d\ninclude %s/etc/ipsec.d/*.conf\n%s", n, dir, strings.Repeat("#\n", int(n)))
		if err := replaceFile(c.config, 0o644, []byte(text)); err != nil {
			t.Error(err)
		}
		done.Store(n)
	}
	edit(1)
	var readers sync.WaitGroup
	const last = 200
	for range 4 {
		readers.Go(func() {
			own := counter{config: c.config}
			for seen := uint32(0); seen < last; {
				before := done.Load()
				f, _, ds := x.Read("", "a", own.load)
				setup, _ := f.Settings()
				conns, _ := f.Lookup("a")
				if seen = setup.Table; seen < before || len(conns) != 1 || ds.Err() != nil {
					t.Errorf("table %d, %d conns (%v); %d was there before", seen, len(conns), ds.Err(), before)
					return
				}
			}
		})
	}
	for n := uint32(2); n <= last; n++ {
		edit(n)
	}
	readers.Wait()
	if _, err := os.Stat(x.path + ".new"); err == nil {
		t.Error("a file is left over")
	}
}
