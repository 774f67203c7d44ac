package sip

import (
	"crypto/rand"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// newTag makes a tag with 80 random bits. RFC 3261, 19.3
func newTag() string { return rand.Text()[:16] }

// newResponse makes a response to req; reason "" means the phrase of RFC 3261. A body is set by
// the caller, who calls SetBody in any case. RFC 3261, 8.2.6
func (s *Server) newResponse(req *sipgo.Request, code int, reason, tag string) *sipgo.Response {
	res := sipgo.NewResponse(code, phrase(code, reason))
	if code < 300 && req.Method == sipgo.INVITE {
		sipgo.CopyHeaders("Record-Route", req, res)
	}
	sipgo.CopyHeaders("Via", req, res)
	if h := req.From(); h != nil {
		res.AppendHeader(sipgo.HeaderClone(h))
	}
	if h := req.To(); h != nil {
		to, _ := sipgo.HeaderClone(h).(*sipgo.ToHeader)
		if code > 100 && tag != "" {
			to.Params.Add("tag", tag)
		}
		res.AppendHeader(to)
	}
	if h := req.CallID(); h != nil {
		res.AppendHeader(h)
	}
	if h := req.CSeq(); h != nil {
		res.AppendHeader(sipgo.HeaderClone(h))
	}
	res.AppendHeader(sipgo.NewHeader("Server", s.cfg.Product))
	res.SetTransport(req.Transport())
	return res
}

// ok makes the 200 of a request without a body.
func (s *Server) ok(tx *serverTx, more ...sipgo.Header) {
	res := s.newResponse(tx.req, 200, "", tx.tag)
	for _, h := range more {
		res.AppendHeader(h)
	}
	res.SetBody(nil)
	tx.respond(res)
}

// refusal makes an error response that a person can read.
func (s *Server) refusal(req *sipgo.Request, tag string, r *Refusal) *sipgo.Response {
	code := r.Code
	if code < 300 || code > 699 {
		code = 500
	}
	reason := r.Reason
	if reason == "" && r.Rule != "" && r.Warning != "" { // phones show the phrase and not the Warning
		reason = phrase(code, "") + ": " + r.Text()
	}
	res := s.newResponse(req, code, reason, tag)
	if r.Warning != "" {
		res.AppendHeader(sipgo.NewHeader("Warning", warning(r.Warning, s.cfg.Product)))
	}
	if r.RetryAfter > 0 {
		res.AppendHeader(sipgo.NewHeader("Retry-After", seconds(r.RetryAfter)))
	}
	if code == 405 || code == 501 {
		res.AppendHeader(s.allow(req))
	}
	return res
}

// allow lists the methods that are served where the request came: REGISTER is not in dialogs.
func (s *Server) allow(req *sipgo.Request) sipgo.Header {
	if to := req.To(); s.registers() && to != nil && !to.Params.Has("tag") {
		return allowRegisterHeader
	}
	return allowHeader
}

// warning makes a Warning value: warn-code, agent, quoted text. RFC 3261, 20.43
func warning(text, agent string) string {
	code, rest := cutWarnCode(text)
	return code + " " + agent + " " + quoted(rest)
}

// cutWarnCode takes the warn-code off the text of a warning; 399 is that of one without.
func cutWarnCode(text string) (code, rest string) {
	code, rest, found := strings.Cut(text, " ")
	if n, err := strconv.Atoi(code); !found || err != nil || n < 300 || n > 399 {
		return "399", text
	}
	return code, rest
}

// quoted makes a quoted-string; line ends and control characters become spaces.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// reasonHeader tells why a dialog ends. RFC 3326
func reasonHeader(c Cause) sipgo.Header {
	code := c.Code
	if code < 200 || code > 699 {
		code = 200
	}
	text := c.Text
	if text == "" {
		text = phrase(code, "")
	}
	return sipgo.NewHeader("Reason", "SIP;cause="+strconv.Itoa(code)+";text="+quoted(text))
}
