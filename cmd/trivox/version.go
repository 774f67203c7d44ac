package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// release is the version of this source.
const release = "0.1.0"

// version is the release, with the revision it was built from where Go knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return release + "+" + s.Value[:12]
		}
	}
	return release
}

// versionCommand is `trivox version`.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(k *kong.Context) error {
	_, err := fmt.Fprintf(k.Stdout, "trivox %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
