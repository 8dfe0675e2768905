package main

import (
	"embed"
	"net/http"
	"path"

	"github.com/swaggest/swgui/v5/static"

	"onewrite/handler"
)

//go:embed pages
var files embed.FS

// page is a file for browsers.
type page struct {
	contentType string
	encoding    string
	body        []byte
}

// allPages returns the pages by their paths: the console at /, the reference at
// /docs, and what they load. None of the paths is the ledger's.
func allPages() (map[string]page, error) {
	all := map[string]page{"/openapi.yaml": {contentType: "application/yaml", body: []byte(handler.OpenAPI)}}
	for at, file := range map[string]string{
		"/": "console.html", "/console.css": "console.css", "/console.js": "console.js",
		"/docs": "docs.html", "/docs.css": "docs.css", "/docs.js": "docs.js",
	} {
		body, err := files.ReadFile("pages/" + file)
		if err != nil {
			return nil, err
		}
		all[at] = page{contentType: contentType(file), body: body}
	}
	for _, file := range []string{"swagger-ui.css", "swagger-ui-bundle.js"} {
		body, err := static.FS.ReadFile(file + ".gz")
		if err != nil {
			return nil, err
		}
		all["/docs/"+file] = page{contentType(file), "gzip", body}
	}
	return all, nil
}

func contentType(file string) string {
	return map[string]string{
		".html": "text/html; charset=utf-8",
		".css":  "text/css; charset=utf-8",
		".js":   "text/javascript; charset=utf-8",
	}[path.Ext(file)]
}

// withPages serves the pages to GET and HEAD, and leaves all else to the
// ledger as it is.
func withPages(pages map[string]page, ledger http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, found := pages[r.URL.Path]
		if !found || r.Method != http.MethodGet && r.Method != http.MethodHead {
			ledger.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", p.contentType)
		header.Set("Cache-Control", "no-cache")
		// Nothing is loaded from elsewhere. Swagger UI sets styles by script.
		header.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:")
		if p.encoding != "" {
			header.Set("Content-Encoding", p.encoding)
		}
		_, _ = w.Write(p.body) // a browser that is gone needs no page
	})
}
