package sim

import (
	"math/rand/v2"

	"trivox/loudness"
)

// Levels of the contests.
const (
	floorLevel  = -26 // dB of full scale: speech
	floorOnset  = 205 // -50 dB: a recording that comes up through it begins to speak
	floorBreath = 100 // slots between breaths, mean
)

// microphone is one participant's sound: an amplitude a slot.
type microphone interface {
	next() uint16
}

// silence is one to which nobody speaks.
type silence struct{}

func (silence) next() uint16 { return 0 }

// talker speaks without ever pausing for longer than a breath of 80 to 120 ms
// every 1.5 to 3 s, beginning with a syllable.
type talker struct {
	r       *rand.Rand
	voice   spurt
	level   uint16
	breathe int // slots until the end of the next breath
	breath  int
}

func newTalker(r *rand.Rand, dB float64) *talker {
	return &talker{r: r, voice: spurt{kind: Speech, left: endless}, level: amplitude(dB), breathe: 75 + r.IntN(75)}
}

func (v *talker) next() uint16 {
	if v.breathe == 0 {
		v.breathe, v.breath = 75+v.r.IntN(75), 4+v.r.IntN(3)
	}
	if v.breath > 0 {
		v.breath--
		v.voice.at = v.voice.length
		return 0
	}
	v.breathe--
	return v.voice.next(v.r, v.level)
}

// recorded plays the amplitudes of a recording over and over, at a level.
type recorded struct {
	track []uint16
	at    int
	level uint64
}

func newRecorded(r *rand.Rand, track []uint16, level uint16) *recorded {
	return &recorded{track: track, at: r.IntN(len(track)), level: uint64(level)}
}

// onset goes on to where somebody begins to speak.
func (v *recorded) onset() {
	quiet := 0
	for range 2 * len(v.track) {
		if v.track[v.at] < floorOnset {
			quiet++
		} else if quiet >= 3 {
			break
		} else {
			quiet = 0
		}
		v.at = (v.at + 1) % len(v.track)
	}
}

func (v *recorded) next() uint16 {
	x := uint64(v.track[v.at]) * v.level / uint64(amplitude(floorLevel))
	v.at = (v.at + 1) % len(v.track)
	return uint16(min(x, loudness.FullScale))
}

// say puts the recording in the place of a made-up voice. A talkspurt begins
// where the recording does, and is no speech where that pauses.
func (v *recorded) say(s Sound, noise uint16) Sound {
	if s.Age == 0 {
		v.onset()
	}
	pause := v.track[v.at] < floorOnset
	s.X = join(v.next(), noise)
	if pause {
		s.Kind = Noise
	}
	return s
}

// tune is music on hold, 6 dB over a talker of that level.
type tune struct {
	r     *rand.Rand
	music spurt
	level uint16
}

func newTune(r *rand.Rand, dB float64) *tune {
	return &tune{r: r, music: spurt{kind: Music, left: endless}, level: amplitude(dB)}
}

func (t *tune) next() uint16 {
	x := t.music.next(t.r, t.level)
	t.music.age++
	return x
}

// hum is steady noise: a fan, a car, a bad line.
type hum struct {
	r     *rand.Rand
	level uint16
}

func (h hum) next() uint16 { return flutter(h.r, h.level) }

// burst is a bang at full scale, then silence.
type burst struct{ left int }

func (b *burst) next() uint16 {
	if b.left == 0 {
		return 0
	}
	b.left--
	return loudness.FullScale
}
