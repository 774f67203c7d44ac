package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"trivox/sip"
)

// bindingColumns are those of the table, in the order in which row and scanBindings have them.
var bindingColumns = []string{"aor", "n", "contact", "instance", "reg_id", "q", "path", "call_id", "cseq", "expires", "since",
	"user_agent", "transport", "source", "local", "flow"}

var bindingList = strings.Join(bindingColumns, ", ")

// bindingSelects read the bindings of so many users, bindingUpserts write so many over what is at their places.
var (
	bindingSelects = forSizes(func(count int) string {
		return "SELECT " + bindingList + " FROM bindings WHERE aor IN (" + places(0, count) + ") ORDER BY aor, n"
	})
	bindingUpserts = forSizes(func(count int) string {
		sets := make([]string, 0, len(bindingColumns))
		for _, c := range bindingColumns[2:] {
			sets = append(sets, c+" = excluded."+c)
		}
		return insertion("bindings", bindingColumns, count) + " ON CONFLICT (aor, n) DO UPDATE SET " + strings.Join(sets, ", ")
	})
)

// bindingRow is a row of the table.
type bindingRow struct {
	aor     string
	n       int
	binding sip.Binding
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// normal gives bindings as they come back from the database, or says why it would not take them.
func normal(list []sip.Binding) ([]sip.Binding, error) {
	if len(list) > MaxBindings {
		return nil, fmt.Errorf("store: %d bindings of one user: %d at most", len(list), MaxBindings)
	}
	out := cloneBindings(list)
	for i := range out {
		b := &out[i]
		for _, text := range append([]string{b.Contact, b.Instance, b.CallID, b.Flow, b.Transport}, b.Path...) {
			if len(text) > maxURI || !storable(text) {
				return nil, fmt.Errorf("store: binding with %.80q: need UTF-8 without NUL, %d bytes at most", text, maxURI)
			}
		}
		if b.RegID < 0 || b.RegID > math.MaxInt32 || b.Q < 0 || b.Q > 1000 {
			return nil, fmt.Errorf("store: binding with reg-id %d and q %d thousandths: need 0 to %d, and 0 to 1000", b.RegID, b.Q, math.MaxInt32)
		}
		b.UserAgent = clean(b.UserAgent, maxWord)
		b.Expires, b.Since = timeOf(micros(b.Expires)), timeOf(micros(b.Since))
		if len(b.Path) == 0 {
			b.Path = nil
		}
	}
	return out, nil
}

func cloneBindings(list []sip.Binding) []sip.Binding {
	out := slices.Clone(list)
	for i := range out {
		out[i].Path = slices.Clone(out[i].Path)
	}
	return out
}

func bindingsOf(rows []bindingRow) []sip.Binding {
	var out []sip.Binding
	for _, r := range rows {
		out = append(out, r.binding)
	}
	return out
}

// loadBindings gives the rows of each of the users who has any, in their order.
func loadBindings(ctx context.Context, in querier, aors []string) (map[string][]bindingRow, error) {
	out := make(map[string][]bindingRow, len(aors))
	err := inSizes(len(aors), func(at, count int) error {
		args := make([]any, count)
		for i, aor := range aors[at : at+count] {
			args[i] = aor
		}
		rows, err := in.QueryContext(ctx, bindingSelects[count], args...)
		if err != nil {
			return fmt.Errorf("store: read bindings: %w", err)
		}
		all, err := scanBindings(rows)
		for _, r := range all {
			out[r.aor] = append(out[r.aor], r)
		}
		return err
	})
	return out, err
}

// scanBindings reads rows of bindingColumns to their end.
func scanBindings(rows *sql.Rows) ([]bindingRow, error) {
	defer rows.Close()
	var out []bindingRow
	for rows.Next() {
		var r bindingRow
		b := &r.binding
		var path, source, local string
		var expires, since int64
		err := rows.Scan(&r.aor, &r.n, &b.Contact, &b.Instance, &b.RegID, &b.Q, &path, &b.CallID, &b.CSeq, &expires, &since,
			&b.UserAgent, &b.Transport, &source, &local, &b.Flow)
		if err == nil && path != "" {
			err = json.Unmarshal([]byte(path), &b.Path)
		}
		if err == nil {
			b.Source, err = addrOf(source)
		}
		if err == nil {
			b.Local, err = addrOf(local)
		}
		if err != nil {
			return nil, fmt.Errorf("store: read binding of %q: %w", r.aor, err)
		}
		b.Expires, b.Since = timeOf(expires), timeOf(since)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: read bindings: %w", err)
	}
	return out, nil
}

// row is a normal binding as the table has it.
func row(aor string, n int, b sip.Binding) ([]any, error) {
	path := ""
	if len(b.Path) > 0 {
		j, err := json.Marshal(b.Path)
		if err != nil {
			return nil, fmt.Errorf("store: path of %q: %w", b.Contact, err)
		}
		path = string(j)
	}
	return []any{aor, n, b.Contact, b.Instance, b.RegID, b.Q, path, b.CallID, int64(b.CSeq), micros(b.Expires), micros(b.Since),
		b.UserAgent, b.Transport, addrText(b.Source), addrText(b.Local), b.Flow}, nil
}

// saveBindings makes the rows of the users, stored so far, what they are now.
func saveBindings(ctx context.Context, tx *sql.Tx, aors []string, stored map[string][]bindingRow, now map[string][]sip.Binding) error {
	var changed [][]any
	for _, aor := range aors {
		was, is := stored[aor], now[aor]
		for n, b := range is {
			i := slices.IndexFunc(was, func(r bindingRow) bool { return r.n == n })
			if i >= 0 && reflect.DeepEqual(was[i].binding, b) {
				continue
			}
			r, err := row(aor, n, b)
			if err != nil {
				return err
			}
			changed = append(changed, r)
		}
		if len(was) > 0 && was[len(was)-1].n >= len(is) {
			if _, err := tx.ExecContext(ctx, "DELETE FROM bindings WHERE aor = $1 AND n >= $2", aor, len(is)); err != nil {
				return fmt.Errorf("store: delete bindings: %w", err)
			}
		}
	}
	return inSizes(len(changed), func(at, count int) error {
		if _, err := tx.ExecContext(ctx, bindingUpserts[count], slices.Concat(changed[at:at+count]...)...); err != nil {
			return fmt.Errorf("store: write bindings: %w", err)
		}
		return nil
	})
}
