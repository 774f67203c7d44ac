package loudness

import "time"

// Number is a loudness number, lambda in P 6.2: a weighted amplitude as a
// fraction of full scale (65535). Only its order matters.
type Number uint16

// Meter computes the loudness number of one stream. Use [NewMeter].
type Meter struct {
	p     Params
	noise follower

	// ring holds one amplitude per slot, gated and capped, for as long as the
	// longest window looks back. Slots that were never heard are 0.
	ring []uint16
	now  int // the newest slot
	// The slots that leave the recent past, the distant past and the horizon
	// when the next one begins.
	recent, distant, horizon int

	sumRecent, sumDistant uint64
	loud                  int // slots of the horizon with x >= Theta

	// The newest slot while packets cover only part of it: its value is the
	// mean over what is covered, so that the first packet counts at once.
	partial time.Duration
	area    uint64 // amplitude times nanoseconds in partial

	voiced bool
	speech bool
	spoken bool          // some slot was voiced since Reset
	quiet  time.Duration // media time since the latest voiced packet, bounded
}

// NewMeter returns a meter that has heard nothing. It panics when p.Check()
// would refuse p: parameters are checked where they enter the program.
func NewMeter(p Params) *Meter {
	if err := p.Check(); err != nil {
		panic(err)
	}
	n := max(p.RecentPast+p.DistantPast, p.Horizon)
	m := &Meter{p: p, ring: make([]uint16, n), noise: newFollower(p)}
	m.Reset()
	return m
}

// Reset makes the meter forget all it heard, the noise floor included.
func (m *Meter) Reset() {
	n := len(m.ring)
	clear(m.ring)
	m.now = n - 1
	m.recent = (n - m.p.RecentPast) % n
	m.distant = (2*n - m.p.RecentPast - m.p.DistantPast) % n
	m.horizon = (n - m.p.Horizon) % n
	m.sumRecent, m.sumDistant, m.loud = 0, 0, 0
	m.partial, m.area = 0, 0
	m.voiced, m.speech, m.spoken, m.quiet = false, false, false, 0
	m.noise.reset()
}

// Add tells the meter of one packet: its amplitude x and how much media time
// it lasts (from RTP timestamps, not from when it came). 30 ms count 1.5
// slots; a slot that two packets share has their mean.
func (m *Meter) Add(x uint16, d time.Duration) {
	if d <= 0 {
		return
	}
	m.voiced = x > m.gate()
	m.noise.add(x, d)
	m.speech = m.voiced && m.noise.known && uint32(x)*16 > uint32(m.noise.floor)*uint32(m.p.GateRatio)
	if !m.voiced {
		m.silence(d)
		return
	}
	m.spoken, m.quiet = true, 0
	m.push(min(x, m.p.Max), d)
}

// Catch pushes zeros for slots in which nothing came, when the leg has fallen
// behind. It teaches the noise floor nothing.
func (m *Meter) Catch(slots int) {
	if slots <= 0 {
		return
	}
	m.voiced, m.speech = false, false
	m.silence(time.Duration(min(slots, len(m.ring)+m.p.Hang)) * m.p.Slot)
}

// Number returns lambda after the latest packet.
func (m *Meter) Number() Number {
	rp, dp, ah := uint64(m.p.RecentPast), uint64(m.p.DistantPast), uint64(m.p.Horizon)
	a3 := uint64(Whole - m.p.A1 - m.p.A2)
	// The three terms over one common denominator, so that there is one
	// rounding, downwards.
	sum := uint64(m.p.A1)*m.sumRecent*dp*ah +
		uint64(m.p.A2)*m.sumDistant*rp*ah +
		a3*uint64(m.p.Theta)*uint64(m.loud)*rp*dp
	return Number(sum / (Whole * rp * dp * ah))
}

// Active reports whether the latest voiced slot is under Hang slots old
// (DESIGN 6).
func (m *Meter) Active() bool {
	return m.spoken && m.quiet < time.Duration(m.p.Hang)*m.p.Slot
}

// Voiced reports whether the latest packet was above the gate.
func (m *Meter) Voiced() bool { return m.voiced }

// Speech reports whether the latest packet stood out of the leg's noise, however
// loud that is. It is stricter than Voiced: a steady sound is no speech, and
// nothing is as long as the noise is not known.
func (m *Meter) Speech() bool { return m.speech }

// Noise returns the estimate of the leg's noise floor, an amplitude.
func (m *Meter) Noise() uint16 { return m.noise.floor }

// gate is the amplitude that a packet must exceed to be a voice.
func (m *Meter) gate() uint16 {
	g := uint32(m.noise.floor) * uint32(m.p.GateRatio) / 16
	return uint16(min(max(g, uint32(m.p.GateMin)), uint32(m.p.GateMax)))
}

// silence pushes zeros that last d.
func (m *Meter) silence(d time.Duration) {
	m.quiet = min(m.quiet+d, time.Duration(maxWindow)*m.p.Slot)
	m.push(0, d)
}

// push enters the gated amplitude x for d of media time.
func (m *Meter) push(x uint16, d time.Duration) {
	// More than the ring holds leaves nothing but x in it: leave out whole slots.
	if longest := time.Duration(len(m.ring)+2) * m.p.Slot; d > longest {
		d -= (d - longest) / m.p.Slot * m.p.Slot
	}
	for d > 0 {
		if m.partial == 0 {
			m.advance(x)
			if d >= m.p.Slot {
				d -= m.p.Slot
				continue
			}
		}
		take := min(d, m.p.Slot-m.partial)
		m.area += uint64(x) * uint64(take)
		m.partial += take
		d -= take
		m.amend(uint16(m.area / uint64(m.partial)))
		if m.partial == m.p.Slot {
			m.partial, m.area = 0, 0
		}
	}
}

// advance begins a slot of amplitude x.
func (m *Meter) advance(x uint16) {
	recent, distant := m.ring[m.recent], m.ring[m.distant]
	m.sumRecent += uint64(x) - uint64(recent)
	m.sumDistant += uint64(recent) - uint64(distant)
	if m.ring[m.horizon] >= m.p.Theta {
		m.loud--
	}
	if x >= m.p.Theta {
		m.loud++
	}
	n := len(m.ring)
	m.now = next(m.now, n)
	m.recent = next(m.recent, n)
	m.distant = next(m.distant, n)
	m.horizon = next(m.horizon, n)
	m.ring[m.now] = x
}

// amend changes the amplitude of the newest slot to x.
func (m *Meter) amend(x uint16) {
	old := m.ring[m.now]
	if x == old {
		return
	}
	m.sumRecent += uint64(x) - uint64(old)
	if old >= m.p.Theta {
		m.loud--
	}
	if x >= m.p.Theta {
		m.loud++
	}
	m.ring[m.now] = x
}

// next is the index after i in a ring of n.
func next(i, n int) int {
	if i++; i == n {
		return 0
	}
	return i
}
