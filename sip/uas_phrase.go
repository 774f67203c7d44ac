package sip

import "strings"

// phrases are the reason phrases of the codes that are sent here. RFC 3261, 21; RFC 4028, 6; RFC 5626, 11.6; RFC 6086, 4.2.2
var phrases = [...]struct {
	code int
	text string
}{
	{100, "Trying"},
	{180, "Ringing"},
	{183, "Session Progress"},
	{200, "OK"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{410, "Gone"},
	{413, "Request Entity Too Large"},
	{415, "Unsupported Media Type"},
	{416, "Unsupported URI Scheme"},
	{420, "Bad Extension"},
	{422, "Session Interval Too Small"},
	{423, "Interval Too Brief"},
	{439, "First Hop Lacks Outbound Support"},
	{469, "Bad Info Package"},
	{480, "Temporarily Unavailable"},
	{481, "Call/Transaction Does Not Exist"},
	{482, "Loop Detected"},
	{483, "Too Many Hops"},
	{484, "Address Incomplete"},
	{486, "Busy Here"},
	{487, "Request Terminated"},
	{488, "Not Acceptable Here"},
	{491, "Request Pending"},
	{500, "Server Internal Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{504, "Server Time-out"},
	{505, "Version Not Supported"},
	{600, "Busy Everywhere"},
	{603, "Decline"},
}

// phrase is reason on one line, or when that is empty the usual phrase for code.
func phrase(code int, reason string) string {
	if reason != "" {
		return strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, reason)
	}
	for _, p := range phrases {
		if p.code == code {
			return p.text
		}
	}
	switch {
	case code < 300:
		return "OK"
	case code < 400:
		return "Redirected"
	case code < 500:
		return "Request Failed"
	case code < 600:
		return "Server Failure"
	}
	return "Global Failure"
}
