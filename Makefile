# The two commands of the README: `make report` and `make test`; `make entrega` packs the hand-in.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENGINE ?= auto

.PHONY: report test test-browser entrega lint clean

report: $(VENV)/.installed
	@$(BIN)/python -m publish --engine $(ENGINE)

test: $(VENV)/.installed
	@$(BIN)/python -m pytest

# Part of `make test` too, where it is skipped without Chromium; here that is an error.
test-browser: $(VENV)/.installed
	@(command -v chromium || command -v chromium-browser || command -v google-chrome) >/dev/null || { \
	  echo "Chromium is not installed: install your system's package, such as 'apt install chromium'"; exit 1; }
	@$(BIN)/python -m pytest tests/test_browser.py

entrega: report
	@$(BIN)/python -m publish.handin

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: requirements.txt pyproject.toml
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}: set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf _output .build .quarto
