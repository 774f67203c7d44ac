// Package config holds every setting of trivox: its key, its default, what it means, what it may be, and whether a
// running server takes a change of it. One TOML file sets them, flags override the file, and what is wrong is said
// with the place, the key, the value and how to mend it.
package config

import (
	"log/slog"
	"time"

	"trivox/cmd/trivox/internal/policy"
)

// Config is every setting of a server. It is a value: copy it freely, but treat its slices as read-only.
// In the tags, toml is the key, doc what `trivox config` prints above it, range the numbers or durations allowed
// (both ends included), oneof the words allowed, and reload says what a reload does with a change: "live" settings
// are taken by calls and rooms that begin afterwards, "restart" ones wait for the next start.
type Config struct {
	Domains   []string  `toml:"domains" reload:"restart" doc:"Domains served. The first one names conferences in the API; where there is none, the first address of sip.listen does, or the one advertised for it. Contact names the address that was called, or its advertised one."`
	Advertise []Public  `toml:"advertise" reload:"live" doc:"Public address per interface, where NAT or a load balancer hides it: \"10.0.0.5=203.0.113.9\", or \"203.0.113.9\" for all of that family."`
	Allow     []Network `toml:"allow" reload:"live" doc:"Networks that may call without a password, such as \"192.168.0.0/16\". Loopback may as long as there are no users; everybody else must be a user."`
	Data      string    `toml:"data" reload:"restart" doc:"Directory of what must survive: users, registrations, call detail records; made when it is missing. Empty: they are in memory and gone with the process."`
	Database  DSN       `toml:"database" reload:"restart" doc:"PostgreSQL in place of a file in data: \"postgres://USER:PASSWORD@HOST/NAME\" or \"host=... user=... dbname=...\". It is never shown."`

	SIP       SIP       `toml:"sip"`
	Registrar Registrar `toml:"registrar"`
	Guard     Guard     `toml:"limits"`
	TLS       TLS       `toml:"tls"`
	HTTP      HTTP      `toml:"http"`
	RTP       RTP       `toml:"rtp"`
	Rooms     Rooms     `toml:"rooms"`
	Calls     Calls     `toml:"calls"`
	Audio     Audio     `toml:"audio"`
	CDR       CDR       `toml:"cdr"`
	Server    Server    `toml:"server"`
	Log       Log       `toml:"log"`

	Room []Room `toml:"room" reload:"live" doc:"Rules of rooms, one table for each name or pattern; the first one that matches counts. Without any, every name is a room, for all who may call; with one, names that match none are answered 404."`
}

// SIP is what concerns signalling.
type SIP struct {
	Listen         []Listen      `toml:"listen" reload:"restart" doc:"Addresses for SIP: \"udp/A:P\", \"tcp/A:P\", \"tls/A:P\" (needs tls.certificates), or \"A:P\" for UDP and TCP. \"?srtp=required\", \"?srtp=offered\" or \"?srtp=off\" behind it tells whether sound is encrypted for those who call there: offered by TLS, off by UDP and TCP unless said. Beyond loopback, allow must be set too, or domains and data for users."`
	DSCP           DSCP          `toml:"dscp" reload:"restart" doc:"Priority mark on SIP packets: a name of RFC 4594 such as \"CS3\" or \"AF31\", or \"0\" to \"63\"."`
	SessionExpires time.Duration `toml:"session_expires" reload:"restart" range:"90s..24h" doc:"Session timer asked for (RFC 4028): a call whose phone has vanished ends after it."`
	MinSE          time.Duration `toml:"min_se" reload:"restart" range:"90s..24h" doc:"Shortest session timer accepted; a shorter one is answered 422."`
	Digest         []string      `toml:"digest" reload:"restart" oneof:"SHA-512-256 SHA-256 MD5" doc:"How phones are asked to hash their password, best first: of SHA-512-256, SHA-256 and MD5. Many phones know MD5 alone."`
	TrustIdentity  []Network     `toml:"trust_identity" reload:"live" doc:"Networks of PBXs and trunks that are believed when they say who calls (P-Asserted-Identity, Remote-Party-ID)."`
}

// Registrar is what concerns phones that register.
type Registrar struct {
	Expires      time.Duration `toml:"expires" reload:"restart" range:"1m..24h" doc:"How long a registration lasts when the phone does not say."`
	MinExpires   time.Duration `toml:"min_expires" reload:"restart" range:"10s..24h" doc:"Shortest registration; a shorter one is answered 423."`
	MaxExpires   time.Duration `toml:"max_expires" reload:"restart" range:"1m..24h" doc:"Longest registration; a longer one is shortened to it."`
	Contacts     int           `toml:"contacts" reload:"restart" range:"1..100" doc:"Phones that one user may have registered at a time; one more is answered 403."`
	ServiceRoute []string      `toml:"service_route" reload:"restart" doc:"URIs of the proxies by which phones are told to send their requests (RFC 3608)."`
}

