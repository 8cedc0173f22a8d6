#!/bin/sh
# Prints the license of ipsecif and those of the modules that are linked into it.
set -eu
cat LICENSE
{
	echo "Go $(go env GOROOT)"
	go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/ipsecif | sort -u
} | while read -r module dir; do
	for file in "$dir"/LICENSE* "$dir"/COPYING*; do
		[ ! -f "$file" ] || { printf '\n\n%s is linked into the program, and its license is:\n\n' "$module"; cat "$file"; }
	done
done
