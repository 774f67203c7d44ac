package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/policy"
	"trivox/media"
	"trivox/sip"
	"trivox/sip/sdp"
)

// maxRoomName bounds the user part of a room, in bytes.
const maxRoomName = 128

// rooms joins signalling to the conference server: a user part that is dialled is a room, by the rules of [[room]]
// (DESIGN 10).
type rooms struct {
	server   *conference.Server
	config   configPointer
	recorder *recorder
	log      *slog.Logger
	srtp     func(sip.Call) sdp.Policy
	lobbies  *lobbies
	ours     func(host string) bool // tells whether the host of a URI means this server
}

// roomName is what the conference server and the API call a room: its user part, with the domain when that is one of
// ours and not the first, or when the user part itself ends as if it were.
func roomName(user, host string, domains []string) string {
	if i := slices.Index(domains, plainHost(host)); i > 0 {
		return user + "@" + domains[i]
	}
	if _, named := cutDomain(user, domains); named != "" {
		return user + "@" + domains[0]
	}
	return user
}

// roomDomain is the domain that a room lies in: the one that was dialled when it is ours, else the first; none where
// there are none. Rooms of the same name have the same domain, or one could be entered by the rules of another.
func roomDomain(host string, domains []string) string {
	if i := slices.Index(domains, plainHost(host)); i > 0 {
		return domains[i]
	}
	if len(domains) == 0 {
		return ""
	}
	return domains[0]
}

// table is the rules of the room dialled. Where there are rules, it answers on the hosts that mean this server, and on
// no other (DESIGN 10).
func (r *rooms) table(c *config.Config, user, host string) (config.Room, *policy.Refusal) {
	if len(c.Room) > 0 && !r.ours(host) {
		return config.Room{}, policy.NotHere()
	}
	table, ok := c.RoomFor(user, roomDomain(host, c.Domains))
	if !ok {
		return table, policy.NoRoom()
	}
	return table, nil
}

// cutDomain takes a name of roomName's apart; the domain is empty when it is not in the name.
func cutDomain(name string, domains []string) (user, domain string) {
	i := strings.LastIndexByte(name, '@')
	if i < 0 || !slices.Contains(domains, name[i+1:]) {
		return name, ""
	}
	return name[:i], name[i+1:]
}

// roomURI is the SIP URI of a room, in the first domain, or at host where there is none, unless its name says another.
func roomURI(name, host string, domains []string) string {
	user, domain := cutDomain(name, domains)
	if domain == "" && len(domains) > 0 {
		domain = domains[0]
	}
	return "sip:" + strings.ReplaceAll(url.PathEscape(user), "@", "%40") + "@" + cmp.Or(domain, host)
}

