package sip

// recent is a bounded map that forgets what was not set for longest: whole generations of it, so that no order has to
// be kept. It holds at most twice most entries. It needs a lock of its owner's.
type recent[K comparable, V any] struct {
	most       int
	young, old map[K]V
}

func newRecent[K comparable, V any](most int) recent[K, V] {
	return recent[K, V]{most: most, young: make(map[K]V)}
}

// get finds an entry; to be kept for longer it must be set again.
func (r *recent[K, V]) get(key K) (v V, ok bool) {
	if v, ok = r.young[key]; !ok {
		v, ok = r.old[key]
	}
	return v, ok
}

// set makes or replaces an entry. It returns what was forgotten for it, nil most times.
func (r *recent[K, V]) set(key K, v V) (forgotten map[K]V) {
	if _, ok := r.young[key]; !ok && len(r.young) >= r.most {
		forgotten, r.old, r.young = r.old, r.young, make(map[K]V)
	}
	delete(r.old, key)
	r.young[key] = v
	return forgotten
}

func (r *recent[K, V]) delete(key K) {
	delete(r.young, key)
	delete(r.old, key)
}

func (r *recent[K, V]) len() int { return len(r.young) + len(r.old) }
