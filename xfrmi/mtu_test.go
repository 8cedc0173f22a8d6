package xfrmi

import "testing"

// TestMTU has values that the lab compares with those of the kernel, and the
// arithmetic as it is printed.
func TestMTU(t *testing.T) {
	gcm := CipherOf("rfc4106(gcm(aes))", 16)
	cbc := CipherOf("cbc(aes)", 16)
	for _, tt := range []struct {
		esp  ESP
		path int
		want string
	}{
		{ESP{Mode: Tunnel, Cipher: gcm}, 1500, "1446 = 1500 path - 20 IPv4 - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Tunnel, UDP: true, Cipher: gcm}, 1500, "1438 = 1500 path - 20 IPv4 - 8 UDP - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Tunnel, IPv6: true, Cipher: gcm}, 1500, "1426 = 1500 path - 40 IPv6 - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Tunnel, IPv6: true, Cipher: gcm}, 1300, "1226 = 1300 path - 40 IPv6 - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Tunnel, Cipher: CipherOf("rfc4106(gcm(aes))", 8)}, 1499,
			"1450 = 1499 path - 20 IPv4 - 8 ESP - 8 IV - 8 ICV - 3 to a multiple of 4 - 2 trailer"},
		{ESP{Mode: Tunnel, UDP: true, Cipher: cbc}, 1500,
			"1422 = 1500 path - 20 IPv4 - 8 UDP - 8 ESP - 16 IV - 16 ICV - 8 to a multiple of 16 - 2 trailer"},
		{ESP{Mode: Tunnel, UDP: true, Cipher: WorstCipher}, 1500,
			"1406 = 1500 path - 20 IPv4 - 8 UDP - 8 ESP - 16 IV - 32 ICV - 8 to a multiple of 16 - 2 trailer"},
		{ESP{Mode: Tunnel, Cipher: CipherOf("ecb(cipher_null)", 12)}, 1500, "1458 = 1500 path - 20 IPv4 - 8 ESP - 12 ICV - 2 trailer"},
		{ESP{Mode: Transport, Cipher: gcm}, 1500, "1466 = 1500 path - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Transport, Cipher: cbc}, 1500, "1458 = 1500 path - 8 ESP - 16 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: BEET, IPv6: true, Cipher: cbc}, 1500, "1430 = 1500 path - 28 BEET - 8 ESP - 16 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: BEET, Cipher: gcm}, 1500, "1458 = 1500 path - 8 BEET - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: IPTFS, Cipher: gcm}, 1500, "1442 = 1500 path - 20 IPv4 - 4 IPTFS - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Tunnel, Cipher: gcm}, 60, "6 = 60 path - 20 IPv4 - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
		{ESP{Mode: Tunnel, Cipher: gcm}, 20, "-34 = 20 path - 20 IPv4 - 8 ESP - 8 IV - 16 ICV - 2 trailer"},
	} {
		if got := tt.esp.MTU(tt.path).String(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.esp, got, tt.want)
		}
	}
}

func TestUnknownCipher(t *testing.T) {
	if got := CipherOf("xts(threefish)", 24); got != (Cipher{IV: 16, ICV: 24, Block: 16}) {
		t.Errorf("%+v, want the sizes of the largest", got)
	}
}
