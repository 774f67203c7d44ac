package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Flags are the settings that the command line takes; each that is given replaces the file's. The tags are kong's.
type Flags struct {
	Config    string   `name:"config" placeholder:"FILE" help:"Settings, in TOML; 'trivox config' prints them all."`
	Domain    []string `name:"domain" placeholder:"NAME" help:"Domain served; repeatable, the first names conferences."`
	SIP       []string `name:"sip" placeholder:"ADDR:PORT" help:"Address for SIP, UDP and TCP; udp/, tcp/ or tls/ before it means that one alone. Repeatable."`
	Cert      []string `name:"certificate" sep:"none" placeholder:"CERT,KEY" help:"Certificate for TLS and its key, PEM files. Repeatable."`
	HTTP      []string `name:"http" placeholder:"ADDR:PORT" help:"Address for the API, metrics and health. Repeatable."`
	RTPPorts  string   `name:"rtp-ports" placeholder:"LOW-HIGH" help:"UDP ports for sound."`
	Advertise []string `name:"advertise" placeholder:"[LOCAL=]PUBLIC" help:"Public address, of all interfaces or of one. Repeatable."`
	Allow     []string `name:"allow" placeholder:"NETWORK" help:"Network that may call. Repeatable."`
	Data      string   `name:"data" placeholder:"DIR" help:"Directory of users, registrations and records; without it they are in memory."`
}

// Load gives the defaults, changed by the file at path (none when it is empty) and then by the flags, and checked.
// The error is a Problems that names everything wrong, each with its place. Flags.Config is not looked at.
func Load(path string, flags Flags) (Config, error) {
	c := Default()
	at := places{}
	var wrong Problems
	if path != "" {
		b, err := read(path)
		if err != nil {
			return Config{}, err
		}
		at, wrong = parse(&c, path, b)
	}
	if len(wrong) > 0 {
		return Config{}, wrong
	}
	if wrong := flags.apply(&c, at); len(wrong) > 0 {
		return Config{}, wrong
	}
	if wrong := c.problems(); len(wrong) > 0 {
		return Config{}, wrong.placed(at)
	}
	return c, nil
}

// Parse is Load of a file's text without flags; name stands for the file in errors.
func Parse(name string, b []byte) (Config, error) {
	c := Default()
	at, wrong := parse(&c, name, b)
	if len(wrong) > 0 {
		return Config{}, wrong
	}
	if wrong := c.problems(); len(wrong) > 0 {
		return Config{}, wrong.placed(at)
	}
	return c, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Problems{{Where: path, Mend: fmt.Sprintf("no such file; make one with: trivox config > %s", path)}}
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return b, nil
}

// apply sets c from the flags that were given, and notes their places.
func (f Flags) apply(c *Config, at places) Problems {
	// Each flag is one value or a list of them.
	one := func(text string) []string {
		if text == "" {
			return nil
		}
		return []string{text}
	}
	var wrong Problems
	known := settings()
	for _, flag := range []struct {
		name, key string
		values    []string
		list      bool
	}{
		{"--domain", "domains", f.Domain, true},
		{"--sip", "sip.listen", f.SIP, true},
		{"--certificate", "tls.certificates", f.Cert, true},
		{"--http", "http.listen", f.HTTP, true},
		{"--rtp-ports", "rtp.ports", one(f.RTPPorts), false},
		{"--advertise", "advertise", f.Advertise, true},
		{"--allow", "allow", f.Allow, true},
		{"--data", "data", one(f.Data), false},
	} {
		if len(flag.values) == 0 {
			continue
		}
		var value any = flag.values[0]
		if flag.list {
			list := make([]any, len(flag.values))
			for i, v := range flag.values {
				list[i] = v
			}
			value = list
		}
		at[flag.key] = flag.name
		for _, s := range known {
			if s.key != flag.key {
				continue
			}
			if err := assign(s.of(c), value); err != nil {
				wrong = append(wrong, Problem{Where: flag.name, Key: s.key, Value: show(s, value), Mend: err.Error()})
			}
		}
	}
	return wrong
}

// placed fills in where each setting was set.
func (p Problems) placed(at places) Problems {
	for i := range p {
		p[i].Where = "default"
		for _, key := range []string{p[i].Key, p[i].Key[:strings.IndexByte(p[i].Key, ']')+1]} { // itself, or its table
			if where, ok := at[key]; ok {
				p[i].Where = where
				break
			}
		}
		p[i].Key = bare(p[i].Key)
	}
	return p
}
