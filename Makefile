# What a contributor types. It needs Python 3.11 or newer, make and a package registry; the rest is installed in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

# One thread a process: the tests run in one process a core, and threads on top of that only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist loadfile

# Those that run without an argument; the others say with --help what they need.
NEED_ARGUMENTS := defaults detection fewlabels harness pairs trainer_peer versions video
BENCHMARKS := $(filter-out $(NEED_ARGUMENTS:%=benchmarks/%.py),$(wildcard benchmarks/*.py))

# Tests on real data read the folder UNLABELED_DATA names, and are skipped when there is none.
ifneq ($(wildcard ../shared/data),)
export UNLABELED_DATA ?= $(abspath ../shared/data)
endif

.PHONY: help demo test coverage test-all lint format stubs docs bench constraints clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/dev ## the whole path on a real data set, from images to a searchable, judged representation, in ./demo
	$(BIN)/unlabeled demo

test: $(VENV)/dev ## the tests that together take minutes
	$(PYTEST) -m "not slow"

coverage: $(VENV)/dev ## the same tests, and which lines they never reach; takes longer
	$(PYTEST) -m "not slow" --cov

test-all: $(VENV)/dev ## every test: learning on real data over seeds too
	$(PYTEST)

lint: $(VENV)/dev ## style (ruff) and types (mypy)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/dev ## put the source into the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

stubs: $(VENV)/dev ## tell type checkers of the methods there are
	$(BIN)/python tools/stubs.py

docs: $(VENV)/docs ## build the site in docs/_build/html; any warning is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs docs/_build/html

bench: $(VENV)/bench $(BENCHMARKS:%=run-%) ## time us against the usual libraries; wants a quiet machine

run-benchmarks/%: benchmarks/% $(VENV)/bench
	$(BIN)/python $<

constraints: ## renew constraints.txt with the newest releases that pyproject.toml accepts
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/pip install -qq --disable-pip-version-check -e ".[dev,docs,bench]"
	grep '^#' constraints.txt > build/constraints.txt
	build/constraints/bin/pip freeze --exclude-editable | grep -vE '^(cuda|nvidia|triton)' >> build/constraints.txt
	mv build/constraints.txt constraints.txt

clean: ## remove everything that was generated, but for .venv
	rm -rf build dist demo docs/_build docs/api/generated htmlcov .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Each file stands for "this extra is installed, as pyproject.toml and constraints.txt have it".
$(VENV)/%: pyproject.toml constraints.txt
	@echo "installing into $(VENV) (some minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) -e ".[$*]"
	@touch $@
