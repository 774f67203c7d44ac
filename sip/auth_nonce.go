package sip

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"trivox/sip/limits"
)

const (
	nonceLife  = 5 * time.Minute
	nonceMAC   = 16      // bytes
	noncesMost = 1 << 16 // in use, in each of two generations
	nonceAhead = 64      // counts below the highest one that are told apart
)

// nonceID is the time and chance that a nonce is made of.
type nonceID [16]byte

func (id nonceID) issued() time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(id[:8]))) }

// nonces gives out nonces and takes each of them back once for every count. What it gives out it need not remember: a
// nonce carries its time and a MAC, made over the source that it is for, so that who comes with it has received what was
// sent to that source. Only what was used by somebody who knows a password is remembered, so strangers fill nothing.
// RFC 7616, 3.3, 5.3 and 5.4 (RG-5)
type nonces struct {
	key []byte

	mu        sync.Mutex
	used      recent[nonceID, nonceUse]
	forgotten time.Time // what was issued up to then and is not known may have been used
}

// nonceUse is which counts of a nonce have been seen.
type nonceUse struct {
	highest uint32
	seen    uint64 // bit i: highest-i
}

func newNonces(key []byte, most int) *nonces {
	return &nonces{key: key, used: newRecent[nonceID, nonceUse](most)}
}

// issue makes a nonce out of eight bytes of chance.
func (n *nonces) issue(now time.Time, chance [8]byte, source netip.Addr) string {
	var id nonceID
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixNano()))
	copy(id[8:], chance[:])
	return base64.RawURLEncoding.EncodeToString(n.mac(id[:], id, source))
}

// mac appends the MAC of a nonce for a source. By IPv6 a phone may change its address within its network.
func (n *nonces) mac(out []byte, id nonceID, source netip.Addr) []byte {
	h := hmac.New(sha256.New, n.key)
	h.Write(id[:])
	h.Write(limits.Prefix(source).Addr().AsSlice())
	return append(out, h.Sum(nil)[:nonceMAC]...)
}

// valid says whether the nonce was given to the source, and not too long ago.
func (n *nonces) valid(now time.Time, nonce string, source netip.Addr) (nonceID, bool) {
	var id nonceID
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != len(id)+nonceMAC {
		return id, false
	}
	copy(id[:], raw)
	if !hmac.Equal(raw, n.mac(id[:], id, source)) {
		return id, false
	}
	age := now.Sub(id.issued())
	return id, age >= 0 && age < nonceLife
}

// use takes a count of a valid nonce; false when it was used before, or may have been. Counts may be left out, and come a
// little late.
func (n *nonces) use(id nonceID, count uint32) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	u, known := n.used.get(id)
	switch {
	case !known && !id.issued().After(n.forgotten):
		return false
	case !known || count > u.highest:
		if shift := count - u.highest; known && shift < nonceAhead {
			u.seen <<= shift
		} else {
			u.seen = 0
		}
		u.highest = count
		u.seen |= 1
	default:
		behind := u.highest - count
		if behind >= nonceAhead || u.seen&(1<<behind) != 0 {
			return false
		}
		u.seen |= 1 << behind
	}
	for id := range n.used.set(id, u) {
		if t := id.issued(); t.After(n.forgotten) {
			n.forgotten = t
		}
	}
	return true
}

func (n *nonces) len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.used.len()
}
