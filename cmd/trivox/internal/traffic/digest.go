package traffic

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// hashes are the digest algorithms that are known. RFC 8760
var hashes = map[string]func() hash.Hash{"MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256}

// credentials answer the challenges of one user's server. RFC 7616, 3.4
type credentials struct {
	user, password string
	only           string // algorithm, empty: any

	realm, nonce, opaque, algorithm string // of the last challenge; nonce empty: none came
	qop                             bool
	nc                              uint32
	ha1                             string
}

// challenged takes the challenges of a 401 or 407; false when none of them can be answered.
func (c *credentials) challenged(res []byte) bool {
	for _, v := range slices.Concat(all(res, "WWW-Authenticate", ""), all(res, "Proxy-Authenticate", "")) {
		scheme, rest, _ := bytes.Cut(v, []byte(" "))
		if !bytes.EqualFold(scheme, []byte("Digest")) {
			continue
		}
		p := parameters(string(rest))
		algorithm := "MD5"
		if a := p["algorithm"]; a != "" {
			algorithm = strings.ToUpper(a)
		}
		if hashes[algorithm] == nil || c.only != "" && c.only != algorithm || p["nonce"] == "" {
			continue
		}
		if algorithm != c.algorithm || p["realm"] != c.realm {
			c.ha1 = digest(algorithm, c.user+":"+p["realm"]+":"+c.password)
		}
		c.realm, c.nonce, c.opaque, c.algorithm, c.nc = p["realm"], p["nonce"], p["opaque"], algorithm, 0
		c.qop = slices.Contains(strings.FieldsFunc(p["qop"], func(r rune) bool { return r == ',' || r == ' ' }), "auth")
		return true
	}
	return false
}

// append writes an Authorization header, when there was a challenge; the nonce is used again, counted.
func (c *credentials) append(dst []byte, method, uri string) []byte {
	if c.nonce == "" {
		return dst
	}
	ha2 := digest(c.algorithm, method+":"+uri)
	dst = fmt.Appendf(dst, `Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s`, c.user, c.realm, c.nonce, uri, c.algorithm)
	if c.opaque != "" {
		dst = fmt.Appendf(dst, `, opaque="%s"`, c.opaque)
	}
	if !c.qop {
		return fmt.Appendf(dst, ", response=\"%s\"\r\n", digest(c.algorithm, c.ha1+":"+c.nonce+":"+ha2))
	}
	c.nc++
	nc := fmt.Sprintf("%08x", c.nc)
	cnonce := strconv.FormatUint(uint64(c.nc)*0x9e3779b97f4a7c15, 36)
	response := respond(c.algorithm, c.ha1, c.nonce, nc, cnonce, ha2)
	return fmt.Appendf(dst, ", qop=auth, nc=%s, cnonce=\"%s\", response=\"%s\"\r\n", nc, cnonce, response)
}

// respond proves the password. RFC 7616, 3.4.1
func respond(algorithm, ha1, nonce, nc, cnonce, ha2 string) string {
	return digest(algorithm, ha1+":"+nonce+":"+nc+":"+cnonce+":auth:"+ha2)
}

func digest(algorithm, text string) string {
	h := hashes[algorithm]()
	_, _ = h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// parameters reads name=value pairs with commas between, values quoted or not.
func parameters(s string) map[string]string {
	out := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			value, s = quoted(rest[1:])
			_, s, _ = strings.Cut(s, ",")
		} else {
			value, s, _ = strings.Cut(rest, ",")
			value = strings.TrimSpace(value)
		}
		out[strings.ToLower(strings.TrimSpace(name))] = value
	}
	return out
}

// quoted reads up to the closing quote.
func quoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
