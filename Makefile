# Needs Python >= 3.11 and make. `make app` opens the explorer, `make test` runs the tests.
# `make lint` also needs Node.js, for the scripts and styles of the page.
PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
BIOME_VERSION = 2.6.8
BIOME = .venv/biome/node_modules/.bin/biome

.PHONY: app test fuzz lint format bench space clean

app: .venv/app-installed
	$(BIN)/python app/main.py

test: .venv/dev-installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

fuzz: .venv/dev-installed
	LATENTSCAPE_FUZZ=2000 $(BIN)/python -m pytest -q tests/test_fuzz.py

lint: .venv/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(BIOME) && $(BIOME) ci --error-on-warnings app; \
	else echo "JavaScript and CSS were not checked: that needs Node.js and npm (https://nodejs.org)."; fi

format: .venv/dev-installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(BIOME) && $(BIOME) check --write app; fi

# make space NAME=owner/name [MODEL=name-or-hub-id] [OPTIONS=--dry-run]
space: .venv/app-installed
	$(BIN)/python -m app.space $(NAME) $(if $(MODEL),--model $(MODEL)) $(OPTIONS)

bench: .venv/bench-installed
	for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

# The stamps are written last, so that an interrupted installation is begun again.
.venv/app-installed: requirements.txt | .venv/bin/python
	$(PIP) -r requirements.txt
	touch $@

.venv/dev-installed: requirements.txt requirements-train.txt requirements-dev.txt | .venv/bin/python
	$(PIP) -r requirements.txt -r requirements-train.txt -r requirements-dev.txt
	touch .venv/app-installed $@

.venv/bench-installed: bench/requirements.txt .venv/dev-installed
	$(PIP) -r bench/requirements.txt
	touch $@

$(BIOME):
	npm install --silent --no-fund --no-audit --prefix .venv/biome @biomejs/biome@$(BIOME_VERSION)

clean:
	rm -rf .venv
