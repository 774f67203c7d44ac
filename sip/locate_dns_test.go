package sip

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// Types of DNS records.
const (
	typeA    = 1
	typeAAAA = 28
	typeSRV  = 33
)

// serve answers questions on the wire with what d knows, in the order in which it has it, until the test ends. It gives what asks there.
func (d dns) serve(t *testing.T) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		for b := make([]byte, 4096); ; {
			n, from, err := socket.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := d.answer(b[:n]); answer != nil {
				_, _ = socket.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// answer is that to a message with one question; nil to any other.
func (d dns) answer(question []byte) []byte {
	if len(question) < 12 || binary.BigEndian.Uint16(question[4:]) != 1 {
		return nil
	}
	at, labels := 12, []string{}
	for at < len(question) && question[at] != 0 {
		end := at + 1 + int(question[at])
		if end >= len(question) {
			return nil
		}
		labels = append(labels, string(question[at+1:end]))
		at = end
	}
	if at+5 > len(question) {
		return nil
	}
	kind := binary.BigEndian.Uint16(question[at+1:])
	found, err := d.lookup(strings.Join(labels, "."))
	var records [][]byte
	for _, f := range found {
		if data := recordOf(kind, f); data != nil {
			records = append(records, data)
		}
	}
	flags := uint16(0x8180) // an answer, recursion as asked for
	if err != nil {
		flags |= 3 // there is no such name
	}
	out := append([]byte(nil), question[:2]...)
	for _, v := range []uint16{flags, 1, uint16(len(records)), 0, 0} {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	out = append(out, question[12:at+5]...)
	for _, data := range records {
		for _, v := range []uint16{0xC00C, kind, 1, 0, 60, uint16(len(data))} { // the name above, IN, for 60 s
			out = binary.BigEndian.AppendUint16(out, v)
		}
		out = append(out, data...)
	}
	return out
}

// recordOf is what a record of a type holds; nil when text is of another type.
func recordOf(kind uint16, text string) []byte {
	if a, err := netip.ParseAddr(text); err == nil {
		if kind == typeA && a.Is4() || kind == typeAAAA && a.Is6() {
			return a.AsSlice()
		}
		return nil
	}
	if kind != typeSRV {
		return nil
	}
	r := readSRV(text)
	var out []byte
	for _, v := range []uint16{r.Priority, r.Weight, r.Port} {
		out = binary.BigEndian.AppendUint16(out, v)
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(r.Target, "."), ".") {
		out = append(append(out, byte(len(label))), label...)
	}
	return append(out, 0)
}

// unboundConn is a socket that there is before whom it sends to.
type unboundConn struct {
	*net.UDPConn
	to netip.AddrPort
}

func (c unboundConn) Write(b []byte) (int, error) { return c.WriteToUDPAddrPort(b, c.to) }

// Asked on the wire: one gateway is before the other by its priority, and answers 503; the other one takes the call. RFC 2782 (TR-9)
func TestFailoverByDNS(t *testing.T) {
	world := dns{"gw.trunk.test": {"127.0.0.1", "2001:db8::1"}, "_sip._tcp.localhost": {"0 0 5060 ."}}
	var sockets [2]*net.UDPConn
	for i := range sockets {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
		if err != nil {
			t.Fatal(err)
		}
		sockets[i] = c
		record := fmt.Sprintf("%d 0 %d gw.trunk.test.", 20-i, addrPort(c.LocalAddr()).Port())
		world["_sip._udp.localhost"] = append(world["_sip._udp.localhost"], record) // the better one last
	}
	o := openOffice(t, "udp", false, Config{
		Resolver: world.serve(t),
		Route:    func(context.Context, Call) (Route, error) { return Route{Out: "sip:+4930@localhost"}, nil },
	})
	var gw [2]*phone
	for i, c := range sockets {
		gw[i] = newPhoneOn(t, "udp", unboundConn{c, o.addr}, o.addr)
	}
	a := o.caller()
	a.request("INVITE", offerSDP)
	gw[1].refuse(503)
	gw[0].take(gw[0].rung(), bobSDP)
	a.answered()
	o.hangUp(a, gw[0])
	o.quiet(o.rooms.leg(t), o.rooms.leg(t), o.rooms.leg(t))
}

// Of servers with one priority each is the first as often as its weight says: here in three of four calls. RFC 2782
func TestWeights(t *testing.T) {
	s := locator(t, dns{
		"_sip._udp.trunk.test": {"1 0 5060 never.test.", "0 25 5060 a.test.", "0 75 5060 b.test."},
		"a.test":               {"192.0.2.1"}, "b.test": {"192.0.2.2"}, "never.test": {"192.0.2.3"},
	}.serve(t), networkUDP)
	u, err := callable("sip:x@trunk.test")
	if err != nil {
		t.Fatal(err)
	}
	const calls = 200
	first := make(map[string]int)
	for range calls {
		l, err := s.locate(t.Context(), u, networkUDP)
		if err != nil || len(l.places) != 3 || l.places[2].host != "never.test." {
			t.Fatalf("%+v, %v", l, err)
		}
		first[l.places[0].host]++
	}
	// 150 with a standard deviation of 6: once in 10^9 runs it is outside these
	if n := first["b.test."]; n < 150-40 || n > 150+40 {
		t.Errorf("%v", first)
	}
}
