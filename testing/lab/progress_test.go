package lab

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestStepFailure(t *testing.T) {
	err := step(t.Context(), "a thing", exec.Command("sh", "-c", "echo to stdout; echo to stderr >&2; exit 3"))
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(err.Error(), "to stdout") || !strings.Contains(err.Error(), "to stderr") {
		t.Errorf("got %v, want exit status 3 and both outputs", err)
	}
	if err := step(t.Context(), "a thing", exec.Command("/no/such/program")); err == nil {
		t.Error("a program that does not exist was run")
	}
}

// TestStepCancel: the children of the command are asked to end as well, and the step waits until they have.
func TestStepCancel(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(200*time.Millisecond, func() { cancel(stop) })
	start := time.Now()
	err := step(ctx, "a thing that takes long", exec.Command("sh", "-c", "sleep 1000 & wait"))
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v to end", took)
	}
}

func TestLastLines(t *testing.T) {
	var l lastLines
	for range 1000 {
		if _, err := l.Write([]byte("0123456789\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("the end\n")); err != nil {
		t.Fatal(err)
	}
	if got := len(l.String()); got > 8<<10 {
		t.Errorf("%d bytes are kept", got)
	}
	if got := l.last(); got != "the end" {
		t.Errorf("last line %q", got)
	}
}
