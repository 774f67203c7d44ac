package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// table is a list of tables, [[room]], and the settings that each of them has.
type table struct {
	setting
	columns []setting // their keys have the table's before them: "room.match"
}

// isTable says whether a setting is a list of tables: of structs that are not read from one text.
func (s setting) isTable() bool {
	t := s.field.Type
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct &&
		!reflect.PointerTo(t.Elem()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// tables lists every one.
func tables() []table {
	var out []table
	for _, s := range everything() {
		if !s.isTable() {
			continue
		}
		t := table{setting: s}
		for i := range s.field.Type.Elem().NumField() {
			f := s.field.Type.Elem().Field(i)
			t.columns = append(t.columns, setting{key: s.key + "." + f.Tag.Get("toml"), field: f, index: []int{i}})
		}
		out = append(out, t)
	}
	return out
}

// empty is a table in which nothing is set.
func (t table) empty() reflect.Value {
	v := reflect.New(t.field.Type.Elem()).Elem()
	if _, ok := v.Interface().(Room); ok {
		v.Set(reflect.ValueOf(DefaultRoom()))
	}
	return v
}

// cell names a key of the table at that place of the list: "room[2].match".
func (t table) cell(i int, s setting) string {
	return fmt.Sprintf("%s[%d]%s", t.key, i, strings.TrimPrefix(s.key, t.key))
}

// bare is the key of a cell for people: the line says which table it is in.
func bare(key string) string {
	open, shut := strings.IndexByte(key, '['), strings.IndexByte(key, ']')
	if open < 0 || shut < open {
		return key
	}
	if _, err := strconv.Atoi(key[open+1 : shut]); err != nil {
		return key
	}
	return key[:open] + key[shut+1:]
}

// spread makes the list in c as long as the file's, and lists its cells. What cannot be is told by mend.
func (t table) spread(c *Config, value any, line map[string]int) []found {
	list, ok := value.([]any)
	if !ok {
		return []found{{key: t.key, line: line[t.key], mend: t.mend()}}
	}
	rows := reflect.MakeSlice(t.field.Type, len(list), len(list))
	out := []found{{key: t.key, line: line[t.key], place: true}}
	for i, e := range list {
		row, ok := e.(map[string]any)
		if !ok {
			return []found{{key: t.key, line: line[t.key], mend: t.mend()}}
		}
		rows.Index(i).Set(t.empty())
		here := fmt.Sprintf("%s[%d]", t.key, i)
		out = append(out, found{key: here, line: line[here], place: true})
		for name, value := range row {
			f := found{key: here + "." + name, value: value, line: line[here+"."+name]}
			for _, s := range t.columns {
				if s.key == t.key+"."+name {
					f.setting, f.into = &s, s.in(rows.Index(i))
				}
			}
			out = append(out, f)
		}
	}
	if len(list) == 0 {
		rows = reflect.Zero(t.field.Type)
	}
	t.of(c).Set(rows)
	return out
}

func (t table) mend() string { return fmt.Sprintf("need tables, each begun by a line [[%s]]", t.key) }
