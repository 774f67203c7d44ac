package phone

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// proofs is how often one request is sent with credentials: once, and again
// when the nonce was too old.
const proofs = 2

// preferred are the algorithms in the order in which a challenge is taken,
// whatever the server's order: who changes that on the way shall gain nothing.
// RFC 8760, 2.4
var preferred = []string{"SHA-256", "SHA-512-256", "MD5"}

// prove gives the header that answers a challenge to req, or nil when there is
// none that can be answered or it has been answered before. tries counts how
// often credentials were sent. RFC 3261, 22.2 and 22.3; RFC 7616, 3.4
func (a *Agent) prove(req *sip.Request, res *sip.Response, tries int) sip.Header {
	ask, answer := "WWW-Authenticate", "Authorization"
	switch res.StatusCode {
	case sip.StatusUnauthorized:
	case sip.StatusProxyAuthRequired:
		ask, answer = "Proxy-Authenticate", "Proxy-Authorization"
	default:
		return nil
	}
	if a.cfg.Password == "" || tries >= proofs {
		return nil
	}
	c := challenge(res.GetHeaders(ask))
	if c == nil || tries > 0 && !c.Stale {
		return nil
	}
	user, _ := a.name()
	proof, err := digest.Digest(c, digest.Options{
		Method: req.Method.String(), URI: req.Recipient.String(), Username: user, Password: a.cfg.Password, Count: 1,
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body())), nil },
	})
	if err != nil {
		return nil
	}
	return sip.NewHeader(answer, proof.String())
}

// challenge chooses among those of a response; nil when none can be answered.
func challenge(headers []sip.Header) *digest.Challenge {
	var best *digest.Challenge
	least := len(preferred)
	for _, h := range headers {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil || !digest.CanDigest(c) {
			continue
		}
		algorithm := strings.ToUpper(c.Algorithm)
		if algorithm == "" {
			algorithm = "MD5" // RFC 7616, 3.3
		}
		if i := slices.Index(preferred, algorithm); i >= 0 && i < least {
			best, least = c, i
		}
	}
	return best
}
