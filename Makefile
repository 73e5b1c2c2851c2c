# Relaypanel: `make run` serves a demo shop, `make test` runs the tests, `make` lists the rest.

UV_VERSION := 0.13.9
PYTHON ?= python3
BIN := .venv/bin
# Some tests wait for processes that they started, so that four share two cores well.
PYTEST := $(BIN)/pytest -n 4 --dist loadgroup
# Each has a shop and a browser of its own.
BROWSE := $(BIN)/pytest -n 2 tests/browser
# Where one line that no test takes is one too many.
EXACT := relaypanel/money.py relaypanel/contract.py 'relaypanel/ledger/*' 'relaypanel/api_v2/*'
TEMPLATES = $(shell git ls-files '*.html')
WORDS := $(patsubst %.po,%.mo,$(wildcard relaypanel/locale/*/*/LC_MESSAGES/django.po))

# What `check --deploy` judges: a panel as docs/operating.md says to run it.
PRODUCTION := DEBUG=false PUBLIC_URL=https://panel.example ALLOWED_HOSTS=panel.example \
	TRUSTED_PROXIES=127.0.0.1 DATABASE_URL=sqlite://:memory:

# A run starts hundreds of processes, and each would compile whatever it reads.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run translations shots test faults hostile advisories bench bench-engine check lint coverage format
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: .venv/synced .env translations ## make the environment in .venv and the secrets in .env

run: setup ## serve a demo shop on http://127.0.0.1:8000
	$(BIN)/relaypanel migrate
	$(BIN)/relaypanel serve --demo --host 127.0.0.1 --port 8000

translations: $(WORDS) ## build what the pages say in other languages, from relaypanel/locale

shots: setup ## take a picture of every page, into var/shots
	$(BIN)/python -m tests.browser.shots

test: setup ## run the tests on SQLite, those with a database on PostgreSQL, and look at the pages
	$(PYTEST)
	$(PYTEST) --database postgresql
	$(BROWSE)

faults: setup ## break things in full size on both databases; prints one line of figures each
	FAULTS=full $(BIN)/pytest -s -q --timeout 1800 tests/faults
	FAULTS=full $(BIN)/pytest -s -q --timeout 1800 tests/faults --database postgresql

hostile: setup ## attack in full size on both databases; prints one line of figures each
	HOSTILE=full $(BIN)/pytest -s -q --timeout 1800 tests/hostile
	HOSTILE=full $(BIN)/pytest -s -q --timeout 1800 tests/hostile --database postgresql

advisories: setup ## ask whether a library of the lock has a known weakness; needs the internet
	$(BIN)/uv export --frozen --no-dev --no-emit-project --quiet --format requirements-txt > .venv/locked.txt
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement .venv/locked.txt

bench: setup ## measure the API beside what the machine can do; takes ten minutes
	$(BIN)/python -m bench panel

bench-engine: setup ## measure how fast one worker sends and polls, on a PostgreSQL
	$(BIN)/python -m bench engine

check: lint coverage ## judge everything: style, types, imports, migrations, settings, coverage

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy relaypanel tests bench
	$(BIN)/lint-imports
	$(BIN)/relaypanel makemigrations --check --dry-run
	$(PRODUCTION) $(BIN)/relaypanel check --deploy --fail-level WARNING
	$(if $(TEMPLATES),$(BIN)/djade --check $(TEMPLATES))

coverage: setup
	rm -rf .covered
	COVERED=.covered $(PYTEST)
	COVERED=.covered $(PYTEST) --database postgresql
	$(BIN)/python -m tests.covered .covered $(EXACT)

format: setup ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(TEMPLATES),$(BIN)/djade $(TEMPLATES))

.venv/synced: pyproject.toml uv.lock | .venv/uv
	$(BIN)/uv sync --frozen --compile-bytecode
	@touch $@

%.mo: %.po | .venv/synced
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

# uv comes from PyPI like everything else, into the environment that it then fills.
.venv/uv: Makefile
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.env: | .venv/synced
	$(BIN)/relaypanel init
