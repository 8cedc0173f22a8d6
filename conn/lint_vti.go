package conn

import (
	"fmt"
	"net/netip"
	"slices"
)

// vti is the VTI device that a conn asks for.
type vti struct {
	*tunnel
	local  netip.Addr // invalid when it is not known
	remote netip.Addr // invalid for any
}

// vtis finds conns with VTI devices that cannot be up together: those that make
// one device in different ways, or two devices for one pair of addresses, of which
// the kernel makes one only; and packets that find the tunnel of another device.
func (l *linter) vtis() {
	byName := map[string]*Conn{}
	for i := range l.tunnels {
		if c := l.tunnels[i].Conn; c.Netns == "" {
			byName[c.Interface.Name] = c
		}
	}
	var devices []vti // the first conn of each
	for i := range l.plain {
		if t := &l.plain[i]; t.VTI.Device != "" && t.MarkIn.Set && t.MarkOut.Set {
			v := l.vtiOf(t)
			if c := byName[t.VTI.Device]; c != nil {
				l.fail(t.Conn, "vti-interface", CodeInterfaceClash,
					fmt.Sprintf("%s is a VTI device here and an xfrm interface in conn %q (%s)", t.VTI.Device, c.Section, c.Pos), "")
			} else if !l.likeOtherVTI(v, devices) {
				devices = append(devices, v)
			}
		}
	}
}

func (l *linter) vtiOf(t *tunnel) vti {
	v := vti{tunnel: t}
	ours, _ := t.Ends(t.ours)
	local, _ := ours.LocalAddr(l.host.Locals, t.Family)
	v.local = local.Addr
	if !v.local.IsValid() && ours.Host.Kind == HostAddr {
		v.local = ours.Host.Addr
	}
	if !t.VTI.Shared {
		v.remote = t.peer
	}
	return v
}

// likeOtherVTI compares a device with those before, and reports whether it is one
// of them, or is found not to go with one.
func (l *linter) likeOtherVTI(v vti, others []vti) bool {
	for _, o := range others {
		sameAddrs := v.local.IsValid() && v.local == o.local && v.remote == o.remote
		sameKeys := v.MarkIn.Value == o.MarkIn.Value && v.MarkOut.Value == o.MarkOut.Value
		switch sameName := v.VTI.Device == o.VTI.Device; {
		case sameName && (sameAddrs || !v.local.IsValid() || !o.local.IsValid()) && sameKeys:
			return true
		case sameName:
			l.fail(v.Conn, "vti-interface", CodeInterfaceClash,
				fmt.Sprintf("%s is %s here and %s in conn %q (%s)", v.VTI.Device, v, o, o.Section, o.Pos), "")
			return true
		case sameAddrs:
			hint := "let both have one device"
			if v.remote.IsValid() {
				hint += ", or set vti-shared=yes in one of them"
			}
			l.fail(v.Conn, "vti-interface", CodeInterfaceClash,
				fmt.Sprintf("%s is %s here, and so is %s in conn %q (%s), and the kernel makes one of them only", v.VTI.Device, v.ends(), o.VTI.Device, o.Section, o.Pos),
				hint)
			return true
		case v.takes(o):
			l.warn(v.Conn, espMarkKey(v.Conn), CodeMarkClash,
				fmt.Sprintf("packets through %s with %s may be encrypted for conn %q (%s), which has %s with that mark", v.VTI.Device, v.MarkOut, o.Section, o.Pos, o.VTI.Device),
				"give each device a mark of its own")
		}
	}
	return false
}

// ends returns the addresses of the device in words.
func (v vti) ends() string {
	if !v.remote.IsValid() {
		return fmt.Sprintf("from %s to any", v.local)
	}
	return fmt.Sprintf("from %s to %s", v.local, v.remote)
}

// String returns what the device has in words.
func (v vti) String() string {
	return fmt.Sprintf("%s with the keys %d and %d", v.ends(), v.MarkIn.Value, v.MarkOut.Value)
}

// takes reports whether a packet may be for the selectors of either device, by its
// addresses and its mark: which of them has its SP then is left to chance.
func (v vti) takes(o vti) bool {
	if (v.MarkOut.Value^o.MarkOut.Value)&v.MarkOut.Mask&o.MarkOut.Mask != 0 {
		return false
	}
	return slices.ContainsFunc(v.demands, func(p demand) bool {
		return slices.ContainsFunc(o.demands, func(q demand) bool {
			known := p.ours.IsValid() && q.ours.IsValid()
			return p.theirs.Overlaps(q.theirs) && (!known || p.ours.Overlaps(q.ours))
		})
	})
}
