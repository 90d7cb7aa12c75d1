"""The whole path on engines that are asked by queries: contract tests and measures on DuckDB, Ibis and Spark give what they give on Polars."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import ibis
import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from decision_os.contracts import BLOCKED, FAILED, QUARANTINED, ROW_ID, Checked, check_entity
from decision_os.errors import DataError
from decision_os.expr import compile as compiled
from decision_os.metrics.facts import FactRows
from decision_os.metrics.measures import Shape, collect_cells, measured
from decision_os.model import BreakAction, Column, Entity, Fact, Measure, RowTest
from tests.engines import SPARK, loaded, taken
from tests.metric_rows import Rows, book, metric

LAZY: Final = ["duckdb", "ibis", SPARK]
ZONE: Final = ZoneInfo("America/New_York")
PUT_ASIDE: Final = BreakAction(text="quarantine_record", quarantine="")
BLOCK: Final = BreakAction(text="block_publish", block=True)
TYPES: Final = {
    "id": "identifier",
    "account": "identifier",
    "owner": "text",
    "stage": "category",
    "amount": "money",
    "closed": "date",
    "created": "instant",
    "synced": "instant",
    "won": "boolean",
    "share": "share",
    "seats": "integer",
}
# Text as exports have it, with what they have wrong, and one column of instants. Every row has a key of its own but two.
TEXTS: Final = {
    "id": ["d1", "d2", "D2", "d4", "d5", "d5", "d7", "d8 "],
    "account": ["a1", "a2", None, "a9", "a1", "a1", "a2", "a1"],
    "owner": ["Ana", "", "Bo", "\u00a0", "Cy", "Ana", "Bo", "Ana"],
    "stage": ["Won", "Lost", "Won", "won", "Won", "--", "Lost", "Won"],
    "amount": ["$1,200.50", "(3.10)", "USD 7", "lots", "0.1", "0.2", "-2", "1.005"],
    "closed": ["9/1/2026", "2026-09-02", "9/31/2026", "2026-10-01", "", "2026-02-28", "12/31/2026", "2026-01-01"],
    "created": [
        "2026-09-01 23:30:00",
        "9/2/2026 1:05 PM",
        "2026-11-01 01:30:00",  # clocks showed it twice
        "2026-03-08 02:30:00",  # and this never
        "2026-09-30T22:00:00-04:00",
        "2026-10-01T03:59:59Z",
        "",
        "2026-07-01 00:00:00.000001",
    ],
    "won": ["yes", "no", "TRUE", "0", "maybe", "", "1", "false"],
    "share": ["12.5%", "0.5", "50", "x", "100%", "", "1", "0"],
    "seats": ["3", "4.0", "4.5", "1,000", "9007199254740993", "", "-1", "0"],
}
SYNCED: Final = [
    dt.datetime(2026, 9, 30, 23, 59, 59, 999999, tzinfo=ZONE),
    dt.datetime(2026, 10, 1, tzinfo=ZONE),
    None,
    dt.datetime(2026, 3, 8, 7, tzinfo=dt.UTC),
] * 2
ACCOUNTS: Final = Entity(id="accounts", source="crm", key=("account",), columns={"account": Column(id="account", source_name="Account.Id", type="identifier")})


def deals(*tests: RowTest, key: tuple[str, ...] = ("id",)) -> Entity:
    """The entity of those rows; its columns have a point in their names, as exports of Salesforce do."""
    columns = {name: Column(id=name, source_name=f"Deal.{name}", type=kind, blanks=("--",)) for name, kind in TYPES.items()}
    return Entity(id="deals", source="crm", key=key, columns=columns, tests=tests)


TESTS: Final = (
    RowTest(id="owned", kind="required", columns=("owner",), break_action=PUT_ASIDE),
    RowTest(id="stages", kind="enum", columns=("stage",), values=("Won", "Lost"), break_action=PUT_ASIDE),
    RowTest(id="once", kind="unique", columns=("id",), break_action=BLOCK),
    RowTest(id="known", kind="reference", columns=("account",), entity="accounts", break_action=PUT_ASIDE),
    RowTest(id="positive", kind="range", columns=(), assertion=compiled("amount >= 0"), break_action=PUT_ASIDE),
    RowTest(id="in_order", kind="assert", columns=(), assertion=compiled("won or share < 50%"), break_action=PUT_ASIDE),
)


def given(engine: str) -> Any:
    """The rows as a frame of the engine."""
    columns = {f"Deal.{name}": pa.array(texts, pa.string()) for name, texts in TEXTS.items()}
    return loaded(pa.table({**columns, "Deal.synced": pa.array(SYNCED, pa.timestamp("us", "UTC"))}), engine)


def checked(engine: str, entity: Entity) -> Checked:
    """The rows after the contract tests."""
    accounts = check_entity(ACCOUNTS, loaded(pa.table({"Account.Id": ["a1", "a2"]}), engine), zone="ET")
    return check_entity(entity, given(engine), zone="ET", others={"accounts": accounts})


def instants(frame: Any, names: tuple[str, ...]) -> Any:
    """The frame with its instants as text: engines hand them back in zones of their own."""
    native = nw.to_native(frame, pass_through=True)
    return sorted((tuple(_utc(cell) for cell in row) for row in taken(native, names)), key=repr)


def _utc(cell: Any) -> Any:
    if not isinstance(cell, dt.datetime):
        return cell
    return (cell.replace(tzinfo=dt.UTC) if cell.tzinfo is None else cell.astimezone(dt.UTC)).isoformat()  # Spark hands over times of its session, here UTC


@pytest.mark.parametrize("engine", LAZY)
def test_rows_fail_the_same_tests(engine: str) -> None:
    """A cell would be read otherwise, a row be lost or pass on this engine, or the quarantine not say what the other one says."""
    entity = deals(*TESTS)
    here, there = checked(engine, entity), checked("polars", entity)
    assert (8, there.rows_passed, there.rows_quarantined) == (here.rows_in, here.rows_passed, here.rows_quarantined)
    assert 0 < there.rows_passed < 8
    assert all(there.counts[test.id] for test in TESTS)
    assert (dict(there.counts), there.contract_hash, there.blocks, there.effects) == (dict(here.counts), here.contract_hash, here.blocks, here.effects)
    every = (*TYPES, ROW_ID, QUARANTINED, BLOCKED, FAILED)
    assert instants(there.every, every) == instants(here.every, every)
    assert type(given(engine)) is type(here.quarantine)
    evidence = (*TYPES, "row_id", "failed_tests", "quarantine", "unreadable", "contract_hash")
    assert instants(there.quarantine, evidence) == instants(here.quarantine, evidence)


MEASURES: Final = {
    "won by day of the zone": (Measure(fact="deals", aggregate="share", condition=compiled("won")), Shape((), "synced", "day")),
    "amount by week": (Measure(fact="deals", aggregate="sum", of="amount", rows="all"), Shape(("stage",), "closed", "week")),
    "amount by quarter": (Measure(fact="deals", aggregate="mean", of="amount", rows="all"), Shape((), "created", "quarter")),
    "owners by month": (Measure(fact="deals", aggregate="count_distinct", of="owner", rows="all"), Shape((), "synced", "month")),
    "gini": (Measure(fact="deals", aggregate="gini", of="owner", rows="all"), Shape(())),
    "last day": (Measure(fact="deals", aggregate="max", of="closed", rows="all"), Shape(("stage",))),
    "waited": (Measure(fact="deals", aggregate="max", of="waited", rows="all"), Shape(("owner",))),
    "seats in a span": (
        Measure(fact="deals", aggregate="sum", of="seats", rows="all"),
        Shape((), "synced", "", spans=((dt.date(2026, 9, 30), dt.date(2026, 10, 1)),)),
    ),
}


@pytest.mark.parametrize("engine", LAZY)
def test_measures_are_the_same(engine: str) -> None:
    """A sum, a count or the day a case belongs to would differ with the engine, or with the zone of its session."""
    entity = deals(*TESTS)
    fact = Fact(id="deals", entity="deals", time="closed", elapsed={"waited": ("created", "synced")})
    few = ("won by day of the zone", "waited")
    asked = MEASURES if engine == "duckdb" else {name: MEASURES[name] for name in few}  # the others plan slowly
    found = {}
    for each in (engine, "polars"):
        rows = FactRows(book([entity], [fact]), {"deals": Rows(checked(each, entity).every)})
        cells = {
            name: collect_cells(rows.table("deals"), metric(name, (), measure=of), shape, zone=ZONE, fiscal_year_start=2) for name, (of, shape) in asked.items()
        }
        found[each] = {
            name: {(*key, start): measured(MEASURES[name][0], part, cell.digits, ()) for key, parts in cell.by_key.items() for start, part in parts.items()}
            for name, cell in cells.items()
        }
    assert found["polars"] == found[engine]
    assert all(found[engine].values())


@pytest.mark.parametrize("engine", ["duckdb", "ibis"])
def test_no_rows_are_none_lost(engine: str) -> None:
    """An empty export would fail the run, or count as rows lost."""
    frame = given(engine)
    accounts = check_entity(ACCOUNTS, loaded(pa.table({"Account.Id": pa.array([], pa.string())}), engine), zone="ET")
    empty = check_entity(deals(*TESTS), frame.limit(0), zone="ET", others={"accounts": accounts})
    assert (0, 0, 0) == (empty.rows_in, empty.rows_passed, empty.rows_quarantined)


def test_the_zone_of_a_session_decides_nothing() -> None:
    """A database set to another zone would count the evening of one day as the next, and name rows otherwise."""
    entity = deals(*TESTS, key=("synced", "id"))
    usual, there = checked("duckdb", entity), duckdb.connect()
    there.execute("SET TimeZone = 'Asia/Kolkata'")
    there.register("accounts", pa.table({"Account.Id": ["a1", "a2"]}))
    there.register("deals", given("pyarrow"))
    accounts = check_entity(ACCOUNTS, there.table("accounts"), zone="ET")
    here = check_entity(entity, there.table("deals"), zone="ET", others={"accounts": accounts})
    every = (*TYPES, ROW_ID, FAILED)
    assert instants(usual.every, every) == instants(here.every, every)
    measure, shape = MEASURES["won by day of the zone"]
    fact = Fact(id="deals", entity="deals", time="closed")
    days = []
    for of in (usual, here):
        table = FactRows(book([entity], [fact]), {"deals": Rows(of.every)}).table("deals")
        cells = collect_cells(table, metric("won", (), measure=measure), shape, zone=ZONE, fiscal_year_start=1)
        days.append({start for parts in cells.by_key.values() for start in parts})
    assert days[0] == days[1]
    assert {dt.date(2026, 9, 30), dt.date(2026, 10, 1), dt.date(2026, 3, 8)} == days[0]


def test_times_on_another_backend_of_ibis_are_refused_by_column() -> None:
    """DuckDB's words would be sent to a database that does not know them, and fail in its own."""
    connection = ibis.sqlite.connect()
    connection.raw_sql("CREATE TABLE deals (id TEXT, created TEXT)")
    columns = {name: Column(id=name, source_name=name, type=kind) for name, kind in (("id", "identifier"), ("created", "instant"))}
    entity = Entity(id="deals", source="crm", key=("id",), columns=columns)
    with pytest.raises(DataError, match="the times of `created` are not read on sqlite through Ibis"):
        check_entity(entity, connection.table("deals"), zone="ET")
