# offtake: `make help` lists what can be made.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first of these that is new enough; the locks are tried with the oldest that is supported.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
  if "$$python" -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then command -v "$$python"; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.benchmark-installed
LOCKER := $(VENV)-lock
PEERS := .venv-peers
LOCK_OPTIONS ?=
WORKERS ?= 2

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED) ## create .venv from the locked and hashed dependencies

$(INSTALLED): requirements/dev.lock pyproject.toml
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "offtake needs Python 3.11 or newer:" \
	  "found $(or $(PYTHON),none). Name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: run
run: install ## plan both examples into out/, make their deals, rehearse a draft, and serve the company
	$(BIN)/offtake plan examples/company/estate.yaml --out out/company
	$(BIN)/offtake plan examples/stargate/estate.yaml --out out/stargate
	$(BIN)/offtake plan examples/company/estate.yaml --futures 100 --tornado --quick --out out/company-futures
	$(BIN)/offtake plan examples/stargate/financed-500.yaml --known-at 2025-01-21 --futures 20 --tornado --quick --out out/stargate-futures
	PATH="$(abspath $(BIN)):$$PATH" bash examples/stargate/deals.sh out/stargate
	PATH="$(abspath $(BIN)):$$PATH" bash examples/company/deals.sh out/company
	$(BIN)/offtake broker simulate examples/rehearsal/estate.yaml --trace examples/rehearsal/jobs.csv \
		--respond examples/rehearsal/rules.yaml --without draft --out out/rehearsal.html
	$(BIN)/python examples/company/gateway.py out/company-gateway

.PHONY: screenshots
screenshots: run ## take the pictures of the reports for docs/
	$(BIN)/python scripts/screenshots.py

.PHONY: lint
lint: install ## style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	$(BIN)/lint-imports

.PHONY: test
test: lint ## lint, then every test
	$(BIN)/python -m pytest -n $(WORKERS)

.PHONY: simulate
simulate: install ## years of the broker under many seeds (SEEDS=500), with crashes and an auditor
	cd tests && ../$(BIN)/python -m simulation --seeds $(or $(SEEDS),500) --steps 400

$(BENCH_INSTALLED): requirements/benchmark.lock $(INSTALLED)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/benchmark.lock
	@touch $@

.PHONY: bench
bench: $(BENCH_INSTALLED) ## measure against the peers
	$(BIN)/python -m benchmarks

# Peers of the gateway stand in environments of their own.
$(PEERS)/.installed:
	"$(PYTHON)" -m venv $(PEERS)/aiohttp
	$(PEERS)/aiohttp/bin/python -m pip install --quiet uvicorn==0.54.0 uvloop==0.23.0 httptools==0.9.0 aiohttp==3.14.5
	"$(PYTHON)" -m venv $(PEERS)/litellm
	$(PEERS)/litellm/bin/python -m pip install --quiet 'litellm[proxy]==1.108.7'
	if command -v npm >/dev/null; then mkdir -p $(PEERS)/portkey \
	  && cp benchmarks/gateway/portkey.json $(PEERS)/portkey/package.json \
	  && npm install --prefix $(PEERS)/portkey --silent --no-audit --no-fund \
	  || echo "npm could not install Portkey's gateway, which is left out" >&2; \
	else echo "there is no npm (apt-get install nodejs npm): Portkey's gateway is left out" >&2; fi
	@touch $@

.PHONY: bench-gateway
bench-gateway: $(BENCH_INSTALLED) $(PEERS)/.installed ## measure the gateway beside nginx, aiohttp, Portkey's and LiteLLM
	$(BIN)/python -m benchmarks.gateway.run --json benchmarks/gateway/results.json
	$(BIN)/python -m benchmarks.gateway.stages

# The tool that writes the locks lives in an environment of its own, which is thrown away. Run and benchmark
# are held to the versions of dev, so that all three may be installed into one environment.
COMPILE = $(LOCKER)/bin/uv --quiet pip compile pyproject.toml --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(LOCK_OPTIONS)

.PHONY: lock
lock: ## write requirements/*.lock anew (LOCK_OPTIONS=--upgrade for newer versions)
	@rm -rf $(LOCKER)
	"$(PYTHON)" -m venv $(LOCKER)
	$(LOCKER)/bin/python -m pip install --quiet uv
	$(COMPILE) --extra dev --output-file requirements/dev.lock
	$(COMPILE) --constraint requirements/dev.lock --output-file requirements/run.lock
	$(COMPILE) --constraint requirements/dev.lock --extra benchmark --output-file requirements/benchmark.lock
	@rm -rf $(LOCKER)

.PHONY: clean
clean: ## remove the environment, the caches and out/
	rm -rf $(VENV) $(LOCKER) $(PEERS) out build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
