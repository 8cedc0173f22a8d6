package conn

import (
	"reflect"
	"slices"
	"testing"
)

// checkPacked fails when a File of one packed conn does not tell of it, and of
// config setup, what the whole File tells.
func checkPacked(t *testing.T, f *File, conns []Conn) {
	t.Helper()
	names := []string{"nobody", "nobody/1x1", "/"}
	for i := range f.Sections {
		names = append(names, f.Sections[i].Name)
	}
	for i := range conns {
		names = append(names, conns[i].Name)
	}
	frame, packed := f.PackFrame(), packedConns(f)
	for _, name := range names {
		parts := packed[name]
		if section, _ := SectionOf(name); parts == nil {
			parts = packed[section]
		}
		part, err := Unpack(frame, parts...)
		if err != nil {
			t.Fatalf("conn %q: %v", name, err)
		}
		wantConns, wantProblems := f.Lookup(name)
		gotConns, gotProblems := part.Lookup(name)
		if !reflect.DeepEqual(gotConns, wantConns) {
			t.Errorf("conn %q is packed as %+v, it was %+v", name, gotConns, wantConns)
		}
		if got, want := gotProblems.String(), wantProblems.String(); got != want {
			t.Errorf("conn %q is packed with the problems\n%s, it had\n%s", name, got, want)
		}
		checkPackedSettings(t, f, part)
	}
}

// packedConns returns packed sections by their names, one for each.
func packedConns(f *File) map[string][][]byte {
	packed := map[string][][]byte{}
	for name, b := range f.PackConns() {
		packed[name] = append(packed[name], slices.Clone(b))
	}
	return packed
}

func checkPackedSettings(t *testing.T, f, part *File) {
	t.Helper()
	want, wantProblems := f.Settings()
	got, gotProblems := part.Settings()
	if !reflect.DeepEqual(got, want) || gotProblems.String() != wantProblems.String() || part.Name != f.Name {
		t.Errorf("config setup is packed as %+v\n%s, it was %+v\n%s", got, gotProblems, want, wantProblems)
	}
}

// TestUnpackDamaged cuts packed text off at every place, and wants an error and
// no panic.
func TestUnpackDamaged(t *testing.T) {
	f, _ := Load(memFS{"/etc/ipsec.conf": "config setup\n\tx-ipsecif-table=7\nconn a\n\tleft=1.2.3.4\n\tright=%any\n"}, "/etc/ipsec.conf")
	frame, packed := f.PackFrame(), packedConns(f)["a"][0]
	if _, err := Unpack(frame, packed); err != nil {
		t.Fatal(err)
	}
	for i := range frame {
		if _, err := Unpack(frame[:i], packed); err == nil {
			t.Errorf("%d bytes of the frame are enough", i)
		}
	}
	for i := range packed {
		if _, err := Unpack(frame, packed[:i]); err == nil {
			t.Errorf("%d bytes of the conn are enough", i)
		}
	}
}

// FuzzUnpack wants no panic, whatever it unpacks.
func FuzzUnpack(f *testing.F) {
	file, _ := Load(memFS{"/etc/ipsec.conf": "config setup\n\tx-ipsecif-table=7\nconn a\n\tleft=1.2.3.4\n\tright=%any\n"}, "/etc/ipsec.conf")
	f.Add(file.PackFrame(), packedConns(file)["a"][0])
	f.Fuzz(func(t *testing.T, frame, packed []byte) {
		if file, err := Unpack(frame, packed); err == nil {
			_, _ = file.Settings()
			for _, s := range file.Sections {
				_, _ = file.Lookup(s.Name)
			}
		}
	})
}
