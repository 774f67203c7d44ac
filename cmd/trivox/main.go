// Command trivox is a SIP audio-conference server, and the clients to try it with. See docs/operate.md.
package main

import (
	"os"

	"github.com/alecthomas/kong"

	"trivox/cmd/trivox/internal/certs"
	"trivox/cmd/trivox/internal/config"
	"trivox/cmd/trivox/internal/ctl"
	"trivox/cmd/trivox/internal/sim"
	"trivox/cmd/trivox/internal/user"
)

// program is the command line.
type program struct {
	Serve   serveCommand       `cmd:"" help:"Run the conference server. Without settings: on loopback, a room for any URI dialled."`
	Call    callCommand        `cmd:"" help:"Call a room: play a file or comfort noise, record what is heard."`
	Load    loadCommand        `cmd:"" help:"Make many calls, with sound or without, or many REGISTERs, and report what became of them."`
	Sim     sim.Command        `cmd:"" help:"Play conferences in virtual time: plan, floor, wan."`
	User    user.Command       `cmd:"" help:"Say who may register and call: add, list, remove, passwd, disable, enable."`
	Backup  user.BackupCommand `cmd:"" help:"Copy the data to a new file, while the server goes on."`
	Ctl     ctl.Command        `cmd:"" help:"Ask a running server: list, show, mute, unmute, kick, admit, lock, unlock, end, users, registrations, bans, cdr."`
	Cert    certs.Command      `cmd:"" help:"Make a self-signed certificate, to try TLS with."`
	Config  config.Command     `cmd:"" help:"Print the settings with their defaults, or judge a file."`
	Version versionCommand     `cmd:"" help:"Say which version this is."`
}

func main() {
	var p program
	k := kong.Parse(&p, kong.Name("trivox"),
		kong.Description("A SIP audio-conference server: phones dial a room and hear each other."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	k.FatalIfErrorf(k.Run(k))
	os.Exit(0)
}
