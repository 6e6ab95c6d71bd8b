# One line a recipe; `make` alone checks and tests.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PORT   ?= 8000
DEMO    = sqlite:///var/demo.sqlite3

.DEFAULT_GOAL := all

.PHONY: all serve demo test test-encoder e2e screens check model offline constraints rules clean

all: check test  ## lint, types and tests

serve: $(VENV)/.serve  ## serve on http://127.0.0.1:$(PORT) with the shipped model
	$(BIN)/suda serve --port $(PORT)

demo: $(VENV)/.serve  ## fill var/demo.sqlite3 with a quarter that never happened, and serve it
	test -e var/demo.sqlite3 || SUDA_DATABASE_URL=$(DEMO) $(BIN)/suda demo
	SUDA_DATABASE_URL=$(DEMO) $(BIN)/suda serve --port $(PORT)

test: $(VENV)/.dev  ## run all tests, a process for each processor
	$(BIN)/python -m pytest -n auto --dist loadfile

test-encoder: $(VENV)/.train  ## run the tests that need torch (a small training end to end)
	$(BIN)/python -m pytest -n auto --dist loadfile tests/model tests/training

e2e: $(VENV)/.e2e  ## run the browser tests; they need Chromium
	@$(BIN)/python -m tests.e2e.browsing
	$(BIN)/python -m pytest tests/e2e -m e2e

screens: $(VENV)/.e2e  ## the same, and take the pictures in docs/screens anew
	@$(BIN)/python -m tests.e2e.browsing
	SUDA_SCREENS=1 $(BIN)/python -m pytest tests/e2e -m e2e

check: $(VENV)/.dev  ## lint and type-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

model: $(VENV)/.train  ## train the shipped bundle anew from the corpus, about 85 minutes
	$(BIN)/suda pretrained import --keep data/corpus/complaints.jsonl
	$(BIN)/suda train --model encoder --config training/configs/shipped.toml --output model/shipped

offline: | $(VENV)/bin/python  ## one archive to install without a network, in dist/
	PYTHON=$(BIN)/python deploy/offline/build.sh

constraints:  ## pin what the image and the offline archive are made of
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet '.[postgres,otel]'
	build/pins/bin/python -m pip freeze --exclude suda > deploy/constraints.txt
	rm -rf build

rules:  ## write the alerts in the form of the Prometheus operator
	{ printf '%s\n' '# Made from deploy/prometheus/alerts.yaml by `make rules`; change it there.' \
	  'apiVersion: monitoring.coreos.com/v1' 'kind: PrometheusRule' 'metadata:' '  name: suda' 'spec:'; \
	  sed -e '/^#/d' -e 's/^\(.\)/  \1/' deploy/prometheus/alerts.yaml; } > deploy/kubernetes/monitoring/rules.yaml

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.serve

$(VENV)/.e2e: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --editable '.[dev,e2e]'
	touch $@

$(VENV)/.train: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --editable '.[dev,train]'
	touch $@
