package web

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
)

// Checks says whether the parts that the server needs are there.
type Checks interface {
	// Check asks the parts side by side; those whose absence takes no node out only when all is asked for.
	Check(ctx context.Context, all bool) []Check
}

// Check is one part's answer.
type Check struct {
	Name   string        `json:"name"`
	OK     bool          `json:"ok"`
	Detail string        `json:"detail,omitempty"` // what is wrong, without secrets
	Took   time.Duration `json:"-"`
	TookMS int64         `json:"took_ms"`
}

// checkTimeout is how long a probe waits for all checks: less than the second that orchestrators wait.
const checkTimeout = 900 * time.Millisecond

func (s *Server) probes() {
	s.app.Get("/livez", func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	s.app.Get("/readyz", s.ready)
	if s.ports.Metrics != nil {
		s.app.Get("/metrics", adaptor.HTTPHandler(s.ports.Metrics))
	}
}

// ready says 200 when every check is well and the server is not about to stop; with ?verbose what each check says.
func (s *Server) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	verbose := c.Context().QueryArgs().Has("verbose")
	checks := []Check{{Name: "serving", OK: !s.closing.Load()}}
	if s.ports.Checks != nil {
		checks = append(checks, s.ports.Checks.Check(ctx, verbose)...)
	}
	status, word := fiber.StatusOK, "ready\n"
	for n := range checks {
		checks[n].TookMS = checks[n].Took.Milliseconds()
		if !checks[n].OK {
			status, word = fiber.StatusServiceUnavailable, "not ready\n"
		}
	}
	if verbose {
		return c.Status(status).JSON(fiber.Map{"ready": status == fiber.StatusOK, "checks": checks})
	}
	return c.Status(status).SendString(word)
}
