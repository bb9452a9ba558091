# Requires Python 3.11 (or 3.12) and make; everything else is installed into .venv, once.
PYTHON ?= $(shell for p in python3.11 python3.12 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
COMPILE := $(BIN)/pip-compile --quiet --no-strip-extras --generate-hashes --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links $(LOCK)

# The browser of ui-test: Chromium or Chrome.
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: demo dev test test-slow deploy-test ui-test browser notion-types soak bench venv check format docs lock clean

venv: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q assetgen_dagster assetgen_emulators  # or each run compiles it again where Python cannot write .pyc files
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Adding what the tests need to .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Celery and Redis's client, for several machines only.
.venv/installed-celery: .venv/installed-dev requirements-celery.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-celery.lock
	@touch $@

.venv/installed-ui: .venv/installed-dev requirements-ui.lock
	@echo "Adding what drives a browser to .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ui.lock
	@touch $@

demo: venv
	@$(BIN)/assetgen demo $(DEMO)

# If port 3000 is taken: make dev PORT=3001
dev: venv
	@$(BIN)/assetgen dev$(if $(PORT), --port $(PORT))

# Four processes, also on two cores: most tests wait for a script or a service.
test: .venv/installed-dev
	@$(BIN)/python -m pytest -m "not slow and not deploy and not ui" --numprocesses 4 --dist worksteal

# Tests that measure seconds run afterwards, one by one.
test-slow: .venv/installed-dev
	@$(BIN)/python -m pytest -m "slow and not timed" --numprocesses 3 --dist worksteal
	@$(BIN)/python -m pytest -m "slow and timed"

# With options, such as the seed of an earlier soak: make soak SOAK="--seed 7 --minutes 3 --projects 6"
soak: .venv/installed-dev
	@$(BIN)/python -m tests.soak $(SOAK)

# Several machines, as processes on this one: requires the program redis-server.
deploy-test: .venv/installed-celery
	@$(BIN)/python -m pytest -m deploy

browser:
	@test -n "$(CHROMIUM)" || { echo "make ui-test needs Chromium: install it (on Debian: apt-get install chromium), or name it with make ui-test CHROMIUM=/path/to/it"; exit 1; }

# The Dagster UI in a real browser. SCREENSHOTS=1 also updates the pictures in docs/images.
ui-test: browser .venv/installed-ui
	@CHROMIUM="$(CHROMIUM)" SCREENSHOTS="$(SCREENSHOTS)" $(BIN)/python -m pytest -m ui tests/ui

# Notion's published types and a compiler for them, which make test then holds the emulator against. Needs Node.
notion-types:
	@command -v npm >/dev/null || { echo "make notion-types needs Node with npm: install it (on Debian: apt-get install npm)"; exit 1; }
	@npm ci --prefix tests/integration/emulators/notion_types --ignore-scripts --no-audit --no-fund

check: .venv/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: .venv/installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The tables of docs/ that are made from the code; the tests fail when they are out of date.
docs: venv
	@$(BIN)/python -m assetgen_dagster.cli.reference

# The second part needs PostgreSQL, which the tests' packages include.
bench: .venv/installed-dev
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench --partitions 100 1000 10000
	@$(BIN)/python -m bench --memory

# The locks have hashes and no index address, so they work with every package index.
# The newest versions that pyproject.toml allows: make lock LOCK=--upgrade
lock: .venv/installed-dev
	@$(COMPILE) --extra checkout --output-file requirements.lock pyproject.toml
	@$(COMPILE) --extra celery --constraint requirements.lock --output-file requirements-celery.lock pyproject.toml
	@$(COMPILE) --extra kubernetes --constraint requirements.lock --output-file requirements-kubernetes.lock pyproject.toml
	@$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	@$(COMPILE) --extra ui --constraint requirements.lock --constraint requirements-dev.lock --output-file requirements-ui.lock pyproject.toml

clean:
	@rm -rf .venv demo bench/out .pytest_cache .mypy_cache .ruff_cache .hypothesis
