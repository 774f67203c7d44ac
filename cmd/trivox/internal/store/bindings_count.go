package store

import (
	"context"
	"fmt"
)

// CountRegistered tells how many bindings there are that have not expired, by transport.
func (s *Store) CountRegistered(ctx context.Context) (map[string]int, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT transport, COUNT(*) FROM bindings WHERE expires > $1 GROUP BY transport", s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("store: count bindings: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var transport string
		var n int
		if err := rows.Scan(&transport, &n); err != nil {
			return nil, fmt.Errorf("store: count bindings: %w", err)
		}
		out[transport] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: count bindings: %w", err)
	}
	return out, nil
}
