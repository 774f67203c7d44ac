package codec

import (
	"errors"
	"reflect"
)

// opusState returns the memory of a libopus encoder or decoder that
// hraban/opus made: the slice aliases it. libopus keeps all state of a codec
// in this one block without pointers into itself, so that a byte copy is a
// copy of the codec (docs/decisions/0002-opus-state.md). The version of
// hraban/opus is pinned; another one that keeps it elsewhere fails here, when
// the first codec is made.
func opusState(codec any) ([]byte, error) {
	mem := reflect.ValueOf(codec).Elem().FieldByName("mem")
	if !mem.IsValid() || mem.Kind() != reflect.Slice || mem.Type().Elem().Kind() != reflect.Uint8 || mem.Len() == 0 {
		return nil, errors.New("codec: this version of hraban/opus does not keep its state in mem: pin the one in go.mod")
	}
	return mem.Bytes(), nil
}
