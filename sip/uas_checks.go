package sip

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Causes of the context that Rooms.Enter gets.
var (
	errCancelled = errors.New("sip: the caller cancelled")
	errHungUp    = errors.New("sip: the call was hung up before it was answered")
)

// builtMethods is what this server serves; Allow lists it and nothing else.
var builtMethods = [...]sipgo.RequestMethod{
	sipgo.INVITE, sipgo.ACK, sipgo.BYE, sipgo.CANCEL, sipgo.OPTIONS, sipgo.INFO, sipgo.UPDATE,
}

// knownMethods exist in RFCs but are not built: 405 says so, 501 is for names nobody knows.
var knownMethods = [...]sipgo.RequestMethod{
	sipgo.REGISTER, sipgo.SUBSCRIBE, sipgo.NOTIFY, sipgo.REFER, sipgo.MESSAGE, sipgo.PRACK, sipgo.PUBLISH,
}

// Headers that never change are made once and shared by all messages; nobody writes to them.
var (
	allowHeader          = sipgo.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE")
	allowRegisterHeader  = sipgo.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REGISTER")
	supportedHeader      = sipgo.NewHeader("Supported", "timer")
	supportedAllHeader   = sipgo.NewHeader("Supported", "timer, path, outbound") // of a registrar
	acceptHeader         = sipgo.NewHeader("Accept", "application/sdp")
	acceptEncodingHeader = sipgo.NewHeader("Accept-Encoding", "identity")
	contentSDPHeader     = sipgo.NewHeader("Content-Type", "application/sdp")
	requireTimerHeader   = sipgo.NewHeader("Require", "timer")
	recvInfoHeader       = sipgo.NewHeader("Recv-Info", "")
	acceptInfoHeader     = sipgo.NewHeader("Accept", "application/dtmf-relay, application/dtmf")
)

const headerValuesMax = 64 // values of one list header that are looked at

// unservable does the checks of RFC 3261, 8.2 in their order: method, Request-URI, loops,
// extensions (UA-1). Content is checked by whoever reads it. nil: serve it.
func (s *Server) unservable(tx *serverTx) (*Refusal, []sipgo.Header) {
	req := tx.req
	if v := req.SipVersion; !strings.EqualFold(v, "SIP/2.0") {
		return &Refusal{Code: 505, Warning: "only SIP/2.0 is spoken here"}, nil
	}
	if why := unfit(req); why != "" {
		return &Refusal{Code: 400, Warning: why}, nil
	}
	if !s.isBuilt(req) {
		for _, m := range knownMethods {
			if m == req.Method {
				return &Refusal{Code: 405, Warning: string(m) + " is not served here"}, nil
			}
		}
		return &Refusal{Code: 501, Warning: "method not known"}, nil
	}
	switch req.Recipient.Scheme {
	case "sip":
	case "sips":
		if tx.flow.network() != networkTLS { // which every hop is to be. RFC 3261, 26.2.2 (SE-5)
			// Not 416, which has callers try again by sip, in clear (8.1.3.5). RFC 5630, 5.3
			return &Refusal{Code: 480, Warning: "380 SIPS Not Allowed: a sips URI is served by TLS alone"}, nil
		}
	default:
		return &Refusal{Code: 416, Warning: "only sip URIs are rooms"}, nil
	}
	if tx.isMerged() {
		return &Refusal{Code: 482, Warning: "this request came before by another way"}, nil
	}
	if unknown := unknownOptions(req); len(unknown) > 0 {
		tags := strings.Join(unknown, ", ")
		return &Refusal{Code: 420, Warning: "extensions not known: " + tags},
			[]sipgo.Header{sipgo.NewHeader("Unsupported", tags)}
	}
	if n := len(req.Body()); n > s.cfg.Limits.Body {
		s.count.limited.Add(1)
		return &Refusal{Code: 413, Warning: "the body is too large"}, nil
	}
	return nil, nil
}

