package hosts

import (
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		names, want []string
	}{
		{nil, nil},
		{[]string{"nic"}, []string{"nic"}},
		{[]string{"west"}, []string{"west", "nic"}},
		{[]string{"road", "east", "road"}, []string{"east", "road", "nic"}},
		{planNames(), planNames()},
	} {
		chosen, err := choose(test.names)
		if err != nil {
			t.Errorf("%q: %v", test.names, err)
		}
		var got []string
		for _, p := range chosen {
			got = append(got, p.name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.names, got, test.want)
		}
	}
	if _, err := choose([]string{"west", "sunset"}); err == nil {
		t.Error("an unknown host was accepted")
	}
}

// TestAddressesAreUnique: two hosts with one address would make every other test a riddle.
func TestAddressesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, p := range plans {
		for _, port := range p.ports {
			for _, prefix := range port.prefixes() {
				addr := prefix.Addr().String()
				if other := seen[addr]; other != "" {
					t.Errorf("%s and %s both have %s", other, p.name, addr)
				}
				seen[addr] = p.name
			}
		}
	}
	for _, want := range []string{"2001:db8:1:2::45", "192.1.3.253", "2001:db8:64::10", "2001:db8:0:1::254"} {
		if seen[want] == "" {
			t.Errorf("nobody has %s", want)
		}
	}
}
