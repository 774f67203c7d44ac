package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Default returns the settings of a server that was told nothing: open to all, on loopback alone (DESIGN 10).
func Default() Config {
	loopback4, loopback6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	return Config{
		SIP: SIP{
			Listen:         []Listen{{Addr: netip.AddrPortFrom(loopback4, 5060)}, {Addr: netip.AddrPortFrom(loopback6, 5060)}},
			DSCP:           24, // CS3
			SessionExpires: 30 * time.Minute,
			MinSE:          90 * time.Second,
			Digest:         []string{"SHA-256", "MD5"},
		},
		Registrar: Registrar{Expires: time.Hour, MinExpires: time.Minute, MaxExpires: 2 * time.Hour, Contacts: 10},
		Guard: Guard{
			InviteRate: 600, InviteBurst: 100,
			RegisterRate: 3000, RegisterBurst: 500, // an office whose power comes back
			UserInviteRate: 120, UserInviteBurst: 60,
			UserRegisterRate: 60, UserRegisterBurst: 30,
			Behind: 100 * time.Millisecond, Failures: 10, Window: 10 * time.Minute, Ban: 5 * time.Minute, BanMost: 24 * time.Hour,
			Scanners: true,
		},
		TLS: TLS{MinVersion: "1.2", ClientCertificates: "off", Verify: true},
		HTTP: HTTP{
			Listen: []Listen{{Addr: netip.AddrPortFrom(loopback4, 8080)}, {Addr: netip.AddrPortFrom(loopback6, 8080)}},
		},
		RTP: RTP{
			Ports:      Ports{Low: 10000, High: 19999},
			DSCP:       46, // EF
			Timeout:    time.Minute,
			Alarm:      5 * time.Second,
			Latch:      "auto",
			Quarantine: 5 * time.Second,
		},
		Rooms: Rooms{
			MaxParticipants: 1000,
			MaxRooms:        1000,
			MaxCallLength:   24 * time.Hour,
			AloneTone:       true,
			JoinTone:        true,
			JoinToneUpTo:    8, // USERS 25
			MaxWaiting:      100,
			Language:        "en",
		},
		Calls: Calls{Ring: 3 * time.Minute, Next: 20 * time.Second, Divert: "users", Media: "through"},
		Audio: Audio{
			NMax:           3,
			Codecs:         []string{"opus", "G722", "PCMU", "PCMA"},
			OpusComplexity: 5,
			OpusBitrate:    32000,
			OpusFEC:        true,
			ComfortNoise:   65,
		},
		Server: Server{Drain: 4 * time.Second},
		Log:    Log{Level: slog.LevelInfo, Format: "auto"},
	}
}
