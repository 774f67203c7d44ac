package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// A client says what it has to say and nothing of how its SIP stack counts connections.
func TestClientsSayNothingOfTheirStack(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	for _, network := range []string{"udp", "tcp"} {
		uri := s.room("tea")
		if network == "tcp" {
			uri = "sip:tea@" + s.address("sip", "tcp", false).String() + ";transport=tcp"
		}
		for _, args := range [][]string{{"call", uri, "--seconds", "1"}, {"load", uri, "--legs", "1", "--seconds", "1"}} {
			var out, errs bytes.Buffer
			cmd := command(t, args...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v", strings.Join(args, " "), err)
			}
			for _, text := range []string{"negative", "WARN", "level="} {
				if strings.Contains(out.String()+errs.String(), text) {
					t.Errorf("%s prints %s:\n%s%s", strings.Join(args, " "), strconv.Quote(text), out.String(), errs.String())
				}
			}
		}
	}
}
