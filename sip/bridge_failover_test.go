package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// trunk is a server in a network of its own, in virtual time, whose every call goes to sip:+4930@trunk.test: by SRV to three gateways.
type trunk struct {
	*office
	net      *ether
	gateways [3]*phone
}

var trunkDNS = dns{
	"_sip._udp.trunk.test": {"10 0 5081 gw1.trunk.test.", "20 0 5082 gw2.trunk.test.", "30 0 5083 gw3.trunk.test."},
	"gw1.trunk.test":       {"192.0.2.1"}, "gw2.trunk.test": {"192.0.2.2"}, "gw3.trunk.test": {"192.0.2.3"}, "self.test": {"127.0.0.1"},
}

func onTrunk(t *testing.T, direct bool, test func(t *testing.T, k *trunk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := &trunk{office: &office{t: t, network: "udp", rooms: newRooms()}}
		k.server, k.net = startOnEther(t, Config{
			Rooms: k.rooms, Resolver: trunkDNS,
			Route: func(context.Context, Call) (Route, error) {
				return Route{Out: "sip:+4930@trunk.test", Direct: direct}, nil
			},
		})
		for i := range k.gateways {
			k.gateways[i] = k.net.phone(t, fmt.Sprintf("192.0.2.%d:%d", i+1, 5081+i))
		}
		test(t, k)
	})
}

// call lets somebody call.
func (k *trunk) call() *phone {
	k.t.Helper()
	p := k.net.phone(k.t, "198.51.100.1:5060")
	p.uri = "sip:+4930@trunk.test"
	p.request("INVITE", offerSDP)
	return p
}

// after lets virtual time pass.
func (k *trunk) after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// refuse is a final answer of a gateway's to the INVITE that it gets.
func (p *phone) refuse(code int, extra ...string) *sipgo.Request {
	p.t.Helper()
	invite := p.rung()
	p.reply(invite, code, "", extra...)
	p.asked("ACK")
	return invite
}

// end lets p hang up on q.
func (k *trunk) end(p, q *phone) {
	k.t.Helper()
	p.request("BYE", "")
	p.response("BYE", 200)
	q.reply(q.asked("BYE"), 200, "")
	synctest.Wait()
}

// nothing holds that a gateway was asked nothing.
func (p *phone) nothing() {
	p.t.Helper()
	if n := len(p.in); n > 0 {
		p.t.Errorf("%d messages: %v", n, <-p.in)
	}
}

// over holds that all is over, and how many INVITEs were sent, each with a leg that was ended once.
func (k *trunk) over(called int) {
	k.t.Helper()
	k.after(time.Minute)
	var legs []*fakeLeg
	for len(k.rooms.legs) > 0 {
		legs = append(legs, <-k.rooms.legs)
	}
	k.quiet(legs...)
	if n := k.server.Snapshot(); int(n.Called) != called || n.ClientTransactions != 0 {
		k.t.Errorf("%d calls, want %d; %d transactions", n.Called, called, n.ClientTransactions)
	}
}

// A server that answers 503 is left for the next one by SRV, with a transaction, a dialog and a leg of its own, and comes last
// in other calls until it may be asked again. RFC 3263, 4.3 (TR-9)
func TestFailoverOnUnavailable(t *testing.T) {
	onTrunk(t, false, func(t *testing.T, k *trunk) {
		a, gw := k.call(), k.gateways
		first := gw[0].refuse(503, "Retry-After: 60")
		second := gw[1].rung()
		if first.Recipient.String() != "sip:+4930@trunk.test" || second.Recipient.String() != "sip:+4930@trunk.test" || header(first, "via") == header(second, "via") ||
			first.CallID().Value() == second.CallID().Value() {
			t.Errorf("%s\n%s", first, second)
		}
		gw[1].reply(second, 180, "")
		a.response("INVITE", 180)
		gw[1].take(second, bobSDP)
		a.answered()
		k.end(a, gw[1])
		gw[0].nothing()
		gw[2].nothing()

		a = k.call()
		gw[1].refuse(503)
		third := gw[2].rung()
		gw[2].take(third, bobSDP)
		a.answered()
		k.end(a, gw[2])
		gw[0].nothing()

		k.after(time.Minute)
		a = k.call()
		gw[0].take(gw[0].rung(), bobSDP)
		a.answered()
		k.end(a, gw[0])
		gw[1].nothing()
		k.over(5)
		if n := k.server.Snapshot(); n.Answered != 3 {
			t.Errorf("%+v", n)
		}
	})
}

