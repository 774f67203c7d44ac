package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// forward lets a phone answer the next call by 302 to that Contact, or is busy where it is empty; last is the Call-ID of the
// call before, which may be repeated, and that of this one is given.
func (r *registrant) forward(contact, last string) (id string) {
	r.t.Helper()
	invite := r.next("INVITE ")
	for field(invite, "Call-ID") == last {
		invite = r.next("INVITE ")
	}
	answer := string(busy(invite))
	if contact != "" {
		answer = strings.Replace(answer, "486 Busy Here\r\n", "302 Moved Temporarily\r\nContact: "+contact+"\r\n", 1)
	}
	if _, err := r.socket.WriteToUDPAddrPort([]byte(answer), r.server.sip()); err != nil {
		r.t.Fatal(err)
	}
	return field(invite, "Call-ID")
}

// A call to a phone that forwards reaches the phone of whom it names: they hear each other. Of the one that forwards there is a
// record which says where to.
func TestForwardingPhone(t *testing.T) {
	t.Parallel()
	d, anna, boris := couple(t, "", false)
	d.user("dora", "MD5")
	dora := &registrant{t: t, server: d.server, socket: bind(t, netip.MustParseAddr("127.0.0.1"))}
	if status := dora.register("dora", fmt.Sprintf("sip:dora@%s", localPort(dora.socket))); !strings.HasPrefix(status, "200") {
		t.Fatal(status)
	}
	boris.command("dial", "sip:dora@example.test")
	dora.forward("<sip:anna@example.test>", "")
	boris.established()
	anna.established()
	d.hearing("whom it is forwarded to", anna)
	d.hearing("the caller", boris)
	boris.command("hangup", "")
	anna.closed()
	d.idle()
	if status, records := d.ask("GET", "/v1/records", ""); strings.Count(records, `"kind":"call"`) != 3 || strings.Count(records, `"reason":"diverted to anna@example.test"`) != 1 {
		t.Errorf("records: %d %s", status, records)
	}
}

// Where phones may send calls on to, by calls.divert, whoever calls them: what their user may not call they reach for nobody.
func TestNoOtherWayOutByForwarding(t *testing.T) {
	t.Parallel()
	gw, victim := openGate(t, "127.0.0.9"), openGate(t, "127.0.0.8")
	named := strings.NewReplacer("GW", gw.at.String(), "VICTIM", victim.at.String())
	for _, setting := range []string{"off", "users", "dial"} {
		calls := ""
		if setting != "users" { // which is the default
			calls = fmt.Sprintf("divert = %q\n", setting)
		}
		d := serveDomain(t, `allow = ["127.0.0.0/8"]`, fmt.Sprintf("[calls]\ndial = [\"+49*@%s\"]\n%s", gw.at, calls))
		phones := map[string]*registrant{}
		for _, user := range []string{"anna", "boris"} {
			d.user(user, "MD5")
			r := &registrant{t: t, server: d.server, socket: bind(t, netip.MustParseAddr("127.0.0.1"))}
			if status := r.register(user, fmt.Sprintf("sip:%s@%s", user, localPort(r.socket))); !strings.HasPrefix(status, "200") {
				t.Fatal(status)
			}
			phones[user] = r
		}
		last, ids := "", map[string]string{}
		for _, c := range []struct {
			contact string
			allowed string // settings that let it pass
			out     string // what the gateway is asked then
			rule    string // why not, where it is not the setting
		}{
			{"<sip:boris@example.test>", "users dial", "", ""},
			{"<sip:boris@127.0.0.1>;q=0.5, <sip:+49301@VICTIM>", "users dial", "", ""},
			{"<sip:+49301@GW;user=phone;x=y>", "dial", "INVITE sip:+49301@GW;user=phone", ""},
			{"<sip:+49301@VICTIM>", "", "", "calls.dial"}, {"<sip:0900@GW>", "", "", "calls.dial"}, {"<sip:+49301@GW;maddr=127.0.0.8>", "", "", "calls.dial"},
			{"<sip:+49301@GW?Route=%3Csip:VICTIM%3E>", "", "", "calls.dial"},
			{"<sip:tea@example.test>", "", "", "divert.room"}, {"<sip:+49301@example.test>", "", "", "divert.room"}, {"<tel:+49301>", "", "", "divert.uri"},
			{"<sip:anna@127.0.0.1>", "", "", "divert.loop"}, {"<sip:wire@example.test>", "", "", "divert.room"},
		} {
			w := openWire(t, d.server, "anna")
			w.uri = "sip:anna@example.test"
			w.invite()
			last = phones["anna"].forward(named.Replace(c.contact), last)
			passes, want, status := strings.Contains(c.allowed, setting), "", "480"
			if passes {
				status, want = "486", named.Replace(c.out)
				if c.out == "" {
					ids["boris"] = phones["boris"].forward("", ids["boris"])
				}
			}
			if got, _ := w.answer(); got != status {
				t.Errorf("%s, %s: %s, want %s", setting, c.contact, w.said, status)
			}
			w.send("ACK", "invite", "")
			if got := strings.Join(slices.Compact(gw.was()), "; "); got != want {
				t.Errorf("%s, %s: the gateway was asked %q, want %q", setting, c.contact, got, want)
			}
			if !passes {
				rule := c.rule
				if setting == "off" && rule != "divert.uri" || rule == "" {
					rule = "calls.divert"
				}
				d.await(1, "the rule "+rule+" for "+c.contact, func(e event) bool {
					return e.is("sip: diversion not followed") && e["rule"] == rule && (e["caller"] == w.id || e["call"] == w.id)
				})
			}
		}
		d.idle()
	}
	if got := victim.was(); len(got) > 0 {
		t.Errorf("the victim was asked %q", got)
	}
}
