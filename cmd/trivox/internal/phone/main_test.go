package phone

import (
	"testing"

	"go.uber.org/goleak"
)

// What an Agent starts ends with its Close. The server of the tests may wait
// for an ACK that came before it looked.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("trivox/cmd/trivox/internal/phone.(*uas).answer.func1"))
}
