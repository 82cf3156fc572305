# redis-plan: `make plan` builds the plan of this project, `make test` runs the tests. Neither needs root or a compiler.

PYTHON  ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& command -v $$p && break; done)
VENV    ?= .venv
BIN     := $(VENV)/bin
PROJECT ?= .
PROFILE ?= standard
ARGS    ?=
CORPUS  ?= ../shared/corpus

.DEFAULT_GOAL := help
.PHONY: help plan test lab lint style types format bench bench-choices bench-memory bench-sync train score clean environment

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

plan: environment ## build the environment and the plan of this project (PROFILE=quick|standard|full, PROJECT=folder)
	$(BIN)/redis-plan build $(PROJECT) --profile $(PROFILE) $(ARGS)

test: environment ## run all tests, on every core and every server build that this machine has
	$(BIN)/python -m pytest -n auto --durations 25 $(ARGS)

lab: environment ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir notebooks $(ARGS)

lint: style types ## check style, types, the layers of the package, and what people read

style: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/codespell README.md CONTRIBUTING.md CHANGELOG.md notebooks $(wildcard data/catalog/delivery/*.md.j2) lib/redis_plan/chapters lib/redis_plan/words lib/redis_plan/plan
	$(BIN)/pymarkdown scan README.md CONTRIBUTING.md CHANGELOG.md

types: environment
	$(BIN)/mypy

format: environment ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: environment ## time a quick and a standard build and the reading of large documents; hold the lab against redis-benchmark and itself; what a step costs beside its bare commands
	$(BIN)/python tests/benchmarks/build_time.py $(ARGS)
	$(BIN)/python tests/benchmarks/build_time.py standard
	$(BIN)/python tests/benchmarks/read_time.py
	$(BIN)/python -m tests.benchmarks.fidelity
	$(BIN)/python -m tests.benchmarks.verdicts
	$(BIN)/python -m tests.benchmarks.steps
	$(BIN)/python -m tests.benchmarks.actions

bench-choices: environment ## replay the workloads of the close calls on every candidate: is the chosen structure the best one?
	$(BIN)/python -m tests.benchmarks.choices $(ARGS)

bench-memory: environment ## load fresh random keys on every server here and print the memory model's errors
	$(BIN)/python -m tests.benchmarks.memory $(ARGS)
	$(BIN)/python -m tests.benchmarks.project_memory

bench-sync: environment ## the delivered gateway: recovery from storms, cuts and crashes; thousands of WebSocket clients, every way of feeding it
	$(BIN)/python -m tests.benchmarks.sync_events
	$(BIN)/python -m tests.benchmarks.sync $(ARGS)

train: environment ## make the weights of the reader from the annotated documents in CORPUS
	$(BIN)/python -m redis_plan.training $(CORPUS)

score: environment ## score the reading of the annotated documents in CORPUS
	$(BIN)/python -m tests.brief.score $(CORPUS)

clean: ## remove the environment and what builds and checks left behind
	rm -rf $(VENV) data/runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

environment: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found; install one, or name it: make plan PYTHON=/path/to/python3" >&2; exit 2; }
	@echo "environment: $(VENV) with $$($(PYTHON) --version), from requirements.lock"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
