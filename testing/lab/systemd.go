package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// With --systemd the command is a unit that starts when the boot is complete, and the machine powers off when it ends.
const (
	unitArg     = "_unit" // the only argument of the lab program in that unit
	unitName    = "lab.service"
	unitSpec    = "/run/lab.json"
	systemdInit = "/lib/systemd/systemd"
	unitDir     = "/etc/systemd/system"
	targetName  = "lab.target"

	commandUnit = `[Unit]
Description=The command of the lab
After=multi-user.target systemd-networkd.service systemd-resolved.service dbus.socket

[Service]
Type=exec
ExecStart=` + programPath + " " + unitArg + `
StandardInput=null
TimeoutStartSec=infinity
`
	bootTarget = `[Unit]
Description=The lab
Requires=multi-user.target
Wants=` + unitName + ` systemd-networkd.service systemd-resolved.service dbus.socket
After=multi-user.target
AllowIsolate=yes
`
	// A fixed id keeps systemd from taking each boot for the first one, with its presets and questions.
	machineID = "1ab00000000000000000000000000001\n"
)

// masked units cost boot time or start daemons that the command should start itself.
var masked = []string{
	"ipsec.service", "strongswan.service", "bird.service", "nftables.service", "iperf3.service", "getty.target", "getty@tty1.service", "serial-getty@.service",
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "logrotate.timer", "man-db.timer",
	"systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service", "systemd-pcrphase.service", "modprobe@.service", "systemd-random-seed.service",
	"systemd-networkd-wait-online.service", "ldconfig.service", "systemd-hwdb-update.service", "systemd-journal-catalog-update.service",
}

// becomeSystemd installs the command as a unit and turns process 1 into systemd. It returns only with an error.
func becomeSystemd(s *spec) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	target := filepath.Join(unitDir, targetName)
	_, notBefore := os.Lstat(target)
	errs := []error{
		os.WriteFile(unitSpec, data, 0o600),
		os.WriteFile("/etc/hostname", []byte(guestName+"\n"), 0o644),
		os.WriteFile("/etc/machine-id", []byte(machineID), 0o444),
		os.WriteFile(filepath.Join(unitDir, unitName), []byte(commandUnit), 0o644),
		os.WriteFile(target, []byte(bootTarget), 0o644),
		replaceLink(targetName, filepath.Join(unitDir, "default.target")),
	}
	if notBefore != nil { // else it is a disk that was kept: what the command has unmasked stays so
		for _, unit := range masked {
			errs = append(errs, replaceLink("/dev/null", filepath.Join(unitDir, unit)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return fmt.Errorf("starting %s: %w", systemdInit, unix.Exec(systemdInit, []string{systemdInit}, []string{"PATH=" + guestPath}))
}

func replaceLink(target, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, path)
}

// runUnit is the lab program as the unit of the command.
func runUnit() {
	serveAndPowerOff(func() (*spec, error) { return loadSpec(unitSpec) })
}

// endUnit kills all other processes of the unit that this process is. New ones may be born meanwhile, so it looks again until there are none.
func endUnit() error {
	const rounds = 1000
	list := "/sys/fs/cgroup/system.slice/" + unitName + "/cgroup.procs"
	for range rounds {
		data, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		others := 0
		for _, field := range strings.Fields(string(data)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return fmt.Errorf("%s: %w", list, err)
			}
			if pid == os.Getpid() {
				continue
			}
			others++
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && err != unix.ESRCH {
				return fmt.Errorf("ending process %d: %w", pid, err)
			}
		}
		if others == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("processes of the command do not end")
}
