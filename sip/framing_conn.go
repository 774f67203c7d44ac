package sip

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// streamConn is a connection of the edge. Others write to it and close it; the
// edge alone reads.
type streamConn struct {
	net.Conn // of package tls where that is spoken
	streams
	edge     *Edge
	source   netip.AddrPort
	framer   framer
	token    string // names the connection, and no other of this process
	peerUser string // by a verified certificate; set before the first message is read
	stranger bool   // it connected, and is nobody whom we trust
}

// networkOf is the name of the transport that conn is of; nil is a datagram's.
func networkOf(conn net.Conn) string {
	if conn == nil {
		return networkUDP
	}
	if s, ok := conn.(*streamConn); ok && s.tls != nil {
		return networkTLS
	}
	return networkTCP
}

// Write sends one message whole, or gives up after WriteTimeout and closes the
// connection: a peer that does not read must not hold a transaction, and what
// was cut cannot be mended.
func (s *streamConn) Write(b []byte) (int, error) {
	_ = s.Conn.SetWriteDeadline(time.Now().Add(s.edge.cfg.WriteTimeout))
	if _, err := s.Conn.Write(dropEmptyTag(b)); err != nil {
		_ = s.Close()
		return 0, err
	}
	return len(b), nil
}

// Close ends the connection, and with it the goroutine that reads it.
func (s *streamConn) Close() error {
	s.edge.release(s)
	return s.Conn.Close()
}

// serve reads messages until the connection ends or cannot be read on.
func (s *streamConn) serve() {
	defer s.edge.reading.Done()
	defer func() { _ = s.Close() }()
	e := s.edge
	if err := s.shakeHands(); err != nil {
		return
	}
	begun := false // a message has begun: its deadline stands
	silent, opened := s.stranger, time.Now()
	for {
		if now := time.Now(); !s.framer.inside() {
			begun = false
			by := now.Add(e.cfg.IdleTimeout)
			if silent { // a place is for who has something to say, and pings say nothing
				by = opened.Add(e.cfg.MessageTimeout)
			}
			_ = s.Conn.SetReadDeadline(by)
		} else if !begun {
			begun = true
			_ = s.Conn.SetReadDeadline(now.Add(e.cfg.MessageTimeout))
		}
		n, err := s.Conn.Read(s.framer.space())
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if begun {
					e.count.tooSlow.Add(1)
				} else {
					e.count.idle.Add(1)
				}
			}
			return
		}
		if e.cfg.Refused(s.source.Addr()) { // since it was accepted
			e.count.refused.Add(1)
			return
		}
		s.framer.wrote(n)
		if whole, ok := s.messages(time.Now(), s.handle); !ok {
			return
		} else if whole {
			begun, silent = false, false
		}
	}
}

// messages takes all whole messages of which the last byte came then. ok is false when the
// connection must be closed.
func (s *streamConn) messages(came time.Time, handle Handler) (whole, ok bool) {
	e := s.edge
	m, _ := e.menders.Get().(*mender)
	defer e.menders.Put(m)
	for {
		msg, pings, p, ok := s.framer.next()
		if pings > 0 {
			e.count.pings.Add(1)
			if _, err := s.Write([]byte("\r\n")); err != nil {
				return whole, false
			}
		}
		if !ok {
			e.count.badFraming.Add(1)
			if p.code != 0 && m.reading.read(msg) {
				e.send(s, e.take(m.refuse(p, s.source, mended{}), s.source, s, came, handle))
			}
			return whole, false
		}
		if msg == nil {
			return whole, true
		}
		whole = true
		if s.framer.noLen {
			e.count.noLength.Add(1)
			e.once(causeNoLength, "message on a stream without Content-Length, taken to have no body", "source", s.source)
		}
		e.send(s, e.take(m.mend(msg, s.source, true), s.source, s, came, handle))
	}
}

// send writes an answer; nil is none.
func (e *Edge) send(s *streamConn, b []byte) {
	if b == nil {
		return
	}
	if _, err := s.Write(b); err != nil {
		e.count.unsent.Add(1)
	}
}
