package conn

import "strings"

// subnetLists holds what both ends contribute to a product of subnets= lists.
type subnetLists struct {
	selectors [2][]Selector // of each side, empty for the host itself
	start     [2]int        // number of the first: 0 for subnet=, 1 for the first of subnets=
}

// isProduct tells whether an end has a list in subnets=.
func (b *builder) isProduct() bool {
	return b.get(keySubnets) != nil || b.get(endKey(keySubnets, Right)) != nil
}

// subnets reads the selectors of both ends. It returns nil unless there are
// subnets= lists, which make several conns.
func (b *builder) subnets(c *Conn) *subnetLists {
	var lists *subnetLists
	if b.isProduct() {
		lists = new(subnetLists)
	}
	for _, side := range bothSides {
		end := c.End(side)
		single := b.get(endKey(keySubnet, side))
		if single != nil {
			b.selectors(end, side, single, lists != nil)
		}
		if lists == nil {
			continue
		}
		list := b.subnetList(end, side)
		lists.selectors[side] = append(end.Subnets, list...)
		if len(end.Subnets) == 0 && len(list) > 0 {
			lists.start[side] = 1
		}
	}
	return lists
}

// selectors reads leftsubnet=. In a product it must be one plain subnet.
func (b *builder) selectors(end *End, side Side, kv *KeyValue, product bool) {
	if strings.HasPrefix(kv.Value, "vhost:") || strings.HasPrefix(kv.Value, "vnet:") {
		end.VirtualSubnet = kv.Value
		if product {
			b.at(kv, Error, CodeConflict, "a virtual subnet cannot be combined with subnets=", "")
		}
		return
	}
	if end.AddressPool != nil {
		b.at(kv, Error, CodeConflict, "it cannot be combined with "+side.String()+"addresspool=", "keep one of them")
		return
	}
	fields, p := splitStrict(kv.Value)
	b.problem(kv, p)
	if len(fields) > 1 && product {
		b.at(kv, Error, CodeConflict, "several selectors cannot be combined with subnets=", "move them into "+side.String()+"subnets=")
		return
	}
	for _, f := range fields {
		parse := parseSelector
		if product {
			parse = parseSubnet
		}
		sel, hostBits, p := parse(f.text)
		if p != nil {
			p.at += f.at
			b.problem(kv, p)
			return
		}
		if hostBits {
			b.hostBits(kv, f, sel, product)
		} else if hasOctal(f.text) {
			b.octal(kv, f, sel)
		}
		if b.addProtoPort(end, side, kv, &sel, len(fields)) {
			end.Subnets = append(end.Subnets, sel)
		}
	}
}

// hostBits reports an address with bits set behind its length: libreswan
// clears them, but refuses them in a product.
func (b *builder) hostBits(kv *KeyValue, f field, sel Selector, product bool) {
	d := Diagnostic{Pos: kv.ValuePos(), Severity: Warning, Code: CodeHostBits, Key: kv.Key,
		Text: quote(f.text) + " has bits set behind its length", Hint: "it is read as " + sel.String()}
	if product {
		d.Severity, d.Hint = Error, "write "+sel.String()
	}
	b.report(d)
}

// octal warns of a subnet that is not what it looks like.
func (b *builder) octal(kv *KeyValue, f field, sel Selector) {
	b.at(kv, Warning, CodeNumberForm, "a leading 0 makes a number of "+quote(f.text)+" octal", "it is read as "+sel.String())
}

// addProtoPort merges leftprotoport= into a selector.
func (b *builder) addProtoPort(end *End, side Side, kv *KeyValue, sel *Selector, count int) bool {
	switch {
	case !end.ProtoPort.Set:
		return true
	case count > 1:
		b.at(kv, Error, CodeConflict, "several selectors cannot be combined with "+side.String()+"protoport=",
			"write the protocol and port into each selector")
		return false
	case sel.Protocol != 0 || sel.Port != 0:
		b.at(kv, Error, CodeConflict, "it names a protocol, as "+side.String()+"protoport= does", "keep one of them")
		return false
	}
	sel.Protocol, sel.Port = end.ProtoPort.Protocol, end.ProtoPort.Port
	return true
}

// subnetList reads leftsubnets=.
func (b *builder) subnetList(end *End, side Side) []Selector {
	kv := b.get(endKey(keySubnets, side))
	if kv == nil {
		return nil
	}
	if end.AddressPool != nil {
		b.at(kv, Error, CodeConflict, "it cannot be combined with "+side.String()+"addresspool=", "keep one of them")
		return nil
	}
	fields := splitList(kv.Value)
	list := make([]Selector, 0, len(fields))
	for _, f := range fields {
		sel, hostBits, p := parseSubnet(f.text)
		if p != nil {
			b.problem(kv, p)
			return nil
		}
		if hostBits {
			b.hostBits(kv, f, sel, true)
		} else if hasOctal(f.text) {
			b.octal(kv, f, sel)
		}
		sel.Protocol, sel.Port = end.ProtoPort.Protocol, end.ProtoPort.Port
		list = append(list, sel)
	}
	return list
}

// maxProduct bounds the conns that subnets= lists make.
const maxProduct = 1 << 16

// product appends one conn for each pair of selectors: NAME/1x1, NAME/1x2 and
// so on, the left number first. Pairs of different families are left out.
func (b *builder) product(list []Conn, c *Conn, lists *subnetLists) []Conn {
	left, right := lists.selectors[Left], lists.selectors[Right]
	b.products += max(len(left), 1) * max(len(right), 1)
	if b.products > maxProduct {
		b.report(Diagnostic{Pos: c.Pos, Code: CodeTooLarge,
			Text: "subnets= lists make more than " + decimal(maxProduct) + " conns"})
		return list
	}
	mixed := 0
	for i := range max(len(left), 1) {
		for j := range max(len(right), 1) {
			member := *c
			member.Name = c.Name + "/" + decimal(uint64(lists.start[Left]+i)) + "x" + decimal(uint64(lists.start[Right]+j))
			member.Aliases = []string{c.Name}
			member.Left.Subnets, member.Right.Subnets = one(left, i), one(right, j)
			if member.Left.families(c.Family) != member.Right.families(c.Family) {
				mixed++
				continue
			}
			list = append(list, member)
		}
	}
	if mixed > 0 {
		b.report(Diagnostic{Pos: c.Pos, Severity: Warning, Code: CodeFamilyMismatch,
			Text: decimal(uint64(mixed)) + " pairs of subnets= mix IPv4 and IPv6 and are left out"})
	}
	return list
}

// one returns the list that holds element i alone.
func one(list []Selector, i int) []Selector {
	if len(list) == 0 {
		return nil
	}
	return list[i : i+1 : i+1]
}
