package claim

import (
	"fmt"
	"testing"

	"github.com/ipsecif/ipsecif/updown/plan"
)

// BenchmarkChange writes and removes one claim beside others, as `up` and `down`
// do.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := Open(b.TempDir())
			if err := s.makeDir(); err != nil {
				b.Fatal(err)
			}
			claims := make([]plan.Claim, n+1)
			for i := range claims {
				claims[i] = claimOf(fmt.Sprint("c", i))
				for j := range 12 {
					claims[i].Wants = append(claims[i].Wants, fmt.Sprintf("thing %d of %d", j, i))
				}
			}
			if err := s.Change(Change{Put: claims[:n]}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				c := claims[n]
				for _, change := range []Change{{Put: []plan.Claim{c}, Begin: []string{c.Name}}, {End: []string{c.Name}}, {Remove: []string{c.Name}}} {
					if err := s.Change(change); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
