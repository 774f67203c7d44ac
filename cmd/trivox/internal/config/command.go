package config

import (
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// Command is `trivox config`: it prints the default file, or judges one.
type Command struct {
	Print PrintCommand `cmd:"" default:"1" help:"Print every setting with its default and its meaning."`
	Check CheckCommand `cmd:"" help:"Judge a file."`
}

// PrintCommand is `trivox config print`.
type PrintCommand struct{}

// Run prints the default file.
func (PrintCommand) Run(k *kong.Context) error { return Print(k.Stdout) }

// CheckCommand is `trivox config check FILE`.
type CheckCommand struct {
	File string `arg:"" help:"The file to judge."`
}

// Run says that the file is good, and what it will warn about, or everything that is wrong with it.
func (c CheckCommand) Run(k *kong.Context) error { return c.judge(k.Stdout, SystemLimits()) }

func (c CheckCommand) judge(w io.Writer, l Limits) error {
	loaded, err := Load(c.File, Flags{})
	if err != nil {
		return err
	}
	for _, warning := range loaded.Warnings(l) {
		fmt.Fprintln(w, "warning:", warning)
	}
	_, err = fmt.Fprintln(w, c.File+": good")
	return err
}
