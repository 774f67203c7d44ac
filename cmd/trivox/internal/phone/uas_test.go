package phone

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// uas is a small conference server: it answers by the user dialled.
type uas struct {
	addr    string
	calls   chan *sipgo.DialogServerSession // answered calls, when their ACK has come
	offers  chan []byte
	acks    chan *sip.Request
	byes    chan *sip.Request
	cancels chan struct{}
	infos   chan *sip.Request

	guard     atomic.Pointer[guard] // nil: everybody may call
	cert      string                // file of the certificate, of tls
	registers chan *sip.Request     // that were let through
}

func startUAS(t testing.TB, network string) *uas {
	t.Helper()
	u := &uas{
		calls: make(chan *sipgo.DialogServerSession, 1000), offers: make(chan []byte, 1000), acks: make(chan *sip.Request, 5000),
		byes: make(chan *sip.Request, 1000), cancels: make(chan struct{}, 10), infos: make(chan *sip.Request, 10),
		registers: make(chan *sip.Request, 10),
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	ua, err := sipgo.NewUA(
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)))
	if err != nil {
		t.Fatal(err)
	}
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	var close io.Closer
	var host string
	var port int
	var serve func() error
	clientOptions := []sipgo.ClientOption{sipgo.WithClientLogger(quiet)}
	if network == "udp" {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		close, u.addr = conn, conn.LocalAddr().String()
		host, port, _ = sip.ParseAddr(u.addr)
		serve = func() error { return server.ServeUDP(conn) }
		clientOptions = append(clientOptions, sipgo.WithClientConnectionAddr(u.addr))
	} else {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		close, u.addr = l, l.Addr().String()
		host, port, _ = sip.ParseAddr(u.addr)
		serve = func() error { return server.ServeTCP(l) }
		if network == "tls" {
			secure := tls.NewListener(l, u.secure(t))
			serve = func() error { return server.ServeTLS(secure) }
		}
	}
	client, err := sipgo.NewClient(ua, clientOptions...)
	if err != nil {
		t.Fatal(err)
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "tea", Host: host, Port: port}}
	if network != "udp" {
		contact.Address.UriParams.Add("transport", network)
	}
	u.answer(server, sipgo.NewDialogServerCache(client, contact))
	go serve()
	t.Cleanup(func() { close.Close(); ua.Close() })
	return u
}

func (u *uas) answer(s *sipgo.Server, dialogs *sipgo.DialogServerCache) {
	s.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		if !u.admits(req, tx) {
			<-tx.Acks()
			return
		}
		switch req.Recipient.User {
		case "busy":
			res := sip.NewResponseFromRequest(req, 486, "Busy Here", nil)
			res.AppendHeader(sip.NewHeader("Reason", `SIP;cause=486;text="the room is full"`))
			tx.Respond(res)
			<-tx.Acks()
			return
		case "codec":
			res := sip.NewResponseFromRequest(req, 488, "Not Acceptable Here", nil)
			res.AppendHeader(sip.NewHeader("Warning", `305 here "no codec in common"`))
			tx.Respond(res)
			<-tx.Acks()
			return
		case "ring":
			tx.OnCancel(func(*sip.Request) { u.cancels <- struct{}{} })
			tx.Respond(sip.NewResponseFromRequest(req, 180, "Ringing", nil))
			<-tx.Done()
			return
		}
		d, err := dialogs.ReadInvite(req, tx)
		if err != nil {
			return
		}
		u.offers <- req.Body()
		d.Respond(180, "Ringing", nil)
		if err := d.RespondSDP([]byte("v=0 answer")); err == nil {
			u.calls <- d
		}
	})
	s.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		dialogs.ReadAck(req, tx)
		u.acks <- req
	})
	s.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		dialogs.ReadBye(req, tx)
		u.byes <- req
	})
	s.OnRegister(func(req *sip.Request, tx sip.ServerTransaction) {
		if u.admits(req, tx) {
			tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
			u.registers <- req
		}
	})
	s.OnInfo(func(req *sip.Request, tx sip.ServerTransaction) {
		if req.To().Params.Has("tag") && !u.admits(req, tx) {
			return
		}
		tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
		u.infos <- req
	})
}

func (u *uas) uri(user string) string { return "sip:" + user + "@" + u.addr }

func wait[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("waited 10 s for %s", what)
	}
	return v
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// requestTo makes a request of the server within the call.
func requestTo(d *sipgo.DialogServerSession, method sip.RequestMethod, body string, headers ...string) *sip.Request {
	req := sip.NewRequest(method, d.InviteRequest.Contact().Address)
	for i := 0; i+1 < len(headers); i += 2 {
		req.AppendHeader(sip.NewHeader(headers[i], headers[i+1]))
	}
	if body != "" {
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody([]byte(body))
	}
	return req
}

func contains(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%q: want something with %q", got, want)
	}
}
