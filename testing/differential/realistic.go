package differential

import (
	"bufio"
	"fmt"
	"io"
)

// regionSize is how many conns share a section.
const regionSize = 100

// Realistic writes a configuration as a large site has it: n conns of 20 keys
// each, of which some come from conn %default and a section of the region by also=.
func Realistic(w io.Writer, n int) error {
	out := bufio.NewWriter(w)
	out.WriteString(`config setup
	logtime=no
	virtual-private=%v4:10.0.0.0/8

conn %default
	ikelifetime=8h
	salifetime=1h
	dpddelay=30
	rekey=yes
`)
	for i := range n {
		if i%regionSize == 0 {
			fmt.Fprintf(out, "\nconn region%d\n\tike=aes256-sha2\n\tesp=aes_gcm256\n\tpfs=yes\n\tmobike=no\n", i/regionSize)
		}
		// Octets of addresses; names and if_ids make each conn its own.
		high, middle, low := i/65536%256, i/256%256, i%256
		fmt.Fprintf(out, "\nconn site%d\n\talso=region%d\n\tleft=192.0.2.1\n\tleftid=@hub.example\n\tleftsubnet=10.0.0.0/8\n", i, i/regionSize)
		fmt.Fprintf(out, "\tright=100.%d.%d.%d\n\trightid=@site%d.example\n\trightsubnet=172.%d.%d.0/24\n", 64+high, middle, low, i, 16+high, i%256)
		fmt.Fprintf(out, "\tauthby=secret\n\tauto=add\n\tipsec-interface=%d # ipsec%d\n\tmark-out=0x1/0x1\n\tmtu=1400\n", i+1, i+1)
		fmt.Fprintf(out, "\tleftupdown=%%disabled\n\trightupdown=%%disabled\n\tfragmentation=yes\n")
	}
	return out.Flush()
}
