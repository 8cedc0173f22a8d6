package differential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// reader is libreswan's program; `ipsec readwriteconf` is a shell script
// around it.
const reader = "/usr/libexec/ipsec/readwriteconf"

// readTimeout bounds one run.
const readTimeout = 20 * time.Second

// Reading is what readwriteconf did with a case.
type Reading struct {
	Refused  bool   // or ended by a signal, such as a failed assertion
	Text     string // what it printed
	Messages string // its warnings and errors
}

// Read gives a case to readwriteconf. The files are written to a folder
// below dir, which is the working directory of the program, and removed again.
func Read(ctx context.Context, dir string, files Files) (reading Reading, err error) {
	dir, err = os.MkdirTemp(dir, "case")
	if err != nil {
		return Reading{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return Reading{}, err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return Reading{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, reader, "--config", mainFile)
	var out, messages bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &messages
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		return Reading{Refused: true, Text: out.String(), Messages: messages.String()}, nil
	}
	if err != nil {
		return Reading{}, fmt.Errorf("%s: %w: %s", reader, err, &messages)
	}
	return Reading{Text: out.String(), Messages: messages.String()}, nil
}

// Differ returns a description of the first difference between what was
// predicted and what was read, empty when there is none.
func Differ(want Prediction, got Reading) string {
	switch {
	case want.Refused && got.Refused:
		return ""
	case want.Refused:
		return "conn refuses the case, readwriteconf reads it:\n" + got.Text
	case got.Refused:
		return "readwriteconf refuses the case: " + got.Messages + "\nconn reads it:\n" + want.Text
	case want.Text != got.Text:
		return fmt.Sprintf("readwriteconf printed\n%s\nand, by conn, should have printed\n%s", got.Text, want.Text)
	}
	return ""
}
