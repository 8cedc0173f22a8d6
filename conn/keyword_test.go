package conn

import (
	"strings"
	"testing"
)

// TestKeywords checks the table: no key twice, aliases of the same kind of
// section that exist, values that can be checked.
func TestKeywords(t *testing.T) {
	seen := map[string]bool{}
	for i := range keywords {
		kw := &keywords[i]
		names := []string{kw.name}
		if kw.flags&sided != 0 {
			names = []string{"left" + kw.name, "right" + kw.name}
			if kw.name != "" {
				names = append(names, kw.name) // as it is found without side
			}
		}
		for _, name := range names {
			if seen[name] {
				t.Errorf("%s stands twice in the table", name)
			}
			seen[name] = true
			if name != strings.ToLower(name) {
				t.Errorf("%s is not in lower case", name)
			}
		}
		if kw.flags&(inConn|inSetup) == 0 {
			t.Errorf("%s is allowed nowhere", kw.name)
		}
		if kw.alias != "" {
			m, ok := keyIndex[kw.alias]
			if !ok || m.noSide || m.id.row().alias != "" || m.id.row().flags&(inConn|inSetup|sided) != kw.flags&(inConn|inSetup|sided) {
				t.Errorf("%s is an alias of %s, which is no such key", kw.name, kw.alias)
			}
		}
		if kw.kind != anyString && checkValue(kw.kind, "no such value") == nil {
			t.Errorf("the values of %s are not checked", kw.name)
		}
	}
	for key := range formerKeys {
		if _, ok := lookupKey(key); ok {
			t.Errorf("%s is a key, not a former one", key)
		}
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"mtu", "mtu", 0},
		{"mark_out", "mark-out", 0},
		{"mtuu", "mtu", 1},
		{"mt", "mtu", 1},
		{"mut", "mtu", 1},
		{"leftsubent", "leftsubnet", 1},
		{"abc", "xyz", 3},
		{"abcdef", "uvwxyz", 4}, // the bound
		{"a", "abcdefgh", 4},    // the bound
		{strings.Repeat("a", 100), strings.Repeat("a", 100), 4}, // too long to compare
	}
	for _, test := range tests {
		if got := editDistance(test.a, test.b, 4); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
