package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// flowTimer is how often a phone has to show that its flow is alive. RFC 5626, 4.4
const flowTimer = 120 * time.Second

// registers says whether phones can register here.
func (s *Server) registers() bool { return s.cfg.Location != nil && s.cfg.Directory != nil }

// register serves REGISTER. RFC 3261, 10.3 (RG-1)
func (s *Server) register(tx *serverTx) {
	d := s.registerOrDeny(tx)
	if d == nil {
		return
	}
	if d.Code != 401 {
		s.count.registerRefused.Add(1)
	}
	s.deny(tx, d)
}

func (s *Server) registerOrDeny(tx *serverTx) *denial {
	aor := s.aorOf(&tx.req.To().Address)
	user, domain, ok := cutAOR(aor)
	if !ok || s.domain(tx.req.Recipient.Host) == "" {
		return deny("registrar.domain", 404, "this is not the registrar of that domain")
	}
	proved, d := s.authenticate(tx, domain, aor)
	tx.handled() // what follows waits for the disk
	if d != nil {
		return d
	}
	if proved != aor {
		return deny("registrar.owner", 403, proved+" may not register phones for "+aor)
	}
	if d := s.limitedUser(tx, limits.Register, aor); d != nil {
		return d
	}
	r, refusal := readRegistration(tx.req, tx.flow, max(s.cfg.Registrar.Contacts, 1))
	if refusal != nil {
		return &denial{Refusal: refusal, rule: "registrar.read"}
	}
	if d := s.checkWay(tx, &r); d != nil {
		return d
	}
	outbound, d := s.outbound(tx.req, &r)
	if d != nil {
		return d
	}
	now := time.Now()
	ctx, cancel := tx.context()
	defer cancel()
	bound, err := s.bind(ctx, user, domain, r, now)
	if errors.As(err, &refusal) {
		d := &denial{Refusal: refusal, rule: "registrar"}
		if refusal.Code == 423 {
			d.more = []sipgo.Header{sipgo.NewHeader("Min-Expires", seconds(s.cfg.Registrar.Min))}
		}
		return d
	}
	if err != nil {
		return s.broken("location", "registrations cannot be stored", err)
	}
	s.count.registered.Add(1) // before whoever reads the answer can ask
	s.ok(tx, s.registered(tx.req, &r, bound, outbound, now)...)
	return nil
}

// bind changes the bindings of a user, or only reads them when the REGISTER has no Contact.
func (s *Server) bind(ctx context.Context, user, domain string, r registration, now time.Time) ([]Binding, error) {
	if len(r.contacts) == 0 && !r.all {
		have, err := s.cfg.Location.Bindings(ctx, user, domain)
		return living(have, now), err
	}
	have, err := s.cfg.Location.Update(ctx, user, domain, func(have []Binding) ([]Binding, error) {
		return s.cfg.Registrar.register(have, r, now)
	})
	return living(have, now), err
}

// checkWay refuses bindings by which this server would call strangers: a Contact elsewhere, unless a proxy in front of us
// that is known, or at least is where the request comes from, says how to get there.
func (s *Server) checkWay(tx *serverTx, r *registration) *denial {
	source := tx.flow.source.Addr()
	known := s.cfg.Allowed != nil && s.allowed(source)
	if len(r.path) > 0 && !known {
		var uri sipgo.Uri
		ip := netip.Addr{}
		if sipgo.ParseUri(r.path[0], &uri) == nil {
			ip, _ = netip.ParseAddr(strings.Trim(uri.Host, "[]"))
		}
		if ip.Unmap() != source {
			return deny("registrar.path", 403, "Path names a proxy that the request does not come from")
		}
	}
	if known || len(r.path) > 0 {
		return nil
	}
	for i := range r.contacts {
		if r.contacts[i].expires == 0 {
			continue
		}
		if why := strayContact(&r.contacts[i].parsed, source); why != "" {
			return deny("registrar.contact", 403, why)
		}
	}
	return nil
}

// outbound says whether the registration is one of several flows that the phone keeps alive. RFC 5626, 6 (RG-4)
func (s *Server) outbound(req *sipgo.Request, r *registration) (bool, *denial) {
	n := 0
	for _, ct := range r.contacts {
		if ct.instance != "" && ct.regID > 0 && ct.expires != 0 {
			n++
		}
	}
	switch {
	case n == 0:
		return false, nil
	case n > 1:
		return false, deny("registrar.outbound", 400, "one flow carries one Contact with reg-id")
	case len(req.GetHeaders("via")) == 1:
		return true, nil
	}
	var first sipgo.Uri // the proxy that the phone talks to put its value in first, so it is the last
	if k := len(r.path); k == 0 || sipgo.ParseUri(r.path[k-1], &first) != nil || !first.UriParams.Has("ob") {
		return false, deny("registrar.outbound", 439, "the first proxy says nothing of outbound: register without reg-id")
	}
	return true, nil
}

// registered is what the 200 says. RFC 3261, 10.3; RFC 3327, 5.3; RFC 3608, 5; RFC 5626, 6 (RG-1, RG-3, RG-4)
func (s *Server) registered(req *sipgo.Request, r *registration, bound []Binding, outbound bool, now time.Time) []sipgo.Header {
	more := make([]sipgo.Header, 0, len(bound)+6)
	for i := range bound {
		more = append(more, sipgo.NewHeader("Contact", bound[i].contactValue(now)))
	}
	more = append(more, sipgo.NewHeader("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")), supportedAllHeader)
	if len(r.path) > 0 && hasOption(req, "supported", "k", "path") {
		for _, p := range r.path {
			more = append(more, sipgo.NewHeader("Path", "<"+p+">"))
		}
	}
	for _, u := range s.cfg.Registrar.ServiceRoute {
		more = append(more, sipgo.NewHeader("Service-Route", "<"+u+">"))
	}
	if outbound {
		more = append(more, sipgo.NewHeader("Require", "outbound"), sipgo.NewHeader("Flow-Timer", seconds(flowTimer)))
	}
	return more
}

// contactValue writes a binding as a phone is told of it.
func (b *Binding) contactValue(now time.Time) string {
	left := max(int64((b.Expires.Sub(now)+time.Second/2)/time.Second), 1)
	v := "<" + b.Contact + ">;expires=" + strconv.FormatInt(left, 10)
	if b.Q != 1000 {
		v += fmt.Sprintf(";q=0.%03d", b.Q)
	}
	if b.Instance != "" {
		v += `;+sip.instance="` + b.Instance + `"`
	}
	if b.RegID > 0 {
		v += ";reg-id=" + strconv.Itoa(b.RegID)
	}
	return v
}

// Bindings gives the ways to a user that have not expired, the best first: by preference, then the one registered last.
func (s *Server) Bindings(ctx context.Context, user, domain string) ([]Binding, error) {
	if s.cfg.Location == nil {
		return nil, nil
	}
	have, err := s.cfg.Location.Bindings(ctx, user, domain)
	if err != nil {
		return nil, err
	}
	out := living(have, time.Now())
	slices.SortStableFunc(out, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(b.Q, a.Q), b.Since.Compare(a.Since))
	})
	return out, nil
}
