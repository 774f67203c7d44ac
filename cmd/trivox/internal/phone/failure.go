package phone

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Failure is a request that got a final answer other than 2xx.
type Failure struct {
	Method string
	URI    string
	Code   int    // SIP status
	Reason string // the phrase beside it
	Text   string // what the peer added in Reason or Warning
}

func (f *Failure) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", f.Method, f.URI, f.Code, f.Reason)
	if f.Text != "" {
		s += " (" + f.Text + ")"
	}
	return s
}

func failure(req *sip.Request, res *sip.Response) *Failure {
	f := &Failure{Method: req.Method.String(), URI: req.Recipient.String(), Code: res.StatusCode, Reason: res.Reason}
	_, f.Text = reasonOf(res)
	if h := res.GetHeader("Warning"); h != nil && f.Text == "" {
		f.Text = quoted(h.Value())
	}
	if h := res.GetHeader("Retry-After"); h != nil {
		f.Text = strings.TrimSpace(f.Text + " try again after " + h.Value() + " s")
	}
	if c := res.Contact(); c != nil && res.IsRedirection() {
		f.Text = strings.TrimSpace(f.Text + " dial " + c.Address.String())
	}
	return f
}

type headers interface{ GetHeader(name string) sip.Header }

// reasonOf reads the Reason header (RFC 3326): its cause and its text.
func reasonOf(m headers) (cause int, text string) {
	h := m.GetHeader("Reason")
	if h == nil {
		return 0, ""
	}
	v := h.Value()
	if _, rest, ok := strings.Cut(strings.ToLower(v), "cause="); ok {
		fmt.Sscanf(rest, "%d", &cause)
	}
	return cause, quoted(v)
}

// quoted is what stands between the first two double quotes.
func quoted(s string) string {
	_, s, ok := strings.Cut(s, `"`)
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, `"`)
	return s
}
