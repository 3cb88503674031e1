# `make demo` and `make test` do all the set-up themselves; a second run starts at once.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help install demo test test-slow chaos coverage docs bench-guards bench-pruners bench-verdict bench-training lint clean

help:
	@echo "make demo       a whole sweep on this machine, CPU only (KEEP=1 leaves the servers up)"
	@echo "make test       lint, then the tests"
	@echo "make test-slow  the tests that take minutes, then coverage"
	@echo "make chaos      sweeps while every part is killed in turn, a quarter of an hour (SEED=1 EACH=2)"
	@echo "make coverage   which lines the tests reach"
	@echo "make bench-guards  do the guards kill good runs? over recorded curves (CURVES=folder)"
	@echo "make bench-pruners  ours, Ray's and Optuna's pruners on recorded curves (CURVES=folders DOCS=docs)"
	@echo "make bench-training  tokens per second and start-up of trials, beside transformers' Trainer"
	@echo "make bench-verdict  what a verdict costs with 100 and 1,000 trials"
	@echo "make docs       write docs/reference anew from the code"
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

# The tests of one file stay together; three files at a time, for many of them wait for servers.
# tests/conftest.py puts the files that take minutes first.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

# What failed beside others runs once more, alone: a fault fails again, a machine that was too busy
# does not. Both runs are in the log.
ALONE := --last-failed --last-failed-no-failures none

test: lint
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow" || $(BIN)/python -m pytest -m "not slow" $(ALONE)

# The same tests once more under the tracer pass or fail nothing: `make test` did that. Some have
# limits on time that the tracer breaks.
test-slow: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --timeout 900 -m slow || $(BIN)/python -m pytest --timeout 900 -m slow $(ALONE)
	-$(MAKE) coverage

# What the tests reach, in their own process and in those that they start. Without end_to_end and
# chaos: they take long under the tracer, and what they kill tells nothing.
coverage: $(STAMP)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -q -m "not slow" --ignore=tests/end_to_end --ignore=tests/chaos --cov --cov-report=term:skip-covered

SEED ?= 1
EACH ?= 2

chaos: $(STAMP)
	PYTHONPATH=.:tests/support $(BIN)/python -m tests.chaos --seed $(SEED) --each $(EACH)

# Folders of recorded curves (the format is in docs/benchmarks.md); skipped when there are none.
CURVES ?= data/curves

bench-guards: $(STAMP)
	$(BIN)/python -m benchmarks.guards $(CURVES)

# Our own recording is one of the folders. DOCS=docs writes docs/pruning-benchmark.md and its picture.
JOBS ?= 1

bench-pruners: $(STAMP)
	$(BIN)/python -m benchmarks.pruners $(CURVES) benchmarks/curves --jobs $(JOBS) $(if $(DOCS),--docs $(DOCS))

# Speed and start-up of trials, beside transformers' Trainer: half an hour on two quiet cores.
bench-training: $(STAMP)
	$(BIN)/python -m benchmarks.training

bench-verdict: $(STAMP)
	$(BIN)/python -m benchmarks.pruners.verdict_time --whole

docs: $(STAMP)
	$(BIN)/python -m docs.generate

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

clean:
	rm -rf .venv .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
