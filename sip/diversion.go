package sip

import (
	"slices"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// diversion is that a call went on from one address to another. RFC 5806, 4
type diversion struct {
	uri    sipgo.Uri // from whom
	reason string    // one of diversionReasons
	hidden bool      // he is not to be named
}

// diversionReasons are those that phones and gateways know. RFC 5806, 4
var diversionReasons = [...]string{
	"unknown", "user-busy", "no-answer", "unavailable", "unconditional", "time-of-day", "do-not-disturb", "deflection", "follow-me",
	"out-of-service", "away",
}

// readDiversion takes from an answer that diverts a call why, and whether its user is not to be named. Of the Diversion that
// phones may put there, nothing else is believed.
func readDiversion(res *sipgo.Response) diversion {
	v := diversion{reason: "unknown", hidden: wantsPrivacy(res)}
	h := res.GetHeader("diversion")
	if h == nil {
		return v
	}
	first, _, _ := cutValue([]byte(h.Value()))
	a, ok := readAddress(first)
	if !ok {
		return v
	}
	for it := (params{a.params}); ; {
		name, value, more, ok := it.next()
		if !more || !ok {
			return v
		}
		text := strings.ToLower(strings.Trim(string(value), `"`))
		switch strings.ToLower(string(name)) {
		case "reason":
			if slices.Contains(diversionReasons[:], text) {
				v.reason = text
			}
		case "privacy":
			v.hidden = v.hidden || text != "off" && text != "name" // no name is told anyhow
		}
	}
}

// appendDiversions tells who is called by whom the call came there, the last one first. RFC 5806, 4
func appendDiversions(req *sipgo.Request, list []diversion) {
	for _, v := range slices.Backward(list) {
		if !v.hidden {
			req.AppendHeader(sipgo.NewHeader("Diversion", "<"+v.uri.String()+">;reason="+v.reason+";counter=1"))
		}
	}
}
