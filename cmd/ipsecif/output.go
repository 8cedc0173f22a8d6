package main

import (
	"fmt"
	"io"
)

// output is a stream that remembers the first error, so that whoever prints
// need not look at each line.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	if err != nil {
		o.err = fmt.Errorf("printing the result: %w", err)
	}
	return n, o.err
}
