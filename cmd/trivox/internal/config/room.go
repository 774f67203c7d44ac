package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"trivox/cmd/trivox/internal/policy"
)

// Room is one table [[room]]: the rules of the rooms that match.
type Room struct {
	Match           policy.Pattern `toml:"match" doc:"Name of the room, or a pattern: a star stands for any characters. With @ and a domain only there: \"board-*@example.com\"."`
	Create          []policy.Who   `toml:"create" doc:"Who may open it: \"anyone\" who may call at all, \"users\" who proved to be one of ours, users such as \"ann@example.com\" or \"*@example.com\", \"network:10.0.0.0/8\", or \"nobody\". A moderator always may."`
	Join            []policy.Who   `toml:"join" doc:"Who may enter, named as in create."`
	Moderate        []policy.Who   `toml:"moderate" doc:"Who is its moderator without a PIN: he enters though it is locked, and counts as its host."`
	PIN             policy.PIN     `toml:"pin" doc:"PIN of participants, 4 to 16 digits; asked for by a prompt and typed on the telephone."`
	ModeratorPIN    policy.PIN     `toml:"moderator_pin" doc:"PIN that makes a moderator. Without pin, all others enter by the hash key alone."`
	MaxParticipants int            `toml:"max_participants" range:"0..100000" doc:"Participants in it; more are answered 486. 0: rooms.max_participants."`
	NMax            int            `toml:"n_max" range:"0..15" doc:"Floors: how many speakers are heard at once. 0: audio.n_max."`
	Locked          bool           `toml:"locked" doc:"Locked when it opens: only moderators get in, until it is unlocked over HTTP or by trivox ctl."`
	BeforeHost      string         `toml:"before_host" oneof:"open wait refuse" doc:"While no moderator is in, others enter (\"open\"), wait outside (\"wait\"), or are answered 480 (\"refuse\")."`
	AfterHost       string         `toml:"after_host" oneof:"stay end" doc:"When the last moderator leaves, the others \"stay\", or the conference is to \"end\"."`
	Lifetime        time.Duration  `toml:"lifetime" range:"0s,1s..8760h" doc:"The conference ends for all so long after its first participant came. \"0s\": never."`
	Language        string         `toml:"language" doc:"Language of its prompts; \"\": rooms.language."`
}

// DefaultRoom is a table with nothing in it. Its match is missing, which Check finds.
func DefaultRoom() Room {
	open := []policy.Who{policy.Anyone()}
	return Room{Create: open, Join: open, BeforeHost: "open", AfterHost: "stay"}
}

// RoomFor gives the first table whose pattern has the room user@domain. Without any table every name is a room, open
// to all who may call; with one, a name that none has is no room.
func (c Config) RoomFor(user, domain string) (r Room, ok bool) {
	if len(c.Room) == 0 {
		r = DefaultRoom()
		r.Match = "*"
		return r, true
	}
	for _, r := range c.Room {
		if r.Match.Matches(user, domain) {
			return r, true
		}
	}
	return Room{}, false
}

// Rules are the table's, as policy decides by them; participants is rooms.max_participants.
func (r Room) Rules(participants int) policy.Room {
	return policy.Room{
		Match: r.Match, Create: r.Create, Join: r.Join, Moderate: r.Moderate, PIN: r.PIN, ModeratorPIN: r.ModeratorPIN,
		MaxParticipants: cmp.Or(r.MaxParticipants, participants), Locked: r.Locked, BeforeHost: policy.BeforeHost(r.BeforeHost),
	}
}

// maxRooms bounds the tables of a file.
const maxRooms = 1000

// checkRooms finds what the tables' rules contradict themselves in.
func (c Config) checkRooms(p *Problems) {
	if len(c.Room) > maxRooms {
		p.add("room", "", "%d tables: need at most %d; name several rooms by one pattern", len(c.Room), maxRooms)
		return
	}
	for i, r := range c.Room {
		r.check(p, "room["+strconv.Itoa(i)+"].")
		if r.Match != "" && !c.served(r.Match) {
			p.add("room["+strconv.Itoa(i)+"].match", strconv.Quote(string(r.Match)), "lies in none of domains, which %s: "+
				"its rooms would fall under another table; add its domain to domains, or leave out the @ and what follows", orNone(c.Domains))
		}
		for _, before := range c.Room[:i] {
			if r.Match != "" && (before.Match == r.Match || before.Match.All()) {
				p.add("room["+strconv.Itoa(i)+"].match", strconv.Quote(string(r.Match)), "never reached: %q above it matches already; "+
					"put the narrower one first", before.Match)
				break
			}
		}
	}
}

// served says whether rooms of a pattern can be dialled: those of a server without domains lie in none.
func (c Config) served(p policy.Pattern) bool {
	return len(c.Domains) == 0 && p.Lies("") || slices.ContainsFunc(c.Domains, p.Lies)
}

// orNone names domains for people.
func orNone(domains []string) string {
	if len(domains) == 0 {
		return "are not set"
	}
	return "are " + strings.Join(domains, ", ")
}

// check judges one table; key stands before its keys.
func (r Room) check(p *Problems, key string) {
	if r.Match == "" {
		p.add(key+"match", "", `missing: name the rooms that this is about, e.g. match = "board-*"`)
	}
	for _, list := range []struct {
		name string
		who  []policy.Who
	}{{"create", r.Create}, {"join", r.Join}, {"moderate", r.Moderate}} {
		if len(list.who) > 1 && slices.ContainsFunc(list.who, policy.Who.Nobody) {
			p.add(key+list.name, "", `"nobody" stands alone; leave it out or the others`)
		}
	}
	if r.PIN.Set() && r.PIN == r.ModeratorPIN {
		p.add(key+"moderator_pin", "", "must not be the same as pin: nobody could be a mere participant")
	}
	if r.hosted() {
		return
	}
	const mend = "but nobody can be its moderator: say who in moderate, or set moderator_pin"
	for _, wants := range []struct {
		name, value string
		does        bool
	}{
		{"locked", "true", r.Locked}, {"before_host", strconv.Quote(r.BeforeHost), r.BeforeHost != "open" && r.BeforeHost != ""},
		{"after_host", strconv.Quote(r.AfterHost), r.AfterHost == "end"},
	} {
		if wants.does {
			p.add(key+wants.name, wants.value, mend)
		}
	}
}

// hosted says whether somebody can be its moderator.
func (r Room) hosted() bool {
	return r.ModeratorPIN.Set() || slices.ContainsFunc(r.Moderate, func(w policy.Who) bool { return !w.Nobody() })
}

// checkLanguages judges the names of languages; whether there are prompts in them is for the server to find.
func (c Config) checkLanguages(p *Problems) {
	judge := func(key, name string) {
		main, region, named := strings.Cut(name, "-")
		letters := strings.Trim(main, "abcdefghijklmnopqrstuvwxyz") == "" && len(main) >= 2 && len(main) <= 3
		if !letters || named && (len(region) < 2 || len(region) > 8 || strings.Trim(strings.ToLower(region), "abcdefghijklmnopqrstuvwxyz0123456789") != "") {
			p.add(key, strconv.Quote(name), `need a language such as "en", "de" or "pt-BR"`)
		}
	}
	judge("rooms.language", c.Rooms.Language)
	for i, r := range c.Room {
		if r.Language != "" {
			judge(fmt.Sprintf("room[%d].language", i), r.Language)
		}
	}
}
