package media

// Extensions is the header extension of one RTP packet, as it came.
type Extensions struct {
	Profile uint16
	Body    []byte
}

// Profiles of RFC 8285, 4.2 and 4.3; the low four bits of the latter belong to the application.
const (
	oneByteProfile = 0xbede
	twoByteProfile = 0x1000
)

// Find returns the element with this id. Elements with other ids are passed over; padding is;
// id 15 of the one-byte form ends the search, as does an element longer than what is left
// (RFC 8285, 4.2). The slice aliases Body.
func (e Extensions) Find(id uint8) ([]byte, bool) {
	switch {
	case id == 0:
		return nil, false
	case e.Profile == oneByteProfile:
		return findOneByte(e.Body, id)
	case e.Profile&0xfff0 == twoByteProfile:
		return findTwoByte(e.Body, id)
	}
	return nil, false
}

func findOneByte(b []byte, id uint8) ([]byte, bool) {
	for len(b) > 0 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		this, size := b[0]>>4, int(b[0]&0x0f)+1
		if this == 15 || len(b) < 1+size {
			return nil, false
		}
		if this == id {
			return b[1 : 1+size], true
		}
		b = b[1+size:]
	}
	return nil, false
}

func findTwoByte(b []byte, id uint8) ([]byte, bool) {
	for len(b) > 0 {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil, false
		}
		if b[0] == id {
			return b[2 : 2+int(b[1])], true
		}
		b = b[2+int(b[1]):]
	}
	return nil, false
}

// Level is a client-to-mixer audio level (RFC 6464): how loud the sender says that his packet is.
type Level struct {
	Voice bool  // the sender heard voice in it; meaningful only where vad=on was agreed
	DBov  uint8 // 0 the loudest to 127 silence, in -dBov
}

// ParseLevel reads the element of RFC 6464, 3. Its first byte counts: the two-byte form may pad.
func ParseLevel(element []byte) (Level, bool) {
	if len(element) == 0 {
		return Level{}, false
	}
	return Level{Voice: element[0]&0x80 != 0, DBov: element[0] & 0x7f}, true
}

// appendLevel appends a whole header extension that holds only the level, by the one-byte form.
func appendLevel(dst []byte, id uint8, l Level) []byte {
	b := l.DBov & 0x7f
	if l.Voice {
		b |= 0x80
	}
	return append(dst, oneByteProfile>>8, oneByteProfile&0xff, 0, 1, id<<4, b, 0, 0)
}
