"""What `import decision_os` costs, beside what it cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEEDED = "import attr, attrs, cattrs, networkx, simpleeval, yaml"
"""The dependencies that the import itself asks for; the others wait until they are used."""

MEASURED = "import time; start = time.process_time(); {}; print(time.process_time() - start)"
FEWEST, MOST, CLEAR = 3, 11, 1.8
"""Pairs of runs: as few as give a clear answer, more where it is close."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which both sides have their bytecode cached, as an installation has, wherever these tests run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    return {**kept, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("bytecode"))}


def said(statement: str, environment: dict[str, str]) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout


def test_the_import_takes_at_most_twice_what_its_dependencies_take(environment: dict[str, str]) -> None:
    """Everybody's scripts and notebooks would start slower for nothing.

    Processor time, not wall time, and medians of interleaved runs: what else the machine does meets both sides alike.
    """
    statements = (NEEDED, "import decision_os")
    for statement in statements:
        said(statement, environment)  # writes the bytecode
    spent: dict[str, list[float]] = {statement: [] for statement in statements}
    ratio = 0.0
    for done in range(1, MOST + 1):
        for statement in statements:
            spent[statement].append(float(said(MEASURED.format(statement), environment)))
        needed, ours = (median(spent[statement]) for statement in statements)
        ratio = ours / needed
        if done >= FEWEST and ratio <= CLEAR:
            break
    assert ratio <= 2, f"{ratio:.2f} times the dependencies: {spent}"


def test_the_dependencies_counted_are_those_that_are_loaded(environment: dict[str, str]) -> None:
    """The allowance would grow by something the import does not ask for, or the import by something nobody counted."""
    loaded = said("import sys, decision_os; print(*sorted({name.partition('.')[0] for name in sys.modules}))", environment).split()
    third_party = {"attr", "attrs", "cattrs", "narwhals", "networkx", "simpleeval", "structlog", "yaml"}
    assert set(NEEDED.removeprefix("import ").split(", ")) == third_party & set(loaded)


def test_no_dataframe_engine_is_imported(environment: dict[str, str]) -> None:
    """A job that never touches a frame would load an engine, or fail where none is installed."""
    loaded = set(said("import sys, decision_os; print(*sys.modules)", environment).split())
    assert set() == {"dask", "duckdb", "ibis", "modin", "narwhals", "numpy", "pandas", "polars", "pyarrow", "pyspark", "sqlframe"} & loaded
