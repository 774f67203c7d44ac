package load

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"trivox/sip/sdp"
)

// uas answers every INVITE for rooms that begin with "r" and sends each leg
// back what it sends.
type uas struct {
	addr  string
	byes  atomic.Int32
	rooms chan string
}

func startUAS(t *testing.T) *uas {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	echo, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	server, err := sipgo.NewServer(ua)
	if err != nil {
		t.Fatal(err)
	}
	u := &uas{addr: conn.LocalAddr().String(), rooms: make(chan string, 100)}
	local := sdp.Local{Addr: netip.MustParseAddr("127.0.0.1"), Port: uint16(echo.LocalAddr().(*net.UDPAddr).Port),
		Codecs: []sdp.Codec{{Name: "G722", ClockRate: 8000, PayloadType: 9}}}
	server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		u.rooms <- req.Recipient.User
		answer, _, err := sdp.Answer(req.Body(), local, nil)
		if err != nil || !strings.HasPrefix(req.Recipient.User, "r") {
			_ = tx.Respond(sip.NewResponseFromRequest(req, 488, "Not Acceptable Here", nil))
			return
		}
		res := sip.NewResponseFromRequest(req, 200, "OK", answer)
		res.AppendHeader(sip.NewHeader("Contact", "<sip:room@"+u.addr+">"))
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		_ = tx.Respond(res)
		<-tx.Done()
	})
	server.OnAck(func(*sip.Request, sip.ServerTransaction) {})
	server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		u.byes.Add(1)
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
	go server.ServeUDP(conn)
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := echo.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = echo.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	t.Cleanup(func() { conn.Close(); echo.Close(); ua.Close() })
	return u
}

func options(u *uas, room string) Options {
	return Options{URI: "sip:" + room + "@" + u.addr, Legs: 6, Talkers: 1, Codec: "G722", Seconds: 1, Conferences: 2, Ramp: 1000, Bitrate: 32000, JSON: "-"}
}

func TestRunOverSIP(t *testing.T) {
	u := startUAS(t)
	var stdout, stderr bytes.Buffer
	if code := options(u, "r%d-x").Run(t.Context(), &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout.String(), stderr.String())
	}
	if u.byes.Load() != 6 {
		t.Errorf("%d BYE", u.byes.Load())
	}
	rooms := map[string]int{}
	for range 6 {
		rooms[<-u.rooms]++
	}
	if rooms["r1-x"] != 3 || rooms["r2-x"] != 3 {
		t.Errorf("rooms %v", rooms)
	}
	if !strings.Contains(stdout.String(), "6 made, 0 failed") || !strings.Contains(stdout.String(), `"expected": 300`) {
		t.Errorf("%s", stdout.String())
	}
}

func TestExitCodes(t *testing.T) {
	u := startUAS(t)
	var stdout, stderr bytes.Buffer
	if code := options(u, "x").Run(t.Context(), &stdout, &stderr); code != exitFailed || !strings.Contains(stdout.String(), "488") {
		t.Errorf("refused: exit code %d\n%s", code, stdout.String())
	}
	bad := options(u, "r")
	bad.Codec = "G729"
	if code := bad.Run(t.Context(), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "G729") {
		t.Errorf("wrong option: exit code %d\n%s", code, stderr.String())
	}
	gone := options(u, "r")
	gone.ServerPID = 1 << 29
	if code := gone.Run(t.Context(), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "no such process") {
		t.Errorf("no such process: exit code %d\n%s", code, stderr.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	silent, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	mute := options(&uas{addr: silent.LocalAddr().String()}, "r")
	if code := mute.Run(ctx, &stdout, &stderr); code != exitFailed {
		t.Errorf("nobody answers: exit code %d", code)
	}
}