// A server that says nothing for 5 s is left for the next one. What it says later is cancelled, or acknowledged and ended. (TR-9, TX-6)
func TestFailoverOnSilence(t *testing.T) {
	for _, late := range []string{"never", "refuses", "rings", "answers"} {
		onTrunk(t, false, func(t *testing.T, k *trunk) {
			a, gw := k.call(), k.gateways
			first := gw[0].rung()
			began := time.Now()
			k.after(3900 * time.Millisecond)
			gw[1].nothing()
			second := gw[1].rung()
			if d := time.Since(began); d < 4*time.Second || d > 8*time.Second {
				t.Errorf("the next server was called after %v", d)
			}
			if late == "refuses" {
				gw[0].reply(first, 486, "")
				gw[0].asked("ACK")
				synctest.Wait()
			}
			gw[1].take(second, bobSDP)
			a.answered()
			switch late {
			case "rings":
				gw[0].reply(first, 180, "")
				gw[0].reply(gw[0].asked("CANCEL"), 200, "")
				gw[0].reply(first, 487, "")
				gw[0].asked("ACK")
			case "answers":
				gw[0].take(first, bobSDP)
				gw[0].reply(gw[0].asked("BYE"), 200, "")
			}
			k.end(a, gw[1])
			k.over(2)
			if n := k.server.Snapshot(); n.Answered != 1 {
				t.Errorf("%s: %+v", late, n)
			}
		})
	}
}

// A server that has said 100 has the call, however long it takes, and so does one that gives any other answer than 503.
func TestNoFailover(t *testing.T) {
	for _, code := range []int{404, 408, 486, 500, 504, 600} {
		onTrunk(t, false, func(t *testing.T, k *trunk) {
			a, gw := k.call(), k.gateways
			invite := gw[0].rung()
			gw[0].reply(invite, 100, "")
			k.after(time.Minute)
			gw[0].reply(invite, code, "")
			gw[0].asked("ACK")
			a.refusedACK(a.response("INVITE", passedOn(code)))
			gw[1].nothing()
			k.over(1)
		})
	}
}

// The last server's failure is the call's: 500 for its 503, which is not passed on, 480 when it says nothing. (PX-2)
func TestFailoverEnds(t *testing.T) {
	for _, silent := range []bool{false, true} {
		onTrunk(t, false, func(t *testing.T, k *trunk) {
			a, gw := k.call(), k.gateways
			gw[0].refuse(503)
			gw[1].rung()
			k.after(5 * time.Second)
			code := 500
			if silent {
				gw[2].rung()
				code = 480
				k.after(31 * time.Second) // nobody is left to go on to: it has the usual time
				if n := k.server.Snapshot(); n.Pending != 1 {
					t.Errorf("%+v", n)
				}
				k.after(2 * time.Second)
			} else {
				gw[2].refuse(503)
			}
			a.refusedACK(a.response("INVITE", code))
			k.over(3)
		})
	}
}

// The caller gives up: nobody else is called.
func TestFailoverCancelled(t *testing.T) {
	onTrunk(t, false, func(t *testing.T, k *trunk) {
		a, gw := k.call(), k.gateways
		gw[0].refuse(503)
		gw[1].rung()
		k.after(2 * time.Second)
		a.raw("CANCEL", a.seq, "")
		a.response("CANCEL", 200)
		a.refusedACK(a.response("INVITE", 487))
		k.over(2)
		gw[2].nothing()
	})
	onTrunk(t, false, func(t *testing.T, k *trunk) { // at the moment of the 503
		a, gw := k.call(), k.gateways
		invite := gw[0].rung()
		busy := make(chan struct{})
		k.callerDialog().post(func() { <-busy })
		a.raw("CANCEL", a.seq, "")
		a.response("CANCEL", 200)
		a.refusedACK(a.response("INVITE", 487))
		synctest.Wait()
		gw[0].reply(invite, 503, "")
		gw[0].asked("ACK")
		synctest.Wait()
		close(busy)
		k.over(1)
		gw[1].nothing()
	})
}

