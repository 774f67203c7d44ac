package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 18

// maxProblems bounds how many things that are wrong are listed.
const maxProblems = 20

// maxShown bounds how much of a wrong value an error repeats, in bytes.
const maxShown = 80

// places says where each setting was set: key to "file:line" or "--flag".
type places map[string]string

// found is one key of a file with what stands there.
type found struct {
	key   string
	value any
	line  int
}

// parse sets c from the TOML text b; name stands before the line in errors. It changes only the settings that b
// names, and gives their places. Whether the values go together is for Check to say.
func parse(c *Config, name string, b []byte) (places, Problems) {
	if len(b) > maxFile {
		return nil, Problems{{Where: name, Mend: fmt.Sprintf("larger than %d bytes: not a configuration file of trivox", maxFile)}}
	}
	var tree map[string]any
	if err := toml.Unmarshal(b, &tree); err != nil {
		where, text := name, strings.TrimPrefix(err.Error(), "toml: ")
		if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
			row, column := at.Position()
			where = fmt.Sprintf("%s:%d", name, row)
			text += fmt.Sprintf(" (column %d)", column)
		}
		return nil, Problems{{Where: where, Mend: "not TOML: " + text}}
	}

	known := settings()
	at := places{}
	var wrong Problems
	for _, f := range flatten(tree, lines(b), known) {
		if len(wrong) == maxProblems {
			wrong = append(wrong, Problem{Where: name, Mend: "and more: mend these first"})
			break
		}
		where := fmt.Sprintf("%s:%d", name, f.line)
		i := slices.IndexFunc(known, func(s setting) bool { return s.key == f.key })
		if i < 0 {
			wrong = append(wrong, Problem{Where: where, Key: f.key, Mend: unknown(f.key, known)})
			continue
		}
		at[f.key] = where
		if err := assign(known[i].of(c), f.value); err != nil {
			wrong = append(wrong, Problem{Where: where, Key: f.key, Value: show(known[i], f.value), Mend: err.Error()})
		}
	}
	return at, wrong
}

// flatten lists the keys of tree by line. A table that is no section of ours is given as one key.
func flatten(tree map[string]any, line map[string]int, known []setting) []found {
	var out []found
	var into func(prefix string, table map[string]any)
	into = func(prefix string, table map[string]any) {
		for name, value := range table {
			key := prefix + name
			section := slices.ContainsFunc(known, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
			if sub, ok := value.(map[string]any); ok && section {
				into(key+".", sub)
				continue
			}
			out = append(out, found{key: key, value: value, line: line[key]})
		}
	}
	into("", tree)
	slices.SortFunc(out, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.key, b.key))
	})
	return out
}

// lines gives the line on which each key of b first stands. b is TOML that has been parsed before.
func lines(b []byte) map[string]int {
	out := map[string]int{}
	var p unstable.Parser
	p.Reset(b)
	row, upTo := 1, 0 // keys come in the order of the file: each newline is counted once
	var note func(prefix string, n *unstable.Node) string
	note = func(prefix string, n *unstable.Node) string {
		key := strings.TrimSuffix(prefix, ".")
		for it := n.Key(); it.Next(); {
			if key != "" {
				key += "."
			}
			key += string(it.Node().Data)
			start := max(upTo, int(it.Node().Raw.Offset))
			row += bytes.Count(b[upTo:start], []byte("\n"))
			upTo = start
			if _, seen := out[key]; !seen {
				out[key] = row
			}
		}
		if n.Kind == unstable.KeyValue && n.Value().Kind == unstable.InlineTable {
			for it := n.Value().Children(); it.Next(); {
				note(key+".", it.Node())
			}
		}
		return key + "."
	}
	section := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			section = note("", e)
		case unstable.KeyValue:
			note(section, e)
		}
	}
	return out
}

// show gives a value as it stands in the file, but no secret.
func show(s setting, value any) string {
	switch s.of(new(Config)).Interface().(type) {
	case Secret, DSN:
		return ""
	}
	out := fmt.Sprintf("%v", value)
	if text, ok := value.(string); ok {
		out = fmt.Sprintf("%q", text)
	} else if list, ok := value.([]any); ok {
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = fmt.Sprintf("%v", e)
			if text, ok := e.(string); ok {
				parts[i] = fmt.Sprintf("%q", text)
			}
		}
		out = "[" + strings.Join(parts, ", ") + "]"
	}
	if len(out) > maxShown {
		out = strings.ToValidUTF8(out[:maxShown], "") + "..."
	}
	return out
}

// unknown says what to do about a key that does not exist, naming the one that was likely meant.
func unknown(key string, known []setting) string {
	best, least := "", 3 // further than two letters is no slip of the hand
	for _, s := range known {
		last := s.key[strings.LastIndexByte(s.key, '.')+1:]
		if d := min(distance(key, s.key), distance(key[strings.LastIndexByte(key, '.')+1:], last)); d < least {
			best, least = s.key, d
		}
	}
	if best != "" {
		return fmt.Sprintf("no such key; did you mean %s?", best)
	}
	return "no such key; `trivox config` prints all there are"
}

// distance counts the letters to add, drop or change to make b of a; names longer than any key of ours are far off.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
