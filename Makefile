# Two commands matter: `make demo` and `make test`. Each makes its own virtual environment from a bare clone; Python 3.11 is all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-spark check bench bench-frames soak soak-expr soak-ledger soak-frames soak-strategies fuzz mutate docs clean

# One stamp for each set of extras, so that a demo does not wait for the type checker.
$(VENV)/.made-%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

demo: $(VENV)/.made-demo
	$(BIN)/decision-os demo

test: $(VENV)/.made-test
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

# PySpark is large and needs Java, so it is fetched when asked for; `make test` runs these too where both are there, and says so where not.
test-spark: $(VENV)/.made-test,spark
	$(BIN)/python -m pytest -k spark tests

check: $(VENV)/.made-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak-frames: $(VENV)/.made-test,spark
	$(BIN)/python -m tests.expr.soak_frames --pairs 10000000
	$(BIN)/python -m tests.expr.soak_frames --pairs 100000 --engines spark --rules 8 --rows 2500

bench: $(VENV)/.made-bench
	$(BIN)/python -m benchmarks

# Five million rows on each engine, and files of one and of a hundred million; pandera is raced where it is installed.
bench-frames: $(VENV)/.made-bench,spark
	$(BIN)/python -m benchmarks.dataframes --parquet 1000000 100000000 --spark

# Ten million pairs take about ten minutes; PAIRS and SEED choose others. Then every planted mistake must be found.
PAIRS ?= 10000000
SEED ?= 1
soak: soak-expr soak-ledger soak-frames soak-strategies

soak-expr: $(VENV)/.made-test
	$(BIN)/python -m tests.expr.soak --pairs $(PAIRS) --seed $(SEED)
	$(BIN)/python -m tests.expr.mutants

soak-ledger: $(VENV)/.made-test
	$(BIN)/python -m tests.ledger.soak

# Two hundred faults planted at boundaries: how many the strategies of decision_os.testing find, and how many plain floats do.
soak-strategies: $(VENV)/.made-test
	$(BIN)/python -m tests.testing.planted

# Coverage-guided texts against the expression language; corpus and findings lie in .fuzz.
RUNS ?= 1000000
fuzz: $(VENV)/.made-fuzz
	$(BIN)/python -m tests.expr.fuzz --runs $(RUNS)

# Some twelve thousand small mistakes in decision_os/expr, and how many the tests notice: hours for all, minutes with SHARE=0.05. What is known lies in .mutation.
SHARE ?= 1
mutate: $(VENV)/.made-mutate
	$(BIN)/python -m tests.expr.mutation --share $(SHARE)

docs: $(VENV)/.made-test
	$(BIN)/python -m pytest -q docs README.md decision_os --doctest-modules
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) build dist demo-output .fuzz .mutation .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
