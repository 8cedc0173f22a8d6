package lab

import (
	"fmt"
	"os"
)

// Internal runs the parts of the lab for which the program was started by the lab itself, in new namespaces or as the guest's first
// process, and does not return then.
func Internal() {
	switch {
	case os.Args[0] == "/"+pieceInit:
		guestInit()
	case len(os.Args) == 2 && os.Args[1] == unitArg:
		runUnit()
	case len(os.Args) == 2 && os.Args[1] == stageArg:
		status, err := stage()
		if err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			status = StatusFailed
		}
		os.Exit(status)
	}
}
