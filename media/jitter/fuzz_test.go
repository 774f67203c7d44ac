package jitter

import (
	"encoding/binary"
	"testing"
	"time"
)

// Whatever a stranger sends: every slot is filled, nothing grows without bound
// and every packet is accounted for.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 160, 0, 160, 1, 2, 0, 1, 0, 160, 160, 2, 20})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Add([]byte("01000\x03\x03\x03\x02\xea\x03\x03C\x03\x03\x00\x01\x00\x00\x03\x03\x03\x03\x03\xfa\x00\x00\xfa0007"))
	f.Add([]byte("00000(((((\xff000*#"))
	f.Add([]byte("000000007\x00\x0400000"))
	f.Fuzz(func(t *testing.T, script []byte) {
		b := newBuffer(t, Config{})
		now := time.Second
		var p Packet
		for ; len(script) >= 8; script = script[8:] {
			p.Seq += uint16(int8(script[0])) * (1 + uint16(script[1]&1)*700)
			p.Timestamp += uint32(int32(int16(binary.BigEndian.Uint16(script[2:])))) << (script[1] >> 4 & 7)
			p.Samples = int(script[4]) * 8
			p.Payload = make([]byte, int(script[5])*8)
			now += time.Duration(script[6]) * ms / 4
			p.Arrival = now - time.Duration(script[7])*ms
			if script[1]&8 != 0 {
				b.Skip(p.Seq)
				continue
			}
			b.Push(now, p)
			for range script[1] & 3 {
				now += 20 * ms
				check(t, b, b.Pop(now, script[0]&1 == 0), now, int(script[7]))
			}
		}
		s := b.Stats()
		if b.suspect.held {
			s.Refused++
		}
		if sum := s.Played + s.Late + s.Duplicates + s.Refused + s.Dropped + uint64(s.Waiting); s.Received != sum {
			t.Errorf("%d packets received, %d accounted for: %+v", s.Received, sum, s)
		}
		if size := b.store.size(); size > placesMost*(1500+160+112) {
			t.Errorf("the store has grown to %d bytes", size)
		}
	})
}

func check(t *testing.T, b *Buffer, s Slot, now time.Duration, more int) {
	units := s.Left
	for _, item := range s.Items {
		if item.Units <= 0 {
			t.Fatalf("item of %d units", item.Units)
		}
		units += item.Units
	}
	if units < int(b.slot) {
		t.Fatalf("a slot of %d units", units)
	}
	if b.level < 0 || b.level > b.units(2*b.c.MaxDelay) {
		t.Fatalf("%d units in hand", b.level)
	}
	for _, item := range b.More(now, more) {
		if item.Kind != Sound || item.Units <= 0 {
			t.Fatalf("More gave %+v", item)
		}
	}
}
