package conn

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

const twoHosts = "\tleft=192.0.2.1\n\tright=192.0.2.2\n"

func TestLookup(t *testing.T) {
	text := "conn a\n" + twoHosts + "conn p\n" + twoHosts + "\trightsubnets=10.0.0.0/16,10.1.0.0/16\n" +
		"conn bad\n" + twoHosts + "\tmetric=x\nconn x/0x1\n" + twoHosts + "conn a\n\tleft=192.0.2.9\n\tright=%any\n"
	f, _ := Load(memFS{"ipsec.conf": text}, "ipsec.conf")
	tests := []struct {
		name, want string
		problems   int
	}{
		{"a", "a", 0},
		{"p", "p/0x1 p/0x2", 0},
		{"p/0x2", "p/0x2", 0},
		{"p/1x1", "", 0},
		{"x/0x1", "x/0x1", 0},
		{"bad", "", 1},
		{"bad/1x1", "", 1},
		{"nothing", "", 0},
		{"nothing/1x1", "", 0},
	}
	for _, test := range tests {
		conns, problems := f.Lookup(test.name)
		var names []string
		for _, c := range conns {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != test.want || len(problems) != test.problems {
			t.Errorf("Lookup(%q) = %q and %d problems, want %q and %d", test.name, got, len(problems), test.want, test.problems)
		}
	}
	if conns, _ := f.Lookup("a"); conns[0].Right.Host.Kind != HostAddr {
		t.Error("Lookup did not return the first of two conns")
	}
}

func TestKeyPos(t *testing.T) {
	c := loadOne(t, "conn a\n"+twoHosts+"\tmtu = \"1400\"\n")
	if got := c.KeyPos("mtu").String(); got != "/etc/ipsec.conf:4:9" {
		t.Error("mtu at", got)
	}
	if got := c.KeyPos("metric"); got != c.Pos {
		t.Error("metric, which is not set, at", got)
	}
}

func TestSectionGet(t *testing.T) {
	f, _ := Load(memFS{"ipsec.conf": "conn a\n\tMTU=1400\n"}, "ipsec.conf")
	if kv, ok := f.Sections[0].Get("mtu"); !ok || kv.Value != "1400" {
		t.Error("mtu:", kv, ok)
	}
	if kv, ok := f.Sections[0].Get("metric"); ok {
		t.Error("metric:", kv)
	}
}

func TestLoadMainFile(t *testing.T) {
	files := memFS{"/etc/d/x.conf": "conn a\n", "/etc/fifo": "fifo/", "/etc/no": "forbidden/"}
	tests := []struct{ name, want string }{
		{"/etc/none", `/etc/none: cannot open "/etc/none": file does not exist`},
		{"/etc/no", `/etc/no: cannot open "/etc/no": permission denied`},
		{"/etc/d", `/etc/d: "/etc/d" is a directory, to include its files write /etc/d/*.conf`},
		{"/etc/fifo", `/etc/fifo: "/etc/fifo" is a FIFO`},
	}
	for _, test := range tests {
		f, problems := Load(files, test.name)
		if f == nil || len(problems) != 1 || problems[0].String() != test.want || problems.Err() == nil {
			t.Errorf("Load(%q) reports\n%swant\n%s", test.name, problems, test.want)
		}
	}
}

func TestLimits(t *testing.T) {
	chain := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "conn c%d\n\talso=c%d\n", i, i+1)
		}
		return b.String() + fmt.Sprintf("conn c%d\n", n)
	}
	bounds := limits{size: 10000, line: 500, files: 5, sections: 100, keys: 1000, alsoDepth: 20, mergeSteps: 2000, joined: 4000}
	tests := []struct {
		name string
		text string
		want string // part of the text of the limit, empty when it is not reached
	}{
		{"size", strings.Repeat("#\n", 5001), "larger than"},
		{"size in bounds", strings.Repeat("#\n", 5000), ""},
		{"line", "#" + strings.Repeat("x", 500) + "\n", "line is longer than 500 bytes"},
		{"line in bounds", "#" + strings.Repeat("x", 499) + "\n", ""},
		{"conns", strings.Repeat("conn a\n", 101), "more than 100 conns"},
		{"conns in bounds", strings.Repeat("conn a\n", 100), ""},
		{"keys", "conn a\n" + strings.Repeat(" also=b\n", 1001), "more than 1000 keys"},
		{"keys in bounds", "conn a\n" + strings.Repeat(" also=a\n", 1000), ""},
		{"setup keys", "config setup\n\tlogtime=no\n\tlogip=no\n" + strings.Repeat("config setup\n", 500), "more than 1000 keys"},
		{"default keys", "conn %default\n" + strings.Repeat("\tx-a\n", 10) + "\tmtu=1\n\tmetric=1\n\treqid=1\n\tmark=1\n\tpfs=no\n\tesn=no\n" +
			"\tike=a\n\tesp=a\n\trekey=no\n\treauth=no\n\tauto=add\n" + strings.Repeat("conn a\n", 99), "more than 1000 keys"},
		{"depth of also", chain(21), "more than 20 deep"},
		{"depth of also in bounds", chain(20), ""},
		{"keys merged", "conn t\n" + strings.Repeat("\talso=t\n", 50) + strings.Repeat("conn a\n\talso=t\n", 50), "more than 2000 keys to be merged"},
		{"joined lists", "conn %default\n\tconnalias=" + strings.Repeat("x", 400) + "\n" + strings.Repeat("conn a\n\tconnalias=y\n", 12), "list values joined"},
		{"includes", strings.Repeat("include /none*\n", 6), "more than 5 include statements"},
		{"files", "include /etc/[0-2].conf\ninclude /etc/[0-2].conf\n", "more than 5 files are included"},
		{"files in bounds", "include /etc/[0-3].conf\n", ""},
		{"files found", "include /var/*/*.conf\n", "more than 5 files match \"/var"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := memFS{"/ipsec.conf": test.text}
			for i := range 6 {
				files[fmt.Sprintf("/etc/%d.conf", i)] = ""
				files[fmt.Sprintf("/var/%d/x.conf", i)] = ""
			}
			f, problems := load(files, "/ipsec.conf", bounds)
			limit := ""
			for _, p := range problems {
				if p.Code == CodeTooLarge {
					limit = p.Text
				}
			}
			if !strings.Contains(limit, test.want) || (limit == "") != (test.want == "") {
				t.Fatalf("reports %q, want %q\n%s", limit, test.want, problems)
			}
			if conns, _ := f.Conns(); test.want != "" && len(conns) > 0 {
				t.Error("conns of an incomplete configuration can be used")
			}
		})
	}
}

