package sip

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"

	"trivox/sip/limits"
)

// registrant is alice's phone, about to register.
func registrant(t testing.TB, net *ether, at string) *phone {
	t.Helper()
	p := net.phone(t, at)
	p.uri, p.from, p.to = "sip:example.com", "sip:alice@example.com", "sip:alice@example.com"
	return p
}

// register sends a REGISTER with alice's password and takes the answer to it.
func (p *phone) register(code int, extra ...string) *sipgo.Response {
	p.t.Helper()
	p.proved(aliceProof, "REGISTER", "", extra...)
	return p.response("REGISTER", code)
}

// contactsOf are the Contacts of a 200, and their parameters.
func contactsOf(res *sipgo.Response) (out []string) {
	for _, h := range res.GetHeaders("contact") {
		out = append(out, h.Value())
	}
	return out
}

// A phone registers, asks, refreshes and leaves. RFC 3261, 10.3 (RG-1)
func TestRegisterOnTheWire(t *testing.T) {
	c, _, location := guarded(newRooms())
	c.Registrar.ServiceRoute = []string{"sip:edge.example.com;lr"}
	s, net := startOnEther(t, c)
	p := registrant(t, net, "198.51.100.1:5060")
	p.contact = `<sip:alice@198.51.100.1:5060;x=y>;q=0.7;+sip.instance="<urn:uuid:1>"`
	res := p.register(200, "User-Agent: Telephone/1", "Expires: 600")
	if got, want := contactsOf(res), `<sip:alice@198.51.100.1:5060;x=y>;expires=600;q=0.700;+sip.instance="<urn:uuid:1>"`; len(got) != 1 || got[0] != want {
		t.Errorf("Contact %q, want %s", got, want)
	}
	if d, err := time.Parse(time.RFC1123, header(res, "date")); err != nil || time.Since(d).Abs() > time.Minute {
		t.Errorf("Date %q", header(res, "date"))
	}
	if header(res, "service-route") != "<sip:edge.example.com;lr>" || header(res, "require") != "" || header(res, "supported") != "timer, path, outbound" {
		t.Errorf("%s", res)
	}
	b := location.bound["alice@example.com"]
	if len(b) != 1 || b[0].Source != netip.MustParseAddrPort("198.51.100.1:5060") || b[0].Local != net.server || b[0].Transport != "UDP" ||
		b[0].UserAgent != "Telephone/1" || b[0].CallID != p.callID || int(b[0].CSeq) != p.seq || b[0].Since.IsZero() {
		t.Errorf("%+v", b)
	}

	q := registrant(t, net, "198.51.100.2:5060") // another phone of hers, behind NAT
	q.contact = "<sip:alice@192.168.1.7:5060>"
	if got := contactsOf(q.register(200)); len(got) != 2 || got[1] != "<sip:alice@192.168.1.7:5060>;expires=3600" {
		t.Errorf("%q", got)
	}
	q.contact = "-" // asks
	if got := contactsOf(q.register(200)); len(got) != 2 {
		t.Errorf("%q", got)
	}
	best, err := s.Bindings(context.Background(), "alice", "example.com")
	if err != nil || len(best) != 2 || best[0].Q != 1000 || best[1].Q != 700 {
		t.Errorf("%+v, %v", best, err)
	}

	p.contact = "<sip:alice@198.51.100.1:5060;x=y>;expires=0"
	if got := contactsOf(p.register(200)); len(got) != 1 {
		t.Errorf("%q", got)
	}
	q.contact = "*"
	q.register(400)
	if got := contactsOf(q.register(200, "Expires: 0")); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if best, err = s.Bindings(context.Background(), "alice", "example.com"); err != nil || len(best) != 0 {
		t.Errorf("%+v, %v", best, err)
	}
	if n := s.Snapshot(); n.Registered != 5 || n.RegisterRefused != 1 || n.Requests["REGISTER"] != 12 {
		t.Errorf("%+v", n)
	}
}

