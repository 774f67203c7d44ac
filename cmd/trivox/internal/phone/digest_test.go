package phone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// guard asks for the password of anna.
type guard struct {
	proxy      bool     // 407 instead of 401
	algorithms []string // one challenge each
	password   string
	stale      int // so many right answers are told that their nonce is too old

	mu    sync.Mutex
	nonce int
	asked int
	took  []string // algorithms of what was accepted
}

func (u *uas) admits(req *sip.Request, tx sip.ServerTransaction) bool {
	g := u.guard.Load()
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	code, reason, ask, answer := 401, "Unauthorized", "WWW-Authenticate", "Authorization"
	if g.proxy {
		code, reason, ask, answer = 407, "Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"
	}
	stale := false
	if h := req.GetHeader(answer); h != nil && g.right(req, h.Value()) {
		if stale = g.stale > 0; !stale {
			return true
		}
		g.stale--
	}
	g.asked++
	g.nonce++
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	for _, a := range g.algorithms {
		c := digest.Challenge{Realm: "example.com", Nonce: fmt.Sprint("n", g.nonce), Algorithm: a, QOP: []string{"auth"}, Stale: stale}
		res.AppendHeader(sip.NewHeader(ask, c.String()))
	}
	_ = tx.Respond(res)
	return false
}

func (g *guard) right(req *sip.Request, value string) bool {
	c, err := digest.ParseCredentials(value)
	if err != nil || c.Username != "anna" || c.URI != req.Recipient.String() || c.Nonce != fmt.Sprint("n", g.nonce) {
		return false
	}
	want, err := digest.Digest(&digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{c.QOP}},
		digest.Options{Method: req.Method.String(), URI: c.URI, Username: "anna", Password: g.password, Count: c.Nc, Cnonce: c.Cnonce})
	if err != nil || want.Response != c.Response {
		return false
	}
	g.took = append(g.took, c.Algorithm)
	return true
}

func openAs(t *testing.T, c Config) *Agent {
	t.Helper()
	c.Local = netip.MustParseAddrPort("127.0.0.1:0")
	a, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// A challenge is answered once, by SHA-256 where that can be, and again when the nonce was too old; a wrong password is
// not tried a second time. RFC 7616; RFC 8760
func TestPasswordIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		name     string
		guard    *guard
		password string
		asked    int
		took     string // "" means refused
	}{
		{"SHA-256 after MD5", &guard{algorithms: []string{"MD5", "SHA-256", "SHA-512-256"}}, "secret", 1, "SHA-256"},
		{"SHA-512-256 alone", &guard{algorithms: []string{"SHA-512-256"}}, "secret", 1, "SHA-512-256"},
		{"MD5 alone", &guard{algorithms: []string{"MD5"}}, "secret", 1, "MD5"},
		{"by a proxy", &guard{algorithms: []string{"SHA-256"}, proxy: true}, "secret", 1, "SHA-256"},
		{"an old nonce", &guard{algorithms: []string{"SHA-256"}, stale: 1}, "secret", 2, "SHA-256"},
		{"nonces always old", &guard{algorithms: []string{"SHA-256"}, stale: 9}, "secret", 3, ""},
		{"wrong password", &guard{algorithms: []string{"SHA-256"}}, "wrong", 2, ""},
		{"no password", &guard{algorithms: []string{"SHA-256"}}, "", 1, ""},
		{"an algorithm nobody knows", &guard{algorithms: []string{"ROT13"}}, "secret", 1, ""},
		{"no challenge", &guard{}, "secret", 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, a := startUAS(t, "udp"), openAs(t, Config{User: "anna@example.com", Password: tt.password})
			tt.guard.password = "secret"
			u.guard.Store(tt.guard)
			d, err := a.Dial(within(t), Call{URI: u.uri("tea"), Offer: []byte("v=0 offer")})
			if tt.took == "" {
				var f *Failure
				if !errors.As(err, &f) || f.Code != 401 || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v, want 401", err)
				}
				if a.Calls() != 0 {
					t.Errorf("%d calls left", a.Calls())
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				wait(t, "the call", u.calls)
				ack := wait(t, "ACK", u.acks)
				if ack.GetHeader("Authorization") == nil && ack.GetHeader("Proxy-Authorization") == nil {
					t.Error("the ACK has no credentials (RFC 3261, 22.1)")
				}
				if from := ack.From().Address; from.User != "anna" || from.Host != "example.com" {
					t.Errorf("From %s", from.String())
				}
				tt.guard.mu.Lock()
				if got := tt.guard.took[len(tt.guard.took)-1]; got != tt.took {
					t.Errorf("answered by %s, want %s", got, tt.took)
				}
				asked := tt.guard.asked
				tt.guard.mu.Unlock()
				if asked != tt.asked {
					t.Errorf("asked %d times, want %d", asked, tt.asked)
				}
				if err := d.Info(within(t), "application/dtmf-relay", []byte("Signal=1\r\n")); err != nil {
					t.Errorf("within the call: %v", err)
				}
				if err := d.Bye(within(t), ""); err != nil {
					t.Error(err)
				}
				return
			}
			tt.guard.mu.Lock()
			defer tt.guard.mu.Unlock()
			if tt.guard.asked != tt.asked {
				t.Errorf("asked %d times, want %d", tt.guard.asked, tt.asked)
			}
		})
	}
}

// REGISTER has one Call-ID, counts its CSeq up, and answers challenges. RFC 3261, 10.2.4
func TestRegister(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		u, a := startUAS(t, network), openAs(t, Config{Transport: network, User: "anna@example.com", Password: "secret"})
		u.guard.Store(&guard{algorithms: []string{"SHA-256"}, password: "secret"})
		var callID string
		for i, expires := range []time.Duration{time.Hour, 0} {
			res, err := a.Register(within(t), "sip:"+u.addr, "sip:anna@example.com", expires)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%v, %v", res, err)
			}
			req := wait(t, "REGISTER", u.registers)
			if i == 0 {
				callID = req.CallID().Value()
			}
			if req.CallID().Value() != callID || req.CSeq().SeqNo != uint32(2*i+2) || req.Recipient.User != "" ||
				req.GetHeader("Expires").Value() != fmt.Sprint(int(expires.Seconds())) || req.To().Address.String() != "sip:anna@example.com" ||
				req.Contact().Address.Port != int(a.Addr().Port()) {
				t.Errorf("%s", req)
			}
		}
		u.guard.Store(&guard{algorithms: []string{"SHA-256"}, password: "other"})
		if res, err := a.Register(within(t), "sip:"+u.addr, "sip:anna@example.com", time.Hour); err != nil || res.StatusCode != 401 {
			t.Errorf("with a wrong password: %v, %v", res, err)
		}
	}
	a := open(t, "udp")
	for _, uris := range [][2]string{{"tel:1", "sip:anna@example.com"}, {"sip:127.0.0.1", "anna"}} {
		if _, err := a.Register(within(t), uris[0], uris[1], time.Hour); err == nil {
			t.Errorf("%q was taken", uris)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Register(ctx, "sip:127.0.0.1:9", "sip:anna@example.com", time.Hour); err == nil {
		t.Error("no error after the end of the context")
	}
}
