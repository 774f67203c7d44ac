package main

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"trivox/media"
	"trivox/media/codec"
)

// packetTime is how long each packet lasts.
const packetTime = 20 * time.Millisecond

// source says from where and as whom a voice speaks.
type source struct {
	socket *net.UDPConn
	to     netip.AddrPort
	ssrc   uint32
	seq    uint16
	time   uint32
}

// voice sends one RTP stream: a packet every 20 ms, all the time, as desk phones do.
type voice struct {
	t       testing.TB
	codec   codec.Codec
	encoder codec.Encoder
	say     atomic.Pointer[sound]
	late    atomic.Int64 // nanoseconds: the most that a packet left after its time
	quit    chan struct{}
	done    chan source // gets where it stopped, once
	ended   bool
	last    source
}

// speak begins to send.
func speak(t testing.TB, from source, c codec.Codec, what sound) *voice {
	t.Helper()
	e, err := c.NewEncoder(codec.Settings{Complexity: 5})
	if err != nil {
		t.Fatal(err)
	}
	v := &voice{t: t, codec: c, encoder: e, quit: make(chan struct{}), done: make(chan source, 1)}
	v.say.Store(&what)
	go v.run(from)
	t.Cleanup(func() { v.stop() })
	return v
}

// newSource is a source at a socket with an SSRC of its own.
func newSource(socket *net.UDPConn, to netip.AddrPort) source {
	return source{socket: socket, to: to, ssrc: rand.Uint32(), seq: uint16(rand.Uint32N(1 << 15)), time: rand.Uint32()}
}

// stop ends the stream and gives where it ended, so that another voice can go on there.
func (v *voice) stop() source {
	if !v.ended {
		close(v.quit)
		v.last, v.ended = <-v.done, true
	}
	return v.last
}

func (v *voice) run(s source) {
	runtime.LockOSThread() // for ever: the thread ends with the voice, since others should not run before their turn
	_ = media.Realtime()   // where it is not allowed, a machine that is busy is heard
	defer func() { v.done <- s }()
	payload, n := make([]byte, codec.MaxPayload), samples(packetTime, v.codec.SampleRate)
	due := media.Now()
	for i := 0; ; i++ {
		select {
		case <-v.quit:
			return
		default:
		}
		size, err := v.encoder.Encode(payload, (*v.say.Load()).pcm(i*n, n, v.codec.SampleRate))
		if err != nil {
			v.t.Errorf("encode: %v", err)
			return
		}
		p := rtp.Packet{Header: rtp.Header{Version: 2, Marker: i == 0, PayloadType: uint8(v.codec.PayloadType),
			SequenceNumber: s.seq, Timestamp: s.time, SSRC: s.ssrc}, Payload: payload[:size]}
		b, err := p.Marshal()
		if err != nil {
			v.t.Errorf("RTP: %v", err)
			return
		}
		_, _ = s.socket.WriteToUDPAddrPort(b, s.to) // refused when the other side has just gone: so are phones
		s.seq, s.time = s.seq+1, s.time+uint32(samples(packetTime, v.codec.ClockRate))
		if late := int64(media.Now() - due); late > v.late.Load() {
			v.late.Store(late)
		}
		due += packetTime
		media.SleepUntil(due)
	}
}
