# make run            the site at http://127.0.0.1:8000 and its worker (PORT=9000 make run to change)
# make test           all tests, in as many processes as there are cores (WORKERS=1 make test to change)
# make test-fast      those that take no long training
# make test-postgres  those that know a database on a private PostgreSQL server, of the machine's own binaries (.ci/postgres.py)
# make test-services  the same on PostgreSQL, a private Redis and an S3 of a package (.ci/services.py)
# make audit          whether a locked package has a known hole; asks the index of packages
# make fuzz           10,000 odd requests to all URLs by all roles (FUZZ_REQUESTS, FUZZ_SEED to change): no 500
# make bench          what the site and its networks take here, into docs/performance.md (BENCH="networks site" for parts)
# make lint           what CI checks besides the tests
# make format         write the code as lint wants it
# make messages       what pages say, collected anew into locale/, and compiled (needs gettext; not to run the site)
# make server         what a server of amd64 runs from: with PostgreSQL, Redis and S3, and without CUDA
# make lock           new lock files after a change in pyproject.toml

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= auto
BIN := .venv/bin

.PHONY: run server test test-fast test-postgres test-services audit fuzz bench lint format messages lock

run: .venv/.run
	@$(BIN)/python manage.py prepare
	@trap 'kill $$site $$worker 2>/dev/null; wait' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM HUP; \
	$(BIN)/python manage.py db_worker & worker=$$!; \
	PORT=$(PORT) $(BIN)/gunicorn nebulai.wsgi & site=$$!; \
	wait $$site

server: .venv/.server

# Each process takes a core: threads below it would only wait for one another.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal

test: .venv/.dev
	$(PYTEST)

test-fast: .venv/.dev
	$(PYTEST) -m "not slow"

# galaxies.ml knows no database, and workers that train together ask none.
NO_DATABASE = --ignore galaxies/ml --ignore galaxies/tests/test_cluster_training.py

test-postgres: .venv/.dev
	$(BIN)/python .ci/postgres.py env $(PYTEST) $(NO_DATABASE)

test-services: .venv/.dev
	$(BIN)/python .ci/postgres.py $(BIN)/python .ci/services.py env $(PYTEST) $(NO_DATABASE)

# pip-audit comes for this alone, and is no part of what is locked.
audit: .venv/.dev
	$(BIN)/uv tool run pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.lock

fuzz: .venv/.dev
	FUZZ_REQUESTS=$${FUZZ_REQUESTS:-10000} OMP_NUM_THREADS=1 $(BIN)/python -m pytest nebulai/tests/test_fuzz.py -s --log-level=CRITICAL --show-capture=no

bench: .venv/.dev
	$(BIN)/python bench/report.py $(BENCH)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Sorted, without places in the code and dates, so that a change shows what it changes.
messages: .venv/.dev
	$(BIN)/python manage.py makemessages --locale fr --no-location --no-obsolete --no-wrap --ignore .venv --ignore var
	msgcat --sort-output --no-wrap $(FRENCH).po | sed '/^"POT-Creation-Date/s/20.*+/2026-01-01 00:00+/' > $(FRENCH).new
	mv $(FRENCH).new $(FRENCH).po
	$(BIN)/pybabel compile --statistics --input-file $(FRENCH).po --output-file $(FRENCH).mo
FRENCH := locale/fr/LC_MESSAGES/django

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock" pyproject.toml

lock: .venv/.dev
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --all-extras --constraints requirements.lock --output-file requirements-dev.lock
	$(COMPILE) deploy/requirements.in --no-emit-package tensorflow \
		--extra postgres --extra redis --extra s3 --constraints requirements-dev.lock --output-file requirements-server.lock

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

.venv/.server: requirements-server.lock | .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-server.lock
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ .venv/.run
