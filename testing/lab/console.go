package lab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// splat matches what the kernel says when no result of the run can be trusted any more. The kernel's lines have a time stamp (printk.time=1);
// what programs write to the console has none.
var splat = regexp.MustCompile(`\[ *[0-9]+\.[0-9]{6}\].*(WARNING:|BUG:|Oops|Call Trace|Kernel panic|unregister_netdevice: waiting|` +
	`INFO: task .* blocked|detected stall|refcount_t:)`)

// harmless is dropped from what is shown: UML looks for a disk that the lab does not have.
const harmless = "Failed to initialize ubd device 0"

// console is the guest's kernel log, kept in a file and shown only when a run fails.
type console struct{ file *os.File }

// lines returns the log without carriage returns and harmless noise.
func (c console) lines() ([]string, error) {
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the guest's console: %w", err)
	}
	data, err := io.ReadAll(c.file)
	if err != nil {
		return nil, fmt.Errorf("reading the guest's console: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(bytes.ReplaceAll(data, []byte("\r"), nil))) {
		if !strings.Contains(line, harmless) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines, nil
}

// firstSplat returns the first line that tells of a kernel bug, or "".
func firstSplat(lines []string) string {
	at := slices.IndexFunc(lines, splat.MatchString)
	if at < 0 {
		return ""
	}
	return lines[at]
}

// booted is part of the last line of a normal boot.
const booted = "Run /" + pieceInit

// show prints what the kernel logged since it had booted, or everything when it had not; of that the last lines, or all when tail is 0.
func (c console) show(w io.Writer, lines []string, tail int) {
	for i, line := range lines {
		if strings.Contains(line, booted) {
			lines = lines[i+1:]
			break
		}
	}
	if tail > 0 && len(lines) > tail {
		lines = lines[len(lines)-tail:]
	}
	fmt.Fprintf(w, "lab: the guest's console, %d lines (%s):\n", len(lines), c.file.Name())
	for _, line := range lines {
		fmt.Fprintf(w, "lab| %s\n", line)
	}
}
