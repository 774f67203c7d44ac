package jitter

import "time"

// Packet is one received RTP packet of audio, past the checks of RFC 3550, A.1.
type Packet struct {
	Timestamp uint32        // RTP timestamp of its first sample
	Seq       uint16        // RTP sequence number
	SSRC      uint32        // RTP synchronisation source
	PT        uint8         // RTP payload type
	Marker    bool          // RTP marker: first packet of a talkspurt
	Arrival   time.Duration // when the kernel received it, since the worker's epoch
	Payload   []byte        // without header, extensions and padding
	Amplitude uint16        // RMS of its sound, 65535 = full scale
	Voiced    bool          // its sound was above the noise gate
	Samples   int           // RTP clock units it lasts
	Level     int8          // RFC 6464 level in -dBov, 0 to 127, or -1 when it carries none
}
