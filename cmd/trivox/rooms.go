package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"trivox/cluster/conference"
	"trivox/media"
	"trivox/sip"
	"trivox/sip/sdp"
)

// maxRoomName bounds the user part of a room, in bytes.
const maxRoomName = 128

// rooms joins signalling to the conference server: any user part that is dialled is a room (DESIGN 10).
type rooms struct {
	server *conference.Server
	config configPointer
	log    *slog.Logger
}

// name is what the conference server and the API call a room: its user part, with the domain when that is one of
// ours and not the first.
func roomName(user, host string, domains []string) string {
	host = strings.ToLower(host)
	for i, d := range domains {
		if d == host && i > 0 {
			return user + "@" + host
		}
	}
	return user
}

// Known is for OPTIONS and for refusals.
func (r *rooms) Known(user, host string) (exists, wouldOpen bool) {
	if user == "" || len(user) > maxRoomName {
		return false, false
	}
	exists, enterable := r.server.Known(roomName(user, host, r.config.Load().Domains))
	return exists, enterable && !exists
}

// Enter gives a caller a leg in the room dialled.
func (r *rooms) Enter(ctx context.Context, c sip.Call) (sip.Leg, error) {
	switch {
	case c.User == "":
		return nil, &sip.Refusal{Code: 404, Warning: "dial a room, such as sip:tea@" + c.Host}
	case len(c.User) > maxRoomName:
		return nil, &sip.Refusal{Code: 404, Warning: fmt.Sprintf("a room's name has at most %d bytes, this one has %d", maxRoomName, len(c.User))}
	}
	leg, err := r.server.Enter(ctx, conference.Request{
		Conference: roomName(c.User, c.Host, r.config.Load().Domains),
		URI:        c.Caller.URI, Display: c.Caller.Display, CallID: c.CallID, Local: c.Local,
		Source: c.Source.Addr(),
		HangUp: func(cause conference.Cause) { c.HangUp(sip.Cause(cause)) },
	})
	if err != nil {
		return nil, refusal(err)
	}
	return &sipLeg{leg}, nil
}

// refusal is the SIP answer to an error of the conference server.
func refusal(err error) error {
	answers := []struct {
		err   error
		code  int
		retry time.Duration
	}{
		{conference.ErrLocked, 403, 0},
		{conference.ErrFull, 486, 0},
		{conference.ErrTooMany, 503, 30 * time.Second},
		{conference.ErrShuttingDown, 503, 10 * time.Second},
		{conference.ErrBusy, 503, 5 * time.Second},
		{media.ErrNoPorts, 503, 10 * time.Second},
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return &sip.Refusal{Code: a.code, Warning: err.Error(), RetryAfter: a.retry}
		}
	}
	var r *sdp.Refusal
	if errors.As(err, &r) {
		return &sip.Refusal{Code: 488, Warning: fmt.Sprintf("%d %s", r.Warning, r.Text)}
	}
	return err
}

// sipLeg is a leg as signalling wants it.
type sipLeg struct{ *conference.Leg }

func (l *sipLeg) Answer(offer []byte) ([]byte, error) {
	b, err := l.Leg.Answer(offer)
	if err != nil {
		return nil, refusal(err)
	}
	return b, nil
}

func (l *sipLeg) SetAnswer(answer []byte) error {
	if err := l.Leg.SetAnswer(answer); err != nil {
		return refusal(err)
	}
	return nil
}

func (l *sipLeg) End(c sip.Cause) { l.Leg.End(conference.Cause(c)) }
