package kernel

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// lowestIndex is where the indices begin that ipsecif gives to new links. The
// kernel counts its own up from 1, and an index is a positive int32.
const lowestIndex = 1 << 30

// indexTries bounds the search for an unused index; the first is nearly always
// one.
const indexTries = 10

// unusedIndex returns an index for a link that is to be made. Messages for its
// attributes give that index, so when the link cannot be made, because another
// has its name, they find no link rather than the other one.
func (k *Kernel) unusedIndex() (uint32, error) {
	for range indexTries {
		index := lowestIndex + rand.Uint32N(math.MaxInt32-lowestIndex)
		req, err := unix.NewIfreq("")
		if err != nil {
			return 0, err
		}
		req.SetUint32(index)
		switch err := unix.IoctlIfreq(k.devices, unix.SIOCGIFNAME, req); {
		case errors.Is(err, unix.ENODEV):
			return index, nil
		case err != nil:
			return 0, fmt.Errorf("looking for an unused device index: %w", err)
		}
	}
	return 0, fmt.Errorf("no unused device index in %d tries", indexTries)
}

// name returns the name of the link with an index, "" when there is none.
func (k *Kernel) name(index uint32) string {
	req, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	req.SetUint32(index)
	if err := unix.IoctlIfreq(k.devices, unix.SIOCGIFNAME, req); err != nil {
		return ""
	}
	return req.Name()
}

// index returns the index of a link, that which it has when it is asked for the
// first time by an Apply.
func (k *Kernel) index(link string) (uint32, error) {
	if index, ok := k.indices[link]; ok {
		return index, nil
	}
	req, err := unix.NewIfreq(link)
	if err != nil {
		return 0, fmt.Errorf("device %q: the name is too long", link)
	}
	if err := unix.IoctlIfreq(k.devices, unix.SIOCGIFINDEX, req); err != nil {
		return 0, fmt.Errorf("device %s: %w", link, err)
	}
	k.indices[link] = req.Uint32()
	return req.Uint32(), nil
}