// What a phone may not register, and what it is told. (RG-1, RG-3, RG-4)
func TestRegisterRefused(t *testing.T) {
	const instance = `;+sip.instance="<urn:uuid:1>";reg-id=1`
	for _, tt := range []struct {
		name    string
		proof   credentialsOf
		to, uri string
		contact string
		extra   []string
		code    int
		header  string // which the answer has
		value   string
	}{
		{"too brief", aliceProof, "", "", "<sip:a@198.51.100.1>;expires=30", nil, 423, "min-expires", "60"},
		{"a wrong password", credentialsOf{"alice", "bob-secret", ""}, "", "", "<sip:a@198.51.100.1>", nil, 403, "", ""},
		{"another user's phone", credentialsOf{"bob", "bob-secret", ""}, "", "", "<sip:a@198.51.100.1>", nil, 403, "warning", "399 trivox \"bob@example.com may not register phones for alice@example.com\""},
		{"a gateway", aliceProof, "", "", "<sip:+49900@203.0.113.1>", nil, 403, "warning", "399 trivox \"the Contact names 203.0.113.1, and the request comes from 198.51.100.1\""},
		{"a carrier", aliceProof, "", "", "<sip:+49900@carrier.net>", nil, 403, "", ""},
		{"a telephone number", aliceProof, "", "", "<tel:+49900>", nil, 403, "", ""},
		{"a room of ours", aliceProof, "", "", "<sip:tea@example.com>", nil, 403, "", ""},
		{"by a Path of its own making", aliceProof, "", "", "<sip:+49900@203.0.113.1>", []string{"Path: <sip:203.0.113.1;lr>"}, 403, "", ""},
		{"removing a gateway is no harm", aliceProof, "", "", "<sip:+49900@203.0.113.1>;expires=0", nil, 200, "", ""},
		{"outbound by a proxy that knows it not", aliceProof, "", "", "<sip:a@198.51.100.1>" + instance,
			[]string{"Supported: outbound", "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKp"}, 439, "", ""},
		{"two flows in one", aliceProof, "", "", "<sip:a@198.51.100.1>" + instance,
			[]string{"Supported: outbound", `Contact: <sip:b@198.51.100.1>;+sip.instance="<urn:uuid:2>";reg-id=1`}, 400, "", ""},
		{"an extension not known", aliceProof, "", "", "<sip:a@198.51.100.1>", []string{"Require: gruu, path"}, 420, "unsupported", "gruu"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, location := guarded(newRooms())
			_, net := startOnEther(t, c)
			p := registrant(t, net, "198.51.100.1:5060")
			p.contact = tt.contact
			if tt.code == 420 {
				p.request("REGISTER", "", tt.extra...)
			} else {
				p.proved(tt.proof, "REGISTER", "", tt.extra...)
			}
			res := p.response("REGISTER", tt.code)
			if tt.header != "" && header(res, tt.header) != tt.value {
				t.Errorf("%s: %q, want %q", tt.header, header(res, tt.header), tt.value)
			}
			if n := len(location.bound["alice@example.com"]); n != 0 {
				t.Errorf("%d bindings", n)
			}
		})
	}
}

// Where there is no such domain or user to register for, no password is asked.
func TestRegisterElsewhere(t *testing.T) {
	c, d, location := guarded(newRooms())
	_, net := startOnEther(t, c)
	for _, tt := range []struct{ uri, to string }{
		{"sip:elsewhere.net", "sip:alice@example.com"}, {"sip:example.com", "sip:alice@elsewhere.net"},
		{"sip:example.com", "sip:example.com"}, {"sip:example.com", "tel:+1"},
	} {
		p := registrant(t, net, "198.51.100.1:5060")
		p.uri, p.to = tt.uri, tt.to
		p.request("REGISTER", "")
		p.response("REGISTER", 404)
	}
	p := registrant(t, net, "198.51.100.1:5060")
	p.toTag = "t"
	p.request("REGISTER", "")
	p.response("REGISTER", 405) // in no dialog
	p.toTag = ""
	location.err = errors.New("disk on fire")
	if res := p.register(503); header(res, "retry-after") == "" || strings.Contains(res.String(), "fire") {
		t.Errorf("%s", res)
	}
	d.fail(errors.New("disk on fire"))
	p.request("REGISTER", "")
	p.response("REGISTER", 503)
}

// A repeated or late REGISTER changes nothing. RFC 3261, 10.3 step 7
func TestRegisterOrder(t *testing.T) {
	c, _, location := guarded(newRooms())
	_, net := startOnEther(t, c)
	p := registrant(t, net, "198.51.100.1:5060")
	p.register(200)
	before := slices.Clone(location.bound["alice@example.com"])
	p.seq -= 2
	p.fromTag = "f2" // else it is a loop
	p.register(500, "Expires: 60")
	if got := location.bound["alice@example.com"]; len(got) != 1 || got[0].Expires != before[0].Expires {
		t.Errorf("%+v", got)
	}
	p.seq += 5
	text := "REGISTER"
	line := p.proved(aliceProof, text, "", "Expires: 90")
	p.response(text, 200)
	p.raw(text, p.seq, "", "Expires: 90", line) // a repetition gets the same answer
	p.response(text, 200)
}

