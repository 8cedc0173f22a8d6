package conn

import (
	"fmt"
	"strings"
)

// FilterTable names a table of nftables.
type FilterTable struct {
	Family string // inet, ip or ip6
	Name   string
}

// String returns the table as it is written in accept=.
func (t FilterTable) String() string { return t.Family + "/" + t.Name }

// maxFilterName is the most bytes that nftables take as a name (NFT_NAME_MAXLEN).
const maxFilterName = 255

// ParseFilterTables reads tables as accept= has them, "no" for none.
func ParseFilterTables(s string) ([]FilterTable, error) {
	tables, p := parseFilterTables(s)
	if p != nil {
		return nil, fmt.Errorf("%s: %s", p.text, p.hint)
	}
	return tables, nil
}

// parseFilterTables reads the value of accept=: tables, or "no" for none.
func parseFilterTables(s string) ([]FilterTable, *problem) {
	var tables []FilterTable
	fields := splitList(s)
	if len(fields) == 0 {
		return nil, &problem{text: "the value is empty", hint: "no, or tables such as inet/filter"}
	}
	if len(fields) == 1 && equalFold("no", fields[0].text) {
		return nil, nil
	}
	for _, f := range fields {
		family, name, ok := strings.Cut(f.text, "/")
		switch {
		case !ok, family != "inet" && family != "ip" && family != "ip6":
			return nil, &problem{at: f.at, text: quote(f.text) + " is not a table of nftables that filters packets", hint: "FAMILY/TABLE with a family inet, ip or ip6, such as inet/filter"}
		case !isFilterName(name):
			return nil, &problem{at: f.at, text: quote(name) + " is not the name of a table", hint: "a name as `nft list tables` shows it"}
		}
		tables = append(tables, FilterTable{family, name})
	}
	return tables, nil
}

// isFilterName reports whether nft(8) takes a text for a name without quotes.
func isFilterName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9') && !strings.ContainsRune("-./\\", rune(c))) {
			return false
		}
	}
	return s != "" && len(s) <= maxFilterName
}

// tablesOf returns the tables of accept=, otherwise when the key is not set or
// wrong.
func (b *builder) tablesOf(id keyID, otherwise []FilterTable) []FilterTable {
	kv := b.get(id)
	if kv == nil {
		return otherwise
	}
	tables, p := parseFilterTables(kv.Value)
	b.problem(kv, p)
	return tables
}
