# make demo   sets up .venv and runs the main job on the bundled task (embedded model: no key, no download of weights)
# make test   sets up .venv and runs all checks and tests
# make test-registries   the tests that need the packages of prompt registries and formats, in a venv of their own (.venv-registries)
# make test-cluster   the tests that need a PostgreSQL: installed from Debian packages where it is missing (root), started by the tests themselves
# make test-ray   the tests that start Ray, in a venv of their own (.venv-ray)
# make docs   the documentation as a site in build/site, links checked (in a venv of its own, .venv-docs)
# make packaging   the wheel in clean environments: all Pythons that uv finds, lowest and highest versions (minutes; needs uv)
# make faults   every promise about outages, money, kills, disks and clocks, tried hundreds of times; faults-quick is a cut of a minute
# Needs Python >= 3.11, git and make. Uses uv where it is on the PATH.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
# Bytecode is kept, also where the environment says otherwise: the tests start hundreds of processes, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-cluster test-registries install-registries registries test-ray install-ray ray docs install-docs packaging check audit audit-locks fuzz faults faults-quick lock bench clean

demo: $(VENV)/.core
	$(BIN)/topout optimize tasks/support-tickets

# One worker more than there are processors: many tests wait for processes of their own. The other checks run beside the tests: what is wrong with them is
# said at once, and fails the command in the end.
test: $(VENV)/.dev
	@told=$$(mktemp); \
	{ $(MAKE) --no-print-directory check >"$$told" 2>&1 || { cat "$$told"; false; }; } & checking=$$!; \
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)') --dist loadfile; tested=$$?; \
	if wait $$checking; then cat "$$told"; else tested=1; fi; rm "$$told"; exit $$tested

# Registries bring servers whose packages fit no other lock: they have one of their own.
test-registries:
	@$(MAKE) --no-print-directory registries VENV=.venv-registries

install-registries:
	@$(MAKE) --no-print-directory .venv-registries/.registries VENV=.venv-registries

registries: $(VENV)/.registries
	$(BIN)/python -c 'import langfuse, mlflow, phoenix.client'
	$(BIN)/python -m pytest -m registries $$(grep -rl --include="*.py" mark.registries tests)

test-cluster: $(VENV)/.dev
	bash .ci/postgres
	$(BIN)/python -m pytest -m "cluster and not slow" $$(grep -rl --include="*.py" mark.cluster tests)

# Ray is large, and few need it: a lock of its own.
test-ray:
	@$(MAKE) --no-print-directory ray VENV=.venv-ray

install-ray:
	@$(MAKE) --no-print-directory .venv-ray/.ray VENV=.venv-ray

ray: $(VENV)/.ray
	$(BIN)/python -c 'import ray'
	$(BIN)/python -m pytest -m ray tests/cluster

docs: install-docs
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --strict
	@echo "build/site/index.html"

install-docs:
	@$(MAKE) --no-print-directory .venv-docs/.docs VENV=.venv-docs

packaging: $(VENV)/.dev
	@command -v uv >/dev/null || { echo "make packaging needs uv: pip install uv"; exit 1; }
	$(BIN)/python -m pytest -s -m packaging tests/packaging

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What the locks would install: hashes, addresses, versions known to be malicious; and known holes where an advisory database can be reached.
audit:
	@$(MAKE) --no-print-directory audit-locks VENV=.venv-audit

audit-locks: $(VENV)/.python
	@$(PIP) pip-audit==2.10.1 >/dev/null 2>&1 || true
	$(BIN)/python .ci/audit.py requirements.lock requirements-dev.lock requirements-registries.lock requirements-ray.lock requirements-docs.lock

# Odd and hostile input for everything that reads files and replies; executions and findings are printed. Guided by coverage where atheris has a wheel.
FUZZ_SECONDS ?= 20
fuzz: $(VENV)/.dev
	@$(MAKE) --no-print-directory install-fuzzer VENV=.venv-fuzz || true
	@if [ -x .venv-fuzz/bin/python ] && .venv-fuzz/bin/python -c 'import atheris, topout' 2>/dev/null; \
	then .venv-fuzz/bin/python -m benchmarks.fuzz --seconds $(FUZZ_SECONDS); \
	else $(BIN)/python -m benchmarks.fuzz --seconds $(FUZZ_SECONDS); fi

.PHONY: install-fuzzer
install-fuzzer: $(VENV)/.dev
	$(PIP) --only-binary :all: atheris

faults: $(VENV)/.dev
	$(BIN)/python -m benchmarks.faults

faults-quick: $(VENV)/.dev
	$(BIN)/python -m benchmarks.faults --quick

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.engine_cost

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "topout needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Give another one: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.python requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory install LOCK=requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.python requirements-dev.lock pyproject.toml
	@$(MAKE) --no-print-directory install LOCK=requirements-dev.lock
	@touch $@ $(VENV)/.core

$(VENV)/.registries: $(VENV)/.python requirements-registries.lock pyproject.toml
	@$(MAKE) --no-print-directory install LOCK=requirements-registries.lock COMPILED=
	@touch $@

$(VENV)/.ray: $(VENV)/.python requirements-ray.lock pyproject.toml
	@$(MAKE) --no-print-directory install LOCK=requirements-ray.lock
	@touch $@

$(VENV)/.docs: $(VENV)/.python requirements-docs.lock
	@$(MAKE) --no-print-directory install-packages LOCK=requirements-docs.lock COMPILED=
	@touch $@

# COMPILED is empty where most of the packages are never imported: what is imported is compiled then.
COMPILED ?= yes
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: install install-packages
ifdef UV
install-packages:
	$(UV) pip install --quiet --python $(BIN)/python $(if $(COMPILED),--compile-bytecode) --require-hashes -r $(LOCK)
install: install-packages
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
install-packages:
	$(PIP) --no-compile --require-hashes -r $(LOCK)
	$(if $(COMPILED),$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 || true)
install: install-packages
	$(PIP) --no-deps --no-build-isolation -e .
endif

# The lock holds for all platforms and Python versions that topout supports; it names no index.
lock:
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  pyproject.toml requirements-build.in -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --extra dev pyproject.toml requirements-build.in -c requirements.lock -o requirements-dev.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --no-strip-extras \
	  --extra test --extra mlflow pyproject.toml requirements-build.in requirements-registries.in -o requirements-registries.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --extra test --extra ray --extra postgres pyproject.toml requirements-build.in -c requirements.lock -o requirements-ray.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  requirements-docs.in -o requirements-docs.lock

clean:
	rm -rf $(VENV) .venv-registries .venv-ray .venv-docs .venv-fuzz .venv-audit .fuzz dist build
