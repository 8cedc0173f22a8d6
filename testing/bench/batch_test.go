package main

import (
	"slices"
	"testing"
)

func TestGroups(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		want  []group
	}{
		"nothing":       {"\n", nil},
		"one family":    {"ip link add a\nip link del a\n", []group{{"ip", "", "link add a\nlink del a\n"}}},
		"family change": {"ip link add a\nip -4 rule add b\nip -4 route add c\nip -6 rule add d", []group{{"ip", "", "link add a\n"}, {"ip", "-4", "rule add b\nroute add c\n"}, {"ip", "-6", "rule add d\n"}}},
		"other program": {"ip link add a\nsysctl -w x=2\nsysctl -w y=2\nip link del a\n", []group{{"ip", "", "link add a\n"}, {"sysctl", "", "-w x=2\n"}, {"sysctl", "", "-w y=2\n"}, {"ip", "", "link del a\n"}}},
	} {
		if got := groups(test.lines); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestTraced(t *testing.T) {
	const output = "[#] ip link del a\nroad: down (1 change)\n[#] ip rule del b\n"
	if got, want := traced(output), "ip link del a\nip rule del b\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
