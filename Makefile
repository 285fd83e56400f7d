# Everything here sets itself up: a virtual environment with the pinned versions of constraints.txt, made once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two test processes of one thread each: more threads than cores are many times slower, not faster.
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

# Those with a budget; the others compare, of runs or under options that one gives them.
BENCHMARKS := $(filter-out %/real_search.py %/real_rungs.py %/rungs.py %/supernet_rules.py %/precision.py %/published_sizes.py %/processes.py, $(wildcard benchmarks/*.py))

.PHONY: demo test test-slow check lint bench docs clean

demo: $(READY)  ## a whole search on generated data: teacher, supernet, trials, front, one retrained detector
	$(BIN)/bitfront search demo --run-dir runs/demo

test: $(READY)  ## all tests but the slow ones
	$(TESTS) -m "not slow"

test-slow: $(READY)  ## long trainings and full searches
	OMP_NUM_THREADS=2 $(BIN)/python -m pytest -m slow --timeout 3600

check: lint test  ## what a change must pass

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## the budgets that docs/ states, as ratios
	for file in $(BENCHMARKS); do $(BIN)/python $$file || exit 1; done

docs: $(READY)  ## the documentation as a site in build/site, with the Python reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Bitfront needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Name another: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

clean:  ## forget the environment; runs stay
	rm -rf $(VENV) *.egg-info
