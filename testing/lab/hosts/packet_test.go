package hosts

import (
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestParse classifies the frames of testdata/packets/*.txtar, one a line in hexadecimal, one after the other.
func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/packets/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) != 2 || archive.Files[0].Name != "frames" || archive.Files[1].Name != "want" {
				t.Fatal("want the two parts frames and want")
			}
			var got strings.Builder
			parser := newParser()
			for line := range strings.Lines(string(archive.Files[0].Data)) {
				frame, err := hex.DecodeString(strings.TrimSpace(line))
				if err != nil {
					t.Fatal(err)
				}
				p := parser.parse(frame, len(frame))
				fmt.Fprintf(&got, "%s: %s\n", p.Kind, p.Text)
			}
			if *update {
				archive.Files[1].Data = []byte(got.String())
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(archive.Files[1].Data); got.String() != want {
				t.Errorf("got\n%swant\n%s", got.String(), want)
			}
		})
	}
}

// FuzzParse: no frame makes the parser panic, and only frames with the right protocol inside are taken for encrypted ones.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/packets/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(archive.Files[0].Data)) {
			frame, err := hex.DecodeString(strings.TrimSpace(line))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(frame)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		parser := newParser()
		p := parser.parse(frame, len(frame))
		switch p.Kind {
		case ESP, IKE:
			if p.Proto != protoESP && p.Proto != protoUDP || !p.Src.IsValid() || !p.Dst.IsValid() {
				t.Errorf("taken for %s: %+v", p.Kind, p)
			}
		case ARP, ND, MLD, ICMP, Other:
		default:
			t.Errorf("unknown kind %q", p.Kind)
		}
		if strings.Contains(p.Text, "\n") || p.Text == "" {
			t.Errorf("text %q is not one line", p.Text)
		}
		if again := newParser().parse(frame, len(frame)); again != p {
			t.Errorf("second time: %+v, first: %+v", again, p)
		}
	})
}

func TestOnlyESPAndIKE(t *testing.T) {
	west, east := &Host{Name: "west", plan: plans[1]}, &Host{Name: "east", plan: plans[0]}
	packet := func(kind Kind, src, dst string) Packet {
		return Packet{Time: time.Unix(0, 0).UTC(), Kind: kind, Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Text: src + " > " + dst}
	}
	const w, e = "192.1.2.45", "192.1.2.23"
	esp := packet(ESP, w, e)
	for _, test := range []struct {
		name    string
		packets Packets
		want    string // part of the error, "" none
	}{
		{"both ways", Packets{packet(IKE, w, e), packet(IKE, e, w), esp, packet(ESP, e, w)}, ""},
		{"IPv6", Packets{packet(ESP, "2001:db8:1:2::45", "2001:db8:1:2::23")}, ""},
		{"housekeeping", Packets{esp, packet(ARP, w, e), packet(ND, "fe80::1", "ff02::1"), packet(MLD, "fe80::1", "ff02::16")}, ""},
		{"nothing", nil, "no ESP was captured"},
		{"no ESP", Packets{packet(IKE, w, e)}, "no ESP was captured"},
		{"ICMP", Packets{esp, packet(ICMP, w, e)}, "1 of 2 packets are neither ESP nor IKE between west and east, first:\n\t00:00:00.000000 icmp 192.1.2.45 > 192.1.2.23\n"},
		{"other", Packets{esp, packet(Other, "192.0.1.254", "192.0.2.254")}, "other 192.0.1.254 > 192.0.2.254"},
		{"ESP to somebody else", Packets{esp, packet(ESP, w, "192.1.3.209")}, "esp 192.1.2.45 > 192.1.3.209"},
		{"ESP to oneself", Packets{esp, packet(ESP, w, w)}, "esp 192.1.2.45 > 192.1.2.45"},
		{"IKE of others", Packets{esp, packet(IKE, "192.1.3.209", "192.1.3.33")}, "ike 192.1.3.209 > 192.1.3.33"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.packets.OnlyESPAndIKE(west, east)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
