package hook

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ipsecif/ipsecif/conn"
	"go4.org/netipx"
)

// longest bounds a value, in bytes. All that pluto sends together has 2048.
const longest = 4096

// reader reads variables, and collects what is wrong with them.
type reader struct {
	env  map[string]string
	errs []error
}

// newReader takes the first of several values of one name, as getenv(3) does.
func newReader(env []string) *reader {
	r := &reader{env: make(map[string]string, len(env))}
	for _, kv := range env {
		name, value, ok := strings.Cut(kv, "=")
		if _, again := r.env[name]; ok && !again {
			r.env[name] = value
		}
	}
	return r
}

func (r *reader) fail(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
}

// err returns all that was wrong.
func (r *reader) err() error { return errors.Join(r.errs...) }

// has reports whether a variable is there and not empty.
func (r *reader) has(name string) bool { return r.env[name] != "" }

// text returns a value that may hold anything printable.
func (r *reader) text(name string) string {
	v := r.env[name]
	switch bad := strings.IndexFunc(v, unprintable); {
	case len(v) > longest:
		r.fail(name, "the value has %d bytes, more than %d", len(v), longest)
	case bad >= 0:
		r.fail(name, "%s has a character that is not printable", quote(v))
	default:
		return v
	}
	return ""
}

func unprintable(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }

// quote quotes a value for an error, its beginning if it is long.
func quote(v string) string {
	const most = 64
	if len(v) > most {
		return strconv.QuoteToASCII(v[:most]) + "…"
	}
	return strconv.QuoteToASCII(v)
}

// needs notes that a value is missing which an event cannot do without.
func (r *reader) needs(name string) {
	if strings.TrimSpace(r.env[name]) == "" {
		r.fail(name, "the variable is missing or empty")
		delete(r.env, name)
	}
}

// required is text for a value that an event cannot do without.
func (r *reader) required(name string) string {
	r.needs(name)
	return r.text(name)
}

// number returns a decimal number, 0 for none.
func (r *reader) number(name string, most uint32) uint32 {
	v := r.text(name)
	if v == "" {
		return 0
	}
	return r.parseNumber(name, v, most)
}

func (r *reader) parseNumber(name, v string, most uint32) uint32 {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n > uint64(most) {
		r.fail(name, "%s is no number up to %d", quote(v), most)
		return 0
	}
	return uint32(n)
}

// flag returns whether a variable says yes, in one of the ways that daemons
// have for it.
func (r *reader) flag(name string) bool {
	switch v := r.text(name); v {
	case "yes", "YES", "1":
		return true
	case "", "no", "NO", "0":
	default:
		r.fail(name, "%s is not yes or no", quote(v))
	}
	return false
}

// addr returns an address, an invalid one for none.
func (r *reader) addr(name string) netip.Addr {
	v := r.text(name)
	if v == "" {
		return netip.Addr{}
	}
	return r.parseAddr(name, v)
}

func (r *reader) parseAddr(name, v string) netip.Addr {
	a, err := netip.ParseAddr(v)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		r.fail(name, "%s is no IP address", quote(v))
		return netip.Addr{}
	}
	return a
}

// addrs returns addresses separated by blanks or commas.
func (r *reader) addrs(name string) []netip.Addr {
	var all []netip.Addr
	for _, v := range fields(r.text(name)) {
		if a := r.parseAddr(name, v); a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

func fields(v string) []string {
	return strings.FieldsFunc(v, func(c rune) bool { return c == ' ' || c == ',' })
}

// onLink returns an address with the length of its net, of the address alone if
// none is given.
func (r *reader) onLink(name string) netip.Prefix {
	v := r.text(name)
	if v == "" {
		return netip.Prefix{}
	}
	if !strings.Contains(v, "/") {
		if a := r.parseAddr(name, v); a.IsValid() {
			return netip.PrefixFrom(a, a.BitLen())
		}
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v)
	if err != nil || p.Addr().Is4In6() {
		r.fail(name, "%s is no address with the length of its net", quote(v))
		return netip.Prefix{}
	}
	return p
}

// mostNets bounds how many nets a range of addresses may become.
const mostNets = 64

// selector returns the nets of a selector: NET/LENGTH, or LOW-HIGH.
func (r *reader) selector(name string) []netip.Prefix {
	v := r.required(name)
	if v == "" {
		return nil
	}
	if strings.Contains(v, "-") {
		nets, err := netipx.ParseIPRange(v)
		if err != nil || nets.From().Zone() != "" || nets.From().Is4In6() {
			r.fail(name, "%s is no range of addresses", quote(v))
			return nil
		}
		if all := nets.Prefixes(); len(all) <= mostNets {
			return all
		}
		r.fail(name, "%s takes more than %d routes", quote(v), mostNets)
		return nil
	}
	p, err := netip.ParsePrefix(v)
	switch {
	case err != nil || p.Addr().Is4In6():
		r.fail(name, "%s is no net", quote(v))
	case p != p.Masked():
		r.fail(name, "%s has bits beyond its length", quote(v))
	default:
		return []netip.Prefix{p}
	}
	return nil
}

// mark returns a mark with its mask, both decimal or hexadecimal.
func (r *reader) mark(name string) conn.Mark {
	v := r.text(name)
	if v == "" {
		return conn.Mark{}
	}
	value, mask, masked := strings.Cut(v, "/")
	m, err := parseBits(value)
	bits := uint64(math.MaxUint32)
	if masked && err == nil {
		bits, err = parseBits(mask)
	}
	if err != nil || m&^bits != 0 {
		r.fail(name, "%s is no mark", quote(v))
		return conn.Mark{}
	}
	return conn.Mark{Value: uint32(m), Mask: uint32(bits), Set: true}
}

func parseBits(v string) (uint64, error) {
	if digits, ok := strings.CutPrefix(v, "0x"); ok {
		return strconv.ParseUint(digits, 16, 32)
	}
	return strconv.ParseUint(v, 10, 32)
}

// device returns the name of a device, without the number of an alias. The
// kernel's limits are those of dev_valid_name of net/core/dev.c; it would replace
// %d by a number.
func (r *reader) device(name string) string {
	v, _, _ := strings.Cut(r.text(name), ":")
	if len(v) > 15 || v == "." || v == ".." || strings.ContainsAny(v, "/ %") {
		r.fail(name, "%s is no name of a device", quote(v))
		return ""
	}
	return v
}

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
