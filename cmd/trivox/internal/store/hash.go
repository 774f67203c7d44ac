package store

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"slices"

	"trivox/sip"
)

// kind is one of the hashes that are kept of a password.
type kind struct {
	algorithm  sip.Algorithm
	withDomain bool // the user name in it is "name@domain", as some phones send it
}

// kinds are all there are, in the order of hashColumns.
var kinds = [...]kind{
	{sip.MD5, false}, {sip.SHA256, false}, {sip.SHA512256, false},
	{sip.MD5, true}, {sip.SHA256, true}, {sip.SHA512256, true},
}

// hashColumns are the columns of kinds. An empty one says that there is no such hash.
const hashColumns = "ha1_md5, ha1_sha256, ha1_sha512_256, ha1_md5_at, ha1_sha256_at, ha1_sha512_256_at"

// key is what the hash stands under in sip.Account.
func (k kind) key() sip.Algorithm {
	if k.withDomain {
		return k.algorithm.WithDomain()
	}
	return k.algorithm
}

// hash is what a server keeps in place of the password, for the realm that is the domain. RFC 7616, 3.4.2 (RG-5)
func (k kind) hash(name, domain, password string) string {
	if k.withDomain {
		name = aorOf(name, domain)
	}
	text := []byte(name + ":" + domain + ":" + password)
	switch k.algorithm {
	case sip.MD5:
		sum := md5.Sum(text)
		return hex.EncodeToString(sum[:])
	case sip.SHA256:
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	case sip.SHA512256:
		sum := sha512.Sum512_256(text)
		return hex.EncodeToString(sum[:])
	}
	panic("store: no such algorithm: " + string(k.algorithm))
}

// hashes are the values of hashColumns for the algorithms, for all when none is given.
func hashes(name, domain, password string, list []sip.Algorithm) []any {
	if len(list) == 0 {
		list = algorithms
	}
	return columns(list, func(k kind) string { return k.hash(name, domain, password) })
}

// columns are the values of hashColumns, empty for algorithms that are not in the list.
func columns(list []sip.Algorithm, of func(kind) string) []any {
	var out []any
	for _, k := range kinds {
		value := ""
		if slices.Contains(list, k.algorithm) {
			value = of(k)
		}
		out = append(out, value)
	}
	return out
}
