package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"trivox/cmd/trivox/internal/policy"
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

	setting *setting // of a table, and where the value goes
	into    reflect.Value
	place   bool   // nothing to set: the place alone counts
	mend    string // what is wrong, without looking further
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
	for _, f := range collect(c, tree, lines(b), known) {
		if len(wrong) == maxProblems {
			wrong = append(wrong, Problem{Where: name, Mend: "and more: mend these first"})
			break
		}
		where := fmt.Sprintf("%s:%d", name, f.line)
		switch {
		case f.mend != "":
			wrong = append(wrong, Problem{Where: where, Key: bare(f.key), Mend: f.mend})
			continue
		case f.setting == nil && !f.place:
			wrong = append(wrong, Problem{Where: where, Key: bare(f.key), Mend: unknown(bare(f.key), everyKey(bare(f.key)))})
			continue
		}
		at[f.key] = where
		if f.place {
			continue
		}
		if err := assign(f.into, f.value); err != nil {
			wrong = append(wrong, Problem{Where: where, Key: bare(f.key), Value: show(*f.setting, f.value), Mend: err.Error()})
		}
	}
	return at, wrong
}

// everyKey lists the settings and those of tables; those of the table that key is in come first.
func everyKey(key string) []setting {
	known := settings()
	for _, t := range tables() {
		if strings.HasPrefix(key, t.key+".") {
			known = append(slices.Clone(t.columns), known...)
		} else {
			known = append(known, t.columns...)
		}
	}
	return known
}

// collect lists what stands in the file by line, and where in c it goes.
func collect(c *Config, tree map[string]any, line map[string]int, known []setting) []found {
	var out []found
	for _, t := range tables() {
		if value, ok := tree[t.key]; ok {
			out = append(out, t.spread(c, value, line)...)
			delete(tree, t.key)
		}
	}
	for _, f := range flatten(tree, line, known) {
		if i := slices.IndexFunc(known, func(s setting) bool { return s.key == f.key }); i >= 0 {
			f.setting, f.into = &known[i], known[i].of(c)
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.key, b.key))
	})
	return out
}

// flatten lists the keys of tree. A table that is no section of ours is given as one key.
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
	return out
}

// lines gives the line on which each key of b first stands. b is TOML that has been parsed before.
func lines(b []byte) map[string]int {
	out := map[string]int{}
	var p unstable.Parser
	p.Reset(b)
	row, upTo := 1, 0         // keys come in the order of the file: each newline is counted once
	count := map[string]int{} // of the tables of a list, so far
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
			first(out, key, row)
			if n.Kind == unstable.ArrayTable && it.IsLast() {
				count[key]++
			}
			if i := count[key]; i > 0 { // what follows is about the latest of them
				key += fmt.Sprintf("[%d]", i-1)
				first(out, key, row)
			}
		}
		if n.Kind == unstable.KeyValue {
			noteInline(key, n.Value(), note, func(key string) { first(out, key, row) })
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

// first keeps the first line of a key.
func first(line map[string]int, key string, row int) {
	if _, seen := line[key]; !seen {
		line[key] = row
	}
}

// noteInline goes through the keys of a table that stands in braces, or of a list of such tables.
func noteInline(key string, value *unstable.Node, note func(string, *unstable.Node) string, here func(key string)) {
	switch value.Kind {
	case unstable.InlineTable:
		for it := value.Children(); it.Next(); {
			note(key+".", it.Node())
		}
	case unstable.Array:
		i := 0
		for it := value.Children(); it.Next(); i++ {
			if it.Node().Kind == unstable.InlineTable {
				at := fmt.Sprintf("%s[%d]", key, i)
				here(at)
				noteInline(at, it.Node(), note, here)
			}
		}
	}
}

// show gives a value as it stands in the file, but no secret.
func show(s setting, value any) string {
	switch s.field.Type {
	case reflect.TypeFor[Secret](), reflect.TypeFor[DSN](), reflect.TypeFor[policy.PIN]():
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
