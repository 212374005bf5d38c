# Tarim. `make` alone lists the targets.  Nothing has to be installed by hand but Python 3.11 or newer.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first of these that runs and is 3.11 or newer; override with `make PYTHON=/path/to/python3 ...`.
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.13 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The second engine's interpreter, apart: JAX is for nothing else.
SPU := $(VENV)/spu
# The console's third-party scripts: what the lock file names, never committed.
CONSOLE := src/tarim/console
ASSETS := $(CONSOLE)/static/vendor/vendor.json
ASSET_SOURCES := $(CONSOLE)/vendoring.py $(CONSOLE)/static/icons.txt $(addprefix $(CONSOLE)/assets/,package.json package-lock.json charts.js)
PYTEST_ARGS ?=
PYTEST_WORKERS ?= 2
QUICK ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Byte code is kept, as it is of an installed package, whatever the environment says: compiling it anew costs every process a third of a second.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup setup-spu demo demo-federation test test-slow test-console test-spu check lint bench docs readability accept-engine accept-rules accept-models accept-federation accept-people accept-console console-shots lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(ASSETS)  ## create .venv from the lock file (once; instant afterwards)

$(STAMP): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; install one, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(STAMP)

$(ASSETS): $(ASSET_SOURCES) | $(STAMP)
	$(BIN)/python -m tarim.console.vendoring --with-tests
	touch $(ASSETS)

setup-spu: $(SPU)/.installed  ## create .venv/spu, the interpreter of the federation's second engine (0.7 GB; optional)

$(SPU)/.installed: requirements-spu.lock | $(STAMP)
	test -x $(SPU)/bin/python || $(BIN)/python -m venv $(SPU)
	$(SPU)/bin/python -m pip install --quiet --require-hashes -r requirements-spu.lock
	touch $@

demo: setup  ## set up a bank, simulate, train, replay, show what was caught, leave a service running
	$(BIN)/tarim demo

demo-federation: setup  ## two companies as two processes: common customers, a joint model, an answered question, a picture
	$(BIN)/tarim party demo

test: setup  ## run the tests (slow ones left out; see test-slow)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

test-slow: setup  ## SLOW: the tests marked slow
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

test-console: setup  ## SLOW (15 min): every test of the console in a real browser, in both languages
	$(BIN)/python -m pytest -m "slow or not slow" tests/e2e/console $(PYTEST_ARGS)

test-spu: setup setup-spu  ## SLOW (2 min): the tests of the second engine, with the engine
	TARIM_FEDERATION_SPU_PYTHON=$(abspath $(SPU)/bin/python) $(BIN)/python -m pytest -m "slow or not slow" tests/unit/federation/test_second_engine.py tests/e2e/test_party_second_engine.py $(PYTEST_ARGS)

check: lint test  ## what CI runs: format, lint, types, imports, then the tests

lint: setup  ## format, lint, types and import contracts, without tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## SLOW: measure speed and memory against baselines, print a table, write JSON
	$(BIN)/python -m bench

accept-engine: setup  ## SLOW (15 min; QUICK=1: 50 s): check every bar of the engine
	QUICK=$(QUICK) $(BIN)/python -m bench.accept_engine

accept-rules: setup  ## SLOW (15 min; QUICK=1: 50 s): check every bar of rules, lists and names
	QUICK=$(QUICK) $(BIN)/python -m bench.accept_rules

accept-models: setup  ## SLOW (40 min; QUICK=1: 50 s, half of them): check every bar of models
	QUICK=$(QUICK) $(BIN)/python -m bench.accept_models

accept-people: setup  ## SLOW (30 min; QUICK=1: 50 s): check every bar of people's work
	QUICK=$(QUICK) $(BIN)/python -m bench.accept_people

accept-console: setup  ## SLOW (40 min; QUICK=1: 50 s): check every bar of the console
	QUICK=$(QUICK) $(BIN)/python -m bench.accept_console

console-shots: setup  ## SLOW (5 min): a picture of every page in both languages and three sizes, judged; the guide's pictures anew
	TARIM_SHOTS=var/console-shots $(BIN)/python -m pytest tests/e2e/console/test_looks.py -m "slow or not slow" $(PYTEST_ARGS)

accept-federation: setup  ## SLOW (30 min; QUICK=1: 50 s, half of them): check every bar of joint computation
	QUICK=$(QUICK) TARIM_FEDERATION_SPU_PYTHON=$(abspath $(wildcard $(SPU)/bin/python)) $(BIN)/python -m bench.accept_federation

readability: setup  ## how much of the code says what it is, by package
	$(BIN)/python -m bench.readability

docs: setup  ## write the generated pages of the reference anew
	$(BIN)/python -m tarim.cli._reference docs/reference
	$(BIN)/python -m tarim.intake.reference docs/reference
	$(BIN)/python -m tarim.bootstrap.limits docs/reference
	$(BIN)/python -m tarim.bootstrap.permissions docs/reference
	$(BIN)/python -m tarim.rules.reference docs/reference
	$(BIN)/python -m tarim.reporting.adapters.reference docs/reference
	$(BIN)/python -m tarim.console.settings docs/reference
	$(BIN)/python -m tarim.models.catalogue docs/reference
	$(BIN)/python -m tarim.federation.reference docs/reference

lock: setup  ## resolve the dependencies of pyproject.toml into the lock files
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--strip-extras --allow-unsafe --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--strip-extras --allow-unsafe --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['spu'])" | \
		$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--strip-extras --allow-unsafe --constraint requirements.lock --output-file requirements-spu.lock -

clean:  ## remove the environment, caches and what the demo left
	rm -rf $(VENV) build dist var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
