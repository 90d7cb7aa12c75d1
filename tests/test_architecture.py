"""The house: who may import whom, and what importing it brings along."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import decision_os

ROOT = Path(decision_os.__file__).parent

# Each room and the rooms it may import: imports run one way, and `TYPE_CHECKING` is no way round.
# A room is a module or a folder directly below the package; inside a folder, modules may import each other.
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "values": {"errors"},
    "units": {"errors"},
    "calendars": {"errors"},
    "slo": {"errors"},
    "exports": {"errors"},
    "readonly": set(),
    "reference": {"errors"},
    "samples": set(),
    "sampling": {"errors"},
    "support": {"expr", "model", "sampling", "units"},
    "expr": {"errors", "units", "values"},
    "canonical": {"errors", "values"},
    "model": {"calendars", "errors", "expr", "readonly", "slo", "units"},
    "record": {"canonical", "errors", "expr", "readonly", "units", "values"},
    "graph": {"errors", "model"},
    "wire": {"calendars", "canonical", "errors", "expr", "model", "slo", "units"},
    "freshness": {"calendars", "errors", "slo", "values"},
    "clocks": {"errors"},
    "entities": {"calendars", "clocks", "errors", "model", "values"},
    "contracts": {"canonical", "clocks", "entities", "errors", "model", "readonly", "record"},
    "metrics": {"calendars", "clocks", "errors", "expr", "model", "readonly", "record", "sampling", "slo", "values"},
    "lint": {"errors", "expr", "graph", "model", "slo", "support"},
    "ledger": {"canonical", "errors", "readonly", "record"},
    "render": {"record"},
    "plan": {"calendars", "errors", "expr", "graph", "model", "record", "support", "units", "values", "wire"},
    "frames": {"errors", "expr", "model", "plan", "record", "values"},
    "lifecycle": {"calendars", "canonical", "errors", "expr", "readonly", "record", "values"},
    "reversal": {"canonical", "errors", "lifecycle", "record", "values"},
    "story": {"ledger", "lifecycle", "record", "render", "reversal", "values"},
    "engine": {
        "calendars",
        "canonical",
        "contracts",
        "errors",
        "expr",
        "frames",
        "freshness",
        "graph",
        "lifecycle",
        "lint",
        "metrics",
        "model",
        "plan",
        "readonly",
        "record",
        "sampling",
        "slo",
        "units",
        "values",
        "wire",
    },
    "edges": {"expr", "model", "plan", "units", "values"},
    "cases": {"edges", "engine", "errors", "expr", "plan", "record", "units", "values", "wire"},
    "mutation": {"cases", "engine", "errors", "expr", "model", "plan", "proofs", "record", "units", "wire"},
    "coverage": {"cases", "engine", "errors", "expr", "model", "plan", "proofs", "record", "values"},
    "proofs": {"edges", "engine", "errors", "expr", "graph", "model", "plan", "record", "values"},
    "testing": {"edges", "engine", "errors", "expr", "model", "plan", "proofs", "record", "values"},
    "batch": {"engine", "errors", "exports", "expr", "freshness", "ledger", "model", "readonly", "record", "render"},
    "demo": {"batch", "engine", "errors", "ledger", "record", "reference", "samples", "story"},
    "cli": {
        "batch",
        "canonical",
        "cases",
        "coverage",
        "demo",
        "engine",
        "errors",
        "expr",
        "graph",
        "ledger",
        "lifecycle",
        "lint",
        "mutation",
        "proofs",
        "record",
        "reference",
        "render",
        "values",
        "wire",
    },
    "__main__": {"cli"},
    "": {"engine", "errors", "expr", "ledger", "model", "record", "reference", "values"},
}

# What the face must not bring along: it is imported by people who have none of it, or in jobs that count milliseconds.
HEAVY = ("polars", "pandas", "pyarrow", "duckdb", "pyspark", "ibis", "numpy", "z3", "hypothesis", "click", "rich", "pytest")

SOURCES = sorted(path for path in ROOT.rglob("*.py") if "_reference_rules" not in path.parts)


def module_of(path: Path) -> tuple[str, ...]:
    """The parts of a module's name below the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path: Path) -> list[tuple[str, ...]]:
    """The modules of this package that a file imports, wherever in it, as parts below the package."""
    found: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} a relative import hides which room it enters"
            module = tuple((node.module or "").split("."))
            for alias in node.names:
                inner = ROOT.parent.joinpath(*module, alias.name)
                found.append((*module, alias.name) if inner.is_dir() or inner.with_suffix(".py").exists() else module)
    return [parts[1:] for parts in found if parts[0] == "decision_os"]


