package sip

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestMayHaveToTag(t *testing.T) {
	const head, end = "INVITE sip:tea@example.com SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\n", "\r\nCall-ID: 1\r\n\r\nTo: x;tag=1"
	for field, want := range map[string]bool{
		"To: <sip:tea@example.com>":              false,
		"t:<sip:tea@example.com>":                false,
		"TO : sip:tea@example.com\r\n ;x=y":      false,
		"To: <sip:tea@example.com>;tag=2":        true,
		"t: sip:tea@example.com;TAG=2":           true,
		"To: <sip:tea@example.com>\r\n\t; tag=2": true,
		"To: sip:stage@example.com":              true, // in doubt
		"Subject: tag":                           true, // there is no To
	} {
		if got := mayHaveToTag([]byte(head + field + end)); got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
	if !mayHaveToTag([]byte(head + "To: <sip:tea@example.com>")) {
		t.Error("a message without end may go on with anything")
	}
}

// Nothing that belongs to a dialog is taken for new.
func FuzzMayHaveToTag(f *testing.F) {
	for _, s := range []string{"To: <sip:a@b>;tag=1", "t: a <sip:b>\r\n ;tag=1", "To: \"tag\" <sip:a@b>", "To: sip:a@b", "TO\t:\r\n sip:a@b;x;tag=1", "to: <sip:a@b;tag=1>;y=\"\\\"\""} {
		f.Add([]byte(change("To:", s)))
	}
	m := NewEdge(EdgeConfig{}).newMender()
	f.Fuzz(func(t *testing.T, b []byte) {
		req, ok := m.mend(append([]byte(nil), b...), peer, false).message.(*sipgo.Request)
		if ok && req.To() != nil && req.To().Params.Has("tag") && !mayHaveToTag(b) {
			t.Errorf("taken for new:\n%q", b)
		}
	})
}
