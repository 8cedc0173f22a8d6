package dns

import (
	"flag"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/testing/cases"
)

var update = flag.Bool("update", false, "write what is there now into testdata")

// TestEdit reads resolv.conf before, and after a change; and the original has to
// come back from that.
func TestEdit(t *testing.T) {
	cases.Play(t, "testdata/resolvconf/*.txtar", "after", *update, func(t *testing.T, parts map[string]string) string {
		got := Edit(parts["before"], addrs(t, parts["servers"]), domains(t, parts["domains"]))
		if back := Original(got); back != Original(parts["before"]) {
			t.Errorf("the original came back as\n%s", back)
		}
		return got
	})
}

// TestOriginal is what is left of our lines when others change the file.
func TestOriginal(t *testing.T) {
	const ns, search = mark + "nameserver 10.1.0.53\n", mark + "search a\n"
	for _, tt := range []struct{ name, text, want string }{
		{"no line of ours", "nameserver 10.1.0.53\nsearch a", "nameserver 10.1.0.53\nsearch a"},
		{"above and below", "x\n" + ns + "nameserver 10.1.0.53\ny", "x\ny"},
		{"edited", ns + "nameserver 10.7.0.53\n", "nameserver 10.7.0.53\n"},
		{"deleted", ns + search + "search a\nx\n", "x\n"},
		{"put in between", ns + "nameserver 10.7.0.53\nnameserver 10.1.0.53\n", "nameserver 10.7.0.53\nnameserver 10.1.0.53\n"},
		{"cut off below the comment", "x\n" + ns, "x\n"},
		{"cut off in the comment", "x\n" + ns[:30], "x\n"},
		{"cut off in the line", "x\n" + ns + "nameserver 10", "x\nnameserver 10"},
		{"continued", "search a\n" + markBreak + "search b a\nsearch b a\nnameserver 10.7.0.53\n", "search a\nnameserver 10.7.0.53\n"},
		{"nothing else", ns + "nameserver 10.1.0.53\n", ""},
	} {
		if got := Original(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// libc reads a text as the C library does: the servers in their order, and the
// search list that counts.
func libc(text string) (servers, search []string) {
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) < 2 || strings.IndexAny(line, " \t") != len(words[0]) {
			continue
		}
		switch words[0] {
		case "nameserver":
			servers = append(servers, words[1])
		case "search":
			search = words[1:]
		case "domain":
			search = words[1:2]
		}
	}
	return servers, search
}

// FuzzEdit compares what the C library finds before and after, for any text
// that was there and any number of changes.
func FuzzEdit(f *testing.F) {
	for _, text := range []string{
		"", "nameserver 192.0.2.1\n", "search a b\nnameserver 192.0.2.1", "domain a", "search a\nsearch b", "search", "search \t\n\n",
		mark, mark + "search a\nsearch a", "search a\n" + markBreak + "search b a\nsearch b a", mark + mark + "\n" + mark, " search a", "# c\r\nsearch a\r",
	} {
		f.Add(text, true, true)
		f.Add(text, false, true)
	}
	ours := []Domain{"one.example.net", "two.example.net"}
	servers := []netip.Addr{netip.MustParseAddr("10.1.0.53"), netip.MustParseAddr("2001:db8::53")}
	f.Fuzz(func(t *testing.T, text string, withServers, withSearch bool) {
		var s []netip.Addr
		var d []Domain
		if withServers {
			s = servers
		}
		if withSearch {
			d = ours
		}
		original := Original(text)
		edited := Edit(text, s, d)
		if back := Original(edited); back != original {
			t.Fatalf("the original %q came back as %q", original, back)
		}
		if again := Edit(Edit(text, servers, ours[:1]), s, d); again != edited {
			t.Fatalf("after another change it is %q, else %q", again, edited)
		}
		wasServers, wasSearch := libc(original)
		gotServers, gotSearch := libc(edited)
		if want := slices.Concat(words(s), wasServers); !slices.Equal(gotServers, want) {
			t.Fatalf("in %q the servers are %q, want %q", edited, gotServers, want)
		}
		if want := unique(slices.Concat(words(d), wasSearch)); withSearch && !slices.Equal(gotSearch, want) || !withSearch && !slices.Equal(gotSearch, wasSearch) {
			t.Fatalf("in %q the search list is %q, want %q", edited, gotSearch, want)
		}
	})
}

func words[T netip.Addr | Domain](list []T) []string {
	var w []string
	for _, v := range list {
		switch v := any(v).(type) {
		case netip.Addr:
			w = append(w, v.String())
		case Domain:
			w = append(w, string(v))
		}
	}
	return w
}

// FuzzParse gives what strangers send to the parsers: what they take can stand
// in resolv.conf and among the arguments of a command.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"example.net 10.1.0.53", "-h", "fe80::1%a\nb", "a\tb\u2003c", "\x00", "::ffff:1.2.3.4", "a.b.", "+i", "1::/64"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		d, _ := ParseDomains(list)
		s, _ := ParseServers(list)
		if err := (Request{Claim: "any", Servers: s, Domains: d}).Check(); err != nil {
			t.Fatal(err)
		}
		for _, w := range slices.Concat(words(d), words(s)) {
			if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") != "" || w[0] == '-' || len(w) > 253 {
				t.Fatalf("%q became %q", list, w)
			}
		}
	})
}
