package sim

import (
	"fmt"
	"path/filepath"
	"time"

	"trivox/cluster/sim"
	"trivox/cmd/trivox/internal/wav"
	"trivox/loudness"
)

// recordings reads the amplitudes of the WAV files of a folder, in the order of
// their names; none when no folder is named.
func recordings(dir string) ([][]uint16, error) {
	if dir == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.wav"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("sim: --speech %s: no WAV files there, e.g. examples/speech", dir)
	}
	var all [][]uint16
	for _, name := range names {
		s, err := wav.Read(name)
		if err != nil {
			return nil, err
		}
		n := int(time.Duration(s.Rate) * sim.Slot / time.Second)
		var x []uint16
		for at := 0; at+n <= len(s.PCM); at += n {
			x = append(x, loudness.Samples(s.PCM[at:at+n]))
		}
		all = append(all, sim.Recording(x))
	}
	return all, nil
}
