"""`Engine.decide_frame`: every row of a frame comes to what `Engine.decide` comes to, in the frame's own engine."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import decision_os as dos
from tests.engines import ALL, IN_PROCESS, SPARK, frame_of, taken
from tests.marts import AT, CHANNEL

Row = Mapping[str, Any]

ADDED: Final = ("outcome", "action", "branch", "unknowns")

# What each column may hold: both sides of every boundary, values in between, and gaps.
YES_NO: Final = (True, True, True, False, None)
POOLS: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
    "channel.invest": {
        "cac_per_sqo": (90.0, 90.01, 45.27, 119.99, 120.0, 105.0, 0.0, None),
        "cac_per_sqo_baseline": (100.0, 50.3, 100.0, 0.0, None),
        "win_rate": (0.29, 0.2899, 0.57, 0.25, None),
        "win_rate_baseline": (0.27, 0.55, 0.27, None),
        "attribution_validity": (0.995, 0.9949, 0.97, 0.998, 0.998, None),
        "attribution_validity_overall": (0.995, 0.998, 0.998, 0.994, None),
        "slo_green": YES_NO,
    },
    "pricing.change": {
        "elasticity": (-1.0, -1.0001, -0.3, -0.2999, -0.62, None),
        "list_price": (40.0, 37.5, 37.49, 50.0, None),
        "cm_per_seat": (28.0, 95.0, 0.0, -3.2, None),
        "payback": (12.0, 9.0, 9.01, 30.0, 0.0, None),
        "slo_green": YES_NO,
        "open_sev2_incidents": (0, 0, 0, 1, None),
    },
    "icp.update": {
        "win_rate_difference": (0.05, 0.0499, -0.05, -0.0499, 0.0, None),
        "win_rate_lift_sustained": (True, True, False, None),
        "win_rate_drop_sustained": (True, True, False, None),
        "payback": (11.0, 11.01, 13.0, 12.99, None),
        "payback_overall": (12.0, 12.0, None),
        "churn_rate": (0.01, 0.03, 0.0301, None),
        "dq_reason_coverage": (0.98, 0.9799, 0.97, None),
        "routing_capacity": (5000, 4000, 3999, None),
        "lead_volume": (4000, 4000, None),
    },
    "routing.policy": {
        "p_route_2m": (0.95, 0.9499, 0.97, None),
        "availability": (0.995, 0.9949, 0.998, None),
        "unassigned_rate": (0.005, 0.0051, 0.003, None),
        "fairness_gini": (0.2, 0.2001, 0.15, None),
        "shadow_match": (0.995, 0.9949, 0.9965, None),
        "improvement_evidence": ("https://example.com/report", None),
        "slo_green": YES_NO,
    },
}


def added(decided: Any) -> list[tuple[Any, ...]]:
    """The columns that were added, row by row, whatever engine they are in."""
    return taken(decided, ADDED)


def one_by_one(engine: dos.Engine, node: str, rows: Sequence[Row], choose: Mapping[str, float] | None = None) -> list[tuple[Any, ...]]:
    """The same rows, each decided alone."""
    records = [engine.decide(node, row, at=AT, choose=choose) for row in rows]
    return [(record.outcome.value, record.action, record.branch, ",".join(record.unknowns)) for record in records]


def unlike(rows: Sequence[Row], expected: Sequence[Any], actual: Sequence[Any]) -> list[Any]:
    """The rows that were decided otherwise: few enough to read."""
    return [each for each in zip(rows, expected, actual, strict=True) if each[1] != each[2]][:3]


def drawn(node: str, count: int) -> list[Row]:
    """Rows drawn from the pools with a fixed seed: the first column, and one gap at most, go through everything."""
    rng = random.Random(20)
    rows: list[Row] = [{name: rng.choice(pool) for name, pool in POOLS[node].items()} for _ in range(count)]
    usual = {name: next(value for value in pool if value is not None) for name, pool in POOLS[node].items()}
    return [usual, *({**usual, name: value} for name, pool in POOLS[node].items() for value in pool), *rows]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("node", POOLS)
def test_a_frame_is_decided_as_its_rows_are(engine: dos.Engine, node: str, kind: str) -> None:
    """The same rule would decide otherwise on an engine: by its nulls, its rounding, or its types."""
    rows = drawn(node, 60)
    expected = one_by_one(engine, node, rows)
    assert {"act", "hold", "blocked", "undetermined"} == {row[0] for row in expected}
    assert [] == unlike(rows, expected, added(engine.decide_frame(node, frame_of(rows, kind))))


@pytest.mark.parametrize("node", POOLS)
@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_frame_is_decided_as_its_rows_are(engine: dos.Engine, node: str, data: st.DataObject) -> None:
    """A column of gaps alone, one row, or a value nobody thought of would be decided otherwise."""
    columns = {
        name: st.one_of(st.sampled_from(pool), st.floats(0, 2 * max(1.0, *(item for item in pool if item is not None))))
        if all(value is None or type(value) is float for value in pool)
        else st.sampled_from(pool)
        for name, pool in POOLS[node].items()
    }
    rows = data.draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=15))
    assert [] == unlike(rows, one_by_one(engine, node, rows), added(engine.decide_frame(node, frame_of(rows, "polars"))))


@pytest.mark.parametrize("step", [0.05, 0.075, 0.1])
def test_what_is_chosen_holds_for_every_row(engine: dos.Engine, step: float) -> None:
    """The conditions would hold at the default and the action be taken at the choice."""
    rows = drawn("pricing.change", 40)
    chosen = {"list_price_step": step}
    assert [] == unlike(
        rows,
        one_by_one(engine, "pricing.change", rows, chosen),
        added(engine.decide_frame("pricing.change", frame_of(rows, "polars"), choose=chosen)),
    )


def test_a_choice_outside_the_range_is_refused(engine: dos.Engine) -> None:
    """A frame would be decided at a step that a single decision refuses."""
    with pytest.raises(dos.InputError, match="outside its range"):
        engine.decide_frame("pricing.change", frame_of(drawn("pricing.change", 1), "polars"), choose={"list_price_step": 0.11})


# --- what comes back -----------------------------------------------------------------------------------------------------------------

WIDE: Final[Sequence[Row]] = [{"region": "East", **CHANNEL, "unnamed": [1, 2]}, {"region": None, **CHANNEL, "win_rate": None, "unnamed": []}]


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_the_same_type_comes_back_with_the_columns_that_went_in(engine: dos.Engine, kind: str) -> None:
    """A caller would get another engine's frame, a reordered one, or its own numbers changed."""
    frame = frame_of(WIDE, kind)
    names = list(frame.collect_schema()) if kind.startswith("polars") else list(getattr(frame, "column_names", frame.columns))
    decided = engine.decide_frame("channel.invest", frame)
    assert type(frame) is type(decided)
    assert taken(frame, names) == taken(decided, names)
    if isinstance(frame, pa.Table):
        assert [*names, *ADDED] == decided.column_names
        assert frame.equals(decided.select(frame.column_names))
    elif isinstance(frame, pd.DataFrame):
        assert [*frame.columns, *ADDED] == list(decided.columns)
        pd.testing.assert_frame_equal(frame, decided[list(frame.columns)])
    elif kind.startswith("polars"):
        assert [*names, *ADDED] == list(decided.collect_schema())
        assert_frame_equal(frame, decided.select(names))
    else:
        assert [*names, *ADDED] == list(decided.columns)


