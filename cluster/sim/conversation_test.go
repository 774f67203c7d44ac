package sim

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"
	"time"
)

const hour = int(time.Hour / Slot)

// ITU-T P.59: two people talk and pause for 1.004 s and 1.587 s on average, both
// talk for 0.228 s and both are silent for 0.508 s at a time.
func TestTwoTalkAsInP59(t *testing.T) {
	c := NewConversation(DefaultTalk(2), 1)
	// Lengths of all finished stretches of talk, pause, double talk and mutual silence.
	var total, count [4]int
	var run [2][2]int // by participant: slots silent and speaking so far
	both, none := 0, 0
	close := func(i int, n *int) {
		if *n > 0 {
			total[i] += *n
			count[i]++
			*n = 0
		}
	}
	for range 10 * hour {
		var speaks [2]int
		for _, s := range c.Next() {
			if s.Kind.Speaks() {
				speaks[s.Participant] = 1
			}
		}
		for i, v := range speaks {
			run[i][v]++
			close(v, &run[i][1-v])
		}
		switch speaks[0] + speaks[1] {
		case 0:
			none++
			close(2, &both)
		case 1:
			close(2, &both)
			close(3, &none)
		case 2:
			both++
			close(3, &none)
		}
	}
	for i, want := range []struct {
		name string
		mean float64
	}{{"talkspurt", 1.004}, {"pause", 1.587}, {"double talk", 0.228}, {"mutual silence", 0.508}} {
		mean := float64(total[i]) / float64(count[i]) * Slot.Seconds()
		t.Logf("%-14s %.3f s, P.59 has %.3f", want.name, mean, want.mean)
		if math.Abs(mean-want.mean) > 0.02*want.mean {
			t.Errorf("%s: mean %.3f s, want %.3f", want.name, mean, want.mean)
		}
	}
}

// The amplitudes of talkspurts are spread as those of recorded speech: percentiles
// in dB over the RMS level, of the slots of examples/speech above -50 dB of full scale.
func TestVoicesAreSpreadAsSpeech(t *testing.T) {
	m := DefaultTalk(8)
	m.Spread = 0
	c := NewConversation(m, 1)
	var x []float64
	var power float64
	for range hour / 2 {
		for _, s := range c.Next() {
			x = append(x, float64(s.X))
			power += float64(s.X) * float64(s.X)
		}
	}
	slices.Sort(x)
	rms := math.Sqrt(power / float64(len(x)))
	level := 20 * math.Log10(rms/65535)
	t.Logf("level %.1f dB", level)
	if math.Abs(level-m.Level) > 1 {
		t.Errorf("level %.1f dB, want %.1f", level, m.Level)
	}
	for _, want := range []struct{ share, dB float64 }{{0.25, -9.6}, {0.5, -3.0}, {0.75, 1.6}, {0.9, 4.4}, {0.95, 5.7}} {
		dB := 20 * math.Log10(x[int(want.share*float64(len(x)))]/rms)
		t.Logf("%2.0f %% of slots are under %.1f dB, of recorded speech under %.1f", 100*want.share, dB, want.dB)
		if math.Abs(dB-want.dB) > 2.5 {
			t.Errorf("%2.0f %% of slots are under %.1f dB, want %.1f", 100*want.share, dB, want.dB)
		}
	}
}

// busy is a meeting in which everything happens.
func busy(n int) Talk {
	m := DefaultTalk(n)
	m.Speakers = min(n, 12)
	m.Interruptions, m.Bangs, m.Laughs, m.Tunes = 6, 4, 1, 0.5
	m.LaughAt = []int{100}
	m.Soft, m.Noisy = 0.2, 0.1
	return m
}

// The same seed gives the same sounds, another one others; no participant makes
// two sounds in a slot, and all that can happen does.
func TestConversationIsItsSeed(t *testing.T) {
	play := func(seed uint64) uint64 {
		h := fnv.New64()
		c := NewConversation(busy(50), seed)
		kinds := map[Kind]int{}
		for range 20000 {
			once := map[int]bool{}
			for _, s := range c.Next() {
				if once[s.Participant] {
					t.Fatalf("seed %d, slot %d: participant %d makes two sounds", seed, c.Slots(), s.Participant)
				}
				once[s.Participant] = true
				kinds[s.Kind]++
				fmt.Fprint(h, s)
			}
		}
		for k := Noise; k <= Music; k++ {
			if kinds[k] == 0 {
				t.Errorf("seed %d: no %v", seed, k)
			}
		}
		return h.Sum64()
	}
	if a, b, c := play(1), play(1), play(2); a != b || a == c {
		t.Errorf("seed 1 gave %x and %x, seed 2 gave %x", a, b, c)
	}
}

// A joke is laughed at by everybody who is not speaking.
func TestAllLaugh(t *testing.T) {
	m := DefaultTalk(1000)
	m.LaughAt = []int{50}
	c := NewConversation(m, 1)
	for range 90 {
		c.Next()
	}
	n := 0
	for _, s := range c.Next() {
		if s.Kind == Laughter {
			n++
		}
	}
	if n < 990 {
		t.Errorf("%d of 1000 laugh", n)
	}
}

func TestTalkCheck(t *testing.T) {
	if err := busy(50).Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Talk){
		"Participants": func(m *Talk) { m.Participants = 0 },
		"Speakers":     func(m *Talk) { m.Speakers = m.Participants + 1 },
		"Laughs":       func(m *Talk) { m.Laughs = -1 },
		"Level":        func(m *Talk) { m.Level = math.NaN() },
	} {
		m := busy(50)
		spoil(&m)
		if err := m.Check(); err == nil {
			t.Errorf("a wrong %s passes", name)
		} else {
			t.Log(err)
		}
	}
}

// Participants who are silent cost nothing: a slot of 21,084.
func BenchmarkConversation(b *testing.B) {
	m := DefaultTalk(21084)
	m.Interruptions = 6
	c := NewConversation(m, 1)
	b.ReportAllocs()
	for b.Loop() {
		c.Next()
	}
}
