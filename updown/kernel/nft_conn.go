package kernel

import "github.com/google/nftables"

// withNft calls f with the connection to nftables, which is kept: to close it
// after something was deleted takes as long as the kernel's readers need to let
// go of that (nf_tables_trans_destroy_flush_work), some milliseconds. After an
// error it may have answers that nobody has read, and messages that nobody wants
// sent.
func (k *Kernel) withNft(f func(*nftables.Conn) error) error {
	if k.nft == nil {
		c, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return err
		}
		k.nft = c
	}
	err := f(k.nft)
	if err != nil {
		k.closeNft()
	}
	return err
}

func (k *Kernel) closeNft() {
	if k.nft != nil {
		_ = k.nft.CloseLasting() // nothing is lost with it
		k.nft = nil
	}
}
