package sip

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// registerLoad is a socket by which phones refresh their registrations as fast as they are read, with one nonce each and
// its count going up, and never more than a few unanswered.
type registerLoad struct {
	total   int
	sent    int
	nonces  []string
	secrets []string // HA1
	open    chan struct{}
	left    atomic.Int64
	failed  atomic.Int64
	done    chan struct{}
	closed  chan struct{}
}

func (l *registerLoad) ReadFrom(b []byte) (int, net.Addr, error) {
	if l.sent == l.total {
		<-l.closed
		return 0, nil, net.ErrClosed
	}
	l.open <- struct{}{}
	who, count := l.sent%len(l.nonces), l.sent/len(l.nonces)+1
	l.sent++
	ha2 := sha256.Sum256([]byte("REGISTER:sip:example.com"))
	response := sha256.Sum256(fmt.Appendf(nil, "%s:%s:%08x:c:auth:%x", l.secrets[who], l.nonces[who], count, ha2))
	m := fmt.Appendf(b[:0], "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%d;rport\r\n"+
		"From: <sip:user%d@example.com>;tag=f\r\nTo: <sip:user%[2]d@example.com>\r\nCall-ID: call%[2]d\r\nCSeq: %d REGISTER\r\nMax-Forwards: 70\r\n"+
		"Contact: <sip:user%[2]d@127.0.0.1:9;transport=udp>;+sip.instance=\"<urn:uuid:%[2]d>\"\r\nExpires: 3600\r\nUser-Agent: Telephone/1.0\r\n"+
		"Authorization: Digest username=\"user%[2]d\", realm=\"example.com\", nonce=%[4]q, uri=\"sip:example.com\", algorithm=SHA-256, cnonce=\"c\", "+
		"qop=auth, nc=%08[3]x, response=\"%[5]s\"\r\nContent-Length: 0\r\n\r\n", l.sent, who, count, l.nonces[who], hex.EncodeToString(response[:]))
	return len(m), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:9")), nil
}

func (l *registerLoad) WriteTo(b []byte, _ net.Addr) (int, error) {
	if !bytes.HasPrefix(b, []byte("SIP/2.0 200 ")) {
		l.failed.Add(1)
	}
	<-l.open
	if l.left.Add(-1) == 0 {
		close(l.done)
	}
	return len(b), nil
}

func (l *registerLoad) Close() error { close(l.closed); return nil }
func (l *registerLoad) LocalAddr() net.Addr {
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5060}
}
func (l *registerLoad) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (l *registerLoad) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (l *registerLoad) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// BenchmarkRegister measures the refresh of the registrations of 1,000 phones, sockets and storage left out: reading,
// digest, registrar and answer. The phones' own digest, about a tenth of it, is included.
func BenchmarkRegister(b *testing.B) {
	const users = 1000
	c, _, _ := guarded(benchRooms{})
	load := &registerLoad{total: b.N, open: make(chan struct{}, 64), done: make(chan struct{}), closed: make(chan struct{})}
	load.left.Store(int64(b.N))
	aors := make([]string, users)
	for i := range aors {
		aors[i] = fmt.Sprintf("user%d@example.com", i)
	}
	d := newDirectory(aors...)
	c.Directory = d
	s, err := NewServer(c)
	if err != nil {
		b.Fatal(err)
	}
	for i, aor := range aors {
		load.secrets = append(load.secrets, d.accounts[aor].HA1[SHA256])
		nonce := s.auth.nonces.issue(time.Now(), [8]byte{byte(i), byte(i >> 8)}, netip.MustParseAddr("127.0.0.1"))
		load.nonces = append(load.nonces, nonce)
		if strings.ContainsAny(nonce, `"\`) {
			b.Fatal(nonce)
		}
	}
	l := &listener{server: s, packets: load}
	b.ReportAllocs()
	b.ResetTimer()
	if err := s.serve(l, load.LocalAddr(), func() error { return s.edge.ServeUDP(load, l.message) }); err != nil {
		b.Fatal(err)
	}
	<-load.done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "registers/s")
	if n := load.failed.Load(); n > 0 {
		b.Errorf("%d of %d were refused", n, b.N)
	}
	_ = s.Close()
}
