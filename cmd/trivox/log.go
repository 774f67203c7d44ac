package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"trivox/cluster/conference"
)

// newLogger writes text to a terminal and JSON elsewhere, unless format says which.
func newLogger(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "text" || format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// logEvent says what happened to a leg. A call that has ended is summed up in one line.
func (p *process) logEvent(e conference.Event) {
	log := p.log.With("conference", e.Conference, "leg", e.Leg)
	switch e.Kind {
	case conference.LegHeard:
		log.Debug("first RTP packet", "caller", e.URI)
	case conference.LegDigit:
		if e.Private {
			return
		}
		log.Info("dtmf", "digit", string(rune(e.Digit)), "duration", e.Duration.String(), "caller", e.URI)
	case conference.LegSilent:
		hint := "a firewall or NAT between here and there; see rtp.latch and advertise"
		if e.Summary.Unauthentic > 0 {
			hint = "packets came that the caller's SRTP key does not fit: it sends in clear, or by another key than it named"
		}
		log.Warn("answered, but no RTP came", "after", p.config.Load().RTP.Alarm.String(), "sent_to", e.Address, "caller", e.URI,
			"unauthentic", e.Summary.Unauthentic, "hint", hint)
	case conference.LegLooped:
		log.Warn("our own RTP comes back from the caller: not mixed", "caller", e.URI)
	case conference.LegChanged:
		log.Debug("sound agreed", "codec", e.Summary.Codec, "encryption", e.Summary.Encryption, "caller", e.URI, "address", e.Address)
	case conference.LegRekey:
		logRekey(log.With("caller", e.URI, "call_id", e.Call), e.Rekeying)
	case conference.LegAdmitted:
		log.Info("come in from the lobby", "caller", e.URI)
	case conference.LegEnded:
		s := e.Summary
		who := "server"
		if s.Cause.ByPeer {
			who = "caller"
			p.ended[1].Add(1)
		} else {
			p.ended[0].Add(1)
		}
		log.Info("call ended", "caller", e.URI, "call_id", e.Call, "duration", s.Duration.Round(10*time.Millisecond).String(), "codec", s.Codec,
			"encryption", s.Encryption, "received", s.Received, "sent", s.Sent, "lost", s.Lost, "late", s.Late, "unauthentic", s.Unauthentic,
			"jitter", s.Jitter.Round(100*time.Microsecond).String(), "delay", s.Delay.Round(100*time.Microsecond).String(),
			"by", who, "reason", s.Cause.Text)
	}
}

// logRekey says what is done about a caller whose own SRTP key keeps it out.
func logRekey(log *slog.Logger, k conference.Rekeying) {
	switch k {
	case conference.RekeyAsked:
		log.Warn("nothing of the caller can be decrypted any more: asking for a new SRTP key",
			"hint", "the phone has begun its sequence numbers or rollover counter anew, as some do after a hold or transfer")
	case conference.RekeyDone:
		log.Info("new SRTP keys agreed")
	case conference.RekeySame:
		log.Warn("the caller keeps its SRTP key, and stays unheard",
			"hint", "what it sends cannot be told from a replay; hang up and call again")
	case conference.RekeyRefused:
		log.Warn("the caller took no offer of new SRTP keys, and stays unheard", "hint", "hang up and call again")
	}
}
