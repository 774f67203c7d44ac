package trivox_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const rfcPage = "docs/rfc.md"

var (
	// rfcCited finds "RFC 3261" and "RFCs 3551", and the folds of a comment between them.
	rfcCited = regexp.MustCompile(`\bRFCs?[ -]?([1-9][0-9]{2,4})\b`)
	// ruleCited finds rules as the pages of docs/rules number them: TX-2, USERS 12, DESIGN 3.
	ruleCited = regexp.MustCompile(`\b(?:([A-Z]{2,3})-([0-9]+)|(USERS|DESIGN|STYLE|LIBRARIES) ([0-9]+))\b`)
	// quirkCited finds the quirks of telephones, Q1 to Q30. Elsewhere than under sip, Q12 is a fixed-point format.
	quirkCited = regexp.MustCompile(`\bQ[0-9]+\b`)
	fold       = regexp.MustCompile(`\n[\t ]*//[\t ]*`)
)

// Every RFC that the sources or the documents cite has a row in docs/rfc.md.
func TestCitedRFCsAreListed(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range rfcRows(t) {
		for _, n := range regexp.MustCompile(`[0-9]+`).FindAllString(row.what, -1) {
			listed[n] = true
		}
	}
	if len(listed) < 100 {
		t.Fatalf("%s lists only %d RFCs: is its table still read right?", rfcPage, len(listed))
	}
	cited := 0
	for _, path := range texts(t, ".go", ".md") {
		for _, m := range rfcCited.FindAllStringSubmatch(unfolded(t, path), -1) {
			cited++
			if !listed[m[1]] {
				t.Errorf("%s cites RFC %s, which has no row in %s: say there how far it is kept", path, m[1], rfcPage)
			}
		}
	}
	if cited < 300 {
		t.Errorf("only %d citations found", cited)
	}
}

// Every row of docs/rfc.md says yes, partly or no, and where; no RFC has two rows.
func TestRFCPage(t *testing.T) {
	seen := map[string]string{}
	for _, row := range rfcRows(t) {
		if !slices.Contains([]string{"yes", "partly", "no"}, row.state) {
			t.Errorf("%s: %s: %q is neither yes, partly nor no", rfcPage, row.what, row.state)
		}
		if row.kept == "" {
			t.Errorf("%s: %s: does not say what is kept", rfcPage, row.what)
		}
		for n := range strings.SplitSeq(row.what, ", ") {
			if before, ok := seen[n]; ok {
				t.Errorf("%s: %s has two rows: %q and %q", rfcPage, n, before, row.what)
			}
			seen[n] = row.what
		}
		if len(row.files) == 0 {
			t.Errorf("%s: %s: names no file", rfcPage, row.what)
		}
		for _, f := range row.files {
			if found, err := filepath.Glob(f); err != nil || len(found) == 0 {
				t.Errorf("%s: %s: there is no file %s (any more)", rfcPage, row.what, f)
			}
		}
	}
}

// Every rule that the sources cite exists in docs/rules.
func TestCitedRulesExist(t *testing.T) {
	known := rules(t)
	prefixes := map[string]bool{}
	for rule := range known {
		prefix, _, _ := strings.Cut(strings.ReplaceAll(rule, " ", "-"), "-")
		prefixes[prefix] = true
	}
	cited := map[string]string{}
	for _, path := range texts(t, ".go") {
		text := unfolded(t, path)
		for _, m := range ruleCited.FindAllStringSubmatch(text, -1) {
			if prefixes[m[1]] || m[3] != "" {
				cited[m[0]] = path
			}
		}
		if strings.HasPrefix(path, "sip/") {
			for _, quirk := range quirkCited.FindAllString(text, -1) {
				cited[quirk] = path
			}
		}
	}
	if len(cited) < 50 {
		t.Fatalf("only %d rules are cited", len(cited))
	}
	for _, rule := range slices.Sorted(maps.Keys(cited)) {
		if !known[rule] {
			t.Errorf("%s cites %s, which docs/rules does not have", cited[rule], rule)
		}
	}
}

// rules gives the numbers of all rules, as the sources cite them.
func rules(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, page := range []struct {
		name, number, as string
		least            int
	}{
		{"sip.md", `(?m)^- ([A-Z]{2,3}-[0-9]+) `, "%s", 80},
		{"sip.md", `(?m)^\| (Q[0-9]+) \|`, "%s", 30},
		{"users.md", `(?m)^([0-9]+)\. `, "USERS %s", 25},
		{"README.md", `(?m)^\| ((?:DESIGN|STYLE|LIBRARIES) [0-9]+) \|`, "%s", 8},
	} {
		text, err := os.ReadFile("docs/rules/" + page.name)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(page.number).FindAllSubmatch(text, -1)
		if len(found) < page.least {
			t.Errorf("docs/rules/%s: only %d rules like %s", page.name, len(found), page.number)
		}
		for _, m := range found {
			rule := fmt.Sprintf(page.as, m[1])
			if known[rule] {
				t.Errorf("docs/rules/%s: %s stands twice", page.name, rule)
			}
			known[rule] = true
		}
	}
	return known
}

// Every decision is listed, with its title, beside its page.
func TestDecisionsAreListed(t *testing.T) {
	list, err := os.ReadFile("docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/decisions/0*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no decisions found: %v", err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		name := filepath.Base(page)
		number, title, _ := strings.Cut(strings.TrimPrefix(first, "# "), ". ")
		if row := fmt.Sprintf("| [%s](%s) | %s |", number, name, title); !strings.Contains(string(list), row) {
			t.Errorf("docs/decisions/README.md lacks the row: %s", row)
		}
	}
}

type rfcRow struct {
	what, state, kept string
	files             []string
}

// rfcRows reads the tables of docs/rfc.md: number, title, state, what is kept, where.
func rfcRows(t *testing.T) []rfcRow {
	t.Helper()
	text, err := os.ReadFile(rfcPage)
	if err != nil {
		t.Fatal(err)
	}
	var rows []rfcRow
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| RFC |") || strings.HasPrefix(line, "| standard |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 {
			t.Errorf("%s: %d cells, not 5: %s", rfcPage, len(cells), line)
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		row := rfcRow{what: cells[0], state: cells[2], kept: cells[3]}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[4], -1) {
			row.files = append(row.files, m[1])
		}
		rows = append(rows, row)
	}
	return rows
}

// texts lists the files of the repository that end so, in a fixed order.
func texts(t *testing.T, endings ...string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || path == "bin" || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(endings, filepath.Ext(path)):
			paths = append(paths, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// unfolded is a file with the lines of each comment joined, so that a citation cut by a line end is found.
func unfolded(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := fold.ReplaceAllString(string(b), " ")
	if filepath.Ext(path) == ".md" {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	return text
}
