package mixer

// Add adds the samples of pcm to acc. Two slices of different lengths are
// mixed over the shorter one.
func Add(acc []int32, pcm []int16) {
	n := min(len(acc), len(pcm))
	acc, pcm = acc[:n], pcm[:n]
	for i, s := range pcm {
		acc[i] += int32(s)
	}
}

// Subtract takes the samples of pcm out of acc again: what a speaker hears is
// the sum of all without himself.
func Subtract(acc []int32, pcm []int16) {
	n := min(len(acc), len(pcm))
	acc, pcm = acc[:n], pcm[:n]
	for i, s := range pcm {
		acc[i] -= int32(s)
	}
}
