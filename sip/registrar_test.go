package sip

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func testRegistrar() RegistrarConfig {
	var c RegistrarConfig
	if err := c.check(); err != nil {
		panic(err)
	}
	return c
}

// a contact of a REGISTER; expires below 0 is none said.
func bindingOf(t testing.TB, uri string, expires int64) contact {
	t.Helper()
	ct := contact{uri: uri, q: 1000, expires: expires}
	if err := sipgo.ParseUri(uri, &ct.parsed); err != nil {
		t.Fatal(err)
	}
	return ct
}

func TestRegisterLifetime(t *testing.T) {
	c := testRegistrar()
	for asked, want := range map[int64]time.Duration{
		-1: time.Hour, 0: 0, 60: time.Minute, 61: 61 * time.Second, 7200: 2 * time.Hour, 7201: 2 * time.Hour, 1<<32 - 1: 2 * time.Hour,
	} {
		if got, err := c.lifetime(asked); err != nil || got != want {
			t.Errorf("%d: %v, %v", asked, got, err)
		}
	}
	for _, asked := range []int64{1, 59} {
		var r *Refusal
		if _, err := c.lifetime(asked); !errors.As(err, &r) || r.Code != 423 {
			t.Errorf("%d: %v", asked, err)
		}
	}
}

// RFC 3261, 10.3 (RG-1, RG-2)
func TestRegister(t *testing.T) {
	const one, two = "sip:alice@198.51.100.1:5060", "sip:alice@198.51.100.1:5061"
	have := []Binding{
		{Contact: one, CallID: "a", CSeq: 5, Q: 1000, Expires: noon.Add(time.Minute), Since: noon.Add(-time.Hour)},
		{Contact: two, CallID: "b", CSeq: 9, Q: 500, Expires: noon.Add(time.Hour), Since: noon.Add(-time.Minute)},
		{Contact: "sip:old@h", CallID: "c", CSeq: 1, Expires: noon},
	}
	for _, tt := range []struct {
		name     string
		contacts []contact
		all      bool
		callID   string
		cseq     uint32
		want     []string // contact, seconds to live
		code     int
	}{
		{"new", []contact{bindingOf(t, "sip:x@h", -1)}, false, "n", 1, []string{one + " 60", two + " 3600", "sip:x@h 3600"}, 0},
		{"refresh", []contact{bindingOf(t, one, 600)}, false, "a", 6, []string{one + " 600", two + " 3600"}, 0},
		{"refresh by another Call-ID", []contact{bindingOf(t, one, 600)}, false, "z", 1, []string{one + " 600", two + " 3600"}, 0},
		{"an equal URI", []contact{bindingOf(t, "sip:%61lice@198.51.100.1:5060;x=y", 600)}, false, "a", 6,
			[]string{"sip:%61lice@198.51.100.1:5060;x=y 600", two + " 3600"}, 0},
		{"remove one", []contact{bindingOf(t, one, 0)}, false, "a", 6, []string{two + " 3600"}, 0},
		{"remove what is not there", []contact{bindingOf(t, "sip:x@h", 0)}, false, "a", 6, []string{one + " 60", two + " 3600"}, 0},
		{"remove one, add one", []contact{bindingOf(t, one, 0), bindingOf(t, "sip:x@h", 60)}, false, "a", 6, []string{two + " 3600", "sip:x@h 60"}, 0},
		{"lower CSeq", []contact{bindingOf(t, one, 600)}, false, "a", 4, nil, 500},
		{"the same CSeq", []contact{bindingOf(t, one, 600)}, false, "a", 5, nil, 500},
		{"removal with the same CSeq", []contact{bindingOf(t, one, 0)}, false, "a", 5, nil, 500},
		{"all or nothing", []contact{bindingOf(t, "sip:x@h", -1), bindingOf(t, two, 600)}, false, "b", 9, nil, 500},
		{"too brief", []contact{bindingOf(t, "sip:x@h", -1), bindingOf(t, one, 59)}, false, "a", 6, nil, 423},
		{"twice in one", []contact{bindingOf(t, "sip:x@h", 60), bindingOf(t, "sip:x@h", 90)}, false, "n", 1, []string{one + " 60", two + " 3600", "sip:x@h 90"}, 0},
		{"all", nil, true, "z", 1, nil, 0},
		{"all, the CSeq of one too low", nil, true, "b", 9, nil, 500},
		{"all, CSeq higher", nil, true, "b", 10, nil, 0},
	} {
		c := testRegistrar()
		before := slices.Clone(have)
		got, err := c.register(have, registration{contacts: tt.contacts, all: tt.all, callID: tt.callID, cseq: tt.cseq}, noon)
		if !reflect.DeepEqual(have, before) {
			t.Fatalf("%s: what was there was changed", tt.name)
		}
		code := 0
		var r *Refusal
		if errors.As(err, &r) {
			code = r.Code
		}
		var list []string
		for _, b := range got {
			list = append(list, fmt.Sprintf("%s %d", b.Contact, b.Expires.Sub(noon)/time.Second))
		}
		if code != tt.code || !slices.Equal(list, tt.want) {
			t.Errorf("%s: %q, %v; want %q, %d", tt.name, list, err, tt.want, tt.code)
		}
		for _, b := range got {
			if b.Contact == one && b.CSeq != 5 && (b.Since != have[0].Since || b.CallID != tt.callID) {
				t.Errorf("%s: %+v", tt.name, b)
			}
		}
	}
}

