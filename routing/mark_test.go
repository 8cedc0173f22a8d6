package routing

import "testing"

func TestMarkClashes(t *testing.T) {
	tests := []struct {
		a, b Mark
		want bool
	}{
		{Mark{1, 0xffffffff}, Mark{1, 0xffffffff}, true},
		{Mark{1, 0xffffffff}, Mark{2, 0xffffffff}, false},
		{Mark{1, 0xffffffff}, Mark{1, 0xff}, true},
		{Mark{0x101, 0xffffffff}, Mark{1, 0xff}, true},
		{Mark{0x100, 0xff00}, Mark{1, 0xff}, false}, // no bit in common
		{Mark{0x100, 0xff00}, Mark{0x110, 0xff0}, true},
		{Mark{0x100, 0xff00}, Mark{0x10, 0xff0}, false},
		{Mark{3, 3}, Mark{5, 5}, true}, // a packet with 7
		{Mark{}, Mark{1, 1}, false},
	}
	for _, tt := range tests {
		if got := tt.a.Clashes(tt.b); got != tt.want {
			t.Errorf("%s and %s clash: %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := tt.b.Clashes(tt.a); got != tt.want {
			t.Errorf("%s and %s clash: %v, want %v", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestMarkHolds(t *testing.T) {
	m := Mark{0x100, 0xff00}
	for value, want := range map[uint32]bool{0x100: true, 0x1ff: true, 0: false, 0x200: false} {
		if got := m.Holds(value); got != want {
			t.Errorf("%s holds %#x: %v, want %v", m, value, got, want)
		}
	}
}