// unfit names what is wrong in a request that the parser let through; "" is fine. (TR-7)
func unfit(req *sipgo.Request) string {
	if len(req.Recipient.Headers) > 0 {
		return "headers in the Request-URI" // RFC 3261, 19.1.1: not allowed there
	}
	var from, to, callID, cseq, forwards, length int
	for _, h := range req.Headers() {
		switch h.(type) {
		case *sipgo.FromHeader:
			from++
		case *sipgo.ToHeader:
			to++
		case *sipgo.CallIDHeader:
			callID++
		case *sipgo.CSeqHeader:
			cseq++
		case *sipgo.MaxForwardsHeader:
			forwards++
		case *sipgo.ContentLengthHeader:
			length++
		}
	}
	switch {
	case from > 1:
		return "more than one From"
	case to > 1:
		return "more than one To"
	case callID > 1:
		return "more than one Call-ID"
	case cseq > 1:
		return "more than one CSeq"
	case forwards > 1:
		return "more than one Max-Forwards"
	case length > 1:
		return "more than one Content-Length"
	}
	return ""
}

// unknownOptions lists every option tag of Require that is not built. RFC 3261, 8.2.2.3
func unknownOptions(req *sipgo.Request) []string {
	built := [...]string{"timer", "path", "outbound"}
	most := 1
	if req.Method == sipgo.REGISTER {
		most = len(built)
	}
	var unknown []string
	for v := range listValues(req, "require") {
		if !slices.ContainsFunc(built[:most], func(b string) bool { return strings.EqualFold(b, v) }) {
			unknown = append(unknown, v)
		}
	}
	return unknown
}

// listValues yields the comma-separated values of all headers called name (lower case).
func listValues(m interface{ GetHeaders(string) []sipgo.Header }, name string) func(func(string) bool) {
	return func(yield func(string) bool) {
		n := 0
		for _, h := range m.GetHeaders(name) {
			for v := range strings.SplitSeq(h.Value(), ",") {
				v = strings.TrimSpace(v)
				if v == "" {
					continue
				}
				if n++; n > headerValuesMax || !yield(v) {
					return
				}
			}
		}
	}
}

// hasOption says whether the list header name (or its compact form) holds the option tag.
func hasOption(m interface{ GetHeaders(string) []sipgo.Header }, name, compact, option string) bool {
	for v := range listValues(m, name) {
		if strings.EqualFold(v, option) {
			return true
		}
	}
	if compact == "" {
		return false
	}
	for v := range listValues(m, compact) {
		if strings.EqualFold(v, option) {
			return true
		}
	}
	return false
}

// sessionHeaders reads what a message says about the session timer. RFC 4028
func sessionHeaders(m interface{ GetHeaders(string) []sipgo.Header }) sessionAsk {
	var a sessionAsk
	for _, name := range [...]string{"session-expires", "x"} {
		if hs := m.GetHeaders(name); len(hs) > 0 {
			a.expires, a.refresher = parseSessionExpires(hs[0].Value())
			break
		}
	}
	if hs := m.GetHeaders("min-se"); len(hs) > 0 {
		a.minSE = min(parseDeltaSeconds(hs[0].Value()), 24*time.Hour)
	}
	a.supported = hasOption(m, "supported", "k", "timer") || hasOption(m, "require", "", "timer")
	return a
}

// room is the user part of a Request-URI, percent-decoded (DESIGN 10). What cannot be decoded
// stands as it is.
func room(uri *sipgo.Uri) string {
	user := uri.User
	if uri.Password != "" {
		user += ":" + uri.Password
	}
	if u, err := url.PathUnescape(user); err == nil {
		return u
	}
	return user
}

// unquote takes the escapes out of a display name. RFC 3261, 25.1 (quoted-pair)
func unquote(name string) string {
	if !strings.Contains(name, "\\") {
		return name
	}
	var b strings.Builder
	escaped := false
	for _, r := range name {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}
