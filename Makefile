# One line a recipe; `make` alone checks and tests.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PORT   ?= 8000

.DEFAULT_GOAL := all

.PHONY: all serve test test-encoder check model clean

all: check test  ## lint, types and tests

serve: $(VENV)/.serve  ## serve on http://127.0.0.1:$(PORT) with the shipped model
	$(BIN)/suda serve --port $(PORT)

test: $(VENV)/.dev  ## run all tests
	$(BIN)/python -m pytest

test-encoder: $(VENV)/.train  ## run the tests that need torch (a small training end to end)
	$(BIN)/python -m pytest tests/model tests/training

check: $(VENV)/.dev  ## lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

model: $(VENV)/.train  ## train the shipped bundle anew from the corpus, about 80 minutes
	$(BIN)/suda pretrained import --keep data/corpus/complaints.jsonl
	$(BIN)/suda train --model encoder --config training/configs/shipped.toml --output model/shipped

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

$(VENV)/.train: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --editable '.[dev,train]'
	touch $@
