package main

import (
	"fmt"
	"testing"
)

// unreachable dials a user of example.test, who must be answered 480 at once: patience is less than the 32 s that the
// server would wait for an answer of somebody who is gone.
func (p *baresip) unreachable(user string) {
	p.t.Helper()
	p.command("dial", "sip:"+user+"@example.test")
	p.refused("480")
}

// A phone whose connection has ended without a word is not waited for: another one of the user's gets the call, or the
// caller is told at once.
func TestPhoneThatVanished(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			d := serveDomain(t, "", "")
			d.user("anna", "MD5")
			d.user("boris", "MD5")
			gone := d.phone(softphone{name: "anna", transport: transport, say: sine(annasTone, 0.1)})
			boris := d.phone(softphone{name: "boris", say: sine(borissTone, 0.1)})
			open := d.metric("trivox_sip_connections")
			gone.kill()
			d.becomes("its connection is gone", func() bool { return d.metric("trivox_sip_connections") < open })
			if n := d.registrations("anna"); n != 1 {
				t.Errorf("%d phones of hers are registered; nobody has taken any back", n)
			}
			boris.unreachable("anna")

			other := d.phone(softphone{name: "anna", transport: transport, say: sine(annasTone, 0.1)})
			boris.dial("sip:anna@example.test")
			other.established()
			boris.command("hangup", "")
			other.closed()
			d.idle()
		})
	}
}

// A restart of the server: phones by UDP can be called as before, since what they have registered is kept. One by TCP
// cannot until it registers again, and who calls it is told at once.
func TestPhonesOverARestart(t *testing.T) {
	t.Parallel()
	port := reserve(t, 1)
	d := serveDomain(t, "", "", "--sip", fmt.Sprintf("127.0.0.1:%d", port))
	for _, name := range []string{"anna", "boris", "clara"} {
		d.user(name, "MD5")
	}
	anna := d.phone(softphone{name: "anna", say: sine(annasTone, 0.1)})
	boris := d.phone(softphone{name: "boris", say: sine(borissTone, 0.1)})
	clara := d.phone(softphone{name: "clara", transport: "tcp", say: sine(1290, 0.1)})
	d.again()
	if n := d.registrations("anna") + d.registrations("clara"); n != 2 {
		t.Errorf("%d phones are registered after the restart, want 2", n)
	}
	boris.unreachable("clara")
	boris.dial("sip:anna@example.test")
	anna.established()
	d.hearing("anna", anna)
	boris.command("hangup", "")
	anna.closed()

	clara.kill()
	clara = d.phone(softphone{name: "clara", transport: "tcp", say: sine(1290, 0.1)})
	boris.dial("sip:clara@example.test")
	clara.established()
	boris.command("hangup", "")
	clara.closed()
	d.idle()
	for _, p := range []*baresip{anna, boris, clara} { // before the server, which the test ends first
		p.quit()
	}
}
