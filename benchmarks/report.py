"""The tables as Markdown, with the machine and the versions they were taken on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs

from benchmarks.peers import HAND, SIMPLEEVAL, ZEN, ZEN_STATIC, ZEN_TABLE
from benchmarks.suites import MANY, ONE_BY_ONE, Table
from benchmarks.timing import Timing, span

__all__ = ["GOALS", "Goal", "goals", "machine", "page", "table"]

LIBRARIES = ("decision-os", "attrs", "simpleeval", "narwhals", "PyYAML", "polars", "pandas", "numpy", "zen-engine", "rule-engine")

_INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks --write`; `make bench` prints it. Read the ratios: the times are those of one machine on one day.

How it is measured: all rows of a table run in one process and one run. In each round every row has one turn, in an order shuffled anew; a turn is as many
calls as take 2 ms (one call where it takes longer). Counting those out is the warm-up; preparing (loading rules, parsing, compiling) is outside the clock
except in the tables of loading. Garbage is collected between rounds, and the collector is left on. The median is over the rounds, *middle half* is the
range from the first quartile to the third, and a ratio is one median over another: 2.0 took twice as long as the first row of its table.
"""

_WHAT_PEERS_DO_NOT = """\
## What the peers do not do

None of the peers returns an identity, a hash of the inputs, the thresholds, an explanation, or anything on who approves and how to undo; none takes a reading
with its age and sample size. zen-engine and rule-engine compute in decimals; hand-written Python and simpleeval in floats, where 0.27 + 0.02 is more
than 0.29: the cases on which they disagree are those at such a boundary. What each does where the win rate is missing is in the tables above.

zen-engine is raced in both of its ways to a decision table. `ZenEngine().create_decision(content).evaluate(…)`, its quick start, takes many times as long
as `ZenEngine({"loader": {"type": "static", …}}).evaluate(key, …)`, which is the one to use where speed counts; the first also suffers more than any other
row when the machine is busy. Either includes turning the dict into zen's own values and walking the graph around the table; rule-engine's time includes
turning floats into decimals. What was given to each peer is in `benchmarks/peers.py`.
"""


@attrs.frozen
class Goal:
    """A ratio that should be at most, or at least, so much: `of` over `over`, two rows of one table; the seconds of `of` where `over` is empty."""

    text: str
    table: str
    of: str
    over: str
    bound: float
    at_most: bool = False

    def met(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound


_EVALUATE, _DECIDE = "Decision OS, `Expression.evaluate`", "Decision OS, `Engine.decide`"

_LARGE = "Loading a large rule book"

GOALS = (
    Goal("`Expression.evaluate` over hand-written Python without any check", "The two rules alone", _EVALUATE, HAND, 2.5, at_most=True),
    Goal("zen's compiled expression over `Expression.evaluate`", "The two rules alone", ZEN, _EVALUATE, 3.0),
    Goal("`simpleeval`, parsed once, over `Expression.evaluate`", "The two rules alone", SIMPLEEVAL, _EVALUATE, 8.0),
    Goal("zen's decision table, by `create_decision`, over `Engine.decide`", "One decision", ZEN_TABLE, _DECIDE, 10.0),
    Goal("zen's decision table, by a static loader, over `Engine.decide`", "One decision", ZEN_STATIC, _DECIDE, 10.0),
    Goal("`Engine.decide`, one by one, over `Engine.decide_many`, per record", "Many decisions", ONE_BY_ONE, MANY, 3.0),
    Goal("`Engine.load` of 1,000 playbooks, in seconds", _LARGE, "1,000 playbooks", "", 2.0, at_most=True),
    Goal("`Engine.load` of 1,000 playbooks over 100 (linear is 10)", _LARGE, "1,000 playbooks", "100 playbooks", 11.0, at_most=True),
    Goal("`Engine.load` of 10,000 playbooks over 1,000 (linear is 10)", _LARGE, "10,000 playbooks", "1,000 playbooks", 11.0, at_most=True),
)


def page(tables: Sequence[Table], *, rounds: int) -> str:
    """The whole page."""
    listed = "\n\n".join(table(one) for one in tables)
    counted = f"Rounds: {rounds} (a quarter of that for many decisions, a twentieth for frames and loading, at most three for large rule books)."
    return f"{_INTRODUCTION}\n{machine()}\n\n{goals(tables)}\n\n{listed}\n\n{_WHAT_PEERS_DO_NOT}\n{counted}\n"


def machine() -> str:
    """Processor, cores, system, Python, and the version of each library that took part."""
    facts = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        **{name: _version(name) for name in LIBRARIES},
    }
    return "## Machine and versions\n\n" + _rows(("what", "which"), list(facts.items()))


def goals(tables: Sequence[Table]) -> str:
    """What is aimed at, and whether it is reached."""
    by_title = {one.title: one for one in tables}
    rows = []
    for goal in GOALS:
        timings = [by_title[goal.table].find(name) if goal.table in by_title else None for name in (goal.of, goal.over) if name]
        known = [timing for timing in timings if timing is not None]
        bound = f"{'at most' if goal.at_most else 'at least'} {goal.bound:g}"
        if len(known) < len(timings):
            rows.append((goal.text, bound, "not measured", "a peer is not installed, or a size was left out"))
        else:
            ratio = known[0].times(known[1]) if len(known) > 1 else known[0].median
            rows.append((goal.text, bound, _ratio(ratio), "yes" if goal.met(ratio) else "**no**"))
    return "## Goals\n\n" + _rows(("ratio of medians, or seconds", "goal", "measured", "reached"), rows)


def table(one: Table) -> str:
    """One race as a section."""
    titles = ("", "gives", "median", "middle half", "× first row", *one.note_titles)
    rows = [_row(timing, one.base, one.notes, len(one.note_titles)) for timing in one.timings]
    return f"## {one.title}\n\n{one.about}\n\n{_rows(titles, rows)}"


def _row(timing: Timing, base: Timing, notes: Mapping[str, tuple[str, ...]], width: int) -> tuple[str, ...]:
    low, high = timing.quartiles
    name = timing.contender.name
    return (name, timing.contender.gives, span(timing.median), f"{span(low)} – {span(high)}", _ratio(timing.times(base)), *notes.get(name, ("",) * width))


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
