package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/sip/sdp"
)

// Run makes the call and returns the exit code. It ends when the call does,
// when the time is over, or when ctx is. What is heard goes to stdout, what
// went wrong to stderr.
func (o Options) Run(ctx context.Context, stdout, stderr io.Writer) int {
	p, err := o.plan()
	if err == nil {
		err = phone.Check(o.URI)
	}
	if err != nil {
		fmt.Fprintln(stderr, "trivox call:", err)
		return Usage
	}
	heard, err := p.run(ctx, newScreen(stdout))
	if err != nil {
		fmt.Fprintln(stderr, "trivox call:", err)
		return Failed
	}
	if !heard {
		return Failed
	}
	return Heard
}

// run is the call from the first packet to the last; heard says that RTP came.
func (p plan) run(ctx context.Context, out *screen) (heard bool, err error) {
	local := p.local
	if !local.IsValid() {
		if local, err = phone.Source(ctx, p.URI); err != nil {
			return false, err
		}
	}
	socks, err := openSockets(local)
	if err != nil {
		return false, fmt.Errorf("no RTP ports on %v: %w", local, err)
	}
	defer socks.close()
	p.phone.Local = netip.AddrPortFrom(local, 0)
	agent, err := phone.Open(p.phone)
	if err != nil {
		return false, err
	}
	defer agent.Close()
	rtp, rtcp := socks.ports()
	neg := newNegotiation(local, rtp, rtcp, p.codecs, p.srtp)
	dialog, m, err := p.dial(ctx, agent, neg, out)
	if err != nil {
		return false, err
	}
	s, err := newStream(p, m, socks, dialog, neg, out)
	if err == nil {
		err = s.run(ctx)
	}
	why := "trivox call is done"
	if err != nil {
		why = "trivox call failed"
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	byeErr := dialog.Bye(bye, why)
	if s == nil {
		return false, err
	}
	if e := s.close(); err == nil {
		err = e
	}
	s.summary(byeErr)
	return s.listener.heard, err
}

// dial calls, and returns with the call answered and its SDP agreed on.
func (p plan) dial(ctx context.Context, agent *phone.Agent, neg *negotiation, out *screen) (*phone.Dialog, sdp.Media, error) {
	out.say("calling %s from %v", p.URI, agent.Addr())
	waiting, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	dialog, err := agent.Dial(waiting, phone.Call{URI: p.URI, Offer: neg.first(), Events: phone.Events{
		Dialled: neg.answered, Offer: neg.offered, Answer: neg.answered,
	}})
	if err != nil {
		if errors.Is(err, phone.ErrGivenUp) { // else it would go on ringing there
			cancelled, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			agent.Settle(cancelled)
		}
		return nil, sdp.Media{}, err
	}
	m, err := resolve(waiting, <-neg.news)
	if err != nil {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		_ = dialog.Bye(bye, "the address in the answer cannot be found")
		return nil, m, err
	}
	out.say("answered: %s, packets of %v, %s, sound to %v", m.Codec.Name, m.PTime, secrecy(m), m.Remote)
	return dialog, m, nil
}

// secrecy says, for people, whether the sound is encrypted.
func secrecy(m sdp.Media) string {
	if s := m.Encryption(); s != "" {
		return "encrypted by " + s
	}
	return "not encrypted"
}

// resolve finds the address of a peer that gave a name in c=.
func resolve(ctx context.Context, m sdp.Media) (sdp.Media, error) {
	if m.RemoteHost == "" {
		return m, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", m.RemoteHost)
	if err != nil {
		return m, fmt.Errorf("the peer's address %q: %w", m.RemoteHost, err)
	}
	return m.Resolved(addrs[rand.IntN(len(addrs))]), nil
}
