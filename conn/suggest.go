package conn

import (
	"strconv"
	"strings"
)

// maxSimilar bounds how often one run searches for similar names.
const maxSimilar = 100

// similarKeys returns a hint for an unknown key, empty when nothing is known.
func (p *parser) similarKeys(key string) string {
	key = asciiLower(key)
	if hint := formerKeys[key]; hint != "" {
		return hint
	}
	for _, side := range [...]string{"left", "right"} {
		rest := strings.TrimPrefix(strings.TrimPrefix(key, side), "-")
		if m, ok := keyIndex[rest]; ok && rest != key && p.allowedHere(m.id.row()) {
			return rest + " takes neither left nor right"
		}
	}
	p.similar++
	if p.similar > maxSimilar {
		return ""
	}
	key, prefixed := strings.CutPrefix(key, ownPrefix)
	best, distance := "", limit(key)+1
	for i := range keyNames {
		id := keyID(i)
		kw := id.row()
		if id&1 == 1 && kw.flags&sided == 0 || kw.alias != "" || kw.flags&obsolete != 0 {
			continue
		}
		if !p.allowedHere(kw) || prefixed && kw.flags&own == 0 {
			continue
		}
		if d := editDistance(key, keyNames[i], distance); d < distance {
			best, distance = keyNames[i], d
		}
	}
	if best == "" {
		return ""
	}
	if prefixed {
		best = ownPrefix + best
	}
	return "did you mean " + best + "?"
}

// similarConn returns a hint for an unknown conn name.
func (p *parser) similarConn(name string) string {
	p.similar++
	if p.similar > maxSimilar {
		return ""
	}
	best, distance := "", limit(name)+1
	for i := range p.sections {
		if d := editDistance(name, p.sections[i].name, distance); d < distance {
			best, distance = p.sections[i].name, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + strconv.Quote(best) + "?"
}

// limit is the number of edits that still make a name similar.
func limit(name string) int { return min(len(name)/3, 3) }

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b; "_" and "-" are the same. It gives up with
// bound when there are at least that many.
func editDistance(a, b string, bound int) int {
	const most = 64
	if len(a) > most || len(b) > most || len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	var rows [3][most + 1]int
	before, above, row := &rows[0], &rows[1], &rows[2]
	for j := range b {
		above[j+1] = j + 1
	}
	for i := range len(a) {
		row[0] = i + 1
		lowest := row[0]
		for j := range len(b) {
			cost := 1
			if same(a[i], b[j]) {
				cost = 0
			}
			d := min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && same(a[i], b[j-1]) && same(a[i-1], b[j]) {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
			lowest = min(lowest, d)
		}
		if lowest >= bound {
			return bound
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

func same(a, b byte) bool { return a == b || a == '_' && b == '-' }
