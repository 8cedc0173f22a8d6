package packages

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists of what is in the packages anew")

// output runs a command at the top of the work tree.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// built makes both packages in a folder of the test.
func built(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	output(t, "make", "--silent", "deb", "rpm", "PACKAGES="+dir)
	return dir
}

// lists are what is in the packages, a line for each file: mode, owner, what a
// package manager keeps when the administrator has changed it, and path.
func lists(t *testing.T, dir string) map[string][]string {
	t.Helper()
	deb, rpm := filepath.Join(dir, "ipsecif.deb"), filepath.Join(dir, "ipsecif.rpm")
	kept := strings.Fields(output(t, "dpkg-deb", "--info", deb, "conffiles"))
	// mode owner size date time path
	line := regexp.MustCompile(`(?m)^(\S+) (\S+) +\d+ \S+ \S+ \.(/.*)$`)
	all := map[string][]string{}
	for _, m := range line.FindAllStringSubmatch(output(t, "dpkg-deb", "--contents", deb), -1) {
		flag := "-"
		if slices.Contains(kept, m[3]) {
			flag = "keep"
		}
		all["deb"] = append(all["deb"], strings.Join([]string{m[1], m[2], flag, m[3]}, " "))
	}
	const format = `[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILEFLAGS:fflags}- %{FILENAMES} %{FILELINKTOS}\n]`
	for l := range strings.Lines(output(t, "rpm", "-qp", "--qf", format, rpm)) {
		fields := strings.Fields(l)
		if len(fields) == 5 {
			fields[3] += " -> " + fields[4]
		}
		fields[2] = map[string]string{"-": "-", "cn-": "keep"}[fields[2]]
		all["rpm"] = append(all["rpm"], strings.Join(fields[:4], " "))
	}
	return all
}

// TestContent compares with the lists in testdata.
func TestContent(t *testing.T) {
	for name, lines := range lists(t, built(t)) {
		got, file := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the %s has\n%s\nand %s, which -update writes, has\n%s", name, got, file, want)
		}
	}
}

// TestInstall compares the packages with what `make install` puts into an empty
// folder: all but the directories, which a package may leave to others.
func TestInstall(t *testing.T) {
	root := t.TempDir()
	output(t, "make", "--silent", "install", "DESTDIR="+root)
	var installed []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		installed = append(installed, fmt.Sprint(info.Mode().Perm()&0o111 != 0, " ", strings.TrimPrefix(path, root)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(installed)
	for name, lines := range lists(t, built(t)) {
		var packed []string
		for _, l := range lines {
			path := strings.Replace(strings.Fields(l)[3], "vendor-completions", "site-functions", 1)
			if l[0] != 'd' {
				packed = append(packed, fmt.Sprint(l[0] == 'l' || l[3] == 'x', " ", path))
			}
		}
		slices.Sort(packed)
		if !slices.Equal(packed, installed) {
			t.Errorf("the %s has\n%s\nbut installed is\n%s", name, strings.Join(packed, "\n"), strings.Join(installed, "\n"))
		}
	}
}

// TestPrefix installs elsewhere: nothing still points to /usr/sbin.
func TestPrefix(t *testing.T) {
	root := t.TempDir()
	output(t, "make", "--silent", "install", "DESTDIR="+root, "PREFIX=/usr/local")
	units, err := filepath.Glob(filepath.Join(root, "usr/local/lib/systemd/system/*.service"))
	if err != nil || len(units) != 2 {
		t.Fatal(units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("=/usr/local/sbin/ipsecif ")) || bytes.Contains(text, []byte("/usr/sbin")) {
			t.Errorf("%s does not start /usr/local/sbin/ipsecif alone:\n%s", unit, text)
		}
	}
	// The hook link is the command updown, whatever its folder.
	if help := output(t, filepath.Join(root, "usr/local/libexec/ipsecif/updown"), "--help"); !strings.Contains(help, "ipsecif updown [custom]") {
		t.Errorf("the hook link says %s", help)
	}
}

// TestReproducible makes the packages twice.
func TestReproducible(t *testing.T) {
	first, second := built(t), built(t)
	for _, name := range []string{"ipsecif.deb", "ipsecif.rpm"} {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s is another one the second time", name)
		}
	}
}

// TestSameBox finds the same limits in both units: they do the same to the
// kernel.
func TestSameBox(t *testing.T) {
	box := func(unit string) string {
		text, err := os.ReadFile(filepath.Join("../../systemd/units", unit))
		if err != nil {
			t.Fatal(err)
		}
		_, after, ok := strings.Cut(string(text), "RuntimeDirectoryPreserve=yes\n")
		if !ok || !strings.Contains(after, "CapabilityBoundingSet=") {
			t.Fatalf("%s has no limits after its directory", unit)
		}
		return after
	}
	if a, b := box("ipsecif.service"), box("ipsecif@.service"); a != b {
		t.Errorf("ipsecif.service has\n%s\nipsecif@.service has\n%s", a, b)
	}
}
