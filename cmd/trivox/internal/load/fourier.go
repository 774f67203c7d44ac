package load

import (
	"math"
	"math/bits"
)

// products gives the sums over i of ref[shift+i]*x[i], for every shift at
// which x lies within ref, by way of the Fourier transform.
func products(ref, x []float64) []float64 {
	size := 1 << bits.Len(uint(len(ref)-1))
	a, b := make([]complex128, size), make([]complex128, size)
	for i, r := range ref {
		a[i] = complex(r, 0)
	}
	for i, v := range x {
		b[i] = complex(v, 0)
	}
	turns := make([]complex128, size/2)
	for i := range turns {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / float64(size))
		turns[i] = complex(cos, sin)
	}
	fourier(a, turns)
	fourier(b, turns)
	for i := range a {
		// The transform of the conjugate is the inverse, conjugated.
		p := a[i] * complex(real(b[i]), -imag(b[i]))
		a[i] = complex(real(p), -imag(p))
	}
	fourier(a, turns)
	out := make([]float64, len(ref)-len(x)+1)
	for i := range out {
		out[i] = real(a[i]) / float64(size)
	}
	return out
}

// fourier transforms in place, len(a) a power of two (Cooley and Tukey, 1965).
func fourier(a, turns []complex128) {
	shift := 64 - bits.Len(uint(len(a)-1))
	for i := range a {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			a[i], a[j] = a[j], a[i]
		}
	}
	for half := 1; half < len(a); half *= 2 {
		stride := len(turns) / half
		for at := 0; at < len(a); at += 2 * half {
			for k := range half {
				u, v := a[at+k], a[at+k+half]*turns[k*stride]
				a[at+k], a[at+k+half] = u+v, u-v
			}
		}
	}
}
