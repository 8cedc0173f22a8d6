package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes random configurations: mostly valid ones that use many rules
// at once, then perhaps damaged in a few places.
type generator struct {
	*rand.Rand
	usual [6]*key  // keys that the case prefers
	names []string // conn names that were given out
	read  []string // beginnings of the names of files that are included
}

// Generate returns the case of a seed; the same seed gives the same case.
func Generate(seed uint64) Files {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x6970736563)), names: []string{"a", "b", "c"}}
	for i := range g.usual {
		g.usual[i] = &keys[g.IntN(len(keys))]
	}
	files := Files{mainFile: g.file(0)}
	if g.one(4) {
		files["part.conf"] = g.file(1)
		files["more/one.conf"] = g.file(2)
		if g.one(2) {
			files["more/two.conf"] = g.file(2)
		}
	}
	if g.one(3) {
		g.damage(files)
	}
	return files
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// file returns the text of one file; level 0 is the main file.
func (g *generator) file(level int) string {
	var b strings.Builder
	if level == 0 && g.one(12) {
		b.WriteString(pick(g, "version 2\n", "version 2.0 # old\n", "\n# first\nversion \"2\"\n"))
	}
	if level == 0 && g.one(2) {
		g.section(&b, "config setup", inSetup)
	}
	for range 1 + g.IntN(4) {
		g.filler(&b)
		switch {
		case level < 2 && g.one(6):
			pattern := pick(g, "part.conf", "./part.conf", "more/*.conf", "no-such-file", "no-such-*", `"more/one.conf"`, "{part.conf}")
			// One place that reads a file is enough: conns of one place and name
			// cannot be told apart.
			if family := strings.Trim(pattern, `./"{`)[:4]; level == 1 && family == "part" || slices.Contains(g.read, family) {
				pattern = "no-such-file"
			} else {
				g.read = append(g.read, family)
			}
			b.WriteString("include " + pattern + g.lineEnd())
			if g.one(8) {
				b.WriteString(g.assignment(inConn))
			}
		case g.one(5):
			g.section(&b, "conn %default", inConn)
		case g.one(12):
			g.section(&b, "config setup", inSetup)
		default:
			g.section(&b, "conn "+g.name(), inConn)
		}
	}
	text := b.String()
	// What libreswan does after an included file without final newline depends
	// on how its last line ends; the corpus has the cases that make sense.
	if level == 0 && g.one(10) {
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}

// name returns a new conn name, seldom one that exists.
func (g *generator) name() string {
	name := pick(g, "a", "b", "c")
	if g.one(2) {
		name = pick(g, "d", "net-net", "Upper", "x_y", "1st", `"two words"`, "{braced name}", "ümlaut", "a#b", "=", "config", "%forever", `q"q`)
	}
	g.names = append(g.names, name)
	return name
}

// section writes a header and its keys.
func (g *generator) section(b *strings.Builder, header string, place keyFlags) {
	b.WriteString(header + g.lineEnd())
	for range g.IntN(7) {
		g.filler(b)
		b.WriteString(g.assignment(place))
	}
}

// filler sometimes writes lines without meaning.
func (g *generator) filler(b *strings.Builder) {
	if g.one(6) {
		b.WriteString(pick(g, "\n", "# comment\n", "\t# indented comment\n", "  \t\n", "#word\n", "\t#word\n", "\tx-comment=\"free # text\n", "#\n"))
	}
}

// lineEnd ends a line, sometimes with a comment.
func (g *generator) lineEnd() string {
	if g.one(6) {
		return pick(g, " # comment\n", "\t# a=b\n", "  \n", " #\ttab\n", " # \"quoted\"\n")
	}
	return "\n"
}

// assignment returns one line of a section.
func (g *generator) assignment(place keyFlags) string {
	blank := pick(g, "\t", " ", "    ", " \t")
	if g.one(25) {
		return blank + pick(g, "x-note", "X_note", "x-ipsecif-on-loss", "X-IPSECIF-On-Loss") + "=" + pick(g, "50", "keep", "free text # here", "") + "\n"
	}
	if place == inConn && g.one(7) {
		return blank + "also=" + pick(g, g.names...) + g.lineEnd()
	}
	k := g.key(place)
	name := k.name
	if k.flags&sided != 0 && !g.one(30) {
		name = pick(g, "left", "right") + name
		if k.name != "" && g.one(20) {
			name = strings.Replace(name, k.name, "-"+k.name, 1)
		}
	}
	if name == "" {
		name = "left"
	}
	if g.one(10) {
		name = pick(g, strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:])
	}
	equals := pick(g, "=", "=", "=", "=", " = ", "= ", " =\t")
	return blank + name + equals + g.quoted(g.value(k)) + g.lineEnd()
}

