package differential

import "strings"

// derived is what 5.2 works out of a conn's keys before it prints. A conn
// begins with what conn %default left behind, so a type= or authby= there shows
// where the conn's own value does not undo it.
type derived struct {
	shunt       string // type= of a conn that never negotiates
	ikev1       bool
	authby      string
	authbyWrong bool
}

// derive adds the keys of one section to what was known before.
func derive(before derived, values map[string]string) derived {
	d := before
	switch t, _ := meaningOf(typeWords, values["type"]); t {
	case "pass":
		d.shunt = "passthrough"
	case "drop", "reject":
		d.shunt = t
	}
	exchange, _ := meaningOf(keyexchangeWords, values["keyexchange"])
	ikev2, hasIKEv2 := meaningOf(ikev2Words, values["ikev2"])
	switch {
	case exchange == "ikev1" || exchange == "ikev2":
		d.ikev1 = exchange == "ikev1"
	case hasIKEv2:
		d.ikev1 = ikev2 == "never"
	}
	if v, ok := values["authby"]; ok {
		d.authby, d.authbyWrong = authbyText(v, d.ikev1)
	}
	return d
}

// authbyText returns what 5.2 prints for authby=; wrong tells that the conn
// fails because of it.
func authbyText(value string, ikev1 bool) (text string, wrong bool) {
	means := map[string]string{
		"secret": "PSK", "rsasig": "RSASIG RSASIG_v1_5", "rsa": "RSASIG RSASIG_v1_5", "never": "AUTH_NEVER", "null": "AUTH_NULL",
		"rsa-sha1": "RSASIG_v1_5", "rsa-sha2": "RSASIG", "rsa-sha2_256": "RSASIG", "rsa-sha2_384": "RSASIG", "rsa-sha2_512": "RSASIG",
		"ecdsa": "ECDSA", "ecdsa-sha2": "ECDSA", "ecdsa-sha2_256": "ECDSA", "ecdsa-sha2_384": "ECDSA", "ecdsa-sha2_512": "ECDSA",
	}
	set := map[string]bool{}
	for _, v := range strings.Split(strings.ReplaceAll(value, ",", " "), " ") {
		names, ok := means[v]
		if !ok || ikev1 && v != "secret" && v != "rsasig" && v != "rsa" && v != "never" {
			wrong = true
			break
		}
		for _, name := range strings.Fields(names) {
			set[name] = true
		}
	}
	var names []string
	for _, name := range []string{"PSK", "RSASIG", "ECDSA", "AUTH_NEVER", "AUTH_NULL", "RSASIG_v1_5"} {
		if set[name] {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+"), wrong
}

// tail prints the keys that come once more, or only here, at the end.
func (p *printer) tail(values map[string]string, d derived) {
	meaning := func(words, key string) string {
		m, _ := meaningOf(words, values[key])
		return m
	}
	orElse := func(value, otherwise string) string {
		if value == "" {
			return otherwise
		}
		return value
	}
	p.line("auto", orElse(meaning(autoWords, "auto"), "ignore"))
	if v := meaning(ppkWords, "ppk"); v != "" {
		p.line("ppk", v)
	}
	phase2 := meaning(phase2Words, "phase2")
	if d.shunt != "" {
		p.line("type", d.shunt)
		return
	}
	if phase2 != "esp" && phase2 != "ah" {
		return
	}
	if t := orElse(meaning(typeWords, "type"), "tunnel"); t == "tunnel" || t == "transport" {
		p.line("type", t)
	}
	for _, key := range []string{"compress", "pfs"} {
		if v := meaning(yesNoWords, key); v != "" {
			p.line(key, v)
		}
	}
	if v := meaning(yesNoAutoWords, "ikepad"); v != "" { // yes and no change places
		p.line("ikepad", map[bool]string{true: "yes", false: "no"}[v == "no"])
	}
	_, left := values["leftauth"]
	_, right := values["rightauth"]
	if !left || !right {
		p.line("authby", orElse(d.authby, "none"))
	}
	p.line("phase2", phase2)
	p.line("ikev2", map[bool]string{true: "no", false: "yes"}[d.ikev1])
	if v := meaning(esnWords, "esn"); v != "" {
		p.line("esn", v)
	}
	if v := meaning(fragmentationWords, "fragmentation"); v != "" {
		p.line("fragmentation", v)
	}
}
