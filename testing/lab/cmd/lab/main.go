// Command lab runs commands and test binaries on a kernel with xfrm interfaces, beside real pluto, charon and systemd.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ipsecif/ipsecif/testing/lab"
)

const usage = `Usage:
  lab prepare                       make the root filesystem and the kernel (once, some minutes)
  lab run [flags] -- CMD [ARG...]   run a command in the lab
  lab exec [flags] BINARY [ARG...]  run a test binary: go test -exec "$PWD/lab exec" ./...
  lab shell [flags]                 an interactive shell in the lab

Exit status: the command's, or 123 the guest's kernel reported a bug, 124 time over, 125 the lab itself failed.
IPSECIF_LAB_MODE and IPSECIF_LAB_TIMEOUT stand for --mode and --timeout where these are not given.

Flags of run, exec and shell:
`

func main() {
	lab.Internal()
	ctx, stop := withSignals()
	defer stop()
	status, err := dispatch(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
	}
	stop()
	os.Exit(status)
}

func dispatch(ctx context.Context, args []string) (int, error) {
	verb := ""
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	switch verb {
	case "prepare":
		if err := lab.Prepare(ctx); err != nil {
			return failed(ctx, lab.StatusFailed, err)
		}
		return 0, nil
	case "run", "exec", "shell":
		return run(ctx, verb, args)
	}
	flagSet("run", new(lab.Options)).Usage()
	if verb == "help" || verb == "-h" || verb == "--help" {
		return 0, nil
	}
	return 2, fmt.Errorf("unknown command %q", verb)
}

func flagSet(verb string, o *lab.Options) *flag.FlagSet {
	flags := flag.NewFlagSet("lab "+verb, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.TextVar(&o.Mode, "mode", lab.Auto, "`MODE`: uml, native or auto (native when the running kernel has xfrm interfaces and we are root)")
	flags.DurationVar(&o.Timeout, "timeout", lab.DefaultTimeout, "end the guest after this `TIME`")
	flags.StringVar(&o.Mem, "mem", lab.DefaultMem, "memory of a UML guest")
	flags.StringVar(&o.Out, "out", "", "host `FOLDER` that is writable at /out inside")
	flags.StringVar(&o.Disk, "disk", "", "host `FOLDER` that keeps what is written to the root filesystem, so that the next run is a reboot (UML)")
	flags.BoolVar(&o.Systemd, "systemd", false, "boot systemd and run the command as a unit (UML)")
	flags.Func("env", "pass the environment variable `NAME` on, or set NAME=VALUE (repeatable)", func(v string) error {
		o.Env = append(o.Env, v)
		return nil
	})
	return flags
}

func run(ctx context.Context, verb string, args []string) (int, error) {
	var o lab.Options
	flags := flagSet(verb, &o)
	for name, variable := range map[string]string{"mode": "IPSECIF_LAB_MODE", "timeout": "IPSECIF_LAB_TIMEOUT"} {
		if value := os.Getenv(variable); value != "" {
			if err := flags.Set(name, value); err != nil {
				return 2, fmt.Errorf("%s=%q: %w", variable, value, err)
			}
		}
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0, nil
	} else if err != nil {
		return 2, nil // the flag package has said why
	}
	o.Args = flags.Args()
	switch {
	case verb == "shell" && len(o.Args) > 0:
		return 2, fmt.Errorf("shell takes no command, but got %q", o.Args)
	case verb == "shell":
		o.Args, o.Terminal = []string{"bash"}, true
	case len(o.Args) == 0:
		return 2, fmt.Errorf("%s: no command given", verb)
	case verb == "exec":
		o.Work = coverageDir(o.Args)
		o.Binary, o.Args = o.Args[0], o.Args[1:]
	}
	status, err := lab.Run(ctx, o)
	return failed(ctx, status, err)
}

// coverageDir is the folder into which go test wants its test binary to write the coverage, or "". It is the binary's own,
// made by go test for this one run.
func coverageDir(args []string) string {
	for _, arg := range args[1:] {
		name, path, _ := strings.Cut(arg, "=")
		if (name == "-test.gocoverdir" || name == "-test.coverprofile") && filepath.Dir(path) == filepath.Dir(args[0]) {
			return filepath.Dir(path)
		}
	}
	return ""
}

// errSignal is why the context of a run ended.
type errSignal struct{ signal syscall.Signal }

func (e errSignal) Error() string { return "ended by " + e.signal.String() }

// withSignals returns a context that ends with the first signal that asks us to end.
func withSignals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	go func() {
		if s, ok := (<-signals).(syscall.Signal); ok {
			cancel(errSignal{s})
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// failed turns the end by a signal into the exit status of a shell.
func failed(ctx context.Context, status int, err error) (int, error) {
	var s errSignal
	if err != nil && errors.As(context.Cause(ctx), &s) {
		return 128 + int(s.signal), err
	}
	return status, err
}
