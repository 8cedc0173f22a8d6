package lab

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

func (o *Options) runNative(ctx context.Context, s *spec) (int, error) {
	cmd, err := stageCommand(s)
	if err != nil {
		return StatusFailed, err
	}
	cmd.Stdout, cmd.Stderr = o.Stdout, o.Stderr
	if s.Terminal {
		cmd.Stdin = os.Stdin
	}
	status, err := runStage(ctx, cmd, func() {})
	if err != nil {
		return failure(err), err
	}
	return status, nil
}

// nativeGuest is the guest on the running kernel: the stage process itself enters the root and runs the command with its own stdout and stderr.
// As it is process 1, the kernel ends everything it started when it returns.
func nativeGuest(s *spec) (int, error) {
	if err := enter(s, s.Root); err != nil {
		return 0, err
	}
	if err := errors.Join(settle(), readableResolvConf()); err != nil {
		return 0, err
	}
	cmd, err := command(s)
	if err != nil {
		return 0, err
	}
	if s.Terminal {
		cmd.Stdin = os.Stdin
		cmd.SysProcAttr = nil // the terminal belongs to this session
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return waitAll(cmd.Process.Pid)
}

// nativeHasXfrmInterfaces tries to make an xfrm interface on the running kernel, in the throw-away namespaces of a native run.
func nativeHasXfrmInterfaces(ctx context.Context, s spec) bool {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s.Mode, s.Binary, s.Out, s.Terminal = Native, "", "", false
	s.Args = []string{"ip", "link", "add", "probe", "type", "xfrm", "if_id", "1"}
	quiet := Options{Stdout: io.Discard, Stderr: io.Discard}
	s.Env = quiet.environment(Native)
	status, err := quiet.runNative(ctx, &s)
	return err == nil && status == 0
}
