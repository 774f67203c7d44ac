// Package jsonfile writes what a load has found out, for programs to read: the flag --json.
package jsonfile

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Write writes v to the file, indented; "-" is stdout, and "" nothing at all.
func Write(file string, v any, stdout io.Writer) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("load: --json: %w", err)
	}
	b = append(b, '\n')
	if file == "-" {
		_, err = stdout.Write(b)
	} else {
		err = os.WriteFile(file, b, 0o644)
	}
	if err != nil {
		return fmt.Errorf("load: --json %q: %w", file, err)
	}
	return nil
}
