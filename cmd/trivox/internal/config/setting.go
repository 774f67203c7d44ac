package config

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"trivox/cmd/trivox/internal/policy"
)

// setting is one key of the file and the field of Config, or of a table's struct, that holds it.
type setting struct {
	key   string // such as "rtp.ports"
	field reflect.StructField
	index []int
}

// of gives the setting's place in c.
func (s setting) of(c *Config) reflect.Value { return s.in(reflect.ValueOf(c).Elem()) }

// in gives its place in the struct it belongs to.
func (s setting) in(v reflect.Value) reflect.Value { return v.FieldByIndex(s.index) }

// settings lists every setting, in the order of the file, but those of tables (tables).
func settings() []setting { return slices.DeleteFunc(everything(), setting.isTable) }

// everything is settings with the lists of tables.
func everything() []setting { return walk(nil, "", nil, reflect.TypeFor[Config]()) }

func walk(list []setting, prefix string, index []int, t reflect.Type) []setting {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int{}, index...), i)
		key := prefix + f.Tag.Get("toml")
		if f.Tag.Get("reload") == "" { // a section
			list = walk(list, key+".", at, f.Type)
			continue
		}
		list = append(list, setting{key: key, field: f, index: at})
	}
	return list
}

// assign sets v from what TOML gave: a string, an integer, a boolean, or a list of them. The error says what is wanted.
func assign(v reflect.Value, from any) error {
	if v.Kind() == reflect.Slice {
		list, ok := from.([]any)
		if !ok {
			return fmt.Errorf("need a list in brackets, e.g. [%s]", example(v.Type().Elem()))
		}
		out := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i, e := range list {
			if err := assign(out.Index(i), e); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			out = reflect.Zero(v.Type())
		}
		v.Set(out)
		return nil
	}
	switch from := from.(type) {
	case string:
		return assignText(v, from)
	case int64:
		if v.Type() == reflect.TypeFor[int]() && !v.OverflowInt(from) {
			v.SetInt(from)
			return nil
		}
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(from)
			return nil
		}
	}
	return fmt.Errorf("need %s", example(v.Type()))
}

// assignText sets v from the text of a quoted value.
func assignText(v reflect.Value, s string) error {
	switch to := v.Addr().Interface().(type) {
	case *time.Duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("need %s", example(v.Type()))
		}
		*to = d
	case *string:
		*to = s
	case encoding.TextUnmarshaler:
		if err := to.UnmarshalText([]byte(s)); err != nil {
			if !strings.HasPrefix(v.Type().PkgPath(), "trivox/") { // ours say what is wanted
				return fmt.Errorf("need %s", example(v.Type()))
			}
			return err
		}
	default:
		return fmt.Errorf("need %s", example(v.Type()))
	}
	return nil
}

// example describes a value of type t to somebody who wrote another.
func example(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return `a time with its unit in quotes, e.g. "90s", "30m" or "12h"`
	case reflect.TypeFor[Listen]():
		return `"127.0.0.1:5060"`
	case reflect.TypeFor[CertFiles]():
		return `"fullchain.pem,key.pem"`
	case reflect.TypeFor[Ports]():
		return `a range in quotes, e.g. "10000-19999"`
	case reflect.TypeFor[DSCP]():
		return `a name or number in quotes, e.g. "EF"`
	case reflect.TypeFor[Network]():
		return `"192.168.0.0/16"`
	case reflect.TypeFor[Public]():
		return `"10.0.0.5=203.0.113.9"`
	case reflect.TypeFor[policy.Who]():
		return `"users"`
	case reflect.TypeFor[policy.Dial]():
		return `"*@pbx.example.com"`
	case reflect.TypeFor[policy.PIN]():
		return `4 to 16 digits in quotes, e.g. "2718"`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false, without quotes"
	case reflect.Int:
		if t.PkgPath() != "" {
			return `a level in quotes: "debug", "info", "warn" or "error"`
		}
		return "a whole number, without quotes"
	}
	return "a text in quotes"
}

// formatValue writes v as TOML does. Texts must be plain ASCII, as all defaults are.
func formatValue(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = formatValue(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return strconv.Quote(formatDuration(x))
	case slog.Level:
		return strconv.Quote(strings.ToLower(x.String()))
	case fmt.Stringer:
		return strconv.Quote(x.String())
	case string:
		return strconv.Quote(x)
	}
	return fmt.Sprint(v.Interface())
}

// formatDuration is d.String() without the noughts at its end: "30m", not "30m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
