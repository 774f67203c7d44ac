package phone

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Register binds the agent's address to aor ("sip:anna@example.com") at a
// registrar ("sip:192.0.2.1:5060"), or frees it when expires is 0. It answers
// challenges and returns the final response, whatever that says; the error
// tells that there was none. RFC 3261, 10.2
func (a *Agent) Register(ctx context.Context, registrar, aor string, expires time.Duration) (*sip.Response, error) {
	to, err := parseTarget(aor)
	if err != nil {
		return nil, err
	}
	at, err := parseTarget(registrar)
	if err != nil {
		return nil, err
	}
	at.User = ""
	a.mu.Lock()
	if a.regCallID == "" {
		a.regCallID = sip.GenerateTagN(20) + "@" + a.addr.Addr().String()
	}
	callID := sip.CallIDHeader(a.regCallID)
	a.mu.Unlock()
	var proof sip.Header
	for tries := 0; ; tries++ {
		req := sip.NewRequest(sip.REGISTER, at)
		from := sip.FromHeader{Address: to}
		from.Params.Add("tag", sip.GenerateTagN(12))
		hops := sip.MaxForwardsHeader(70)
		for _, h := range []sip.Header{&from, &sip.ToHeader{Address: to}, &callID, &sip.CSeqHeader{SeqNo: a.regSeq.Add(1), MethodName: sip.REGISTER}, &hops,
			a.contact(to.Scheme), sip.NewHeader("Expires", strconv.Itoa(int(expires/time.Second))), sip.NewHeader("Allow", allow)} {
			req.AppendHeader(h)
		}
		if proof != nil {
			req.AppendHeader(proof)
		}
		req.SetTransport(a.network())
		req.SetBody(nil)
		res, err := a.client.Do(ctx, req)
		if err != nil {
			return nil, fmt.Errorf("phone: REGISTER %s: %w", req.Recipient.String(), err)
		}
		if proof = a.prove(req, res, tries); proof == nil {
			return res, nil
		}
	}
}
