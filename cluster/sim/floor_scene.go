package sim

import (
	"math/rand/v2"
	"time"
)

// floorScenes are the conversations that every method meets.
func floorScenes(c FloorConfig) []scene {
	meeting := DefaultTalk(8)

	lively := meeting
	lively.Interruptions, lively.Laughs = 12, 1

	disturbed := lively
	disturbed.Participants = 12
	disturbed.Speakers = 8
	disturbed.Bangs, disturbed.Tunes = 4, 0.5
	disturbed.Soft, disturbed.Noisy = 0.25, 0.4

	tables := DefaultTalk(8)
	tables.Tables = 2
	tables.Interruptions = 6

	six := DefaultTalk(6)
	six.Crowd = 6

	var scenes []scene
	for i, v := range []struct {
		name string
		talk Talk
	}{
		{"meeting", meeting},
		{"lively meeting", lively},
		{"disturbed meeting", disturbed},
		{"two conversations", tables},
		{"six at once", six},
	} {
		scenes = append(scenes, newScene(v.name, v.talk, c.Seed+uint64(i)<<32, c))
	}
	return scenes
}

// newScene is some minutes of a conversation, with recorded voices if there are any.
func newScene(name string, t Talk, seed uint64, cfg FloorConfig) scene {
	s := scene{name: name}
	slots, n := cfg.Minutes*int(time.Minute/Slot), t.Participants
	x, kinds := make([]uint16, slots*n), make([]Kind, slots*n)
	c := NewConversation(t, seed)
	var voices []*recorded
	for i := range n {
		s.noisy = append(s.noisy, c.people[i].noise > 0)
		if len(cfg.Speech) == 0 {
			continue
		}
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		voices = append(voices, newRecorded(r, cfg.Speech[i%len(cfg.Speech)], c.people[i].level))
	}
	for i := range slots {
		s.x = append(s.x, x[i*n:(i+1)*n])
		s.kinds = append(s.kinds, kinds[i*n:(i+1)*n])
		for _, sound := range c.Next() {
			if sound.Kind.Speaks() && voices != nil {
				sound = voices[sound.Participant].say(sound, c.people[sound.Participant].noise)
			}
			s.x[i][sound.Participant], s.kinds[i][sound.Participant] = sound.X, sound.Kind
		}
	}
	return s
}
