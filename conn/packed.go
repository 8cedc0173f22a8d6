package conn

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// A File can be packed, to be kept somewhere and unpacked in parts: a program
// that is about one conn needs to read no other. Sections are packed as they
// are after all merging and get their types when they are looked up, so that
// values, positions and errors are those of the whole File. The form is for the
// same program only: keys are numbers in its table.

// AppendFrame appends to b what a File has beside its conns, packed.
func (f *File) AppendFrame(b []byte) []byte {
	b = appendText(b, f.Name)
	b = appendFlags(b, f.shared)
	names := slices.SortedFunc(maps.Keys(f.order), func(x, y string) int { return f.order[x] - f.order[y] })
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, name := range names {
		b = appendText(b, name)
	}
	return f.appendSection(b, &f.Setup)
}

// AppendConn appends to b the section that Lookup finds by its name, packed. An
// unknown name adds nothing.
func (f *File) AppendConn(b []byte, name string) []byte {
	if i, ok := f.first[name]; ok {
		b = f.appendSection(b, &f.Sections[i])
	}
	return b
}

func (f *File) appendSection(b []byte, s *Section) []byte {
	b = appendText(b, s.Name)
	b = f.appendPos(b, s.Pos)
	b = appendFlags(b, s.Broken, s.template)
	b = binary.AppendUvarint(b, uint64(len(s.Keys)))
	for i := range s.Keys {
		kv := &s.Keys[i]
		b = binary.AppendUvarint(b, uint64(kv.id))
		b = appendFlags(b, kv.prefixed)
		b = f.appendPos(b, kv.Pos)
		b = binary.AppendUvarint(b, uint64(kv.valueCol))
		b = appendText(b, kv.Value)
	}
	return b
}

func (f *File) appendPos(b []byte, p Pos) []byte {
	b = binary.AppendUvarint(b, uint64(p.Line))
	if p.Line == 0 { // nobody wrote it
		return b
	}
	b = binary.AppendUvarint(b, uint64(f.order[p.File]))
	return binary.AppendUvarint(b, uint64(p.Col))
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendFlags(b []byte, flags ...bool) []byte {
	var bits byte
	for i, set := range flags {
		if set {
			bits |= 1 << i
		}
	}
	return append(b, bits)
}

// Unpack returns a File with a packed frame and some packed conns. Settings, and
// Lookup of these conns, tell what they tell of the whole File. What was not
// packed by this program is an error, or makes an arbitrary File.
func Unpack(frame []byte, conns ...[]byte) (*File, error) {
	u := unpacker{text: string(frame)}
	f := &File{Name: u.string(), shared: u.flags()&1 != 0, order: map[string]int{}, first: map[string]int{}}
	for n := u.count(); n > 0; n-- {
		name := u.string()
		f.order[name] = len(u.files)
		u.files = append(u.files, name)
	}
	f.Setup = u.section()
	for _, packed := range conns {
		if u.text != "" {
			u.failed = true
		}
		u.text = string(packed)
		s := u.section()
		f.first[s.Name] = len(f.Sections)
		f.Sections = append(f.Sections, s)
	}
	if u.failed || u.text != "" {
		return nil, errors.New("it was not packed by this program")
	}
	return f, nil
}

// unpacker reads packed text from its front. After a failure it reads zeros.
type unpacker struct {
	text   string
	files  []string // in their order
	failed bool
}

func (u *unpacker) section() Section {
	s := Section{Name: u.string(), Pos: u.pos()}
	flags := u.flags()
	s.Broken, s.template = flags&1 != 0, flags&2 != 0
	if n := u.count(); n > 0 {
		s.Keys = make([]KeyValue, n)
	}
	for i := range s.Keys {
		id := u.number()
		if id >= uint64(len(keyNames)) {
			id, u.failed = 0, true
		}
		kv := KeyValue{id: keyID(id), prefixed: u.flags()&1 != 0, Pos: u.pos(), valueCol: int32(u.number()), Value: u.string()}
		kv.Key = keyNames[kv.id.canonical()]
		s.Keys[i] = kv
	}
	return s
}

func (u *unpacker) pos() Pos {
	line := u.number()
	if line == 0 {
		return Pos{}
	}
	file, col := u.number(), u.number()
	if file >= uint64(len(u.files)) {
		u.failed = true
		return Pos{}
	}
	return Pos{File: u.files[file], Line: int(line), Col: int(col)}
}

func (u *unpacker) string() string { return u.take(u.count()) }

// count reads how many things follow, of which each takes a byte or more.
func (u *unpacker) count() int {
	n := u.number()
	if n > uint64(len(u.text)) {
		n, u.failed = 0, true
	}
	return int(n)
}

func (u *unpacker) flags() byte {
	if text := u.take(1); text != "" {
		return text[0]
	}
	return 0
}

func (u *unpacker) number() uint64 {
	n, size := binary.Uvarint([]byte(u.text[:min(len(u.text), binary.MaxVarintLen64)]))
	if size <= 0 {
		u.failed = true
		return 0
	}
	u.text = u.text[size:]
	return n
}

func (u *unpacker) take(n int) string {
	if n > len(u.text) {
		u.failed = true
		return ""
	}
	text := u.text[:n]
	u.text = u.text[n:]
	return text
}
