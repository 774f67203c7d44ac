package sip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// RegistrarConfig bounds registrations. The zero value takes the defaults.
type RegistrarConfig struct {
	Default  time.Duration // of a binding when the phone says nothing, 1 h unless set
	Min      time.Duration // shorter ones are answered 423, 1 min unless set
	Max      time.Duration // longer ones are shortened to it, 2 h unless set
	Contacts int           // of one user, 10 unless set
	// ServiceRoute is the way that phones are told to send their requests by, as URIs. RFC 3608
	ServiceRoute []string
}

// check fills in the defaults and holds the times against each other.
func (c *RegistrarConfig) check() error {
	setDuration(&c.Default, time.Hour)
	setDuration(&c.Min, time.Minute)
	setDuration(&c.Max, 2*time.Hour)
	setInt(&c.Contacts, 10)
	if c.Min > c.Default || c.Default > c.Max {
		return fmt.Errorf("sip: Config.Registrar: Default %v must lie between Min %v and Max %v", c.Default, c.Min, c.Max)
	}
	for _, u := range c.ServiceRoute {
		if p, ok := readURI([]byte(u)); !ok || !p.isSIP() {
			return fmt.Errorf("sip: Config.Registrar.ServiceRoute %q: need a SIP URI such as \"sip:edge.example.com;lr\"", u)
		}
	}
	return nil
}

// contact is one Contact of a REGISTER.
type contact struct {
	uri      string // as the phone wrote it
	parsed   sipgo.Uri
	q        int // thousandths
	instance string
	regID    int
	expires  int64 // seconds asked for; below 0: nothing was said
}

// registration is a REGISTER that has been read.
type registration struct {
	contacts []contact
	all      bool // Contact: *
	callID   string
	cseq     uint32
	path     []string

	userAgent string
	transport string
	source    netip.AddrPort
	local     netip.AddrPort
	flow      string
}

// lifetime is how long a binding is to live; 0 takes it away. RFC 3261, 10.3 (RG-1)
func (c *RegistrarConfig) lifetime(asked int64) (time.Duration, error) {
	if asked < 0 {
		return c.Default, nil
	}
	d := time.Duration(min(asked, int64(c.Max/time.Second))) * time.Second
	if d > 0 && d < c.Min {
		return 0, &Refusal{Code: 423, Warning: "a registration lasts at least " + seconds(c.Min) + " seconds"}
	}
	return d, nil
}

// register makes of the bindings of a user what a REGISTER asks for, all or nothing: an error leaves everything as it is.
// Those that have expired are gone. have is not changed. RFC 3261, 10.3; RFC 5626, 6 (RG-1, RG-2)
func (c *RegistrarConfig) register(have []Binding, r registration, now time.Time) ([]Binding, error) {
	out := living(have, now)
	if r.all {
		for _, b := range out {
			if b.CallID == r.callID && r.cseq <= b.CSeq {
				return nil, errRegisterOrder
			}
		}
		return nil, nil
	}
	fresh := make(map[string]bool, len(r.contacts)) // contacts that this REGISTER itself has bound
	for _, ct := range r.contacts {
		life, err := c.lifetime(ct.expires)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(out, func(b Binding) bool { return ct.is(b) })
		if i >= 0 && !fresh[out[i].Contact] && out[i].CallID == r.callID && r.cseq <= out[i].CSeq {
			return nil, errRegisterOrder
		}
		switch {
		case life == 0 && i >= 0:
			out = slices.Delete(out, i, i+1)
		case life == 0:
		case i >= 0:
			out[i] = r.binding(ct, out[i].Since, now.Add(life))
			fresh[ct.uri] = true
		default:
			if out, err = c.makeRoom(out, r); err != nil {
				return nil, err
			}
			out = append(out, r.binding(ct, now, now.Add(life)))
			fresh[ct.uri] = true
		}
	}
	return out, nil
}

var errRegisterOrder = &Refusal{Code: 500, Warning: "CSeq is not above that of an earlier REGISTER of this Call-ID"}

// living are the bindings that have not expired, in a slice of its own.
func living(have []Binding, now time.Time) []Binding {
	out := make([]Binding, 0, len(have)+1)
	for _, b := range have {
		if b.Expires.After(now) {
			out = append(out, b)
		}
	}
	return out
}

// is says whether a binding is the one that the contact is about: by instance and reg-id where both have them, else by
// its URI. RFC 5626, 6; RFC 3261, 10.3 (RG-2)
func (ct *contact) is(b Binding) bool {
	if ct.instance != "" && ct.regID > 0 && b.Instance != "" && b.RegID > 0 {
		return strings.EqualFold(ct.instance, b.Instance) && ct.regID == b.RegID
	}
	if ct.uri == b.Contact {
		return true
	}
	var uri sipgo.Uri
	return sipgo.ParseUri(b.Contact, &uri) == nil && equalURI(&ct.parsed, &uri)
}

func (r *registration) binding(ct contact, since, expires time.Time) Binding {
	return Binding{
		Contact: ct.uri, Instance: ct.instance, RegID: ct.regID, Q: ct.q, Path: r.path,
		CallID: r.callID, CSeq: r.cseq, Expires: expires, Since: since, UserAgent: r.userAgent,
		Transport: r.transport, Source: r.source, Local: r.local, Flow: r.flow,
	}
}

// makeRoom finds a place for one more binding. Where there is none, one of the same source gives way that says no
// instance: phones without one leave a binding behind each time that their port changes (Q27).
func (c *RegistrarConfig) makeRoom(out []Binding, r registration) ([]Binding, error) {
	if len(out) < c.Contacts {
		return out, nil
	}
	oldest := -1
	for i, b := range out {
		if b.Instance == "" && b.Source.Addr() == r.source.Addr() && !(b.CallID == r.callID && b.CSeq == r.cseq) &&
			(oldest < 0 || b.Expires.Before(out[oldest].Expires)) {
			oldest = i
		}
	}
	if oldest < 0 {
		return nil, &Refusal{Code: 403, Warning: fmt.Sprintf("this user has %d phones registered already, and may not have more", c.Contacts)}
	}
	return slices.Delete(out, oldest, oldest+1), nil
}
