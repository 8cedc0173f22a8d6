package conf

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkRead reads one conn of a file with many: by the index, from all of the
// file, and in a way that leaves an index behind.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{10, 10000} {
		dir := b.TempDir()
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "conn c%d\n\tleft=192.0.2.1\n\tleftsubnet=10.0.0.0/8\n\tright=198.51.%d.%d\n", i, i>>8, i&255)
			fmt.Fprintf(&text, "\trightsubnet=172.%d.%d.0/24\n\tipsec-interface=%d\n\tx-ipsecif-on-loss=block\n", i>>8, i&255, i+1)
		}
		write(b, dir, map[string]string{"ipsec.conf": text.String()})
		c := &counter{config: filepath.Join(dir, "ipsec.conf")}
		name := fmt.Sprint("c", n/2)
		for _, way := range []struct {
			name   string
			settle time.Duration
			key    func(i int) string
		}{
			{"index", -time.Hour, func(int) string { return "" }},
			{"whole", time.Hour, func(int) string { return "" }},
			{"build", -time.Hour, func(i int) string { return fmt.Sprint(i) }},
		} {
			b.Run(fmt.Sprintf("%s/%d", way.name, n), func(b *testing.B) {
				x := Open(b.TempDir())
				x.settle = way.settle
				x.Read(way.key(0), name, c.load)
				for i := 1; b.Loop(); i++ {
					f, _, ds := x.Read(way.key(i), name, c.load)
					if conns, _ := f.Lookup(name); len(conns) != 1 || ds.Err() != nil {
						b.Fatal(len(conns), ds.Err())
					}
				}
			})
		}
	}
}
