# Needs Python >= 3.11 and make. `make app` opens the explorer, `make test` runs the tests.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: app test lint bench clean

app: .venv/installed
	$(BIN)/python app/main.py

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: .venv/bench-installed
	for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Written last, so that an interrupted installation is begun again.
.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch .venv/installed

.venv/bench-installed: .venv/installed bench/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	touch .venv/bench-installed

clean:
	rm -rf .venv
