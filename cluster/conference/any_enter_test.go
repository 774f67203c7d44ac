package conference

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"trivox/media/codec"
)

// join brings one in; sometimes he is gone before anything was agreed, or before the worker knows of him.
func (x *hustle) join() {
	room := []string{"tea", "coffee"}[x.r.IntN(2)]
	q := Request{Conference: room, Local: netip.MustParseAddr("127.0.0.1"), HangUp: func(Cause) {}}
	if x.locked[room] {
		if _, err := x.server.Enter(context.Background(), q); !errors.Is(err, ErrLocked) {
			x.t.Errorf("entering %s, which is locked: %v", room, err)
		}
		return
	}
	if x.r.IntN(6) == 0 {
		l, err := x.server.Enter(context.Background(), q)
		x.must(err)
		l.End(Cause{Text: "before anything was agreed"})
		l.End(Cause{Text: "twice"})
		return
	}
	hertz := anyHertz[slices.IndexFunc(anyHertz[:], func(f float64) bool {
		return !slices.ContainsFunc(x.members, func(m *member) bool { return m.hertz == f })
	})]
	c := codec.All()[x.r.IntN(len(codec.All()))]
	used := x.phones
	outside := x.r.IntN(3) == 0
	m := &member{phone: x.dialAs(room, c, x.packetTime(c), nil, Request{Lobby: outside}), room: room, hertz: hertz, talks: x.r.IntN(3) > 0, lobby: outside}
	m.addr = netip.AddrPortFrom(m.addr.Addr(), uint16(5000+len(x.log))) // dial's repeat when somebody has left
	_, err := m.leg.Answer(m.offer("sendrecv"))
	x.must(err)
	m.stalls = true
	m.tune()
	x.did("%s enters %s with %s, %v, %v Hz, talks %v, outside %v", m.leg.ID(), room, c.Name, m.ptime, hertz, m.talks, m.lobby)
	if x.r.IntN(8) == 0 {
		m.leg.end(Cause{Text: "before the worker knew"})
		x.phones = used
		return
	}
	x.members = append(x.members, m)
}

func (x *hustle) packetTime(c codec.Codec) time.Duration {
	return c.PacketTime([]time.Duration{10, 20, 20, 30, 40, 60}[x.r.IntN(6)] * time.Millisecond)
}

// tune makes the phone send its tone, or nothing.
func (m *member) tune() {
	m.source = nil
	if m.talks {
		m.source = sine(m.hertz, amplitude, m.speaks.SampleRate)
	}
}

// admit lets one in from the lobby.
func (x *hustle) admit(m *member) {
	x.did("%s is admitted, outside %v", m.leg.ID(), m.lobby)
	err := m.leg.Admit(false)
	if m.lobby && x.locked[m.room] {
		if !errors.Is(err, ErrLocked) {
			x.t.Errorf("coming into what is locked: %v", err)
		}
		return
	}
	x.must(err)
	m.lobby = false
}

// prompt says something short to one outside.
func (x *hustle) prompt(m *member) {
	x.did("%s is told something, outside %v", m.leg.ID(), m.lobby)
	err := m.leg.Play(Play{Prompts: []Prompt{make(Prompt, x.r.IntN(4000))}, Firm: x.r.IntN(2) == 0})
	if m.lobby {
		x.must(err)
	} else if !errors.Is(err, errAdmitted) {
		x.t.Errorf("a prompt for one inside: %v", err)
	}
}

func (x *hustle) leave(m *member) {
	x.did("%s leaves %s", m.leg.ID(), m.room)
	m.leg.end(Cause{ByPeer: true})
	if _, err := m.leg.Answer(m.offer("sendrecv")); err == nil {
		x.t.Error("a leg that has ended answers")
	}
	m.leg.Digit('1', time.Second)
	x.members = slices.DeleteFunc(x.members, func(o *member) bool { return o == m })
	x.phones = slices.DeleteFunc(slices.Clone(x.phones), func(p *phone) bool { return p == m.phone })
	if !slices.ContainsFunc(x.members, func(o *member) bool { return o.room == m.room }) {
		delete(x.locked, m.room)
	}
}

func (x *hustle) kick(m *member) {
	x.must(x.server.Kick(m.room, m.leg.ID(), Cause{Text: "out"}))
	if len(m.hungUp) == 0 {
		x.t.Error("who was kicked was not hung up")
	}
	x.leave(m)
}

func (x *hustle) end(room string) {
	x.did("%s is ended", room)
	x.must(x.server.End(room, Cause{Text: "the end"}))
	for _, m := range slices.Clone(x.members) {
		if m.room == room {
			if len(m.hungUp) == 0 {
				x.t.Errorf("%s was ended, and %s not hung up", room, m.leg.ID())
			}
			x.leave(m)
		}
	}
}

func (x *hustle) lock(room string) {
	x.locked[room] = !x.locked[room]
	x.did("%s locked %v", room, x.locked[room])
	x.must(x.server.Lock(room, x.locked[room]))
}