# --- nothing is collected ------------------------------------------------------------------------------------------------------------


def test_a_lazy_polars_frame_is_not_collected(engine: dos.Engine) -> None:
    """Deciding would run the query, and a frame larger than memory fail."""

    def fail(_: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("the query ran")

    lazy = pl.LazyFrame(WIDE, infer_schema_length=None)
    decided = engine.decide_frame("channel.invest", lazy.map_batches(fail, schema=lazy.collect_schema()))
    assert isinstance(decided, pl.LazyFrame)
    with pytest.raises(AssertionError, match="the query ran"):
        decided.collect()


@pytest.mark.parametrize("kind", ["duckdb", "ibis"])
def test_a_query_of_duckdb_is_not_run(engine: dos.Engine, kind: str) -> None:
    """As above: a function that counts its calls stands in the query, and is called when the caller asks for rows and not before."""
    calls: list[float] = []

    def counted(x: float) -> float:
        calls.append(x)
        return x

    connection: Any = duckdb.connect() if kind == "duckdb" else ibis.duckdb.connect()
    raw = connection if kind == "duckdb" else connection.con
    raw.create_function("counted", counted, ["DOUBLE"], "DOUBLE", side_effects=True)
    raw.execute("CREATE VIEW given AS SELECT counted(90.0 + i) AS cac_per_sqo, 100.0 AS cac_per_sqo_baseline FROM range(3) t(i)")
    decided = engine.decide_frame("channel.invest", connection.table("given"), given={"slo_green": True, "attribution_validity_overall": 0.997})
    assert [] == calls
    assert 3 == len(added(decided))
    assert calls


@pytest.mark.parametrize("kind", [SPARK])
def test_no_job_of_spark_is_run(engine: dos.Engine, kind: str) -> None:
    """As above: a job would read the whole table once more than the caller asked for. What comes back is a Spark frame with gaps alone in a column."""
    frame = frame_of([{**row, "win_rate": None} for row in WIDE], kind).repartition(2)
    jobs = frame.sparkSession.sparkContext.statusTracker()
    before = set(jobs.getJobIdsForGroup(None))
    decided = engine.decide_frame("channel.invest", frame)
    assert before == set(jobs.getJobIdsForGroup(None))
    assert type(frame) is type(decided)
    assert [*frame.columns, *ADDED] == decided.columns
    assert {("undetermined", None, None, "win_rate")} == set(added(decided))
    assert before < set(jobs.getJobIdsForGroup(None))


def test_records_are_read_as_they_are_asked_for(engine: dos.Engine) -> None:
    """Looking at the first record of a large table would read all of it."""
    calls: list[float] = []

    def counted(x: float) -> float:
        calls.append(x)
        return x

    connection = duckdb.connect()
    connection.create_function("counted", counted, ["DOUBLE"], "DOUBLE", side_effects=True)
    records = engine.frame_records("channel.invest", connection.sql("SELECT counted(90.0 + i) AS cac_per_sqo FROM range(500000) t(i)"), at=AT)
    assert [] == calls
    assert ("blocked", "blocked") == (next(records).outcome.value, next(records).outcome.value)
    assert len(calls) < 500_000


# --- records of rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", IN_PROCESS)
@pytest.mark.parametrize("node", POOLS)
def test_the_record_of_a_row_is_that_of_its_mapping(engine: dos.Engine, node: str, kind: str) -> None:
    """A record made from a frame would have another hash or identity than the same decision made alone, and count as a second proposal."""
    rows = drawn(node, 20)
    frame = frame_of(rows, kind)
    records = list(engine.frame_records(node, frame, at=AT))
    expected = [engine.decide(node, row, at=AT) for row in rows]
    assert [record.id for record in expected] == [record.id for record in records]
    assert [record.inputs_hash for record in expected] == [record.inputs_hash for record in records]
    decided = added(engine.decide_frame(node, frame_of(rows, kind)))
    assert decided == [(record.outcome.value, record.action, record.branch, ",".join(record.unknowns)) for record in records]


def test_records_name_their_subjects_and_take_what_is_given(engine: dos.Engine) -> None:
    """All rows would be decisions about one channel, at the default choice."""
    rows = [{"channel": channel, **CHANNEL, "slo_green": None} for channel in ("Ads", "Events")]
    records = list(engine.frame_records("channel.invest", frame_of(rows, "polars"), at=AT, period="2026-09", given={"slo_green": True}))
    expected = [engine.decide("channel.invest", {**row, "slo_green": True}, at=AT, period="2026-09") for row in rows]
    assert ["Ads", "Events"] == [record.subject for record in records]
    assert [record.id for record in expected] == [record.id for record in records]
    step = {"list_price_step": 0.05}
    pricing = drawn("pricing.change", 3)
    chosen = engine.frame_records("pricing.change", frame_of(pricing, "polars"), at=AT, choose=step)
    assert [engine.decide("pricing.change", row, at=AT, choose=step).id for row in pricing] == [record.id for record in chosen]


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_thresholds_are_columns_where_asked_for(engine: dos.Engine, kind: str) -> None:
    """A table of decisions would not say by which thresholds they were taken."""
    written = engine.decide("channel.invest", CHANNEL, at=AT).thresholds
    frame = frame_of([CHANNEL], kind)
    every = engine.decide_frame("channel.invest", frame, thresholds=True)
    assert [tuple(written.values())] == taken(every, list(written))
    first = next(iter(written))
    one = engine.decide_frame("channel.invest", frame, thresholds=[first])
    assert [("act", written[first])] == taken(one, ["outcome", first])
    with pytest.raises(dos.DataError, match="has no threshold `cac`"):
        engine.decide_frame("channel.invest", frame, thresholds=["cac"])


def test_columns_may_have_the_labels_of_their_metrics(engine: dos.Engine) -> None:
    """A mart that names its columns as people do would have to be renamed."""
    labels = {"cac_per_sqo": "CAC/SQO", "win_rate": "SQL→Win"}
    rows = drawn("channel.invest", 30)
    renamed = frame_of(rows, "polars").rename(labels)
    assert {"CAC/SQO", "SQL→Win"} < set(renamed.columns)
    assert [] == unlike(rows, one_by_one(engine, "channel.invest", rows), added(engine.decide_frame("channel.invest", renamed)))


def test_what_is_the_same_for_all_rows_may_be_given(engine: dos.Engine) -> None:
    """The health of the SLOs would have to be copied into every row."""
    rows = drawn("channel.invest", 30)
    for slo_green in (True, False, None):
        expected = one_by_one(engine, "channel.invest", [{**row, "slo_green": slo_green} for row in rows])
        frame = frame_of(rows, "polars")
        without = frame.drop("slo_green")
        assert [] == unlike(rows, expected, added(engine.decide_frame("channel.invest", without, given={"slo_green": slo_green})))


def test_a_column_that_is_absent_is_unknown_in_every_row(engine: dos.Engine) -> None:
    """A missing column would fail the frame, or count as false."""
    rows = [{name: value for name, value in row.items() if name != "win_rate"} for row in drawn("channel.invest", 30)]
    decided = added(engine.decide_frame("channel.invest", frame_of(rows, "polars")))
    assert [] == unlike(rows, one_by_one(engine, "channel.invest", rows), decided)
    assert any("win_rate" in unknowns for *_, unknowns in decided)


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_no_rows_come_back_as_no_rows(engine: dos.Engine, kind: str) -> None:
    """An empty month would fail the job."""
    frame = frame_of(drawn("channel.invest", 1), kind)
    empty = frame.slice(0, 0) if kind.startswith("polars") or kind == "pyarrow" else frame.iloc[:0] if "pandas" in kind else frame.limit(0)
    assert [] == added(engine.decide_frame("channel.invest", empty))
    assert [] == list(engine.frame_records("channel.invest", empty, at=AT))


GAPS: Final[Mapping[str, Any]] = {
    "None": [None, None],
    "NaN": [float("nan"), float("nan")],
    "pandas NA": pd.array([pd.NA, pd.NA], dtype=object),
    "object NaN": pd.array([float("nan"), None], dtype=object),
}


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("name", ["win_rate", "slo_green"])
def test_a_pandas_column_of_gaps_alone_is_unknown(engine: dos.Engine, name: str, gaps: str) -> None:
    """Classic pandas has no type for a column where nothing is known: it would be taken for texts, and the frame refused."""
    decided = engine.decide_frame("channel.invest", pd.DataFrame([CHANNEL, CHANNEL]).assign(**{name: GAPS[gaps]}))
    assert [(("undetermined" if name == "win_rate" else "blocked"), None, None, name)] * 2 == added(decided)


@pytest.mark.parametrize("kind", IN_PROCESS)
def test_a_column_of_gaps_alone_is_unknown_on_every_engine(engine: dos.Engine, kind: str) -> None:
    """A month in which a metric was not computed at all would fail the job."""
    for name, outcome in (("win_rate", "undetermined"), ("slo_green", "blocked")):
        decided = engine.decide_frame("channel.invest", frame_of([{**CHANNEL, name: None}] * 2, kind))
        assert [(outcome, None, None, name)] * 2 == added(decided)


REFUSED: Final[Mapping[str, tuple[Row, Mapping[str, Any], str]]] = {
    "a text where a number belongs": ({"win_rate": "0.29"}, {}, "win_rate"),
    "a truth where a number belongs": ({"win_rate": True}, {}, "win_rate"),
    "a list": ({"win_rate": [0.29]}, {}, "win_rate"),
    "a column that a decision adds": ({"outcome": "won"}, {}, "`outcome`"),
    "a constant that nobody reads": ({}, {"slo_gren": True}, "did you mean `slo_green`"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_what_no_rule_can_read_is_refused_by_name(engine: dos.Engine, name: str, kind: str) -> None:
    """A column would be compared as something it is not, or overwritten."""
    changes, constants, message = REFUSED[name]
    with pytest.raises((dos.DataError, dos.InputError)) as refused:
        engine.decide_frame("channel.invest", frame_of([{**CHANNEL, **changes}], kind), given=constants)
    assert message in str(refused.value)


def test_something_that_is_no_frame_is_refused(engine: dos.Engine) -> None:
    """A newcomer who passes a list of rows would see the dataframe layer's own words."""
    with pytest.raises((dos.DataError, TypeError)):
        engine.decide_frame("channel.invest", [dict(CHANNEL)])
