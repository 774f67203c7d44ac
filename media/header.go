package media

import "encoding/binary"

// rtpHeaderSize is the fixed part of an RTP header (RFC 3550, 5.1).
const rtpHeaderSize = 12

// header fields of one received RTP packet; slices alias it.
type rtpHeader struct {
	pt         uint8
	marker     bool
	seq        uint16
	timestamp  uint32
	ssrc       uint32
	extensions Extensions
	payload    []byte // without padding
}

// parseRTP checks what RFC 3550, A.1 asks of a header: version, and a length that holds what the
// header announces: contributing sources, extension and padding.
func parseRTP(b []byte) (h rtpHeader, ok bool) {
	if len(b) < rtpHeaderSize || b[0]>>6 != 2 {
		return h, false
	}
	h.marker = b[1]&0x80 != 0
	h.pt = b[1] & 0x7f
	h.seq = binary.BigEndian.Uint16(b[2:])
	h.timestamp = binary.BigEndian.Uint32(b[4:])
	h.ssrc = binary.BigEndian.Uint32(b[8:])
	rest := b[rtpHeaderSize:]
	sources := int(b[0]&0x0f) * 4
	if len(rest) < sources {
		return h, false
	}
	rest = rest[sources:]
	if b[0]&0x10 != 0 {
		if len(rest) < 4 {
			return h, false
		}
		size := int(binary.BigEndian.Uint16(rest[2:])) * 4
		if len(rest) < 4+size {
			return h, false
		}
		h.extensions = Extensions{Profile: binary.BigEndian.Uint16(rest), Body: rest[4 : 4+size]}
		rest = rest[4+size:]
	}
	if b[0]&0x20 != 0 {
		if len(rest) == 0 {
			return h, false
		}
		padding := int(rest[len(rest)-1])
		if padding == 0 || padding > len(rest) {
			return h, false
		}
		rest = rest[:len(rest)-padding]
	}
	h.payload = rest
	return h, true
}

// appendRTP appends a header without extension.
func appendRTP(dst []byte, pt uint8, marker bool, seq uint16, timestamp, ssrc uint32) []byte {
	second := pt & 0x7f
	if marker {
		second |= 0x80
	}
	dst = append(dst, 2<<6, second)
	dst = binary.BigEndian.AppendUint16(dst, seq)
	dst = binary.BigEndian.AppendUint32(dst, timestamp)
	return binary.BigEndian.AppendUint32(dst, ssrc)
}
