package conference

import (
	"net/netip"
	"slices"
	"time"

	"trivox/cluster/exchange"
	"trivox/media"
	"trivox/media/codec"
	"trivox/mixer"
)

const (
	maxFloors = 15         // most that Config.NMax may be: as many CSRCs as a packet names
	lowRate   = 8000       // of a mix that nobody hears yet
	slotMost  = 48000 / 50 // samples of a slot at the highest rate
	noNoise   = 127        // Config.NoiseLevel that means none
	packMost  = 1500       // bytes of a packet
	overMost  = 2          // lines that fade out beside each floor
)

// conference is one conference in one domain, owned by its worker.
type conference struct {
	server *Server
	worker *worker
	cfg    Config
	name   string
	owned  bool // the worker ticks it

	private  bool          // a call between two
	lifetime time.Duration // from begun on; 0: without end
	begun    time.Duration // when the first participant came in; 0: nobody is in

	lines []*line
	rtp   []*media.Socket // RTP sockets, in the order of lines
	rtcp  []*media.Socket // RTCP sockets, in the order of lines

	exchange *exchange.Server
	slot     uint64
	ranks    []mixer.Rank // of lines that may have the floor
	ranked   []*line      // whose they are
	playing  []*line      // heard in this slot: those in F, and those that fade out
	leaving  []*line      // whose calls have ended, and whose last words are still to be heard
	rate     int          // of the mix, Hz
	wanted   int          // what rate shall be: the highest that a line can hear
	waited   int          // slots that it waits for a pause
	hush     bool         // this slot fades out, for in the next the rate changes
	common   *mixer.Limiter
	groups   []*group

	noise     *codec.ComfortNoise // nil: none
	noiseFade mixer.Fader
	tones     tonePlayer
	pause     bool // the mix of this slot is soft enough to change encoders in

	onRTP, onRTCP func(i int, b []byte, from netip.AddrPort, arrival time.Duration)
}

func newConference(s *Server, cfg Config, w *worker, name string) *conference {
	p := exchange.Default()
	p.NMax = cfg.NMax
	c := &conference{
		server: s, worker: w, cfg: cfg, name: name, exchange: exchange.New(p), rate: lowRate, wanted: lowRate,
		common: mixer.NewLimiter(lowRate), playing: make([]*line, 0, overMost*cfg.NMax),
	}
	if cfg.NoiseLevel < noNoise {
		c.noise = codec.NewComfortNoise(s.rand.Uint64())
		c.noise.SetLevel(uint8(cfg.NoiseLevel))
	}
	c.onRTP, c.onRTCP = c.takeRTP, c.takeRTCP
	return c
}

// scratch is what a tick needs and no conference keeps.
type scratch struct {
	voices []voice         // of the lines that play, in their order
	sum    [slotMost]int32 // of all of them
	own    [slotMost]int32 // less one
	mixed  [slotMost]int16 // a variant, limited
	heard  [slotMost]int16 // a line's sound at the rate of its codec
	coded  [packMost]byte
	packet [packMost]byte
}

type voice struct{ pcm [slotMost]int16 }

func newScratch() *scratch { return &scratch{voices: make([]voice, overMost*maxFloors)} }

// tick is one slot: who is heard, what everybody hears, and off it goes. skipped are the slots that the worker
// missed since the last one.
func (c *conference) tick(now time.Duration, skipped int) {
	c.slot += uint64(1 + skipped)
	for range skipped {
		for _, l := range c.lines {
			l.session.Skip(l.format.slotUnits())
		}
	}
	c.changeRate()
	c.choose(now)
	c.split()
	c.mix()
	c.send()
}

// choose ranks the lines and decides who plays (DESIGN 6).
func (c *conference) choose(now time.Duration) {
	c.ranks, c.ranked = c.ranks[:0], c.ranked[:0]
	for _, l := range c.lines {
		l.floor = false
		l.takeNext(c.rate)
		l.listens(now)
		l.playout.Tick(now)
		l.meterTime()
		c.takeDigits(l, now)
		if l.silenced() {
			continue
		}
		c.ranks = append(c.ranks, mixer.Rank{Active: l.meter.Active(), Number: l.meter.Number(), SSRC: l.ssrc})
		c.ranked = append(c.ranked, l)
	}
	for _, i := range c.exchange.Tick(c.slot, c.ranks).Index {
		if i >= 0 {
			c.ranked[i].floor = true
		}
	}
	c.playing = c.playing[:0]
	for _, l := range c.lines { // in the order of lines: the same sum every time
		c.play(l)
	}
	c.lastWords(now)
}

// play puts a line among those heard in this slot, if it is.
func (c *conference) play(l *line) {
	l.plays = l.floor || l.fade.Audible()
	if !l.plays || len(c.playing) == cap(c.playing) {
		l.plays = false
		l.fade.Reset()
		return
	}
	if !l.fade.Audible() {
		l.up.Reset()
	}
	c.playing = append(c.playing, l)
}

// add takes a line into the conference, or into its lobby.
func (c *conference) add(l *line, now time.Duration) {
	c.worker.own(c)
	if l.lobby == nil {
		c.begin(now)
	}
	c.lines = append(c.lines, l)
	c.rtp = append(c.rtp, l.pair.RTP)
	c.rtcp = append(c.rtcp, l.pair.RTCP)
	c.ranks = slices.Grow(c.ranks[:0], len(c.lines)) // so that no slot has to
	c.ranked = slices.Grow(c.ranked[:0], len(c.lines))
}

// remove takes a line out; the conference goes when it was the last.
func (c *conference) remove(l *line) {
	i := slices.Index(c.lines, l)
	c.lines = slices.Delete(c.lines, i, i+1)
	c.rtp = slices.Delete(c.rtp, i, i+1)
	c.rtcp = slices.Delete(c.rtcp, i, i+1)
	c.playing = slices.DeleteFunc(c.playing, func(p *line) bool { return p == l })
	c.leaveGroup(l)
	if c.people() == 0 {
		c.begun = 0
	}
	if len(c.lines) == 0 {
		c.leaving = c.leaving[:0]
		c.worker.disown(c)
		return
	}
	c.retune()
}

// join puts a line into the group of its format, made when it is the first.
func (c *conference) join(l *line) error {
	for _, g := range c.groups {
		if g.coder.format == l.format {
			g.legs++
			l.group = g
			return nil
		}
	}
	g, err := newGroup(l.format, c.rate)
	if err != nil {
		return err
	}
	g.legs = 1
	c.groups = append(c.groups, g)
	l.group = g
	return nil
}

func (c *conference) leaveGroup(l *line) {
	g := l.group
	if g == nil {
		return
	}
	l.group = nil
	if g.legs--; g.legs == 0 {
		c.groups = slices.DeleteFunc(c.groups, func(o *group) bool { return o == g })
	}
}
