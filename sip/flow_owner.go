package sip

import "fmt"

// peerUser is the user, "user@domain", whom a verified certificate of the peer names; empty when there is none.
func peerUser(f *flow) string { return "" }

// flowToken names a connection as long as this process lives; empty for datagrams, whose flow is a pair of addresses.
func flowToken(f *flow) string {
	if f.conn == nil {
		return ""
	}
	return fmt.Sprintf("%p", f.conn)
}
