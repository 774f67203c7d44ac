package config

import (
	"fmt"
	"io"
	"strings"
)

// lineWidth is where comments of the printed file are broken.
const lineWidth = 100

// Print writes the default file: every key with what it means, what it may be, and whether a reload takes it.
// Parse of it gives Default.
func Print(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# The settings of trivox, each with its default: delete what you do not change.\n" +
		"# Start with it by `trivox serve --config FILE`; judge it with `trivox config check FILE`.\n" +
		"# SIGHUP reloads it: calls that are up keep what they have, later ones follow the new settings;\n" +
		"# settings marked \"restart\" wait for the next start.\n")
	c := Default()
	section := ""
	for _, s := range settings() {
		name := s.key
		if before, after, ok := strings.Cut(s.key, "."); ok {
			name = after
			if before != section {
				section = before
				fmt.Fprintf(&b, "\n[%s]\n", section)
			}
		}
		text := s.field.Tag.Get("doc")
		var notes []string
		if tag := s.field.Tag.Get("range"); tag != "" {
			notes = append(notes, rangeText(tag))
		}
		if tag := s.field.Tag.Get("oneof"); tag != "" && !strings.Contains(text, strings.Fields(tag)[0]) {
			notes = append(notes, "of "+strings.Join(strings.Fields(tag), ", "))
		}
		if s.field.Tag.Get("reload") == "restart" {
			notes = append(notes, "restart")
		}
		if len(notes) > 0 {
			text += " (" + strings.Join(notes, "; ") + ")"
		}
		b.WriteString(wrap(text))
		fmt.Fprintf(&b, "%s = %s\n", name, formatValue(s.of(&c)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap makes comment lines of text.
func wrap(text string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > lineWidth {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
