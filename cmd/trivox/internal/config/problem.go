package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a setting.
type Problem struct {
	Where string // "trivox.toml:12", "--rtp-ports", or "default"
	Key   string // "rtp.ports"; empty when the file cannot be read as TOML
	Value string // as it would stand in the file
	Mend  string // what to do
}

func (p Problem) Error() string {
	out := ""
	if p.Where != "" {
		out = p.Where + ": "
	}
	if p.Key == "" {
		return out + p.Mend
	}
	out += p.Key
	if p.Value != "" {
		out += " " + p.Value
	}
	return out + ": " + p.Mend
}

// Problems is everything that is wrong, in the order of the file. It is never empty when it is an error.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// err is p as an error, nil when there is nothing wrong.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// add appends a problem of one key; the places are filled in by whoever knows them.
func (p *Problems) add(key, value, mend string, args ...any) {
	*p = append(*p, Problem{Key: key, Value: value, Mend: fmt.Sprintf(mend, args...)})
}
