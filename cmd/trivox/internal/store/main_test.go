package store_test

import (
	"os"
	"testing"
)

// asChild in the environment makes the test binary a process that uses a database beside the tests: see child_test.go.
const asChild = "TRIVOX_STORE_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(asChild); what != "" {
		os.Exit(child(what, os.Args[1], os.Args[2]))
	}
	os.Exit(m.Run())
}
