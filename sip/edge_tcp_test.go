package sip

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// calls is a listener in memory, so that time may be virtual.
type calls struct {
	next   chan net.Conn
	closed chan struct{}
	fails  int // this many times Accept fails first
}

func (l *calls) Accept() (net.Conn, error) {
	if l.fails > 0 {
		l.fails--
		return nil, syscall.EMFILE
	}
	select {
	case c := <-l.next:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *calls) Close() error   { close(l.closed); return nil }
func (l *calls) Addr() net.Addr { return net.TCPAddrFromAddrPort(peer) }

// fromAddr gives a pipe an address.
type fromAddr struct {
	net.Conn
	addr netip.AddrPort
}

func (c fromAddr) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.addr) }

// serveTCP runs an edge over a listener in memory; dial gives the far end of a new connection.
func serveTCP(t *testing.T, e *Edge, l *calls, h Handler) (dial func(from string) net.Conn) {
	t.Helper()
	l.next, l.closed = make(chan net.Conn), make(chan struct{})
	done := make(chan error)
	go func() { done <- e.ServeTCP(l, h) }()
	t.Cleanup(func() {
		_ = l.Close()
		e.Close()
		if err := <-done; err != nil {
			t.Errorf("ServeTCP: %v", err)
		}
		if n := e.Snapshot().Conns; n != 0 || len(e.sources) != 0 {
			t.Errorf("%d connections and %d sources left", n, len(e.sources))
		}
	})
	return func(from string) net.Conn {
		near, far := net.Pipe()
		l.next <- fromAddr{near, netip.MustParseAddrPort(from)}
		t.Cleanup(func() { _ = far.Close() })
		return far
	}
}

func discard(sip.Message, netip.AddrPort, net.Conn, time.Time) {}

// lasts tells how long a connection stays open while drip is written every second.
func lasts(t *testing.T, c net.Conn, drip string) time.Duration {
	t.Helper()
	begun := time.Now()
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, c)
		close(gone)
	}()
	for {
		select {
		case <-gone:
			return time.Since(begun)
		case <-time.After(time.Second):
			if drip != "" {
				_, _ = c.Write([]byte(drip))
			}
		}
	}
}

