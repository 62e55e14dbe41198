# Vigie: every command a person types. `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
DOCKER ?= docker
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help serve test test-clients tools lint types encoder train evaluate bench pictures lock image image-test clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.serve: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Vigie needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.11 ...; found " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.serve
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

serve: $(VENV)/.serve ## set everything up and serve on 127.0.0.1:8000 (PORT=, HOST=)
	$(BIN)/vigie db upgrade
	VIGIE_HOST=$(HOST) VIGIE_PORT=$(PORT) $(BIN)/vigie serve

test: lint types $(VENV)/.dev ## every check: style, types, imports, tests
	$(BIN)/python -m pytest

test-clients: $(VENV)/.dev ## real clients against a running Vigie: WordPress, Akismet's and Perspective's (Debian, as root; node)
	tests/clients/install
	tests/clients/libraries/install
	$(BIN)/python -m pytest tests/clients/test_*.py tests/clients/libraries

tools: ## install what the browser and PostgreSQL tests need (Debian, as root)
	@command -v chromium chromedriver >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	{ apt-get update -q && apt-get install -q -y --no-install-recommends chromium chromium-driver fonts-dejavu-core postgresql; }

lint: $(VENV)/.dev ## style and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev ## strict types of both packages
	$(BIN)/mypy

encoder: $(VENV)/.dev ## fine-tune the sentence encoder (installs PyTorch; some 50 minutes on two cores)
	$(PIP) install --no-build-isolation --editable '.[encoder]'
	$(BIN)/python -m training encoder

train: $(VENV)/.dev ## train a release from the corpora that are there, and the authored examples
	$(BIN)/python -m training train

evaluate: $(VENV)/.dev ## measure the release in service again, and compare with what it says of itself
	$(BIN)/python -m training evaluate

bench: $(VENV)/.dev ## speed, with medians and ratios against an empty service in the same run
	$(BIN)/python -m tests.load.bench
	$(BIN)/python -m tests.load.bench_protocols
	$(BIN)/python -m tests.load.bench_model

pictures: $(VENV)/.dev ## take the pictures of docs/moderation.md again, from the running console
	$(BIN)/python -m tests.browser.pictures

lock: $(VENV)/.dev ## pin the dependencies again, with hashes and without any index host
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --extra build --extra training --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove the environment and what tests leave
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info

image: ## build the container image vigie
	$(DOCKER) build $(DOCKER_BUILD_ARGS) --tag vigie .

image-test: ## build the image and prove in containers what docs/operations.md says of it
	DOCKER="$(DOCKER)" DOCKER_BUILD_ARGS="$(DOCKER_BUILD_ARGS)" deploy/image-test
