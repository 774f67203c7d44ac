package sip

import (
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// scanners are what programs call themselves that look for servers to break into. Nobody's telephone does.
var scanners = [...]string{
	"friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan", "sipscan", "sipcli", "sipsak",
	"vaxsipuseragent", "pplsip", "siparmyknife", "sivus",
}

// isScanner says whether a request says that it comes from a scanner. (SE-6)
func isScanner(req *sipgo.Request) bool {
	for _, h := range req.GetHeaders("user-agent") {
		name := strings.ToLower(h.Value())
		for _, s := range scanners {
			if strings.Contains(name, s) {
				return true
			}
		}
	}
	return false
}
