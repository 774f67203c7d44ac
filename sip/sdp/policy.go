package sdp

import "fmt"

// Policy says what is done about SRTP with keys in SDP (SE-1).
type Policy uint8

// The policies.
const (
	Off      Policy = iota // sound goes in clear; a=crypto is not looked at, RTP/SAVP is refused
	Offered                // encrypted for who asks for it, in clear for everybody else
	Required               // whoever cannot encrypt is refused
)

func (p Policy) String() string {
	switch p {
	case Offered:
		return "offered"
	case Required:
		return "required"
	}
	return "off"
}

// ParsePolicy reads what String writes.
func ParsePolicy(text string) (Policy, error) {
	for _, p := range []Policy{Off, Offered, Required} {
		if text == p.String() {
			return p, nil
		}
	}
	return Off, fmt.Errorf("srtp %q: need off, offered or required", text)
}
