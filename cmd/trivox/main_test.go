package main

import (
	"os"
	"testing"
)

// asProgram in the environment makes the test binary the program itself: the tests run real processes without a
// build of their own.
const asProgram = "TRIVOX_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}
