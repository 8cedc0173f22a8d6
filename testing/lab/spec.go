package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Mode says which kernel runs the command.
type Mode string

const (
	// Auto is Native where that has xfrm interfaces, else UML.
	Auto Mode = "auto"
	// UML boots a User Mode Linux kernel: no root needed, nothing shared with the host.
	UML Mode = "uml"
	// Native uses the running kernel in new namespaces. What a kernel does not keep per namespace (some sysctls, debugfs) is the host's own.
	Native Mode = "native"
)

// UnmarshalText accepts the names of the modes.
func (m *Mode) UnmarshalText(text []byte) error {
	switch Mode(text) {
	case Auto, UML, Native:
		*m = Mode(text)
		return nil
	}
	return fmt.Errorf("%q: want auto, uml or native", text)
}

// MarshalText is the inverse of UnmarshalText.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m), nil }

// spec is what the stage and the guest have to know; it travels as JSON.
type spec struct {
	Mode     Mode
	Root     string        // host path of the root filesystem
	Kernel   string        // host path of the UML kernel
	Mem      string        // memory of the guest as the kernel's mem= takes it: 2G
	Tree     string        // host folder, read-only at the same path inside
	Dir      string        // working directory of the command
	Out      string        // host folder, writable at /out; empty: none
	Work     string        // host folder, writable at the same path inside; empty: none
	Disk     string        // host folder that keeps the root filesystem for the next run; empty: none
	Binary   string        // program of the host that appears in binDir; empty: none
	Args     []string      // the command
	Env      []string      // its whole environment
	Window   *unix.Winsize // size of the terminal
	Terminal bool          // the command talks to a terminal instead of pipes
	Systemd  bool          // systemd is process 1 and the command a unit
}

// The stage puts everything the guest may see below the root filesystem's /run, where the guest finds it and moves it to its final place.
const (
	piecesDir   = "run/lab"
	pieceInit   = piecesDir + "/init" // the lab program
	pieceSpec   = piecesDir + "/spec.json"
	pieceLab    = piecesDir + "/lab" // becomes labDir
	labDir      = "/lab"
	programPath = labDir + "/lab" // the lab program
	binDir      = labDir + "/bin" // the program of the host that is to be run
	outDir      = "/out"
	guestName   = "lab" // host name inside
	guestPath   = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// folder is a folder of the host that the guest sees.
type folder struct {
	host     string
	piece    string // where the stage mounts it, below the root filesystem
	inside   string
	writable bool
}

func (s *spec) folders() []folder {
	all := []folder{{s.Tree, piecesDir + "/tree", s.Tree, false}}
	if s.Out != "" {
		all = append(all, folder{s.Out, piecesDir + "/out", outDir, true})
	}
	if s.Work != "" {
		all = append(all, folder{s.Work, piecesDir + "/work", s.Work, true})
	}
	if s.Disk != "" {
		all = append(all, folder{s.Disk, pieceDisk, diskDir, true})
	}
	return all
}

// file returns the spec as a file in memory, to be handed to a new process.
func (s *spec) file() (*os.File, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("lab-spec", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), "lab-spec")
	_, err = file.Write(data)
	return file, err
}

func loadSpec(path string) (*spec, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := new(spec)
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// workTree is the top of the git work tree that dir lies in, else dir itself.
func workTree(dir string) string {
	for top := dir; ; top = filepath.Dir(top) {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			return top
		}
		if top == filepath.Dir(top) {
			return dir
		}
	}
}
