# What there is to do here; `make` alone lists it. Each target sets up what it needs first (scripts/setup.sh).

NODE := scripts/with-node.sh node
ROOT_TESTS := scripts/with-node.sh scripts/as-root.sh node --test
# Two test files at a time: most of what they do is wait, and no more than two cores are counted on.
E2E := $(ROOT_TESTS) --test-concurrency=2
# What takes long measures too, and has the machine for itself.
SOAK := $(ROOT_TESTS) --test-concurrency=1

.DEFAULT_GOAL := help
.PHONY: help setup build pack check test demo test-soak strategies bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## get a new enough Node and the npm packages
	@scripts/setup.sh build

build: setup ## bundle into dist/
	@$(NODE) scripts/build.ts

pack: build ## the npm package, as zdr-VERSION.tgz: npm install -g ./zdr-VERSION.tgz
	@scripts/with-node.sh npm pack --ignore-scripts

check: setup ## types, lint, import directions, dead code, unit tests: a few seconds
	@$(NODE) scripts/check.ts

test: ## set up everything, build, check, and run all end-to-end tests: what CI runs
	@scripts/setup.sh test
	@$(NODE) scripts/build.ts
	@$(NODE) scripts/check.ts
	@$(NODE) --test 'test/fuzz/**/*.test.ts'
	@$(E2E) 'test/e2e/**/*.test.ts'

demo: ## see zdr at work, on a private supervisord and sshd in a temporary folder
	@scripts/setup.sh demo
	@$(NODE) scripts/build.ts
	@$(NODE) scripts/demo.ts

test-soak: ## thousands of reloads under load, every crash of every sample, 100,000 cases for each parser: hours
	@scripts/setup.sh soak
	@$(NODE) scripts/build.ts
	@FUZZ_RUNS=100000 $(NODE) --test 'test/fuzz/**/*.test.ts' test/e2e/supervisor/supervisor-config-python.test.ts
	@$(SOAK) 'test/soak/**/*.test.ts'; result=$$?; $(NODE) scripts/strategy-docs.ts; $(NODE) scripts/reliability-docs.ts; exit $$result

strategies: ## what a deploy and each bad release cost each preset; writes docs/strategies.md
	@scripts/setup.sh soak
	@$(NODE) scripts/build.ts
	@scripts/with-node.sh scripts/as-root.sh node test/strategies/main.ts; result=$$?; $(NODE) scripts/strategy-docs.ts; exit $$result

bench: ## measure against rsync, tar and ssh; writes docs/performance.md
	@scripts/setup.sh test
	@$(NODE) scripts/build.ts
	@scripts/with-node.sh scripts/as-root.sh node test/bench/main.ts; result=$$?; scripts/with-node.sh node scripts/bench-docs.ts; exit $$result

clean: ## remove what was built and fetched
	rm -rf dist .tmp .node .node16 .node18 node_modules
