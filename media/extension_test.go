package media

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
	"pgregory.net/rapid"
)

func TestExtensionsFind(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile uint16
		body    []byte
		id      uint8
		want    []byte // nil: not found
	}{
		{"one byte", 0xbede, []byte{0x10, 0xaa, 0, 0}, 1, []byte{0xaa}},
		{"one byte, second", 0xbede, []byte{0x11, 1, 2, 0x20, 3, 0, 0, 0}, 2, []byte{3}},
		{"one byte, padding before", 0xbede, []byte{0, 0, 0x30, 7}, 3, []byte{7}},
		{"one byte, other id", 0xbede, []byte{0x10, 0xaa, 0, 0}, 2, nil},
		{"one byte, id 15 ends", 0xbede, []byte{0xf0, 1, 0x10, 2}, 1, nil},
		{"one byte, id 0", 0xbede, []byte{0, 1, 0x10, 2}, 0, nil},
		{"one byte, cut off", 0xbede, []byte{0x12, 1, 2}, 1, nil},
		{"two bytes", 0x1000, []byte{1, 2, 8, 9}, 1, []byte{8, 9}},
		{"two bytes, application bits", 0x100f, []byte{1, 1, 8, 0}, 1, []byte{8}},
		{"two bytes, empty element", 0x1000, []byte{5, 0, 1, 1, 9}, 5, []byte{}},
		{"two bytes, large id", 0x1000, []byte{0, 200, 1, 9}, 200, []byte{9}},
		{"two bytes, id 15 does not end", 0x1000, []byte{15, 1, 1, 1, 1, 9}, 1, []byte{9}},
		{"two bytes, cut off", 0x1000, []byte{1, 4, 8, 9}, 1, nil},
		{"two bytes, length missing", 0x1000, []byte{1}, 1, nil},
		{"another profile", 0x1234, []byte{0x10, 0xaa, 0, 0}, 1, nil},
		{"none", 0, nil, 1, nil},
	} {
		got, ok := Extensions{Profile: c.profile, Body: c.body}.Find(c.id)
		if ok != (c.want != nil) || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, %v", c.name, got, ok)
		}
	}
}

// What pion writes we find, in both forms.
func TestExtensionsAgreeWithPion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		large := rapid.Bool().Draw(t, "two-byte form")
		last, size := 14, 16
		if large {
			last, size = 255, 60
		}
		h := rtp.Header{Version: 2, Extension: true, ExtensionProfile: 0xbede}
		if large {
			h.ExtensionProfile = 0x1000
		}
		elements := rapid.MapOfN(rapid.Uint8Range(1, uint8(last)), rapid.SliceOfN(rapid.Byte(), 1, size), 1, 5).Draw(t, "elements")
		for id, e := range elements {
			if err := h.SetExtension(id, e); err != nil {
				t.Fatal(err)
			}
		}
		b, err := h.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseRTP(append(b, 1))
		if !ok {
			t.Fatalf("%x is not taken", b)
		}
		for id, e := range elements {
			if found, ok := got.extensions.Find(id); !ok || !bytes.Equal(found, e) {
				t.Errorf("element %d: %x, %v, want %x", id, found, ok, e)
			}
		}
	})
}

func TestLevel(t *testing.T) {
	for b := range 256 {
		l, ok := ParseLevel([]byte{byte(b), 0})
		if !ok || l.Voice != (b >= 128) || int(l.DBov) != b%128 {
			t.Errorf("%#x: %+v", b, l)
		}
		ext := appendLevel(nil, 4, l)
		e, ok := Extensions{Profile: uint16(ext[0])<<8 | uint16(ext[1]), Body: ext[4:]}.Find(4)
		if !ok || len(e) != 1 || e[0] != byte(b) {
			t.Errorf("%#x: written as %x", b, ext)
		}
	}
	if _, ok := ParseLevel(nil); ok {
		t.Error("an empty element has a level")
	}
}