// A gateway with sound before the answer that then has no line: the caller hears the next one, and gets that one's answer. (RT-5)
func TestFailoverAfterEarlySound(t *testing.T) {
	for _, direct := range []bool{false, true} {
		onTrunk(t, direct, func(t *testing.T, k *trunk) {
			a, gw := k.call(), k.gateways
			first := gw[0].rung()
			gw[0].reply(first, 183, bobSDP)
			a.response("INVITE", 183)
			gw[0].reply(first, 503, "")
			gw[0].asked("ACK")
			second := gw[1].rung()
			gw[1].reply(second, 180, "")
			a.response("INVITE", 180)
			other := strings.Replace(bobSDP, "6000", "6002", 1)
			gw[1].take(second, other)
			res := a.answered()
			if direct && string(res.Body()) != other {
				t.Errorf("%s", res)
			}
			k.end(a, gw[1])
			k.over(2)
		})
	}
}

// Servers that refuse connections are passed over at once. By TLS the certificate is that of the URI, not of the name in DNS. RFC 5922, 7
func TestFailoverOfConnections(t *testing.T) {
	ca := newAuthority(t)
	for _, network := range []string{"tcp", "tls"} {
		var far [2]*Server
		var at [2]netip.AddrPort
		for i, name := range []string{"gw1.trunk.test", "localhost"} { // the first one is somebody else, by TLS
			far[i], at[i] = startServer(t, network, Config{Rooms: newRooms(), TLS: ca.server(name)})
		}
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = closed.Close()
		service := map[string]string{"tcp": "_sip._tcp.localhost", "tls": "_sips._tcp.localhost"}[network]
		record := func(priority int, at netip.AddrPort) string {
			return fmt.Sprintf("%d 0 %d gw1.trunk.test.", priority, at.Port())
		}
		world := dns{"gw1.trunk.test": {"127.0.0.1"}, service: {record(1, addrPort(closed.Addr())), record(2, at[1])}}
		if network == "tls" {
			world[service] = []string{record(1, addrPort(closed.Addr())), record(2, at[0]), record(3, at[1])}
		}
		rooms := newRooms()
		o := &office{t: t, network: network, rooms: rooms, tls: ca.client("127.0.0.1")}
		o.server, o.addr = startServer(t, network, Config{
			Rooms: rooms, Resolver: world, TLS: ca.server("127.0.0.1"),
			Route: func(context.Context, Call) (Route, error) {
				return Route{Out: "sip:tea@localhost;transport=" + network}, nil
			},
		})
		a := o.newPhone()
		a.request("INVITE", offerSDP)
		a.answered()
		leg := far[1].cfg.Rooms.(*fakeRooms).leg(t)
		leg.want(t, "answer", "confirmed")
		a.request("BYE", "")
		a.response("BYE", 200)
		leg.want(t, "end")
		if n := far[0].Snapshot(); n.Invites != 0 {
			t.Errorf("%s: %+v", network, n)
		}
		o.quiet(rooms.leg(t), rooms.leg(t))
	}
}

// What belongs to a call goes to the name in the peer's Contact as a call would, to the first server that is there. (TR-9)
func TestContactByName(t *testing.T) {
	onTrunk(t, false, func(t *testing.T, k *trunk) {
		for i, contact := range []string{"<sip:x@trunk.test>", "<sip:x@gw2.trunk.test:5082>", "<sip:x@self.test>", "<sip:x@nowhere.test>"} {
			a, gw := k.call(), k.gateways
			invite := gw[0].rung()
			gw[0].reply(invite, 200, bobSDP, "Contact: "+contact)
			to := []*phone{gw[0], gw[1], gw[0], gw[0]}[i] // who cannot be found is answered where it came from
			gw[0].asked("ACK")
			a.answered()
			a.request("BYE", "")
			a.response("BYE", 200)
			bye := to.asked("BYE")
			to.reply(bye, 200, "")
		}
		k.over(4)
	})
}
