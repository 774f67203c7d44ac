package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/policy"
)

// who reads a list as the file does.
func who(t *testing.T, list ...string) (out []policy.Who) {
	t.Helper()
	for _, s := range list {
		var w policy.Who
		if err := w.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		out = append(out, w)
	}
	return out
}

func TestRooms(t *testing.T) {
	got, err := Parse("f", []byte(`
domains = ["example.com"]

[rooms]
language = "de"

[[room]]
match = "board-*@example.com"
create = ["ann@example.com", "network:10.0.0.0/8"]
join = ["users"]
moderate = ["ann@example.com"]
pin = "2718"
moderator_pin = "31415926"
max_participants = 12
n_max = 4
locked = true
before_host = "wait"
after_host = "end"
lifetime = "90m"
language = "en"

[[room]]
match = "tea"

[[room]]
match = "*"
join = ["nobody"]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Domains, want.Rooms.Language = []string{"example.com"}, "de"
	tea, all := DefaultRoom(), DefaultRoom()
	tea.Match, all.Match, all.Join = "tea", "*", who(t, "nobody")
	want.Room = []Room{{
		Match: "board-*@example.com", Create: who(t, "ann@example.com", "network:10.0.0.0/8"), Join: who(t, "users"),
		Moderate: who(t, "ann@example.com"), PIN: "2718", ModeratorPIN: "31415926", MaxParticipants: 12, NMax: 4, Locked: true,
		BeforeHost: "wait", AfterHost: "end", Lifetime: 90 * time.Minute, Language: "en",
	}, tea, all}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got.Room, want.Room)
	}
	inline, err := Parse("f", []byte(`room = [{match = "tea"}, {match = "*", join = ["nobody"]}]`))
	if err != nil || !reflect.DeepEqual(inline.Room, want.Room[1:]) {
		t.Errorf("in braces: %+v, %v", inline.Room, err)
	}
	if c, err := Parse("f", []byte("room = []")); err != nil || !reflect.DeepEqual(c, Default()) {
		t.Errorf("an empty list: %+v, %v", c.Room, err)
	}
}

// The first table that matches counts; what none has is no room, unless there is none at all.
func TestRoomFor(t *testing.T) {
	c, err := Parse("f", []byte("domains = [\"one.example\", \"two.example\"]\n[rooms]\nmax_participants = 7\n[[room]]\nmatch = \"board-1\"\nmax_participants = 3\n[[room]]\nmatch = \"board-*\"\n"+
		"[[room]]\nmatch = \"*@two.example\"\npin = \"2718\""))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"board-1@one.example": "board-1 3", "board-2@two.example": "board-* 7", "tea@two.example": "*@two.example 7",
		"tea@one.example": ""} {
		user, domain, _ := strings.Cut(name, "@")
		r, ok := c.RoomFor(user, domain)
		got := ""
		if ok {
			got = fmt.Sprint(r.Match, " ", r.Rules(c.Rooms.MaxParticipants).MaxParticipants)
		}
		if got != want {
			t.Errorf("%s falls under %q, want %q", name, got, want)
		}
	}
	r, ok := Default().RoomFor("anything", "")
	if rules := r.Rules(7); !ok || rules.Decide(policy.Caller{}, policy.State{}) != (policy.Verdict{}) {
		t.Errorf("without a table: %+v", rules)
	}
}

// What is wrong in a table is told as everywhere else, by the line that it is in.
func TestRoomErrors(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"no match", "\n[[room]]\npin = \"1234\"", "f:2: room.match: missing: name the rooms"},
		{"in the second", "[[room]]\nmatch = \"tea\"\n[[room]]\nn_max = 3", "f:3: room.match: missing"},
		{"unknown key", "[[room]]\nmatch = \"tea\"\n\n[[room]]\nmatch = \"x\"\nmax_participant = 3", "f:6: room.max_participant: no such key; did you mean room.max_participants?"},
		{"a table in it", "[[room]]\nmatch = \"tea\"\n[room.who]\nx = 1", "f:3: room.who: no such key"},
		{"in braces", "room = [{match = \"tea\"},\n {match = \"x\",\n pinn = 3}]", "f:3: room.pinn: no such key; did you mean room.pin?"},
		{"one table", "[room]\nmatch = \"tea\"", "f:1: room: need tables, each begun by a line [[room]]"},
		{"no table", "room = 3", "f:1: room: need tables"},
		{"list of no tables", "x = 1\nroom = [1]", "f:2: room: need tables"},
		{"the section", "[[rooms]]", "f:1: rooms: no such key"},
		{"bad pattern", "[[room]]\nmatch = \"@example.com\"", `f:2: room.match "@example.com": need the name of a room`},
		{"number for pattern", "[[room]]\nmatch = 7", `f:2: room.match 7: need a text in quotes`},
		{"bad who", "[[room]]\nmatch = \"a\"\njoin = [\"all\"]", `f:3: room.join ["all"]: need "anyone", "users", "nobody", a user`},
		{"bad network", "[[room]]\nmatch = \"a\"\njoin = [\"network:10.1.0.0/8\"]", `did you mean "network:10.0.0.0/8" or "network:10.1.0.0"?`},
		{"no list", "[[room]]\nmatch = \"a\"\njoin = \"users\"", `f:3: room.join "users": need a list in brackets, e.g. ["users"]`},
		{"nobody and somebody", "[[room]]\nmatch = \"a\"\njoin = [\"nobody\", \"users\"]", `f:3: room.join: "nobody" stands alone`},
		{"range", "[[room]]\nmatch = \"a\"\nn_max = 16", "f:3: room.n_max 16: need 0 to 15"},
		{"range of the second", "[[room]]\nmatch = \"a\"\nn_max = 3\n[[room]]\nmatch = \"b\"\nn_max = 16", "f:6: room.n_max 16: need 0 to 15"},
		{"time", "[[room]]\nmatch = \"a\"\nlifetime = \"0.5s\"", `f:3: room.lifetime "500ms": need "0s", or "1s" to "8760h"`},
		{"word", "[[room]]\nmatch = \"a\"\nbefore_host = \"stop\"", `f:3: room.before_host "stop": need one of open, wait, refuse`},
		{"PIN too short", "[[room]]\nmatch = \"a\"\npin = \"12\"", `f:3: room.pin: need 4 to 16 digits`},
		{"PIN as number", "[[room]]\nmatch = \"a\"\npin = 27182", `f:3: room.pin: need 4 to 16 digits in quotes`},
		{"both PINs alike", "[[room]]\nmatch = \"a\"\npin = \"1234\"\nmoderator_pin = \"1234\"", `f:4: room.moderator_pin: must not be the same as pin`},
		{"no host to wait for", "[[room]]\nmatch = \"a\"\nbefore_host = \"wait\"", `f:3: room.before_host "wait": but nobody can be its moderator`},
		{"nobody to unlock", "[[room]]\nmatch = \"a\"\nmoderate = [\"nobody\"]\nlocked = true", `f:4: room.locked true: but nobody can be its moderator`},
		{"no host to end with", "[[room]]\nmatch = \"a\"\nafter_host = \"end\"", `f:3: room.after_host "end": but nobody`},
		{"twice", "[[room]]\nmatch = \"a\"\n[[room]]\nmatch = \"a\"", `f:4: room.match "a": never reached: "a" above it matches already`},
		{"after all", "[[room]]\nmatch = \"*\"\n[[room]]\nmatch = \"a\"", `f:4: room.match "a": never reached: "*" above it`},
		{"in no domain", "[[room]]\nmatch = \"a@example.com\"\npin = \"2718\"", `f:2: room.match "a@example.com": lies in none of domains, which are not set: its rooms`},
		{"in another domain", "domains = [\"example.com\"]\n[[room]]\nmatch = \"a@*.example.com\"", `f:3: room.match "a@*.example.com": lies in none of domains, which are example.com`},
		{"language", "[[room]]\nmatch = \"a\"\nlanguage = \"german\"", `f:3: room.language "german": need a language such as "en"`},
		{"language of all", "[rooms]\nlanguage = \"../x\"", `f:2: rooms.language "../x": need a language`},
		{"too many", strings.Repeat("[[room]]\nmatch = \"a\"\n", maxRooms+1), "f:1: room: 1001 tables: need at most 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse("f", []byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A PIN never stands in an error, a printed setting or a log.
func TestPINIsWithheld(t *testing.T) {
	for _, wrong := range []string{`"27182x"`, `27182`, `["27182"]`, `"27182", x`} {
		if _, err := Parse("f", []byte("[[room]]\nmatch = \"a\"\npin = "+wrong)); err == nil || strings.Contains(err.Error(), "27182") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	c, err := Parse("f", []byte("[[room]]\nmatch = \"a\"\npin = \"27182\"\nmoderator_pin = \"27183\""))
	if err != nil || !c.Room[0].PIN.Is("27182") {
		t.Fatal(err)
	}
	if text := sprintAll(c) + fmt.Sprint(formatValue(reflect.ValueOf(c.Room[0].PIN))); strings.Contains(text, "2718") || !strings.Contains(text, "(withheld)") {
		t.Errorf("a PIN shows: %s", text)
	}
}

// The tables are printed as an example that does nothing until the marks before it are taken away, and then is good.
func TestPrintedTables(t *testing.T) {
	var b strings.Builder
	if err := Print(&b); err != nil {
		t.Fatal(err)
	}
	_, example, ok := strings.Cut(b.String(), "# [[room]]\n")
	if !ok {
		t.Fatal("no example of [[room]]")
	}
	file := "[[room]]\n"
	for line := range strings.Lines(example) {
		if len(line) > lineWidth+1 {
			t.Errorf("longer than %d: %s", lineWidth, line)
		}
		file += strings.TrimPrefix(line, "#")
	}
	c, err := Parse("f", []byte(file))
	if err != nil || !reflect.DeepEqual(c.Room, []Room{exampleRoom()}) {
		t.Errorf("%+v, %v", c.Room, err)
	}
}

// Every key of a table has a meaning of one line and, where it is a number, a range, and stands in the manual.
func TestEveryColumnIsDescribed(t *testing.T) {
	manual, err := os.ReadFile("../../../../docs/rooms.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, table := range tables() {
		empty := table.empty()
		for _, s := range table.columns {
			n++
			name, doc := strings.TrimPrefix(s.key, table.key+"."), s.field.Tag.Get("doc")
			if name == "" || !strings.HasSuffix(doc, ".") || strings.Contains(doc, "\n") {
				t.Errorf("%s: needs a key, and a meaning of one line that ends in a full stop: %q", s.key, doc)
			}
			number := s.field.Type == reflect.TypeFor[int]() || s.field.Type == reflect.TypeFor[time.Duration]()
			if number != (s.field.Tag.Get("range") != "") {
				t.Errorf("%s: range on a %s", s.key, s.field.Type)
			}
			if row := "| `" + name + "` | `" + formatValue(s.in(empty)) + "` | "; !strings.Contains(string(manual), row) {
				t.Errorf("docs/rooms.md lacks the row: %s", row)
			}
		}
	}
	if n < 13 {
		t.Errorf("%d keys in tables", n)
	}
}

func TestReloadOfRooms(t *testing.T) {
	running, loaded := Default(), Default()
	loaded.Room = []Room{exampleRoom()}
	next, live, restart := Reload(running, loaded)
	if !reflect.DeepEqual(next, loaded) || !slices.Equal(live, []string{"room"}) || restart != nil {
		t.Errorf("live %v, restart %v", live, restart)
	}
	again, live, _ := Reload(next, loaded)
	if live != nil || !reflect.DeepEqual(again, next) {
		t.Errorf("a reload of the same is a change: %v", live)
	}
}
