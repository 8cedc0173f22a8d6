package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Prepare makes the root filesystem and the kernel where they are not in the cache yet. It takes some minutes, says what it does on stderr, and
// is safe to be called by several programs at once.
func Prepare(ctx context.Context) error {
	root, err := rootPath()
	if err != nil {
		return err
	}
	if err := makeOnce(root, func(scratch string) (string, error) { return buildRoot(ctx, scratch) }); err != nil {
		return fmt.Errorf("making the root filesystem %s: %w", root, err)
	}
	if os.Getenv("IPSECIF_LAB_KERNEL") != "" {
		_, err := preparedKernel()
		return err
	}
	kernel, err := kernelPath()
	if err != nil {
		return err
	}
	if err := makeOnce(kernel, func(scratch string) (string, error) { return buildKernel(ctx, scratch) }); err != nil {
		return fmt.Errorf("making the kernel %s: %w", kernel, err)
	}
	return nil
}

func rootPath() (string, error) {
	recipe := append([]string{suite(), unpackScript}, rootPackages...)
	return cached("root-"+suite(), append(recipe, unpackedPackages...)...)
}

func kernelPath() (string, error) { return cached("linux", kernelSource, kernelConfig) }

// preparedRoot is the root filesystem, or an error that says how to get it.
func preparedRoot() (string, error) {
	root, err := rootPath()
	if err != nil {
		return "", err
	}
	return root, mustExist(root)
}

// preparedKernel is $IPSECIF_LAB_KERNEL, else the kernel in the cache, or an error that says how to get it.
func preparedKernel() (string, error) {
	if kernel := os.Getenv("IPSECIF_LAB_KERNEL"); kernel != "" {
		if _, err := os.Stat(kernel); err != nil {
			return "", fmt.Errorf("IPSECIF_LAB_KERNEL: %w", err)
		}
		return filepath.Abs(kernel)
	}
	kernel, err := kernelPath()
	if err != nil {
		return "", err
	}
	return kernel, mustExist(kernel)
}

// Prepared returns nil when Run has what it needs in mode UML, and otherwise says what is missing and how to get it.
func Prepared() error {
	_, rootErr := preparedRoot()
	_, kernelErr := preparedKernel()
	return errors.Join(rootErr, kernelErr)
}

func mustExist(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: make it with: go run ./testing/lab/cmd/lab prepare", path)
	}
	return err
}

// buildRoot makes the root filesystem by way of a tar archive: its owners are kept when root unpacks it, and become the caller otherwise, who
// is root in the lab.
func buildRoot(ctx context.Context, scratch string) (string, error) {
	if err := needTools(ctx, []tool{{"mmdebstrap", "mmdebstrap"}, {"tar", "tar"}}); err != nil {
		return "", err
	}
	script, err := hookScript()
	if err != nil {
		return "", err
	}
	defer os.Remove(script)
	archive, root := filepath.Join(scratch, "root.tar"), filepath.Join(scratch, "root")
	file, err := os.Create(archive)
	if err != nil {
		return "", err
	}
	defer file.Close()
	fetch := exec.Command("mmdebstrap", debstrapOptions("apt", rootPackages, "--format=tar", "--customize-hook="+script, suite(), "-")...)
	fetch.Dir = "/" // mmdebstrap may work as another user, who need not have access to the caller's folders
	fetch.Env = append(os.Environ(), "LAB_UNPACK="+strings.Join(unpackedPackages, " "))
	fetch.Stdout = file
	if err := step(ctx, "the root filesystem of "+suite()+" (1 to 3 minutes, 500 MB)", fetch); err != nil {
		return "", err
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	unpack := exec.Command("tar", "--extract", "--directory", root, "--file", archive, "--exclude=./dev/*")
	return root, step(ctx, "its folder", unpack)
}

// hookScript writes the script that mmdebstrap runs to where every user can read it.
func hookScript() (string, error) {
	file, err := os.CreateTemp("", "ipsecif-lab-unpack-*")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(unpackScript)
	if err := errors.Join(err, file.Chmod(0o755), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// debstrapOptions are the arguments of mmdebstrap. The date check is off because a build machine's clock need not be the archive's.
func debstrapOptions(variant string, packages []string, rest ...string) []string {
	mode := "root"
	if os.Geteuid() != 0 {
		mode = "unshare" // needs the caller's lines in /etc/subuid and /etc/subgid, which it says; fakechroot needs equal C libraries
	}
	return append([]string{"--mode=" + mode, "--variant=" + variant, `--aptopt=Acquire::Check-Valid-Until "false"`, "--include=" + strings.Join(packages, ",")}, rest...)
}
