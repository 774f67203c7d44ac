package sip

import (
	"bytes"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// staleAfter is how long a new request may have waited in the buffer of its socket to be looked at while the server is
// behind: half of the time after which it comes again. RFC 3261, 17.1.1.2
const staleAfter = 250 * time.Millisecond

// stale says that nothing is to be read of a datagram that came then: while even the reader is behind, it would find the
// requests of calls that are up too late if it first said 503 to all that is new. Whoever is not answered asks again after
// 500 ms. It is asked for each datagram.
func (s *Server) stale(b []byte, came time.Time) bool {
	var in *backlog
	switch {
	case bytes.HasPrefix(b, []byte(sipgo.INVITE+" ")):
		in = s.calls
	case bytes.HasPrefix(b, []byte(sipgo.REGISTER+" ")):
		in = s.registrations
	}
	return in != nil && in.behind.Load() && time.Since(came) > staleAfter && !mayHaveToTag(b)
}

// mayHaveToTag says that a request belongs to a dialog, as far as can be told without parsing it: in doubt it does.
func mayHaveToTag(b []byte) bool {
	found := false
	for in := false; len(b) > 0; {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		if line = bytes.TrimRight(line, "\r"); len(line) == 0 {
			return !found
		}
		if line[0] != ' ' && line[0] != '\t' { // else it goes on with the field before
			name, value, _ := bytes.Cut(line, []byte(":"))
			name = bytes.TrimRight(name, " \t")
			in = bytes.EqualFold(name, []byte("To")) || bytes.EqualFold(name, []byte("t"))
			line = value
		}
		if !in {
			continue
		}
		found = true
		if bytes.Contains(bytes.ToLower(line), []byte("tag")) { // or a room called so
			return true
		}
	}
	return true // it has no end
}
