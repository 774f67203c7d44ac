package wav

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

const headerBytes = 44

// maxSamples is what the 32-bit lengths of the header can say.
const maxSamples = (1<<32 - 1 - headerBytes) / 2

// Writer writes a mono file as the sound comes. Until Close the header says
// that the length is unknown; Read takes such a file as it is.
type Writer struct {
	f       *os.File
	w       *bufio.Writer
	samples int64
}

// Create makes or truncates the file.
func Create(path string, rate int) (*Writer, error) {
	if rate < minRate || rate > maxRate {
		return nil, fmt.Errorf("wav: %s: %d Hz: need %d to %d", path, rate, minRate, maxRate)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("wav: %w", err)
	}
	w := &Writer{f: f, w: bufio.NewWriterSize(f, 32<<10)}
	if _, err := w.w.Write(header(rate, 0)); err != nil {
		f.Close()
		return nil, fmt.Errorf("wav: %w", err)
	}
	return w, nil
}

// Write appends pcm.
func (w *Writer) Write(pcm []int16) error {
	if w.samples+int64(len(pcm)) > maxSamples {
		return errors.New("wav: the file is full: a WAV holds 4 GiB; record in parts")
	}
	w.samples += int64(len(pcm))
	var b [2]byte
	for _, v := range pcm {
		binary.LittleEndian.PutUint16(b[:], uint16(v))
		if _, err := w.w.Write(b[:]); err != nil {
			return fmt.Errorf("wav: %w", err)
		}
	}
	return nil
}

// Close writes the lengths into the header and closes the file.
func (w *Writer) Close() error {
	err := w.w.Flush()
	var b [4]byte
	patch := func(n int64, at int64) {
		binary.LittleEndian.PutUint32(b[:], uint32(n))
		if _, e := w.f.WriteAt(b[:], at); err == nil {
			err = e
		}
	}
	patch(w.samples*2+headerBytes-8, 4)
	patch(w.samples*2, headerBytes-4)
	if e := w.f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("wav: %w", err)
	}
	return nil
}

// Write writes a whole file.
func Write(path string, s Sound) error {
	w, err := Create(path, s.Rate)
	if err != nil {
		return err
	}
	err = w.Write(s.PCM)
	return errors.Join(err, w.Close())
}

func header(rate int, samples uint32) []byte {
	b := make([]byte, 0, headerBytes)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, samples*2+headerBytes-8)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, 1) // channels
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate)*2)
	b = le.AppendUint16(b, 2)  // octets a sample
	b = le.AppendUint16(b, 16) // bits
	b = append(b, "data"...)
	return le.AppendUint32(b, samples*2)
}
