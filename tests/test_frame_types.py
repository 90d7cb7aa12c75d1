"""What a column may hold: every type has one meaning on all engines, or is refused by an error that names column and engine."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import decision_os as dos
from decision_os.expr import Expression
from decision_os.expr import compile as compiled
from tests.engines import ALL, IN_PROCESS, SPARK, frame_of, loaded, taken
from tests.marts import AT, CHANNEL

UTC = dt.UTC
NOON: Final = dt.datetime(2026, 10, 6, 12, tzinfo=UTC)

# A column, and expressions over it with the answer in each row. Spark has no unsigned integers.
COLUMNS: Final[Mapping[str, tuple[pa.Array, Mapping[str, list[Any]]]]] = {
    "decimal": (
        pa.array([Decimal("0.30"), Decimal("0.29"), None], pa.decimal128(10, 2)),
        {"x <= 0.1 + 0.2": [True, True, None], "x >= 0.28 + 1pp": [True, True, None], "x >= 0.3": [True, False, None]},
    ),
    "wide decimal": (
        pa.array([Decimal("123456789.1234567891"), Decimal("0.3"), None], pa.decimal128(38, 10)),
        {"x == 123456789.1234567891": [True, False, None], "x": [123456789.1234567891, 0.3, None]},
    ),
    "int64": (
        pa.array([3, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), None], pa.int64()),
        {"x > 3": [False, True, None, None, None, None, None], "is_missing(x)": [False, False, True, True, True, True, True]},
    ),
    "int32": (pa.array([3, -(2**31), None], pa.int32()), {"x - 4 < 0": [True, True, None], "x*x > 1e18": [False, True, None]}),
    "float32": (
        pa.array([0.1, 2.5, float("nan"), float("inf"), None], pa.float32()),
        {"x == 0.1": [False, False, None, None, None], "x >= 2.5": [False, True, None, None, None]},
    ),
    "float64": (
        pa.array([0.1 + 0.2, -0.0, float("nan"), float("inf"), float("-inf"), None]),
        {"x == 0.3": [True, False, None, None, None, None], "1/x > 0": [True, None, None, None, None, None]},
    ),
    "bool": (pa.array([True, False, None]), {"not x": [False, True, None], "x == True": [True, False, None], "is_missing(x)": [False, False, True]}),
    "text": (pa.array(["won", "", None]), {'x == "won"': [True, False, None], 'x in {"", "lost"}': [False, True, None]}),
    "category": (pa.array(["won", "lost", None]).dictionary_encode(), {'x == "won"': [True, False, None], 'x != "won"': [False, True, None]}),
    "date": (pa.array([dt.date(2026, 10, 6), dt.date(2026, 10, 7), None]), {"x < y": [True, False, None], "x == y": [False, True, None]}),
    "instant": (
        pa.array([NOON, NOON + dt.timedelta(microseconds=1), None], pa.timestamp("us", "UTC")),
        {"x < y": [True, False, None], "x >= y": [False, True, None]},
    ),
    "instant elsewhere": (
        pa.array([NOON, NOON + dt.timedelta(microseconds=1), None], pa.timestamp("us", "America/New_York")),
        {"x < y": [True, False, None], "x == y": [False, True, None]},
    ),
}
BESIDE: Final[Mapping[str, tuple[Any, pa.DataType]]] = {
    "date": (dt.date(2026, 10, 7), pa.date32()),
    "instant": (NOON + dt.timedelta(microseconds=1), pa.timestamp("us", "UTC")),
    "instant elsewhere": (NOON + dt.timedelta(microseconds=1), pa.timestamp("us", "UTC")),
}


def answers(frame: Any, expressions: Mapping[str, Expression]) -> list[tuple[Any, ...]]:
    """The columns that the expressions give over a frame, row by row."""
    table = nw.from_native(frame)
    schema = table.collect_schema()
    out = table.select(**{f"c{place}": expression.columns(schema) for place, expression in enumerate(expressions.values())})
    return [
        tuple(None if isinstance(item, float) and math.isnan(item) else item for item in row)
        for row in taken(nw.to_native(out), [f"c{place}" for place in range(len(expressions))])
    ]


@pytest.mark.parametrize("engine", ALL)
def test_a_type_has_one_meaning_on_every_engine(engine: str) -> None:
    """The same numbers, dates or categories would be decided otherwise by how an engine keeps them."""
    for name, (column, expected) in COLUMNS.items():
        if engine == "pandas" and name in ("int64", "decimal", "wide decimal", "bool", "date", "instant elsewhere"):
            continue  # classic pandas keeps these as floats or objects, which `decide_frame` reads by their values: see below
        if engine == "pandas nullable" and name in ("decimal", "wide decimal", "date", "instant elsewhere"):
            continue
        other, dtype = BESIDE.get(name, (None, pa.float64()))
        table = pa.table({"x": column, "y": pa.array([other] * len(column), dtype)})
        expressions = {text: compiled(text) for text in expected}
        assert list(zip(*expected.values(), strict=True)) == answers(loaded(table, engine), expressions), name


def with_win_rate(engine: str, column: pa.Array) -> Any:
    """The channel's inputs, the win rate from this column, which is otherwise 0.29 beside a baseline of 0.27."""
    rows = pa.Table.from_pylist([dict(CHANNEL)] * len(column))
    return loaded(rows.set_column(rows.column_names.index("win_rate"), "win_rate", column), engine)


