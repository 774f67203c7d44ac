package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// sizes are how many rows one statement takes: few sizes, so that each is prepared once, and few statements for any
// number of rows.
var sizes = [...]int{128, 64, 32, 16, 8, 4, 2, 1}

// inSizes cuts n rows into statements: it calls do with where each begins and how many it takes, until do fails.
func inSizes(n int, do func(at, count int) error) error {
	at := 0
	for _, size := range sizes {
		for ; n-at >= size; at += size {
			if err := do(at, size); err != nil {
				return err
			}
		}
	}
	return nil
}

// forSizes makes the statement for each of sizes.
func forSizes(statement func(count int) string) map[int]string {
	out := make(map[int]string, len(sizes))
	for _, n := range sizes {
		out[n] = statement(n)
	}
	return out
}

// places is "$1, $2, ..." for n parameters after the first so many.
func places(after, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", after+i+1)
	}
	return b.String()
}

// insertion is an INSERT of so many rows up to and without what is to be done about a conflict.
func insertion(table string, columns []string, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + places(i*len(columns), len(columns)) + ")")
	}
	return b.String()
}

// maxDeleted bounds how many rows one transaction deletes, so that other changes do not wait long for it.
const maxDeleted = 1000

// deleteSome does a DELETE of at most $2 rows that were over at $1 until there are none left, and tells how many there
// were.
func (s *Store) deleteSome(ctx context.Context, query string, over time.Time) (int, error) {
	total := 0
	for {
		n := int64(0)
		err := s.apart(ctx, func(ctx context.Context, tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, query, micros(over), maxDeleted)
			if err != nil {
				return err
			}
			n, err = result.RowsAffected()
			return err
		})
		if err != nil {
			return total, err
		}
		total += int(n)
		if n < maxDeleted {
			return total, nil
		}
	}
}
