package main

import (
	"context"
	"fmt"
	"net/netip"

	"trivox/cmd/trivox/internal/api"
	"trivox/sip"
)

// bans shows those of the signalling to the API.
type bans struct{ server *sip.Server }

// Bans is api.Bans'.
func (b *bans) Bans(context.Context) ([]api.Ban, error) {
	var out []api.Ban
	for _, ban := range b.server.Bans() {
		out = append(out, api.Ban{Address: sourceText(ban.Source), User: ban.User, Reason: ban.Reason, Times: ban.Count, Until: ban.Until})
	}
	return out, nil
}

// Lift is api.Bans'.
func (b *bans) Lift(_ context.Context, address string) error {
	source, err := netip.ParseAddr(address)
	if err != nil {
		prefix, err := netip.ParsePrefix(address)
		if err != nil {
			return fmt.Errorf("%q %w: need an address as the list of bans has it", address, api.ErrInvalid)
		}
		source = prefix.Addr()
	}
	if !b.server.Lift(source) {
		return api.ErrNoBan
	}
	return nil
}

// sourceText is a source that is banned, as people name it.
func sourceText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
