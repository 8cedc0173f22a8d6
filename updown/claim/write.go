package claim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ipsecif/ipsecif/updown/plan"
	"go.etcd.io/bbolt"
)

func indexKey(what, name string) string { return what + "\x00" + name }

// put writes claims, in the order of their names and of what they want: the
// library is slow at putting keys in between others.
func (r *Reader) put(claims []plan.Claim) error {
	claims = slices.SortedFunc(slices.Values(claims), func(a, b plan.Claim) int { return strings.Compare(a.Name, b.Name) })
	var add, del []string
	for _, c := range claims {
		was := r.wants(c.Name)
		add = appendMissing(add, c.Name, c.Wants, was)
		del = appendMissing(del, c.Name, was, c.Wants)
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := r.bucket(claimsBucket).Put([]byte(c.Name), text); err != nil {
			return err
		}
	}
	return r.reindex(add, del)
}

func (r *Reader) remove(names []string) error {
	var del []string
	for _, name := range names {
		del = appendMissing(del, name, r.wants(name), nil)
		if err := r.bucket(claimsBucket).Delete([]byte(name)); err != nil {
			return err
		}
	}
	return r.reindex(nil, del)
}

// wants returns what the present claim of a conn wants. Of a damaged claim that
// is not known; those who find its name in the index find no claim.
func (r *Reader) wants(name string) []string {
	c, _, _ := r.Claim(name)
	return c.Wants
}

// appendMissing appends the index keys for what is in wants and not in others.
func appendMissing(keys []string, name string, wants, others []string) []string {
	have := make(map[string]bool, len(others))
	for _, what := range others {
		have[what] = true
	}
	for _, what := range wants {
		if !have[what] {
			keys = append(keys, indexKey(what, name))
		}
	}
	return keys
}

func (r *Reader) reindex(add, del []string) error {
	return change(r.bucket(indexBucket), add, del)
}

// mark notes which changes have begun and which are done.
func (r *Reader) mark(begin, end []string) error {
	return change(r.bucket(begunBucket), begin, end)
}

// change adds keys without values to a bucket, and deletes others.
func change(b *bbolt.Bucket, add, del []string) error {
	for _, key := range slices.Sorted(slices.Values(del)) {
		if err := b.Delete([]byte(key)); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(slices.Values(add)) {
		if err := b.Put([]byte(key), []byte{}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) save(saved []plan.Saved) error {
	b := r.bucket(savedBucket)
	if len(saved) == 0 {
		return b.Delete(savedKey)
	}
	text, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	if bytes.Equal(text, b.Get(savedKey)) {
		return nil
	}
	return b.Put(savedKey, text)
}

// complete notes that no claim is lost.
func (r *Reader) complete(whole bool) error {
	if !whole {
		return nil
	}
	_, err := r.tx.CreateBucketIfNotExists(wholeBucket)
	return err
}
