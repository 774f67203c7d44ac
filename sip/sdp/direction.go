package sdp

// Direction says who sends in a stream, seen from the side that writes it.
type Direction uint8

// The directions of RFC 3264, 5.1. The zero value is the default of SDP.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	}
	return "sendrecv"
}

// Sends reports whether the writer sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the writer receives.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same stream seen from the other end.
func (d Direction) Reverse() Direction { return direction(d.Receives(), d.Sends()) }

// And is what both allow.
func (d Direction) And(e Direction) Direction {
	return direction(d.Sends() && e.Sends(), d.Receives() && e.Receives())
}

func direction(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

// direction of a media line: its own attribute, else the session's, else
// sendrecv (RFC 3264, 5.1; OA-1).
func (d *Description) direction(m *MediaLine) Direction {
	for _, list := range [][]Attribute{m.Attributes, d.Attributes} {
		for _, a := range list {
			switch a.Name {
			case "sendrecv":
				return SendRecv
			case "sendonly":
				return SendOnly
			case "recvonly":
				return RecvOnly
			case "inactive":
				return Inactive
			}
		}
	}
	return SendRecv
}
