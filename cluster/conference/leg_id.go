package conference

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// idPart is how many numbers half the name of a leg can say: 8 characters of base 36.
const idPart = 36 * 36 * 36 * 36 * 36 * 36 * 36 * 36

// newID draws the name of a leg: 8 characters of the time in milliseconds, which last until 2059, and 8 by chance. The
// records of calls are kept in the order of these names, so those of calls that began together lie together: a commit of
// 250 writes 20 pages for them instead of 250.
func newID(now time.Time, r *rand.Rand) string {
	at := strconv.FormatUint(idPart+uint64(now.UnixMilli())%idPart, 36) // idPart stands for leading zeros, and a 1 before them
	chance := strconv.FormatUint(idPart+r.Uint64N(idPart), 36)
	return at[1:] + chance[1:]
}
