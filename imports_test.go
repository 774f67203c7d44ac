package trivox_test

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "trivox/"

// mayImport says which of our packages each package may import. It is policy, the arrows of docs/architecture.md:
// change both in one commit. A package that is missing here fails the test.
var mayImport = map[string][]string{
	"loudness":         {},
	"mixer":            {"loudness"},
	"cluster/exchange": {"loudness", "mixer"},
	"cluster/sim":      {"loudness", "mixer", "cluster/exchange"},
	"media/codec":      {},
	"media/jitter":     {},
	"media":            {"media/codec", "media/jitter"},
	"sip":              {"sip/limits"},
	"sip/limits":       {},
	"sip/sdp":          {},
	"cluster/conference": {"loudness", "mixer", "cluster/exchange", "media", "media/codec", "media/jitter",
		"sip/sdp"},

	"cmd/trivox/internal/config":          {"cmd/trivox/internal/policy"},
	"cmd/trivox/internal/policy":          {},
	"cmd/trivox/internal/lobby":           {},
	"cmd/trivox/internal/prompts":         {"cmd/trivox/internal/wav"},
	"cmd/trivox/internal/certs":           {},
	"cmd/trivox/internal/api":             {},
	"cmd/trivox/internal/store":           {"sip"},
	"cmd/trivox/internal/store/storetest": {"cmd/trivox/internal/store"},
	"cmd/trivox/internal/user":            {"sip", "cmd/trivox/internal/config", "cmd/trivox/internal/store"},
	"cmd/trivox/internal/ctl":             {"cmd/trivox/internal/api"},
	"cmd/trivox/internal/wav":             {},
	"cmd/trivox/internal/phone":           {"cmd/trivox/internal/certs"},
	"cmd/trivox/internal/call": {"mixer", "media", "media/codec", "media/jitter", "sip/sdp", "cmd/trivox/internal/phone",
		"cmd/trivox/internal/wav"},
	"cmd/trivox/internal/load": {"mixer", "media", "media/codec", "sip/sdp", "cmd/trivox/internal/phone", "cmd/trivox/internal/usage", "cmd/trivox/internal/jsonfile",
		"cmd/trivox/internal/wav"},
	"cmd/trivox/internal/traffic":  {"cmd/trivox/internal/usage", "cmd/trivox/internal/jsonfile"},
	"cmd/trivox/internal/usage":    {},
	"cmd/trivox/internal/jsonfile": {},
	"cmd/trivox/internal/sim":      {"loudness", "cluster/exchange", "cluster/sim", "cmd/trivox/internal/wav"},
	"cmd/trivox": {"loudness", "mixer", "media", "media/codec", "media/jitter", "sip", "sip/limits", "sip/sdp", "cluster/exchange", "cluster/conference",
		"cmd/trivox/internal/certs", "cmd/trivox/internal/config", "cmd/trivox/internal/api", "cmd/trivox/internal/ctl", "cmd/trivox/internal/wav",
		"cmd/trivox/internal/phone", "cmd/trivox/internal/call", "cmd/trivox/internal/load", "cmd/trivox/internal/sim",
		"cmd/trivox/internal/store", "cmd/trivox/internal/traffic", "cmd/trivox/internal/user", "cmd/trivox/internal/policy", "cmd/trivox/internal/lobby", "cmd/trivox/internal/prompts"},
}

// arrowHints say what to do instead of the import that somebody is most likely to want.
var arrowHints = map[[2]string]string{
	{"sip", "sip/sdp"}:                 "sip moves bodies as []byte; sip/sdp reads them, and cmd joins the two",
	{"sip", "media"}:                   "declare the interface that the focus needs in sip; cmd joins the two",
	{"sip", "cluster/conference"}:      "declare the interface that the focus needs in sip; cmd joins the two",
	{"cluster/conference", "sip"}:      "tell the focus by the functions that it gave; cmd joins the two",
	{"media", "loudness"}:              "return amplitudes; cluster/conference feeds them to the meter",
	{"cluster/exchange", "media"}:      "take ranks and return ranks; cluster/conference moves the packets",
	{"loudness", "mixer"}:              "the arrow points the other way: mixer knows loudness numbers",
	{"cmd/trivox/internal/ctl", "sip"}: "ctl controls a server by its HTTP API alone",
}

// pure packages compute. They own no socket, clock, file, lock, log or goroutine.
var pure = []string{"loudness", "mixer", "media/jitter", "cluster/exchange", "cluster/sim", "sip/limits", "sip/sdp", "cmd/trivox/internal/policy",
	"cmd/trivox/internal/lobby"}

// impure says what a pure package may not import, and what to do instead.
var impure = map[string]string{
	"net":         "use net/netip for addresses; sockets live in media and sip",
	"net/http":    "serve it from cmd",
	"os":          "take the bytes or an io.Reader",
	"io/fs":       "take the bytes or an io.Reader",
	"sync":        "whoever owns you calls from one goroutine; you need no lock",
	"sync/atomic": "whoever owns you calls from one goroutine; publish a snapshot there",
	"context":     "a computation does not wait; return what is to be done",
	"log":         "return an event; the owner logs it",
	"log/slog":    "return an event; the owner logs it",
	"math/rand":   "take a seeded *math/rand/v2.Rand",
	"crypto/rand": "take the random numbers, or a seeded *math/rand/v2.Rand",
	"syscall":     "sockets and clocks live in media",
}

