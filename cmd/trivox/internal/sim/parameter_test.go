package sim

import (
	"reflect"
	"testing"

	"trivox/loudness"
)

// Every field of loudness.Params but the slot can be set by its name, and no other is touched.
func TestEveryParameterIsNamed(t *testing.T) {
	fields := reflect.TypeFor[loudness.Params]()
	if len(parameters()) != fields.NumField()-1 {
		t.Errorf("%d parameters of %d fields", len(parameters()), fields.NumField())
	}
	for _, p := range parameters() {
		got, err := change(loudness.Default(), map[string]int{p.name: 77})
		if err != nil || p.get(got) != 77 {
			t.Fatalf("%s: %d, %v", p.name, p.get(got), err)
		}
		p.set(&got, p.get(loudness.Default()))
		if got != loudness.Default() {
			t.Errorf("%s: something else has changed: %+v", p.name, got)
		}
		if _, ok := fields.FieldByName(p.name); !ok {
			t.Errorf("%s is no field", p.name)
		}
	}
}