func TestTooManyProblems(t *testing.T) {
	_, problems := Load(memFS{"ipsec.conf": "conn a\n" + strings.Repeat("\tfoo=1\n", maxProblems+5)}, "ipsec.conf")
	if len(problems) != maxProblems+1 {
		t.Fatal(len(problems), "problems")
	}
	if last := problems[maxProblems]; last.Code != CodeTooManyProblems || last.Text != "there are 5 more problems" {
		t.Error(last)
	}
}

func TestSubnetsLimit(t *testing.T) {
	list := strings.Repeat("10.0.0.0/24,", 300) + "10.0.0.0/24"
	f, _ := Load(memFS{"ipsec.conf": "conn a\n" + twoHosts + "\tleftsubnets=" + list + "\n\trightsubnets=" + list + "\n"}, "ipsec.conf")
	conns, problems := f.Conns()
	if len(conns) != 0 || len(problems) != 1 || problems[0].Code != CodeTooLarge {
		t.Error(len(conns), "conns,", problems)
	}
}

func TestFormatError(t *testing.T) {
	f, _ := Load(memFS{"ipsec.conf": "conn a\n"}, "ipsec.conf")
	cause := errors.New("no space")
	reader, writer := io.Pipe()
	reader.CloseWithError(cause)
	if err := f.Format(writer); !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestDiagnostics(t *testing.T) {
	warning := Diagnostic{Pos: Pos{"f", 2, 3}, Severity: Warning, Conn: "a b", Key: "mtu", Text: "it is odd", Hint: "look"}
	if got := warning.Error(); got != `f:2:3: conn "a b": mtu: it is odd, look` {
		t.Error(got)
	}
	if err := (Diagnostics{warning}).Err(); err != nil {
		t.Error(err)
	}
	wrong := Diagnostic{Pos: Pos{File: "f"}, Text: "it is wrong"}
	if err := (Diagnostics{warning, wrong}).Err(); err == nil || err.Error() != "f: it is wrong" || !errors.As(err, &wrong) {
		t.Error(err)
	}
	if (Pos{}).String() != "-" || Error.String() != "error" || Warning.String() != "warning" {
		t.Error("names of places and severities")
	}
}