// badName says what is wrong with the user part dialled: a room must be told by what is read of it, in a list and in
// the API, and be named by it there. It is empty when nothing is.
func badName(user string) string {
	switch {
	case user == "":
		return "dial a room, such as tea"
	case len(user) > maxRoomName:
		return fmt.Sprintf("a room's name has at most %d bytes, this one has %d", maxRoomName, len(user))
	case !utf8.ValidString(user) || strings.ContainsFunc(user, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "a room's name is of characters that can be printed, in UTF-8"
	}
	return ""
}

// Known is for OPTIONS, which is answered as an INVITE would be, and for refusals.
func (r *rooms) Known(user, host string) (exists bool, err error) {
	if why := badName(user); why != "" {
		return false, &sip.Refusal{Code: 404, Warning: why}
	}
	c := r.config.Load()
	table, no := r.table(c, user, host)
	if no != nil {
		return false, refused(no)
	}
	name := roomName(user, host, c.Domains)
	exists, err = r.server.Known(name)
	if err != nil {
		return exists, refusal(err)
	}
	rules := table.Rules(c.Rooms.MaxParticipants)
	if no := rules.Full(r.state(name, table.Match)); no != nil {
		return exists, refused(no)
	}
	return exists, nil
}

// state is what the rules ask of a room.
func (r *rooms) state(name string, match policy.Pattern) policy.State {
	st := r.server.State(name)
	return policy.State{Open: st.Open, Locked: st.Locked, People: st.People, Hosts: st.Hosts, Shut: r.lobbies.shut(match)}
}

// Enter gives a caller a leg in the room dialled.
func (r *rooms) Enter(ctx context.Context, c sip.Call) (sip.Leg, error) {
	if c.Bridge != "" {
		return r.bridge(ctx, c)
	}
	if why := badName(c.User); why != "" {
		return nil, &sip.Refusal{Code: 404, Warning: why}
	}
	cfg := r.config.Load()
	table, no := r.table(cfg, c.User, c.Host)
	if no != nil {
		return nil, refused(no)
	}
	name, rules := roomName(c.User, c.Host, cfg.Domains), table.Rules(cfg.Rooms.MaxParticipants)
	verdict := rules.Decide(policy.Caller{User: c.Caller.User, Source: c.Source.Addr()}, r.state(name, table.Match))
	if verdict.Refused != nil {
		return nil, refused(verdict.Refused)
	}
	q := r.request(c, name)
	q.Moderator, q.Lobby, q.Most = verdict.Moderator, verdict.Ask || verdict.Wait, rules.MaxParticipants
	q.Opens = conference.Opening{
		NMax: table.NMax, Lifetime: table.Lifetime, Locked: table.Locked, EndsWithHost: table.AfterHost == "end",
	}
	leg, err := r.server.Enter(ctx, q)
	if err != nil {
		return nil, refusal(err)
	}
	out := &sipLeg{Leg: leg, call: c, recorder: r.recorder}
	if q.Lobby {
		out.visitor = r.lobbies.open(r, leg, c, name, cmp.Or(table.Language, cfg.Rooms.Language), rules, verdict)
	}
	return out, nil
}

// request is what the conference server is told of any call.
func (r *rooms) request(c sip.Call, name string) conference.Request {
	return conference.Request{
		Conference: name, URI: c.Caller.URI, Display: c.Caller.Display, CallID: c.CallID, Local: c.Local,
		Source: c.Source.Addr(), User: c.Caller.User, Network: c.Network, SRTP: r.srtp(c),
		HangUp: func(cause conference.Cause) { c.HangUp(sip.Cause(cause)) }, Rekey: c.Rekey,
	}
}

// refused is the answer to a caller whom the rules refuse.
func refused(no *policy.Refusal) *sip.Refusal {
	return &sip.Refusal{Code: no.Code, Warning: no.Text, RetryAfter: no.RetryAfter, Rule: no.Rule}
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
		{conference.ErrPrivate, 404, 0},
		{conference.ErrTooMany, 503, 30 * time.Second},
		{conference.ErrShuttingDown, 503, 10 * time.Second},
		{conference.ErrBusy, 503, 5 * time.Second},
		{media.ErrNoPorts, 503, 10 * time.Second},
		{syscall.EMFILE, 503, 10 * time.Second}, // what the machine lacks now, it may have when calls have ended
		{syscall.ENFILE, 503, 10 * time.Second},
		{syscall.ENOBUFS, 503, 10 * time.Second},
		{syscall.ENOMEM, 503, 10 * time.Second},
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
type sipLeg struct {
	*conference.Leg
	call     sip.Call
	recorder *recorder
	visitor  *visitor // nil: it is in its room
}

func (l *sipLeg) Answer(offer []byte) ([]byte, error) {
	b, err := l.Leg.Answer(offer)
	if err != nil {
		return nil, refusal(err)
	}
	l.visitor.begin()
	return b, nil
}

func (l *sipLeg) SetAnswer(answer []byte) error {
	if err := l.Leg.SetAnswer(answer); err != nil {
		return refusal(err)
	}
	l.visitor.begin()
	return nil
}

// End returns once the record of the call is written, so that it is when the BYE is answered.
func (l *sipLeg) End(c sip.Cause) {
	l.visitor.close()
	summary := l.Leg.End(conference.Cause(c))
	l.recorder.add(recordOf(l.ID(), l.Conference(), l.call, summary))
}
