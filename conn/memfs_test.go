package conn

import (
	"io/fs"
	"strings"
	"testing/fstest"
	"time"
)

// memFS holds files under plain path names. A value that ends with "/" stands
// for a special file, see special.
type memFS map[string]string

// special maps the text of a file to the kind of file it stands for.
var special = map[string]fs.FileMode{
	"fifo/":      fs.ModeNamedPipe,
	"socket/":    fs.ModeSocket,
	"device/":    fs.ModeDevice,
	"forbidden/": 0, // a regular file that cannot be opened
}

// asMap returns the files for package fstest, whose names have no leading
// slash.
func (m memFS) asMap() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range m {
		file := &fstest.MapFile{Data: []byte(text), ModTime: time.Unix(0, 0)}
		if mode, ok := special[strings.TrimSpace(text)]; ok {
			file.Mode = mode
		}
		files[strings.TrimPrefix(name, "/")] = file
	}
	return files
}

func clean(name string) string {
	name = strings.Trim(name, "/")
	if name == "" {
		return "."
	}
	return name
}

func (m memFS) Open(name string) (fs.File, error) {
	if strings.TrimSpace(m[name]) == "forbidden/" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return m.asMap().Open(clean(name))
}

func (m memFS) Stat(name string) (fs.FileInfo, error) { return m.asMap().Stat(clean(name)) }

func (m memFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := m.asMap().ReadDir(clean(name))
	if strings.Contains(name, "forbidden") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return entries, err
}
