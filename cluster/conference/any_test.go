package conference

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
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