// clocks are the functions of package time that read or wait for a clock.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// home says which packages may import a library: each dependency has one place to be replaced in.
var home = map[string][]string{
	"github.com/alecthomas/kong": {"cmd/trivox", "cmd/trivox/internal/certs", "cmd/trivox/internal/config", "cmd/trivox/internal/ctl", "cmd/trivox/internal/call",
		"cmd/trivox/internal/load", "cmd/trivox/internal/sim", "cmd/trivox/internal/user"},
	"github.com/pelletier/go-toml":        {"cmd/trivox/internal/config"},
	"github.com/danielgtaylor/huma":       {"cmd/trivox/internal/api"},
	"github.com/prometheus/client_golang": {"cmd/trivox/internal/api"},
	"github.com/emiago/sipgo":             {"sip", "cmd/trivox/internal/phone"},
	"github.com/icholy/digest":            {"sip", "cmd/trivox/internal/phone"},
	"github.com/pion/rtp":                 {"media", "cmd/trivox/internal/load"},
	"github.com/pion/rtcp":                {"media"},
	"github.com/pion/srtp":                {"media"},
	"github.com/pion/sdp":                 {"sip/sdp"},
	"github.com/hraban/opus":              {"media/codec"},
	"github.com/gotranspile/g722":         {"media/codec"},
	"github.com/zaf/g711":                 {"media/codec"},
	"github.com/mattn/go-sqlite3":         {"cmd/trivox/internal/store"},
	"github.com/jackc/pgx":                {"cmd/trivox/internal/store"},
	"golang.org/x/sys":                    {"media", "sip", "cmd/trivox/internal/user"},
}

func TestArrows(t *testing.T) {
	found := packages(t)
	for pkg, p := range found {
		may, ok := mayImport[pkg]
		if !ok {
			t.Errorf("%s has no line in mayImport: say there what it may import, and draw it in docs/architecture.md", pkg)
			continue
		}
		for _, imp := range p.Imports {
			ours, ok := strings.CutPrefix(imp, module)
			if ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s; it may import only %v%s", pkg, ours, may, hint(arrowHints[[2]string{pkg, ours}]))
			}
		}
	}
	for pkg := range mayImport {
		if found[pkg] == nil {
			t.Errorf("mayImport has a line for %s, which is no package (any more)", pkg)
		}
	}
}

// Every library is imported where it belongs, and has a line that says where that is.
func TestLibrariesStayAtHome(t *testing.T) {
	for pkg, p := range packages(t) {
		for _, imp := range p.Imports {
			first, _, _ := strings.Cut(imp, "/")
			if !strings.Contains(first, ".") {
				continue // ours, or the standard library
			}
			known := false
			for library, at := range home {
				if imp != library && !strings.HasPrefix(imp, library+"/") {
					continue
				}
				known = true
				if !slices.Contains(at, pkg) {
					t.Errorf("%s imports %s, which belongs to %v", pkg, imp, at)
				}
			}
			if !known {
				t.Errorf("%s imports %s, which has no line in home: a new library needs one, and a page in docs/decisions", pkg, imp)
			}
		}
	}
}

func TestPurity(t *testing.T) {
	found := packages(t)
	for _, pkg := range pure {
		p := found[pkg]
		if p == nil {
			t.Errorf("pure package %s does not exist", pkg)
			continue
		}
		for _, imp := range p.Imports {
			if instead := impure[imp]; instead != "" {
				t.Errorf("%s is pure and imports %s%s", pkg, imp, hint(instead))
			}
		}
	}
	walkFiles(t, found, func(pkg, where string, n ast.Node) {
		if !slices.Contains(pure, pkg) {
			return
		}
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
				t.Errorf("%s: a pure package calls time.%s%s", where, n.Sel.Name, hint("take now as an argument"))
			}
		case *ast.GoStmt:
			t.Errorf("%s: a pure package starts a goroutine%s", where, hint("return what is to be done; the owner does it"))
		}
	})
}

// Only cmd reads flags and the environment, and nothing runs before main.
func TestEdges(t *testing.T) {
	found := packages(t)
	for pkg, p := range found {
		if slices.Contains(p.Imports, "flag") {
			t.Errorf("%s imports flag%s", pkg, hint("take a setting; cmd reads the command line, with kong"))
		}
	}
	walkFiles(t, found, func(pkg, where string, n ast.Node) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				t.Errorf("%s: func init%s", where, hint("make a constructor"))
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "os" && slices.Contains([]string{"Getenv", "LookupEnv", "Environ", "Args", "Exit"}, n.Sel.Name) &&
				pkg != "cmd/trivox" {
				t.Errorf("%s: os.%s%s", where, n.Sel.Name, hint("take a setting or return an error; cmd/trivox is where the process meets you"))
			}
		}
	})
}

func hint(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// packages finds every package of the module by its folder, tests left out.
func packages(t *testing.T) map[string]*build.Package {
	t.Helper()
	context := build.Default
	context.BuildTags = append(slices.Clone(context.BuildTags), "nolibopusfile")
	found := map[string]*build.Package{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || path == "bin") {
			return fs.SkipDir
		}
		// Not "go list": the test cache sees only files that this process opens.
		p, err := context.ImportDir(path, 0)
		if none := (*build.NoGoError)(nil); errors.As(err, &none) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 {
			found[filepath.ToSlash(path)] = p
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// walkFiles visits every node of every file that is no test, in a fixed order.
func walkFiles(t *testing.T, found map[string]*build.Package, visit func(pkg, where string, n ast.Node)) {
	t.Helper()
	for _, pkg := range slices.Sorted(maps.Keys(found)) {
		for _, name := range slices.Concat(found[pkg].GoFiles, found[pkg].CgoFiles) {
			set := token.NewFileSet()
			path := filepath.Join(filepath.FromSlash(pkg), name)
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if n != nil {
					visit(pkg, path+":"+strconv.Itoa(set.Position(n.Pos()).Line), n)
				}
				return true
			})
		}
	}
}
