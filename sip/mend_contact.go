package sip

import (
	"bytes"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// parseContact reads a Contact whose parameters have quotes, in which sipgo takes ";" and "=" for their ends. Others go
// to fallback.
func parseContact(fallback sip.HeaderParser) sip.HeaderParser {
	return func(name []byte, data string) (sip.Header, error) {
		value := []byte(data)
		if strings.IndexByte(data, '"') < 0 || indexOutside(value, ',') >= 0 {
			return fallback(name, data)
		}
		a, ok := readAddress(value)
		if !ok || bytes.IndexByte(a.params, '"') < 0 {
			return fallback(name, data)
		}
		c := &sip.ContactHeader{DisplayName: string(a.display), Params: sip.NewParams()}
		if err := sip.ParseUri(string(a.uri), &c.Address); err != nil {
			return fallback(name, data)
		}
		for it := (params{a.params}); ; {
			key, v, more, ok := it.next()
			if !more {
				return c, nil
			}
			if !ok {
				return fallback(name, data)
			}
			if hasBlank(v) { // sipgo puts quotes round what has blanks, and only that
				v = bytes.Trim(v, `"`)
			}
			c.Params.Add(string(key), string(v))
		}
	}
}
