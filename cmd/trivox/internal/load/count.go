package load

import (
	"math"
	"slices"
	"time"
)

const (
	listenLimit = 500 // legs whose sound is decoded, judged and searched for a talker
	audible     = -50 // dBov from which a leg hears somebody
)

// report counts everything. The engines have ended.
func (t *test) report() (*report, error) {
	seconds := (t.window.to - t.window.from).Seconds()
	r := &report{URI: t.URI, Codec: t.codec.Name, Legs: t.Legs, Conferences: t.Conferences, Talkers: t.Talkers, Seconds: seconds}
	r.calls(t)
	up := r.Calls.Made - r.Calls.Failed
	r.Packets.Expected = int(math.Round(seconds * 50 * float64(up)))
	r.packets(t)
	var own, spread spread
	for _, e := range t.engines {
		own.merge(&e.own)
		spread.merge(&e.spread)
	}
	r.Late = lateFigures{Packets: spread.late, P99: ms(spread.quantile(0.99)), P999: ms(spread.quantile(0.999)), Worst: ms(spread.worst)}
	if r.Packets.Received > 0 {
		r.Late.Share = float64(spread.late) / float64(r.Packets.Received)
	}
	r.Own.P99, r.Own.Worst = ms(own.quantile(0.99)), ms(own.worst)
	if up > 0 && t.elapsed > 0 {
		legSeconds := float64(up) * t.elapsed.Seconds()
		r.Own.CPU = float64(t.own.Microseconds()) / legSeconds
		if t.ServerPID != 0 {
			r.Server = &serverFigures{
				CPU:    float64(t.cpu.Microseconds()) / legSeconds,
				Memory: float64(t.rss-t.before.RSS) / float64(up), RSS: t.rss,
			}
		}
	}
	return r, r.listen(t)
}

func (r *report) calls(t *test) {
	r.Calls = callFigures{Made: len(t.callers), Dropped: t.dropped, UnansweredBye: t.unanswered}
	var setups []time.Duration
	for _, c := range t.callers {
		if c.err != nil {
			r.Calls.Failed++
			if r.Calls.Failures == nil {
				r.Calls.Failures = map[string]int{}
			}
			text := c.err.Error()
			if _, known := r.Calls.Failures[text]; !known && len(r.Calls.Failures) >= 20 {
				text = "others"
			}
			r.Calls.Failures[text]++
			continue
		}
		setups = append(setups, c.setup)
		if c.leg.in.sequence.received == 0 {
			r.Calls.NoSound++
		}
	}
	r.Calls.SetupMedian, r.Calls.SetupP99 = ms(quantile(setups, 0.5)), ms(quantile(setups, 0.99))
}

func (r *report) packets(t *test) {
	legs := 0
	for _, c := range t.callers {
		l := c.leg
		r.Packets.Sent += l.sent
		r.Packets.Unsent += l.unsent
		r.Packets.Received += l.in.sequence.received
		r.Packets.Lost += l.in.sequence.lost()
		r.Packets.Duplicates += l.in.sequence.duplicates
		r.Packets.Restarts += l.in.sequence.restarts
		r.Packets.Other += l.in.other
		if l.in.sequence.received > 0 {
			j := l.in.jitter.value / 1e6
			r.Jitter.Mean += j
			r.Jitter.Worst = max(r.Jitter.Worst, j)
			legs++
		}
	}
	if legs > 0 {
		r.Jitter.Mean /= float64(legs)
	}
}

// listen decodes what some legs heard in the last second, and searches the
// talkers in it.
func (r *report) listen(t *test) error {
	talkers := make([][]*leg, t.Conferences)
	for _, c := range t.callers {
		if c.err == nil && c.leg.talks && c.leg.started {
			talkers[c.leg.conference] = append(talkers[c.leg.conference], c.leg)
		}
	}
	var levels []float64
	var delays []time.Duration
	stride := (len(t.callers) + listenLimit - 1) / listenLimit
	for i := 0; i < len(t.callers); i += stride {
		c := t.callers[i]
		others := slices.DeleteFunc(slices.Clone(talkers[c.leg.conference]), func(l *leg) bool { return l == c.leg })
		if c.err != nil || len(others) == 0 {
			continue
		}
		r.Heard.Expected = true
		r.Heard.Checked++
		h, err := listen(t.codec, c.leg.in.capture)
		if err != nil {
			return err
		}
		levels = append(levels, h.db)
		if h.db <= audible {
			continue
		}
		r.Heard.Hearing++
		if d, ok := findTalker(h, others, i); ok {
			delays = append(delays, d)
		}
	}
	slices.Sort(levels)
	if len(levels) > 0 {
		r.Heard.LevelDB = levels[len(levels)/2]
	}
	if len(delays) > 0 {
		r.Delay = &delayFigures{Legs: len(delays), Median: ms(quantile(delays, 0.5)), P99: ms(quantile(delays, 0.99))}
	}
	return nil
}

// findTalker tries the talkers, beginning with another one for each leg.
func findTalker(h heard, talkers []*leg, start int) (time.Duration, bool) {
	for i := range min(len(talkers), 3) {
		l := talkers[(start+i)%len(talkers)]
		if d, ok := l.sound.delay(h, l.begun); ok {
			return d, true
		}
	}
	return 0, false
}

func ms(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*1000) / 1000
}

// quantile of a list, which it sorts; 0 when it is empty.
func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[min(len(list)-1, int(q*float64(len(list))))]
}

func median(list []time.Duration) time.Duration { return quantile(slices.Clone(list), 0.5) }
