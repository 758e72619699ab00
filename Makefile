# `make run` and `make test` do all the set-up they need, inside this checkout.

SHELL := /bin/sh
PYTHON ?= python3
PIP_FLAGS := -qq --disable-pip-version-check
BIN := .venv/bin
# One lock for every platform and every Python from 3.11 on. Wheels only: an installation compiles nothing.
COMPILE := $(BIN)/uv pip compile pyproject.toml --custom-compile-command 'make lock' --quiet --universal --python-version 3.11 --no-build --no-annotate --generate-hashes
WEB := service/web
# Twice two cores: a test mostly waits for servers.
TEST_PROCESSES ?= 4
export PORT SUPABASE_PORT POSTGRES_PORT PAGERDUTY_PORT STATE_DIR LOG_LEVEL
export SUPABASE_TELEMETRY_DISABLED = 1
export DO_NOT_TRACK = 1
# Set in many containers: some hundred processes of the tests would compile the same modules, each for itself.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test bench lint format migration build wheel lock hooks reset clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: .venv/ready $(WEB)/dist/manifest.json ## set everything up and run it on http://localhost:3000 (PORT=… for another port)
	@exec $(BIN)/python -m devstack run

test: .venv/ready $(WEB)/dist/manifest.json ## lint, types and all tests (PYTEST="-k bell" for some)
	@$(MAKE) --no-print-directory lint
	@cd $(WEB) && npm run --silent test
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile $(PYTEST)

lint: .venv/ready $(WEB)/node_modules/ready ## ruff, mypy in strict mode, sqlfluff, Biome, and tsc over the scripts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONWARNINGS=ignore $(BIN)/sqlfluff lint --quiet --processes 2 supabase/schemas supabase/seed.sql policies
	@cd $(WEB) && npm run --silent lint

format: .venv/ready $(WEB)/node_modules/ready ## let ruff and Biome format and mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@cd $(WEB) && npm run --silent format

bench: .venv/ready $(WEB)/dist/manifest.json ## measure: the service's pace, a storm, a million notifications (some ten minutes)
	@$(BIN)/python -m bench.webhooks
	@$(BIN)/python -m bench.storm
	@$(BIN)/python -m bench.size

migration: .venv/ready $(WEB)/node_modules/ready ## the migration that a change of supabase/schemas or policies takes (NAME=add_priority)
	@$(BIN)/python -m devstack migration '$(NAME)'

build: $(WEB)/dist/manifest.json ## bundle the pages (run, test and wheel do it themselves)

wheel: .venv/ready $(WEB)/dist/manifest.json ## a wheel in dist/ with all that production needs
	@$(BIN)/python -m pip wheel $(PIP_FLAGS) --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

lock: .venv/ready ## the lock files, from pyproject.toml and package.json (UPGRADE=1: with the newest versions that fit)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --all-extras --output-file requirements-dev.lock
	@# The service runs with the versions that were tested.
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --constraints requirements-dev.lock --output-file requirements.lock
	@cd $(WEB) && npm $(if $(UPGRADE),update,install) --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error >/dev/null
	@echo "Wrote requirements.lock, requirements-dev.lock and $(WEB)/package-lock.json"

hooks: .venv/ready ## have git run the linters before each commit
	@$(BIN)/pre-commit install

reset: .venv/ready ## empty the state of `make run`: database, keys, logs
	@$(BIN)/python -m devstack reset

clean: ## remove what was installed, too
	@rm -rf .venv .local dist $(WEB)/node_modules $(WEB)/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/ready: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=…"; exit 1; }
	@echo "Installing Python packages into .venv (once, about half a minute) …"
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is needed: on Debian, apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install $(PIP_FLAGS) -r requirements-dev.lock
	@touch $@

$(WEB)/node_modules/ready: $(WEB)/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "Node 20 or newer, with npm, is needed: install it from https://nodejs.org or your system's packages"; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Node 20 or newer is needed; this is $$(node --version)"; exit 1; }
	@echo "Installing the web app's packages (once) …"
	@# Not `npm ci`: the CLI lists builds for platforms that the registry may lack, which ci takes for a stale lock.
	@cd $(WEB) && npm install --no-save --no-audit --no-fund --loglevel=error >/dev/null || { echo "npm could not install the packages: is the registry reachable?"; exit 1; }
	@touch $@

$(WEB)/dist/manifest.json: $(WEB)/node_modules/ready $(WEB)/build.mjs $(shell find $(WEB)/src -type f 2>/dev/null)
	@cd $(WEB) && node build.mjs
	@touch $@
