package mixer

// Select returns the indices of the best n of ranks whose number is above 0,
// best first. It writes them into dst from its beginning and allocates nothing
// when cap(dst) >= n. n is N_max, a handful: the work is len(ranks) plus a
// little for each of those that are ever among the best.
func Select(dst []int, ranks []Rank, n int) []int {
	dst = dst[:0]
	if n <= 0 {
		return dst
	}
	var worst uint64 // key of the last of dst once dst is full
	for i := range ranks {
		r := &ranks[i]
		if r.Number == 0 {
			continue
		}
		k := r.key()
		if len(dst) == n {
			if k <= worst {
				continue
			}
			dst = dst[:n-1]
		}
		dst = append(dst, i)
		for j := len(dst) - 1; j > 0 && ranks[dst[j-1]].key() < k; j-- {
			dst[j-1], dst[j] = dst[j], dst[j-1]
		}
		if len(dst) == n {
			worst = ranks[dst[n-1]].key()
		}
	}
	return dst
}
