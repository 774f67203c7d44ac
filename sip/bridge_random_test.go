package sip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Whatever the caller and the phones do, in whatever order: every leg ends once, and no dialog, transaction or goroutine is
// left. (TX-7)
func TestBridgeRandom(t *testing.T) {
	timers := Timers{T1: 5 * time.Millisecond, T2: 20 * time.Millisecond}
	for _, direct := range []bool{false, true} {
		o := openOffice(t, "udp", direct, Config{
			Timers: timers, RingNext: 30 * time.Millisecond, Ring: 200 * time.Millisecond, Divert: divertToUsers, Domain: everywhere,
		})
		for seed := range uint64(35) {
			o.play(rand.New(rand.NewPCG(seed, 7)), fmt.Sprintf("direct %v, seed %d", direct, seed))
			if t.Failed() {
				return
			}
		}
		eventually(t, func() bool { return o.server.Snapshot().ClientTransactions == 0 })
	}
}

// The same of calls to gateways, of which SRV names up to three: they say nothing, answer 503, or do as phones do. (TR-9)
func TestBridgeRandomElsewhere(t *testing.T) {
	for _, direct := range []bool{false, true} {
		gateways := &liveDNS{known: dns{"gw.test": {"127.0.0.1"}}}
		o := openOffice(t, "udp", direct, Config{
			Timers: Timers{T1: 2 * time.Millisecond, T2: 8 * time.Millisecond}, Ring: 400 * time.Millisecond, Resolver: gateways,
			Route: func(context.Context, Call) (Route, error) {
				return Route{Out: "sip:+49@localhost", Direct: direct}, nil
			},
		})
		o.gateways = gateways
		for seed := range uint64(20) {
			o.play(rand.New(rand.NewPCG(seed, 8)), fmt.Sprintf("elsewhere, direct %v, seed %d", direct, seed))
			if t.Failed() {
				return
			}
		}
		eventually(t, func() bool { return o.server.Snapshot().ClientTransactions == 0 })
	}
}

// liveDNS is a dns that changes.
type liveDNS struct {
	mu    sync.Mutex
	known dns
}

// lead has SRV lead to gateways, the first one first.
func (l *liveDNS) lead(gateways []*phone) {
	var records []string
	for i, p := range gateways {
		records = append(records, fmt.Sprintf("%d 0 %d gw.test.", i, addrPort(p.conn.LocalAddr()).Port()))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known["_sip._udp.localhost"] = records
}

func (l *liveDNS) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known.LookupSRV(ctx, service, proto, name)
}

func (l *liveDNS) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known.LookupNetIP(ctx, network, host)
}

// callees are the phones of bob and his colleagues, or gateways.
func (o *office) callees(r *rand.Rand) (phones []*phone) {
	if o.gateways != nil {
		for range 1 + r.IntN(3) {
			phones = append(phones, o.newPhone())
		}
		o.gateways.lead(phones)
		return phones
	}
	users := [...]string{"bob", "carol", "dave"}
	for _, user := range users {
		_, _ = o.location.Update(context.Background(), user, "example.com", func([]Binding) ([]Binding, error) { return nil, nil })
	}
	phones = append(phones, o.phone(500))
	for range r.IntN(4) {
		phones = append(phones, o.phoneOf(users[r.IntN(3)], 500+100*r.IntN(2)))
	}
	return phones
}

// play is one call with its end.
func (o *office) play(r *rand.Rand, name string) {
	caller := &actor{phone: o.caller(), r: r, calls: true}
	actors := []*actor{caller}
	for _, p := range o.callees(r) {
		gateway := o.gateways != nil
		actors = append(actors, &actor{phone: p, r: r, gateway: gateway, mute: gateway && r.IntN(3) == 0})
	}
	body := offerSDP
	if r.IntN(6) == 0 {
		body = ""
	}
	caller.send("INVITE", body)
	for range 20 + r.IntN(60) {
		a := actors[r.IntN(len(actors))]
		if !a.hear(time.Millisecond) {
			a.act()
		}
	}
	deadline := time.Now().Add(patience)
	for {
		n := o.server.Snapshot()
		open := slices.ContainsFunc(actors, (*actor).waits)
		if n.Dialogs == 0 && n.Pending == 0 && n.ServerTransactions == 0 && !open {
			break
		}
		if time.Now().After(deadline) {
			o.t.Errorf("%s: %d dialogs, %d pending, %d server transactions are left, INVITE not answered: %v",
				name, n.Dialogs, n.Pending, n.ServerTransactions, open)
			return
		}
		for _, a := range actors {
			a.obeys = true
			a.finish()
			for a.hear(time.Millisecond) {
			}
		}
	}
	for len(o.rooms.legs) > 0 {
		if l := <-o.rooms.legs; l.ends != 1 {
			o.t.Errorf("%s: %s was ended %d times", name, l.id, l.ends)
		}
	}
	for _, a := range actors {
		a.close()
	}
}

// actor is a phone that does what it may at any time, and some of it at the wrong time.
type actor struct {
	*phone
	r     *rand.Rand
	calls bool // it is the caller
	obeys bool // the end: it does only what ends the call

	gateway bool
	mute    bool // it says nothing until the end

	talks   bool             // it has a dialog that was answered
	bye     bool             // it has sent BYE
	sent    []sentInvite     // by it
	waiting []*sipgo.Request // INVITEs to it without final answer
}

type sentInvite struct {
	seq, branch int
	offerless   bool
	cancelled   bool
	done        bool
}

func (a *actor) send(method, body string) {
	a.request(method, body)
	if method == "INVITE" {
		a.sent = append(a.sent, sentInvite{seq: a.seq, branch: a.branch, offerless: body == ""})
	}
}

