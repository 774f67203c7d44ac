package call

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media"
	"trivox/sip/sdp"
)

// stream is the sound of the call: it is owned by the goroutine of run.
type stream struct {
	plan     plan
	media    sdp.Media
	socks    *sockets
	dialog   *phone.Dialog
	neg      *negotiation
	out      *screen
	session  *media.Session
	sender   *sender
	listener *listener
	rec      *recorder
	began    time.Duration // a time of media.Now
	ended    time.Duration
	dialled  bool
	keys     string // heard
	overruns int    // slots that began too late to be made up for
	report   []byte
}

func newStream(p plan, m sdp.Media, socks *sockets, d *phone.Dialog, n *negotiation, out *screen) (*stream, error) {
	s := &stream{plan: p, media: m, socks: socks, dialog: d, neg: n, out: out, report: make([]byte, 0, datagram)}
	seed := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	agreed, err := terms(m)
	if err != nil {
		return nil, err
	}
	s.session = media.NewSession(media.SessionConfig{
		CNAME: fmt.Sprintf("%016x", seed.Uint64()), Epoch: media.Wall(), Rand: seed, Terms: agreed,
	})
	if s.sender, err = newSender(p, m, nil); err != nil {
		return nil, err
	}
	if s.listener, err = newListener(m); err != nil {
		return nil, err
	}
	if p.Record != "" {
		if s.rec, err = newRecorder(p.Record, s.listener.codec.SampleRate); err != nil {
			return nil, fmt.Errorf("--record: %w", err)
		}
	}
	return s, nil
}

// run goes on to the end of the call, a slot every 20 ms by absolute deadlines.
func (s *stream) run(ctx context.Context) error {
	s.began = media.Now()
	defer func() { s.ended = media.Now() }()
	next := s.began
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.dialog.Done():
			return nil
		case m := <-s.neg.news:
			if err := s.agree(ctx, m); err != nil {
				return err
			}
		case <-timer.C:
			now := media.Now()
			if s.plan.length > 0 && now-s.began >= s.plan.length {
				return nil
			}
			for ; next < now-burst*slot; next += slot { // the machine slept
				s.overruns++
				if err := s.hear(next); err != nil {
					return err
				}
				s.sender.skip(s.session)
			}
			if err := s.tick(now); err != nil {
				return err
			}
			next += slot
			timer.Reset(next - media.Now())
		}
	}
}

// agree takes what a re-INVITE or UPDATE agreed on.
func (s *stream) agree(ctx context.Context, m sdp.Media) error {
	m, err := resolve(ctx, m)
	if err != nil {
		return err
	}
	if m.Codec.Name != s.media.Codec.Name || m.PTime != s.media.PTime || m.SendPT != s.media.SendPT ||
		m.Direction != s.media.Direction || m.DTMFSend != s.media.DTMFSend {
		if s.sender, err = newSender(s.plan, m, s.sender); err != nil {
			return err
		}
	}
	agreed, err := terms(m)
	if err != nil {
		return err
	}
	s.media = m
	s.session.Update(media.Now(), agreed)
	s.out.say("changed: %s, %s, %s, sound to %v", m.Codec.Name, m.Direction, secrecy(m), m.Remote)
	return s.listener.agree(m)
}

// burst is how many packets may go out at once when we are late; what is later
// than that is not sent at all.
const burst = 5

// hear plays one slot, and records it: a recording has no gap, however late
// we are.
func (s *stream) hear(now time.Duration) error {
	if err := s.receive(now); err != nil {
		return err
	}
	pcm := s.listener.slot(now)
	if s.rec == nil {
		return nil
	}
	return s.rec.write(pcm, s.listener.codec.SampleRate)
}

func (s *stream) tick(now time.Duration) error {
	if err := s.hear(now); err != nil {
		return err
	}
	s.press(now)
	if err := s.sender.slot(s.session, s.send); err != nil {
		return err
	}
	if s.report = s.session.Report(now, s.report[:0]); len(s.report) > 0 {
		s.sendRTCP(s.report)
	}
	s.out.show(now-s.began, s.listener, s.session.Stats().Lost)
	return nil
}

// receive takes what has arrived since the last slot.
func (s *stream) receive(now time.Duration) error {
	for range queue {
		var p packet
		select {
		case p = <-s.socks.in:
		default:
			s.tell(now)
			return nil
		}
		if p.rtcp {
			s.session.ReceiveRTCP(p.arrival, p.b, p.from)
		} else {
			pkt, v := s.session.Receive(p.arrival, p.b, p.from)
			if err := s.listener.take(now, pkt, v); err != nil {
				return err
			}
		}
		s.socks.done(p.b[:cap(p.b)])
	}
	return nil
}

// tell prints the keys that the other side pressed.
func (s *stream) tell(now time.Duration) {
	if s.listener.digits == nil {
		return
	}
	s.listener.digits.Expire(now)
	for d, ok := s.listener.digits.Next(); ok; d, ok = s.listener.digits.Next() {
		s.keys += string(d.Key)
		s.out.say("they pressed %c", d.Key)
	}
}

// press dials the digits a second after the first sound, or two after the
// answer. Peers that know no events get an INFO for each.
func (s *stream) press(now time.Duration) {
	since := now - s.began
	if s.plan.DTMF == "" || s.dialled || since < time.Second || !s.listener.heard && since < 2*time.Second {
		return
	}
	s.dialled = true
	s.out.say("pressing %s", s.plan.DTMF)
	if s.sender.dialer != nil {
		_ = s.sender.dialer.Dial(s.plan.DTMF) // plan has tried it
		return
	}
	d, digits := s.dialog, s.plan.DTMF
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for _, r := range digits {
			if r == ' ' {
				continue
			}
			body := fmt.Sprintf("Signal=%c\r\nDuration=%d\r\n", r, digitLength.Milliseconds())
			if d.Info(ctx, "application/dtmf-relay", []byte(body)) != nil {
				return // the peer takes no INFO, or the call has ended
			}
		}
	}()
}

// send and sendRTCP drop what cannot be sent: UDP promises nothing, and what
// does not arrive the peer's reports tell.
func (s *stream) send(b []byte) {
	if to := s.session.Remote(); to.IsValid() && len(b) > 0 {
		_, _ = s.socks.rtp.WriteToUDPAddrPort(b, to)
	}
}

func (s *stream) sendRTCP(b []byte) {
	to := s.session.RemoteRTCP()
	switch {
	case !to.IsValid():
	case s.media.RTCPMux:
		_, _ = s.socks.rtp.WriteToUDPAddrPort(b, to)
	default:
		_, _ = s.socks.rtcp.WriteToUDPAddrPort(b, to)
	}
}

// close says goodbye by RTCP and ends the recording.
func (s *stream) close() error {
	s.sendRTCP(s.session.Goodbye(s.report[:0], ""))
	if s.rec == nil {
		return nil
	}
	return s.rec.w.Close()
}
