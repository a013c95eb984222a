package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// swagger is the documentation page, whole: it asks no other host for anything. The two big files are kept packed.
//
//go:embed swagger/index.html swagger/start.js swagger/*.gz
var swagger embed.FS

// docsPolicy lets the page run its own scripts and ask this server; swagger-ui sets styles and images of its own.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var docsTypes = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

func mountDocs(router fiber.Router) {
	for route, file := range map[string]string{"/docs": "index.html", "/docs/start.js": "start.js",
		"/docs/swagger-ui-bundle.js": "swagger-ui-bundle.js.gz", "/docs/swagger-ui.css": "swagger-ui.css.gz"} {
		data, err := swagger.ReadFile("swagger/" + file)
		if err != nil {
			panic(err) // it is embedded
		}
		router.Get(route, func(c *fiber.Ctx) error { return sendDocs(c, file, data) })
	}
}

// sendDocs sends a file, packed to whoever can unpack it.
func sendDocs(c *fiber.Ctx, file string, data []byte) error {
	name, packed := strings.CutSuffix(file, ".gz")
	c.Set("Content-Security-Policy", docsPolicy)
	c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
	c.Set(fiber.HeaderContentType, docsTypes[path.Ext(name)])
	if !packed {
		return c.Send(data)
	}
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(data)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return c.Send(plain)
}
