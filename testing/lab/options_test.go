package lab

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestWorkTree(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := workTree(deep); got != deep {
		t.Errorf("without git: got %s, want the folder itself", got)
	}
	// In a linked work tree .git is a file.
	if err := os.WriteFile(filepath.Join(top, ".git"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := workTree(deep); got != top {
		t.Errorf("got %s, want %s", got, top)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("IPSECIF_LAB_TEST", "seen")
	t.Setenv("LAB_SECRET", "hidden")
	t.Setenv("LAB_WANTED", "a=b")
	t.Setenv("IPSECIF_LAB", "")
	env := (&Options{Env: []string{"LAB_WANTED", "LAB_SET=x", "LAB_UNSET"}}).environment(UML)
	for _, want := range []string{"IPSECIF_LAB_TEST=seen", "LAB_WANTED=a=b", "LAB_SET=x", "HOME=/root", "NO_COLOR=1", "IPSECIF_LAB_MODE=uml"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, not := range []string{"LAB_SECRET=hidden", "LAB_UNSET", "LAB_UNSET=", "PATH=" + os.Getenv("PATH")} {
		if slices.Contains(env, not) {
			t.Errorf("%s has got into the lab", not)
		}
	}
	if last := env[len(env)-2]; last != "IPSECIF_LAB=1" {
		t.Errorf("%s: IPSECIF_LAB=1 must win over the caller's value", last)
	}
}

func TestSameIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "uid_map")
	if err := os.WriteFile(path, []byte("         0       1000          1\n         1     100000      65536\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := sameIDs(path)
	if err != nil || len(got) != 2 || got[0].HostID != 0 || got[0].Size != 1 || got[1].ContainerID != 1 || got[1].HostID != 1 || got[1].Size != 65536 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte("0 nobody\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := sameIDs(path); err == nil {
		t.Errorf("got %+v, want an error", got)
	}
}
