# `make run` and `make test` do all the set-up they need, inside this checkout.

SHELL := /bin/sh
PYTHON ?= python3
PIP_FLAGS := -qq --disable-pip-version-check
BIN := .venv/bin
WEB := service/web
export PORT SUPABASE_PORT POSTGRES_PORT PAGERDUTY_PORT STATE_DIR LOG_LEVEL
export SUPABASE_TELEMETRY_DISABLED = 1
export DO_NOT_TRACK = 1

.DEFAULT_GOAL := help
.PHONY: help run test lint format migration reset clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: .venv/ready $(WEB)/node_modules/ready ## set everything up and run it on http://localhost:3000 (PORT=… for another port)
	@exec $(BIN)/python -m devstack run

test: .venv/ready $(WEB)/node_modules/ready ## lint, types and all tests (PYTEST="-k bell" for some)
	@$(MAKE) --no-print-directory lint
	@# A process for each folder: servers in threads and a browser's event loop do not outlive their tests.
	@set -e; if [ -n '$(PYTEST)' ]; then $(BIN)/python -m pytest $(PYTEST); \
	else for folder in unit local database api browser; do $(BIN)/python -m pytest tests/$$folder; done; fi

lint: .venv/ready ## ruff, mypy in strict mode, and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --quiet --processes 2 supabase/schemas supabase/seed.sql policies

format: .venv/ready ## let ruff format and mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

migration: .venv/ready $(WEB)/node_modules/ready ## the migration that a change of supabase/schemas or policies takes (NAME=add_priority)
	@$(BIN)/python -m devstack migration '$(NAME)'

reset: .venv/ready ## empty the state of `make run`: database, keys, logs
	@$(BIN)/python -m devstack reset

clean: ## remove what was installed, too
	@rm -rf .venv .local $(WEB)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

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
