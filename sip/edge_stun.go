package sip

import (
	"encoding/binary"
	"net/netip"
)

const (
	stunHeader  = 20         // bytes
	stunCookie  = 0x2112a442 // RFC 8489, 5
	stunRequest = 0x0001     // Binding request
	stunSuccess = 0x0101
	stunMapped  = 0x0020 // XOR-MAPPED-ADDRESS
)

// isSTUN says whether a datagram is a STUN Binding request, by which phones keep a flow by UDP alive: SIP begins with a
// letter, STUN with two bits that are 0. RFC 5626, 4.4.2; RFC 8489, 5 (RG-4)
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && binary.BigEndian.Uint16(b) == stunRequest && binary.BigEndian.Uint32(b[4:]) == stunCookie &&
		int(binary.BigEndian.Uint16(b[2:])) == len(b)-stunHeader && len(b)%4 == 0
}

// appendSTUN answers the Binding request b with the address that it came from. RFC 8489, 14.2
func appendSTUN(out, b []byte, source netip.AddrPort) []byte {
	ip := source.Addr().AsSlice()
	family := byte(1)
	if source.Addr().Is6() {
		family = 2
	}
	out = binary.BigEndian.AppendUint16(out, stunSuccess)
	out = binary.BigEndian.AppendUint16(out, uint16(8+len(ip)))
	out = append(out, b[4:stunHeader]...)
	out = binary.BigEndian.AppendUint16(out, stunMapped)
	out = binary.BigEndian.AppendUint16(out, uint16(4+len(ip)))
	out = append(out, 0, family)
	out = binary.BigEndian.AppendUint16(out, source.Port()^stunCookie>>16)
	for i, c := range ip {
		out = append(out, c^b[4+i]) // the cookie, and for IPv6 the transaction ID behind it
	}
	return out
}
