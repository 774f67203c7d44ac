// Package wav reads and writes sound files: RIFF WAVE, PCM, 16 bit.
package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Sound is mono PCM.
type Sound struct {
	Rate int // Hz
	PCM  []int16
}

// Duration of the sound.
func (s Sound) Duration() time.Duration {
	if s.Rate <= 0 {
		return 0
	}
	return time.Duration(len(s.PCM)) * time.Second / time.Duration(s.Rate)
}

// MaxBytes is the largest file Read takes: 23 minutes of mono at 48 kHz.
const MaxBytes = 128 << 20

const (
	minRate = 4000
	maxRate = 192000
)

// Read reads a file. Two channels are averaged to one. Errors name the file
// and say how to mend it.
func Read(path string) (Sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sound{}, fmt.Errorf("wav: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Sound{}, fmt.Errorf("wav: %w", err)
	}
	if len(b) > MaxBytes {
		return Sound{}, fmt.Errorf("wav: %s: larger than %d MiB; cut it: sox %[1]s short.wav trim 0 600", path, MaxBytes>>20)
	}
	s, err := Parse(b)
	if err != nil {
		return Sound{}, fmt.Errorf("wav: %s: %w", path, err)
	}
	return s, nil
}

const mend = "; convert it: sox in.wav -b 16 -c 1 -e signed out.wav"

// Parse reads the contents of a file. A data chunk whose length is 0, or more
// than there is, goes on to the end: a recorder that was killed leaves it so.
func Parse(b []byte) (Sound, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return Sound{}, errors.New("not a RIFF WAVE file" + mend)
	}
	var f format
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		switch id {
		case "fmt ":
			if size > len(b) {
				return Sound{}, errors.New("ends inside its format" + mend)
			}
			var err error
			if f, err = parseFormat(b[:size]); err != nil {
				return Sound{}, err
			}
		case "data":
			if f.rate == 0 {
				return Sound{}, errors.New("has sound before its format" + mend)
			}
			if size == 0 || size > len(b) {
				size = len(b)
			}
			return f.sound(b[:size])
		}
		size += size & 1 // chunks are padded to even length
		b = b[min(size, len(b)):]
	}
	return Sound{}, errors.New("holds no sound: no data chunk" + mend)
}

type format struct{ rate, channels int }

func parseFormat(b []byte) (format, error) {
	if len(b) < 16 {
		return format{}, errors.New("its format is too short" + mend)
	}
	tag := binary.LittleEndian.Uint16(b)
	if tag == 0xfffe && len(b) >= 26 { // WAVE_FORMAT_EXTENSIBLE: the tag is in the GUID
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	channels, rate := int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint32(b[4:])
	bits := binary.LittleEndian.Uint16(b[14:])
	switch {
	case tag != 1 || bits != 16:
		return format{}, fmt.Errorf("format %d with %d bits: need 16-bit PCM (format 1)%s", tag, bits, mend)
	case channels < 1 || channels > 2:
		return format{}, fmt.Errorf("%d channels: need 1 or 2%s", channels, mend)
	case rate < minRate || rate > maxRate:
		return format{}, fmt.Errorf("%d Hz: need %d to %d%s", rate, minRate, maxRate, mend)
	}
	return format{rate: int(rate), channels: channels}, nil
}

func (f format) sound(b []byte) (Sound, error) {
	s := Sound{Rate: f.rate, PCM: make([]int16, len(b)/2/f.channels)}
	if len(s.PCM) == 0 {
		return Sound{}, errors.New("its sound is empty")
	}
	for i := range s.PCM {
		if f.channels == 1 {
			s.PCM[i] = sample(b, i)
			continue
		}
		s.PCM[i] = int16((int32(sample(b, 2*i)) + int32(sample(b, 2*i+1))) / 2)
	}
	return s, nil
}

func sample(b []byte, i int) int16 { return int16(binary.LittleEndian.Uint16(b[2*i:])) }
