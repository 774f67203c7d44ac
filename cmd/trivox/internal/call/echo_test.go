package call

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"

	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// echo is a phone that answers and sends back what it hears, with an SSRC of
// its own. It answers by the user dialled: "busy" refuses, "deaf" sends
// nothing back, "bye" hangs up after 20 packets, "ring" rings until it is cancelled.
type echo struct {
	uri    string
	srtp   sdp.Policy
	mu     sync.Mutex
	events []byte // digits that came as telephone-events
	infos  []string
	byes   int
	offers [][]byte
	calls  chan *sipgo.DialogServerSession

	rings, cancels chan struct{}
}

func startEcho(t *testing.T, codecs ...codec.Codec) *echo {
	t.Helper()
	return startSecureEcho(t, sdp.Off, codecs...)
}

func startSecureEcho(t *testing.T, srtp sdp.Policy, codecs ...codec.Codec) *echo {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
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
	client, err := sipgo.NewClient(ua, sipgo.WithClientLogger(quiet), sipgo.WithClientConnectionAddr(conn.LocalAddr().String()))
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	e := &echo{uri: addr.String(), srtp: srtp, calls: make(chan *sipgo.DialogServerSession, 10), rings: make(chan struct{}, 1), cancels: make(chan struct{}, 1)}
	e.serve(t, server, sipgo.NewDialogServerCache(client, sip.ContactHeader{
		Address: sip.Uri{Scheme: "sip", User: "echo", Host: addr.Addr().String(), Port: int(addr.Port())},
	}), codecs)
	go server.ServeUDP(conn)
	t.Cleanup(func() { conn.Close(); ua.Close() })
	return e
}

func (e *echo) serve(t *testing.T, s *sipgo.Server, dialogs *sipgo.DialogServerCache, codecs []codec.Codec) {
	s.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		if req.Recipient.User == "busy" {
			tx.Respond(sip.NewResponseFromRequest(req, 486, "Busy Here", nil))
			<-tx.Acks()
			return
		}
		if req.Recipient.User == "ring" {
			tx.OnCancel(func(*sip.Request) { e.cancels <- struct{}{} })
			tx.Respond(sip.NewResponseFromRequest(req, 180, "Ringing", nil))
			e.rings <- struct{}{}
			<-tx.Done()
			return
		}
		d, err := dialogs.ReadInvite(req, tx)
		if err != nil {
			return
		}
		rtpConn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return
		}
		t.Cleanup(func() { rtpConn.Close() })
		local := newNegotiation(netip.MustParseAddr("127.0.0.1"), uint16(rtpConn.LocalAddr().(*net.UDPAddr).Port), 0, codecs, e.srtp).local
		answer, m, err := sdp.Answer(req.Body(), local, nil)
		if err != nil {
			d.Respond(488, "Not Acceptable Here", nil)
			return
		}
		e.mu.Lock()
		e.offers = append(e.offers, req.Body())
		e.mu.Unlock()
		if m.Crypto != nil {
			go reflectSecure(t, rtpConn, m)
		} else {
			go e.reflect(rtpConn, m, req.Recipient.User, d)
		}
		if err := d.RespondSDP(answer); err == nil {
			e.calls <- d
		}
	})
	s.OnAck(func(req *sip.Request, tx sip.ServerTransaction) { dialogs.ReadAck(req, tx) })
	s.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		e.mu.Lock()
		e.byes++
		e.mu.Unlock()
		dialogs.ReadBye(req, tx)
	})
	s.OnInfo(func(req *sip.Request, tx sip.ServerTransaction) {
		e.mu.Lock()
		e.infos = append(e.infos, string(req.Body()))
		e.mu.Unlock()
		tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
}

func (e *echo) reflect(conn *net.UDPConn, m sdp.Media, user string, d *sipgo.DialogServerSession) {
	b := make([]byte, 2000)
	digits := media.NewDigits(8000)
	for n := 0; ; n++ {
		size, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		var p rtp.Packet
		if p.Unmarshal(b[:size]) != nil {
			continue
		}
		if int(p.PayloadType) == m.DTMFRecv {
			digits.Receive(media.Now(), p.Timestamp, p.Payload)
			e.mu.Lock()
			for k, ok := digits.Next(); ok; k, ok = digits.Next() {
				e.events = append(e.events, k.Key)
			}
			e.mu.Unlock()
			continue
		}
		p.SSRC ^= 0x5555
		out, err := p.Marshal()
		if err == nil && user != "deaf" {
			conn.WriteToUDPAddrPort(out, from)
		}
		if user == "bye" && n == 20 {
			go d.Bye(t0())
		}
	}
}

// reflectSecure sends back what it hears, by keys of its own.
func reflectSecure(t *testing.T, conn *net.UDPConn, m sdp.Media) {
	agreed, err := terms(m)
	if err != nil {
		t.Error(err)
		return
	}
	s := media.NewSession(media.SessionConfig{CNAME: "echo", Rand: rand.New(rand.NewPCG(1, 2)), Terms: agreed})
	b, out := make([]byte, 2000), make([]byte, 0, 2000)
	for {
		size, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p, v := s.Receive(media.Now(), b[:size], from)
		if v.Kind == media.Sound {
			units := uint32(m.PTime.Seconds() * float64(m.Codec.ClockRate))
			conn.WriteToUDPAddrPort(s.Build(out, p.PT, units, false, p.Payload), s.Remote())
		}
	}
}
