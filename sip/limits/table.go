package limits

import "time"

// table is a bounded map. Each entry is worth something until its due time; the one that is due first gives way when
// there is no room.
type table[K comparable, V any] struct {
	most  int
	index map[K]*entry[K, V]
	heap  []*entry[K, V] // the one due first in front
}

type entry[K comparable, V any] struct {
	key   K
	value V
	due   time.Time
	at    int // in the heap
}

func newTable[K comparable, V any](most int) *table[K, V] {
	return &table[K, V]{most: max(most, 1), index: make(map[K]*entry[K, V])}
}

func (t *table[K, V]) len() int { return len(t.heap) }

// get finds an entry, due or not; nil when there is none.
func (t *table[K, V]) get(key K) *entry[K, V] { return t.index[key] }

// purgeEach is how many worthless entries a change takes away: more than it adds, so that tables shrink, and few, so
// that it takes no time.
const purgeEach = 4

// add makes an entry for a key that has none. It may push out another, which is returned.
func (t *table[K, V]) add(key K, due, now time.Time) (e, gone *entry[K, V]) {
	for range purgeEach {
		if len(t.heap) == 0 || t.heap[0].due.After(now) {
			break
		}
		gone = t.heap[0]
		t.remove(gone)
	}
	if len(t.heap) >= t.most {
		gone = t.heap[0]
		t.remove(gone)
	}
	e = &entry[K, V]{key: key, due: due, at: len(t.heap)}
	t.index[key] = e
	t.heap = append(t.heap, e)
	t.up(e.at)
	return e, gone
}

// move gives an entry another due time.
func (t *table[K, V]) move(e *entry[K, V], due time.Time) {
	e.due = due
	t.up(e.at)
	t.down(e.at)
}

func (t *table[K, V]) remove(e *entry[K, V]) {
	i, last := e.at, len(t.heap)-1
	t.swap(i, last)
	t.heap[last] = nil
	t.heap = t.heap[:last]
	delete(t.index, e.key)
	if i < last {
		t.up(i)
		t.down(i)
	}
}

func (t *table[K, V]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.heap[i].due.Before(t.heap[parent].due) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *table[K, V]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			return
		}
		if child+1 < len(t.heap) && t.heap[child+1].due.Before(t.heap[child].due) {
			child++
		}
		if !t.heap[child].due.Before(t.heap[i].due) {
			return
		}
		t.swap(i, child)
		i = child
	}
}

func (t *table[K, V]) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].at, t.heap[j].at = i, j
}
