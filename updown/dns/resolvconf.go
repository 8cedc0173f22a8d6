package dns

import (
	"net/netip"
	"slices"
	"strings"
)

// Every line that is added to resolv.conf(5) stands below a comment that repeats
// it. So the file alone tells what is ours: the original comes back without a
// copy that could be old, or lost with /run, and what others write meanwhile
// stays, if only because a line that they changed is not the one in the comment.
const (
	mark = "# added by ipsecif: "
	// markBreak says that the line break before it is ours too, because the
	// last line of the original has none.
	markBreak = "# added by ipsecif, with the line break before: "
)

// Edit returns the text of a resolv.conf with name servers before its own, and
// with domains to search before its own. What Edit added earlier is replaced.
// The C library asks the first three servers.
func Edit(text string, servers []netip.Addr, search []Domain) string {
	text = Original(text)
	if len(search) > 0 {
		text = addSearch(text, search)
	}
	var b strings.Builder
	for _, server := range servers {
		b.WriteString(marked("nameserver " + server.String()))
	}
	return b.String() + text
}

// Original returns the text without what Edit added to it.
func Original(text string) string {
	lines := strings.SplitAfter(text, "\n")
	var kept []string
	for i := 0; i < len(lines); i++ {
		added, withBreak, ok := cutMark(strings.TrimSuffix(lines[i], "\n"))
		if !ok {
			kept = append(kept, lines[i])
			continue
		}
		if i+1 == len(lines) || strings.TrimSuffix(lines[i+1], "\n") != added {
			continue // somebody changed the line, so it is not ours any more
		}
		i++
		if withBreak && len(kept) > 0 {
			last := &kept[len(kept)-1]
			*last = strings.TrimSuffix(*last, "\n") + strings.TrimPrefix(lines[i], added)
		}
	}
	return strings.Join(kept, "")
}

// cutMark returns the line that a comment of ours repeats.
func cutMark(comment string) (added string, withBreak, ok bool) {
	if added, ok := strings.CutPrefix(comment, markBreak); ok {
		return added, true, true
	}
	added, ok = strings.CutPrefix(comment, mark)
	return added, false, ok
}

// addSearch adds a search list, which counts only if it is the last one: below
// the one of the text, if there is one, with what that one has.
func addSearch(text string, search []Domain) string {
	var list []string
	for _, d := range search {
		list = append(list, string(d))
	}
	end := 0 // of the line below which ours is added
	for at := 0; at < len(text); {
		line, _, _ := strings.Cut(text[at:], "\n")
		at = min(at+len(line)+1, len(text))
		if domains, ok := searched(line); ok {
			end = at
			list = append(list[:len(search)], domains...)
		}
	}
	line := "search " + strings.Join(unique(list), " ")
	if end > 0 && text[end-1] != '\n' {
		return text[:end] + "\n" + markBreak + line + "\n" + line + text[end:]
	}
	return text[:end] + marked(line) + text[end:]
}

// searched returns the domains that a line of resolv.conf says are searched.
// Like the C library it takes a keyword only at the begin of a line, and passes
// over one without a domain.
func searched(line string) (domains []string, ok bool) {
	keyword, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	words := strings.FieldsFunc(line[len(keyword):], func(r rune) bool { return r == ' ' || r == '\t' })
	switch {
	case len(words) == 0:
		return nil, false
	case keyword == "domain":
		return words[:1], true
	}
	return words, keyword == "search"
}

func marked(line string) string { return mark + line + "\n" + line + "\n" }

// unique returns the words in their order, each once.
func unique[T comparable](words []T) []T {
	var kept []T
	for _, w := range words {
		if !slices.Contains(kept, w) {
			kept = append(kept, w)
		}
	}
	return kept
}
