package config

import (
	"fmt"
	"io"
	"reflect"
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
		b.WriteString(wrap("#", s.meaning()))
		fmt.Fprintf(&b, "%s = %s\n", name, formatValue(s.of(&c)))
	}
	for _, t := range tables() {
		b.WriteString("\n" + wrap("#", t.meaning()))
		fmt.Fprintf(&b, "#\n# [[%s]]\n", t.key)
		row := reflect.ValueOf(exampleRoom())
		for _, s := range t.columns {
			b.WriteString(wrap("#   #", s.meaning()))
			fmt.Fprintf(&b, "#   %s = %s\n", strings.TrimPrefix(s.key, t.key+"."), formatValue(s.in(row)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// exampleRoom is the table that is printed.
func exampleRoom() Room {
	r := DefaultRoom()
	r.Match = "board-*"
	return r
}

// meaning is what a setting is for, what it may be, and whether it waits for the next start.
func (s setting) meaning() string {
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
	return text
}

// wrap makes comment lines of text, each with begin before it.
func wrap(begin, text string) string {
	var b strings.Builder
	line := begin
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > lineWidth {
			b.WriteString(line + "\n")
			line = begin
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
