"""Engines of small rule books, for tests of what is proven of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from decision_os.engine import Engine
from tests.proofs.corpus import Case, write_book
from tests.small_book import BOOK, FILES, PLAYBOOK, write

__all__ = ["AT", "CHANNEL", "book", "calling", "edited"]

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
CHANNEL = {
    "cac_per_sqo": 94.0,
    "cac_per_sqo_baseline": 100.0,
    "win_rate": 0.29,
    "win_rate_baseline": 0.27,
    "attribution_validity": 0.998,
    "attribution_validity_overall": 0.999,
    "channel_spend": 50_000.0,
    "slo_green": True,
}


def book(folder: Path, case: Case, **changes: Any) -> Engine:
    """The engine of a case, changed."""
    return Engine.load(write_book(folder, attrs.evolve(case, **changes)))


def edited(folder: Path, case: Case, *edits: tuple[str, str]) -> Engine:
    """The engine of a case whose files were changed as text."""
    write_book(folder, case)
    for written, instead in edits:
        (path,) = [path for path in folder.glob("*.yaml") if written in path.read_text(encoding="utf-8")]
        path.write_text(path.read_text(encoding="utf-8").replace(written, instead), encoding="utf-8")
    return Engine.load(folder)


DECLARED = "functions:\n  f: {takes: [USD], gives: GIVES}\n"


def calling(folder: Path, gives: str, when: str, function: Callable[[float], object]) -> Engine:
    """The small rule book, with one branch that calls `f`."""
    playbook = PLAYBOOK.replace("deal_size ≥ size_min and sales > floor", when).replace("thresholds:\n  size_min: $100\n", "")
    write(folder, {**FILES, "book.yaml": BOOK + DECLARED.replace("GIVES", gives), "playbooks/budget.yaml": playbook})
    return Engine.load(folder, functions={"f": function})
