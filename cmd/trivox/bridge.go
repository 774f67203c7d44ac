package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"trivox/cluster/conference"
	"trivox/media"
	"trivox/sip"
)

// bridge gives one side of a call between two its leg: in a conference of theirs, or, where the sound goes past this
// server, in name only.
func (r *rooms) bridge(ctx context.Context, c sip.Call) (sip.Leg, error) {
	if c.Direct {
		return &directLeg{id: strconv.FormatUint(rand.Uint64()>>4, 36), call: c, recorder: r.recorder, entered: media.Now()}, nil
	}
	q := r.request(c, c.Bridge)
	q.Opens.Private, q.Called = true, c.Callee
	leg, err := r.server.Enter(ctx, q)
	if err != nil {
		return nil, refusal(err)
	}
	return &sipLeg{Leg: leg, call: c, recorder: r.recorder}, nil
}

// directLeg is the record of a call whose sound this server does not see.
type directLeg struct {
	id       string
	call     sip.Call
	recorder *recorder
	entered  time.Duration

	mu       sync.Mutex
	answered time.Duration
}

var errDirect = errors.New("the sound of this call goes past this server: its descriptions are passed on as they are")

// ID names it in logs and records.
func (l *directLeg) ID() string { return l.id }

// Offer is sip.Leg's.
func (l *directLeg) Offer() ([]byte, error) { return nil, errDirect }

// Answer is sip.Leg's.
func (l *directLeg) Answer([]byte) ([]byte, error) { return nil, errDirect }

// SetAnswer is sip.Leg's.
func (l *directLeg) SetAnswer([]byte) error { return errDirect }

// Early is sip.Leg's; nothing is known here of sound.
func (l *directLeg) Early(bool) {}

// Confirmed notes when the call began.
func (l *directLeg) Confirmed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered = media.Now()
}

// Digit is sip.Leg's; a digit goes the way of the sound.
func (l *directLeg) Digit(byte, time.Duration) {}

// End writes the record.
func (l *directLeg) End(c sip.Cause) {
	l.mu.Lock()
	s := conference.Summary{Entered: l.entered, Answered: l.answered, Ended: media.Now(), Cause: conference.Cause(c)}
	l.mu.Unlock()
	s.Duration = s.Ended - s.Entered
	if s.Answered > 0 {
		s.Duration = s.Ended - s.Answered
	}
	l.recorder.add(recordOf(l.id, l.call.Bridge, l.call, s))
}
