package claim

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/updown/plan"
)

// suffix ends the name of every claim's file.
const suffix = ".json"

// fileName returns the name of a claim's file. A conn's name may hold any
// character, so it is escaped and cannot leave the directory; a leading dot is
// escaped too, since files that are being written begin with one.
func fileName(name string) string {
	escaped := url.PathEscape(name)
	if rest, ok := strings.CutPrefix(escaped, "."); ok {
		escaped = "%2E" + rest
	}
	return escaped + suffix
}

// read returns the claim in a file of the directory. The error about a damaged
// one says what that means for its conn.
func (s *Store) read(file string) (plan.Claim, error) {
	path := filepath.Join(s.claims(), file)
	name, err := url.PathUnescape(strings.TrimSuffix(file, suffix))
	if err != nil || fileName(name) != file {
		return plan.Claim{}, fmt.Errorf("%s is no name of a claim's file; remove it", path)
	}
	var c plan.Claim
	err = readJSON(path, &c)
	var unread *fs.PathError
	if errors.As(err, &unread) {
		return c, err
	}
	if err == nil {
		err = check(c, name)
	}
	if err != nil {
		return c, fmt.Errorf("the claim of conn %q in %s is damaged: %w; without its claim the conn loses its protection: "+
			"remove the file and run `ipsecif up %s` to bring it back", name, path, err, name)
	}
	return c, nil
}

// check returns what a claim lacks that every claim of a conn has.
func check(c plan.Claim, name string) error {
	var faults []string
	if c.Name != name {
		faults = append(faults, fmt.Sprintf("its name is %q", c.Name))
	}
	for _, t := range append(slices.Clone(c.Previous), c.Tunnel) {
		if t.Link == "" {
			faults = append(faults, "a link is missing")
		}
		if t.IfID == 0 {
			faults = append(faults, "an if_id is missing")
		}
		if slices.ContainsFunc(t.Pairs, func(p plan.Pair) bool { return !p.Ours.IsValid() || !p.Theirs.IsValid() }) {
			faults = append(faults, "a subnet of a pair is missing")
		}
	}
	if faults == nil {
		return nil
	}
	return errors.New(strings.Join(faults, ", "))
}
