package conn

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// oneFile is an FS with a single file that is opened without copying.
type oneFile struct{ fstest.MapFS }

func newOneFile(text string) oneFile {
	return oneFile{fstest.MapFS{"ipsec.conf": &fstest.MapFile{Data: []byte(text)}}}
}

func (f oneFile) Stat(name string) (fs.FileInfo, error)      { return f.MapFS.Stat(name) }
func (f oneFile) ReadDir(name string) ([]fs.DirEntry, error) { return f.MapFS.ReadDir(name) }

// manyConns returns a configuration of n conns with 20 keys each; with shared
// set, twelve of the keys come from %default and also=.
func manyConns(n int, shared bool) string {
	common := "\tauthby=rsasig\n\tikelifetime=8h\n\tsalifetime=1h\n\tdpddelay=30\n\trekey=yes\n\tauto=add\n"
	more := "\tike=aes256-sha2\n\tesp=aes256-sha2\n\tpfs=yes\n\tmobike=no\n\tfragmentation=yes\n\tencapsulation=auto\n"
	var b strings.Builder
	b.WriteString("config setup\n\tlogtime=no\n")
	if shared {
		b.WriteString("conn %default\n" + common + "conn shared\n" + more)
		common, more = "", "\talso=shared\n"
	}
	for i := range n {
		fmt.Fprintf(&b, "\nconn site%d\n\tleft=192.0.2.1\n\tleftid=@left%d\n\tleftsubnet=10.0.0.0/8\n\tright=198.51.%d.%d\n", i, i, i/256%256, i%256)
		fmt.Fprintf(&b, "\trightid=@right%d\n\trightsubnet=172.%d.%d.0/24\n\tipsec-interface=%d\n\tmtu=1400 # comment\n", i, i/256%256, i%256, i+1)
		b.WriteString(common + more)
	}
	return b.String()
}

func benchmark(b *testing.B, shared bool) {
	text := manyConns(10000, shared)
	files := newOneFile(text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f, problems := Load(files, "ipsec.conf")
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		conns, problems := f.Conns()
		if len(conns) != 10000 || len(problems) > 0 {
			b.Fatal(len(conns), problems)
		}
	}
}

// BenchmarkLoad10000 reads and types 10,000 conns of 20 keys.
func BenchmarkLoad10000(b *testing.B) { benchmark(b, false) }

// BenchmarkLoad10000Shared does so with most keys in %default and also=.
func BenchmarkLoad10000Shared(b *testing.B) { benchmark(b, true) }

// BenchmarkParse10000 reads and merges only.
func BenchmarkParse10000(b *testing.B) {
	files := newOneFile(manyConns(10000, false))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := Load(files, "ipsec.conf"); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkLookup types one of 10,000 conns, as a hook does.
func BenchmarkLookup(b *testing.B) {
	f, _ := Load(newOneFile(manyConns(10000, false)), "ipsec.conf")
	b.ReportAllocs()
	for b.Loop() {
		if conns, _ := f.Lookup("site5000"); len(conns) != 1 {
			b.Fatal("site5000 not found")
		}
	}
}