// Guard is what holds off floods and guessing. What comes from loopback or allow is not limited unless everyone is.
type Guard struct {
	Everyone          bool          `toml:"everyone" reload:"live" doc:"Limit and ban loopback and the networks of allow, too."`
	InviteRate        int           `toml:"invite_rate" reload:"live" range:"1..1000000" doc:"Calls a minute from one address (of IPv6: one /64), in the long run; more are answered 503, then not at all."`
	InviteBurst       int           `toml:"invite_burst" reload:"live" range:"1..1000000" doc:"Calls at once from one address, after a pause."`
	RegisterRate      int           `toml:"register_rate" reload:"live" range:"1..1000000" doc:"Registrations a minute from one address; as many of other requests outside calls, and of connections."`
	RegisterBurst     int           `toml:"register_burst" reload:"live" range:"1..1000000" doc:"Registrations at once from one address, after a pause."`
	UserInviteRate    int           `toml:"user_invite_rate" reload:"live" range:"1..1000000" doc:"Calls a minute by one user, wherever he calls from, and of others whom his phones send on elsewhere."`
	UserInviteBurst   int           `toml:"user_invite_burst" reload:"live" range:"1..1000000" doc:"Calls at once by one user, after a pause."`
	UserRegisterRate  int           `toml:"user_register_rate" reload:"live" range:"1..1000000" doc:"Registrations a minute by one user."`
	UserRegisterBurst int           `toml:"user_register_burst" reload:"live" range:"1..1000000" doc:"Registrations at once by one user, after a pause."`
	Behind            time.Duration `toml:"behind" reload:"live" range:"0s,20ms..10s" doc:"Once the server has been behind for a while, new calls and registrations that would have to wait for it longer than this are answered 503 at once, so that those under way go on. \"0s\": never."`
	Failures          int           `toml:"failures" reload:"live" range:"1..1000000" doc:"Wrong passwords or PINs of one user at one address within failure_window that ban him there; five times as many, of all users, ban the address."`
	Window            time.Duration `toml:"failure_window" reload:"live" range:"1s..24h" doc:"Time in which failures are counted."`
	Ban               time.Duration `toml:"ban" reload:"live" range:"1s..8760h" doc:"Length of the first ban; each further one is twice as long."`
	BanMost           time.Duration `toml:"ban_most" reload:"live" range:"1s..8760h" doc:"Longest ban; for as long after its end a ban is remembered."`
	Scanners          bool          `toml:"scanners" reload:"live" doc:"Say nothing to programs that look for servers to break into, known by their User-Agent."`
}

// TLS is what concerns certificates of SIP.
type TLS struct {
	Certificates       []CertFiles `toml:"certificates" reload:"live" doc:"Certificates with their keys, PEM files: \"FULLCHAIN.pem,KEY.pem\", or one file that holds both. A caller gets the one that has the name he asks for, else the first. Files that change are read again within seconds. The command trivox cert makes one for a test."`
	MinVersion         string      `toml:"min_version" reload:"live" oneof:"1.2 1.3" doc:"Oldest version of TLS spoken with those who connect."`
	ClientCertificates string      `toml:"client_certificates" reload:"live" oneof:"off optional required" doc:"Ask those who connect for a certificate of tls.client_ca: \"off\", \"optional\", \"required\". One with the URI sip:user@domain stands for that user's password."`
	ClientCA           string      `toml:"client_ca" reload:"live" doc:"PEM file of the authorities whose client certificates are believed."`
	CA                 string      `toml:"ca" reload:"restart" doc:"PEM file of the authorities believed when Trivox itself connects; \"\": those of the system."`
	Verify             bool        `toml:"verify" reload:"restart" doc:"Whom Trivox connects to must have a certificate of the name called. Without, anybody who answers there is believed: for tests only."`
}

// HTTP is what concerns the API, metrics and health.
type HTTP struct {
	Listen []Listen `toml:"listen" reload:"restart" doc:"Addresses for the HTTP API, metrics and health; [] turns them off. Beyond loopback, token must be set too."`
	Token  Secret   `toml:"token" reload:"live" doc:"Bearer token asked of those who control (and, beyond loopback, of those who read): 16 characters or more. Make one: openssl rand -hex 24"`
}

// RTP is what concerns the sound on the wire.
type RTP struct {
	Ports      Ports         `toml:"ports" reload:"restart" doc:"UDP ports for sound; a call takes a pair of them. Ports that others hold are skipped."`
	DSCP       DSCP          `toml:"dscp" reload:"restart" doc:"Priority mark on RTP packets."`
	Timeout    time.Duration `toml:"timeout" reload:"live" range:"0s,5s..24h" doc:"A call that sends neither RTP nor RTCP for so long is ended; held calls are not. \"0s\": never."`
	Alarm      time.Duration `toml:"no_rtp_alarm" reload:"live" range:"0s,1s..10m" doc:"A call that was answered and sends no RTP for so long is logged, with the address tried. \"0s\": never."`
	Latch      string        `toml:"latch" reload:"live" oneof:"auto always never" doc:"Send to where a caller's packets come from instead of where its SDP says: \"auto\" behind NAT only, \"always\", \"never\"."`
	Quarantine time.Duration `toml:"quarantine" reload:"restart" range:"0s..5m" doc:"How long the ports of a call that ended are left alone, so that late packets reach no other call."`
}

