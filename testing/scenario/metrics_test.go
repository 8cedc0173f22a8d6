package scenario_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/testscript"
)

// metrics HOST [PROGRAM ARGS...] prints the metrics of a host, one a line, as
// Prometheus has read them. With a program that runs ipsecif.
func metrics(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 1, "metrics HOST [PROGRAM ARGS...]")
	command := slices.Concat(words, []string{os.Getenv("IPSECIF_BIN"), "status", "--prometheus"})
	out, errs, err := output(ts, command)
	fmt.Fprint(ts.Stderr(), errs)
	ts.Check(err)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader([]byte(out)))
	ts.Check(err)
	var lines []string
	for name, f := range families {
		for _, m := range f.GetMetric() {
			line := name
			for _, l := range m.GetLabel() {
				line += " " + l.GetName() + "=" + l.GetValue()
			}
			lines = append(lines, fmt.Sprintf("%s %.0f\n", line, m.GetCounter().GetValue()+m.GetGauge().GetValue()))
		}
	}
	slices.Sort(lines)
	fmt.Fprint(ts.Stdout(), strings.Join(lines, ""))
}

// grown FILE FILE METRIC... compares metrics of a conn or link, as printed
// before and after: all of them have grown.
func grown(ts *testscript.TestScript, _ bool, words []string) {
	args(ts, words, 3, "grown BEFORE AFTER METRIC...")
	value := func(file, metric string) (n float64) {
		for line := range strings.Lines(ts.ReadFile(file)) {
			if rest, ok := strings.CutPrefix(line, metric+" "); ok {
				if _, err := fmt.Sscan(rest, &n); err == nil {
					return n
				}
			}
		}
		ts.Fatalf("%s has no %s", file, metric)
		return 0
	}
	for _, metric := range words[2:] {
		if before, after := value(words[0], metric), value(words[1], metric); after <= before {
			ts.Fatalf("%s was %v and is %v", metric, before, after)
		}
	}
}
