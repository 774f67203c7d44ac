package main

import (
	"flag"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"

	"trivox/cmd/trivox/internal/phone"
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
	phone.Quiet()
	// Tests wait for sound most of the time: more of them run at once than there are processors, unless -parallel says otherwise.
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.NumCPU()))); err != nil {
		panic(err)
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
