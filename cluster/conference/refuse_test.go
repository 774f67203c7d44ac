package conference

import (
	"net/netip"
	"testing"
	"time"

	"trivox/media/codec"
)

// A packet that is not for hearing is refused in the sweep, sound is not: a flood takes no place of it (STYLE 16).
func TestRefuse(t *testing.T) {
	h := newHall(t, nil)
	p := h.dial("tea", codec.PCMU, Slot, sine(tones[0], amplitude, 8000))
	refused := 0
	h.worker.refuse = func() { refused++ }
	h.run(time.Second)
	if refused > 0 {
		t.Errorf("%d packets of sound were refused", refused)
	}
	c := h.worker.conferences[0]
	sound := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9}, make([]byte, 160)...)
	for name, junk := range map[string]struct {
		b    []byte
		from netip.AddrPort
	}{
		"nothing":           {nil, p.addr},
		"no RTP":            {[]byte("GET / HTTP/1.1\r\n\r\n"), p.addr},
		"a foreign address": {sound, netip.MustParseAddrPort("127.0.0.9:4000")},
		"a rival":           {sound, netip.AddrPortFrom(p.addr.Addr(), p.addr.Port()+2)},
		"RTCP":              {[]byte{0x80, 200, 0, 0}, netip.MustParseAddrPort("127.0.0.9:4000")},
	} {
		refused = 0
		h.now += 10 * time.Second // no other source may take over so late after the answer
		p.next = h.now
		h.run(100 * time.Millisecond)
		c.takeRTP(0, junk.b, junk.from, h.now)
		if refused != 1 {
			t.Errorf("%s was refused %d times", name, refused)
		}
	}
}