// key picks a key that may stand in the section, seldom another.
func (g *generator) key(place keyFlags) *key {
	for {
		k := &keys[g.IntN(len(keys))]
		if g.one(2) { // keys that come again and again meet by also= and %default
			k = pick(g, g.usual[:]...)
		}
		switch k.name {
		case "debug", "plutodebug", "ah", "phase2alg", "also":
			continue // they have cases of their own in the corpus
		}
		if k.flags&place != 0 || g.one(200) {
			return k
		}
	}
}

// value returns a value that often fits the key.
func (g *generator) value(k *key) string {
	switch k.kind {
	case yesNo:
		return pick(g, "yes", "no", "on", "Off", "1", "0", "TRUE", "maybe", "")
	case word:
		words := strings.FieldsFunc(k.words, func(r rune) bool { return r == ' ' || r == '|' })
		return pick(g, pick(g, words...), pick(g, words...), pick(g, words...), strings.ToUpper(pick(g, words...)), "nonsense", "")
	case unsigned, binary, byteCount:
		return pick(g, "1", "1500", "1500", "0", "010", "2147483647", "18446744073709551616", "0x10", "-1", "2Ki", "3KiB", "1.5Mi", "1500.", "ten", "")
	case seconds, milliseconds:
		return pick(g, "30", "30s", "1h", "0.5d", "1.5", "250ms", "2W", "1.foo", "1.0000001", "10 s", "soon", ".5m", "")
	case percent:
		return pick(g, "100%", "0%", "100", "%", "10 %", "99999999999%")
	case host:
		return pick(g, "192.0.2.1", "10.1", "0x0a000001", "2001:db8::1", "2001:DB8:0::1", "%any", "%defaultroute", "%DefaultRoute", "%eth0", "%any6", "gateway.example", "%group", "%oppo", "")
	}
	switch k.name {
	case "rsasigkey", "ecdsakey", "pubkey":
		return pick(g, "%cert", "%Cert", "0sAQNzGEFs", "%dnsondemand", "%none")
	case "nexthop":
		return pick(g, "192.0.2.254", "%defaultroute", "2001:db8::fe", "%direct", "%DefaultRoute")
	case "vti":
		return pick(g, "10.0.0.1/30", "2001:db8::1/64", "10.0.0.2")
	case "authby":
		return pick(g, "secret", "rsasig", "rsa-sha2,ecdsa", "never", "secret rsasig", "rsa,secret", "magic", "")
	case "subnets":
		return pick(g, "10.0.0.0/8", "10.0.0.0/8,10.1.0.0/16", "10.0.0.0/8 172.16.0.0/12", "{10.0.0.0/8 192.168.0.0/16}", "")
	}
	return g.text()
}

// text returns a value that shows how text is taken apart.
func (g *generator) text() string {
	return pick(g, "plain", "with blank", "a#b", "#", "a=b", "=", `back\slash`, "'single'", "br{ace", "{x}", "tab\there", "ümlaut", "%forever", "",
		"version", "conn", "left", "{a} {b}", `"ab"c`, `a"b`, "trailing\\", "\v\f", "x-y", "10.0.0.0/8", fmt.Sprint(g.IntN(100)))
}

// quoted writes a value in one of the ways to write it, not always a good one.
func (g *generator) quoted(v string) string {
	switch {
	case strings.ContainsAny(v, " \t") && !g.one(12), g.one(8):
		return pick(g, `"`+v+`"`, `"`+v+`"`, "{"+v+"}")
	}
	return v
}

// damage changes a few bytes or lines of a file.
func (g *generator) damage(files Files) {
	for range 1 + g.IntN(2) {
		text := files[mainFile]
		if text == "" {
			return
		}
		at := g.IntN(len(text))
		switch g.IntN(6) {
		case 0:
			text = text[:at] + text[at+1:]
		case 1:
			text = text[:at] + pick(g, `"`, "{", "}", "#", "=", " ", "\t", "\n", "'", "\\", "\r\n", "x", "left", " #word") + text[at:]
		case 2:
			text = text[:at] + pick(g, "\n", " ", "=", `"`, "é") + text[at+1:]
		case 3:
			text = strings.ReplaceAll(text, "\n", "\r\n")
		case 4:
			lines := strings.SplitAfter(text, "\n")
			i, j := g.IntN(len(lines)), g.IntN(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
			text = strings.Join(lines, "")
		case 5:
			text = text[:at]
		}
		files[mainFile] = text
	}
}
