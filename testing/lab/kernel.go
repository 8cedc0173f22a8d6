package lab

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

// buildKernel builds User Mode Linux from Debian's source package with kernel.config. It takes about nine minutes on two cores.
func buildKernel(ctx context.Context, scratch string) (string, error) {
	err := needTools(ctx, []tool{
		{"mmdebstrap", "mmdebstrap"}, {"gcc", "gcc"}, {"make", "make"}, {"flex", "flex"}, {"bison", "bison"}, {"bc", "bc"}, {"strip", "binutils"},
		{"xz", "xz-utils"}, {"tar", "tar"}, {"perl", "perl"}, {"/usr/include/libelf.h", "libelf-dev"}, {"/usr/include/stdio.h", "libc6-dev"},
	})
	if err != nil {
		return "", err
	}
	pkg, source := filepath.Join(scratch, "package"), filepath.Join(scratch, "source")
	tarball := filepath.Join(pkg, "usr/src", kernelSource+".tar.xz")
	if err := os.Mkdir(source, 0o755); err != nil {
		return "", err
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = source
		return cmd
	}
	fetch := command("mmdebstrap", debstrapOptions("extract", []string{kernelSource}, kernelSuite, pkg)...)
	if err := step(ctx, "the kernel source package "+kernelSource, fetch); err != nil {
		return "", err
	}
	if err := step(ctx, "the kernel source tree", command("tar", "--extract", "--strip-components=1", "--file", tarball)); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(source, ".config"), []byte(kernelConfig), 0o644); err != nil {
		return "", err
	}
	if err := step(ctx, "the kernel's configuration", command("make", "ARCH=um", "olddefconfig")); err != nil {
		return "", err
	}
	// The lowest priority: a build of minutes should not be noticed by whoever works on the machine.
	if err := step(ctx, "the kernel (about nine minutes on two cores)",
		command("nice", "-n", "19", "make", "ARCH=um", "-j"+strconv.Itoa(runtime.NumCPU()), "linux")); err != nil {
		return "", err
	}
	linux := filepath.Join(source, "linux")
	return linux, step(ctx, "the kernel small", command("strip", linux))
}
