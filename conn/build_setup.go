package conn

// Settings returns the typed values of config setup.
func (f *File) Settings() (Setup, Diagnostics) {
	b := newBuilder(f)
	b.begin(&f.Setup)
	b.checkKinds(true)
	s := Setup{InterfaceManaged: b.wordOf(keyManaged, yes) == yes, DNSResolver: "file"}
	if kv := b.get(keyDNSResolver); kv != nil {
		s.DNSResolver = asciiLower(kv.Value)
	}
	b.ownValues(&s.Own)
	return s, b.finish(f.order)
}
