package conn

import (
	"strings"
	"testing"
)

func TestFingerprint(t *testing.T) {
	of := func(text string) uint64 {
		t.Helper()
		f, ds := Load(memFS{"ipsec.conf": text}, "ipsec.conf")
		conns, more := f.Conns()
		if len(conns) != 1 || ds.Err() != nil || more.Err() != nil {
			t.Fatal(len(conns), ds.Err(), more.Err())
		}
		return conns[0].Fingerprint()
	}
	const text = "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\trightsubnets=10.1.0.0/16\n\tipsec-interface=1\n"
	was := of(text)
	for _, same := range []string{text, "\n# moved\n" + text, text + "\tikev2=yes\n"} {
		if of(same) != was {
			t.Errorf("%q has another fingerprint", same)
		}
	}
	for old, other := range map[string]string{
		"ipsec-interface=1": "ipsec-interface=2", "10.1.0.0/16": "10.2.0.0/16", "conn a": "conn b", "\tleft=": "\tmtu=1400\n\tleft=",
		"\tright=": "\tauto=add\n\tright=", "192.0.2.2\n": "192.0.2.2\n\tx-ipsecif-on-loss=block\n",
	} {
		if of(strings.Replace(text, old, other, 1)) == was {
			t.Errorf("with %q the fingerprint is the same", other)
		}
	}
}
