// Package pluto compares the typed values of package conn with what real pluto
// makes of the same file: which conns it loads and which it refuses, and of
// those that it loads every value that its status shows.
//
// The lab has libreswan 5.2, the rules of conn are those of 5.4. So what pluto
// must show is predicted in two steps. First each explained difference
// (explained*.go) that applies rewrites the section into one that conn reads as
// 5.2 reads the original, or says what 5.2 does with it. Then expect.go prints
// the typed values in the words of pluto's status. status.go, the one place that
// knows its layout, takes the real one apart; both must be equal, word by word.
//
// What the status does not show, a hook is told (updown.go), and auto= is heeded
// by addconn alone (autostart.go). Nothing tells a virtual subnet, the rest of an
// updown-config=, and our own keys.
package pluto
