package conn

// netnsLink is a device of a network namespace, "" for that of ipsecif: a name
// means something there alone.
type netnsLink struct{ netns, name string }

func netnsText(name string) string {
	if name == "" {
		return "the network namespace of ipsecif"
	}
	return "network namespace " + name
}