// waits says that an INVITE of its own has no final answer.
func (a *actor) waits() bool {
	return slices.ContainsFunc(a.sent, func(s sentInvite) bool { return !s.done })
}

// hear takes one message, if there is one.
func (a *actor) hear(wait time.Duration) bool {
	select {
	case m := <-a.in:
		switch m := m.(type) {
		case *sipgo.Request:
			a.asked(m)
		case *sipgo.Response:
			a.told(m)
		}
		return true
	case <-time.After(wait):
		return false
	}
}

func (a *actor) asked(req *sipgo.Request) {
	switch req.Method {
	case sipgo.INVITE:
		if !req.To().Params.Has("tag") {
			for _, w := range a.waiting { // a repetition
				if w.CSeq().SeqNo == req.CSeq().SeqNo {
					return
				}
			}
			a.callID, a.fromTag, a.seq = req.CallID().Value(), "b"+newTag(), 0
			a.toTag, _ = req.From().Params.Get("tag")
			req.To().Params.Add("tag", a.fromTag)
		}
		a.waiting = append(a.waiting, req)
		if !a.mute && a.r.IntN(3) > 0 {
			a.reply(req, []int{100, 180, 183}[a.r.IntN(3)], []string{"", bobSDP + "0", bobSDP + "1", "v=0 bad"}[a.r.IntN(4)])
		}
	case sipgo.CANCEL:
		a.reply(req, 200, "")
		a.final(487)
	case sipgo.BYE, sipgo.OPTIONS:
		a.reply(req, []int{200, 200, 200, 481}[a.r.IntN(4)], "")
		a.bye = a.bye || req.Method == sipgo.BYE
	case sipgo.UPDATE, sipgo.INFO:
		a.reply(req, []int{200, 500}[a.r.IntN(2)], "")
	}
}

// final answers the INVITE that waits longest.
func (a *actor) final(code int) {
	if len(a.waiting) == 0 {
		return
	}
	req := a.waiting[0]
	a.waiting = a.waiting[1:]
	body := ""
	if code == 200 {
		a.talks = true
		body = bobSDP + fmt.Sprint(a.r.IntN(3))
	}
	contact := a.contact
	if code == 302 {
		contact = []string{"<sip:carol@x>", "<sip:dave@x>;q=0.5, <sip:carol@x>", "<sip:bob@x>", "<sip:alice@x>", "<sip:nobody@x>"}[a.r.IntN(5)]
	}
	a.reply(req, code, body, "Contact: "+contact)
}

func (a *actor) told(res *sipgo.Response) {
	if res.CSeq().MethodName != sipgo.INVITE || res.StatusCode < 200 {
		if tag := toTag(res); a.calls && a.toTag == "" && tag != "" && a.r.IntN(2) == 0 {
			a.toTag = tag // an early dialog
		}
		return
	}
	for i := range a.sent {
		s := &a.sent[i]
		if s.seq != int(res.CSeq().SeqNo) {
			continue
		}
		s.done = true
		if res.StatusCode >= 300 {
			old, branch := a.toTag, a.branch
			a.toTag, a.branch = toTag(res), s.branch
			a.raw("ACK", s.seq, "")
			a.toTag, a.branch = old, branch
			return
		}
		if a.toTag != toTag(res) { // another dialog than the early one
			a.bye = false
		}
		a.talks, a.toTag = true, toTag(res)
		if a.obeys || a.r.IntN(8) > 0 { // else it is lost
			body := ""
			if s.offerless && a.r.IntN(5) > 0 {
				body = offerSDP + fmt.Sprint(a.r.IntN(3))
			}
			a.branch++
			a.raw("ACK", s.seq, body)
		}
		return
	}
}

// act does something of its own accord.
func (a *actor) act() {
	inDialog := a.toTag != ""
	switch n := a.r.IntN(14); {
	case a.mute:
	case len(a.waiting) > 0 && n < 9:
		codes := []int{200, 200, 200, 200, 302, 302, 302, 486, 480, 488, 491, 603, 404, 481}
		if a.gateway {
			codes = []int{200, 503, 503, 486}
		}
		a.final(codes[a.r.IntN(len(codes))])
	case a.calls && n == 0 || n == 1 && inDialog:
		a.cancel()
	case inDialog && n == 2:
		a.bye = true
		a.send("BYE", "")
	case inDialog && a.talks && n < 6:
		a.send("INVITE", []string{"", offerSDP, offerSDP + "1", offerSDP + "2"}[a.r.IntN(4)])
	case inDialog && a.talks && n == 6:
		a.send("UPDATE", []string{"", offerSDP + "1", offerSDP + "2"}[a.r.IntN(3)])
	case inDialog && a.talks && n == 7:
		a.request("INFO", "Signal=1", "Content-Type: application/dtmf-relay")
	case inDialog && n == 8:
		a.send("OPTIONS", "")
	}
}

// cancel cancels the last INVITE, whether it is open or not.
func (a *actor) cancel() {
	if len(a.sent) == 0 {
		return
	}
	s := &a.sent[len(a.sent)-1]
	if s.cancelled {
		return
	}
	s.cancelled = true
	branch, tag := a.branch, a.toTag
	if s.seq == 1 && a.calls {
		a.toTag = ""
	}
	a.branch = s.branch
	a.raw("CANCEL", s.seq, "")
	a.branch, a.toTag = branch, tag
}

// finish does what is missing for the end of the call.
func (a *actor) finish() {
	for len(a.waiting) > 0 {
		a.final(486)
	}
	if a.calls && len(a.sent) > 0 && !a.sent[0].done {
		s := a.sent
		a.sent = a.sent[:1]
		a.cancel()
		a.sent = s
	}
	if a.talks && !a.bye {
		a.bye = true
		a.send("BYE", "")
	}
}
