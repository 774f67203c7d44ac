package conference

import (
	"time"

	"trivox/media"
)

// endTime bounds the wait of End for the worker, which comes by in the next slot or the one after.
const endTime = 2 * time.Second

// End releases the leg and tells what the call was like, which comes as an Event of kind LegEnded too. It waits for
// the worker, a slot or two; when the worker has not come by after 2 s, the figures of packets are missing. Further
// calls change nothing and tell the same. A worker's own thread must not call it: it would wait for itself.
func (l *Leg) End(cause Cause) Summary {
	over := l.end(cause)
	late := time.NewTimer(endTime)
	defer late.Stop()
	select {
	case <-over:
		return l.summary
	case <-l.room.conf.worker.gone: // it has run all that it was sent, or was never sent this
		select {
		case <-over:
			return l.summary
		default:
		}
	case <-late.C:
	}
	return l.unheard(cause, media.Now())
}

// end is End without the wait: the channel is closed once summary holds.
func (l *Leg) end(cause Cause) <-chan struct{} {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return l.over
	}
	l.ended, l.over = true, make(chan struct{})
	ln, told := l.line, l.last != nil
	l.mu.Unlock()
	l.server.leave(l)
	if ln == nil { // the worker never knew it
		if told {
			l.pair.Close()
		} else {
			l.pair.Release()
		}
		l.finish(l.unheard(cause, media.Now()))
		return l.over
	}
	conf := l.room.conf
	conf.worker.post(func(now time.Duration) { conf.drop(ln, cause, now) })
	return l.over
}

// finish reports how the call was, once.
func (l *Leg) finish(s Summary) {
	l.summary = s
	close(l.over)
	l.server.report(Event{
		Kind: LegEnded, Conference: l.room.name, Leg: l.id, URI: l.request.URI, Call: l.request.CallID, Summary: s,
	})
}

// unheard is the summary of a leg as far as it is known without its line.
func (l *Leg) unheard(cause Cause, now time.Duration) Summary {
	return Summary{Entered: l.entered, Ended: now, Duration: now - l.entered, Cause: cause}
}

// summary is that of a line that is about to go.
func (l *line) summary(cause Cause, now time.Duration) Summary {
	st, pl := l.session.Stats(), l.playout.Stats()
	s := Summary{
		Entered: l.leg.entered, Answered: l.answered, Ended: now, Duration: now - l.answered,
		Codec: l.format.codec.Name, Encryption: l.agreed.Encryption(), Remote: l.session.Remote(),
		Received: st.Received, Sent: st.Sent, Lost: st.Lost, Late: pl.Late, Unauthentic: st.Dropped[media.Unauthentic],
		Jitter: st.Source.Jitter, Delay: pl.Delay, Concealed: pl.Concealed, RTT: st.RoundTrip,
		RemoteLost: st.RemoteLost, RemoteJitter: st.RemoteJitter, Cause: cause,
	}
	if l.early {
		s.Answered, s.Duration = 0, now-l.leg.entered
	}
	if st.Received > 0 {
		mouthToEar := s.RTT/2 + s.Delay + l.format.ptime + Slot
		s.MOS = media.MOS(l.hears, s.Loss(), mouthToEar)
	}
	return s
}