KEPT: Final[Mapping[str, pa.Array]] = {
    "decimals": pa.array([Decimal("0.29"), Decimal("0.28"), None], pa.decimal128(10, 2)),
    "float32": pa.array([0.29, 0.28, None], pa.float32()),
    "categories": pa.array([0.29, 0.28, None]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", ALL)
def test_numbers_are_read_however_they_are_kept(engine: dos.Engine, kind: str) -> None:
    """A column of decimals, or of codes for numbers, would be taken for texts, or refused on one engine and not on another."""
    for name, column in KEPT.items():
        if kind in ("polars", "polars lazy", "spark", "ibis", "duckdb") and name == "categories":
            continue  # they have categories of texts alone
        found = [outcome for (outcome,) in taken(engine.decide_frame("channel.invest", with_win_rate(kind, column)), ["outcome"])]
        values = [Decimal("0.29"), Decimal("0.28"), None] if name == "decimals" else [0.29, 0.28, None] if name == "categories" else [*column.to_pylist()]
        expected = [engine.decide("channel.invest", {**CHANNEL, "win_rate": value}, at=AT).outcome.value for value in values]
        assert expected == found, name


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_a_million_categories(engine: dos.Engine, kind: str) -> None:
    """A column of texts that are all different would take the memory of their square, or be cut."""
    count = 1_000_000 if kind in ("polars", "pandas") else 1000
    texts = pa.array([f"https://example.com/{number}" for number in range(count)]).dictionary_encode()
    column = {name: pa.array([value] * count) for name, value in {"shadow_match": 0.9, "p_route_2m": 0.97, "fairness_gini": 0.15}.items()}
    frame = loaded(pa.table({"improvement_evidence": texts, **column}), kind)
    given = {"availability": 0.998, "unassigned_rate": 0.003, "slo_green": True}
    decided = engine.decide_frame("routing.policy", frame, given=given)
    expected = engine.decide(
        "routing.policy", {"improvement_evidence": "https://example.com/7", "shadow_match": 0.9, "p_route_2m": 0.97, "fairness_gini": 0.15, **given}, at=AT
    )
    assert {(expected.outcome.value, expected.branch)} == set(taken(decided, ["outcome", "branch"]))


DAY: Final = pa.array([dt.datetime(2026, 10, 6)] * 2, pa.timestamp("us"))


@pytest.mark.parametrize("kind", [*IN_PROCESS])
def test_an_instant_without_a_zone_is_refused(kind: str) -> None:
    """It would be read in whatever zone the machine is in. (Spark's own timestamps have the session's zone.)"""
    frame = nw.from_native(loaded(pa.table({"x": DAY, "y": DAY}), kind))
    with pytest.raises(dos.InputError, match="`x`: an instant without a zone cannot be compared"):
        compiled("x < y").columns(frame.collect_schema())


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_durations(kind: str) -> None:
    """A column of durations would be read in the unit an engine keeps them in. Ibis has no way to read them, and says so (below)."""
    if kind == "ibis":
        return
    table = pa.table({"x": pa.array([dt.timedelta(hours=30), dt.timedelta(hours=24), None], pa.duration("us"))})
    assert [(True,), (False,), (None,)] == answers(loaded(table, kind), {"": compiled("x > 1d", units={"x": "hours"})})


REFUSED: Final[Mapping[str, tuple[pa.Array, str, tuple[str, ...]]]] = {
    "texts": (pa.array(["0.29"]), "the column `win_rate` holds texts, where `win_rate` takes numbers", IN_PROCESS),
    "truth": (pa.array([True]), "the column `win_rate` holds truth values", IN_PROCESS),
    "lists": (pa.array([[0.29]]), "the column `win_rate` holds List", ("polars", "polars lazy", "pyarrow", "pandas Arrow", "duckdb", "ibis")),
    "structs": (pa.array([{"a": 1}]), "the column `win_rate` holds Struct", ("polars", "polars lazy", "pyarrow", "duckdb", "ibis")),
    "bytes": (pa.array([b"1"]), "the column `win_rate` ", IN_PROCESS),
    "times": (pa.array([dt.time(12)]), "the column `win_rate` ", IN_PROCESS),
    "durations on Ibis": (pa.array([dt.timedelta(1)]), "the column `win_rate` holds durations, which no rule can read on Ibis", ("ibis",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_rule_can_read_is_refused_by_column(engine: dos.Engine, name: str) -> None:
    """A column would be cast to something, taken for gaps, or fail in the engine's own words."""
    column, message, kinds = REFUSED[name]
    for kind in kinds:
        with pytest.raises((dos.DataError, dos.InputError)) as refused:
            engine.decide_frame("channel.invest", with_win_rate(kind, column))
        assert message in str(refused.value), kind


@pytest.mark.parametrize("kind", [SPARK])
def test_what_spark_cannot_read_is_refused_by_column(engine: dos.Engine, kind: str) -> None:
    """Narwhals gives an interval of Spark's no type; it would have been taken for a column of gaps. Names that differ by capitals are one to Spark."""
    frame = frame_of([dict(CHANNEL)], kind)
    intervals = frame.selectExpr("*", "INTERVAL '1' DAY AS sql_rate_")
    for wrong in (intervals.drop("win_rate").withColumnRenamed("sql_rate_", "win_rate"),):
        with pytest.raises(dos.DataError, match=r"the column `win_rate` holds interval day, which no rule can read on PySpark"):
            engine.decide_frame("channel.invest", wrong)
    with pytest.raises(dos.DataError, match="two columns named `win_rate`"):
        engine.decide_frame("channel.invest", frame.selectExpr("*", "win_rate"))
    with pytest.raises(dos.DataError, match="does not tell capitals from small letters"):
        engine.decide_frame("channel.invest", frame.selectExpr("*", "win_rate AS Win_Rate"))
    odd = frame.withColumnRenamed("cac_per_sqo", "CAC/SQO").withColumnRenamed("win_rate", "SQL→Win").withColumnRenamed("channel_spend", "spend.in `EUR`")
    assert [("act",)] == taken(engine.decide_frame("channel.invest", odd), ["outcome"])


# ── classic pandas keeps much as Python objects ──────────────────────────────────────────────────────────────────────────────────────


def test_objects_of_pandas_are_read_by_their_values(engine: dos.Engine) -> None:
    """Decimals from a database, or whole numbers with gaps, would be refused, or read as texts."""
    long = Decimal("0.123456789012345678901234567890123456789012345")
    decimals = ([Decimal("0.29"), Decimal("0.28"), None], [Decimal("0.29"), long, Decimal("NaN")], [Decimal("0.29"), 0.5, 1])
    for values in (*decimals, [0.29, 1, None], [1, 0, None]):
        frame = pd.DataFrame([dict(CHANNEL)] * 3).assign(win_rate=pd.Series(values, dtype=object))
        expected = [engine.decide("channel.invest", {**CHANNEL, "win_rate": value}, at=AT).outcome.value for value in values]
        assert expected == [outcome for (outcome,) in taken(engine.decide_frame("channel.invest", frame), ["outcome"])]


@pytest.mark.parametrize("values", [[0.29, "0.29"], ["0.29", 0.29], [object(), 0.1], [10**400, 1]])
def test_objects_of_several_kinds_are_refused(engine: dos.Engine, values: list[Any]) -> None:
    """One text among numbers would make all of them texts, or be dropped."""
    frame = pd.DataFrame([dict(CHANNEL)] * 2).assign(win_rate=pd.Series(values, dtype=object))
    with pytest.raises(dos.DataError, match=r"the column `win_rate` (mixes kinds|holds|cannot be read in row 1: an integer beyond)"):
        engine.decide_frame("channel.invest", frame)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            [Decimal("0.29"), Decimal("1E-400")],
            r"cannot be read in row 2: a Decimal for `win_rate` is beyond what a number can hold",
        ),
        ([Decimal("0.29"), "0.28"], r"mixes kinds: row 2 has '0\.28'"),
    ],
    ids=["too small", "a text"],
)
def test_what_is_wrong_with_a_column_of_decimals_is_said_of_its_row(engine: dos.Engine, values: list[Any], said: str) -> None:
    """The first row would be blamed, which has what all have."""
    frame = pd.DataFrame([dict(CHANNEL)] * 2).assign(win_rate=pd.Series(values, dtype=object))
    with pytest.raises(dos.DataError, match=f"the column `win_rate` {said}"):
        engine.decide_frame("channel.invest", frame)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_is_there_twice_is_refused(engine: dos.Engine) -> None:
    """One of the two would be decided on, and nobody could say which."""
    for frame in (
        pd.DataFrame([[0.1, 0.2]], columns=["win_rate", "win_rate"]),
        pa.table([pa.array([0.1]), pa.array([0.2])], names=["win_rate", "win_rate"]),
        duckdb.connect().sql("SELECT 0.1 AS win_rate, 0.2 AS win_rate"),
    ):
        with pytest.raises(dos.DataError, match="two columns named `win_rate`"):
            engine.decide_frame("channel.invest", frame)


def test_a_name_that_is_no_text_is_refused(engine: dos.Engine) -> None:
    """A frame without headers would be decided on as one that lacks every input."""
    with pytest.raises(dos.DataError, match="a column named 0, which is not a text"):
        engine.decide_frame("channel.invest", pd.DataFrame([[1.0, 2.0]]))


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_capitals_do_not_confuse(engine: dos.Engine, kind: str) -> None:
    """DuckDB takes `Payback` and `payback` for one: a column called by its metric's label would be read through itself."""
    rows = [
        {"elasticity": -0.62, "list_price": 40.0, "cm_per_seat": 28.0, "Payback": value, "slo_green": True, "open_sev2_incidents": 0}
        for value in (12.0, 30.0, None)
    ]
    frame = frame_of(rows, kind)
    expected = [engine.decide("pricing.change", row, at=AT).outcome.value for row in rows]
    decided = engine.decide_frame("pricing.change", frame)
    assert expected == [outcome for (outcome,) in taken(decided, ["outcome"])]
    with pytest.raises(dos.DataError, match="already has a column `Outcome`"):
        engine.decide_frame("pricing.change", frame_of([{**row, "Outcome": "won"} for row in rows], kind))


def test_what_is_no_frame_is_refused(engine: dos.Engine) -> None:
    """A newcomer who passes one column, or a list of rows, would see the dataframe layer's own words."""
    for wrong in ([dict(CHANNEL)], dict(CHANNEL), pl.Series([1.0]), pd.Series([1.0]), "frame.csv", None, nw):
        with pytest.raises(dos.DataError, match="is no dataframe"):
            engine.decide_frame("channel.invest", wrong)
