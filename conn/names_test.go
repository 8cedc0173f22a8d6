package conn

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestNames checks the text of values that goldens do not print.
func TestNames(t *testing.T) {
	tests := []struct {
		value fmt.Stringer
		want  string
	}{
		{Left, "left"},
		{Right, "right"},
		{IPv6, "IPv6"},
		{FamilyUnset, ""},
		{Scheme(99), "99"},
		{EncapsulationYes, "yes"},
		{Mark{}, ""},
		{Mark{Value: 1, Mask: 0xffffffff, Set: true}, "0x1/0xffffffff"},
		{Host{}, ""},
		{Host{Kind: HostAny}, "%any"},
		{Host{Kind: HostDefaultRoute, Family: IPv4}, "%defaultroute4"},
		{NextHop{}, "%direct"},
		{NextHop{Kind: NextHopAddr, Addr: netip.MustParseAddr("192.0.2.254")}, "192.0.2.254"},
		{ProtoPort{}, ""},
		{ProtoPort{Set: true, Protocol: 17, AnyPort: true}, "udp/%any"},
		{ProtoPort{Set: true, Protocol: 253, Port: 5}, "253/5"},
		{Selector{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Protocol: 6, Port: 22}, "10.0.0.0/8/tcp/22"},
		{Selector{Prefix: netip.MustParsePrefix("::/0")}, "::/0"},
	}
	for _, test := range tests {
		if got := test.value.String(); got != test.want {
			t.Errorf("%#v prints as %q, want %q", test.value, got, test.want)
		}
	}
	if !(Updown{}).Disabled() || (Updown{Command: DefaultUpdown}).Disabled() {
		t.Error("Disabled")
	}
}

// TestSelectorReadsBack checks that a selector prints in the syntax that is
// read.
func TestSelectorReadsBack(t *testing.T) {
	for _, text := range []string{"10.0.0.0/8", "2001:db8::/32/udp", "192.0.2.1/32/tcp/443", "0.0.0.0/0/253", "10.0.0.0/8/253/9"} {
		sel, _, p := parseSelector(text)
		if p != nil {
			t.Errorf("%s: %s", text, p.text)
		} else if got := sel.String(); got != text {
			t.Errorf("%s prints as %s", text, got)
		}
	}
}