// Rooms is what bounds conferences.
type Rooms struct {
	MaxParticipants int           `toml:"max_participants" reload:"live" range:"1..100000" doc:"Participants in one room; more are answered 486."`
	MaxRooms        int           `toml:"max_rooms" reload:"live" range:"1..100000" doc:"Rooms at once; the call that would open another is answered 503."`
	MaxCallLength   time.Duration `toml:"max_call_length" reload:"live" range:"0s,1s..8760h" doc:"A call is ended after so long. \"0s\": never."`
	AloneTone       bool          `toml:"alone_tone" reload:"live" doc:"The first caller of a room hears a short tone: you are alone."`
	JoinTone        bool          `toml:"join_tone" reload:"live" doc:"A tone marks each caller who joins."`
	JoinToneUpTo    int           `toml:"join_tone_up_to" reload:"live" range:"0..100000" doc:"No join tone in rooms of more people than this."`
	MaxWaiting      int           `toml:"max_waiting" reload:"live" range:"1..100000" doc:"Callers of one room who type a PIN or wait for the host; more are answered 486."`
	Language        string        `toml:"language" reload:"live" doc:"Language of the prompts, such as \"en\" or \"de\"."`
	Prompts         string        `toml:"prompts" reload:"live" doc:"Folder of prompts that replace those built in, or add languages: en/enter-pin.wav and so on."`
}

// Calls is what concerns calls between users.
type Calls struct {
	Ring   time.Duration `toml:"ring" reload:"restart" range:"5s..1h" doc:"How long the phones of a user ring at most; then the caller gets 480."`
	Next   time.Duration `toml:"next" reload:"restart" range:"1s..1h" doc:"How long phones of one preference (q) ring before those of the next are called instead."`
	Dial   []policy.Dial `toml:"dial" reload:"live" doc:"Whom users and the networks of allow may call elsewhere: \"*@pbx.example.com\", \"+49*@gw.example.com:5080\", held against user and host of what is dialled. Without a port the usual one is meant, \":*\" means any. Empty: nobody calls out."`
	Divert string        `toml:"divert" reload:"live" oneof:"off users dial" doc:"Where phones may send calls on to (call forwarding, 302): \"off\": nowhere, \"users\": to users of this server, \"dial\": also elsewhere, as far as calls.dial lets the user whose phone it is call there. Whoever calls such a user is then put through at his cost."`
	Media  string        `toml:"media" reload:"live" oneof:"through past" doc:"Sound of a call between two phones: \"through\" the server, which joins differing codecs, encryption and NAT, or \"past\" it, from phone to phone."`
}

// Audio is what concerns speakers, codecs and the mix.
type Audio struct {
	NMax           int      `toml:"n_max" reload:"live" range:"1..15" doc:"Floors: how many speakers are heard at once."`
	Codecs         []string `toml:"codecs" reload:"live" oneof:"opus G722 PCMU PCMA" doc:"Codecs offered and accepted, in our order."`
	PreferOurs     bool     `toml:"prefer_ours" reload:"live" doc:"Answer an offer with the first codec of our order instead of the caller's."`
	OpusComplexity int      `toml:"opus_complexity" reload:"live" range:"0..10" doc:"Work of the Opus encoder: 0 the least CPU, 10 the best sound."`
	OpusBitrate    int      `toml:"opus_bitrate" reload:"live" range:"6000..510000" doc:"Bits per second of Opus sent to each listener."`
	OpusFEC        bool     `toml:"opus_fec" reload:"live" doc:"Opus packets carry a coarse copy of the one before, for listeners who lose packets."`
	ComfortNoise   int      `toml:"comfort_noise" reload:"live" range:"30..127" doc:"Level of the noise played when nobody speaks, in -dBov (RFC 3389): 127 is inaudible."`
}

// CDR is what concerns call detail records.
type CDR struct {
	Keep time.Duration `toml:"keep" reload:"live" range:"0s,1h..87600h" doc:"Records of calls that ended so long ago are deleted. \"0s\": never."`
	File string        `toml:"file" reload:"live" doc:"File that each record is appended to as a line of JSON too; opened anew on SIGHUP, so that it can be rotated. Empty: none."`
}

// Server is what concerns the process.
type Server struct {
	Workers int           `toml:"workers" reload:"restart" range:"0..256" doc:"Media threads; 0: one for each CPU."`
	Drain   time.Duration `toml:"drain_timeout" reload:"live" range:"0s..1h" doc:"Longest time from SIGTERM to the end of the process: queued sound is played, which takes 0.4s at most, then every call gets a BYE and is given the rest to answer it."`
}

// Log is what concerns the log, which goes to standard error.
type Log struct {
	Level  slog.Level `toml:"level" reload:"live" doc:"Least level logged: \"debug\", \"info\", \"warn\" or \"error\"."`
	Format string     `toml:"format" reload:"restart" oneof:"auto text json" doc:"\"text\", \"json\", or \"auto\": text on a terminal, JSON otherwise."`
}
