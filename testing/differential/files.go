package differential

import (
	"io/fs"
	"maps"
	"path"
	"strings"
	"testing/fstest"

	"github.com/ipsecif/ipsecif/conn"
)

// mainFile is the file of a case that is read first.
const mainFile = "ipsec.conf"

// Files is a case: relative file names and their text. It is a conn.FS.
type Files map[string]string

func (f Files) tree() fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range f {
		tree[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return tree
}

// Open implements conn.FS.
func (f Files) Open(name string) (fs.File, error) { return f.tree().Open(path.Clean(name)) }

// Stat implements conn.FS.
func (f Files) Stat(name string) (fs.FileInfo, error) { return f.tree().Stat(path.Clean(name)) }

// ReadDir implements conn.FS.
func (f Files) ReadDir(name string) ([]fs.DirEntry, error) {
	return f.tree().ReadDir(path.Clean(name))
}

// line returns a line of a file, without its newline.
func (f Files) line(pos conn.Pos) string {
	lines := strings.SplitAfter(f[path.Clean(pos.File)], "\n")
	return strings.TrimSuffix(lines[pos.Line-1], "\n")
}

// setLine replaces a line of a file.
func (f Files) setLine(pos conn.Pos, text string) {
	name := path.Clean(pos.File)
	lines := strings.SplitAfter(f[name], "\n")
	if strings.HasSuffix(lines[pos.Line-1], "\n") {
		text += "\n"
	}
	lines[pos.Line-1] = text
	f[name] = strings.Join(lines, "")
}

// replaceAt replaces the bytes from a place on that spell old.
func (f Files) replaceAt(pos conn.Pos, old, with string) {
	line := f.line(pos)
	at := pos.Col - 1
	f.setLine(pos, line[:at]+with+line[at+len(old):])
}

// wordAt returns the key that is spelled at a place.
func (f Files) wordAt(pos conn.Pos) string {
	rest := f.line(pos)[pos.Col-1:]
	if i := strings.IndexAny(rest, " \t=\""); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// valueAt returns the value of the assignment whose key is at a place. It asks
// conn, with a key that takes any value.
func (f Files) valueAt(pos conn.Pos) string {
	rest := f.line(pos)[pos.Col-1:]
	_, value, _ := strings.Cut(rest, "=")
	loaded, _ := conn.Load(Files{mainFile: "conn x\n\tike=" + value + "\n"}, mainFile)
	kv, _ := loaded.Sections[0].Get("ike")
	return kv.Value
}

func (f Files) clone() Files { return maps.Clone(f) }
