package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// batches makes commands of printed lines: one ip -batch for lines of the same
// family in a row (-batch takes the family for the whole file), one process for
// every other line, such as those of sysctl. The files get the given name.
func (b *bench) batches(name, lines string) ([]command, error) {
	var commands []command
	for _, g := range groups(lines) {
		if g.program != "ip" {
			commands = append(commands, command{args: append([]string{g.program}, strings.Fields(g.lines)...)})
			continue
		}
		file := filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, len(commands)))
		if err := os.WriteFile(file, []byte(g.lines), 0o600); err != nil {
			return nil, err
		}
		args := []string{"ip"}
		if g.family != "" {
			args = append(args, g.family)
		}
		commands = append(commands, command{args: append(args, "-batch", file)})
	}
	return commands, nil
}

// group is what one process does: the lines of an ip -batch, or the arguments
// of another program.
type group struct {
	program, family, lines string
}

func groups(lines string) []group {
	var all []group
	for line := range strings.Lines(lines) {
		program, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if program == "" {
			continue
		}
		family := ""
		if program == "ip" && strings.HasPrefix(rest, "-") {
			family, rest, _ = strings.Cut(rest, " ")
		}
		last := len(all) - 1
		if program != "ip" || last < 0 || all[last].program != "ip" || all[last].family != family {
			all = append(all, group{program: program, family: family})
			last++
		}
		all[last].lines += rest + "\n"
	}
	return all
}

// traced returns the commands of a trace, which are marked with [#].
func traced(output string) string {
	var lines strings.Builder
	for line := range strings.Lines(output) {
		if command, ok := strings.CutPrefix(line, "[#] "); ok {
			lines.WriteString(command)
		}
	}
	return lines.String()
}
