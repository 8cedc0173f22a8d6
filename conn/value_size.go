package conn

// Size is the value of an own key that takes off, auto or a number of bytes.
// The zero value means "not set".
type Size struct {
	Kind  SizeKind
	Bytes uint32 // for SizeBytes
}

// SizeKind tells what kind of value a Size has.
type SizeKind uint8

// The kinds of Size.
const (
	SizeUnset SizeKind = iota
	SizeOff            // left as it is
	SizeAuto           // computed
	SizeBytes          // given
)

// String returns the value as written, "" when unset.
func (s Size) String() string {
	if s.Kind == SizeBytes {
		return decimal(uint64(s.Bytes))
	}
	return nameOf(s.Kind, "", "off", "auto")
}

// Bounds of sizes in bytes: what Linux lets an xfrm interface have as MTU
// (ETH_MIN_MTU, IP_MAX_MTU), and what it takes as MSS (TCP_MIN_MSS).
const (
	minLinkMTU = 68
	maxLinkMTU = 65535
	minMSS     = 88
	maxMSS     = maxLinkMTU - 40
)

// sizeOf returns a size whose bytes are in a range, otherwise when the key is
// not set or wrong.
func (b *builder) sizeOf(id keyID, low, high uint64, otherwise Size) Size {
	kv := b.get(id)
	if kv == nil {
		return otherwise
	}
	switch {
	case equalFold("off", kv.Value):
		return Size{Kind: SizeOff}
	case equalFold("auto", kv.Value):
		return Size{Kind: SizeAuto}
	case kv.Value == "" || kv.Value[0] < '0' || kv.Value[0] > '9':
		b.problem(kv, &problem{text: quote(kv.Value) + " is not off, auto or a number of bytes"})
		return otherwise
	}
	if n := b.numberOf(id, low, high); n != 0 {
		return Size{SizeBytes, uint32(n)}
	}
	return otherwise
}
