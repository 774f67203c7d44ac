// Package media carries sound between a leg and the conference server: RTP port pairs and
// sockets, RTP sessions (RFC 3550), their reports, telephone events (RFC 4733) and playout.
//
// Sockets and clocks are at the edge, in ports.go, socket.go, sweep.go and clock.go. All else is
// pure: bytes, addresses and the present time go in; packets, events and bytes come out. Time is
// a time.Duration since an arbitrary epoch (Now), the same for every caller of one process.
//
// The ways of a packet, as a media worker goes them:
//
//	Sweeper.Sweep -> Session.Receive -> Playout.Push | Digits.Receive
//	Session.Build -> Sweeper.Send
//	Session.ReceiveRTCP, Session.Report: the same for the control port
//
// Nothing on these ways allocates, but for the reports of a leg encrypted by AES-GCM. Every type here but Ports belongs to one goroutine at a time.
package media
