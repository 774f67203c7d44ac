package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/api"
	"trivox/media/codec"
)

// gateway is a PSTN gateway by hand.
type gateway struct {
	*registrant
	rtp [2]*net.UDPConn // of its announcement, and of who lifts
}

func openGateway(t *testing.T) *gateway {
	at := netip.MustParseAddr("127.0.0.9")
	return &gateway{&registrant{t: t, socket: bind(t, at)}, [2]*net.UDPConn{bind(t, at), bind(t, at)}}
}

// reply answers a request by that status line, as one behind it that has that tag and that RTP socket; nil: it says nothing of sound.
func (g *gateway) reply(request, status, tag string, rtp *net.UDPConn) {
	g.t.Helper()
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		b.WriteString(name + ": " + field(request, name))
		if name == "To" && !strings.Contains(field(request, name), ";tag=") {
			b.WriteString(";tag=" + tag)
		}
		b.WriteString("\r\n")
	}
	sdp := ""
	if rtp != nil {
		sdp = string(offer(localPort(rtp), codec.PCMU, 1, "sendrecv"))
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Contact: <sip:%s@%s>\r\nContent-Length: %d\r\n\r\n%s", tag, localPort(g.socket), len(sdp), sdp)
	if _, err := g.socket.WriteToUDPAddrPort([]byte(b.String()), g.server.sip()); err != nil {
		g.t.Fatal(err)
	}
}

// hearsTone waits until a tone stands in what a phone has written down so far of what it hears, at any moment of its calls.
func (d *domain) hearsTone(who string, p *baresip, hertz float64) {
	d.t.Helper()
	const header, window = 44, 800 // of a WAV that is still being written, in bytes; in samples
	d.becomes(fmt.Sprintf("%s hears %.0f Hz", who, hertz), func() bool {
		files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				d.t.Fatal(err)
			}
			pcm := make([]int16, window)
			for b = b[min(header, len(b)):]; len(b) >= 2*window; b = b[2*window:] {
				for i := range pcm {
					pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
				}
				if level(pcm, 8000, hertz) > 0.05 {
					return true
				}
			}
		}
		return false
	})
}

// A softphone that calls out hears the gateway's announcement before anybody lifts, and then who has lifted: behind the gateway
// that is somebody else, whose To-tag and description are others (RT-5, UA-2). Its call begins with the answer.
func TestAnnouncementOfAGateway(t *testing.T) {
	t.Parallel()
	const announcement, person = 830.0, 1290.0
	for _, media := range []string{"through", "past"} {
		t.Run(media, func(t *testing.T) {
			t.Parallel()
			g := openGateway(t)
			at := localPort(g.socket)
			d := serveDomain(t, "", fmt.Sprintf("[calls]\ndial = [\"+49*@%s\"]\nmedia = %q\n", at, media))
			g.server = d.server
			d.user("anna", "MD5")
			anna := d.phone(softphone{name: "anna", say: sine(annasTone, 0.1)})

			anna.command("dial", fmt.Sprintf("sip:+4930123@%s", at))
			invite := g.next("INVITE ")
			to, err := mediaOf([]byte(invite))
			if err != nil {
				t.Fatal(err)
			}
			g.reply(invite, "183 Session Progress", "machine", g.rtp[0])
			voice := speak(t, newSource(g.rtp[0], to), codec.PCMU, sine(announcement, 0.2))
			d.hearsTone("anna", anna, announcement)
			voice.stop()
			g.reply(invite, "200 OK", "person", g.rtp[1])
			g.next("ACK ")
			speak(t, newSource(g.rtp[1], to), codec.PCMU, sine(person, 0.2))
			anna.established()
			d.hearsTone("anna", anna, person)
			anna.command("hangup", "")
			g.reply(g.next("BYE "), "200 OK", "", nil)
			d.idle()

			var list struct{ Records []api.Record }
			status, body := d.ask(http.MethodGet, "/v1/records", "")
			if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK || len(list.Records) != 2 {
				t.Fatalf("%d %v %s", status, err, body)
			}
			for _, r := range list.Records {
				if r.Answered == nil || r.Answered.Sub(r.Started) < 60*time.Millisecond { // 100 ms of the announcement were heard between
					t.Errorf("begun %v, answered %v", r.Started, r.Answered)
				}
			}
		})
	}
}
