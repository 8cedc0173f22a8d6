package conn

import (
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"slices"
)

// A File can be packed, to be kept somewhere and unpacked in parts: a program
// that is about one conn needs to read no other. Sections are packed as they
// are after all merging and get their types when they are looked up, so that
// values, positions and errors are those of the whole File. The form is for the
// same program only: keys are numbers in its table.

// PackFrame returns what a File has beside its conns, packed.
func (f *File) PackFrame() []byte {
	p := f.packer()
	p.text(f.Name)
	p.flags(f.shared)
	names := slices.SortedFunc(maps.Keys(f.order), func(x, y string) int { return f.order[x] - f.order[y] })
	p.number(len(names))
	for _, name := range names {
		p.text(name)
	}
	p.section(&f.Setup)
	return p.packed
}

// PackConns yields the sections that Lookup finds by their names, packed. What it
// yields changes when it goes on.
func (f *File) PackConns() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		p := f.packer()
		for i := range f.Sections {
			s := &f.Sections[i]
			if f.first[s.Name] != i {
				continue
			}
			p.packed = p.packed[:0]
			if p.section(s); !yield(s.Name, p.packed) {
				return
			}
		}
	}
}

// packer appends to packed text.
type packer struct {
	packed []byte
	order  map[string]int // of the File
	file   string         // the last one that a place was in
	at     int            // its number
}

func (f *File) packer() *packer { return &packer{order: f.order} }

func (p *packer) section(s *Section) {
	p.text(s.Name)
	p.pos(s.Pos)
	p.flags(s.Broken, s.template)
	p.number(len(s.Keys))
	for i := range s.Keys {
		kv := &s.Keys[i]
		p.number(int(kv.id))
		p.flags(kv.prefixed)
		p.pos(kv.Pos)
		p.number(int(kv.valueCol))
		p.text(kv.Value)
	}
}

func (p *packer) pos(pos Pos) {
	p.number(pos.Line)
	if pos.Line == 0 { // nobody wrote it
		return
	}
	if pos.File != p.file {
		p.file, p.at = pos.File, p.order[pos.File]
	}
	p.number(p.at)
	p.number(pos.Col)
}

func (p *packer) number(n int) { p.packed = binary.AppendUvarint(p.packed, uint64(n)) }

func (p *packer) text(text string) {
	p.number(len(text))
	p.packed = append(p.packed, text...)
}

func (p *packer) flags(flags ...bool) {
	var bits byte
	for i, set := range flags {
		if set {
			bits |= 1 << i
		}
	}
	p.packed = append(p.packed, bits)
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
