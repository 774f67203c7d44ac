package wav

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func tone(rate int, hz, seconds, amplitude float64) Sound {
	s := Sound{Rate: rate, PCM: make([]int16, int(seconds*float64(rate)))}
	for i := range s.PCM {
		s.PCM[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, rate := range []int{8000, 16000, 22050, 44100, 48000} {
		path := filepath.Join(t.TempDir(), "a.wav")
		want := tone(rate, 440, 0.3, 30000)
		if err := Write(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Rate != rate || !equal(got.PCM, want.PCM) {
			t.Errorf("%d Hz: got %d Hz, %d samples", rate, got.Rate, len(got.PCM))
		}
		if d := got.Duration(); d.Round(time.Millisecond) != 300*time.Millisecond {
			t.Errorf("%d Hz: lasts %v", rate, d)
		}
	}
}

func TestUnfinishedFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	w, err := Create(path, 8000)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(make([]int16, 32<<10)); err != nil { // enough to leave the buffer
		t.Fatal(err)
	}
	s, err := Read(path)
	if err != nil || len(s.PCM) < 16<<10 {
		t.Errorf("%d samples, %v", len(s.PCM), err)
	}
}

func TestStereoBecomesMono(t *testing.T) {
	b := header(8000, 4)
	b[22] = 2
	b = append(b, 100, 0, 200, 0, 0xff, 0x7f, 0xff, 0x7f)
	s, err := Parse(b)
	if err != nil || !equal(s.PCM, []int16{150, 32767}) {
		t.Errorf("%v, %v", s.PCM, err)
	}
}

func TestOtherChunksAreSkipped(t *testing.T) {
	b := header(8000, 2)
	list := []byte("LIST\x03\x00\x00\x00abc\x00")
	b = append(append(append([]byte(nil), b[:36]...), list...), b[36:]...)
	b = append(b, 1, 0, 2, 0)
	b = append(b, "id3 \x04\x00\x00\x00abcd"...)
	s, err := Parse(b)
	if err != nil || !equal(s.PCM, []int16{1, 2}) {
		t.Errorf("%v, %v", s.PCM, err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	change := func(at int, v byte) []byte {
		b := append(header(8000, 1), 1, 0)
		b[at] = v
		return b
	}
	for _, tt := range []struct {
		b    []byte
		want string
	}{
		{nil, "RIFF"},
		{[]byte("ID3 this is an MP3 file"), "sox"},
		{change(20, 7), "16-bit PCM"},
		{change(34, 24), "24 bits"},
		{change(22, 6), "6 channels"},
		{change(25, 0), "64 Hz"},
		{header(8000, 0)[:36], "no data"},
		{header(8000, 0)[:30], "ends inside"},
		{header(8000, 0), "empty"},
	} {
		if _, err := Parse(tt.b); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.20q: %v; want something with %q", tt.b, err, tt.want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.wav")); !os.IsNotExist(unwrap(err)) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Create(filepath.Join(t.TempDir(), "a.wav"), 7); err == nil {
		t.Error("7 Hz: no error")
	}
}

func unwrap(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		if err = u.Unwrap(); os.IsNotExist(err) {
			return err
		}
	}
}

// A tone keeps its frequency, level and phase at every rate.
func TestAtKeepsATone(t *testing.T) {
	for _, from := range []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} {
		for _, to := range []int{8000, 16000, 48000} {
			got := tone(from, 1000, 0.5, 10000).At(to)
			want := tone(to, 1000, 0.5, 10000)
			if d := len(got.PCM) - len(want.PCM); got.Rate != to || d < -5 || d > 5 { // 5512.5 samples are 5512
				t.Fatalf("%d to %d: %d Hz, %d samples, want %d", from, to, got.Rate, len(got.PCM), len(want.PCM))
			}
			worst := 0.0
			for i := to / 50; i < len(got.PCM)-to/50; i++ {
				worst = math.Max(worst, math.Abs(float64(got.PCM[i])-float64(want.PCM[i])))
			}
			if worst > 30 {
				t.Errorf("%d to %d: off by %.0f of 10000", from, to, worst)
			}
		}
	}
}

// What the lower rate cannot carry is gone, not folded down.
func TestAtDoesNotFold(t *testing.T) {
	got := tone(48000, 5500, 0.5, 10000).At(8000)
	for i := 400; i < len(got.PCM)-400; i++ {
		if v := got.PCM[i]; v > 30 || v < -30 {
			t.Fatalf("sample %d is %d", i, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(header(8000, 0))
	f.Add(append(header(48000, 2), 1, 2, 3, 4))
	f.Add(bytes.Repeat([]byte("RIFFxxxxWAVEfmt "), 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		if len(s.PCM) == 0 || 2*len(s.PCM) > len(b) || s.Rate < minRate || s.Rate > maxRate {
			t.Fatalf("%d samples at %d Hz from %d bytes", len(s.PCM), s.Rate, len(b))
		}
	})
}

func equal(a, b []int16) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
