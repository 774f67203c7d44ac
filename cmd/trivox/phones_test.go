package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two softphones' tones.
const annasTone, borissTone = 440.0, 830.0

// couple is a domain with a phone of anna's and one of boris'.
func couple(t *testing.T, calls string, manual bool) (d *domain, anna, boris *baresip) {
	t.Helper()
	d = serveDomain(t, "", calls)
	d.user("anna", "MD5")
	d.user("boris", "MD5")
	return d, d.phone(softphone{name: "anna", say: sine(annasTone, 0.1), manual: manual}), d.phone(softphone{name: "boris", say: sine(borissTone, 0.1)})
}

// idle waits until nothing is left of any call.
func (d *domain) idle() {
	d.t.Helper()
	d.becomes("nobody is left", func() bool { return d.metric("trivox_legs") == 0 && d.metric("trivox_sip_dialogs") == 0 })
}

// told waits for an event of that type, and gives its parameter.
func (p *baresip) told(kind string) (param string) {
	p.t.Helper()
	p.await(kind, func(e map[string]any) bool {
		param = fmt.Sprint(e["param"])
		return e["type"] == kind
	})
	return param
}

// heardBytes is how much of its calls' sound it has written down so far.
func (p *baresip) heardBytes() (size int64) {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil {
			p.t.Fatal(err)
		}
		size += st.Size()
	}
	return size
}

// hearing waits until it has written down half a second of sound more.
func (d *domain) hearing(who string, p *baresip) {
	d.t.Helper()
	from := p.heardBytes()
	d.becomes(who+" hears something", func() bool { return p.heardBytes() > from+8000 })
}

// deaf waits until it has written down nothing more for 0.4 s.
func (d *domain) deaf(who string, p *baresip) {
	d.t.Helper()
	last, same := p.heardBytes(), 0
	d.becomes(who+" hears nothing", func() bool {
		size := p.heardBytes()
		if same++; size != last {
			last, same = size, 0
		}
		return same >= 8
	})
}

// hold lets one of two hold their call and resume it. Where descriptions are passed on the other one hears of it; else the
// server stops sending to who holds, and begins again. (This baresip itself plays nothing any more once it has held a call.)
func (d *domain) hold(holder, held *baresip, past bool) {
	d.t.Helper()
	for _, order := range []string{"hold", "resume"} {
		holder.command(order, "")
		if got := holder.told("CALL_REMOTE_SDP"); got != "answer" {
			d.t.Errorf("%s: who asked for it got an SDP that is an %s", order, got)
		}
		if past {
			if got := held.told("CALL_REMOTE_SDP"); got != "offer" {
				d.t.Errorf("%s: the other one got an SDP that is an %s", order, got)
			}
			continue
		}
		d.deaf("who holds the call", holder)
		to := map[string]string{"hold": "the other one alone", "resume": "both"}[order]
		d.becomes("after "+order+", packets are sent to "+to, func() bool { return (d.share(held) > 1.5) == (to == "both") })
	}
}

// share is how many packets the server sends for each that a phone hears, over a second: about 1 or, to both, 2. A busy
// machine that counts the ones late, or hears in bursts, may be wrong about it once.
func (d *domain) share(p *baresip) float64 {
	d.t.Helper()
	sent, heard := d.metric("trivox_rtp_packets_sent_total"), p.heardBytes()
	d.becomes("a second of sound more has come to the other one", func() bool { return p.heardBytes() > heard+16000 })
	return (d.metric("trivox_rtp_packets_sent_total") - sent) / (float64(p.heardBytes()-heard) / 320)
}

