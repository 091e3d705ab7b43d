# Set-up is part of each target: a fresh clone with Python and make needs nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MODEL := models/engagement/manifest.json
RUN := runs/sample/manifest.json
LEARNED_FROM := corpus/codebook.toml $(wildcard corpus/*.csv) $(wildcard pipeline/*.py pipeline/*/*.py)

.PHONY: help run test check bench clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN) ## Train on the shipped corpus, code the sample export, print its table, write its report
	@$(BIN)/feedback report runs/sample --by "I am responding as" --out runs/sample-report --replace --quiet
	@$(BIN)/feedback tables runs/sample
	@echo
	@echo "Coded comments:  runs/sample/coded.csv"
	@echo "Not coded, why:  runs/sample/rejects.csv"
	@echo "The report:      runs/sample-report/report.html, and for Word: report.docx"
	@echo "Tables, charts:  runs/sample-report/tables.xlsx"
	@echo "Model card:      models/engagement/card.md"

test: $(READY) ## Run all tests
	@$(BIN)/python -m pytest

check: $(READY) ## Lint, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY) ## Measure speed and accuracy and write the figures into the README
	@$(BIN)/python tests/bench.py --write

clean: ## Remove what was made, but for models, runs and private files
	rm -rf $(VENV) dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; set PYTHON=python3.12, say.") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned libraries into $(VENV) (once; a few minutes)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(MODEL): $(LEARNED_FROM) | $(READY)
	@$(BIN)/feedback train --out models/engagement --replace

$(RUN): $(MODEL) corpus/sample_export.csv | $(READY)
	@$(BIN)/feedback classify corpus/sample_export.csv --model models/engagement --out runs/sample --replace
