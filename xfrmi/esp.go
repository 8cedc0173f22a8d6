package xfrmi

import "strconv"

// Mode is how an SA wraps packets (XFRM_MODE_* of linux/xfrm.h).
type Mode uint8

// The modes of SAs that an xfrm interface can have.
const (
	Transport Mode = 0
	Tunnel    Mode = 1
	BEET      Mode = 4
	IPTFS     Mode = 5 // Linux 6.14
)

var modeNames = map[Mode]string{Transport: "transport", Tunnel: "tunnel", BEET: "beet", IPTFS: "iptfs"}

// String returns the mode as ip(8) writes it.
func (m Mode) String() string {
	if s, ok := modeNames[m]; ok {
		return s
	}
	return "mode " + strconv.Itoa(int(m))
}

// ESP is all that decides how many bytes an ESP SA adds to a packet.
type ESP struct {
	Mode Mode `json:"mode"`
	UDP  bool `json:"udp,omitempty"`  // ESP inside UDP, as behind a NAT
	IPv6 bool `json:"ipv6,omitempty"` // the outer header
	Cipher
}

// Cipher has the sizes in bytes of an encryption algorithm together with its
// integrity check.
type Cipher struct {
	IV    int `json:"iv"`    // in every packet
	ICV   int `json:"icv"`   // in every packet
	Block int `json:"block"` // of the cipher; ESP pads to a multiple of it, and of 4
}

// WorstCipher is the largest of those that IKE daemons propose by default: AES
// in CBC mode with SHA2-512.
var WorstCipher = Cipher{IV: 16, ICV: 32, Block: 16}

// ivAndBlock has, by the kernel's names, what the ICV does not decide
// (net/xfrm/xfrm_algo.c and crypto/ of Linux).
var ivAndBlock = map[string]Cipher{
	"rfc4106(gcm(aes))":             {IV: 8, Block: 1},
	"rfc4309(ccm(aes))":             {IV: 8, Block: 1},
	"rfc4543(gcm(aes))":             {IV: 8, Block: 1},
	"rfc7539esp(chacha20,poly1305)": {IV: 8, Block: 1},
	"rfc3686(ctr(aes))":             {IV: 8, Block: 1},
	"ecb(cipher_null)":              {IV: 0, Block: 1},
	"cbc(aes)":                      {IV: 16, Block: 16},
	"cbc(camellia)":                 {IV: 16, Block: 16},
	"cbc(serpent)":                  {IV: 16, Block: 16},
	"cbc(twofish)":                  {IV: 16, Block: 16},
	"cbc(sm4)":                      {IV: 16, Block: 16},
	"cbc(blowfish)":                 {IV: 8, Block: 8},
	"cbc(cast5)":                    {IV: 8, Block: 8},
	"cbc(des)":                      {IV: 8, Block: 8},
	"cbc(des3_ede)":                 {IV: 8, Block: 8},
}

// CipherOf returns the sizes of an algorithm by the kernel's name for it, with
// an ICV of so many bytes. One that is not known is taken for the largest.
func CipherOf(name string, icv int) Cipher {
	c, ok := ivAndBlock[name]
	if !ok {
		c = WorstCipher
	}
	c.ICV = icv
	return c
}
