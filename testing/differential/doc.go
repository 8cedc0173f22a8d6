// Package differential compares package conn with libreswan's own reader,
// `ipsec readwriteconf`, file by file: both must accept it or both refuse it,
// and what they read must be the same.
//
// The lab has libreswan 5.2, the grammar of conn is that of 5.4. So the text
// that readwriteconf must print is predicted in two steps. First each explained
// difference (explained*.go) that applies rewrites the input into one that conn
// reads as 5.2 reads the original. Then printed.go, the one place that knows the
// quirks of the output, prints the sections of conn in the manner of 5.2. The
// result must equal what the tool prints to the byte, so an explanation cannot
// hide anything but what it predicts.
package differential
