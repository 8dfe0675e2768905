package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"onewrite/handler"
	"onewrite/ledger"
)

//go:embed pages
var files embed.FS

// reference is the script of Scalar's npm package, compressed with gzip (see .ci/scalar).
//
//go:embed scalar/standalone.js.gz
var reference []byte

type page struct {
	contentType string
	encoding    string
	body        []byte
	tag         string // the body's ETag (RFC 9110, section 8.8.3)
}

func newPage(contentType, encoding string, body []byte) page {
	return page{contentType, encoding, body, fmt.Sprintf(`"%x"`, sha256.Sum256(body))}
}

// allPages returns the pages for a ledger with these settings, by path: the console at /,
// the reference at /docs, and the files that they load. The ledger has no routes with these
// paths.
func allPages(s ledger.Settings, remote bool, made string) (map[string]page, error) {
	description := handler.Description(s)
	asJSON, err := toJSON(description)
	if err != nil {
		return nil, err
	}
	all := map[string]page{
		"/openapi.yaml":      newPage("application/yaml", "", []byte(description)),
		"/docs/openapi.json": newPage("application/json", "", asJSON),
		"/settings.js":       newPage(contentType(".js"), "", []byte(settingsModule(s, remote, made))),
		"/docs/scalar.js":    newPage(contentType(".js"), "gzip", reference),
	}
	own, err := fs.Glob(files, "pages/*")
	if err != nil {
		return nil, err
	}
	for _, file := range own {
		body, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all[pathOf(path.Base(file))] = newPage(contentType(file), "", body)
	}
	return all, nil
}

// settingsModule returns the JavaScript module from which the pages import the settings,
// whether the tables are on another machine, and when the tables were created.
func settingsModule(s ledger.Settings, remote bool, made string) string {
	return fmt.Sprintf("export const currency = %q;\nexport const places = %d;\nexport const opening = %q;\nexport const remote = %t;\nexport const ledger = %q;\n",
		s.Currency, s.Places, s.Opening, remote, made)
}

func pathOf(file string) string {
	switch file {
	case "console.html":
		return "/"
	case "docs.html":
		return "/docs"
	}
	return "/" + file
}

func contentType(file string) string {
	return map[string]string{
		".html": "text/html; charset=utf-8",
		".css":  "text/css; charset=utf-8",
		".js":   "text/javascript; charset=utf-8",
	}[path.Ext(file)]
}

// policy stops the pages from loading anything from other sites. It forbids framing,
// because a framing site could trick a person into clicking our buttons. It allows inline
// styles, because Scalar needs them.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// withPages serves the pages for GET and HEAD, and passes all other requests to next.
func withPages(pages map[string]page, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, found := pages[r.URL.Path]
		if !found || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", p.contentType)
		header.Set("Cache-Control", "no-cache")
		header.Set("Content-Security-Policy", policy)
		if p.encoding != "" {
			header.Set("Content-Encoding", p.encoding)
		}
		header.Set("ETag", p.tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body)) // answers 304 if the browser has this version of the page
	})
}
