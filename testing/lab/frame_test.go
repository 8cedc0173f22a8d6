package lab

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestFramesRoundTrip(t *testing.T) {
	big := make([]byte, 3*frameMaxPayload+1)
	for i := range big {
		big[i] = byte(rand.Uint32())
	}
	var line bytes.Buffer
	frames := &frameWriter{w: &line}
	for _, w := range []struct {
		kind frameKind
		data []byte
	}{{frameStdout, big}, {frameStderr, []byte("oops\r\n\x00")}, {frameStdout, nil}, {frameStdout, []byte("end")}, {frameExit, []byte{42}}} {
		if err := frames.write(w.kind, w.data); err != nil {
			t.Fatal(err)
		}
	}
	line.WriteString("what follows the exit frame is not read as frames")
	var stdout, stderr bytes.Buffer
	status, err := readFrames(&line, &stdout, &stderr)
	if err != nil || status != 42 {
		t.Errorf("got status %d, error %v; want 42", status, err)
	}
	if want := string(big) + "end"; stdout.String() != want {
		t.Errorf("stdout: %d bytes differ from the %d written", stdout.Len(), len(want))
	}
	if want := "oops\r\n\x00"; stderr.String() != want {
		t.Errorf("stderr: got %q, want %q", &stderr, want)
	}
}

func TestFrameErrors(t *testing.T) {
	frame := func(kind frameKind, payload string) string {
		var b bytes.Buffer
		if err := (&frameWriter{w: &b}).write(kind, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	whole := frame(frameStdout, "abc")
	for _, test := range []struct{ name, line, want string }{
		{"nothing", "", io.ErrUnexpectedEOF.Error()},
		{"no exit frame", whole, io.ErrUnexpectedEOF.Error()},
		{"cut header", whole[:3], io.ErrUnexpectedEOF.Error()},
		{"cut payload", whole[:len(whole)-1], io.ErrUnexpectedEOF.Error()},
		{"text on the line", "systemd[1]: hello\n", "something else than frames"},
		{"payload too long", "\xf5o\xff\xff\xff\xff", "something else than frames"},
		{"unknown kind", frame('q', ""), "unknown kind 'q'"},
		{"exit status of no byte", frame(frameExit, ""), "0 bytes, want 1"},
		{"error of the guest", frame(frameError, "no such command"), "no such command"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readFrames(strings.NewReader(test.line), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestFrameOutputError(t *testing.T) {
	var line bytes.Buffer
	frames := &frameWriter{w: &line}
	if err := errors.Join(frames.write(frameStdout, []byte("x")), frames.write(frameExit, []byte{0})); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if _, err := readFrames(&line, brokenWriter{full}, io.Discard); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if err := (&frameWriter{w: brokenWriter{full}}).write(frameExit, []byte{0}); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

func FuzzReadFrames(f *testing.F) {
	f.Add([]byte("\xf5o\x00\x00\x00\x03abc\xf5x\x00\x00\x00\x01\x07"))
	f.Add([]byte("\xf5f\x00\x00\x00\x01e"))
	f.Add([]byte("\xf5o\x00\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var stdout, stderr bytes.Buffer
		status, err := readFrames(bytes.NewReader(line), &stdout, &stderr)
		if status < 0 || status > 255 {
			t.Errorf("status %d", status)
		}
		if got := stdout.Len() + stderr.Len(); got > len(line) {
			t.Errorf("%d bytes of output from a line of %d", got, len(line))
		}
		if err != nil {
			return
		}
		// What was read comes out again when it is written.
		var again bytes.Buffer
		frames := &frameWriter{w: &again}
		if err := errors.Join(frames.write(frameStdout, stdout.Bytes()), frames.write(frameExit, []byte{byte(status)})); err != nil {
			t.Fatal(err)
		}
		var second bytes.Buffer
		if s, err := readFrames(&again, &second, io.Discard); err != nil || s != status || second.String() != stdout.String() {
			t.Errorf("second round: status %d, error %v, %q; want %d, %q", s, err, &second, status, &stdout)
		}
	})
}
