package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ipsecif/ipsecif/conn"
	"github.com/ipsecif/ipsecif/systemd/networkd"
	"github.com/ipsecif/ipsecif/updown/daemon"
)

// What services leave below /run while they run.
var (
	networkdSigns       = []string{"/run/systemd/netif/state"}
	networkManagerSigns = []string{"/run/NetworkManager/NetworkManager.pid", "/run/NetworkManager/devices"}
	charonSigns         = []string{"/run/charon.vici", "/run/charon.pid", "/run/strongswan/charon.vici"}
)

// protocolFiles name the protocols of routes, see ip-route(8). The first name
// that is found counts.
var protocolFiles = []string{
	"/etc/iproute2/rt_protos.d/*.conf", "/etc/iproute2/rt_protos",
	"/usr/share/iproute2/rt_protos.d/*.conf", "/usr/share/iproute2/rt_protos", "/usr/lib/iproute2/rt_protos",
}

// neighbours looks who else works on this host. It is a guess for a message, so
// what cannot be read is left out.
func (a *app) neighbours() daemon.Neighbours {
	n := daemon.Neighbours{NetworkManager: anyExists(networkManagerSigns), Charon: anyExists(charonSigns)}
	if foreign, runs, _ := networkdForeign(); runs {
		n.Networkd, n.DeletesRoutes, n.DeletesRules = true, foreign.Routes.Yes, foreign.Rules.Yes
	}
	n.Protocols = map[uint8]string{}
	for _, pattern := range protocolFiles {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			addProtocols(n.Protocols, name)
		}
	}
	f, _ := a.load()
	conns, _ := f.Conns()
	for _, d := range f.Lint(withInterface(conns), conn.HostFacts{}) {
		if d.Code == conn.CodeStockUpdown {
			n.StockUpdown = append(n.StockUpdown, d.Conn)
		}
	}
	return n
}

// networkdForeign says whether systemd-networkd runs, and what it does with what
// others make.
func networkdForeign() (foreign networkd.Foreign, runs bool, err error) {
	if !anyExists(networkdSigns) {
		return foreign, false, nil
	}
	foreign, err = networkd.ReadForeign(os.DirFS("/"))
	return foreign, true, err
}

// sayNetworkd says what systemd-networkd does beside the daemon.
func sayNetworkd(log func(daemon.Message)) {
	switch foreign, runs, err := networkdForeign(); {
	case err != nil:
		log(daemon.Message{Priority: daemon.Warning, Text: err.Error()})
	case runs:
		log(daemon.Message{Priority: daemon.Info, Text: foreign.Advice()})
	}
}

// addProtocols adds those of a file: lines of a number and a name.
func addProtocols(names map[uint8]string, file string) {
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 {
			continue
		}
		n, err := strconv.ParseUint(words[0], 0, 8)
		if err == nil && names[uint8(n)] == "" {
			names[uint8(n)] = words[1]
		}
	}
}
