# `make run` and `make test` need python3 >= 3.11 and nothing else; both install what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 3040

.PHONY: help install run test lint types check bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/installed: pyproject.toml requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "chat2api needs Python 3.11 or newer; try make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

install: $(VENV)/installed ## make .venv with everything for development

run: install ## serve on http://127.0.0.1:3040 (HOST=, PORT= to change)
	$(BIN)/python -m chat2api_core --host $(HOST) --port $(PORT)

test: install ## run the whole suite
	$(BIN)/python -m pytest -n auto --dist loadgroup

lint: install ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## mypy, strict
	$(BIN)/mypy

check: lint types test ## everything that .ci/run checks

bench: install ## measure the server against the emulator (a few minutes)
	$(BIN)/python -m tests.bench

clean: ## remove what the commands above made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
