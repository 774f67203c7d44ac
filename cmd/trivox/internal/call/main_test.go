package call

import (
	"testing"

	"go.uber.org/goleak"
)

// What a call starts ends with it. The phone of the tests may wait for an ACK
// that came before it looked.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("trivox/cmd/trivox/internal/call.(*echo).serve.func1"))
}