// By way of a proxy: Path says how to get to the phone, and is told back to who knows what it is. RFC 3327 (RG-3)
func TestRegisterByPath(t *testing.T) {
	for name, tt := range map[string]struct {
		allowed bool
		path    []string
		echo    bool
	}{
		"a proxy that is known": {true, []string{"sip:edge.example.com;lr;ob", "sip:first.example.com;lr;ob"}, true},
		"the proxy it comes by": {false, []string{"sip:198.51.100.1;lr;ob"}, true},
		"a phone without path":  {false, []string{"sip:198.51.100.1;lr;ob"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, location := guarded(newRooms())
			c.Allowed = func(netip.Addr) (bool, string) { return tt.allowed, "allow" }
			_, net := startOnEther(t, c)
			p := registrant(t, net, "198.51.100.1:5060")
			p.contact = `<sip:alice@203.0.113.7:5060>;+sip.instance="<urn:uuid:1>";reg-id=1`
			extra := []string{"Supported: outbound", "Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKp"}
			if tt.echo {
				extra[0] = "Supported: outbound, path"
			}
			extra = append(extra, "Path: <"+strings.Join(tt.path, ">, <")+">", "Require: path")
			res := p.register(200, extra...)
			var back []string
			for _, h := range res.GetHeaders("path") {
				back = append(back, strings.Trim(h.Value(), "<>"))
			}
			if b := location.bound["alice@example.com"]; len(b) != 1 || !slices.Equal(b[0].Path, tt.path) || b[0].RegID != 1 {
				t.Errorf("%+v", b)
			}
			if tt.echo != slices.Equal(back, tt.path) || !tt.echo && back != nil {
				t.Errorf("Path %q", back)
			}
			if header(res, "require") != "outbound" || header(res, "flow-timer") != "120" {
				t.Errorf("%s", res)
			}
		})
	}
}

// By TCP the flow has a name, and each connection another.
func TestRegisterByTCP(t *testing.T) {
	c, _, location := guarded(newRooms())
	_, addr := startServer(t, "tcp", c)
	for range 2 {
		p := newPhone(t, "tcp", addr)
		p.uri, p.from, p.to = "sip:example.com", "sip:alice@example.com", "sip:alice@example.com"
		p.register(200)
	}
	b := location.bound["alice@example.com"]
	if len(b) != 2 || b[0].Transport != "TCP" || b[0].Flow == "" || b[0].Flow == b[1].Flow || b[0].Local != addr {
		t.Errorf("%+v", b)
	}
}

// Without a place to keep registrations there is no registrar.
func TestNoRegistrar(t *testing.T) {
	c, _, _ := guarded(newRooms())
	c.Location = nil
	s, net := startOnEther(t, c)
	p := registrant(t, net, "198.51.100.1:5060")
	p.request("REGISTER", "")
	if res := p.response("REGISTER", 405); header(res, "allow") != allowHeader.Value() {
		t.Errorf("%s", res)
	}
	if b, err := s.Bindings(context.Background(), "alice", "example.com"); b != nil || err != nil {
		t.Errorf("%v, %v", b, err)
	}
}

// The best first: by preference, then the one registered last.
func TestBindingsOrder(t *testing.T) {
	c, _, location := guarded(newRooms())
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	location.bound["alice@example.com"] = []Binding{
		{Contact: "old", Q: 1000, Since: now.Add(-time.Hour), Expires: now.Add(time.Hour)},
		{Contact: "gone", Q: 1000, Since: now, Expires: now},
		{Contact: "low", Q: 100, Since: now, Expires: now.Add(time.Hour)},
		{Contact: "new", Q: 1000, Since: now.Add(-time.Minute), Expires: now.Add(time.Minute)},
	}
	got, err := s.Bindings(context.Background(), "alice", "example.com")
	var names []string
	for _, b := range got {
		names = append(names, b.Contact)
	}
	if err != nil || !slices.Equal(names, []string{"new", "old", "low"}) {
		t.Errorf("%v, %v", names, err)
	}
	location.err = errors.New("disk on fire")
	if _, err = s.Bindings(context.Background(), "alice", "example.com"); err == nil {
		t.Error("no error")
	}
}

// Every phone of many that register at once is bound, each once.
func TestRegisterMany(t *testing.T) {
	const phones = 40
	c, _, location := guarded(newRooms())
	c.Registrar.Contacts = phones
	c.Guard.UserRegister = limits.Rate{PerMinute: 60, Burst: phones}
	_, net := startOnEther(t, c)
	var all sync.WaitGroup
	want := map[string]bool{}
	for i := range phones {
		p := registrant(t, net, fmt.Sprintf("198.51.100.%d:5060", i+1))
		want[p.conn.LocalAddr().String()] = true
		all.Go(func() { p.register(200) })
	}
	all.Wait()
	got := map[string]bool{}
	for _, b := range location.bound["alice@example.com"] {
		got[b.Source.String()] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d are bound", len(got))
	}
}
