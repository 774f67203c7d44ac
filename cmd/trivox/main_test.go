package main

import (
	"io"
	"os"
	"runtime"
	"testing"
)

// asProgram in the environment makes the test binary the program itself: the tests run real processes without a
// build of their own.
const asProgram = "TRIVOX_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		go dieWithTests()
		main()
		return
	}
	// The phones of the tests must speak in time while something else is judged or coded.
	runtime.GOMAXPROCS(runtime.NumCPU() + 8)
	os.Exit(m.Run())
}

// dieWithTests ends the program when the tests are gone, however they ended: they hold the other end of its input.
func dieWithTests() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(9)
}