// A message has 30 s to come whole, however it drips; an idle connection has an hour, and each
// message or ping begins it anew (TR-4). A stranger's has as long only once it has brought a message.
func TestSlowStreams(t *testing.T) {
	for _, tt := range []struct {
		name, first, drip string
		want              time.Duration
		slow, idle        uint64
		from              string
	}{
		{"header begun", "OPTIONS", "", 30 * time.Second, 1, 0, "192.0.2.1:9"},
		{"header drips", "OPTIONS sip:a@b SIP/2.0\r\n", "X: y\r\n", 30 * time.Second, 1, 0, "192.0.2.1:9"},
		{"body drips", "OPTIONS sip:a@b SIP/2.0\r\nl: 5000\r\n\r\n", "x", 30 * time.Second, 1, 0, "192.0.2.1:9"},
		{"a message, then the next begun", sound("l: 0") + "BYE", "", 30 * time.Second, 1, 0, "192.0.2.1:9"},
		{"silent", "", "", 30 * time.Second, 0, 1, "192.0.2.1:9"},
		{"pings alone", "", "\r\n\r\n", 30 * time.Second, 0, 1, "192.0.2.1:9"},
		{"silent, whom we trust", "", "", time.Hour, 0, 1, "127.0.0.1:9"},
		{"a message, then silent", sound("l: 0"), "", time.Hour, 0, 1, "192.0.2.1:9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := NewEdge(EdgeConfig{})
				c := serveTCP(t, e, &calls{}, discard)(tt.from)
				if tt.first != "" {
					_, _ = c.Write([]byte(tt.first))
				}
				if d := lasts(t, c, tt.drip); d.Round(time.Second) != tt.want {
					t.Errorf("closed after %v, want %v", d, tt.want)
				}
				synctest.Wait()
				if s := e.Snapshot(); s.TooSlow != tt.slow || s.Idle != tt.idle {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// Messages each of 20 s keep a connection open for ever; so do pings.
func TestLiveStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEdge(EdgeConfig{IdleTimeout: time.Minute})
		c := serveTCP(t, e, &calls{}, discard)("192.0.2.1:9")
		message := sound("l: 0")
		for range 20 {
			for _, part := range []string{message[:50], message[50:]} {
				<-time.After(20 * time.Second) // virtual
				if _, err := c.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 20 {
			<-time.After(50 * time.Second) // virtual
			if _, err := c.Write([]byte("\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if s := e.Snapshot(); s.Messages != 20 || s.Pings != 20 {
			t.Errorf("%+v", s)
		}
	})
}

// A peer that does not read what it asked for is cut off (RFC 3261, 18.4).
func TestPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEdge(EdgeConfig{})
		c := serveTCP(t, e, &calls{}, discard)("192.0.2.1:9")
		if _, err := c.Write([]byte(change("CSeq", "l: 0"))); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for e.Snapshot().Conns != 0 {
			<-time.After(time.Second) // virtual
		}
		if d := time.Since(begun); d > 11*time.Second || e.Snapshot().Unsent != 1 {
			t.Errorf("after %v: %+v", d, e.Snapshot())
		}
	})
}

// Connections are bounded in all and by source; loopback by the first alone; a lack of
// descriptors passes.
func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewEdge(EdgeConfig{MaxConns: 8, MaxConnsPerSource: 2})
		dial := serveTCP(t, e, &calls{fails: 3}, discard)
		closed := func(c net.Conn) bool {
			synctest.Wait()
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			return errors.Is(err, io.EOF)
		}
		var open []net.Conn
		for i, tt := range []struct {
			from string
			want bool
		}{
			{"192.0.2.1:1", true}, {"192.0.2.1:2", true}, {"192.0.2.1:3", false}, {"192.0.2.2:1", true},
			{"[2001:db8::1]:1", true}, {"[2001:db8::2]:1", true}, {"[2001:db8::3]:1", false}, // one subscriber has a /64
			{"127.0.0.1:1", true}, {"127.0.0.1:2", true}, {"127.0.0.1:3", true}, {"127.0.0.1:4", false}, {"192.0.2.3:1", false},
		} {
			c := dial(tt.from)
			if closed(c) == tt.want {
				t.Errorf("%d, %s: open is not %v", i, tt.from, tt.want)
			}
			open = append(open, c)
		}
		if s := e.Snapshot(); s.OverLimit != 4 || s.Accepted != 8 || s.Conns != 8 || s.ReadErrors != 3 {
			t.Errorf("%+v", s)
		}
		_ = open[0].Close()
		synctest.Wait()
		if closed(dial("192.0.2.1:4")) {
			t.Error("no place after one was left")
		}
	})
}

// Requests of one connection are handed on in the order in which they came (LIBRARIES 1, trap 10).
func TestStreamKeepsOrder(t *testing.T) {
	got := make(chan uint32, 1000)
	e := NewEdge(EdgeConfig{})
	c := serveTCP(t, e, &calls{}, func(m sip.Message, _ netip.AddrPort, conn net.Conn, _ time.Time) {
		if conn == nil || m.Transport() != "TCP" || m.Source() != "192.0.2.1:9" {
			t.Errorf("%v %s %s", conn, m.Transport(), m.Source())
		}
		got <- m.CSeq().SeqNo
	})("192.0.2.1:9")
	var all bytes.Buffer
	for i := range cap(got) {
		all.WriteString(strings.Replace(sound("l: 3"), "CSeq: 1 ", fmt.Sprintf("CSeq: %d ", i), 1) + "abc")
	}
	if _, err := c.Write(all.Bytes()); err != nil {
		t.Fatal(err)
	}
	for i := range cap(got) {
		if n := <-got; n != uint32(i) {
			t.Fatalf("%d came as number %d", n, i)
		}
	}
}

// A connection that the edge opened is read like one it accepted.
func TestDialledConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	got := make(chan sip.Message, 1)
	e := NewEdge(EdgeConfig{})
	defer e.Close()
	near, err := e.Dial(t.Context(), addrPort(l.Addr()), func(m sip.Message, _ netip.AddrPort, _ net.Conn, _ time.Time) { got <- m })
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	for _, b := range []byte(sound("l: 0")) {
		send(t, far, []byte{b})
	}
	if m := <-got; m.CallID().Value() != "1@x" {
		t.Errorf("%v", m)
	}
	if _, err := near.Write([]byte("\r\nFrom: <sip:a@b>;tag\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = near.Close()
	if b, err := io.ReadAll(far); string(b) != "\r\nFrom: <sip:a@b>\r\n" {
		t.Errorf("%q, %v", b, err)
	}
}
