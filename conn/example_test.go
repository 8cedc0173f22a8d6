package conn_test

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
)

// rooted serves an fs.FS under absolute names. A program would use os.Open,
// os.Stat and os.ReadDir instead.
type rooted struct{ fstest.MapFS }

func (r rooted) Open(name string) (fs.File, error)     { return r.MapFS.Open(strings.Trim(name, "/")) }
func (r rooted) Stat(name string) (fs.FileInfo, error) { return r.MapFS.Stat(strings.Trim(name, "/")) }
func (r rooted) ReadDir(name string) ([]fs.DirEntry, error) {
	return r.MapFS.ReadDir(strings.Trim(name, "/"))
}

func Example() {
	files := rooted{fstest.MapFS{"etc/ipsec.conf": &fstest.MapFile{Data: []byte(`
conn %default
	ipsec-interface=1
conn north
	left=192.0.2.1
	right=198.51.100.1
	rightsubnet=10.0.0.0/8
conn south
	left=192.0.2.1
	right=198.51.100.2
	rigthsubnet=10.0.0.0/8
`)}}}
	f, problems := conn.Load(files, "/etc/ipsec.conf")
	fmt.Print(problems)
	conns, problems := f.Conns()
	fmt.Print(problems)
	local := conn.Locals{Addrs: []conn.LocalAddr{{Dev: "eth0", Addr: netip.MustParseAddr("198.51.100.1")}}}
	for _, c := range conns {
		ours, err := c.Orient(local)
		fmt.Println(c.Name, c.Interface.Name, ours, err)
	}
	// Output:
	// /etc/ipsec.conf:11:2: conn "south": rigthsubnet: there is no such key, did you mean rightsubnet?
	// north ipsec1 right <nil>
}
