package conference

import (
	"context"
	"strings"
	"time"

	"trivox/media/codec"
)

// hold and resume, in the forms there are (SIP.md OA-3).
func (x *hustle) hold(m *member) {
	m.holds = map[bool]string{true: []string{"sendonly", "inactive", "0.0.0.0"}[x.r.IntN(3)]}[m.holds == ""]
	x.did("%s holds %q", m.leg.ID(), m.holds)
	_, err := m.leg.Answer(m.described())
	x.must(err)
}

// described is the member's offer, or its answer, as its call is now.
func (m *member) described() []byte {
	switch m.holds {
	case "":
		return m.offer("sendrecv")
	case "0.0.0.0":
		return []byte(strings.Replace(string(m.offer("sendrecv")), "\r\nc=IN IP4 "+m.addr.Addr().String(), "\r\nc=IN IP4 0.0.0.0", 1))
	}
	return m.offer(m.holds)
}

// change is a re-INVITE with another codec or packet time, by our offer or theirs.
func (x *hustle) change(m *member) {
	c := codec.All()[x.r.IntN(len(codec.All()))]
	m.codec, m.speaks, m.pt, m.ptime = c, c, uint8(c.PayloadType), x.packetTime(c)
	m.anchor.set, m.anchor.seen = false, m.packets
	var err error
	m.encoder, err = c.NewEncoder(codec.Settings{PTime: m.ptime, Bitrate: 32000})
	x.must(err)
	m.decoder, err = c.NewDecoder()
	x.must(err)
	m.heard = nil
	m.tune()
	ours := x.r.IntN(3) == 0
	x.did("%s changes to %s, %v, our offer %v", m.leg.ID(), c.Name, m.ptime, ours)
	if !ours {
		_, err = m.leg.Answer(m.described())
		x.must(err)
		return
	}
	_, err = m.leg.Offer()
	x.must(err)
	x.must(m.leg.SetAnswer(m.described()))
}

// refused are offers that change nothing.
func (x *hustle) refused(m *member) {
	x.did("%s offers nonsense", m.leg.ID())
	for _, bad := range []string{"", "v=0\r\n", "\x00\xff", strings.Replace(string(m.offer("sendrecv")), "m=audio", "m=video", 1),
		strings.Replace(string(m.offer("sendrecv")), "RTP/AVP", "RTP/SAVP", 1)} {
		if _, err := m.leg.Answer([]byte(bad)); err == nil {
			x.t.Errorf("%q was answered", bad)
		}
	}
}

// garbage arrives at a leg's port, from the phone itself and from elsewhere.
func (x *hustle) garbage(m *member) {
	x.did("garbage for %s", m.leg.ID())
	for range 20 {
		b := make([]byte, x.r.IntN(200))
		for i := range b {
			b[i] = byte(x.r.Uint32())
		}
		if len(b) > 1 && x.r.IntN(2) == 0 {
			b[0], b[1] = 0x80|b[0]&0x3f, byte([]uint8{200, 201, 202, 203, 204, 205, 207, 101, 13}[x.r.IntN(9)])
		}
		m.outbox = append(m.outbox, datagram{b, x.now})
	}
}

// look asks for what can be asked.
func (x *hustle) look(room string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan []Participant)
	go func() {
		_, people, _ := x.server.Show(ctx, room)
		done <- people
	}()
	for {
		x.drain()
		select {
		case people := <-done:
			if n := x.in(room); len(people) != n {
				x.t.Errorf("%d are shown in %s, %d are in it", len(people), room, n)
			}
			return
		default:
		}
	}
}

func (x *hustle) in(room string) (n int) {
	for _, m := range x.members {
		if m.room == room {
			n++
		}
	}
	return n
}

// stall holds the worker up for some slots.
func (x *hustle) stall(slots int) {
	for range slots {
		x.now += Slot
		for _, p := range x.phones {
			p.speak(x.now)
		}
	}
	x.drain()
	x.worker.tick(x.now, slots-1)
	x.check()
}

// stretch lets some slots pass.
func (x *hustle) stretch(slots int) {
	x.slots = 0
	for _, m := range x.members {
		m.floors = 0
	}
	for range slots {
		x.slot()
		x.check()
		x.slots++
	}
}
