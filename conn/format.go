package conn

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format writes the resolved configuration as an ipsec.conf: config setup and
// every conn with all its keys, nothing left to include or to merge. Own keys
// get the prefix that makes them comments for libreswan. Loaded again it gives
// the same sections. Broken sections and all but the first of one name are
// left out, a comment names them. With names, only those conns are written.
func (f *File) Format(w io.Writer, names ...string) error {
	out := bufio.NewWriterSize(w, 64<<10)
	gap := ""
	if len(f.Setup.Keys) > 0 {
		out.WriteString("config setup\n")
		formatKeys(out, f.Setup.Keys)
		gap = "\n"
	}
	for i := range f.Sections {
		s := &f.Sections[i]
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		out.WriteString(gap)
		gap = "\n"
		switch {
		case s.Broken:
			fmt.Fprintf(out, "# conn %q has errors and is left out.\n", s.Name)
			continue
		case f.first[s.Name] != i:
			fmt.Fprintf(out, "# A further conn %q is left out.\n", s.Name)
			continue
		}
		out.WriteString("conn ")
		out.WriteString(formatValue(s.Name))
		out.WriteByte('\n')
		formatKeys(out, s.Keys)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}

func formatKeys(out *bufio.Writer, keys []KeyValue) {
	for i := range keys {
		kv := &keys[i]
		out.WriteByte('\t')
		if kv.id.row().flags&own != 0 {
			out.WriteString(ownPrefix)
		}
		out.WriteString(kv.Key)
		out.WriteByte('=')
		out.WriteString(formatValue(kv.Value))
		out.WriteByte('\n')
	}
}

// formatValue writes a value such that scanValue gives it back. Every value
// that scanValue returns has at least one such form, and so has a list joined
// of values without double quotes.
func formatValue(value string) string {
	if value != "" && !strings.ContainsAny(value, " \t\"{}#\r") { // the usual case
		return value
	}
	for _, text := range [...]string{value, `"` + value + `"`, "{" + value + "}"} {
		if text == "" || isBlank(text[0]) {
			continue
		}
		if v, _, end := scanValue(text, 0); end != len(text) || v != value {
			continue
		}
		if text[len(text)-1] == '\r' { // else it would belong to the end of the line
			text += " # ends with a carriage return"
		}
		return text
	}
	return `""`
}
