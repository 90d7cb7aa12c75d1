"""`Engine.decide_frame`: every row of a frame comes to what `Engine.decide` comes to, in the frame's own engine."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import decision_os as dos
from tests.marts import AT, CHANNEL

Row = Mapping[str, Any]

ADDED: Final = ("outcome", "action", "branch", "unknowns")
ENGINES: Final = ("pandas", "pandas Arrow", "polars", "polars lazy", "pyarrow")

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


def frame_of(rows: Sequence[Row], engine: str) -> Any:
    """The rows in a frame, typed as the engine itself takes them: a column of gaps alone has whatever type it gives that."""
    match engine:
        case "pandas":
            return pd.DataFrame(list(rows), index=[f"row {number}" for number in range(len(rows))])
        case "pandas Arrow":
            return pa.Table.from_pylist(list(rows)).to_pandas(types_mapper=pd.ArrowDtype)
        case "polars":
            return pl.DataFrame(list(rows), infer_schema_length=None)
        case "polars lazy":
            return pl.DataFrame(list(rows), infer_schema_length=None).lazy()
        case "pyarrow":
            return pa.Table.from_pylist(list(rows))
    raise AssertionError(engine)


def added(decided: Any) -> list[tuple[Any, ...]]:
    """The columns that were added, row by row, whatever engine they are in."""
    if isinstance(decided, pl.LazyFrame):
        decided = decided.collect()
    if isinstance(decided, pl.DataFrame):
        return decided.select(ADDED).rows()
    table = decided if isinstance(decided, pa.Table) else pa.Table.from_pandas(decided[list(ADDED)], preserve_index=False)
    return list(zip(*(table[name].to_pylist() for name in ADDED), strict=True))


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


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("node", POOLS)
def test_a_frame_is_decided_as_its_rows_are(engine: dos.Engine, node: str, kind: str) -> None:
    """The same rule would decide otherwise on an engine: by its nulls, its rounding, or its types."""
    rows = drawn(node, 150)
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


def test_the_same_type_comes_back_with_the_columns_that_went_in(engine: dos.Engine) -> None:
    """A caller would get another engine's frame, a reordered one, or its own numbers changed."""
    for kind in ENGINES:
        frame = frame_of(WIDE, kind)
        decided = engine.decide_frame("channel.invest", frame)
        assert type(frame) is type(decided), kind
        if isinstance(frame, pa.Table):
            assert [*frame.column_names, *ADDED] == decided.column_names
            assert frame.equals(decided.select(frame.column_names))
        elif isinstance(frame, pd.DataFrame):
            assert [*frame.columns, *ADDED] == list(decided.columns)
            pd.testing.assert_frame_equal(frame, decided[list(frame.columns)])
        else:
            assert [*frame.collect_schema(), *ADDED] == list(decided.collect_schema())
            assert_frame_equal(frame, decided.select(list(frame.collect_schema())))


def test_a_lazy_frame_is_not_collected(engine: dos.Engine) -> None:
    """Deciding would run the query, and a frame larger than memory fail."""

    def fail(_: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("the query ran")

    lazy = pl.LazyFrame(WIDE, infer_schema_length=None)
    decided = engine.decide_frame("channel.invest", lazy.map_batches(fail, schema=lazy.collect_schema()))
    assert isinstance(decided, pl.LazyFrame)
    with pytest.raises(AssertionError, match="the query ran"):
        decided.collect()


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


@pytest.mark.parametrize("kind", ENGINES)
def test_no_rows_come_back_as_no_rows(engine: dos.Engine, kind: str) -> None:
    """An empty month would fail the job."""
    rows = drawn("channel.invest", 1)
    frame = frame_of(rows, kind)
    empty = frame.slice(0, 0) if kind in ("polars", "polars lazy", "pyarrow") else frame.iloc[:0]
    assert [] == added(engine.decide_frame("channel.invest", empty))


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


@pytest.mark.parametrize("kind", ENGINES)
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
