package claim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/updown/plan"
	"go.etcd.io/bbolt"
)

// Reader is the store at one time.
type Reader struct {
	tx *bbolt.Tx // nil: there is no store yet
}

// bucket returns a bucket, nil when there is none.
func (r *Reader) bucket(name []byte) *bbolt.Bucket {
	if r.tx == nil {
		return nil
	}
	return r.tx.Bucket(name)
}

// Claim returns the claim of a conn.
func (r *Reader) Claim(name string) (c plan.Claim, ok bool, err error) {
	b := r.bucket(claimsBucket)
	if b == nil {
		return c, false, nil
	}
	text := b.Get([]byte(name))
	if text == nil {
		return c, false, nil
	}
	c, err = r.decode(name, text)
	return c, err == nil, err
}

// Names returns the names of all claims that begin with a prefix.
func (r *Reader) Names(prefix string) []string {
	b := r.bucket(claimsBucket)
	if b == nil {
		return nil
	}
	var names []string
	c := b.Cursor()
	for k, _ := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)) && k != nil; k, _ = c.Next() {
		names = append(names, string(k))
	}
	return names
}

// Wants returns the name of a claim that wants something, other than those of
// skip.
func (r *Reader) Wants(what string, skip map[string]bool) (name string, ok bool) {
	for name := range r.Wanting(what) {
		if !skip[name] {
			return name, true
		}
	}
	return "", false
}

// Wanting yields the names of all claims that want something.
func (r *Reader) Wanting(what string) iter.Seq[string] {
	return func(yield func(string) bool) {
		b := r.bucket(indexBucket)
		if b == nil {
			return
		}
		prefix := []byte(indexKey(what, ""))
		c := b.Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			if !yield(string(k[len(prefix):])) {
				return
			}
		}
	}
}

// WantedFirmly reports whether something is wanted by a claim that is not
// Unfinished.
func (r *Reader) WantedFirmly(what string) bool {
	for name := range r.Wanting(what) {
		if !r.Begun(name) {
			return true
		}
	}
	return false
}

// Begun reports whether a change of a claim has begun.
func (r *Reader) Begun(name string) bool {
	b := r.bucket(begunBucket)
	return b != nil && b.Get([]byte(name)) != nil
}

// Whole reports whether somebody has seen that every interface of ours has its
// claim in this store. Until then, claims of an earlier one may be lost.
func (r *Reader) Whole() bool { return r.bucket(wholeBucket) != nil }

// Wanted returns what is wanted by any claim and begins with a prefix.
func (r *Reader) Wanted(prefix string) []string {
	b := r.bucket(indexBucket)
	if b == nil {
		return nil
	}
	var all []string
	c := b.Cursor()
	for k, _ := c.Seek([]byte(prefix)); bytes.HasPrefix(k, []byte(prefix)); {
		what, _, _ := strings.Cut(string(k), "\x00")
		all = append(all, what)
		k, _ = c.Seek([]byte(what + "\x01")) // past all who want it
	}
	return all
}

// Saved returns what of the host is to be restored.
func (r *Reader) Saved() ([]plan.Saved, error) {
	b := r.bucket(savedBucket)
	if b == nil || b.Get(savedKey) == nil {
		return nil, nil
	}
	var saved []plan.Saved
	err := json.Unmarshal(b.Get(savedKey), &saved)
	for i := 0; err == nil && i < len(saved); i++ {
		err = saved[i].Check()
	}
	if err != nil {
		return nil, fmt.Errorf("the record of what was changed of the host in %s is damaged: %w; %s", r.tx.DB().Path(), err, way)
	}
	return saved, nil
}

func (r *Reader) all() ([]plan.Claim, []plan.Saved, error) {
	b := r.bucket(claimsBucket)
	if b == nil {
		return nil, nil, nil
	}
	var claims []plan.Claim
	var errs []error
	err := b.ForEach(func(name, text []byte) error {
		c, err := r.decode(string(name), text)
		if err != nil {
			errs = append(errs, err)
		} else {
			claims = append(claims, c)
		}
		return nil
	})
	saved, savedErr := r.Saved()
	return claims, saved, errors.Join(append(errs, err, savedErr)...)
}

// check returns what a claim lacks that every claim of a conn has.
func check(c plan.Claim, name string) error {
	var faults []string
	if c.Name != name {
		faults = append(faults, fmt.Sprintf("its name is %q", c.Name))
	}
	for _, t := range append(slices.Clone(c.Previous), c.Tunnel) {
		if t.Link == "" && !t.PolicyBased {
			faults = append(faults, "a link is missing")
		}
		if t.IfID == 0 && t.VTI == (plan.VTI{}) && !t.PolicyBased {
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
