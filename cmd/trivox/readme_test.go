package main

import (
	"bytes"
	"cmp"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/wav"
	"trivox/media/codec"
)

// The README's promise: three terminals, three callers with different speech; each recording holds the two others at
// equal level, and not the one who made it.
func TestThreeCallersOfTheReadme(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	names := []string{"anna", "boris", "clara"}
	speech, dir := filepath.Join("..", "..", "examples", "speech"), t.TempDir()
	var calls []*exec.Cmd
	var said []*bytes.Buffer
	for _, name := range names {
		cmd := command(t, "call", s.room("tea"), "--play", filepath.Join(speech, name+".wav"),
			"--record", filepath.Join(dir, name+".wav"), "--user", name, "--seconds", "13")
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		calls, said = append(calls, cmd), append(said, out)
	}
	for i, cmd := range calls {
		late := time.AfterFunc(patience+13*time.Second, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		late.Stop()
		if err != nil {
			t.Fatalf("trivox call of %s: %v\n%s", names[i], err, said[i])
		}
		if !strings.Contains(said[i].String(), "heard") {
			t.Errorf("trivox call of %s does not tell what it heard:\n%s", names[i], said[i])
		}
	}
	originals := map[string][]int16{}
	for _, name := range names {
		originals[name] = asCoded(t, filepath.Join(speech, name+".wav"))
	}
	for _, name := range names {
		recording := narrow(t, filepath.Join(dir, name+".wav"))
		var others []float64
		for _, who := range names {
			original := originals[who]
			if name == who {
				if correlation, _ := heardIn(recording, original, 2*searchRate, 2); correlation > 0.25 {
					t.Errorf("%s hears herself or himself: correlation %.3f", name, correlation)
				}
				continue
			}
			correlation, gain := heardIn(recording, original, searchRate/2, 5)
			t.Logf("%s's recording holds %s: correlation %.3f, %.1f dB", name, who, correlation, decibels(gain, 1))
			if correlation < 0.5 {
				t.Errorf("%s does not hear %s: correlation %.3f", name, who, correlation)
			}
			others = append(others, gain)
		}
		if d := math.Abs(decibels(others[0], others[1])); d > 3 {
			t.Errorf("%s hears the others %.1f dB apart, want the same level", name, d)
		}
	}
}

// searchRate is enough to know speech by, and little to search.
const searchRate = 2000

func narrow(t *testing.T, path string) []int16 {
	t.Helper()
	s, err := wav.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return s.At(searchRate).PCM
}

// asCoded is a speech as it comes out of Opus on the way to the server and again on the way from it: Opus keeps how a
// voice sounds, less so the shape of its waves, and of a deep voice least.
func asCoded(t *testing.T, path string) []int16 {
	t.Helper()
	s, err := wav.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	s = s.At(codec.Opus.SampleRate)
	payload, n := make([]byte, codec.MaxPayload), samples(packetTime, s.Rate)
	for range 2 {
		e, err := codec.Opus.NewEncoder(codec.Settings{Complexity: 5})
		if err != nil {
			t.Fatal(err)
		}
		d, err := codec.Opus.NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at+n <= len(s.PCM); at += n {
			size, err := e.Encode(payload, s.PCM[at:at+n])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Decode(s.PCM[at:at+n], payload[:size]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s.At(searchRate).PCM
}

// heardIn looks for the middle of a speech in a recording, piece by piece since a jitter buffer may stretch it, and
// goes by the pieces that fit best: their mean correlation, and their median gain. Short pieces escape the stretches,
// long ones are less like another voice by chance.
func heardIn(recording, speech []int16, piece, best int) (correlation, gain float64) {
	type fit struct{ correlation, gain float64 }
	var fits []fit
	for at := 2 * searchRate; at+piece <= len(speech)-searchRate; at += piece {
		_, c, g := find(recording, speech[at:at+piece])
		fits = append(fits, fit{c, g})
	}
	slices.SortFunc(fits, func(a, b fit) int { return cmp.Compare(b.correlation, a.correlation) })
	fits = fits[:best]
	for _, f := range fits {
		correlation += f.correlation / float64(len(fits))
	}
	slices.SortFunc(fits, func(a, b fit) int { return cmp.Compare(a.gain, b.gain) })
	return correlation, fits[len(fits)/2].gain
}
