package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media"
	"trivox/sip/sdp"
)

const (
	dialLimit  = 256 // calls being set up or ended at once
	dialWait   = 35 * time.Second
	hangUpWait = 10 * time.Second
)

// dialog is what a call is to load; *phone.Dialog is one.
type dialog interface {
	Done() <-chan struct{}
	Bye(ctx context.Context, reason string) error
}

// dialer makes calls; see dialPhone.
type dialer func(ctx context.Context, call phone.Call) (dialog, error)

func dialPhone(a *phone.Agent) dialer {
	return func(ctx context.Context, call phone.Call) (dialog, error) {
		d, err := a.Dial(ctx, call)
		if err != nil {
			return nil, err
		}
		return d, nil
	}
}

// caller is one leg's signalling. Its fields but leg are guarded by mu.
type caller struct {
	leg    *leg
	local  sdp.Local
	dialog dialog
	setup  time.Duration // INVITE to 200
	err    error

	mu    sync.Mutex
	media sdp.Media
	offer []byte // ours that is open
}

// newCaller opens the leg's socket. rtcp is a port that all legs share: nothing
// is done with what comes there.
func newCaller(p plan, n int, s sounds, addr netip.Addr, rtcp uint16) (*caller, error) {
	socket, err := openEven(addr)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(p.Seed, uint64(n)))
	l := &leg{
		number: n, conference: n % p.Conferences, socket: socket,
		ssrc: rng.Uint32(), seq: uint16(rng.Uint32()) >> 1, ts: rng.Uint32(),
	}
	place := n / p.Conferences // within the conference
	l.talks = place < p.Talkers
	l.sound = s.noise
	if l.talks {
		l.sound = s.talk[place%len(s.talk)]
	}
	l.at = rng.IntN(len(l.sound.payloads))
	l.reserve(p)
	c := &caller{leg: l}
	c.local = sdp.Local{
		Addr: addr, Port: socket.Local().Port(), RTCPPort: rtcp, SessionID: uint64(rng.Uint32()), Version: 1,
		Codecs: []sdp.Codec{{Name: p.codec.Name, ClockRate: p.codec.ClockRate, Channels: p.codec.Channels, PayloadType: uint8(p.codec.PayloadType)}},
		PTime:  slot, MinPTime: slot, MaxPTime: slot, LevelExt: p.Levels, DTMF: true,
	}
	return c, nil
}

// openEven binds an even port (RFC 3550, 11), whichever is free.
func openEven(addr netip.Addr) (*media.Socket, error) {
	const expedited = 46 // DSCP EF (RFC 3246)
	for range 64 {
		s, err := media.OpenSocket(netip.AddrPortFrom(addr, 0), expedited)
		if err != nil {
			return nil, fmt.Errorf("load: no socket for another caller: %w; is the limit of open files (ulimit -n) high enough?", err)
		}
		if s.Local().Port()%2 == 0 {
			return s, nil
		}
		s.Close()
	}
	return nil, errors.New("load: no even port is free; use fewer callers or another --local-rtp address")
}

// dial calls, and gives the leg to the engine when it is answered.
func (c *caller) dial(ctx context.Context, dial dialer, uri string, e *engine) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	c.offer = sdp.Offer(c.local, nil)
	began := media.Now()
	d, err := dial(ctx, phone.Call{URI: uri, Offer: c.offer, Events: phone.Events{Dialled: c.dialled, Offer: c.offered, Answer: c.answered}})
	c.setup = media.Now() - began
	if err != nil {
		c.err = err
		return
	}
	c.dialog = d
	e.add(c.leg)
}

// dialled takes the answer to the call. An error ends it.
func (c *caller) dialled(answer []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := sdp.Accept(c.offer, answer, c.local, nil)
	if err != nil {
		return err
	}
	if !m.Remote.IsValid() {
		return errors.New("load: the answer has no address to send to")
	}
	c.media = m
	c.leg.agree(m)
	return nil
}

// offered answers the server's re-INVITE, or makes an offer when it has none.
func (c *caller) offered(offer []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if offer == nil {
		c.offer = sdp.Offer(c.local, &c.media)
		return c.offer, nil
	}
	answer, m, err := sdp.Answer(offer, c.local, &c.media)
	if err != nil {
		return nil, err
	}
	c.media = m
	c.leg.changed.Store(&m)
	return answer, nil
}

// answered takes the answer to the offer that offered made.
func (c *caller) answered(answer []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, err := sdp.Accept(c.offer, answer, c.local, &c.media)
	if err != nil {
		return err
	}
	c.media = m
	c.leg.changed.Store(&m)
	return nil
}

// gone reports whether the server ended the call, and stops sending then.
func (c *caller) gone() bool {
	if c.dialog == nil {
		return false
	}
	select {
	case <-c.dialog.Done():
		c.leg.ended.Store(true)
		return true
	default:
		return false
	}
}

func (c *caller) hangUp(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, hangUpWait)
	defer cancel()
	return c.dialog.Bye(ctx, reason)
}

// dialAll makes the calls at so many a second and returns when each is
// answered or has failed.
func dialAll(ctx context.Context, p plan, dial dialer, callers []*caller, engines []*engine) {
	limit := make(chan struct{}, dialLimit)
	var all sync.WaitGroup
	defer all.Wait()
	start := time.Now()
	for i, c := range callers {
		wait := time.NewTimer(time.Until(start.Add(time.Duration(float64(i) / p.Ramp * float64(time.Second)))))
		select {
		case <-wait.C:
			limit <- struct{}{}
		case <-ctx.Done():
			wait.Stop()
			c.err = ctx.Err()
			continue
		}
		uri := p.target.uri(c.leg.conference+1, p.Conferences)
		all.Go(func() {
			c.dial(ctx, dial, uri, engines[i%len(engines)])
			<-limit
		})
	}
}

// hangUpAll ends every call that is up and returns how many BYEs were not
// answered.
func hangUpAll(ctx context.Context, callers []*caller) int {
	limit := make(chan struct{}, dialLimit)
	var all sync.WaitGroup
	var mu sync.Mutex
	unanswered := 0
	for _, c := range callers {
		if c.dialog == nil || c.err != nil || c.gone() {
			continue
		}
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			if c.hangUp(ctx, "load test over") != nil {
				mu.Lock()
				unanswered++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return unanswered
}
