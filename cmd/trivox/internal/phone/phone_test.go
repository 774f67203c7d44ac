package phone

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

func open(t testing.TB, network string) *Agent {
	t.Helper()
	a, err := Open(Config{Local: netip.MustParseAddrPort("127.0.0.1:0"), Transport: network, User: "ann"})
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

func dial(t *testing.T, a *Agent, u *uas, e Events) (*Dialog, *sipgo.DialogServerSession) {
	t.Helper()
	d, err := a.Dial(within(t), Call{URI: u.uri("tea"), Offer: []byte("v=0 offer"), Events: e})
	if err != nil {
		t.Fatal(err)
	}
	return d, wait(t, "the server's call", u.calls)
}

func TestCallAndHangUp(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			u, a := startUAS(t, network), open(t, network)
			d, _ := dial(t, a, u, Events{})
			if got := string(wait(t, "the offer", u.offers)); got != "v=0 offer" {
				t.Errorf("the server got offer %q", got)
			}
			if got := string(d.Answer()); got != "v=0 answer" {
				t.Errorf("answer %q", got)
			}
			ack := wait(t, "ACK", u.acks)
			if ack.CallID().Value() != d.CallID() {
				t.Errorf("ACK of call %s", ack.CallID().Value())
			}
			if err := d.Info(within(t), "application/dtmf-relay", []byte("Signal=1\r\n")); err != nil {
				t.Error(err)
			}
			if got := string(wait(t, "INFO", u.infos).Body()); got != "Signal=1\r\n" {
				t.Errorf("INFO with %q", got)
			}
			if err := d.Bye(within(t), "that was all"); err != nil {
				t.Error(err)
			}
			contains(t, wait(t, "BYE", u.byes).GetHeader("Reason").Value(), "that was all")
			wait(t, "the end", d.Done())
			if e := d.End(); e.ByPeer {
				t.Errorf("ended by peer: %+v", e)
			}
			if err := d.Bye(within(t), ""); err != nil {
				t.Errorf("second Bye: %v", err)
			}
			if a.Calls() != 0 {
				t.Errorf("%d calls left", a.Calls())
			}
		})
	}
}

func TestServerHangsUp(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	d, s := dial(t, a, u, Events{})
	bye := requestTo(s, sip.BYE, "", "Reason", `SIP;cause=503;text="going down"`)
	if res, err := s.Do(within(t), bye); err != nil || res.StatusCode != 200 {
		t.Fatalf("BYE: %v, %v", res, err)
	}
	wait(t, "the end", d.Done())
	if e := d.End(); e != (End{ByPeer: true, Code: 503, Text: "going down"}) {
		t.Errorf("%+v", e)
	}
}

// An answer that is of no use is acknowledged, and the call ended.
func TestUselessAnswer(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	_, err := a.Dial(within(t), Call{URI: u.uri("tea"), Events: Events{
		Dialled: func([]byte) error { return errors.New("no codec in it") },
	}})
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, err.Error(), "no codec in it")
	wait(t, "ACK", u.acks)
	wait(t, "BYE", u.byes)
}

func TestOtherRequests(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	infos := make(chan string, 1)
	d, s := dial(t, a, u, Events{Info: func(kind string, body []byte) { infos <- kind + ":" + string(body) }})
	expect := func(req *sip.Request, code int) *sip.Response {
		t.Helper()
		res, err := s.Do(within(t), req)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != code {
			t.Errorf("%s: %d, want %d", req.Method, res.StatusCode, code)
		}
		return res
	}
	contains(t, expect(requestTo(s, sip.OPTIONS, ""), 200).GetHeader("Allow").Value(), "UPDATE")
	expect(requestTo(s, sip.INFO, "hello"), 200)
	if got := wait(t, "INFO", infos); got != "application/sdp:hello" {
		t.Error(got)
	}
	expect(requestTo(s, sip.REFER, "", "Refer-To", "<sip:x@y>"), 405)
	expect(requestTo(s, sip.INVITE, "v=0"), 488) // no Offer event
	res := expect(requestTo(s, sip.INVITE, "v=0", "Require", "100rel"), 420)
	contains(t, res.GetHeader("Unsupported").Value(), "100rel")
	select {
	case <-d.Done():
		t.Errorf("the call ended: %+v", d.End())
	default:
	}
	stranger := requestTo(s, sip.BYE, "")
	to := sip.ToHeader{Address: stranger.Recipient}
	to.Params.Add("tag", "nobody")
	stranger.AppendHeader(&to)
	expect(stranger, 481)
}

