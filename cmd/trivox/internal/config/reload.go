package config

import "reflect"

// Reload gives the settings that a running server goes on with when loaded is what its file and flags say now.
// Live settings are taken from loaded: calls and rooms that begin afterwards follow them, those that are up keep
// what they have, but for log.level and http.token, which count at once. The others stay as they are: restart
// names those that differ, live the ones taken. Both are nil when nothing has changed.
func Reload(running, loaded Config) (next Config, live, restart []string) {
	next = running
	for _, s := range everything() {
		was, is := s.of(&next), s.of(&loaded)
		if reflect.DeepEqual(was.Interface(), is.Interface()) {
			continue
		}
		if s.field.Tag.Get("reload") == "restart" {
			restart = append(restart, s.key)
			continue
		}
		live = append(live, s.key)
		was.Set(is)
	}
	return next, live, restart
}
