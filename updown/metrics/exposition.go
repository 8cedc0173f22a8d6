package metrics

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// kind is how the values of a family change.
type kind string

const (
	gauge   kind = "gauge"
	counter kind = "counter" // goes up, but for resets
)

// label is one dimension of a sample. An empty value is the same as no label.
type label struct{ name, value string }

// family is a metric with its samples. One without samples is not written.
type family struct {
	name, help string
	kind       kind
	samples    []sample
}

type sample struct {
	labels []label
	value  uint64
}

func (f *family) add(value uint64, labels ...label) {
	f.samples = append(f.samples, sample{labels, value})
}

// Text may have everything but these, and the help may have quotation marks.
var (
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

// write appends the family in the text format 0.0.4 of Prometheus.
func (f family) write(b *bytes.Buffer) {
	if len(f.samples) == 0 {
		return
	}
	b.WriteString("# HELP " + f.name + " " + helpEscapes.Replace(f.help) + "\n")
	b.WriteString("# TYPE " + f.name + " " + string(f.kind) + "\n")
	for _, s := range f.samples {
		b.WriteString(f.name)
		separator := byte('{')
		for _, l := range slices.DeleteFunc(slices.Clone(s.labels), func(l label) bool { return l.value == "" }) {
			b.WriteByte(separator)
			b.WriteString(l.name + `="` + labelEscapes.Replace(strings.ToValidUTF8(l.value, "\uFFFD")) + `"`)
			separator = ','
		}
		if separator == ',' {
			b.WriteByte('}')
		}
		b.WriteString(" " + strconv.FormatUint(s.value, 10) + "\n")
	}
}
