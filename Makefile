# What a person does with this project. Everything happens inside .venv; nothing outside this folder is changed.
#   make run [MODEL=PATH] [PROMPT="Once upon a time"]     make test     make check     make help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
SETUP := $(VENV)/.done-setup
WINDOW := $(VENV)/.done-window
TESTING := $(VENV)/.done-testing
SOURCES := pyproject.toml constraints.txt app/cli/version.py

export MODEL PROMPT

.DEFAULT_GOAL := help
.PHONY: help setup run gui test soak check bench clean

help:
	@echo "make setup          install into .venv (needs python3-venv and the network, once)"
	@echo "make run [MODEL=PATH] [PROMPT=TEXT]   open a model in the terminal app"
	@echo "make gui [MODEL=PATH] [PROMPT=TEXT]   install what the window needs, and open it"
	@echo "make test           run the tests          make soak    their long versions"
	@echo "make check          style and types        make bench   speed, as ratios in one run"
	@echo "make clean          remove .venv and everything made"

setup: $(SETUP)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "error: Python 3.11 or newer is needed; if you have it under another name: make setup PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "error: python3-venv is missing: run 'sudo apt-get install python3-venv', then make again" >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)

$(SETUP): $(BIN)/python $(SOURCES)
	$(PIP) -e .
	@touch $@

$(WINDOW): $(SETUP)
	$(PIP) -e '.[gui]'
	@touch $@

$(TESTING): $(SETUP)
	$(PIP) -e '.[test]'
	@touch $@

run: $(SETUP)
	@set --; if [ -n "$$MODEL" ]; then set -- "$$MODEL"; fi; \
	  if [ -n "$$PROMPT" ]; then set -- "$$@" --prompt="$$PROMPT"; fi; $(BIN)/minigpt-tui "$$@"

gui: $(WINDOW)
	@set --; if [ -n "$$MODEL" ]; then set -- "$$MODEL"; fi; \
	  if [ -n "$$PROMPT" ]; then set -- "$$@" --prompt="$$PROMPT"; fi; $(BIN)/minigpt-gui "$$@"

test: $(TESTING)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not soak'

soak: $(TESTING)
	$(BIN)/python -m pytest -m soak

check: $(TESTING)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(TESTING)
	$(BIN)/python benchmarks/speed.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name '*.egg-info' -prune -exec rm -rf {} +
	find . -name __pycache__ -prune -exec rm -rf {} +
