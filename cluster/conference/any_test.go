package conference

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/media/codec"
)

// anyHertz are the tones of the members: no sums, differences or multiples of each other.
var anyHertz = [...]float64{311, 409, 523, 661, 797, 967, 1151, 1373, 1613, 1877, 2161, 2503}

// member is a phone with what it has done to its call.
type member struct {
	*phone
	room   string
	hertz  float64
	talks  bool
	holds  string // a form of hold, "" for none
	muted  bool
	lobby  bool     // outside
	anchor struct { // of the timestamps it hears
		set   bool
		at    time.Duration
		stamp uint32
		rate  int
		seen  int // packets when it was looked at last
	}
	floors int // slots of the present stretch in which it had the floor
}

func (m *member) eligible() bool { return m.talks && m.holds == "" && !m.muted && !m.lobby }

// deaf tells that nothing is sent to it; with sendonly we go on receiving only, with 0.0.0.0 there is no address.
func (m *member) deaf() bool { return m.holds != "" }

// hustle is a conference server to which anything happens, and what must be true of it whatever has.
type hustle struct {
	*hall
	r       *rand.Rand
	members []*member
	locked  map[string]bool
	log     []string
	slots   int // of the present stretch
}

// Whatever callers do and in whatever order, streams have no gap, at most N_max are heard, and who should hear hears.
func TestAnything(t *testing.T) {
	seeds := 4
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			x := &hustle{hall: newHall(t, nil), r: rand.New(rand.NewPCG(seed, 77)), locked: make(map[string]bool)}
			for range 12 {
				for range 2 + x.r.IntN(12) {
					x.act()
					x.stretch(x.r.IntN(40))
				}
				x.settle()
				if t.Failed() {
					t.Fatalf("seed %d, what happened:\n%s", seed, strings.Join(x.log, "\n"))
				}
			}
			x.steady()
		})
	}
}

// act does one thing.
func (x *hustle) act() {
	if len(x.members) == 0 || x.r.IntN(4) == 0 && len(x.members) < len(anyHertz) {
		x.join()
		return
	}
	m := x.members[x.r.IntN(len(x.members))]
	switch x.r.IntN(22) {
	case 0, 1:
		x.leave(m)
	case 2:
		x.kick(m)
	case 3, 4, 5:
		x.hold(m)
	case 6, 7:
		m.muted = !m.muted
		x.did("%s muted %v", m.leg.ID(), m.muted)
		x.must(x.server.Mute(m.room, m.leg.ID(), m.muted))
	case 8, 9, 10:
		x.change(m)
	case 11, 12:
		m.talks = !m.talks
		m.tune()
		x.did("%s talks %v", m.leg.ID(), m.talks)
	case 13:
		x.refused(m)
	case 14:
		x.did("stall")
		x.stall(1 + x.r.IntN(40))
	case 15:
		x.did("%s presses a key", m.leg.ID())
		m.leg.Digit('5', 100*time.Millisecond)
	case 16:
		x.lock(m.room)
	case 17:
		x.garbage(m)
	case 18:
		x.look(m.room)
	case 19:
		x.admit(m)
	case 20:
		x.prompt(m)
	case 21:
		if x.r.IntN(4) == 0 {
			x.end(m.room)
		}
	}
}

func (x *hustle) did(format string, args ...any) {
	x.log = append(x.log, fmt.Sprintf("%v: ", x.now-time.Hour)+fmt.Sprintf(format, args...))
}

func (x *hustle) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Error(err)
	}
}

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

