"""`Engine.run` on rows that are wrong: on every dataframe engine the defined answer, the same on each, or an error that names the column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import decision_os as dos
from decision_os.engine.result import RunResult
from decision_os.metrics import MetricStore
from decision_os.metrics.failures import Block
from decision_os.model import BreakAction
from tests.engines import ALL, IN_PROCESS, SPARK, loaded, taken
from tests.marts import AT, LOADS
from tests.small_book import FILES, write

# Two channels with deals in the month that is decided on, both of which act.
DEALS: Final[Mapping[str, pa.Array]] = {
    "id": pa.array(["1", "2", "3", "4"]),
    "channel": pa.array(["Ads", "Ads", "Web", "Web"]),
    "amount": pa.array(["$120.10", "$99.90", "1,200.00", "7"]),
    "closed": pa.array(["2026-09-02", "9/30/2026", "2026-09-30", "2026-09-01"]),
}
QUARANTINE: Final = ("id", "channel", "amount", "closed", "row_id", "failed_tests", "quarantine", "unreadable", "contract_hash")


def small(folder: Path, *changes: tuple[str, str]) -> dos.Engine:
    """The small rule book with texts changed, each of which stands in it once."""
    files = dict(FILES)
    for old, new in changes:
        (name,) = [name for name, text in files.items() if old in text]
        files[name] = files[name].replace(old, new)
    return dos.Engine.load(write(folder, files))


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> dos.Engine:
    """Its metrics count all rows, and how many ids there are."""
    counted = "measure: {fact: won, aggregate: count_distinct, of: id, rows: all}"
    people = f"  ids: {{label: Ids, definition: Ids, unit: count, grain: [channel, month], owner: Finance, {counted}}}\n"
    return small(
        tmp_path_factory.mktemp("lenient"),
        ("aggregate: sum, of: amount}", "aggregate: sum, of: amount, rows: all}"),
        ("aggregate: count}", "aggregate: count, rows: all}"),
        ("  deal_size:\n    label", f"{people}  deal_size:\n    label"),
    )


def run(engine: dos.Engine, frame: Any) -> RunResult:
    """The run over one frame of deals."""
    return engine.run(sources={"deals": frame}, loads={"crm": LOADS["finance"]}, at=AT)


def told(result: RunResult) -> dict[str, Any]:
    """Everything a run says, without the frames themselves."""
    checked = result.checked["deals"]
    return {
        "records": [record.to_json() for record in result.records],
        "skipped": result.skipped,
        "effects": result.effects,
        "counts": dict(checked.counts),
        "rows": (checked.rows_in, checked.rows_passed, checked.rows_quarantined),
        "failing tests": (checked.blocks, checked.effects, checked.contract_hash),
        "quarantine": sorted(map(repr, taken(checked.quarantine, QUARANTINE))),
        "metrics": {name: tuple(rows) for name, rows in result.metrics.items()},
    }


def withheld(engine: dos.Engine, result: RunResult) -> tuple[Block, ...]:
    """Every value that failed tests withhold, with the path from where each failed."""
    store = MetricStore(engine.book, result.checked, at=AT)
    for name in store.computed:
        store.table(name)
    return store.blocks


def table(**changes: pa.Array | None) -> pa.Table:
    """The deals with columns changed, or left out."""
    return pa.table({name: column for name, column in {**DEALS, **changes}.items() if column is not None})


def each_on(cases: Mapping[str, Iterable[Any]]) -> list[Any]:
    """Each case on each of its engines, with the marks of that engine."""
    pairs = [(name, kind if isinstance(kind, str) else kind.values[0], () if isinstance(kind, str) else kind.marks) for name in cases for kind in cases[name]]
    return [pytest.param(name, kind, marks=marks, id=f"{name}-{kind}") for name, kind, marks in pairs]


# ── break actions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

NEGATIVE: Final = table(amount=pa.array(["$120.10", "$99.90", "-5", "7"]))
POSITIVE: Final = ("positive: {assert: amount ≥ $0, break_action: quarantine_record}", "positive: {assert: amount ≥ $0, break_action: %s}")


def blocking(folder: Path, name: str) -> dos.Engine:
    """A rule book that blocks what a failing row reaches, the failing key of a metric, or all keys."""
    page = "block_publish_and_page_finance_and_open_incident"
    sane = "{name: sane, assert: deal_size < $1M, break_action: block_publish_and_page_owner}"
    lenient = (("aggregate: sum, of: amount}", "aggregate: sum, of: amount, rows: all}"), ("aggregate: count}", "aggregate: count, rows: all}"))
    match name:
        case "rows of a key" | "rows, all keys":
            engine = small(folder, (POSITIVE[0], POSITIVE[1] % page), *lenient)
        case "a metric's key":
            return small(folder, (sane, sane.replace("< $1M", "> $50")), *lenient)
        case _:
            return small(folder, (sane, sane.replace("< $1M,", "> $50, scope: metric,")), *lenient)
    if name == "rows of a key":
        return engine
    deals = engine.book.entities["deals"]
    whole = BreakAction(text=page, block=True, scope="metric", effects=("page finance", "incident"))
    entity = attrs.evolve(deals, tests=tuple(attrs.evolve(test, break_action=whole) for test in deals.tests))
    return dos.Engine(attrs.evolve(engine.book, entities={**engine.book.entities, "deals": entity}))


BREAKS: Final[Mapping[str, Mapping[str, str]]] = {
    "rows of a key": {"Ads": "act", "Web": "blocked"},
    "rows, all keys": {"Ads": "blocked", "Web": "blocked"},
    "a metric's key": {"Ads": "act", "Web": "blocked"},
    "a metric, all keys": {"Ads": "blocked", "Web": "blocked"},
}


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "polars"])
def test_a_break_action_reaches_the_same_decisions_on_every_engine(tmp_path: Path, kind: str) -> None:
    """On one engine a failing line would block other keys, none, or page nobody."""
    for name, outcomes in BREAKS.items():
        if kind in ("ibis", "spark") and name not in ("rows of a key", "a metric, all keys"):
            continue  # they plan slowly
        engine = blocking(tmp_path / name, name)
        here, there = run(engine, loaded(NEGATIVE, "polars")), run(engine, loaded(NEGATIVE, kind))
        assert outcomes == {record.subject: record.outcome.value for record in there.records}, name
        assert {"page"} <= {effect.kind for effect in there.effects}, name
        assert all("blocked" == cause.reason for record in there.records if record.outcome == "blocked" for cause in record.causes), name
        assert told(here) == told(there), name
        assert withheld(engine, here) == withheld(engine, there) != (), name


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

# What is given, and the rows in, passed and quarantined, with the decisions.
ANSWERED: Final[Mapping[str, tuple[pa.Table, tuple[int, int, int], Mapping[str, str]]]] = {
    "as it should be": (table(), (4, 4, 0), {"Ads": "act", "Web": "act"}),
    "amounts that are no money": (table(amount=pa.array(["lots", "?", "-", "n/a"])), (4, 0, 4), {"Ads": "undetermined", "Web": "undetermined"}),
    "amounts that are truth values": (table(amount=pa.array([True, False, None, True])), (4, 1, 3), {"Ads": "undetermined", "Web": "undetermined"}),
    "amounts that are dates": (table(amount=pa.array([dt.date(2026, 9, 1)] * 4)), (4, 0, 4), {"Ads": "undetermined", "Web": "undetermined"}),
    "dates that are numbers": (table(closed=pa.array([20260902, 20260930, 20260930, 20260901])), (4, 0, 4), {}),
    "channels that are numbers": (table(channel=pa.array([1, 1, 2, 2])), (4, 4, 0), {"1": "act", "2": "act"}),
    "ids that are floats": (table(id=pa.array([1.0, 2.0, 3.0, 2.5])), (4, 4, 0), {"Ads": "act", "Web": "act"}),
    "amounts that are decimals": (
        table(amount=pa.array([Decimal("120.10"), Decimal("99.90"), Decimal(1200), Decimal(7)], pa.decimal128(10, 2))),
        (4, 4, 0),
        {"Ads": "act", "Web": "act"},
    ),
    "amounts that are not finite": (table(amount=pa.array([float("inf"), 300.0, float("-inf"), 1e300])), (4, 1, 3), {"Ads": "act", "Web": "undetermined"}),
    "no amounts": (table(amount=pa.nulls(4)), (4, 4, 0), {"Ads": "undetermined", "Web": "undetermined"}),
    "no amounts, of type text": (table(amount=pa.nulls(4, pa.string())), (4, 4, 0), {"Ads": "undetermined", "Web": "undetermined"}),
    "no amounts, of type number": (table(amount=pa.nulls(4, pa.float64())), (4, 4, 0), {"Ads": "undetermined", "Web": "undetermined"}),
    "no ids": (table(id=pa.nulls(4)), (4, 4, 0), {"Ads": "act", "Web": "act"}),
    "no channels": (table(channel=pa.nulls(4)), (4, 4, 0), {"(none)": "act"}),
    "no dates": (table(closed=pa.nulls(4)), (4, 4, 0), {}),
    "ids used twice": (table(id=pa.array(["1", "2", "3", "3"])), (4, 2, 2), {"Ads": "act", "Web": "act"}),
    "no rows": (table().slice(0, 0), (0, 0, 0), {}),
    "no rows and no types": (pa.table({name: pa.nulls(0) for name in DEALS}), (0, 0, 0), {}),
    "one row": (table().slice(2, 1), (1, 1, 0), {"Web": "act"}),
    "a column nobody reads": (table(note=pa.array([[1], [], None, [2]])), (4, 4, 0), {"Ads": "act", "Web": "act"}),
}
_ON_POLARS: Final[dict[str, Any]] = {}
FEW: Final = ("amounts that are truth values", "no amounts", "no rows and no types", "one row")
"""What all engines are asked, those that plan slowly too."""
MOST: Final = ("pandas", "pandas Arrow", "pyarrow", "polars lazy", "duckdb")


@pytest.mark.parametrize(("name", "kind"), each_on({name: ALL if name in FEW else MOST for name in ANSWERED}))
def test_odd_rows_have_one_answer(lenient: dos.Engine, name: str, kind: str) -> None:
    """A column of gaps, of another type or without rows would be decided otherwise on another engine, or fail in its words."""
    given, rows, outcomes = ANSWERED[name]
    there = told(result := run(lenient, loaded(given, kind)))
    assert (rows, outcomes) == (there["rows"], {record.subject: record.outcome.value for record in result.records})
    if name not in _ON_POLARS:
        _ON_POLARS[name] = told(run(lenient, loaded(given, "polars")))
    assert _ON_POLARS[name] == there


def twice(kind: str) -> Any:
    """A frame with two columns of one name."""
    match kind:
        case "pyarrow":
            return pa.table([*DEALS.values(), DEALS["amount"]], names=[*DEALS, "amount"])
        case "duckdb":
            return duckdb.connect().sql("SELECT '1' AS id, 'Ads' AS channel, '7' AS amount, '2026-09-01' AS closed, '8' AS amount")
        case "spark":
            return loaded(table(), kind).selectExpr("*", "amount")
    frame = loaded(table(), kind)
    return pd.concat([frame, frame[["amount"]]], axis="columns")


def capitals(kind: str) -> Any:
    """A frame with two columns whose names differ by capitals."""
    if kind == "duckdb":
        return duckdb.connect().sql("SELECT '1' AS id, 'Ads' AS channel, '7' AS amount, '2026-09-01' AS closed, '8' AS AMOUNT")
    return loaded(table(), kind).selectExpr("*", "amount AS AMOUNT")


# How a frame is made wrong, on which engines that can be, and what is said of it.
REFUSED: Final[Mapping[str, tuple[Callable[[str], Any], tuple[Any, ...], str]]] = {
    "absent": (lambda kind: loaded(table(amount=None), kind), ALL, "the rows of entity `deals` have no column `amount`, from which `amount` is read"),
    "misspelled": (lambda kind: loaded(table(amount=None, Amuont=DEALS["amount"]), kind), IN_PROCESS, "no column `amount`, from which `amount` is read"),
    "lists": (lambda kind: loaded(table(amount=pa.array([[1.0]] * 4)), kind), ALL, "the column `amount` of entity `deals` holds List"),
    "structs": (lambda kind: loaded(table(amount=pa.array([{"a": 1}] * 4)), kind), IN_PROCESS, "the column `amount` of entity `deals` holds Struct"),
    "bytes": (lambda kind: loaded(table(amount=pa.array([b"1"] * 4)), kind), IN_PROCESS, "the column `amount` of entity `deals` holds Binary"),
    "times of day": (lambda kind: loaded(table(closed=pa.array([dt.time(12)] * 4)), kind), IN_PROCESS, "the column `closed` of entity `deals` holds Time"),
    "durations": (
        lambda kind: loaded(table(closed=pa.array([dt.timedelta(hours=1)] * 4, pa.duration("us"))), kind),
        IN_PROCESS,
        "the column `closed` of entity `deals` holds ",
    ),
    "duplicated": (twice, ("pandas", "pandas nullable", "pandas Arrow", "pyarrow", "duckdb", SPARK), "have the column `amount` more than once"),
    "told apart by capitals": (capitals, ("duckdb", SPARK), "have the columns `amount` and `AMOUNT`, which their engine takes for one"),
    "no columns": (lambda kind: {"pandas": pd.DataFrame, "polars": pl.DataFrame}[kind](), ("pandas", "polars"), "no column `id`"),
    "numbers for names": (lambda kind: loaded(table(), kind).set_axis([0, 1, 2, 3], axis="columns"), ("pandas", "pandas Arrow"), "no column `id`"),
}


@pytest.mark.parametrize(("name", "kind"), each_on({name: kinds for name, (_, kinds, _) in REFUSED.items()}))
def test_what_no_rule_can_read_is_refused_by_column(lenient: dos.Engine, name: str, kind: str) -> None:
    """A wrong file would end in an engine's own words about a column nobody knows, or be decided on."""
    made, _, message = REFUSED[name]
    with pytest.raises(dos.DataError) as refused:
        run(lenient, made(kind))
    assert message in str(refused.value)


