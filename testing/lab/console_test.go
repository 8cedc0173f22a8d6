package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConsole(t *testing.T) {
	const boot = "Linux version 7.2\r\nFailed to initialize ubd device 0 :Couldn't determine size\r\nRun /run/lab/init as init process\r\n"
	const stamp = "[    1.234567] "
	for _, test := range []struct {
		name, log string
		splat     string // "" none
		shown     string // lines shown, joined by |
	}{
		{"clean", boot + stamp + "reboot: Power down\r\n", "", stamp + "reboot: Power down"},
		{"never booted", stamp + "Kernel panic - not syncing: VFS\n", stamp + "Kernel panic - not syncing: VFS", stamp + "Kernel panic - not syncing: VFS"},
		{"warning", boot + "[  123.000001] WARNING: CPU: 0 at a.c:1\n", "[  123.000001] WARNING: CPU: 0 at a.c:1", "[  123.000001] WARNING: CPU: 0 at a.c:1"},
		{"long uptime", boot + "[12345.678901] BUG: x\n", "[12345.678901] BUG: x", "[12345.678901] BUG: x"},
		{"bug", boot + stamp + "BUG: kernel NULL pointer\nafter\n", stamp + "BUG: kernel NULL pointer", stamp + "BUG: kernel NULL pointer|after"},
		{"leaked device", boot + stamp + "unregister_netdevice: waiting for lo to become free. Usage count = 2\n",
			stamp + "unregister_netdevice: waiting for lo to become free. Usage count = 2",
			stamp + "unregister_netdevice: waiting for lo to become free. Usage count = 2"},
		{"trace", boot + "x\n" + stamp + "Call Trace:\n", stamp + "Call Trace:", "x|" + stamp + "Call Trace:"},
		{"behind a program's half line", boot + "Starting " + stamp + "Oops: 0\n", "Starting " + stamp + "Oops: 0", "Starting " + stamp + "Oops: 0"},
		{"a program's words", boot + "WARNING: BUG: Oops\n", "", "WARNING: BUG: Oops"},
		{"nothing", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, err := os.Create(filepath.Join(t.TempDir(), "console"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.WriteString(test.log); err != nil {
				t.Fatal(err)
			}
			c := console{file}
			lines, err := c.lines()
			if err != nil {
				t.Fatal(err)
			}
			if got := firstSplat(lines); got != test.splat {
				t.Errorf("splat %q, want %q", got, test.splat)
			}
			var out strings.Builder
			c.show(&out, lines, 0)
			_, body, _ := strings.Cut(out.String(), "\n")
			if got := strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "\n", "|"); got != strings.ReplaceAll(prefixed(test.shown), "\n", "|") {
				t.Errorf("shown %q, want %q", got, test.shown)
			}
		})
	}
}

// prefixed puts the mark of console lines before each of the lines joined by |.
func prefixed(lines string) string {
	if lines == "" {
		return ""
	}
	return "lab| " + strings.ReplaceAll(lines, "|", "\nlab| ")
}

func TestConsoleTail(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out strings.Builder
	console{file}.show(&out, []string{"1", "2", "3", "4"}, 2)
	if got := out.String(); !strings.HasSuffix(got, ":\nlab| 3\nlab| 4\n") {
		t.Errorf("got %q, want the last two lines", got)
	}
}
