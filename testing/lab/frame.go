package lab

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

// A frame carries a piece of one stream over the only serial line, so the order between streams is kept and the end is explicit:
// after the frame of kind frameExit nothing can be missing. Layout: magic, kind, payload length (4 bytes, big endian), payload.
type frameKind byte

const (
	frameStdout frameKind = 'o'
	frameStderr frameKind = 'e'
	frameExit   frameKind = 'x' // payload: exit status, 1 byte
	frameError  frameKind = 'f' // payload: why the command could not be run
)

const (
	frameMagic      = 0xf5 // never part of UTF-8: text written to the line by somebody else is noticed at once
	frameHeaderSize = 6
	frameMaxPayload = 64 << 10
)

// errGuest is what a healthy guest reports when it cannot run the command.
type errGuest string

func (e errGuest) Error() string { return "in the lab: " + string(e) }

// frameWriter writes frames of any kind; safe for concurrent use.
type frameWriter struct {
	mu  sync.Mutex
	w   io.Writer
	buf [frameHeaderSize + frameMaxPayload]byte
}

func (f *frameWriter) write(kind frameKind, payload []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for first := true; first || len(payload) > 0; first = false {
		n := copy(f.buf[frameHeaderSize:], payload)
		f.buf[0], f.buf[1] = frameMagic, byte(kind)
		binary.BigEndian.PutUint32(f.buf[2:], uint32(n))
		if _, err := f.w.Write(f.buf[:frameHeaderSize+n]); err != nil {
			return fmt.Errorf("writing a frame of kind %q: %w", kind, err)
		}
		payload = payload[n:]
	}
	return nil
}

// stream returns a writer whose data travels in frames of the given kind.
func (f *frameWriter) stream(kind frameKind) io.Writer { return frameStream{f, kind} }

type frameStream struct {
	frames *frameWriter
	kind   frameKind
}

func (s frameStream) Write(p []byte) (int, error) {
	if err := s.frames.write(s.kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// readFrames copies the streams to stdout and stderr until the frame that carries the exit status, which it returns.
// The error is io.ErrUnexpectedEOF when the line ends before.
func readFrames(r io.Reader, stdout, stderr io.Writer) (int, error) {
	in := bufio.NewReaderSize(r, frameMaxPayload)
	payload := make([]byte, frameMaxPayload)
	for {
		var header [frameHeaderSize]byte
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		size := binary.BigEndian.Uint32(header[2:])
		if header[0] != frameMagic || size > frameMaxPayload {
			return 0, fmt.Errorf("the serial line carries something else than frames: %q", header)
		}
		data := payload[:size]
		if _, err := io.ReadFull(in, data); err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		var err error
		switch kind := frameKind(header[1]); kind {
		case frameStdout:
			_, err = stdout.Write(data)
		case frameStderr:
			_, err = stderr.Write(data)
		case frameError:
			return 0, errGuest(data)
		case frameExit:
			if size != 1 {
				return 0, fmt.Errorf("exit frame of %d bytes, want 1", size)
			}
			return int(data[0]), nil
		default:
			return 0, fmt.Errorf("frame of unknown kind %q", kind)
		}
		if err != nil {
			return 0, fmt.Errorf("passing on the command's output: %w", err)
		}
	}
}