def room_of(parts: tuple[str, ...]) -> str:
    """The room a module is in; empty for the face."""
    return parts[0] if parts else ""


def test_every_room_is_in_the_table_and_exists() -> None:
    """A new room could import anything, or the table would speak of one that is gone."""
    assert {room_of(module_of(path)) for path in SOURCES} == set(ROOMS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: ".".join(module_of(path)) or "the face")
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    """A lower room would reach up into a higher one, and soon everything would need everything."""
    room = room_of(module_of(path))
    used = {room_of(parts) for parts in imported(path)} - {room} if room else {room_of(parts) for parts in imported(path)}
    assert set() == used - ROOMS[room]


def test_the_table_has_no_circle() -> None:
    """Two rooms would need each other to be understood."""
    done: set[str] = set()
    while len(done) < len(ROOMS):
        ready = {room for room, below in ROOMS.items() if room not in done and below <= done}
        assert ready, f"a circle among {sorted(set(ROOMS) - done)}"
        done |= ready


def test_the_table_allows_nothing_that_nobody_needs() -> None:
    """The table would stop describing the house: a permission nobody uses is a way in that nobody looks at."""
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in SOURCES:
        room = room_of(module_of(path))
        used[room] |= {room_of(parts) for parts in imported(path)} - {room}
    assert {room: sorted(below) for room, below in ROOMS.items()} == {room: sorted(below) for room, below in used.items()}


def test_modules_of_one_folder_import_each_other_one_way() -> None:
    """Inside a room, too, a circle would make the order of imports matter."""
    modules = {module_of(path): path for path in SOURCES}
    waiting = {name: {parts for parts in imported(path) if parts in modules} - {name} for name, path in modules.items()}
    waiting = {name: {parts for parts in below if len(parts) > 1 and parts[0] == name[0]} for name, below in waiting.items() if len(name) > 1}
    while waiting:
        ready = [name for name, below in waiting.items() if not below & set(waiting)]
        assert ready, f"a circle among {sorted('.'.join(name) for name in waiting)}"
        for name in ready:
            del waiting[name]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: ".".join(module_of(path)) or "the face")
def test_a_module_says_what_it_is_for_and_what_it_offers(path: Path) -> None:
    """A reader would have to guess what a module is for, or which of its names are promises."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    offered = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    ]
    assert ast.get_docstring(tree)
    assert (0 if module_of(path) == ("__main__",) else 1) == len(offered)
    for names in offered:
        assert sorted(set(names)) == sorted(names)
        assert [] == [name for name in names if not hasattr(importlib.import_module(".".join(["decision_os", *module_of(path)])), name)]


def modules_after(statement: str) -> list[str]:
    """What a fresh interpreter has loaded after a statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_the_face_brings_nothing_heavy() -> None:
    """`import decision_os` would make a job without Polars fail, or every job slower."""
    loaded = set(modules_after("import decision_os"))
    assert "decision_os.engine" in loaded
    assert [] == [name for name in HEAVY if name in loaded]


def test_loading_a_rule_book_and_deciding_once_brings_nothing_heavy() -> None:
    """The promise would hold for the import and break at the first decision."""
    statement = (
        "import datetime as dt, decision_os as dos\n"
        "engine = dos.Engine.load(dos.reference_rules())\n"
        "record = engine.decide('pricing.change', {'E': -0.5}, at=dt.datetime(2026, 10, 6, 17, tzinfo=dt.UTC))\n"
        "record.explain()"
    )
    loaded = set(modules_after(statement))
    assert [] == [name for name in HEAVY if name in loaded]
