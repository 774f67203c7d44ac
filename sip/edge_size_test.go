package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A BYE that is too large for UDP goes by TCP with Via changed, or by UDP where nobody takes TCP;
// a small one by UDP in any case. RFC 3261, 18.1.1 (TR-2)
func TestLargeRequestsByTCP(t *testing.T) {
	for _, tt := range []struct {
		name    string
		route   int // bytes in the route set
		listens bool
		via     string
	}{
		{"large", 1300, true, "TCP"}, {"large, no TCP", 1300, false, "UDP"}, {"small", 10, true, "UDP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rooms := newRooms()
			_, addr := startServer(t, "udp", Config{Rooms: rooms})
			p, l := newPhoneOnBoth(t, addr)
			byTCP := make(chan sip.Message, 4)
			if !tt.listens {
				_ = l.Close()
			} else {
				e := NewEdge(EdgeConfig{})
				done := make(chan error)
				go func() {
					done <- e.ServeTCP(l, func(m sip.Message, _ netip.AddrPort, c net.Conn, _ time.Time) {
						byTCP <- m
						_, _ = c.Write([]byte(sip.NewResponseFromRequest(m.(*sip.Request), 200, "OK", nil).String()))
					})
				}()
				defer func() {
					_ = l.Close()
					<-done
					e.Close()
				}()
			}
			p.call(fmt.Sprintf("Record-Route: <sip:%s;lr;x=%s>", p.conn.LocalAddr(), strings.Repeat("r", tt.route)))
			leg := rooms.leg(t)
			leg.want(t, "answer", "confirmed")
			leg.call.HangUp(Cause{Code: 200})
			var bye *sip.Request
			if tt.via == "TCP" {
				select {
				case m := <-byTCP:
					bye = m.(*sip.Request)
				case <-time.After(patience):
					t.Fatal("nothing came by TCP")
				}
			} else {
				bye = p.asked("BYE")
				p.reply(bye, 200, "")
			}
			if bye.Method != "BYE" || bye.Via().Transport != tt.via {
				t.Errorf("%s with Via %s", bye.Method, bye.Via().Value())
			}
			leg.want(t, "end")
		})
	}
}
