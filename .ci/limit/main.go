// Command limit is what a conference server cannot cost less than on this machine: it answers calls as trivox does,
// sweeps their sockets every 20 ms and sends each leg one packet, by the same socket code, and does nothing else. It
// hears nobody and mixes nothing. `make bench` measures trivox beside it.
package main

import (
	"context"
	"errors"
	"log"
	"net/netip"
	"os"
	"runtime"
	"time"

	"trivox/media"
	"trivox/sip"
	"trivox/sip/sdp"
)

const (
	slot   = 20 * time.Millisecond
	packet = 172 // bytes: RTP with 20 ms of G.711
)

type rooms struct {
	ports *media.Ports
	legs  chan *leg
}

type leg struct {
	rooms  *rooms
	pair   *media.Pair
	to     netip.AddrPort
	packet [packet]byte
}

func (*rooms) Known(string, string) (exists bool, err error) { return true, nil }

func (r *rooms) Enter(_ context.Context, c sip.Call) (sip.Leg, error) {
	p, err := r.ports.Bind(c.Local, 46)
	return &leg{rooms: r, pair: p}, err
}

func (*leg) ID() string                { return "limit" }
func (*leg) Offer() ([]byte, error)    { return nil, errors.New("limit: only calls with an offer") }
func (*leg) SetAnswer([]byte) error    { return nil }
func (*leg) Early(bool)                {}
func (*leg) Confirmed()                {}
func (*leg) Digit(byte, time.Duration) {}
func (*leg) End(sip.Cause)             {} // the process ends before its sockets matter

func (l *leg) Answer(offer []byte) ([]byte, error) {
	b, m, err := sdp.Answer(offer, sdp.Local{
		Addr: l.pair.RTP.Local().Addr(), Port: l.pair.RTP.Local().Port(), SessionID: 1, Version: 1, PTime: slot,
		Codecs: []sdp.Codec{{Name: "PCMU", ClockRate: 8000, Channels: 1}},
	}, nil)
	if err != nil {
		return nil, err
	}
	l.to, l.packet[0] = m.Remote, 0x80
	l.rooms.legs <- l
	return b, nil
}

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// run serves calls at the address until it is killed.
func run(address string) error {
	ports, err := media.NewPorts(10000, 19999, 0)
	if err != nil {
		return err
	}
	r := &rooms{ports: ports, legs: make(chan *leg, 5000)}
	s, err := sip.NewServer(sip.Config{Rooms: r})
	if err != nil {
		return err
	}
	if _, err := s.Listen("udp", address); err != nil {
		return err
	}
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)
	runtime.LockOSThread()
	_ = media.Realtime() // as trivox: where it is allowed
	io, err := media.NewSweeper()
	if err != nil {
		return err
	}
	var legs []*leg
	var sockets []*media.Socket
	pass := func(int, []byte, netip.AddrPort, time.Duration) {}
	for at := media.Now(); ; {
		at = max(at+slot, media.Now())
		media.SleepUntil(at)
		for len(r.legs) > 0 {
			l := <-r.legs
			legs, sockets = append(legs, l), append(sockets, l.pair.RTP)
		}
		io.Sweep(sockets, pass)
		for _, l := range legs {
			l.packet[3]++                              // the sequence number
			_ = io.Send(l.pair.RTP, l.packet[:], l.to) // the load counts what comes
		}
	}
}
