// Package mixer decides who is heard and makes the sound that listeners get.
//
// Choosing (DESIGN 6): [Rank] orders streams, [Select] keeps the best N_max.
//
// Mixing (DESIGN 7): the streams that are heard are brought to the rate of the
// conference ([Resampler]), evened out ([Gain]), faded in and out ([Fader]) and
// summed in 32 bits ([Add]); each speaker gets the sum without himself
// ([Subtract]); a [Limiter] brings every sum back to 16 bits, once, without
// clipping.
//
// Samples are linear 16-bit mono at 8, 16 or 48 kHz; sums are int32 at the same
// scale. Nothing here allocates after its constructor. The package is pure: it
// opens nothing, reads no clock and logs nothing. Values with methods on
// pointers belong to one goroutine.
package mixer