// Sound of a call goes through the server, or from phone to phone past it; either phone holds the call and resumes it, and
// either hangs up.
func TestPhonesHoldAndHangUp(t *testing.T) {
	t.Parallel()
	for _, media := range []string{"through", "past"} {
		t.Run(media, func(t *testing.T) {
			t.Parallel()
			d, anna, boris := couple(t, fmt.Sprintf("[calls]\nmedia = %q\n", media), false)
			for last, first := range map[*baresip]*baresip{boris: anna, anna: boris} { // the caller hangs up, or who was called
				boris.dial("sip:anna@example.test")
				anna.established()
				d.hearing("anna", anna)
				d.hearing("boris", boris)
				d.hold(last, first, media == "past")
				last.command("hangup", "")
				first.closed()
				d.idle()
			}
			passed := d.metric("trivox_rtp_packets_received_total") + d.metric("trivox_rtp_packets_sent_total")
			if (passed == 0) != (media == "past") {
				t.Errorf("%v packets went through the server", passed)
			}
			quitAll(anna, boris)
			for p, other := range map[*baresip]float64{anna: borissTone, boris: annasTone} {
				for _, pcm := range p.recordings() {
					if got, own := level(pcm, 8000, other), level(pcm, 8000, annasTone+borissTone-other); got < 0.003 || own > got/4 {
						t.Errorf("%s hears %.0f Hz at %.4f and itself at %.4f", p.uri, other, got, own)
					}
				}
			}
			if status, records := d.ask("GET", "/v1/records", ""); strings.Count(records, `"kind":"call"`) != 4 || strings.Count(records, `"code":200`) != 4 {
				t.Errorf("records: %d %s", status, records)
			}
		})
	}
}

// SIPp holds and resumes, by each direction of RFC 3264, a call to a softphone: the server's answers are right, and so are
// those of the phone when they are passed on.
func TestHoldOfSIPpThroughABridge(t *testing.T) {
	t.Parallel()
	for _, media := range []string{"through", "past"} {
		t.Run(media, func(t *testing.T) {
			t.Parallel()
			d := serveDomain(t, "allow = [\"127.0.0.0/8\"]", fmt.Sprintf("[calls]\nmedia = %q\n", media))
			d.user("anna", "MD5")
			anna := d.phone(softphone{name: "anna", say: sine(annasTone, 0.1)})
			sipp(t, d.server, "hold", "anna", 1, 1)
			anna.established()
			anna.closed()
		})
	}
}

// Two phones of one user ring at once. One lifts and the other stops; the caller gives up and both stop; each declines, and
// the caller hears that she is busy.
func TestPhonesRingTogether(t *testing.T) {
	t.Parallel()
	d, first, boris := couple(t, "", true)
	second := d.phone(softphone{name: "anna", say: sine(1290, 0.1), manual: true})
	ring := func() {
		t.Helper()
		boris.command("dial", "sip:anna@example.test")
		first.told("CALL_INCOMING")
		second.told("CALL_INCOMING")
		boris.told("CALL_RINGING")
	}
	for lifts, stops := range map[*baresip]*baresip{first: second, second: first} {
		ring()
		lifts.command("accept", "")
		lifts.established()
		boris.established()
		stops.closed()
		d.hearing("who lifted", lifts)
		boris.command("hangup", "")
		lifts.closed()
		d.idle()
	}

	ring()
	boris.command("hangup", "")
	first.closed()
	second.closed()
	d.idle()

	ring()
	first.command("hangup", "")
	d.becomes("only the other one rings", func() bool { return d.metric("trivox_sip_dialogs") == 2 })
	second.command("hangup", "")
	boris.refused("486")
	d.idle()
}

// Keys that one presses reach the other, each once, and are nobody else's business.
func TestKeysFromPhoneToPhone(t *testing.T) {
	t.Parallel()
	d, anna, boris := couple(t, "", false)
	boris.dial("sip:anna@example.test")
	anna.established()
	d.hearing("anna", anna)
	for from, to := range map[*baresip]*baresip{boris: anna, anna: boris} {
		from.command("sndcode", "159#")
		for _, key := range []string{"1", "5", "9", "#"} {
			if got := to.told("CALL_DTMF_START"); got != key {
				t.Errorf("the key %q came as %q", key, got)
			}
		}
	}
	boris.command("hangup", "")
	anna.closed()
	if found, _ := d.events(func(e event) bool { return e.is("dtmf") && e.text("digit") != "" }); len(found) > 0 {
		t.Errorf("keys in the log: %v", found)
	}
}
