package loudness

import "math"

// FullScale is the amplitude of the loudest possible packet, an RMS of 32768.
const FullScale = 65535

// Amplitude returns the RMS amplitude of n 16-bit samples whose squares sum
// up to sumSquares, as a fraction of full scale, rounded down; 0 when n is
// not positive. It is exact: the square root of an integer below 2^52 is
// rounded correctly by IEEE 754 on every processor, and so is its floor.
func Amplitude(sumSquares uint64, n int) uint16 {
	if n <= 0 {
		return 0
	}
	if sumSquares >= uint64(n)<<30 {
		return FullScale // and what no 16-bit samples can give
	}
	// FullScale is twice 32768 but for one, so x = sqrt(4 * mean square).
	return uint16(math.Sqrt(float64(4 * sumSquares / uint64(n))))
}

// Samples returns the amplitude of pcm, 16-bit samples at any rate.
func Samples(pcm []int16) uint16 {
	var sum uint64
	for _, s := range pcm {
		sum += uint64(int64(s) * int64(s))
	}
	return Amplitude(sum, len(pcm))
}
