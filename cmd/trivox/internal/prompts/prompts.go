// Package prompts is what the server says to callers, in each language: built in, and replaced or added to by files of
// the operator's.
package prompts

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"trivox/cmd/trivox/internal/wav"
)

const (
	// longest is how long one prompt may be.
	longest = 10 * time.Second
	// tail is the silence after each: what is said is out of the caller's telephone before his call is ended (USERS 1).
	tail = 200 * time.Millisecond
	// maxLanguages bounds the folders of languages.
	maxLanguages = 50
	// maxFile bounds a file, in bytes: longest in stereo at 192 kHz, and some more.
	maxFile = 8 << 20
)

// builtin is made by make.sh.
//
//go:embed en/*.wav de/*.wav
var builtin embed.FS

// Set is all prompts at one sample rate. It never changes.
type Set struct{ languages map[string]map[string][]int16 }

// Load gives the prompts of these names at rate Hz: those built in, and in their place or beside them the files of the
// folder dir, LANGUAGE/NAME.wav; "" is no folder. A language that is not built in needs a file for every name. Errors
// name the file and say how to mend it.
func Load(dir string, names []string, rate int) (*Set, error) {
	s := &Set{languages: map[string]map[string][]int16{}}
	if err := s.read(builtin, "", names, rate); err != nil {
		return nil, err
	}
	if dir == "" {
		return s, nil
	}
	if err := s.read(os.DirFS(dir), dir, names, rate); err != nil {
		return nil, err
	}
	for _, language := range s.Languages() {
		for _, name := range names {
			if s.languages[language][name] == nil {
				return nil, fmt.Errorf("rooms.prompts: %s.wav is missing in %s: a language that is not built in needs each of %s",
					name, path.Join(dir, language), strings.Join(names, ", "))
			}
		}
	}
	return s, nil
}

// Languages are those there are, in alphabetical order.
func (s *Set) Languages() []string { return slices.Sorted(maps.Keys(s.languages)) }

// Get is one prompt, nil when there is none. It must not be changed.
func (s *Set) Get(language, name string) []int16 { return s.languages[language][name] }

// read takes the folders of languages in files; dir is their path, for errors.
func (s *Set) read(files fs.FS, dir string, names []string, rate int) error {
	folders, err := fs.ReadDir(files, ".")
	if err != nil {
		return fmt.Errorf("rooms.prompts: %w", named(dir, err))
	}
	for _, f := range folders {
		if !f.IsDir() || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if s.languages[f.Name()] == nil {
			if len(s.languages) == maxLanguages {
				return fmt.Errorf("rooms.prompts: %s has more than %d languages", dir, maxLanguages)
			}
			s.languages[f.Name()] = map[string][]int16{}
		}
		if err := s.readLanguage(files, dir, f.Name(), names, rate); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) readLanguage(files fs.FS, dir, language string, names []string, rate int) error {
	list, err := fs.ReadDir(files, language)
	if err != nil {
		return fmt.Errorf("rooms.prompts: %w", named(dir, err))
	}
	for _, f := range list {
		name, isWAV := strings.CutSuffix(f.Name(), ".wav")
		if !isWAV || f.IsDir() || strings.HasPrefix(name, ".") {
			continue
		}
		where := path.Join(dir, language, f.Name())
		if !slices.Contains(names, name) {
			return fmt.Errorf("rooms.prompts: %s: no prompt is called so; there are %s", where, strings.Join(names, ", "))
		}
		pcm, err := sound(files, path.Join(language, f.Name()), rate)
		if err != nil {
			return fmt.Errorf("rooms.prompts: %s: %w", where, err)
		}
		s.languages[language][name] = pcm
	}
	return nil
}

// sound reads one file.
func sound(files fs.FS, name string, rate int) ([]int16, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, named("", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, named("", err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes; cut it: sox in.wav out.wav trim 0 %.0f", maxFile, longest.Seconds())
	}
	w, err := wav.Parse(b)
	if err != nil {
		return nil, err
	}
	if d := w.Duration(); d > longest {
		return nil, fmt.Errorf("lasts %v, at most %v are heard out; cut it: sox in.wav out.wav trim 0 %.0f",
			d.Round(time.Millisecond), longest, longest.Seconds())
	}
	return append(w.At(rate).PCM, make([]int16, int(tail)*rate/int(time.Second))...), nil
}

// named has the folder's path in an error that knows only what is below it.
func named(dir string, err error) error {
	if failed, ok := err.(*fs.PathError); ok {
		return fmt.Errorf("%s: %w", path.Join(dir, failed.Path), failed.Err)
	}
	return err
}
