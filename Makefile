# Every target does its own set-up: a bare machine needs make and Python 3.11+, nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage check lint format generate bench soak clean

BIN := .venv/bin
INSTALLED := .venv/.installed
SOURCES := orchestrator tests examples .ci
PROSE := README.md CHANGELOG.md CONTRIBUTING.md docs playbooks templates orchestrator examples .ci
SUITE := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal
export PYTHON

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(INSTALLED) ## Load the sample shop, run its live ticks, preview the next one, simulate a year.
	$(BIN)/clmctl demo
	$(BIN)/clmctl run --dry-run --at 2026-03-02T10:00
	$(BIN)/clmctl simulate --from 2025-03-10T16:00 --days 365 --every 3d --limit 0 \
		--select welcome,nurture,win_back,referral --assume opened=42%,clicked=14%

test: $(INSTALLED) ## Run the whole suite, on SQLite and a real PostgreSQL.
	$(SUITE)

coverage: $(INSTALLED) ## Run the whole suite, and print the lines that no test reached.
	$(SUITE) --cov=orchestrator --cov-report=term-missing:skip-covered

check: lint ## Check format, types, layers, spelling, the flows and their tests, generated files.
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clmctl check --fail-on warning
	$(BIN)/clmctl test
	$(BIN)/python .ci/fresh.py

lint: $(INSTALLED) ## Check format, names and spelling only: the quick part of check.
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/codespell $(wildcard $(PROSE))
	$(BIN)/yamllint --strict playbooks templates tests/playbooks

format: $(INSTALLED) ## Rewrite the Python files in the house format.
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

generate: $(INSTALLED) ## Write the generated files anew: schemas, reference, help, README's outputs.
	$(BIN)/python .ci/fresh.py --write
	$(BIN)/python .ci/shown.py --write

bench: $(INSTALLED) ## Print speed and memory as ratios against hand-written equivalents.
	$(BIN)/python -m tests.bench

soak: $(INSTALLED) ## Kill, race, stop and crowd real processes for as long as it takes; print figures.
	CLM_SOAK=1 $(BIN)/python -m pytest tests/faults tests/channels/mail/test_hostile_values.py \
		--capture=no --verbose

clean: ## Remove what the other targets made, but no data: .venv and caches.
	rm -rf .venv dist htmlcov .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml .ci/venv
	@.ci/venv
	@touch $@
