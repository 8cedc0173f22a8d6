package main

import (
	"errors"
	"fmt"

	"github.com/ipsecif/ipsecif/testing/lab/hosts"
)

// listen begins to record what crosses a segment; wire ends it.
func (s *stage) listen(segment string) {
	s.do(func() (err error) {
		s.capture, err = s.net.Capture(segment)
		return err
	})
}

// wire shows the packets since listen, one line each, and asks a judge whether
// they are what the story says.
func (s *stage) wire(judge func(*stage, hosts.Packets) error) {
	s.do(func() error {
		packets, err := s.capture.Stop()
		if err != nil {
			return err
		}
		s.printf("the wire:\n")
		for _, p := range packets {
			s.printf("    %s\n", p.Text)
		}
		if len(packets) == 0 {
			s.printf("    (no packet)\n")
		}
		if err := judge(s, packets); err != nil {
			return fmt.Errorf("the wire: %w", err)
		}
		return nil
	})
}

func onlyESP(s *stage, packets hosts.Packets) error {
	return packets.OnlyESPAndIKE(s.net.Host("road"), s.net.Host("east"))
}

func onlyPings(_ *stage, packets hosts.Packets) error {
	if packets.Count(hosts.ICMP) == 0 {
		return errors.New("no ping was seen")
	}
	return without(packets, hosts.ESP, hosts.Other)
}

// nothing allows ARP and its like, with which hosts look after their LAN.
func nothing(_ *stage, packets hosts.Packets) error {
	return without(packets, hosts.ESP, hosts.ICMP, hosts.Other)
}

func without(packets hosts.Packets, kinds ...hosts.Kind) error {
	var errs []error
	for _, kind := range kinds {
		if n := packets.Count(kind); n > 0 {
			errs = append(errs, fmt.Errorf("%d packet(s) of kind %s", n, kind))
		}
	}
	return errors.Join(errs...)
}
