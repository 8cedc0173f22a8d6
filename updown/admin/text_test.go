package admin

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct {
		variable string
		kept     bool
	}{
		{"PLUTO_VERB=up-client", true},
		{"PLUTO_PEER_ID=C=CH, O=strongSwan, CN=ü", true},
		{"PLUTO_MY_CLIENT=", true},
		{"PLUTO_DNS4_1=10.1.0.53", true},
		{"PLUTO_PEER_SOURCEIP6_12=2001:db8::1", true},
		{"PLUTO_PEER_ID=$(reboot)", true}, // it is text
		{"IPSECIF_LINK=ipsec1", true},
		{"IPSECIF_=", false},
		{"IPSECIF_link=", false},
		{"PLUTO_DNS4_0=10.1.0.53", false},
		{"PLUTO_UNKNOWN=1", false},
		{"PLUTO_VERB", false},
		{"PLUTO_PEER_BANNER=a\nb", false},
		{"PLUTO_PEER_ID=\x1b[2J", false},
		{"PLUTO_PEER_ID=\xff", false},
		{"LD_PRELOAD=/tmp/x.so", false},
		{"PATH=/tmp", false},
		{"BASH_FUNC_ls%%=() { :; }", false},
	} {
		want := []string{path}
		if tt.kept {
			want = append(want, tt.variable)
		}
		if got := Environment([]string{tt.variable}); !slices.Equal(got, want) {
			t.Errorf("of %q is left %q", tt.variable, got)
		}
	}
}

func FuzzEnvironment(f *testing.F) {
	for _, v := range []string{"PLUTO_VERB=up", "IPSECIF_A=\n", "PLUTO_ME=\x00", "=", "PLUTO_ME=\u2028", "PLUTO_DNS4_1\n=a"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		for _, kept := range Environment([]string{v})[1:] {
			name, value, _ := strings.Cut(kept, "=")
			if strings.ContainsAny(kept, "\n\r\x00\x1b\u2028") || !utf8.ValidString(value) || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" {
				t.Fatalf("%q is kept", kept)
			}
		}
	})
}

// FuzzLines: whatever comes in whatever pieces, all of it is printed, in lines
// of limited length.
func FuzzLines(f *testing.F) {
	f.Add("one\ntwo", 3)
	f.Add("\n\n", 1)
	f.Add(strings.Repeat("x", longest)+"\n"+strings.Repeat("y", 2*longest+1), 999)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		var got []string
		l := &lines{print: func(line string) { got = append(got, line) }}
		for rest := []byte(text); len(rest) > 0; {
			n := max(1, min(piece, len(rest)))
			if written, err := l.Write(rest[:n]); written != n || err != nil {
				t.Fatal(written, err)
			}
			rest = rest[n:]
		}
		l.flush()
		var want []string
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			for ; len(line) > longest; line = line[longest:] {
				want = append(want, line[:longest])
			}
			want = append(want, line)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("of %q in pieces of %d came %q, want %q", text, piece, got, want)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("10-hook", "\x1b]0;title\a\nJan 1 sshd: forged")
	f.Fuzz(func(t *testing.T, hook, line string) {
		if m := message(hook, line); strings.ContainsAny(m, "\n\r\x1b\a\x00") || !utf8.ValidString(m) {
			t.Fatalf("%q", m)
		}
	})
}
