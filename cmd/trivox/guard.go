package main

import (
	"trivox/cmd/trivox/internal/config"
	"trivox/sip"
	"trivox/sip/limits"
)

// guard is what signalling has to know of the settings about floods and guessing.
func guard(c config.Config) sip.Guard {
	g := c.Guard
	return sip.Guard{
		Everyone: g.Everyone, AnswerScanners: !g.Scanners, Behind: g.Behind,
		Config: limits.Config{
			Invite:       limits.Rate{PerMinute: g.InviteRate, Burst: g.InviteBurst},
			Register:     limits.Rate{PerMinute: g.RegisterRate, Burst: g.RegisterBurst},
			UserInvite:   limits.Rate{PerMinute: g.UserInviteRate, Burst: g.UserInviteBurst},
			UserRegister: limits.Rate{PerMinute: g.UserRegisterRate, Burst: g.UserRegisterBurst},
			Failures:     g.Failures, Window: g.Window, Ban: g.Ban, BanMost: g.BanMost,
		},
	}
}

// registrarConfig is what signalling has to know of the settings about registrations.
func registrarConfig(c config.Config) sip.RegistrarConfig {
	r := c.Registrar
	return sip.RegistrarConfig{
		Default: r.Expires, Min: r.MinExpires, Max: r.MaxExpires, Contacts: r.Contacts, ServiceRoute: r.ServiceRoute,
	}
}

// digestOrder is the order of algorithms in which phones are asked for a password.
func digestOrder(c config.Config) []sip.Algorithm {
	var order []sip.Algorithm
	for _, name := range c.SIP.Digest {
		order = append(order, sip.Algorithm(name))
	}
	return order
}
