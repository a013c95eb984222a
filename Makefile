# Rostrum. "make" alone prints what there is.
# Versions of the tools stand here and nowhere else. They are built from their modules into the cache, once.
GOLANGCI_VERSION := v2.6.0
SQLC_VERSION     := v1.31.1
VULN_VERSION     := v1.1.4

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ROSTRUM_CACHE ?= $(HOME)/.cache/rostrum
export ROSTRUM_CACHE
# The Go that is installed builds; none is fetched behind one's back.
export GOTOOLCHAIN := local
export GOFLAGS := -mod=readonly

TOOLS    := $(ROSTRUM_CACHE)/tools
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
SQLC     := $(TOOLS)/sqlc-$(SQLC_VERSION)/sqlc

# What "make bench-go" runs, and for how long each.
BENCH     ?= .
BENCHTIME ?= 2s
# For how long "make fuzz" runs each target.
FUZZTIME ?= 10s
# What "make live" tests: make live PACKAGES=./store/... RUN=TestApply
PACKAGES ?= ./...
RUN      ?= .

# What "make live-cluster-short" tests: what runs on engines, on the cluster; whole sales, and those that break something.
ON_CLUSTER := ^Test(Gate|Rules.*|Page.*|Preheat|PreheatGoesOn|Card.*|Allow|OnKafka|Flash.*|ACancelled.*|ARestart.*|ALot.*|ALoad.*|OneMaster.*|Redis.*|Kill.*)$$/^(cluster|three_brokers|MariaDB)

# The order matters: what fails fast stands first, what builds tools stands before what uses them.
STEPS := prepare tools fmt vet lint generate-check tidy-check test build live live-cluster-short cold-build bench-short

.PHONY: help check $(STEPS) live-cluster bench bench-go slices demo demo-once fuzz generate vuln compose-check clean

help: ## what there is
	@echo "make TARGET:"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{ printf "  %-15s %s\n", $$1, $$2 }'

check: ## all that CI does, step by step, with the seconds of each
	@deploy/check $(STEPS)

demo: ## a flash sale on stand-ins, in one command; needs only Go
	go run ./cmd/demo

test: ## every test that needs only Go; those of real servers skip
	ROSTRUM_LIVE= go test ./...

live: ## every test, on real servers of its own (PACKAGES=./store/... RUN=TestApply for some)
	deploy/live go test -count=1 -timeout 45m -run '$(RUN)' $(PACKAGES)

live-cluster: ## the same with a Redis Cluster of three masters and three Kafka brokers in place of one of each
	deploy/live --cluster go test -count=1 -timeout 45m -run '$(RUN)' $(PACKAGES)

live-cluster-short: ## what the cluster can change, on it: the gate, the shelf, the road, whole sales, crashes, a load
	deploy/live --cluster --quick go test -count=1 -timeout 20m -run '$(ON_CLUSTER)' ./cache/gate ./cache/shelf ./pipeline ./internal/app

bench: ## the ratios, on real servers of its own; writes docs/performance.md and docs/capacity.md, in about ten minutes
	deploy/live --quick go run ./cmd/bench --out docs

bench-short: ## the same in about a minute: that each figure can be taken is the point
	deploy/live --quick go run ./cmd/bench --short

bench-go: ## Go's own benchmarks, on real servers of its own (BENCH=regexp BENCHTIME=2s PACKAGES=./...)
	deploy/live --quick go test -count=1 -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem $(PACKAGES)

slices: ## where one hot lot ends, whole and in slices, on a Redis Cluster of three masters of its own
	deploy/live --quick go test -count=1 -run '^$$' -bench 'BenchmarkSlices' -benchtime 200000x ./internal/app

fuzz: ## each fuzz target for FUZZTIME=10s; what it finds lies in testdata/fuzz
	@deploy/fuzz $(FUZZTIME)

fmt: ## fails on files that gofmt would change
	@files=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' | xargs ls -d 2>/dev/null)); \
	if [ -n "$$files" ]; then echo "gofmt -w these:"; echo "$$files"; exit 1; fi

vet: ## go vet
	go vet ./...

lint: $(GOLANGCI) ## golangci-lint, by .golangci.yml
	$(GOLANGCI) run ./...

generate: $(SQLC) ## makes generated code and pages anew
	$(SQLC) generate -f store/sqlc.yaml
	go generate ./...

generate-check: ## fails when generated code is stale
	@deploy/generate-check

tidy-check: ## fails when go.mod or go.sum is not tidy
	GOFLAGS= go mod tidy -diff

compose-check: ## docker-compose.yml against the configuration, the routes and the commands
	go test -count=1 ./internal/compose/

build: ## the binaries, into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

demo-once: ## the demo up to its table of invariants; fails when a count is wrong
	go run ./cmd/demo --once

cold-build: ## the demo built cold, against a bare Fiber program, and run to its table; fails above four times, or on a wrong count
	@deploy/cold-build

prepare: ## fetches, and on Debian as root installs, the servers that "make live" starts
	@deploy/live --prepare

tools: $(GOLANGCI) $(SQLC) ## builds the linter and sqlc into the cache

vuln: ## govulncheck, where its database can be reached
	GOFLAGS= go run golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION) ./...

clean: ## ends the servers of deploy/local and removes what was built
	@if [ -f .local/settings ]; then deploy/local/down --now --delete; fi
	rm -rf bin

$(GOLANGCI):
	GOFLAGS= GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(SQLC):
	GOFLAGS= GOBIN=$(@D) go install github.com/sqlc-dev/sqlc/cmd/sqlc@$(SQLC_VERSION)
