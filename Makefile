# What a person does with this repository. Needs Python 3.11 or later; everything else is installed
# into .venv, in the versions of .ci/constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
# In CI one worker for each of two cores; elsewhere no coverage is measured and many tests only wait.
WORKERS = $(if $(CI),2,$(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)'))
# Measured in CI, where all examples are tried (tests/effort.py): measuring takes as long as the tests.
CORE := pipeline/records/*,pipeline/detect/*,pipeline/correlate/*,pipeline/flow.py,pipeline/watermark.py,pipeline/ingest/steps.py,pipeline/ingest/route.py,pipeline/ingest/batching.py,topology/*

.PHONY: help demo test lint unit long truth integration bench clean

help:  ## Show this help.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/installed  ## See it work: a recorded outage, replayed through an embedded broker.
	@$(BIN)/aftershock demo

test: lint unit $(if $(CI),,long) truth integration  ## Everything that CI runs.

lint: .venv/installed-test  ## Style, types, architecture.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: .venv/installed-test  ## Unit and property tests; in CI the long ones, too, and branch coverage of the core.
	$(BIN)/pytest -m "not integration and not truth$(if $(CI),, and not long)" --ignore=tests/integration -n $(WORKERS) $(if $(CI),--cov --cov-report=)
	$(if $(CI),$(BIN)/coverage report --include='$(CORE)' --fail-under=95 --skip-covered)

long: .venv/installed-test  ## The unit tests that take seconds each: simulated mornings, whole dumps, floods.
	$(BIN)/pytest -m long --ignore=tests/integration -n $(WORKERS)

truth: .venv/installed-test  ## No score below its floor: simulated faults and, where the data is, PetShop and Nezha.
	$(BIN)/pytest -m truth -n 2 -rs

integration: .venv/installed-test  ## Tests on real servers: Kafka, Kubernetes' API server, Prometheus.
	-@PYTHONPATH=tests $(BIN)/python -m servers.control_plane_binary
	$(BIN)/pytest -m integration

bench: .venv/installed-test  ## CPU per observation, stage by stage and end to end; per symptom by size of the graph; memory.
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.bench
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.signals
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.correlate
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.outbox
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.live

clean:  ## Remove what was installed and cached here.
	rm -rf .venv .cache .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache demo-results

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv module is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --upgrade pip
	@touch $@

.venv/installed: .venv/python pyproject.toml .ci/constraints.txt
	@echo "installing into .venv …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[demo]'
	@touch $@

.venv/installed-test: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --group test --group lint
	@touch $@
