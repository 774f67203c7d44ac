# Trivox: see "make help". Needs Go, a C compiler and libopus; the rest comes by the Go module proxy.

SHELL := /bin/bash
TAGS := nolibopusfile
GO ?= go
BIN := bin
STATICCHECK_VERSION := v0.8.2
STATICCHECK := $(BIN)/tools/staticcheck-$(STATICCHECK_VERSION)
# How long each fuzz target runs: 5s in "make test", 60s in "make soak".
FUZZTIME ?= 5s
# Tests here run real phones or judge sound in time: they are no part of the short run, nor of the race run.
JUDGED := trivox/cmd/trivox(/internal/(call|load))?
# Packages without goroutines: the race detector has nothing to find there. imports_test.go holds most of them to it.
# The tests of conference and media in virtual time have one goroutine; those of workers, ports and sockets run by name.
ALONE := trivox/(loudness|mixer|cluster/(exchange|sim|conference)|media(/(jitter|codec))?|sip/sdp|cmd/trivox/internal/(wav|sim))
SHARED := Close|ManyGoroutines|Inbox|EachHears|Concurrent|Ports|Socket|Sweep|Sleep|Session
# SQLite is most of what is to be compiled, and is once more for the race detector and for the fuzzer, neither of which
# looks at C: without optimising it takes a tenth of the time.
UNOPTIMISED := CGO_CFLAGS="-g -O0"

.DEFAULT_GOAL := help
.PHONY: help run build test check lint unit race fuzz bench soak prompts packages packages-unit packages-test clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

run: build ## build and start a server on loopback: dial sip:anything@127.0.0.1
	$(BIN)/trivox serve

build: packages ## make bin/trivox
	$(GO) build -tags $(TAGS) -o $(BIN)/trivox ./cmd/trivox

test: packages-test build lint race ## everything that proves it on one machine, within 15 minutes
	$(GO) test -tags $(TAGS) -timeout 12m $$($(GO) list -tags $(TAGS) ./... | grep -vx trivox/cmd/trivox)
	$(GO) test -tags $(TAGS) -timeout 12m ./cmd/trivox # alone: it judges sound in time
	$(MAKE) --no-print-directory fuzz

check: packages-unit lint unit ## the quick look: gofmt, go vet, staticcheck, unit tests

lint: packages $(STATICCHECK)
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './$(BIN)/*')); \
	if [ -n "$$unformatted" ]; then echo "not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet -tags $(TAGS) ./...
	$(STATICCHECK) -tags $(TAGS) ./...

unit: packages-unit
	$(GO) test -tags $(TAGS) -short -timeout 3m $$($(GO) list -tags $(TAGS) ./... | grep -vxE '$(JUDGED)')

race: packages-unit ## the tests again under the race detector, but for those that judge sound in time
	$(UNOPTIMISED) $(GO) test -tags $(TAGS) -race -short -timeout 10m $$($(GO) list -tags $(TAGS) ./... | grep -vxE '$(JUDGED)|$(ALONE)')
	$(UNOPTIMISED) $(GO) test -tags $(TAGS) -race -short -timeout 10m -run '$(SHARED)' ./cluster/conference ./media

fuzz: packages ## every fuzz target for FUZZTIME (5s)
	@$(UNOPTIMISED) .ci/fuzz $(FUZZTIME)

bench: build ## CPU and memory of the server under load, rows as in docs/bench.md
	$(GO) build -tags $(TAGS) -o $(BIN)/limit ./.ci/limit
	$(GO) run ./.ci/bench

soak: packages-test build ## by hand: long tones, 10,000 calls, floods, a minute a fuzz target
	$(GO) test -tags "$(TAGS) soak" -run Soak -v -timeout 3h ./...
	$(MAKE) --no-print-directory fuzz FUZZTIME=60s

prompts: ## by hand: the prompts again, with espeak-ng and sox
	@.ci/packages espeak-ng sox
	cmd/trivox/internal/prompts/make.sh

# Found by what they provide, so that a machine that has them loses no time here.
packages:
	@.ci/packages gcc pkg-config libopus-dev

packages-unit:
	@.ci/packages gcc pkg-config libopus-dev postgresql

packages-test:
	@.ci/packages gcc pkg-config libopus-dev postgresql baresip-core sip-tester sox

$(STATICCHECK):
	@mkdir -p $(@D)
	GOBIN=$(CURDIR)/$(@D) GOFLAGS= $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	@mv $(@D)/staticcheck $@

clean: ## remove bin
	rm -rf $(BIN)
