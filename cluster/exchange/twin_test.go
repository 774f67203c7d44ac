package exchange

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trivox/loudness"
	"trivox/mixer"
)

// twin is a Server as one would write it down from DESIGN 6, with sorting and
// maps and no thought for speed. It remembers every slot's F and packets.
type twin struct {
	p      Params
	trunks map[Domain]int
	db2    map[uint32]twinEntry
	f      []mixer.Rank
	quiet  map[uint32]int  // inactive slots in DB1 on end
	sound  map[uint32]bool // its sound went out in the slot before
	order  []uint32        // DB1 of the slot before
	told   twinTold
	stats  Stats
}

type twinEntry struct {
	Stream
	from  Domain
	heard uint64
	life  uint64
}

type twinTold struct {
	at    uint64
	yes   bool
	lnt   mixer.Rank
	heard int
}

func (e twinEntry) alive(slot uint64) bool { return slot-e.heard < e.life }

func newTwin(p Params) *twin {
	return &twin{p: p, trunks: map[Domain]int{}, db2: map[uint32]twinEntry{}, quiet: map[uint32]int{}, sound: map[uint32]bool{}}
}

func (w *twin) trunk(d Domain, ptime, jitter time.Duration) {
	up := func(d time.Duration) int { return int(math.Ceil(float64(d) / float64(w.p.Slot))) }
	w.trunks[d] = w.p.Expiry + up(ptime) + up(jitter)
}

func (w *twin) hangup(d Domain) {
	delete(w.trunks, d)
	maps.DeleteFunc(w.db2, func(_ uint32, e twinEntry) bool { return e.from == d })
}

func (w *twin) receive(slot uint64, from Domain, st Stream) {
	life, known := w.trunks[from]
	if !known {
		w.stats.Strangers++
		return
	}
	if st.HeaderOnly {
		life = w.p.HeaderExpiry
	}
	old, had := w.db2[st.SSRC]
	switch {
	case had && old.alive(slot) && old.from != from:
		w.stats.Collisions++
		return
	case st.Number == 0:
		delete(w.db2, st.SSRC)
		return
	case !had:
		if !w.makeRoom(slot, from, st) {
			return
		}
	}
	w.db2[st.SSRC] = twinEntry{st, from, slot, uint64(life)}
}

// makeRoom drops a stream of a domain that has N_max already, unless the new one
// only says that it is silent.
func (w *twin) makeRoom(slot uint64, from Domain, st Stream) bool {
	var own []twinEntry
	for _, e := range w.db2 {
		if e.from == from && e.alive(slot) {
			own = append(own, e)
		}
	}
	if len(own) < w.p.NMax {
		return true
	}
	if st.HeaderOnly {
		return false
	}
	suspicion := func(e twinEntry) int {
		if e.heard == slot {
			return 0
		}
		if e.HeaderOnly {
			return 1
		}
		return 2
	}
	slices.SortFunc(own, func(a, b twinEntry) int {
		if c := suspicion(b) - suspicion(a); c != 0 {
			return c
		}
		if a.heard != b.heard {
			return int(a.heard) - int(b.heard)
		}
		return byRank(b.Rank, a.Rank)
	})
	delete(w.db2, own[0].SSRC)
	return true
}

func (w *twin) lnt() mixer.Rank {
	if len(w.f) < w.p.NMax {
		return mixer.Rank{}
	}
	return w.f[len(w.f)-1]
}

func (w *twin) inF(r mixer.Rank) bool { return slices.Contains(ssrcs(w.f), r.SSRC) }

// db1 is what the policy sends of the best N_max.
func (w *twin) db1(slot uint64, best []mixer.Rank) (sent []mixer.Rank) {
	lnt, heard := w.lnt(), len(w.f)
	if w.told.yes && slot < w.told.at+uint64(w.p.Hold) {
		heard = max(heard, w.told.heard)
		if w.told.lnt.Above(lnt) {
			lnt = w.told.lnt
		}
	}
	if len(w.trunks) == 0 || w.p.Policy == Full {
		return best
	}
	if heard < w.p.NMax {
		free := w.p.NMax - heard
		for _, r := range best {
			if w.inF(r) {
				sent = append(sent, r)
			} else if free > 0 {
				sent = append(sent, r)
				free--
			}
		}
		return sent
	}
	if w.p.Policy == Optimistic {
		lnt.Number = loudness.Number(int(lnt.Number) * w.p.Successor / 256)
	}
	k := 0
	for _, r := range best {
		if r.Above(lnt) {
			k++
		}
	}
	if w.p.Policy == Pessimistic {
		return best[:min(k+1, w.p.NMax, len(best))]
	}
	for i, r := range best {
		if i < k || w.inF(r) {
			sent = append(sent, r)
		}
	}
	return sent
}