// By instance and reg-id a binding is known although its URI has changed; each reg-id is a flow of its own. RFC 5626, 6
func TestRegisterInstance(t *testing.T) {
	flow := func(uri, instance string, id int) contact {
		ct := bindingOf(t, uri, 3600)
		ct.instance, ct.regID = instance, id
		return ct
	}
	c := testRegistrar()
	var have []Binding
	var err error
	for i, ct := range []contact{
		flow("sip:a@10.0.0.1:1", "<urn:uuid:A>", 1),
		flow("sip:a@10.0.0.1:2", "<urn:uuid:A>", 2),
		flow("sip:a@10.0.0.1:3", "<urn:uuid:a>", 1), // URNs have no case
		flow("sip:a@10.0.0.1:3", "<urn:uuid:B>", 1), // the same URI, another phone
		flow("sip:a@10.0.0.1:9", "<urn:uuid:C>", 0),
		flow("sip:a@10.0.0.1:9", "<urn:uuid:C>", 1), // it learnt outbound
	} {
		if have, err = c.register(have, registration{contacts: []contact{ct}, callID: "x", cseq: uint32(i + 1)}, noon); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, b := range have {
		got = append(got, fmt.Sprint(b.Contact, b.Instance, b.RegID))
	}
	want := []string{"sip:a@10.0.0.1:3<urn:uuid:a>1", "sip:a@10.0.0.1:2<urn:uuid:A>2", "sip:a@10.0.0.1:3<urn:uuid:B>1", "sip:a@10.0.0.1:9<urn:uuid:C>1"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A user has so many contacts and no more; a phone that hops from port to port pushes out only its own. (STYLE 16, Q27)
func TestRegisterRoom(t *testing.T) {
	c := RegistrarConfig{Contacts: 3}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort("198.51.100.1:5060")
	hop := func(have []Binding, port int, source netip.AddrPort) ([]Binding, error) {
		ct := bindingOf(t, fmt.Sprintf("sip:a@%v:%d", source.Addr(), port), int64(3600-port))
		return c.register(have, registration{contacts: []contact{ct}, callID: fmt.Sprint(port), cseq: 1, source: source}, noon)
	}
	var have []Binding
	var err error
	for port := range 20 {
		if have, err = hop(have, 1000+port, at); err != nil {
			t.Fatal(err)
		}
	}
	if len(have) != 3 || have[2].Contact != "sip:a@198.51.100.1:1019" {
		t.Errorf("%+v", have)
	}
	other := netip.MustParseAddrPort("198.51.100.2:5060")
	var r *Refusal
	if _, err = hop(have, 7, other); !errors.As(err, &r) || r.Code != 403 {
		t.Errorf("a phone from elsewhere: %v", err)
	}
	for i := range have {
		have[i].Instance = "<urn:uuid:x>"
	}
	if _, err = hop(have, 7, at); !errors.As(err, &r) || r.Code != 403 {
		t.Errorf("phones with an instance: %v", err)
	}
}

func TestRegistrarChecked(t *testing.T) {
	for _, c := range []RegistrarConfig{{Min: 2 * time.Hour}, {Max: time.Minute, Min: time.Minute}, {ServiceRoute: []string{"tel:1"}}, {ServiceRoute: []string{"nonsense"}}} {
		if err := c.check(); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// registerTwin is RFC 3261, 10.3 step by step, over plain URIs that are the same only when they are the same text.
type registerTwin map[string]Binding

func (w registerTwin) register(r registration, c RegistrarConfig, now time.Time) bool {
	next := maps.Clone(w)
	maps.DeleteFunc(next, func(_ string, b Binding) bool { return !now.Before(b.Expires) })
	touched := map[string]bool{}
	if r.all {
		for uri := range next {
			r.contacts = append(r.contacts, contact{uri: uri, expires: 0})
		}
	}
	for _, ct := range r.contacts {
		b, bound := next[ct.uri]
		if bound && !touched[ct.uri] && b.CallID == r.callID && b.CSeq >= r.cseq {
			return false
		}
		d := c.Default
		if ct.expires >= 0 {
			d = min(time.Duration(ct.expires)*time.Second, c.Max)
		}
		if d != 0 && d < c.Min {
			return false
		}
		if d == 0 {
			delete(next, ct.uri)
			continue
		}
		if !bound && len(next) >= c.Contacts {
			return false
		}
		touched[ct.uri] = true
		next[ct.uri] = Binding{CallID: r.callID, CSeq: r.cseq, Expires: now.Add(d)}
	}
	clear(w)
	maps.Copy(w, next)
	return true
}

func TestRegisterLikeItsTwin(t *testing.T) {
	c := testRegistrar()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		var have []Binding
		twin, now, cseq := registerTwin{}, noon, uint32(0)
		for step := range 60 {
			now = now.Add(time.Duration(r.IntN(1200)) * time.Second)
			cseq = uint32(max(1, int(cseq)+r.IntN(5)-1))
			reg := registration{callID: string(rune('a' + r.IntN(3))), cseq: cseq, all: r.IntN(15) == 0}
			for range r.IntN(4) {
				if !reg.all {
					asked := []int64{-1, 0, 30, 60, 600, 3600, 9999}[r.IntN(7)]
					reg.contacts = append(reg.contacts, bindingOf(t, fmt.Sprintf("sip:a@10.0.0.%d", r.IntN(13)), asked))
				}
			}
			// Every binding has an instance, so that none gives way to another.
			for i := range reg.contacts {
				reg.contacts[i].instance = "i"
			}
			next, err := c.register(have, reg, now)
			if ok := twin.register(reg, c, now); ok != (err == nil) {
				t.Fatalf("seed %d, step %d: %v, twin %v", seed, step, err, ok)
			}
			if err != nil {
				continue
			}
			have = next
			if len(have) != len(twin) {
				t.Fatalf("seed %d, step %d: %d bindings, twin %d", seed, step, len(have), len(twin))
			}
			for _, b := range have {
				if w := twin[b.Contact]; w.CallID != b.CallID || w.CSeq != b.CSeq || !w.Expires.Equal(b.Expires) {
					t.Fatalf("seed %d, step %d: %+v, twin %+v", seed, step, b, w)
				}
			}
		}
	}
}
