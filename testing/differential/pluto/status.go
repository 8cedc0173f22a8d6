package pluto

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Record is one conn as pluto's status shows it: name of a value to its text.
type Record map[string]string

// Names of values that status.go makes up, because they have none in the
// status.
const (
	valuePairs    = "pairs"    // each pair of selectors with its ends, a line for each
	valueOriented = "oriented" // yes or no
	valueAliases  = "aliases"
)

var statusLine = regexp.MustCompile(`^"([^"]*)": ( *)(.*)$`)

// untyped are the beginnings of the status lines of which conn types nothing.
var untyped = []string{
	"CAs:", "xauth us:", "our auth:", "sec_label:", "ike_life:", "iptfs:", "retransmit-interval:", "initial-contact:",
	"v2-auth-hash-policy:", "our idtype:", "liveness:", "routing:", "conn serial:", "host:", "banner:", "dpd:",
}

// untypedValues are values of other lines of which conn types nothing.
var untypedValues = map[string]bool{"conn_prio": true, "sa_tfc": true, "keepalive": true, "ikev1-method": true}

// ParseStatus takes the output of `whack --connectionstatus` apart.
func ParseStatus(text string) (map[string]Record, error) {
	records := map[string]Record{}
	for line := range strings.Lines(text) {
		m := statusLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue // headings and totals
		}
		name, rest := m[1], m[3]
		r := records[name]
		if r == nil {
			r = Record{}
			records[name] = r
		}
		var err error
		if m[2] == "" {
			err = r.addPair(rest)
		} else {
			err = r.addValues(rest)
		}
		if err != nil {
			return nil, fmt.Errorf("conn %q: %w in the status line %q", name, err, line)
		}
	}
	return records, nil
}

// pairLine matches a pair of selectors: its two ends, a routing state, and the
// source addresses.
var pairLine = regexp.MustCompile(`^(.*); (unrouted|unoriented); my_ip=([^;]*); their_ip=([^;]*);$`)

// addPair reads the line of a pair of selectors.
func (r Record) addPair(line string) error {
	m := pairLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("no pair of selectors")
	}
	r[valueOriented] = "yes"
	if m[2] == "unoriented" {
		r[valueOriented] = "no"
	}
	ours, theirs, ok := strings.Cut(m[1], "...")
	if !ok {
		return fmt.Errorf("no two ends")
	}
	our, err := parseOurs(ours)
	if err != nil {
		return err
	}
	their, err := parseTheirs(theirs)
	if err != nil {
		return err
	}
	our.source, their.source = m[3], m[4]
	r.add(our, their)
	return nil
}

// pairEnd is one end of a pair of selectors.
type pairEnd struct {
	selector string // empty when it is not shown: it is the host, or not known yet
	host     string
	hop      string // empty when it is not shown: the peer itself
	source   string // or "unset"
}

func (e pairEnd) String() string {
	text := "host=" + e.host
	if e.selector != "" {
		text += " selector=" + e.selector
	}
	if e.hop != "" {
		text += " hop=" + e.hop
	}
	return text + " source=" + e.source
}

// add appends a pair to the record.
func (r Record) add(our, their pairEnd) {
	r[valuePairs] += our.String() + " <> " + their.String() + "\n"
}

// The host of an end: an address, perhaps with what the file says for it, or a
// word. An id or roles follow in brackets.
const hostPattern = `(%dns<[^>]*>|[^-=\[<]+)(<[^>]*>)?(?:\[.*\])?`

var (
	oursPattern   = regexp.MustCompile(`^(?:(.*?)===)?` + hostPattern + `(?:---(.*))?$`)
	theirsPattern = regexp.MustCompile(`^(?:(.*?)---)?` + hostPattern + `(?:===(.*))?$`)
)

func parseOurs(text string) (pairEnd, error) {
	m := oursPattern.FindStringSubmatch(text)
	if m == nil {
		return pairEnd{}, fmt.Errorf("no end %q", text)
	}
	selector, err := numberProtocol(m[1])
	return pairEnd{selector: selector, host: m[2] + device(m[3]), hop: m[4]}, err
}

