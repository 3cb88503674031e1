# `make demo` and `make test` do all the set-up themselves; a second run starts at once.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help install demo test test-slow lint clean

help:
	@echo "make demo       a whole sweep on this machine, CPU only (KEEP=1 leaves the servers up)"
	@echo "make test       lint, then the tests"
	@echo "make test-slow  the tests that take minutes"
	@echo "make lint       ruff, mypy, import contracts"
	@echo "make install    the environment in .venv (the others do it when needed)"
	@echo "make clean      everything that make made"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (the first time takes minutes)" >&2
	@$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/sweepctl demo --state .demo $(if $(KEEP),--keep)

test: lint
	$(BIN)/python -m pytest -m "not slow"

# pytest's exit code 5: no such test exists
test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow || [ $$? -eq 5 ]

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

clean:
	rm -rf .venv .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
