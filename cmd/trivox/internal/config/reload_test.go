package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestReload(t *testing.T) {
	running := Default()
	loaded := Default()
	if next, live, restart := Reload(running, loaded); live != nil || restart != nil || !reflect.DeepEqual(next, running) {
		t.Errorf("a reload of the same is a change: %v %v", live, restart)
	}
	loaded.Rooms.MaxParticipants = 7
	loaded.HTTP.Token = "0123456789abcdef"
	loaded.RTP.Ports = Ports{4000, 4999}
	loaded.SIP.Listen = loaded.SIP.Listen[:1]
	next, live, restart := Reload(running, loaded)
	if !slices.Equal(live, []string{"http.token", "rooms.max_participants"}) || !slices.Equal(restart, []string{"sip.listen", "rtp.ports"}) {
		t.Errorf("live %v, restart %v", live, restart)
	}
	if next.Rooms.MaxParticipants != 7 || next.HTTP.Token != loaded.HTTP.Token {
		t.Errorf("live settings were not taken: %+v", next)
	}
	if next.RTP.Ports != running.RTP.Ports || len(next.SIP.Listen) != 2 {
		t.Errorf("settings that need a restart were taken: %+v", next)
	}
}

// Every setting is either taken or left, and Reload tells which.
func TestReloadOfEachSetting(t *testing.T) {
	for _, s := range settings() {
		running, loaded := Default(), Default()
		v := s.of(&loaded)
		if v.IsZero() {
			v.Set(other(t, v.Type()))
		} else {
			v.SetZero()
		}
		next, live, restart := Reload(running, loaded)
		want, told := running, restart
		if s.field.Tag.Get("reload") == "live" {
			want, told = loaded, live
		}
		if !reflect.DeepEqual(next, want) || !slices.Equal(told, []string{s.key}) || len(live)+len(restart) != 1 {
			t.Errorf("%s: live %v, restart %v", s.key, live, restart)
		}
	}
}

// other gives a value of type ty that is not its zero value.
func other(t *testing.T, ty reflect.Type) reflect.Value {
	v := reflect.New(ty).Elem()
	switch ty.Kind() {
	case reflect.Slice:
		return reflect.MakeSlice(ty, 1, 1)
	case reflect.String:
		v.SetString("other")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no other value of %s", ty)
	}
	return v
}

// `trivox config` prints; `trivox config check FILE` judges.
func TestCommand(t *testing.T) {
	var cli struct {
		Config Command `cmd:""`
	}
	run := func(args ...string) (string, error) {
		var out strings.Builder
		parser, err := kong.New(&cli, kong.Name("trivox"), kong.Writers(&out, &out))
		if err != nil {
			t.Fatal(err)
		}
		k, err := parser.Parse(args)
		if err != nil {
			t.Fatal(err)
		}
		err = k.Run()
		return out.String(), err
	}
	if out, err := run("config"); err != nil || !strings.Contains(out, "[rtp]") || !strings.Contains(out, `ports = "10000-19999"`) {
		t.Errorf("config printed %q, %v", out, err)
	}
	if out, err := run("config", "check", "testdata/good.toml"); err != nil || !strings.Contains(out, "testdata/good.toml: good") {
		t.Errorf("a good file: %q, %v", out, err)
	}
	if _, err := run("config", "check", "testdata/bad.toml"); err == nil || !strings.Contains(err.Error(), `testdata/bad.toml:3: rtp.ports "9000": need a range`) {
		t.Errorf("a bad file: %v", err)
	}
}

// The flags reach the settings as kong reads them.
func TestFlagsOnTheCommandLine(t *testing.T) {
	var f Flags
	parser, err := kong.New(&f, kong.Name("trivox"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--sip", "udp/127.0.0.1:5070", "--sip=tcp/[::1]:5071", "--http", "127.0.0.1:8081", "--rtp-ports", "4000-4999",
		"--sip", "tls/127.0.0.1:5071?srtp=required", "--certificate", "a.pem, k.pem", "--certificate=both.pem",
		"--domain", "a.example", "--advertise", "10.0.0.5=203.0.113.9", "--allow", "10.0.0.0/8,192.0.2.7", "--allow", "::1"}); err != nil {
		t.Fatal(err)
	}
	c, err := Load(f.Config, f)
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"sip":       {formatValue(reflect.ValueOf(c.SIP.Listen)), `["udp/127.0.0.1:5070", "tcp/[::1]:5071", "tls/127.0.0.1:5071?srtp=required"]`},
		"tls":       {formatValue(reflect.ValueOf(c.TLS.Certificates)), `["a.pem,k.pem", "both.pem"]`},
		"http":      {formatValue(reflect.ValueOf(c.HTTP.Listen)), `["127.0.0.1:8081"]`},
		"rtp":       {c.RTP.Ports.String(), "4000-4999"},
		"domains":   {formatValue(reflect.ValueOf(c.Domains)), `["a.example"]`},
		"advertise": {formatValue(reflect.ValueOf(c.Advertise)), `["10.0.0.5=203.0.113.9"]`},
		"allow":     {formatValue(reflect.ValueOf(c.Allow)), `["10.0.0.0/8", "192.0.2.7/32", "::1/128"]`},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %s, want %s", what, pair[0], pair[1])
		}
	}
}
