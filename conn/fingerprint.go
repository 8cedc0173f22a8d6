package conn

import (
	"fmt"
	"hash/fnv"
)

// Fingerprint returns a number that is the same for conns that ask for the same,
// wherever they are written, and most probably another one for others. It holds
// for one version of the program.
func (c Conn) Fingerprint() uint64 {
	c.Pos, c.keys = Pos{}, nil
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v", c)
	return h.Sum64()
}
