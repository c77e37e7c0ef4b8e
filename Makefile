# make demo    a narrated minute of Outrider on this machine: no key, no cluster
# make test    the whole suite, real kube-apiserver and official SDKs included
# make check   formatting, lint, types and import contracts alone
# make bench   the figures of docs/benchmarks.md, measured here
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help demo test check bench clean requirements

help:
	@sed -n 's/^# make/make/p' Makefile

$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Outrider needs Python 3.11 or newer; $(PYTHON) is older. Say PYTHON=python3.12, for example."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The editable install itself never resolves anything: every dependency stands,
# with its hash, in requirements/.
$(VENV)/demo.stamp: $(VENV)/python.stamp requirements/build.txt requirements/demo.txt pyproject.toml
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/demo.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp requirements/test.txt
	$(PIP) --require-hashes -r requirements/test.txt
	@touch $@

demo: $(VENV)/demo.stamp
	$(BIN)/outrider dev --demo

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	markers=$$($(BIN)/python -m tests.environment) && $(BIN)/pytest -m "$$markers"

bench: $(VENV)/test.stamp
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .cache

requirements:
	./requirements/compile
