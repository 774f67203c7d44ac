package main

import (
	"bytes"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trivox/cmd/trivox/internal/wav"
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
	for _, name := range names {
		recording := narrow(t, filepath.Join(dir, name+".wav"))
		var others []float64
		for _, who := range names {
			correlation, gain := heardIn(recording, narrow(t, filepath.Join(speech, who+".wav")))
			t.Logf("%s's recording holds %s: correlation %.3f, %.1f dB", name, who, correlation, 20*math.Log10(max(gain, 1e-6)))
			if who == name {
				if correlation > 0.27 {
					t.Errorf("%s hears herself or himself: correlation %.3f", name, correlation)
				}
				continue
			}
			if correlation < 0.35 {
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

// heardIn looks for the middle of a speech in a recording, a second at a time since a jitter buffer may stretch it:
// the median of the correlations, and of the gains.
func heardIn(recording, speech []int16) (correlation, gain float64) {
	var correlations, gains []float64
	for at := 2 * searchRate; at+searchRate <= len(speech)-searchRate; at += searchRate {
		_, c, g := find(recording, speech[at:at+searchRate])
		correlations, gains = append(correlations, c), append(gains, g)
	}
	slices.Sort(correlations)
	slices.Sort(gains)
	return correlations[len(correlations)/2], gains[len(gains)/2]
}