func parseTheirs(text string) (pairEnd, error) {
	m := theirsPattern.FindStringSubmatch(text)
	if m == nil {
		return pairEnd{}, fmt.Errorf("no end %q", text)
	}
	selector, err := numberProtocol(m[4])
	return pairEnd{hop: m[1], host: m[2] + device(m[3]), selector: selector}, err
}

// protocolNumbers are the names that pluto prints, and what IANA has for them.
var protocolNumbers = map[string]int{
	"ICMP": 1, "IGMP": 2, "IPv4": 4, "TCP": 6, "EGP": 8, "IGP": 9, "UDP": 17, "DCCP": 33, "IPv6": 41, "RSVP": 46, "GRE": 47, "ESP": 50, "AH": 51,
	"IPv6-ICMP": 58, "OSPFIGP": 89, "IPIP": 94, "PIM": 103, "IPComp": 108, "VRRP": 112, "L2TP": 115, "SCTP": 132, "UDPLite": 136,
}

// numberProtocol turns ADDRESS/LENGTH/NAME, perhaps with /PORT, into
// ADDRESS/LENGTH/NUMBER/PORT; any port is 0.
func numberProtocol(selector string) (string, error) {
	fields := strings.Split(selector, "/")
	if len(fields) < 3 {
		return selector, nil
	}
	number, ok := protocolNumbers[fields[2]]
	if !ok {
		return "", fmt.Errorf("a new name %q of a protocol", fields[2])
	}
	port := "0"
	if len(fields) > 3 {
		port = fields[3]
	}
	return fmt.Sprintf("%s/%s/%d/%s", fields[0], fields[1], number, port), nil
}

// device keeps the name of a device behind its address; another spelling of the
// address itself says nothing.
func device(text string) string {
	if strings.HasPrefix(text, "<%") {
		return text
	}
	return ""
}

// addValues reads a line of values: NAME: VALUE or NAME=VALUE, each ended by a
// semicolon.
func (r Record) addValues(line string) error {
	for _, start := range untyped {
		if strings.HasPrefix(line, start) {
			return nil
		}
	}
	if words, ok := strings.CutPrefix(line, "modecfg info: "); ok {
		return r.addModeConfig(words)
	}
	if words, ok := strings.CutPrefix(line, "nat-traversal: "); ok {
		line = words
	}
	for field := range strings.SplitSeq(strings.TrimSuffix(line, ";"), "; ") {
		i := strings.IndexAny(field, ":=")
		if i < 0 {
			return fmt.Errorf("no value %q", field)
		}
		name, value := field[:i], strings.TrimSpace(field[i+1:])
		switch {
		case name == "policy":
			r.addPolicy(value)
		case name == "vti-iface":
			r[name] = orUnset(value) // an empty name is none
		case !untypedValues[name]:
			r[name] = value
		}
	}
	return nil
}

var modeConfig = regexp.MustCompile(`^us:(\w+), them:(\w+), modecfg policy:\w+, dns:(.*), domains:(.*), cat:(\w+);$`)

func (r Record) addModeConfig(line string) error {
	m := modeConfig.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("no mode config")
	}
	r["us"], r["them"], r["dns"], r["cat"] = m[1], m[2], m[3], m[5]
	r["domains"] = strings.TrimSuffix(m[4], ",")
	return nil
}

// typedPolicies are the policies that keys of conn set; the others concern IKE.
var typedPolicies = map[string]bool{
	"TUNNEL": true, "TRANSPORT": true, "PASS": true, "DROP": true, "REJECT": true,
	"OVERLAPIP": true, "MOBIKE": true, "IKEV2_ALLOW_NARROWING": true, "GROUP": true, "GROUPINSTANCE": true, "OPPORTUNISTIC": true,
}

// policyText joins policies; their order says nothing.
func policyText(list []string) string {
	slices.Sort(list)
	return strings.Join(list, "+")
}

// addPolicy keeps the policies that are typed.
func (r Record) addPolicy(value string) {
	var kept []string
	for p := range strings.SplitSeq(value, "+") {
		if typedPolicies[p] {
			kept = append(kept, p)
		}
	}
	r["policy"] = policyText(kept)
}
