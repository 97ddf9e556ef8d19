# Needs Python ≥ 3.11 and make. Everything else goes into .venv, from pins with hashes.
PYTHON ?= python3
BIN := .venv/bin
UV_PIP := $(BIN)/uv pip
COMPILE := $(UV_PIP) compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet --upgrade
SETUP := .venv/.installed
# uv must trust certificate authorities of the system, such as a company's own.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.PHONY: help run test check bench demo-load screenshots conservation admin-key build deploy pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(SETUP) ## start everything on this machine: API, receiver, demo data; Ctrl-C stops it
	@$(BIN)/python -m local run

test: check ## check, then run all tests
	$(BIN)/python -m pytest --numprocesses 2 tests/unit tests/template tests/integration
	$(BIN)/python -m pytest tests/e2e
	$(BIN)/python -m pytest tests/browser

check: $(SETUP) ## format, lint, types, imports, template
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sam validate --lint

bench: $(SETUP) ## print costs in counted calls: make bench TOPIC=pages for one topic
	@$(BIN)/python -m tests.bench $(TOPIC)

demo-load: $(SETUP) ## publish 1,000 events to a separate stack, a third to an endpoint that fails twice
	$(BIN)/python -m local load --events 1000

screenshots: $(SETUP) ## take the pictures of README again, from demo data; needs Chromium
	@$(BIN)/python -m local screenshots

conservation: $(SETUP) ## check that no delivery is lost: make conservation STACK=posthorn [TENANT= SINCE= UNTIL= EACH_EVENT=1]
	@$(BIN)/python -m posthorn.reconcile_cli --stack-name $(STACK) \
		$(if $(TENANT),--tenant $(TENANT)) $(if $(SINCE),--since $(SINCE)) $(if $(UNTIL),--until $(UNTIL)) \
		$(if $(EACH_EVENT),--each-event)

admin-key: $(SETUP) ## make the first admin key of a deployed stack: make admin-key STACK=posthorn
	@$(BIN)/python -m posthorn.admin_key_cli --stack-name $(STACK)

deploy: $(SETUP) ## build for Lambda and deploy with SAM, which asks for the parameters
	$(BIN)/sam build
	$(BIN)/sam deploy --guided

# The development pins are compiled first: the emulator needs an older botocore than Lambda.
pins: $(SETUP) ## compile the requirements again from pyproject.toml
	$(COMPILE) pyproject.toml --group dev --output-file requirements-dev.txt
	$(COMPILE) pyproject.toml --constraint requirements-dev.txt --output-file layers/dependencies/requirements.txt
	echo uv | $(COMPILE) --no-annotate - --output-file requirements-uv.txt

clean: ## remove all generated files
	rm -rf .venv .local .aws-sam .mypy_cache .ruff_cache .import_linter_cache

$(SETUP): pyproject.toml requirements-dev.txt requirements-uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-uv.txt
	$(UV_PIP) sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt
	$(UV_PIP) install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
