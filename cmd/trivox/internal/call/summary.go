package call

import (
	"fmt"
	"math"
	"time"

	"trivox/media"
)

// summary says how the call was.
func (s *stream) summary(bye error) {
	out, l := s.out, s.listener
	length := s.ended - s.began
	out.say("%s after %.1f s", s.ending(bye), length.Seconds())
	st, play := s.session.Stats(), l.stats()
	out.say("sent %d packets of %s", st.Sent, s.media.Codec.Name)
	if !l.heard {
		rtp, _ := s.socks.ports()
		out.say("heard nothing: no RTP came to %v port %d; is a firewall between, or is our address wrong (--local)?", s.neg.local.Addr, rtp)
		s.dropped(st.Dropped[:])
		return
	}
	expected := float64(st.Received) + float64(max(st.Lost, 0))
	out.say("heard %d packets of %s: %d lost (%.1f %%), %d too late, jitter %v, delay %v (at most %v)",
		st.Received, l.codec.Name, st.Lost, 100*float64(max(st.Lost, 0))/math.Max(1, expected), play.Late,
		play.Jitter.Round(100*time.Microsecond), play.Delay.Round(time.Millisecond), play.MaxDelay.Round(time.Millisecond))
	if st.RemoteReports > 0 {
		out.say("they lost %d of ours (jitter %v), round trip %v", st.RemoteLost, st.RemoteJitter.Round(100*time.Microsecond), st.RoundTrip.Round(100*time.Microsecond))
	}
	mean := math.Sqrt(l.square / float64(max(1, l.slots)))
	out.say("level %.1f dB of full scale, loudest 20 ms %.1f dB", decibels(mean), decibels(l.peak))
	s.dropped(st.Dropped[:])
	if s.keys != "" {
		out.say("they pressed %s", s.keys)
	}
	if s.rec != nil {
		out.say("recorded %.1f s at %d Hz into %s", float64(l.slots)*slot.Seconds(), s.rec.rate, s.plan.Record)
	}
}

func (s *stream) ending(bye error) string {
	if e := s.dialog.End(); e.ByPeer {
		switch {
		case e.Text != "":
			return fmt.Sprintf("they hung up (%s)", e.Text)
		case e.Code != 0:
			return fmt.Sprintf("they hung up (%d)", e.Code)
		}
		return "they hung up"
	}
	if bye != nil {
		return fmt.Sprintf("hung up, without an answer to BYE (%v)", bye)
	}
	return "hung up"
}

// dropped counts the packets that were not heard, whatever the reason.
func (s *stream) dropped(reasons []uint64) {
	sum := s.socks.dropped.Load()
	for _, n := range reasons {
		sum += n
	}
	if n := reasons[media.Unauthentic]; n > 0 {
		s.out.say("%d packets could not be authenticated: the key in their SDP does not fit them", n)
		sum -= n
	}
	if sum > 0 {
		s.out.say("%d packets were not for us or could not be read", sum)
	}
	if s.overruns > 0 {
		s.out.say("this machine was too slow for %d slots of 20 ms", s.overruns)
	}
}
