// Package conn reads ipsec.conf: text becomes sections with positions, and
// sections become typed values.
//
// The grammar and the rules by which sections are merged are those of
// libreswan 5. The package opens no file by itself, looks up no name and knows
// no clock: files come from an FS, addresses of the host from Locals.
package conn

// File is a configuration after all includes, %default and also= have been
// resolved.
type File struct {
	Name     string    // as given to Load
	Setup    Section   // all "config setup" sections together
	Sections []Section // conns in the order of the files, without %default

	shared bool           // libreswan reads it too
	order  map[string]int // file name -> order of reading, to sort diagnostics
	first  map[string]int // conn name -> index in Sections of the first of that name
}

// Section is "config setup" or one conn with all keys that apply to it: its
// own and those of also= in the order of the files, then those of %default.
type Section struct {
	Name   string // empty for config setup
	Pos    Pos    // of the header; zero when there is no such section
	Keys   []KeyValue
	Broken bool // an error was found, Keys may be incomplete

	template bool // another conn takes it in by also=
}

// Get returns the entry of a canonical key such as "leftsubnet".
func (s *Section) Get(key string) (KeyValue, bool) {
	for i := range s.Keys {
		if s.Keys[i].Key == key {
			return s.Keys[i], true
		}
	}
	return KeyValue{}, false
}

// KeyValue is one key of a section.
type KeyValue struct {
	Key   string // canonical: lower case, alias and prefix resolved, own keys bare
	Value string // raw: quotes or braces removed, not interpreted
	Pos   Pos    // of the key

	valueCol int32 // column of the value; same line and file as Pos
	id       keyID // as spelled, an alias is not resolved
	prefixed bool  // own key written with its prefix
}

// ValuePos returns the place where the value begins, after a quote or brace.
func (kv *KeyValue) ValuePos() Pos {
	p := kv.Pos
	p.Col = int(kv.valueCol)
	return p
}
