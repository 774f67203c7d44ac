package phone

import (
	"testing"

	"go.uber.org/goleak"
)

// What an Agent starts ends with its Close. The server of the tests may wait
// for an ACK that came before it looked.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("trivox/cmd/trivox/internal/phone.(*uas).answer.func1"),
		// sipgo opens a socket for what it has to send after its Close, and never closes that one; sockets of ours are
		// read by another function.
		goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportUDP).readUDPConnection"))
}
