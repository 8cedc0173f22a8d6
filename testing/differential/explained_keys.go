package differential

import (
	"strings"

	"github.com/ipsecif/ipsecif/conn"
)

// The rewrites of this file concern keys and their values.

// dropped takes the place of a line that 5.2 ignores. It is still a line of a
// section, which matters after an include.
const dropped = "\tx-dropped="

func rewriteHyphenAlone(p *prediction) bool {
	d, ok := p.first(func(d conn.Diagnostic) bool {
		word := strings.ToLower(p.files.wordAt(d.Pos))
		return word == "left-" || word == "right-"
	}, conn.CodeUnknownKey)
	if ok {
		word := p.files.wordAt(d.Pos)
		p.files.replaceAt(d.Pos, word, strings.TrimSuffix(word, "-"))
	}
	return ok
}

func rewriteNoSide(p *prediction) bool {
	d, ok := p.first(anyProblem, conn.CodeNeedsSide)
	if ok {
		p.files.replaceAt(d.Pos, "", "right")
	}
	return ok
}

func rewriteWrongSection(p *prediction) bool {
	d, ok := p.first(func(d conn.Diagnostic) bool {
		k, _ := findKey(p.files.wordAt(d.Pos))
		return k != nil
	}, conn.CodeWrongSection)
	if ok {
		p.files.setLine(d.Pos, dropped)
	}
	return ok
}

// obsoleteStandIn maps a key that only 5.2 still takes to one of our own keys,
// which is nothing but a comment for 5.2 and merges like any other for us.
var obsoleteStandIn = map[string]string{
	"keyingtries": "rule-priority", "clientaddrfamily": "scheme",
	"syslog": "table", "plutostderrlog": "escape", "virtual_private": "local-lan",
}

func rewriteObsolete(p *prediction) bool {
	d, ok := p.first(func(d conn.Diagnostic) bool {
		return obsoleteStandIn[strings.ToLower(p.files.wordAt(d.Pos))] != ""
	}, conn.CodeObsoleteKey)
	if ok {
		word := p.files.wordAt(d.Pos)
		p.standIns[place(d.Pos)] = strings.ToLower(word)
		p.files.replaceAt(d.Pos, word, "x-ipsecif-"+obsoleteStandIn[strings.ToLower(word)])
	}
	return ok
}

func rewriteWrongValue(p *prediction) bool {
	for _, kv := range p.visible() {
		k, _, known := p.keyOf(kv.Pos)
		if !known || k == nil {
			continue
		}
		if _, ok := k.stored(kv.Value); !ok {
			p.files.setLine(kv.Pos, dropped)
			return true
		}
	}
	return false
}
