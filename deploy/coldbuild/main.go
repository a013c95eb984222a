// Command coldbuild is the smallest useful Fiber program. deploy/cold-build compiles it beside the demo to say how much the
// demo's libraries cost a newcomer; nobody runs it.
package main

import (
	"fmt"
	"os"

	"github.com/gofiber/fiber/v2"
)

func main() {
	app := fiber.New()
	app.Post("/", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusCreated) })
	if err := app.Listen("127.0.0.1:0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
