# What there is to do here; `make` alone lists it. Each target sets up what it needs first (scripts/setup.sh).

WITH_NODE := scripts/with-node.sh
# End-to-end tests start supervisord and sshd as root, and programs under them as other users.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=PATH,CI env "PATH=$$PATH")
E2E := 'test/e2e/**/*.test.ts'

.DEFAULT_GOAL := help
.PHONY: help setup build check test demo test-soak bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## get a new enough Node and the npm packages
	@scripts/setup.sh build

build: setup ## bundle into dist/
	@$(WITH_NODE) node scripts/build.ts

check: setup ## types, lint, import directions, dead code, unit tests: a few seconds
	@$(WITH_NODE) node scripts/check.ts

test: ## set up everything, build, check, and run all end-to-end tests: what CI runs
	@scripts/setup.sh test
	@$(WITH_NODE) node scripts/build.ts
	@$(WITH_NODE) node scripts/check.ts
	@$(WITH_NODE) $(AS_ROOT) node --test --test-concurrency=1 $(E2E)

demo: ## see zdr at work, on a private supervisord and sshd in a temporary folder
	@scripts/setup.sh demo
	@$(WITH_NODE) node scripts/build.ts
	@$(WITH_NODE) node scripts/demo.ts

test-soak: ## long fuzzing and thousands of reloads: hours
	@scripts/setup.sh test
	@$(WITH_NODE) node scripts/build.ts
	@$(WITH_NODE) $(AS_ROOT) node --test --test-concurrency=1 'test/soak/**/*.test.ts'

bench: ## measure against rsync, tar and ssh; writes docs/performance.md
	@scripts/setup.sh test
	@$(WITH_NODE) node scripts/build.ts
	@$(WITH_NODE) $(AS_ROOT) node test/bench/main.ts

clean: ## remove what was built and fetched
	rm -rf dist .tmp .node .node18 node_modules
