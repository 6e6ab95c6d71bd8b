# One line a recipe; `make` alone checks and tests.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PORT   ?= 8000

.DEFAULT_GOAL := all

.PHONY: all serve test check model clean

all: check test  ## lint, types and tests

serve: $(VENV)/.serve  ## serve on http://127.0.0.1:$(PORT) with the shipped model
	$(BIN)/suda serve --port $(PORT)

test: $(VENV)/.dev  ## run all tests
	$(BIN)/python -m pytest

check: $(VENV)/.dev  ## lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

model: $(VENV)/.dev  ## train the shipped bundle anew from the corpus
	$(BIN)/suda train --model linear --output model/shipped

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.serve
