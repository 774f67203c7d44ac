package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trivox/cluster/conference"
	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/lobby"
	"trivox/cmd/trivox/internal/prompts"
)

// openLobbies makes what talks to callers outside their rooms. A wrong PIN counts against its source as a wrong
// password does.
func (p *process) openLobbies(c config.Config) error {
	said, err := loadPrompts(c)
	if err != nil {
		return err
	}
	p.lobbies = newLobbies(p.log, func(source netip.Addr, user, what string) { p.sip.Failed(source, user, what) })
	p.lobbies.prompts.Store(said)
	return nil
}

// loadPrompts reads the prompts that the settings want, and says which of their languages there is none in.
func loadPrompts(c config.Config) (*prompts.Set, error) {
	var names []string
	for _, p := range lobby.Prompts() {
		names = append(names, string(p))
	}
	set, err := prompts.Load(c.Rooms.Prompts, names, conference.PromptRate)
	if err != nil {
		return nil, err
	}
	there := set.Languages()
	missing := func(key, language string) error {
		if language == "" || slices.Contains(there, language) {
			return nil
		}
		return fmt.Errorf("%s %q: there are no prompts in it, only in %s; put them in the folder %s of rooms.prompts",
			key, language, strings.Join(there, ", "), language)
	}
	if err := missing("rooms.language", c.Rooms.Language); err != nil {
		return nil, err
	}
	for _, r := range c.Room {
		if err := missing(fmt.Sprintf("room %q: language", r.Match), r.Language); err != nil {
			return nil, err
		}
	}
	return set, nil
}
