package conference

import (
	"math"
	"testing"
	"time"

	"trivox/media/codec"
)

// burst is a tone that sounds from one sample to another.
type burst struct {
	hertz    float64
	rate     int
	from, to int
}

func (b *burst) sample(i int) float64 {
	if i < b.from || i >= b.to {
		return 0
	}
	return 0.2 * math.Sin(2*math.Pi*b.hertz*float64(i)/float64(b.rate))
}

// With a free floor nothing of a talkspurt is clipped (DESIGN 11) but that it fades in: not after a silence, not the
// first words after the answer, not the last before the caller hangs up.
func TestNothingIsClipped(t *testing.T) {
	for _, c := range qualityCodecs {
		for _, when := range []string{"after a silence", "after the answer", "before the end"} {
			t.Run(c.Name+" "+when, func(t *testing.T) {
				t.Parallel()
				h := newHall(t, nil)
				listener := h.dial("tea", c, 20*ms, nil)
				h.run(time.Second)
				s := &burst{hertz: 400, rate: c.SampleRate, to: c.SampleRate / 5}
				if when != "after the answer" {
					s.from, s.to = 4*c.SampleRate, 4*c.SampleRate+c.SampleRate/5
				}
				h.dial("tea", c, 20*ms, s.sample)
				if when != "after the answer" {
					h.run(4 * time.Second)
				}
				begin := len(listener.heard)
				h.run(200 * ms)
				if when == "before the end" {
					h.phones[1].source = nil
					h.phones[1].leg.end(Cause{Text: "test"})
				}
				h.run(300 * ms)
				var energy float64
				for _, v := range listener.heard[begin:] {
					energy += float64(v) * float64(v) / 32768 / 32768
				}
				heard := energy / (0.2 * 0.2 / 2) / float64(c.SampleRate) * 1000
				t.Logf("of 200 ms, %.0f ms are heard", heard)
				if heard < 188 || heard > 212 {
					t.Errorf("of 200 ms, %.0f ms are heard", heard)
				}
			})
		}
	}
}

// Nobody clicks: not who takes a floor from another, not who hangs up in the middle of a word, and neither does the mix
// when it changes its rate because somebody with a better codec comes or goes.
func TestEdgesDoNotClick(t *testing.T) {
	tests := []struct {
		name  string
		event func(h *hall, louder *talker)
	}{
		{"a louder one takes a floor", func(_ *hall, louder *talker) { louder.amplitude = 0.25 }},
		{"a speaker hangs up", func(h *hall, _ *talker) { h.leave(0) }},
		{"a speaker is muted", func(h *hall, _ *talker) { h.phones[0].leg.line.muted = true }},
		{"a listener with Opus comes", func(h *hall, _ *talker) { h.dial("tea", codec.Opus, 20*ms, nil) }},
		{"and goes", func(h *hall, _ *talker) {
			h.dial("tea", codec.Opus, 20*ms, nil)
			h.run(4 * time.Second)
			h.leave(len(h.phones) - 1)
		}},
	}
	for _, c := range []codec.Codec{codec.PCMU, codec.G722} {
		for _, test := range tests {
			t.Run(c.Name+", "+test.name, func(t *testing.T) {
				t.Parallel()
				h := newHall(t, nil)
				for _, hertz := range []float64{207, 251, 333} {
					h.dial("tea", c, 20*ms, sine(hertz, 0.15, c.SampleRate))
				}
				louder := &talker{hertz: 281, rate: c.SampleRate}
				h.dial("tea", c, 20*ms, louder.sample)
				listener := h.dial("tea", c, 20*ms, nil)
				h.run(4 * time.Second)
				pure := bend(listener.heard[len(listener.heard)-c.SampleRate:])
				begin := len(listener.heard)
				test.event(h, louder)
				h.run(5 * time.Second)
				got := bend(listener.heard[begin:])
				t.Logf("greatest second difference %.0f, %.0f before", got, pure)
				if got > 2*pure {
					t.Errorf("greatest second difference %.0f, %.0f before", got, pure)
				}
			})
		}
	}
}

// leave hangs a phone up.
func (h *hall) leave(i int) {
	p := h.phones[i]
	h.phones = append(h.phones[:i:i], h.phones[i+1:]...)
	p.leg.end(Cause{Text: "test"})
}

// Nobody hears himself: not when he takes and loses the floor, not when the mix changes its rate, and not when his own
// codec changes (DESIGN 12). What he hears is the same whatever he says.
func TestNobodyHearsHimself(t *testing.T) {
	for _, c := range qualityCodecs {
		for _, change := range []string{"nothing", "a listener with Opus comes", "his codec changes"} {
			t.Run(c.Name+", "+change, func(t *testing.T) {
				t.Parallel()
				run := func(hertz float64) []int16 {
					h := newHall(t, nil)
					own := &talker{hertz: hertz, rate: c.SampleRate}
					speaker := h.dial("tea", c, 20*ms, own.sample)
					for _, other := range []float64{450, 250, 325} {
						h.dial("tea", c, 20*ms, sine(other, 0.1, c.SampleRate))
					}
					h.dial("tea", c, 20*ms, nil)
					h.run(3 * time.Second)
					for slot := range 400 {
						own.amplitude = 0
						if slot%100 >= 50 {
							own.amplitude = 0.3
						}
						if slot == 280 {
							h.change(change, speaker, own)
						}
						h.slot()
					}
					return speaker.heard
				}
				a, b := run(850), run(900)
				n := c.SampleRate / 50
				for i := range a {
					a[i] -= b[i]
				}
				for i := 0; i+n <= len(a); i += n {
					if echo := dBov(a[i:i+n]) - 20*math.Log10(0.3/math.Sqrt2); echo > -60 {
						t.Fatalf("he hears himself at %.1f dB in slot %d", echo, i/n-150)
					}
				}
			})
		}
	}
}

// change is what happens while he speaks.
func (h *hall) change(what string, p *phone, own *talker) {
	switch what {
	case "a listener with Opus comes":
		h.dial("tea", codec.Opus, 20*ms, nil)
	case "his codec changes":
		to := codec.PCMA
		p.codec, p.speaks, p.pt = to, to, uint8(to.PayloadType)
		p.at, own.rate = p.at*to.SampleRate/own.rate, to.SampleRate
		var err error
		if p.encoder, err = to.NewEncoder(codec.Settings{PTime: p.ptime}); err != nil {
			h.t.Fatal(err)
		}
		if p.decoder, err = to.NewDecoder(); err != nil {
			h.t.Fatal(err)
		}
		if _, err := p.leg.Answer(p.offer("sendrecv")); err != nil {
			h.t.Fatal(err)
		}
		p.stalls = true
	}
}
