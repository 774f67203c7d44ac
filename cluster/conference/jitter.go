package conference

import "trivox/media/jitter"

// jitterConfig is how a leg's jitter buffer behaves (DESIGN 3).
func jitterConfig() jitter.Config { return jitter.Config{Slot: Slot} }
