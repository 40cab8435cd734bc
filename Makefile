# make run    the site at http://127.0.0.1:8000 and its worker (PORT=9000 make run to change)
# make test   all tests
# make lint   what CI checks besides the tests
# make lock   new lock files after a change in pyproject.toml

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin

.PHONY: run test lint lock

run: .venv/.run
	@$(BIN)/python manage.py prepare
	@trap 'kill $$site $$worker 2>/dev/null; wait' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM HUP; \
	$(BIN)/python manage.py db_worker & worker=$$!; \
	PORT=$(PORT) $(BIN)/gunicorn nebulai.wsgi & site=$$!; \
	wait $$site

test: .venv/.dev
	$(BIN)/python -m pytest

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" pyproject.toml

lock: .venv/.dev
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --all-extras --constraints requirements.lock --output-file requirements-dev.lock

# The stamps are written last, so that an interrupted installation starts again.
.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "NebulAI needs Python 3.11 or newer, and $(PYTHON) is not; name one with: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: requirements.lock | .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ .venv/.run
