// Package packages checks what is in the packages, and that they and `make
// install` have the same.
package packages
