// Package web puts the sale in front of people: one Fiber server with three floors.
//
//	server.go, middleware.go, probes.go   the socket: limits, headers, request ids, recovery from panics, probes
//	api/, pages/                          two doors: JSON under /api/v1, plain forms under /
//	edge/                                 what people may do, whichever door they came through
//
// It knows the domain packages and the ports that edge declares, and nothing of Redis, Kafka or MySQL: internal/app
// joins them. A request goes through middleware (id, headers, panics, counters), a row of a table of routes (who may),
// a parser that takes nothing it does not know, and one call of edge; an error comes back through one table (api/problem.go).
package web
