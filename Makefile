# make demo: hear it.  make test: check it.  make lint: ruff.  make types: mypy.  make page-types: TypeScript's
# compiler over the studio's page, as far as its comments say types; it needs npm.  make mutants: do the tests notice faults?
# make kills: ends commands by kill -9 at moments that chance draws, and sees that nothing is lost.
# All in .venv, made at first use, with the versions of constraints-3.11.txt where Python is that one, and else the newest.
PYTHON ?= python3
PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
TESTED := $(wildcard constraints-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(TESTED:%=--constraint %) --editable

.PHONY: demo test lint types page-types mutants kills lock

demo: $(VENV)/installed
	$(BIN)/dialogue-tts synthesize examples/cafe.txt -o demo.wav --seed 1

# A file's tests stay in one process, since they share what they made; each process computes with one thread, or they would wait
# for each other. What Python compiles is kept, wherever that is off: a hundred processes would compile it anew.
test: $(VENV)/installed-test
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-test
	$(BIN)/mypy

page-types:
	npx --yes --package typescript@5.9.3 tsc --project tests/ui/tsconfig.json

mutants: $(VENV)/installed-test
	$(BIN)/python tests/mutants.py

kills: $(VENV)/installed
	$(BIN)/python benchmarks/long_script.py kill

# What this .venv has, for others to have the same: after the tests passed with newer versions.
lock: $(VENV)/installed-test
	$(BIN)/python -m pip freeze --exclude-editable | sed -n 's/^\([^ ]*==[^+ ]*\).*/\1/p' \
	    > constraints-$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt

$(VENV)/installed: requirements.txt pyproject.toml $(TESTED)
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) '.[test]'
	touch $@
