"""Expressions over columns: the same answers on every engine, whatever its nulls do."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest

from decision_os.errors import ExpressionError, InputError
from decision_os.expr import Expression, Function
from decision_os.expr import compile as compiled
from decision_os.expr.clear import Clear, clear
from decision_os.expr.columns import Stage
from decision_os.expr.parser import parse
from decision_os.units import parse_unit

ENGINES = ("polars", "polars lazy", "pandas", "pandas arrow")
engines = pytest.mark.parametrize("engine", ENGINES)


def frame_of(engine: str, data: Mapping[str, list[Any]]) -> Any:
    match engine:
        case "polars":
            return pl.DataFrame(data, strict=False)
        case "polars lazy":
            return pl.LazyFrame(data, strict=False)
        case "pandas":
            return pd.DataFrame(data)
        case _:
            return pl.DataFrame(data, strict=False).to_pandas(use_pyarrow_extension_array=True)


def column(engine: str, expression: Expression, data: Mapping[str, list[Any]], schema: Mapping[str, str] | None = None) -> list[Any]:
    """The answers of an expression over a frame, null as None; its masks are held to agree with them."""
    frame = nw.from_native(frame_of(engine, data))
    found = {"answer": expression.columns(schema)}
    if expression.is_condition:
        found["true"], found["false"] = expression.masks(schema)
    out = frame.with_columns(**found)
    assert isinstance(out, nw.LazyFrame) is (engine == "polars lazy")
    table = (out.collect() if isinstance(out, nw.LazyFrame) else out).to_dict(as_series=False)
    answers = [None if item is None or item is pd.NA or (isinstance(item, float) and math.isnan(item)) else item for item in table["answer"]]
    if expression.is_condition:
        assert [item is True for item in answers] == table["true"]
        assert [item is False for item in answers] == table["false"]
    return answers


@engines
@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("a >= b + 2pp", {"a": [0.29, 0.2899, 0.29], "b": [0.27, 0.27, None]}, [True, False, None]),
        ("x - b >= 2pp", {"x": [1_000_000.02, 1_000_000.0199], "b": [1_000_000.0, 1_000_000.0]}, [True, False]),
        ("ltv/cac >= 3", {"ltv": [9.0, 0.0, 1.0, 1.0], "cac": [3.0, 0.0, 0.0, -0.0]}, [True, None, None, None]),
        ("not (cac > 0)", {"cac": [1.0, 0.0, None, math.nan, math.inf, -math.inf]}, [False, True, None, None, None, None]),
        ("a > 1 and b > 1", {"a": [None, None, 2.0], "b": [0.0, 2.0, None]}, [False, None, None]),
        ("a > 1 or b > 1", {"a": [None, None, 2.0], "b": [0.0, 2.0, None]}, [None, True, True]),
        ("x not in [1, 3)", {"x": [1.0, 3.0, None, 0.9]}, [False, True, None, True]),
        ("x in {1, 2}", {"x": [1, 3, 2]}, [True, False, True]),
        ("is_missing(a/b)", {"a": [1.0, 1.0, None], "b": [0.0, 2.0, 1.0]}, [True, False, True]),
        ("coalesce(a, b, 7)", {"a": [None, 1.0, None], "b": [None, 2.0, 3.0]}, [7.0, 1.0, 3.0]),
        ("min(a, b)", {"a": [None, 1.0, 3.0], "b": [0.0, 2.0, 2.0]}, [None, 1.0, 2.0]),
        ("clip(a, 0, b)", {"a": [-1.0, 1.0, 3.0], "b": [2.0, 2.0, 2.0]}, [0.0, 1.0, 2.0]),
        ("a <= min(b, c)", {"a": [150.0, 100.0, 0.3], "b": [100.0, 100.0, 0.1 + 0.2], "c": [1e18, 1e18, 1e300]}, [False, True, True]),
        ("a >= max(b, c)", {"a": [0.2, 0.25], "b": [0.25, 0.25], "c": [-1e15, -1e15]}, [False, True]),
        ("a <= clip(b, -1e30, c)", {"a": [150.0, 100.0], "b": [100.0, 100.0], "c": [1e18, 1e18]}, [False, True]),
        ("a if c > 0 else b", {"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, None], "c": [1.0, 0.0, None]}, [1.0, 2.0, None]),
        ("a*a > 1", {"a": [1e200, 2.0, 1.0]}, [None, True, False]),
        ("b/(a*a) == 0", {"a": [1e200, 2.0], "b": [1.0, 0.0]}, [None, True]),
        ('s == "won"', {"s": ["won", "lost", None]}, [True, False, None]),
        ('s not in {"won", "lost"}', {"s": ["won", "open", None]}, [False, True, None]),
        ("a + b", {"a": [1, 2], "b": [0.5, None]}, [1.5, None]),
    ],
)
def test_same_answer_on_every_engine(engine: str, text: str, data: Mapping[str, list[Any]], expected: list[Any]) -> None:
    """The engine's own idea of null, NaN or division would decide."""
    expression = compiled(text)
    assert expected == column(engine, expression, data)
    rows = [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]
    assert expected == [found if isinstance(found, bool | float) else None for found in (expression.evaluate(row) for row in rows)]


@engines
def test_truth_columns(engine: str) -> None:
    """A column of True and False with gaps would be read as numbers, or a gap as False."""
    data: dict[str, list[Any]] = {"flag": [True, False, None], "x": [1.0, 1.0, 1.0]}
    assert [False, True, None] == column(engine, compiled("not flag"), data)
    assert [True, False, None] == column(engine, compiled("flag and x > 0"), data)
    assert [True, False, None] == column(engine, compiled("flag == True"), data, {"flag": "bool"})


