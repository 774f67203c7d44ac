package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trivox/loudness"
)

// parameter is one of the loudness number, by its name in package loudness.
type parameter struct {
	name string
	get  func(loudness.Params) int
	set  func(*loudness.Params, int)
}

func parameters() []parameter {
	slots := func(name string, at func(*loudness.Params) *int) parameter {
		return parameter{name, func(p loudness.Params) int { return *at(&p) }, func(p *loudness.Params, v int) { *at(p) = v }}
	}
	amplitude := func(name string, at func(*loudness.Params) *uint16) parameter {
		return parameter{name, func(p loudness.Params) int { return int(*at(&p)) },
			func(p *loudness.Params, v int) { *at(p) = uint16(min(max(v, 0), loudness.FullScale)) }}
	}
	return []parameter{
		slots("RecentPast", func(p *loudness.Params) *int { return &p.RecentPast }),
		slots("DistantPast", func(p *loudness.Params) *int { return &p.DistantPast }),
		slots("Horizon", func(p *loudness.Params) *int { return &p.Horizon }),
		slots("A1", func(p *loudness.Params) *int { return &p.A1 }),
		slots("A2", func(p *loudness.Params) *int { return &p.A2 }),
		amplitude("Theta", func(p *loudness.Params) *uint16 { return &p.Theta }),
		amplitude("Max", func(p *loudness.Params) *uint16 { return &p.Max }),
		slots("Hang", func(p *loudness.Params) *int { return &p.Hang }),
		amplitude("GateMin", func(p *loudness.Params) *uint16 { return &p.GateMin }),
		amplitude("GateMax", func(p *loudness.Params) *uint16 { return &p.GateMax }),
		slots("GateRatio", func(p *loudness.Params) *int { return &p.GateRatio }),
		slots("NoiseWindow", func(p *loudness.Params) *int { return &p.NoiseWindow }),
	}
}

// change sets parameters by name.
func change(p loudness.Params, by map[string]int) (loudness.Params, error) {
	all := parameters()
	for _, name := range slices.Sorted(maps.Keys(by)) {
		i := slices.IndexFunc(all, func(q parameter) bool { return q.name == name })
		if i < 0 {
			var names []string
			for _, q := range all {
				names = append(names, q.name)
			}
			return p, fmt.Errorf("sim: --set %s: need one of %s", name, strings.Join(names, ", "))
		}
		all[i].set(&p, by[name])
	}
	return p, nil
}
