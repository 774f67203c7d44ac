package load

import (
	"fmt"
	"net/netip"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/media/codec"
)

// Options is the command line of `trivox load`.
type Options struct {
	URI         string  `arg:"" name:"uri" help:"Conference to call: sip:room@host[:port]. %d in the user part stands for the conference's number; without it the number is appended when there are several."`
	Legs        int     `default:"10" help:"Callers in all, spread evenly over the conferences."`
	Talkers     int     `default:"-1" placeholder:"3" help:"Callers of each conference that talk, all where fewer call; the others send soft noise."`
	Codec       string  `default:"PCMU" help:"PCMU, PCMA, G722 or opus."`
	Seconds     int     `default:"20" help:"How long to measure once everybody is in."`
	Conferences int     `default:"1" help:"How many conferences to call."`
	Ramp        float64 `default:"50" help:"Calls a second."`
	Pauses      bool    `help:"Talkers pause as people do (ITU-T P.59) instead of talking throughout."`
	Levels      bool    `help:"Offer and send audio levels (RFC 6464)."`
	Bitrate     int     `default:"32000" help:"Bit rate of Opus, bit/s."`
	Seed        uint64  `default:"1" help:"Seed of all that is drawn by chance."`
	Threads     int     `default:"0" help:"Threads that send: 1 or 2; 0 takes 2 from 2,000 callers on."`
	Transport   string  `enum:",udp,tcp,tls" default:"" help:"udp, tcp or tls for SIP. Default: what the URI says, else udp."`
	User        string  `default:"load" help:"Who calls: a name, or of a domain NAME@DOMAIN."`
	LocalRTP    string  `name:"local-rtp" help:"Address to send and receive sound at. Default: the one that leads to the server."`
	ServerPID   int     `name:"server-pid" help:"Process of the server on this machine: report its CPU and memory, children included."`
	JSON        string  `name:"json" help:"Write the report as JSON to this file, - for standard output."`
	phone.Access
}

// plan is Options checked.
type plan struct {
	Options
	target target
	codec  codec.Codec
	local  netip.Addr    // invalid: to be found
	settle time.Duration // between the last answer and the window
}

const (
	slot     = 20 * time.Millisecond
	maxLegs  = 20000
	maxSteps = 24 * 3600 // seconds of one run

	anyTalkers   = -1 // the flag is not given
	usualTalkers = 3  // then, or all where fewer call
)

func (o Options) check() (plan, error) {
	p := plan{Options: o, settle: 2 * time.Second}
	var err error
	if p.target, err = parseTarget(o.URI); err != nil {
		return p, err
	}
	var ok bool
	if p.codec, ok = codec.ByName(o.Codec); !ok {
		return p, fmt.Errorf("load: --codec %q: need PCMU, PCMA, G722 or opus", o.Codec)
	}
	if o.Talkers == anyTalkers {
		conferences := max(o.Conferences, 1)
		o.Talkers = max(0, min(usualTalkers, (o.Legs+conferences-1)/conferences))
		p.Talkers = o.Talkers
	}
	for _, c := range []struct {
		flag      string
		have      float64
		low, high float64
	}{
		{"legs", float64(o.Legs), 1, maxLegs},
		{"conferences", float64(o.Conferences), 1, float64(o.Legs)},
		{"talkers", float64(o.Talkers), 0, float64(o.Legs)},
		{"seconds", float64(o.Seconds), 1, maxSteps},
		{"ramp", o.Ramp, 0.1, 10000},
		{"threads", float64(o.Threads), 0, 2},
		{"bitrate", float64(o.Bitrate), 6000, 510000},
		{"server-pid", float64(o.ServerPID), 0, 1 << 30},
	} {
		if !(c.have >= c.low && c.have <= c.high) {
			return p, fmt.Errorf("load: --%s %v: need %v to %v", c.flag, c.have, c.low, c.high)
		}
	}
	if p.Threads == 0 {
		p.Threads = 1 + p.Legs/2000
		p.Threads = min(p.Threads, 2)
	}
	if p.Transport == "" {
		p.Transport = phone.Transport(p.target.uri(1, 1))
	}
	if o.LocalRTP != "" {
		if p.local, err = netip.ParseAddr(o.LocalRTP); err != nil {
			return p, fmt.Errorf("load: --local-rtp %q: need an IP address", o.LocalRTP)
		}
	}
	return p, nil
}

// keep is how much of the sound before the end is listened to: enough to hold
// talk when talkers pause.
func (p plan) keep() time.Duration {
	keep := time.Second
	if p.Pauses {
		keep = 4 * time.Second
	}
	return min(keep, time.Duration(p.Seconds)*time.Second)
}
