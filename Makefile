# Every target is one step of somebody's day; `make` prints them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
UV := $(or $(shell command -v uv 2>/dev/null),build/uv/bin/uv)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help env demo test lint types layers warm pytest images test-images notebooks changes site gates dist push benchmark format clean

help: ## print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1mmake %-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.synced ## create .venv from the lock file (uv is fetched by pip if it is not there)

.venv/.synced: uv.lock pyproject.toml | $(UV)
	$(UV) sync --frozen --quiet --compile-bytecode
	@touch $@

build/uv/bin/uv:
	$(PYTHON) -m pip install --quiet --target build/uv uv

demo: env ## run the course: a Hub, three bot students, grades, feedback (EXIT=1 ends after the gradebook)
	@if docker image inspect $${COURSEKIT_REPOSITORY:-coursekit}/grader >/dev/null 2>&1; then coursekit image build grader; fi
	@coursekit demo $(if $(EXIT),--exit)

test: lint types layers pytest ## lint, types, layers, all tests that this machine can run; what was skipped is listed last

lint: env ## ruff on code and notebooks, hadolint on images, schemas of pipelines, spelling, and whether the notebooks are clean
	ruff check .
	ruff format --check .
	hadolint images/*.Dockerfile images/*/Dockerfile
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.gitlab-ci .gitlab-ci.yml
	codespell
	coursekit notebook check

types: env ## mypy, strict
	mypy

layers: env ## imports go down only
	lint-imports --no-logo

warm: env ## store Spark's classes once, so that the tests' clusters start in half the time
	COURSEKIT_CACHE=$(CURDIR)/build/cache coursekit cluster warm

test-images: images ## run the checks of each image in containers of it and of all built on it
	coursekit image test

pytest: env warm ## the tests alone (ARGS="-k cluster" chooses; FRESH=1: also what passed before only documents changed); images first, where a daemon answers
	@if docker info >/dev/null 2>&1; then coursekit image build; fi
	$(if $(ARGS),pytest $(ARGS),pytest -n 2 tests/unit tests/lessons && python tests/slow.py)

images: env ## build the container images (needs a Docker daemon; a second run takes seconds)
	coursekit image build

notebooks: env ## execute every lesson and assignment at its small size, unless it passed and nothing has changed (RUNTIME=gpu; ENGINE=process; JOBS=2)
	@engine=$(or $(ENGINE),$(if $(RUNTIME),docker,$${COURSEKIT_ENGINE:-})); \
	if [ -z "$$engine" ] && docker info >/dev/null 2>&1; then engine=docker; fi; \
	if [ "$$engine" = docker ]; then coursekit image build $(if $(filter gpu,$(RUNTIME)),spark tensorflow-gpu,spark tensorflow); fi; \
	coursekit notebook run --all $${engine:+--engine $$engine} $(if $(RUNTIME),--runtime $(RUNTIME)) $(if $(JOBS),--jobs $(JOBS))

changes: env ## what this branch altered in each notebook since it left BASE, for reviewers: build/changes.md
	coursekit notebook diff --base $(or $(BASE),main) --to build/changes.md

site: env build/site/env/.synced ## build the web site in build/site/html from executed notebooks (`make notebooks` first; HUB=, REPOSITORY=, BRANCH=: links into the Hub)
	coursekit notebook site $(if $(HUB),--hub $(HUB)) $(if $(REPOSITORY),--repository $(REPOSITORY)) $(if $(BRANCH),--branch $(BRANCH))
	build/site/env/bin/sphinx-build --quiet --fail-on-warning --keep-going --doctree-dir build/site/doctrees build/site/source build/site/html

build/site/env/.synced: uv.lock pyproject.toml | $(UV)
	UV_PROJECT_ENVIRONMENT=build/site/env $(UV) sync --frozen --quiet --only-group site
	@touch $@

dist: env ## build the package: build/dist
	$(UV) build --quiet --out-dir build/dist

push: images ## push the images to COURSEKIT_REPOSITORY, as `latest` and as VERSION; build/digests.json says under which digests
	mkdir -p build
	coursekit image push $(if $(VERSION),--version $(VERSION)) --json > build/digests.json

gates: env ## prove that every assignment is fair: each answer gets its points in a sandbox, nothing leaks (STUDENTS=24: with the inputs of so many more)
	coursekit assignment gate --all $(if $(STUDENTS),--students $(STUDENTS))

benchmark: env warm ## time the start of a cluster beside Spark's own local-cluster
	COURSEKIT_CACHE=$(CURDIR)/build/cache python benchmarks/cluster_start.py

format: env ## format code and notebooks, tidy notebooks, write docs/commands.md
	ruff check --fix --quiet . || true
	ruff format --quiet .
	coursekit notebook tidy
	typer coursekit.cli.main utils docs --name coursekit --output docs/commands.md >/dev/null

clean: ## stop this checkout's Hub and remove everything that was made, but the environment
	if [ -x $(BIN)/coursekit ]; then coursekit hub down; fi
	rm -rf build
