package sip

import (
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// diverts says that an answer of a phone names who is to be called instead. A 305 names a proxy and a 380 a service: neither
// is anybody to call. RFC 3261, 8.1.3.4 and 21.3 (UA-10)
func diverts(code int) bool { return code == 300 || code == 301 || code == 302 }

// detour is an address that a phone sends a call on to, and that its user may call.
type detour struct {
	route   Route
	targets []target
}

// address tells whom a call goes to from whom else it could; empty: to a room.
func (r Route) address() string {
	if r.User != "" {
		return r.User + "@" + r.Domain
	}
	return r.Out
}

// addressOf is the address of a user of ours, if the caller is one, or is said to be by who is believed.
func (s *Server) addressOf(who Identity) string {
	var uri sipgo.Uri
	if who.User != "" || sipgo.ParseUri(who.URI, &uri) != nil {
		return who.User
	}
	return s.aorOf(&uri)
}

// divert takes an answer by which a phone of a user of ours sends the call on. It is done for the user whose phone it is, who
// must be one who could call there himself: not for the caller, who may have less right to. False: it is an answer like any
// other. RFC 3261, 8.1.3.4 and 16.7, step 4 (UA-10)
func (d *dialog) divert(res *sipgo.Response) bool {
	c, b := d.calling, d.bridge
	if !diverts(res.StatusCode) || !c.target.ours || d.server.cfg.Divert == nil || d.state != early {
		return false
	}
	detours := d.detours(res)
	if len(detours) == 0 {
		return false
	}
	var to []string
	for _, x := range detours {
		to = append(to, x.route.address())
	}
	no := &Refusal{Code: passedOn(res.StatusCode), Warning: "the phone answered " + phrase(res.StatusCode, res.Reason)}
	b.caller.post(func() { b.divert(c.index, detours, no) })
	d.drop(Cause{Code: res.StatusCode, Text: "diverted to " + strings.Join(to, ", "), ByPeer: true})
	return true
}

// detours are the addresses in the Contacts of an answer that may be called, best first. It may block.
func (d *dialog) detours(res *sipgo.Response) (found []detour) {
	s, t := d.server, d.calling.target
	by := readDiversion(res)
	by.uri = t.aor
	for _, contact := range d.contacts(res) {
		call := d.calleeCall() // as if its user called there
		call.User, call.Host, call.URI = room(&contact.parsed), strings.Trim(contact.parsed.Host, "[]"), contact.uri
		r, err := s.cfg.Divert(d.calling.ctx, call)
		if err == nil && r.address() == "" {
			err = &Refusal{Code: 403, Rule: "divert.room", Warning: "a room is not called in place of a user"}
		}
		var targets []target
		if err == nil {
			targets, err = s.targets(d.calling.ctx, r)
		}
		if err != nil {
			d.notDiverted(t.who.User, contact.uri, asRefusal(err, 500))
			continue
		}
		if contact.parsed.Scheme == "sips" || d.bridge.invite.Recipient.Scheme == "sips" {
			secureAll(targets)
		}
		for i := range targets {
			targets[i].q += contact.q * 1001 // first by the Contact, then by the phone
			targets[i].diversions = append(slices.Clip(t.diversions), by)
		}
		found = append(found, detour{r, targets})
	}
	return found
}

// contacts are those of an answer that could be called, best first, of the first few. What is no SIP URI is logged. Headers in a URI are not
// obeyed, which RFC 3261, 19.1.5 leaves to us. (UA-10)
func (d *dialog) contacts(res *sipgo.Response) (list []contact) {
	for i, h := range res.GetHeaders("contact") {
		if i == d.server.cfg.Limits.Diversions {
			d.server.count.limited.Add(1)
			break
		}
		c, ok := h.(*sipgo.ContactHeader)
		if !ok {
			continue
		}
		ct, no := readContact(c, 0, false)
		if _, err := callable(ct.uri); no == nil && (err != nil || ct.parsed.User == "") {
			no = &Refusal{Code: 403, Warning: "only SIP URIs with a user part are called"}
		}
		if no != nil {
			no.Rule = "divert.uri"
			d.notDiverted(d.calling.target.who.User, ct.uri, no)
			continue
		}
		list = append(list, ct)
	}
	slices.SortStableFunc(list, func(a, b contact) int { return b.q - a.q })
	return list
}

// notDiverted logs why a call of user's is not sent on.
func (d *dialog) notDiverted(user, to string, r *Refusal) {
	log := d.log
	if r.Rule != "" {
		log = log.With("rule", r.Rule)
	}
	log.Info("sip: diversion not followed", "user", user, "to", cutText(to, uriLogged), "text", r.Text())
}

// divert calls whom a phone sends the call on to in its place, or takes no as its answer where that leads nowhere.
func (b *bridge) divert(i int, detours []detour, no *Refusal) {
	if b.caller.state != early || !b.fork.tries(i) {
		b.failed(i, no)
		return
	}
	var more []target
	for _, x := range detours {
		user, to, left := b.targets[i].who.User, x.route.address(), 2*b.server.cfg.Limits.Branches-len(b.targets)-len(more)
		if r := b.mayDivert(user, x, left); r != nil {
			b.caller.notDiverted(user, to, r)
			continue
		}
		if len(x.targets) > left {
			b.server.count.limited.Add(1)
			x.targets = x.targets[:left]
		}
		b.caller.log.Info("sip: call diverted", "user", user, "to", to)
		b.server.count.diverted.Add(1)
		b.been[to] = true
		b.diverted++
		more = append(more, x.targets...)
	}
	if len(more) == 0 {
		b.failed(i, no)
		return
	}
	slices.SortStableFunc(more, func(a, b target) int { return b.q - a.q })
	start := b.fork.diverted(i, preferences(more))
	b.targets = append(b.targets, more...)
	b.phones = append(b.phones, make([]*dialog, len(more))...)
	b.rings = false // whom it is sent on to may ring anew
	b.tell(181)     // RFC 3261, 21.1.3
	b.call(start)
}

// mayDivert bounds what becomes of one call: each address is called once, so many phones and addresses altogether, each by
// one Max-Forwards less. What goes elsewhere counts as a call by the user whose phone sends it there, so that calls which
// come back by another server do not multiply (RFC 5393, 3). left is how many more phones may be called.
func (b *bridge) mayDivert(user string, x detour, left int) *Refusal {
	s := b.server
	switch {
	case b.been[x.route.address()]:
		return &Refusal{Code: 482, Rule: "divert.loop", Warning: "the call comes from there, or was there already"}
	case int(b.forwards()) < len(x.targets[0].diversions):
		return &Refusal{Code: 483, Rule: "divert.forwards", Warning: "Max-Forwards is used up"} // (UA-11)
	case b.diverted >= s.cfg.Limits.Diversions || left <= 0:
		s.count.limited.Add(1)
		return &Refusal{Code: 482, Rule: "divert.most", Warning: "the call was diverted too often"}
	case x.route.Out == "":
		return nil
	}
	now := time.Now()
	if v, retry := s.guard.takeUser(now, limits.Invite, user); v != limits.Pass {
		s.count.overRate.Add(1)
		return &Refusal{Code: 503, Rule: "limits.user", Warning: "too many calls of this user", RetryAfter: retry}
	}
	return nil
}
