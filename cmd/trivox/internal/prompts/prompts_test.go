package prompts

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trivox/cmd/trivox/internal/lobby"
	"trivox/cmd/trivox/internal/wav"
)

const rate = 16000

func names() (out []string) {
	for _, p := range lobby.Prompts() {
		out = append(out, string(p))
	}
	return out
}

// Every language that is built in has every prompt, all equally loud, none of them cut off at its ends.
func TestBuiltIn(t *testing.T) {
	s, err := Load("", names(), rate)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Languages(); !slices.Equal(got, []string{"de", "en"}) {
		t.Errorf("languages %q", got)
	}
	for _, language := range s.Languages() {
		for _, name := range names() {
			pcm := s.Get(language, name)
			if len(pcm) < rate/2 || len(pcm) > 10*rate {
				t.Errorf("%s/%s has %d samples", language, name, len(pcm))
				continue
			}
			var sum float64
			silence := int(tail.Seconds() * rate)
			for _, v := range pcm[:len(pcm)-silence] {
				sum += float64(v) * float64(v)
				if v > 32000 || v < -32000 {
					t.Fatalf("%s/%s is clipped", language, name)
				}
			}
			if db := 10 * math.Log10(sum/float64(len(pcm)-silence)/32768/32768); math.Abs(db+20) > 0.5 {
				t.Errorf("%s/%s is at %.1f dBov, want -20", language, name, db)
			}
			if slices.ContainsFunc(pcm[len(pcm)-silence:], func(v int16) bool { return v != 0 }) {
				t.Errorf("%s/%s does not end in silence", language, name)
			}
		}
	}
	if s.Get("en", "none") != nil || s.Get("fr", "full") != nil {
		t.Error("a prompt that does not exist")
	}
}

// folder is one of prompts, with these files and what they hold.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tone is a file of so many samples.
func tone(samples, rate int) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 16)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(2*samples))
	return append(b, bytes.Repeat([]byte{0, 16}, samples)...)
}

// Files replace one prompt of a language, or make another language; any sample rate will do.
func TestReplaced(t *testing.T) {
	files := map[string][]byte{"en/full.wav": tone(800, 8000), "README": nil, ".git/x.wav": nil, "en/notes.txt": nil}
	for _, name := range names() {
		files["fr/"+name+".wav"] = tone(4800, 48000)
	}
	s, err := Load(folder(t, files), names(), rate)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Languages(); !slices.Equal(got, []string{"de", "en", "fr"}) {
		t.Errorf("languages %q", got)
	}
	built, err := Load("", names(), rate)
	if err != nil {
		t.Fatal(err)
	}
	want := 1600 + int(tail.Seconds()*rate)
	if n := len(s.Get("en", "full")); n != want {
		t.Errorf("%d samples of a prompt replaced, want %d", n, want)
	}
	if n := len(s.Get("fr", "locked")); n != want {
		t.Errorf("%d samples of a prompt added, want %d", n, want)
	}
	if !slices.Equal(s.Get("en", "locked"), built.Get("en", "locked")) || !slices.Equal(s.Get("de", "full"), built.Get("de", "full")) {
		t.Error("prompts that no file replaced are others")
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"no sound", map[string][]byte{"en/full.wav": []byte("hello")}, "en/full.wav: not a RIFF WAVE file; convert it: sox"},
		{"unknown name", map[string][]byte{"en/ful.wav": tone(80, 8000)}, "en/ful.wav: no prompt is called so; there are enter-pin,"},
		{"too long", map[string][]byte{"en/full.wav": tone(80001, 8000)}, "en/full.wav: lasts 10s, at most 10s are heard out; cut it"},
		{"too large", map[string][]byte{"en/full.wav": make([]byte, maxFile+1)}, "en/full.wav: larger than"},
		{"half a language", map[string][]byte{"fr/full.wav": tone(80, 8000)}, "enter-pin.wav is missing in"},
	} {
		dir := folder(t, c.files)
		if _, err := Load(dir, names(), rate); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "rooms.prompts: ") {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := Load("/nowhere/at/all", names(), rate); err == nil || !strings.Contains(err.Error(), "/nowhere/at/all: no such file") {
		t.Errorf("no folder: %v", err)
	}
	many := map[string][]byte{}
	for i := range maxLanguages {
		many["l"+string(rune('a'+i/26))+string(rune('a'+i%26))+"/x"] = nil
	}
	if _, err := Load(folder(t, many), names(), rate); err == nil || !strings.Contains(err.Error(), "more than 50 languages") {
		t.Errorf("many languages: %v", err)
	}
}

// What is in the repository is what wav reads at the rate of the conference, so nothing is resampled.
func TestBuiltInRate(t *testing.T) {
	b, err := builtin.ReadFile("en/enter-pin.wav")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := wav.Parse(b); err != nil || s.Rate != rate {
		t.Errorf("%d Hz, %v", s.Rate, err)
	}
}
