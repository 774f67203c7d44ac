package sdp

import "fmt"

// Warning codes of RFC 3261, 20.43.
const (
	WarnNetwork   = 300 // incompatible network protocol
	WarnAddress   = 301 // incompatible network address formats
	WarnTransport = 302 // incompatible transport protocol
	WarnMedia     = 304 // media type not available
	WarnFormat    = 305 // incompatible media format
	WarnParameter = 307 // session description parameter not understood
)

// Refusal says why a description was not taken: a 488 with this Warning code
// and text (RFC 3261, 20.43). The text is for people and holds no quotes.
type Refusal struct {
	Warning int
	Text    string
}

func (r *Refusal) Error() string { return fmt.Sprintf("sdp: %s (warning %d)", r.Text, r.Warning) }

func refuse(warning int, format string, args ...any) *Refusal {
	return &Refusal{Warning: warning, Text: fmt.Sprintf(format, args...)}
}