func TestRefusals(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	for _, tt := range []struct {
		user string
		code int
		text string
	}{
		{"busy", 486, "the room is full"},
		{"codec", 488, "no codec in common"},
	} {
		_, err := a.Dial(within(t), Call{URI: u.uri(tt.user)})
		var f *Failure
		if !errors.As(err, &f) || f.Code != tt.code || f.Text != tt.text {
			t.Errorf("%s: %v", tt.user, err)
			continue
		}
		contains(t, err.Error(), tt.text)
	}
	for _, uri := range []string{"", "tea", "tel:+123", "sip:a b@c", "sip:@"} {
		_, err := a.Dial(within(t), Call{URI: uri})
		if err == nil {
			t.Errorf("%q: no error", uri)
			continue
		}
		contains(t, err.Error(), "sip:tea@127.0.0.1")
	}
	if a.Calls() != 0 {
		t.Errorf("%d calls left", a.Calls())
	}
}

func TestGivingUpSendsCancel(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	ctx, cancel := context.WithCancel(within(t))
	result := make(chan error, 1)
	go func() {
		_, err := a.Dial(ctx, Call{URI: u.uri("ring")})
		result <- err
	}()
	for a.Calls() == 0 {
		runtime.Gosched()
	}
	cancel() // before or after it rang
	if err := wait(t, "Dial", result); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
	wait(t, "CANCEL", u.cancels)
}

func TestNobodyThere(t *testing.T) {
	a := open(t, "tcp")
	_, err := a.Dial(within(t), Call{URI: "sip:tea@127.0.0.1:1"})
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, err.Error(), "cannot reach sip:tea@127.0.0.1:1 by tcp")
}

// A repeated 2xx is acknowledged again with the same ACK (RFC 3261, 13.2.2.4).
func TestRepeated2xxIsAcknowledged(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	_, s := dial(t, a, u, Events{})
	first := wait(t, "ACK", u.acks)
	if err := s.WriteResponse(s.InviteResponse); err != nil {
		t.Logf("sipgo: %v", err)
	}
	again := wait(t, "ACK again", u.acks)
	b1, _ := first.Via().Params.Get("branch")
	b2, _ := again.Via().Params.Get("branch")
	if b1 != b2 || first.CSeq().SeqNo != again.CSeq().SeqNo {
		t.Errorf("ACK with branch %s, then %s", b1, b2)
	}
}

// Many calls from one socket, with no goroutine for each.
func TestManyCallsFromOneSocket(t *testing.T) {
	u, a := startUAS(t, "udp"), open(t, "udp")
	const calls = 300
	dialogs := make([]*Dialog, calls)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	gate := make(chan struct{}, 20)
	for i := range dialogs {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			d, err := a.Dial(within(t), Call{URI: u.uri("tea"), Offer: []byte("v=0")})
			if err != nil {
				t.Error(err)
				return
			}
			dialogs[i] = d
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for range dialogs {
		wait(t, "ACK", u.acks)
		wait(t, "call", u.calls)
	}
	if n := runtime.NumGoroutine(); n > before+50 {
		t.Errorf("%d goroutines for %d calls", n-before, calls)
	}
	if a.Calls() != calls {
		t.Errorf("%d calls, want %d", a.Calls(), calls)
	}
	for _, d := range dialogs {
		if err := d.Bye(within(t), ""); err != nil {
			t.Fatal(err)
		}
	}
	if a.Calls() != 0 {
		t.Errorf("%d calls left", a.Calls())
	}
}

func TestOpenNeedsAnAddress(t *testing.T) {
	for _, c := range []Config{{}, {Local: netip.MustParseAddrPort("0.0.0.0:0")}, {Local: netip.MustParseAddrPort("127.0.0.1:0"), Transport: "sctp"}} {
		if a, err := Open(c); err == nil {
			a.Close()
			t.Errorf("%+v: no error", c)
		}
	}
}

func TestSource(t *testing.T) {
	a, err := Source(within(t), "sip:tea@127.0.0.1:5070")
	if err != nil || a != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("%v, %v", a, err)
	}
	if got := Transport("sip:tea@127.0.0.1;transport=TCP"); got != "tcp" {
		t.Errorf("transport %q", got)
	}
}

// A call from INVITE to the 200 of its BYE, both ends in this process.
func BenchmarkCall(b *testing.B) {
	u, a := startUAS(b, "udp"), open(b, "udp")
	ctx := context.Background()
	for b.Loop() {
		d, err := a.Dial(ctx, Call{URI: u.uri("tea"), Offer: []byte("v=0")})
		if err != nil {
			b.Fatal(err)
		}
		<-u.calls
		<-u.offers
		<-u.acks
		if err := d.Bye(ctx, ""); err != nil {
			b.Fatal(err)
		}
		<-u.byes
	}
}
