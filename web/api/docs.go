package api

import (
	"github.com/gofiber/fiber/v2"
)

func (a *API) docs(fiber.Router) {}
