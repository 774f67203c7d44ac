package sim

import (
	"math"
	"testing"

	"trivox/loudness"
)

// heard is the share of the seconds from and to in which i has a floor.
func (t Track) heard(i int, from, to float64) float64 {
	n, slots := 0, t.Slots[int(from*50):int(to*50)]
	for _, s := range slots {
		if s[i].Heard {
			n++
		}
	}
	return float64(n) / float64(len(slots))
}

// The drawing shows what it is said to show: the slammed door is not heard, the
// interrupter is in the end, he who stopped is not any more, a faint latecomer
// does not get in.
func TestTrace(t *testing.T) {
	tr := Trace(DefaultFloor())
	if len(tr.Names) != 5 || len(tr.Slots) != 800 {
		t.Fatalf("%d people, %d slots", len(tr.Names), len(tr.Slots))
	}
	for _, c := range []struct {
		what      string
		i         int
		from, to  float64
		low, high float64
	}{
		{"before all", 3, 0, 3, 0, 0},
		{"slammed door", 3, 3, 5, 0, 0},
		{"speaker beside it", 0, 3, 5, 1, 1},
		{"interrupter", 3, 7, 16, 0.5, 1},
		{"stopped", 0, 11, 16, 0, 0},
		{"latecomer", 4, 12, 16, 0, 0.25},
	} {
		if h := tr.heard(c.i, c.from, c.to); h < c.low || h > c.high {
			t.Errorf("%s: heard %.2f of the time, want %.2f to %.2f", c.what, h, c.low, c.high)
		}
	}
	if tr.Slots[160][3].Number == 0 || tr.Slots[400][3].Number < 2*tr.Slots[160][3].Number {
		t.Errorf("the door has lambda %d, the voice %d", tr.Slots[160][3].Number, tr.Slots[400][3].Number)
	}
}

// A recording is brought to -26 dB where it speaks; silence stays silence.
func TestRecording(t *testing.T) {
	x := Recording([]uint16{0, 1000, 500, 10, 1000})
	want := math.Sqrt((1000*1000*2 + 500*500) / 3.0)
	by := float64(amplitude(floorLevel)) / want
	for i, v := range []float64{0, 1000 * by, 500 * by, 10 * by, 1000 * by} {
		if math.Abs(float64(x[i])-v) > 1+v/50 {
			t.Errorf("slot %d: %d, want %.0f", i, x[i], v)
		}
	}
	if x := Recording([]uint16{1, 2, 3}); x[0] != 1 || x[2] != 3 {
		t.Errorf("a recording of nothing became %v", x)
	}
}

// With recordings, people say what was recorded: a talkspurt begins where it
// speaks, and where it pauses nobody does.
func TestRecordedScene(t *testing.T) {
	track := make([]uint16, 100)
	for i := range track[:80] {
		track[i] = 3277
	}
	c := DefaultFloor()
	c.Minutes, c.Speech = 2, [][]uint16{track}
	s := newScene("recorded", DefaultTalk(2), 1, c)
	speaks, pauses := 0, 0
	for slot := range s.x {
		for i, k := range s.kinds[slot] {
			switch x := s.x[slot][i]; {
			case k.Speaks():
				speaks++
				if x < floorOnset || x > loudness.FullScale/2 {
					t.Fatalf("slot %d: speaks at %d", slot, x)
				}
			case x > floorOnset:
				t.Fatalf("slot %d: does not speak, at %d", slot, x)
			default:
				pauses++
			}
		}
	}
	if speaks < 2000 || pauses < 2000 {
		t.Errorf("%d slots of speech, %d without", speaks, pauses)
	}
}

// A search finds parameters no worse than those it starts from, within its bounds,
// and better ones than bad ones.
func TestSearchFindsBetter(t *testing.T) {
	c := DefaultSearch()
	c.Trials, c.Minutes, c.Candidates, c.Rounds, c.Keep = 5, 1, 12, 1, 2
	c.Loudness.RecentPast = 200
	last := 0
	c.Progress = func(done, total int) { last = total - done }
	r := SearchFloor(c)
	if best := r.Best[0]; best.Trained.Points() > 0.8*r.Start.Trained.Points() || best.Held.Points() > 0.8*r.Start.Held.Points() {
		t.Errorf("from %+v to %+v", r.Start, best)
	}
	if last != 0 {
		t.Errorf("progress ends %d before the end", last)
	}
	for _, b := range r.Best {
		if err := b.Params.Check(); err != nil || b.Params.GateMax != b.Params.Theta {
			t.Errorf("%+v: %v", b.Params, err)
		}
		for _, k := range knobs() {
			if v := *k.of(&b.Params); v < k.low || v > k.high {
				t.Errorf("%d is outside %d to %d", v, k.low, k.high)
			}
		}
	}
}
