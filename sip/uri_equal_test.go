package sip

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// The examples of RFC 3261, 19.1.4, and what else the rules there say. (RG-2)
func TestEqualURI(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},

		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false}, // different user names
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},                              // can resolve to different ports
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},                     // can resolve to different transports
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},                // both
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},      // different headers
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},                        // even though that is what it resolves to
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},    // which shows that it is not transitive

		{"sip:bob@biloxi.com", "sips:bob@biloxi.com", false},
		{"sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com", false},
		{"sip:bob@biloxi.com;ttl=1", "sip:bob@biloxi.com", false},
		{"sip:bob@biloxi.com;user=phone", "sip:bob@biloxi.com", false},
		{"sip:bob:pw@biloxi.com", "sip:bob@biloxi.com", false},
		{"sip:biloxi.com", "sip:bob@biloxi.com", false},
		{"sip:a%3bb@biloxi.com", "sip:a%3Bb@biloxi.com", true},
		{"sip:a%3bb@biloxi.com", "sip:a;b@biloxi.com", false}, // reserved: not the same as its escape
		{"sip:a%2@biloxi.com", "sip:a%2@biloxi.com", true},
		{"sip:bob@[2001:DB8::1]", "sip:bob@[2001:db8:0::1]", true},
		{"sip:bob@[2001:db8::1]:5060", "sip:bob@[2001:db8::1]", false},
		{"sip:bob@h;lr", "sip:bob@h", true},
		{"sip:bob@h?a=1", "sip:bob@h?a=2", false},
		{"sip:bob@h?a=1&b=2", "sip:bob@h?a=1", false},
		{"tel:+1234", "tel:+1234", true},
		{"tel:+1234", "tel:+1235", false},
		{"tel:+1234", "sip:+1234@h", false},
	} {
		var a, b sipgo.Uri
		if err := sipgo.ParseUri(tt.a, &a); err != nil {
			t.Fatal(err)
		}
		if err := sipgo.ParseUri(tt.b, &b); err != nil {
			t.Fatal(err)
		}
		if equalURI(&a, &b) != tt.want || equalURI(&b, &a) != tt.want {
			t.Errorf("%s and %s: want %v", tt.a, tt.b, tt.want)
		}
		if !equalURI(&a, &a) {
			t.Errorf("%s is not like itself", tt.a)
		}
	}
}