func (x *hustle) lock(room string) {
	x.locked[room] = !x.locked[room]
	x.did("%s locked %v", room, x.locked[room])
	x.must(x.server.Lock(room, x.locked[room]))
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

// check is what is true in every slot.
func (x *hustle) check() {
	x.t.Helper()
	if got := x.ports.InUse(); got != len(x.members) {
		x.t.Errorf("%d port pairs for %d calls", got, len(x.members))
	}
	if got := int(x.worker.legs.Load()); got != len(x.members) {
		x.t.Errorf("the worker believes in %d legs of %d", got, len(x.members))
	}
	lines := 0
	for _, c := range x.worker.conferences {
		lines += len(c.lines)
		x.checkConference(c)
	}
	if lines != len(x.members) || len(x.server.rooms) != len(x.worker.conferences) {
		x.t.Errorf("%d lines in %d conferences, %d calls in %d rooms", lines, len(x.worker.conferences), len(x.members), len(x.server.rooms))
	}
	for _, m := range x.members {
		x.checkStamps(m)
	}
}

func (x *hustle) checkConference(c *conference) {
	floors, legs, rate := 0, 0, lowRate
	for i, l := range c.lines {
		if l.lobby == nil {
			rate = max(rate, l.format.codec.SampleRate)
		}
		if c.rtp[i] != l.pair.RTP || c.rtcp[i] != l.pair.RTCP {
			x.t.Errorf("line %d has another's sockets", i)
		}
		if l.group == nil || l.group.coder.format != l.format || !slices.Contains(c.groups, l.group) {
			x.t.Errorf("line %d is in no group of its format", i)
		}
		if !l.floor {
			continue
		}
		floors++
		m := x.members[slices.IndexFunc(x.members, func(m *member) bool { return m.leg == l.leg })]
		m.floors++
		if m.muted || m.holds != "" || m.lobby {
			x.t.Errorf("%s has the floor, muted %v, holding %q, outside %v", l.leg.id, m.muted, m.holds, m.lobby)
		}
	}
	for _, g := range c.groups {
		legs += g.legs
		if g.legs < 1 {
			x.t.Errorf("a group of %s has %d legs", g.coder.format.codec.Name, g.legs)
		}
	}
	if floors > c.cfg.NMax || legs != len(c.lines) || c.wanted != rate || c.rate != rate && c.waited > 2*rateSlots {
		x.t.Errorf("%d floors; %d legs in groups of %d; mixed at %d Hz for %d slots, heard at %d", floors, legs, len(c.lines),
			c.rate, c.waited, rate)
	}
}

// checkStamps holds timestamps against time: a stream never runs ahead of it or falls behind.
func (x *hustle) checkStamps(m *member) {
	a := &m.anchor
	if m.deaf() {
		a.set, a.seen = false, m.packets
		return
	}
	if m.packets == a.seen {
		return
	}
	a.seen = m.packets
	if !a.set {
		a.set, a.at, a.stamp, a.rate = true, x.now, m.lastTS, m.codec.ClockRate
		return
	}
	went := time.Duration(int32(m.lastTS-a.stamp)) * time.Second / time.Duration(a.rate)
	if off := went - (x.now - a.at); off > 2*m.ptime || off < -2*m.ptime {
		x.t.Errorf("%s of %s, %v: in %v timestamps went on by %v", m.leg.ID(), m.codec.Name, m.ptime, x.now-a.at, went)
		a.set = false
	}
}

// settle leaves everybody alone for a while, and listens.
func (x *hustle) settle() {
	x.stretch(packetsIn(3 * time.Second))
	for _, m := range x.members {
		m.heard = nil
	}
	x.stretch(packetsIn(1200 * time.Millisecond))
	eligible := make(map[string]int)
	floors := make(map[string]int)
	for _, m := range x.members {
		floors[m.room] += m.floors
		if m.eligible() {
			eligible[m.room]++
		}
	}
	for room, n := range eligible {
		if want := min(n, 3) * x.slots; floors[room] != want {
			x.t.Errorf("%d talk in %s; of %d floors in %d slots %d were taken", n, room, want, x.slots, floors[room])
		}
	}
	for _, m := range x.members {
		x.listen(m)
	}
}

// listen judges what one hears: all of those who had the floor throughout, none of those who never had it.
func (x *hustle) listen(m *member) {
	if m.deaf() {
		if len(m.heard) > 0 {
			x.t.Errorf("%s holds %q and was sent %d samples", m.leg.ID(), m.holds, len(m.heard))
		}
		return
	}
	for _, o := range x.members {
		got := m.level(o.hertz, time.Second)
		heard := o.room == m.room && o != m && o.floors == x.slots && !m.lobby
		silent := o.room != m.room || o == m || o.floors == 0 || m.lobby
		if heard && (got < 0.6*amplitude || got > 1.6*amplitude) || silent && got > amplitude/10 {
			x.t.Errorf("%s (%s, %v) hears %v Hz of %s (%s, %v) at %.4f; heard %v", m.leg.ID(), m.codec.Name, m.ptime,
				o.hertz, o.leg.ID(), o.codec.Name, o.ptime, got, heard)
		}
	}
}

// steady: with nothing new the worker takes no memory.
func (x *hustle) steady() {
	x.stretch(100)
	phones := x.phones
	x.phones = nil
	defer func() { x.phones = phones }()
	n := testing.AllocsPerRun(50, func() {
		x.now += Slot
		x.worker.tick(x.now, 0)
	})
	if n > 0 {
		x.t.Errorf("a slot allocates %v times", n)
	}
}
