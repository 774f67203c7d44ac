package sip

import "time"

// serverPatience is how many T1 a server elsewhere may be silent before the call goes to the next one: 5 s with the usual
// T1. The last one has as long as any, 64*T1. (TR-9)
const serverPatience = 10

// serverFailed ends a branch that was refused by 503, or that nobody answered; a call elsewhere goes on at another server
// where there is one. rest is how long this one comes last in other calls. RFC 3263, 4.3 (TR-9)
func (d *dialog) serverFailed(r *Refusal, c Cause, rest time.Duration) {
	if e := d.calling.target.servers; e != nil && d.state == early {
		e.failed(rest)
		if d.goesOn(r, c) {
			d.drop(c)
			return
		}
	}
	d.notTaken(r, c)
}

// watch waits for a sign of life of a server that others can stand in for.
func (d *dialog) watch(v *invitation) {
	if e := d.calling.target.servers; e == nil || !e.more() {
		return
	}
	d.after(serverPatience*d.server.cfg.Timers.T1, func() {
		if c := d.calling; c != nil && c.invite == v && d.state == early && !v.alive() {
			d.unheard()
		}
	})
}

// unheard leaves a server that has not said anything. What it says later is that of a call which was cancelled. (TX-6)
func (d *dialog) unheard() {
	d.calling.target.servers.failed(restUsual)
	c := Cause{Code: 408, Text: "no answer from the server"}
	if d.goesOn(&Refusal{Code: 480, Warning: "the phone does not answer"}, c) {
		d.end(c)
	}
}

// goesOn lets another server have the branch; it reports whether there may be one. d is to end then. It is a call of its own
// to the next server, with a Call-ID, a leg and a record of its own: its sound may take another way.
func (d *dialog) goesOn(r *Refusal, c Cause) bool {
	call, b := d.calling, d.bridge
	e := call.target.servers
	if !e.more() {
		return false
	}
	d.log.Info("sip: the next server is called", "uri", call.target.uri.String(), "server", e.at.remote, "transport", e.at.network, "code", c.Code, "text", c.Text)
	b.caller.post(func() { b.again(d, call.index, r) })
	return true
}

// again calls the next server in place of phone; r is the answer of the branch if it has been given up.
func (b *bridge) again(phone *dialog, i int, r *Refusal) {
	if b.caller.state != early || !b.fork.tries(i) {
		b.failed(i, r)
		return
	}
	b.phones[i] = b.server.newCall(b, i)
	b.silent(phone)
}