@engines
def test_dates(engine: str) -> None:
    """Days would be compared with instants, or a gap with a day."""
    days: list[Any] = [dt.date(2026, 1, 1), dt.date(2026, 1, 3), None]
    data: dict[str, list[Any]] = {"a": days, "b": [dt.date(2026, 1, 2)] * 3}
    if engine == "pandas":
        data = {name: [None if day is None else pd.Timestamp(day, tz="UTC") for day in found] for name, found in data.items()}
    kind = "instant" if engine == "pandas" else "date"
    assert [True, False, None] == column(engine, compiled("a < b"), data, {"a": kind, "b": kind})
    with pytest.raises(InputError, match="does not compare with"):
        compiled("a < b").masks({"a": "date", "b": "instant"})


def test_types_with_one_meaning() -> None:
    """A decimal, a small float, a category or a duration would mean something else than on a mapping."""
    frame = pl.DataFrame(
        {
            "money": pl.Series([Decimal("0.30"), None], dtype=pl.Decimal(10, 2)),
            "stage": pl.Series(["won", None], dtype=pl.Categorical),
            "age": pl.Series([dt.timedelta(hours=30), None]),
            "whole": pl.Series([3, None], dtype=pl.UInt8),
        }
    )
    schema = nw.from_native(frame).collect_schema()
    expressions = {
        "a": compiled("money <= 0.1 + 0.2"),
        "b": compiled('stage == "won"'),
        "c": compiled("age > 1d", units={"age": "hours"}),
        "d": compiled("whole - 4 < 0"),
    }
    out = nw.from_native(frame).select(**{name: expression.columns(schema) for name, expression in expressions.items()})
    assert {name: [True, None] for name in expressions} == out.to_dict(as_series=False)


@pytest.mark.parametrize(
    ("text", "schema", "message"),
    [
        ("1 < x", {"x": nw.String()}, "`x`: a number does not compare with a text"),
        ("1 < 2 + x", {"x": nw.Boolean()}, "`x` is true or false where a number is needed"),
        ("x and y > 1", {"x": nw.Float64(), "y": nw.Float64()}, "`x` is a number where a condition is needed"),
        ("x > 1", {"x": nw.List(nw.Int64)}, "the column `x` holds List"),
        ("s < t", {"s": nw.String(), "t": nw.String()}, "`s`: a text has no order"),
        ("age > 1", {"age": nw.Duration()}, "`age` has no unit"),
    ],
)
def test_columns_of_the_wrong_type_are_refused(text: str, schema: Mapping[str, Any], message: str) -> None:
    """A column that does not fit its place would be cast, and decided on."""
    with pytest.raises(InputError, match=message) as caught:
        compiled(text).columns(schema)
    assert caught.value.name in schema


def test_a_name_without_a_column_is_missing() -> None:
    """A rule would fail, or decide, on a frame that lacks a column."""
    frame = nw.from_native(pl.DataFrame({"a": [1.0, 3.0]}))
    expression = compiled("a > 2 or b > 2")
    schema = frame.collect_schema()
    assert [None, True] == frame.select(out=expression.columns(schema))["out"].to_list()
    blame = expression.blame(schema)
    assert {"a": [False, False], "b": [True, False]} == frame.select(**blame).to_dict(as_series=False)


def test_blame_is_that_of_the_reference() -> None:
    """A record made from a row would name other inputs than one made from a mapping."""
    rows = [{"a": a, "b": b, "c": c} for a in (None, 1.0, 3.0) for b in (None, 1.0, 3.0) for c in (None, 0.0, 3.0)]
    frame = nw.from_native(pl.DataFrame(rows))
    for text in ("a > 2 and b > 2 or c > 2", "a < b < c", "a/c > 1", "min(a, b) > c", "a in [b, c]", "a > 2 if b > 2 else c > 2", "coalesce(a, b) > 2"):
        expression = compiled(text)
        found = frame.select(**expression.blame()).rows(named=True)
        names = [sorted(name for name, blamed in row.items() if blamed) for row in found]
        assert [list(getattr(expression.evaluate(row), "names", ())) for row in rows] == names, text


def test_an_input_that_overflows_as_it_is_converted_is_not_missing() -> None:
    """A frame would ask for an input that is there, where `decide` names none."""
    expression = compiled("wait + age > 24h", units={"wait": parse_unit("hours"), "age": parse_unit("days")})
    rows = [{"wait": 1.0, "age": age} for age in (1.7e308, None, 3.0)]
    found = nw.from_native(pl.DataFrame(rows)).select(**expression.blame(), **dict(zip("tf", expression.masks(), strict=True)))
    assert {"wait": [False] * 3, "age": [False, True, False], "t": [False, False, True], "f": [False, False, False]} == found.to_dict(as_series=False)
    assert [[], ["age"], []] == [list(getattr(expression.evaluate(row), "names", ())) for row in rows]


def test_two_constants_are_clear_of_nothing() -> None:
    """The quick pass would hand a number to the engine where it means a column."""
    for text, expected in (("2 * 3 >= 5", True), ("2 * 0.15 < 0.3", False)):
        expression = compiled(text)
        assert Clear(expected, doubt=False) == clear(parse(text).tree, {}, expression.context, Stage())


def test_registered_functions_are_refused() -> None:
    """A Python function would be called on a whole column."""
    expression = compiled("root(x) > 1", functions={"root": Function(math.sqrt, 1)})
    with pytest.raises(ExpressionError, match="cannot run in a dataframe engine"):
        expression.columns()
