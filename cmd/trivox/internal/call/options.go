// Package call is "trivox call": one call to a conference, or to any phone, from
// the command line.
package call

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"trivox/cmd/trivox/internal/phone"
	"trivox/cmd/trivox/internal/wav"
	"trivox/media"
	"trivox/media/codec"
	"trivox/sip/sdp"
)

// Exit codes of Run.
const (
	Heard  = 0 // the call got through and RTP was heard
	Failed = 1 // refused, no answer, or nothing heard
	Usage  = 2 // the options make no sense
)

// Options of the command.
type Options struct {
	URI        string  `arg:"" name:"uri" help:"Whom to call, e.g. sip:tea@127.0.0.1, \"sip:tea@127.0.0.1:5070;transport=tcp\" or sips:tea@example.com."`
	Play       string  `help:"Play this WAV (16 bit, any rate), then comfort noise." placeholder:"FILE.wav"`
	Loop       bool    `help:"Play it over and over."`
	Tone       float64 `help:"Play a sine of so many hertz instead." placeholder:"HZ"`
	Record     string  `help:"Record what is heard into this WAV." placeholder:"FILE.wav"`
	Codec      string  `help:"Offer this codec only: opus, G722, PCMU or PCMA." placeholder:"NAME"`
	Complexity int     `help:"Complexity of the Opus encoder, 0 to 10." default:"5"`
	Seconds    float64 `help:"Hang up after so long; else at Ctrl-C or when the other side does." placeholder:"N"`
	DTMF       string  `name:"dtmf" help:"Press these keys, a second after sound begins." placeholder:"12#"`
	Transport  string  `help:"udp, tcp or tls; else what the URI says, else udp." placeholder:"NAME"`
	User       string  `help:"Who calls: a name, or of a domain NAME@DOMAIN." default:"trivox"`
	SRTP       string  `name:"srtp" help:"Encrypt the sound: off, offered or required. Keys go in SDP, in clear but by TLS." default:"off" placeholder:"WHEN"`
	Local      string  `help:"Our address, when the machine's own choice is wrong." placeholder:"ADDR"`
	Wait       float64 `help:"Seconds to wait for an answer." default:"20"`
	phone.Access
}

// amplitude of --tone: 20 dB below full scale, as a sine.
const toneAmplitude = 3277

// plan is what Options come down to.
type plan struct {
	Options
	codecs    []codec.Codec
	transport string
	phone     phone.Config // of it, who calls and who is believed
	srtp      sdp.Policy
	local     netip.Addr      // invalid: to be found
	sounds    map[int][]int16 // what is played, at the rate of each codec
	wait      time.Duration
	length    time.Duration // 0: no limit
}

// plan checks everything that can be checked before the call.
func (o Options) plan() (plan, error) {
	p := plan{Options: o, codecs: codec.All(), transport: strings.ToLower(o.Transport)}
	if o.Codec != "" {
		c, ok := codec.ByName(o.Codec)
		if !ok {
			return p, fmt.Errorf("--codec %s: need opus, G722, PCMU or PCMA", o.Codec)
		}
		p.codecs = []codec.Codec{c}
	}
	if p.transport == "" {
		p.transport = phone.Transport(o.URI)
	}
	switch p.transport {
	case "", "udp", "tcp", "tls":
	default:
		return p, fmt.Errorf("--transport %s: need udp, tcp or tls", p.transport)
	}
	p.phone = phone.Config{Transport: p.transport, User: o.User, UserAgent: "trivox-call"}
	err := o.Access.Apply(&p.phone)
	if err != nil {
		return p, err
	}
	if o.SRTP != "" {
		if p.srtp, err = sdp.ParsePolicy(o.SRTP); err != nil {
			return p, fmt.Errorf("--%w", err)
		}
	}
	if o.Local != "" {
		if p.local, err = netip.ParseAddr(o.Local); err != nil || p.local.IsUnspecified() {
			return p, fmt.Errorf("--local %s: need the address of one interface, e.g. 127.0.0.1", o.Local)
		}
	}
	if p.length, err = seconds("--seconds", o.Seconds); err != nil {
		return p, err
	}
	if p.wait, err = seconds("--wait", o.Wait); err != nil {
		return p, err
	}
	if p.wait == 0 {
		p.wait = 20 * time.Second
	}
	if o.Complexity < 0 || o.Complexity > 10 {
		return p, fmt.Errorf("--complexity %d: need 0 to 10", o.Complexity)
	}
	if o.DTMF != "" {
		d, err := media.NewDialer(8000, slot, digitLength, digitPause)
		if err == nil {
			err = d.Dial(o.DTMF)
		}
		if err != nil {
			return p, fmt.Errorf("--dtmf %s: %w", o.DTMF, err)
		}
	}
	return p, p.load()
}

// load checks and reads what is to be played.
func (p *plan) load() error {
	switch {
	case p.Tone != 0 && p.Play != "":
		return errors.New("--play and --tone: one of them, not both")
	case p.Tone != 0 && !(p.Tone >= 20 && p.Tone <= 20000):
		return fmt.Errorf("--tone %v: need 20 to 20000 Hz", p.Tone)
	case p.Play == "" && p.Loop:
		return errors.New("--loop: needs --play FILE.wav")
	case p.Play != "" && p.Play == p.Record:
		return errors.New("--play and --record: need two different files")
	case p.Play == "":
		return nil
	}
	sound, err := wav.Read(p.Play)
	if err != nil {
		return fmt.Errorf("--play: %w", err)
	}
	p.sounds = make(map[int][]int16) // now: once the call is up there is no time for it
	for _, c := range codec.All() {
		if p.sounds[c.SampleRate] == nil {
			p.sounds[c.SampleRate] = sound.At(c.SampleRate).PCM
		}
	}
	return nil
}

func seconds(name string, v float64) (time.Duration, error) {
	if !(v >= 0 && v < 1e7) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s %v: need a number of seconds, 0 or more", name, v)
	}
	return time.Duration(v * float64(time.Second)), nil
}
