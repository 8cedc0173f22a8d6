package metrics_test

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipsecif/ipsecif/updown"
	"github.com/ipsecif/ipsecif/updown/metrics"
	"github.com/ipsecif/ipsecif/updown/plan"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var update = flag.Bool("update", false, "write the golden file anew")

// golden is what host is told as.
const golden = "testdata/host.prom"

// strange is a name that a conn of charon may have.
const strange = "a \"b\" \\ c\nd \xff"

func host() metrics.Host {
	traffic := func(bytes, packets uint64) plan.Traffic { return plan.Traffic{Bytes: bytes, Packets: packets} }
	return metrics.Host{
		Status: updown.Status{Conns: []updown.ConnStatus{
			{Name: "home", Condition: updown.Drift, Link: "ipsec1", IfID: 1},
			{Name: "home[pluto 192.0.2.1/32=0.0.0.0/0 via 192.1.2.23]", Condition: updown.InSync, Link: "ipsec1", IfID: 1},
			{Name: "inside", Condition: updown.InSync, Link: "ipsec7", IfID: 7, Netns: "red"},
			{Name: "old", Condition: updown.InSync, Link: "vti0"},
			{Name: "refused", Condition: updown.Blocked, Link: "ipsec2", IfID: 2},
			{Name: "spare", Condition: updown.Waiting, Link: "ipsec3", IfID: 3},
			{Name: "unused", Condition: updown.Down, Link: "ipsec4", IfID: 4},
			{Name: strange, Condition: updown.InSync, Link: "ipsec5", IfID: 4294967295},
		}},
		Counters: updown.Counters{
			SAs: map[string][]plan.SA{
				"home": {
					{Direction: plan.In, Since: 1000, Traffic: traffic(8400, 100)},
					{Direction: plan.In, Since: 2000, Traffic: traffic(84, 1)},
					{Direction: plan.Out, Since: 1999, Traffic: traffic(1<<63, 1<<40)},
				},
				"spare": nil,
			},
			Links: []plan.LinkCounters{
				{
					Link: "ipsec1", In: plan.LinkTraffic{Traffic: traffic(1, 2), Errors: 3, Dropped: 4},
					Out: plan.LinkTraffic{Traffic: traffic(5, 6), Errors: 7, Dropped: 8}, CarrierErrors: 9, Collisions: 10,
				},
				{Link: "ipsec7", Netns: "red"},
				{Link: "vti0"},
			},
			XfrmErrors: []plan.Count{{Name: "XfrmInError", Value: 0}, {Name: "XfrmInNoStates", Value: 12}},
		},
		Repairs: map[string]uint64{"home": 2, "home[pluto 192.0.2.1/32=0.0.0.0/0 via 192.1.2.23]": 1, "gone": 5},
		Valid:   true,
	}
}

func TestText(t *testing.T) {
	got := host().Text()
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestOrder wants the same text whatever order things come in.
func TestOrder(t *testing.T) {
	want, h := host().Text(), host()
	slices.Reverse(h.Status.Conns)
	slices.Reverse(h.Counters.Links)
	slices.Reverse(h.Counters.SAs["home"])
	if got := h.Text(); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// parse reads metrics as Prometheus does.
func parse(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return families
}

// TestParsed reads the metrics with the parser of node_exporter.
func TestParsed(t *testing.T) {
	families := parse(t, host().Text())
	if len(families) != 21 {
		t.Errorf("%d families", len(families))
	}
	seen := map[string]bool{}
	for name, f := range families {
		if isCounter := strings.HasSuffix(name, "_total"); isCounter != (f.GetType() == dto.MetricType_COUNTER) {
			t.Errorf("%s is a %s", name, f.GetType())
		}
		if f.GetHelp() == "" || !strings.HasPrefix(name, "ipsecif_") {
			t.Errorf("%s: %q", name, f.GetHelp())
		}
		for _, m := range f.GetMetric() {
			id := name
			for _, l := range m.GetLabel() {
				id += " " + l.GetName() + "=" + l.GetValue()
			}
			if seen[id] {
				t.Errorf("%s is there twice", id)
			}
			seen[id] = true
		}
	}
	for _, id := range []string{
		"ipsecif_conn_up conn=" + strings.ToValidUTF8(strange, "\uFFFD"),
		"ipsecif_conn_info conn=inside link=ipsec7 netns=red if_id=7",
		"ipsecif_conn_info conn=old link=vti0",
		"ipsecif_configuration_valid",
	} {
		if !seen[id] {
			t.Errorf("there is no %s", id)
		}
	}
}

// TestWithout leaves out what nobody knows, and says so.
func TestWithout(t *testing.T) {
	h := metrics.Host{Status: host().Status, Counters: updown.Counters{NoSAs: true}}
	text := h.Text()
	families := parse(t, text)
	if len(families) != 5 {
		t.Errorf("%d families in\n%s", len(families), text)
	}
	if v := families["ipsecif_configuration_valid"].GetMetric()[0].GetGauge().GetValue(); v != 0 {
		t.Errorf("the configuration is valid: %v", v)
	}
	if !bytes.Contains(text, []byte("\n# SAs can only be read with privilege")) {
		t.Errorf("nothing is said of privilege in\n%s", text)
	}
	if text := (metrics.Host{Valid: true}).Text(); len(parse(t, text)) != 1 {
		t.Errorf("of nothing:\n%s", text)
	}
}