@pytest.mark.parametrize("kind", ["pandas", "pandas Arrow"])
def test_a_name_that_is_no_text_does_no_harm_beside_the_others(lenient: dos.Engine, kind: str) -> None:
    """A column pandas gave a number for a name, as `concat` does, would stop the run."""
    frame = loaded(table(), kind)
    numbered = pd.concat([frame, pd.Series([1, 2, 3, 4], name=0), pd.Series([1, 2, 3, 4], name=("a", 1))], axis="columns")
    assert told(run(lenient, frame)) == told(run(lenient, numbered))


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "duckdb"])
def test_a_name_nobody_reads_may_be_there_twice(lenient: dos.Engine, kind: str) -> None:
    """Two notes beside what is read would stop the run, on one engine and not on another."""
    match frame := loaded(table(), kind):
        case pd.DataFrame():
            noted = pd.concat([frame, frame[["id"]].set_axis(["note"], axis="columns"), frame[["id"]].set_axis(["note"], axis="columns")], axis="columns")
        case pa.Table():
            noted = frame.append_column("note", DEALS["id"]).append_column("note", DEALS["id"])
        case _:
            noted = frame.project("*, 1 AS note, 2 AS note")
    assert ["note", "note"] == [name for name in getattr(noted, "column_names", noted.columns) if name == "note"]
    assert told(run(lenient, frame)) == told(run(lenient, noted))


@pytest.mark.parametrize("kind", ["polars", "polars lazy", "pandas", "duckdb"])
def test_many_categories(lenient: dos.Engine, kind: str) -> None:
    """Texts that are all different would be cut, or take the memory of their square."""
    count = 100_000
    ids = pa.array([f"0061{number:014}" for number in range(count)]).dictionary_encode()
    columns = {name: pa.array([value] * count).dictionary_encode() for name, value in {"channel": "Ads", "closed": "2026-09-02"}.items()}
    result = run(lenient, loaded(pa.table({"id": ids, "amount": pa.array(["$120.10"] * count), **columns}), kind))
    assert (count, count, 0) == attrs.astuple(result.checked["deals"], recurse=False)[4:7]
    expected = {"ids": [count], "deals_won": [count], "sales": [12_010_000.0]}
    assert expected == {name: [row.value for row in result.metrics[name]] for name in expected}
