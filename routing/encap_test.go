package routing

import "testing"

// TestEncapOnAttracting says that the routes into the tunnel tell its if_id,
// and no others.
func TestEncapOnAttracting(t *testing.T) {
	for _, s := range []Scheme{Overlay, Underlay, NotMark, MarkUnderlay, TwoRules} {
		d := demand("0.0.0.0/0")
		d.Encap = Encap{IfID: 7}
		attracting := 0
		for _, r := range s.Layout(d).Routes {
			if r.Encap != (Encap{}) != (r.Dev == d.Dev) {
				t.Errorf("%s: %s", s, r)
			}
			if r.Encap == d.Encap {
				attracting++
			}
		}
		if attracting == 0 {
			t.Errorf("%s: no route into the tunnel", s)
		}
	}
}
