package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// powerOffTime is how long a guest may take to end after it has sent the exit status.
const powerOffTime = 30 * time.Second

// consoleTail is how many lines of the console are shown when a guest was ended from outside.
const consoleTail = 60

func (o *Options) runUML(ctx context.Context, s *spec) (int, error) {
	log, err := os.CreateTemp("", "ipsecif-lab-console-*.log")
	if err != nil {
		return StatusFailed, err
	}
	defer log.Close()
	status, err := o.boot(ctx, s, log)
	c := console{log}
	lines, readErr := c.lines()
	bug := firstSplat(lines)
	switch {
	case bug != "":
		c.show(o.Stderr, lines, 0)
		return StatusSplat, errors.Join(fmt.Errorf("the guest's kernel reported: %s", bug), err)
	case err != nil && !errors.As(err, new(errGuest)) || readErr != nil:
		c.show(o.Stderr, lines, consoleTail)
		return failure(err), errors.Join(err, readErr)
	}
	if removeErr := os.Remove(log.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr) // whoever tidied up before did no harm
	}
	if err != nil {
		return StatusFailed, err
	}
	return status, nil
}

// boot runs one guest. The command's status and the error come from the serial line when it got that far, else from the stage.
func (o *Options) boot(ctx context.Context, s *spec, log *os.File) (int, error) {
	cmd, err := stageCommand(s)
	if err != nil {
		return 0, err
	}
	host, guest, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer host.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = append(cmd.ExtraFiles, guest)
	if s.Terminal {
		far, restore, err := o.relayTerminal()
		if err != nil {
			return 0, err
		}
		defer restore()
		cmd.ExtraFiles = append(cmd.ExtraFiles, far)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var status int
	var lineErr error
	read := make(chan struct{}) // closed when the two are valid
	_, stageErr := runStage(ctx, cmd, func() {
		for _, f := range cmd.ExtraFiles[1:] {
			f.Close()
		}
		go func() {
			defer close(read)
			status, lineErr = readFrames(host, o.Stdout, o.Stderr)
			if lineErr != nil && !errors.As(lineErr, new(errGuest)) && !errors.Is(lineErr, io.ErrUnexpectedEOF) {
				cancel(lineErr) // nobody takes the output any more
			}
			time.AfterFunc(powerOffTime, func() { cancel(fmt.Errorf("the guest did not power off within %v", powerOffTime)) })
		}()
	})
	if cmd.Process == nil {
		return 0, stageErr
	}
	<-read
	switch {
	case stageErr != nil: // the reason why the line broke off
		return 0, stageErr
	case errors.Is(lineErr, io.ErrUnexpectedEOF):
		return 0, errors.New("the guest ended before the command did")
	}
	return status, lineErr
}

// socketPair returns the two ends of a serial line.
func socketPair() (host, guest *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a serial line: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "serial line"), os.NewFile(uintptr(fds[1]), "serial line of the guest"), nil
}
