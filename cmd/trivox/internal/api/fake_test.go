package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a house of one conference, "tea", with one participant, "leg1". It notes what was asked of it.
type fake struct {
	mu    sync.Mutex
	asked []string
	names []string // other conferences that exist
	hang  bool     // never answers
	fail  error
}

func (f *fake) do(ctx context.Context, what, name, participant string) error {
	if f.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, strings.TrimSpace(what+" "+name+" "+participant))
	switch {
	case f.fail != nil:
		return f.fail
	case name != "tea" && !slices.Contains(f.names, name):
		return ErrNoConference
	case participant != "" && participant != "leg1":
		return ErrNoParticipant
	}
	return nil
}

func (f *fake) List(ctx context.Context) ([]Summary, error) {
	if f.hang || f.fail != nil {
		return nil, f.do(ctx, "list", "tea", "")
	}
	return []Summary{{Name: "tea", URI: "sip:tea@example.com", Kind: "conference", Participants: 1, Waiting: 2, Started: start}}, nil
}

func (f *fake) Show(ctx context.Context, name string) (Conference, error) {
	if err := f.do(ctx, "show", name, ""); err != nil {
		return Conference{}, err
	}
	c := Conference{Name: name, URI: "sip:tea@example.com", Kind: "conference", Started: start}
	if name == "tea" {
		c.Participants = []Participant{{ID: "leg1", URI: "sip:ann@example.com", Display: "Ann", Codec: "PCMU", Encryption: "AEAD_AES_128_GCM", SSRC: 4294967295,
			RemoteSSRC: 7, Lambda: 900, InF: true, Role: "moderator", PacketsReceived: 50, PacketsSent: 49, Lost: 1, LossPercent: 2, JitterMS: 1.5,
			DelayMS: 20, Joined: start, Media: "192.0.2.7:40000"}}
	}
	return c, nil
}

func (f *fake) Mute(ctx context.Context, name, participant string, on bool) error {
	return f.do(ctx, onOff("mute", "unmute", on), name, participant)
}
func (f *fake) Kick(ctx context.Context, name, participant string) error {
	return f.do(ctx, "kick", name, participant)
}
func (f *fake) Admit(ctx context.Context, name, participant string) error {
	return f.do(ctx, "admit", name, participant)
}
func (f *fake) Lock(ctx context.Context, name string, on bool) error {
	return f.do(ctx, onOff("lock", "unlock", on), name, "")
}
func (f *fake) End(ctx context.Context, name string) error { return f.do(ctx, "end", name, "") }

func onOff(yes, no string, on bool) string {
	if on {
		return yes
	}
	return no
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const token = "0123456789abcdef-secret"

var (
	loopback = netip.MustParseAddrPort("127.0.0.1:8080")
	beyond   = netip.MustParseAddrPort("0.0.0.0:8080")
)

// house is an API over a fake, with its log.
type house struct {
	*fake
	office *office
	api    *API
	log    *bytes.Buffer
	token  string
	sick   error
	count  Metrics
}

func newHouse() *house {
	h := &house{fake: &fake{}, office: &office{}, log: &bytes.Buffer{}, count: sample()}
	h.api = New(Config{
		Version:     "test",
		Conferences: h.fake,
		Users:       h.office, Registrations: h.office, Bans: h.office, Records: h.office,
		Metrics: func() Metrics { return h.count },
		Healthy: func() error { return h.sick },
		Ready:   func() error { return errors.New("draining: calls go elsewhere") },
		Token:   func() string { return h.token },
		Hosts:   func() []string { return []string{"example.com", "203.0.113.9", "2001:db8::1"} },
		Log:     slog.New(slog.NewTextHandler(h.log, nil)),
	})
	return h
}

// ask sends a request as if by the listener at addr, and gives the answer. Headers are "Name: value".
func (h *house) ask(t *testing.T, addr netip.AddrPort, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return h.send(t, addr, method, target, "", headers...)
}

// send is ask with a body, JSON unless the headers say otherwise.
func (h *house) send(t *testing.T, addr netip.AddrPort, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Host = "127.0.0.1:8080"
	called := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 8080}
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(called)))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.api.Server(addr).Handler.ServeHTTP(w, r)
	return w
}
