// Package vectors compares `ipsecif updown`, in the scheme that has the layout
// of libreswan's own script, with that script: for hundreds of environments such
// as pluto makes them, the two of them run on hosts that are alike, verb by verb,
// and after each verb the routes and rules must be equal.
//
// Where the script is wrong, a difference with the number of its fault says what
// may differ; see differences_test.go.
package vectors
