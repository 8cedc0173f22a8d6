package conn

import "strings"

// This file knows the lexical rules of one line. They are those of libreswan's
// flex scanner: where two of its rules match, the longer match wins, and the
// earlier rule when both are of equal length.

// isBlank tells white space: only space and tab. Vertical tab, form feed, the
// byte order mark and so on are ordinary characters.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// skipBlanks returns the index of the first byte at or after i that is not
// blank, len(s) when there is none.
func skipBlanks(s string, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

// wordEnd returns the index where the word that begins at i ends. A word is
// anything without blank, "=" and double quote.
func wordEnd(s string, i int) int {
	for i < len(s) {
		switch s[i] {
		case ' ', '\t', '=', '"':
			return i
		}
		i++
	}
	return i
}

// isCommentAt tells whether the "#" at i begins a comment that ends the line.
// It does not when the text from "#" on is one single word: then it is a word.
func isCommentAt(s string, i int) bool { return wordEnd(s, i) < len(s) }

// scanValue takes the value that begins at s[i], which must not be blank. It
// returns the value without quotes or braces, the index where its text begins
// and the index after it.
//
// Four forms compete and the longest wins: "in quotes", {in braces} up to the
// last brace of the line, a run without quotes and blanks, a run without
// braces and blanks.
func scanValue(s string, i int) (value string, start, end int) {
	plain := i
	for plain < len(s) && !isBlank(s[plain]) && s[plain] != '"' {
		plain++
	}
	noBrace := i
	for noBrace < len(s) && !isBlank(s[noBrace]) && s[noBrace] != '{' && s[noBrace] != '}' {
		noBrace++
	}
	bare := max(plain, noBrace)
	if end := enclosedEnd(s, i); end > 0 && end >= bare {
		return s[i+1 : end-1], i + 1, end
	}
	return s[i:bare], i, bare
}

// enclosedEnd returns the index after the quoted or braced text at s[i], 0 when
// there is none.
func enclosedEnd(s string, i int) int {
	switch s[i] {
	case '"':
		if j := strings.IndexByte(s[i+1:], '"'); j >= 0 {
			return i + 1 + j + 1
		}
	case '{':
		// Greedy, but a quote ends the search.
		rest := s[i+1:]
		if j := strings.IndexByte(rest, '"'); j >= 0 {
			rest = rest[:j]
		}
		if j := strings.LastIndexByte(rest, '}'); j >= 0 {
			return i + 1 + j + 1
		}
	}
	return 0
}

// assignment is a line "key = value" taken apart.
type assignment struct {
	key        string
	keyAt      int    // index of the key
	junk       string // text between the key and "=", which libreswan drops
	value      string
	valueAt    int // index of the value's text
	valueStart int // index of the value including its quote or brace
	rest       int // index of the first byte after the value
	equals     bool
}

// scanAssignment takes the indented line s apart from index i on.
func scanAssignment(a *assignment, s string, i int) {
	a.keyAt = i
	j := wordEnd(s, i)
	a.key = s[i:j]
	eq := strings.IndexByte(s[j:], '=')
	if eq < 0 {
		a.rest = len(s)
		return
	}
	a.equals = true
	a.junk = strings.Trim(s[j:j+eq], " \t")
	v := skipBlanks(s, j+eq+1)
	a.valueStart = v
	if v == len(s) {
		a.valueAt, a.rest = v, v
		return
	}
	a.value, a.valueAt, a.rest = scanValue(s, v)
}

// isComment tells whether a key is a comment for libreswan: x- or X_ followed
// by anything.
func isCommentKey(key string) bool {
	return len(key) > 2 && (key[0] == 'x' || key[0] == 'X') && (key[1] == '-' || key[1] == '_')
}