// tick returns one slot as text.
func (w *twin) tick(slot uint64, local []mixer.Rank) string {
	var best []mixer.Rank
	for _, r := range local {
		if r.Number > 0 {
			best = append(best, r)
		}
	}
	slices.SortFunc(best, byRank)
	best = best[:min(len(best), w.p.NMax)]
	sent := slices.Clone(w.db1(slot, best))
	for _, ssrc := range w.order {
		for _, r := range local {
			said := w.quiet[ssrc] >= w.p.HeaderFirst || len(sent) == 2*w.p.NMax || slices.Contains(ssrcs(sent), ssrc)
			if r.SSRC == ssrc && !said && r.Number > 0 && !r.Active && len(w.trunks) > 0 {
				sent = append(sent, r) // its farewell
			}
		}
	}
	w.order = nil
	for _, r := range sent {
		if len(w.trunks) > 0 {
			w.order = append(w.order, r.SSRC)
		}
	}

	var send []Sent
	quiet, sound := map[uint32]int{}, map[uint32]bool{}
	for _, r := range sent {
		if len(w.trunks) == 0 {
			break
		}
		if r.Active {
			send = append(send, Sent{Rank: r, Resume: !w.sound[r.SSRC]})
			sound[r.SSRC] = true
			continue
		}
		n := w.quiet[r.SSRC] + 1
		quiet[r.SSRC] = n
		if n <= w.p.HeaderFirst || n > w.p.HeaderFirst && (n-w.p.HeaderFirst)%w.p.HeaderEvery == 0 {
			send = append(send, Sent{Rank: r, HeaderOnly: true})
		}
	}
	w.quiet, w.sound = quiet, sound

	w.f = slices.Clone(sent)
	maps.DeleteFunc(w.db2, func(_ uint32, e twinEntry) bool { return !e.alive(slot) })
	for _, e := range w.db2 {
		if !slices.Contains(ssrcs(sent), e.SSRC) {
			w.f = append(w.f, e.Rank)
		}
	}
	slices.SortFunc(w.f, byRank)
	w.f = w.f[:min(len(w.f), w.p.NMax)]
	for i := range send {
		send[i].InF = w.inF(send[i].Rank)
	}
	return transcript(w.f, send, w.lnt(), w.stats)
}

func transcript(f []mixer.Rank, send []Sent, lnt mixer.Rank, stats Stats) string {
	for i := range send {
		send[i].Index = 0
	}
	return fmt.Sprintf("F %v send %v LNT %v stats %v", f, send, lnt, stats)
}

// Against the twin: everything a server can be told, in any order.
func TestServerAgreesWithTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := with(rapid.SampledFrom(policies).Draw(t, "policy"))
		p.NMax = rapid.IntRange(1, 4).Draw(t, "nmax")
		p.Successor = rapid.SampledFrom([]int{205, 256, 100}).Draw(t, "successor")
		p.Hold = rapid.IntRange(1, 10).Draw(t, "hold")
		s, w := New(p), newTwin(p)
		rank := rapid.Custom(func(t *rapid.T) mixer.Rank {
			return mixer.Rank{
				Active: rapid.IntRange(0, 3).Draw(t, "active") > 0,
				Number: loudness.Number(rapid.Uint16Range(0, 12).Draw(t, "number")),
				SSRC:   rapid.Uint32Range(1, 16).Draw(t, "ssrc"),
			}
		})
		domain := rapid.SampledFrom([]Domain{"a", "b", "c"})
		slot := uint64(0)
		var local []mixer.Rank
		for range rapid.IntRange(1, 120).Draw(t, "events") {
			switch rapid.IntRange(0, 29).Draw(t, "event") {
			case 0, 1:
				d := domain.Draw(t, "domain")
				ptime := time.Duration(rapid.IntRange(1, 6).Draw(t, "ptime")) * 10 * time.Millisecond
				jitter := time.Duration(rapid.IntRange(0, 50).Draw(t, "jitter")) * time.Millisecond
				s.Trunk(d, ptime, jitter)
				w.trunk(d, ptime, jitter)
			case 2:
				d := domain.Draw(t, "domain")
				s.Hangup(d)
				w.hangup(d)
			case 3:
				ssrc := rapid.Uint32Range(1, 16).Draw(t, "ssrc")
				s.Remove(ssrc)
				delete(w.db2, ssrc)
			case 4:
				lnt, heard := rank.Draw(t, "told"), rapid.IntRange(0, p.NMax).Draw(t, "heard")
				s.Join(slot, lnt, heard)
				w.told = twinTold{slot, true, lnt, heard}
			case 5, 6, 7, 8, 9, 10, 11, 12:
				d := domain.Draw(t, "domain")
				r := rank.Draw(t, "remote")
				st := Stream{r, !r.Active}
				s.Receive(slot, d, st)
				w.receive(slot, d, st)
			default:
				if rapid.IntRange(0, 7).Draw(t, "change") == 0 {
					local = rapid.SliceOfNDistinct(rank, 0, 6, func(r mixer.Rank) uint32 { return r.SSRC }).Draw(t, "local")
				}
				for i := range local { // voices stop and start
					if rapid.IntRange(0, 9).Draw(t, "turn") == 0 {
						local[i].Active = !local[i].Active
					}
				}
				res := s.Tick(slot, local)
				for i, j := range res.Index {
					if j >= 0 && local[j] != res.F[i] {
						t.Fatalf("F %v, index %v of %v", res.F, res.Index, local)
					}
				}
				got := transcript(res.F, res.Send, res.LNT, s.Stats())
				if want := w.tick(slot, local); got != want {
					t.Fatalf("slot %d:\n%s, the twin has\n%s", slot, got, want)
				}
				slot += uint64(rapid.IntRange(1, 2).Draw(t, "slots"))
			}
		}
	})
}
