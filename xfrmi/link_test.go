package xfrmi

import (
	"net/netip"
	"strings"
	"testing"
)

func TestRefusal(t *testing.T) {
	want := Link{Name: "ipsec1", Kind: Kind, IfID: 1, Mine: true}
	for _, tt := range []struct {
		have Link
		why  string
	}{
		{Link{Name: "ipsec1", Kind: Kind, IfID: 1}, ""},
		{Link{Name: "ipsec1", Kind: Kind, IfID: 1, Under: "eth0"}, ""},
		{Link{Name: "ipsec1", Kind: "vti"}, "a device ipsec1 exists and is a vti device, not an xfrm interface"},
		{Link{Name: "ipsec1"}, "a device ipsec1 exists and is a plain device, not an xfrm interface"},
		{Link{Name: "ipsec1", Kind: Kind, IfID: 2}, "the xfrm interface ipsec1 exists with if_id 2, not 1"},
		{Link{Name: "ipsec1", Kind: Kind, External: true}, "the xfrm interface ipsec1 exists as the external one, not with if_id 1"},
	} {
		if why := strings.TrimSuffix(want.Refusal(tt.have), "; delete or rename it, or choose another link-name="); why != tt.why {
			t.Errorf("%v: %q, want %q", tt.have, why, tt.why)
		}
	}
	vti := Link{Name: "vti1", Kind: KindVTI, VTI: VTI{Local: netip.MustParseAddr("192.0.2.1"), InKey: 1}}
	have := vti
	have.VTI.InKey = 2
	if why := vti.Refusal(have); !strings.HasSuffix(why, "; delete it, since the kernel makes one device for these addresses") {
		t.Error(why)
	}
	have.VTI.Remote = netip.MustParseAddr("192.0.2.2")
	if why := vti.Refusal(have); !strings.HasSuffix(why, "; delete or rename it, or choose another vti-interface=") {
		t.Error(why)
	}
	want.Under = "eth0"
	if why := want.Refusal(Link{Name: "ipsec1", Kind: Kind, IfID: 1, Under: "eth1"}); !strings.HasPrefix(why, `the xfrm interface ipsec1 exists on link device "eth1", not "eth0"`) {
		t.Error(why)
	}
}
