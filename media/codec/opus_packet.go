package codec

// opusPacket is what the headers of an Opus packet say (RFC 6716, 3).
type opusPacket struct {
	config byte   // 0 to 31, table 2
	stereo bool   //
	frames int    // 1 to 48
	first  []byte // the first frame; may be empty (DTX)
}

const maxOpusFrame = 1275 // RFC 6716, 3.2.1

// parseOpus reads a packet's headers and checks R1 to R7 of RFC 6716, 3.4.
func parseOpus(b []byte) (p opusPacket, ok bool) {
	if len(b) == 0 { // R1
		return p, false
	}
	p.config, p.stereo = b[0]>>3, b[0]&4 != 0
	body := b[1:]
	switch b[0] & 3 {
	case 0:
		p.frames, p.first = 1, body
	case 1:
		if len(body)%2 != 0 { // R3
			return p, false
		}
		p.frames, p.first = 2, body[:len(body)/2]
	case 2:
		n, rest, ok := opusLength(body)
		if !ok || n > len(rest) || len(rest)-n > maxOpusFrame { // R4
			return p, false
		}
		p.frames, p.first = 2, rest[:n]
	case 3:
		if p.frames, p.first, ok = parseOpusMany(body); !ok {
			return p, false
		}
	}
	if len(p.first) > maxOpusFrame || p.frames*p.frameSamples() > 5760 { // R2, R5
		return p, false
	}
	return p, true
}

// parseOpusMany reads a code 3 packet after its first octet (RFC 6716, 3.2.5).
func parseOpusMany(b []byte) (frames int, first []byte, ok bool) {
	if len(b) == 0 { // R6, R7
		return 0, nil, false
	}
	vbr, padded := b[0]&0x80 != 0, b[0]&0x40 != 0
	frames, b = int(b[0]&0x3f), b[1:]
	if frames == 0 || frames > 48 { // R5: 120 ms of 2.5
		return 0, nil, false
	}
	for padded {
		if len(b) == 0 {
			return 0, nil, false
		}
		n := int(b[0])
		b = b[1:]
		if padded = n == 255; padded {
			n = 254
		}
		if n > len(b) {
			return 0, nil, false
		}
		b = b[:len(b)-n]
	}
	if !vbr {
		n := len(b) / frames
		return frames, b[:n], len(b)%frames == 0 // R6
	}
	sum, size := 0, 0
	for i := range frames - 1 {
		n, rest, ok := opusLength(b)
		if !ok {
			return 0, nil, false
		}
		if i == 0 {
			size = n
		}
		sum, b = sum+n, rest
	}
	if sum > len(b) || len(b)-sum > maxOpusFrame { // R7
		return 0, nil, false
	}
	if frames == 1 {
		size = len(b)
	}
	return frames, b[:size], true
}

// opusLength reads a frame length (RFC 6716, 3.2.1).
func opusLength(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) == 0 || b[0] >= 252 && len(b) < 2:
		return 0, nil, false
	case b[0] < 252:
		return int(b[0]), b[1:], true
	}
	return int(b[1])*4 + int(b[0]), b[2:], true
}

// frameSamples is the length of one frame at 48 kHz (RFC 6716, table 2).
func (p opusPacket) frameSamples() int {
	switch {
	case p.config < 12: // SILK
		return [4]int{480, 960, 1920, 2880}[p.config&3]
	case p.config < 16: // hybrid
		return [2]int{480, 960}[p.config&1]
	}
	return 120 << (p.config & 3) // CELT
}

// hasLBRR tells whether the packet carries a low-rate copy of the frame before
// it. The bits are the first that the range coder reads, each of probability
// 1/2, and so stand plainly in the first octet (RFC 6716, 4.2.3 and 4.2.4).
func (p opusPacket) hasLBRR() bool {
	if p.config >= 16 || len(p.first) == 0 {
		return false
	}
	n := max(1, p.frameSamples()/960) // SILK frames, each with a voice-activity bit before the flag
	if p.first[0]>>(7-n)&1 != 0 {
		return true
	}
	return p.stereo && p.first[0]>>(6-2*n)&1 != 0
}
