package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"onewrite/infra/infratest/runtimeapi"
)

// Bounds of the function as it is deployed, on arm64.
const (
	maxBinaryBytes = 9_000_000
	maxZipBytes    = 4_000_000
)

// size is that of the binary, and of its largest packages by their code and
// constants; the tables of the Go runtime come on top.
type size struct {
	Bytes    int           `json:"bytes"`
	ZipBytes int           `json:"zipBytes"`
	Packages []packageSize `json:"packages"`
}

type packageSize struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

const largestPackages = 12

// measureSize builds the function for arm64, as deployed and with symbols.
func measureSize(ctx context.Context, dir string) (size, error) {
	env := []string{"GOOS=linux", "GOARCH=arm64"}
	deployed, symbols := filepath.Join(dir, "bootstrap-arm64"), filepath.Join(dir, "bootstrap-arm64-symbols")
	if err := runtimeapi.BuildDeployed(ctx, "onewrite", deployed, env); err != nil {
		return size{}, err
	}
	if err := runtimeapi.BuildDeployed(ctx, "onewrite", symbols, env, "-ldflags="); err != nil {
		return size{}, err
	}
	binary, err := os.ReadFile(deployed)
	if err != nil {
		return size{}, err
	}
	zipped, err := zipBytes(binary)
	if err != nil {
		return size{}, err
	}
	packages, err := packageSizes(ctx, symbols)
	return size{len(binary), zipped, packages}, err
}

// zipBytes returns the size of the archive that is deployed.
func zipBytes(binary []byte) (int, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	file, err := w.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := file.Write(binary); err != nil {
		return 0, err
	}
	err = w.Close()
	return archive.Len(), err
}

// packageSizes returns the largest packages by the symbols of a binary.
func packageSizes(ctx context.Context, binary string) ([]packageSize, error) {
	output, err := exec.CommandContext(ctx, "go", "tool", "nm", "-size", binary).Output()
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	sums := map[string]int{}
	for line := range strings.Lines(string(output)) {
		var address, kind, symbol string
		var bytes int
		if n, _ := fmt.Sscan(line, &address, &bytes, &kind, &symbol); n == 4 && strings.Contains("TtRr", kind) {
			sums[packageOf(symbol)] += bytes
		}
	}
	var sizes []packageSize
	for name, bytes := range sums {
		sizes = append(sizes, packageSize{name, bytes})
	}
	slices.SortFunc(sizes, func(a, b packageSize) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return sizes[:min(largestPackages, len(sizes))], nil
}

// packageOf returns the package of a symbol such as
// "github.com/aws/smithy-go.(*Schema).Member" or "type:.eq.net/http.http2Frame".
func packageOf(symbol string) string {
	symbol = strings.TrimPrefix(symbol, "type:.eq.")
	if end := strings.IndexAny(symbol, "[("); end >= 0 {
		symbol = symbol[:end]
	}
	path, name := "", symbol
	if slash := strings.LastIndex(symbol, "/"); slash >= 0 {
		path, name = symbol[:slash+1], symbol[slash+1:]
	}
	name, _, dotted := strings.Cut(name, ".")
	if !dotted {
		return "(no package)"
	}
	return path + name
}
