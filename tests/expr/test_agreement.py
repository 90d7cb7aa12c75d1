"""All evaluators give one answer: reference, compiled, columns, and the oracle of exact fractions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_os.expr.arithmetic import Context, plain
from decision_os.expr.columns import as_column, masks, value
from decision_os.expr.compiler import exact, functions
from decision_os.expr.parser import parse
from decision_os.expr.reference import Reference
from decision_os.expr.tree import Arithmetic, Comparison, Logic, Name, Node, Not
from decision_os.expr.unparse import unparse
from decision_os.units import parse_unit
from decision_os.values import Unknown
from tests.expr import oracle, trees
from tests.expr.agreement import outcome

ENGINES = ("polars", "polars lazy", "pandas", "pandas arrow")
COMPARISONS: tuple[Literal["<", "<=", ">", ">=", "==", "!="], ...] = ("<", "<=", ">", ">=", "==", "!=")
KINDS = {**dict.fromkeys(trees.NUMBER_NAMES, "number"), trees.TEXT_NAME: "text", trees.TRUTH_NAME: "bool"}


def written(tree: Node) -> tuple[Node, Context]:
    """The tree as an author would write it, so that every span points into a text."""
    text = unparse(tree)
    return parse(text).tree, Context(text=text)


def awkward() -> st.SearchStrategy[dict[str, Any]]:
    """Ordinary inputs with one or two of a kind nobody expects, or any float at all, put over them; some names absent."""
    strange = st.sampled_from(trees.AWKWARD) | st.floats()
    over = st.dictionaries(st.sampled_from((*trees.NUMBER_NAMES, trees.TEXT_NAME, trees.TRUTH_NAME)), strange, max_size=2)
    drop = st.sets(st.sampled_from(trees.NUMBER_NAMES), max_size=1)
    return st.builds(lambda plain, more, less: {k: v for k, v in {**plain, **more}.items() if k not in less}, trees.inputs(), over, drop)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees.mixed(), st.lists(trees.inputs() | awkward(), min_size=1, max_size=6))
def test_compiled_is_reference(tree: Node, several: list[dict[str, Any]]) -> None:
    """The fast evaluator would answer, blame or refuse otherwise than the one that explains."""
    tree, context = written(tree)
    program = functions(tree, context)
    for values in several:
        expected = outcome(lambda values=values: Reference(values, context).value(tree))  # type: ignore[misc]  # mypy infers no lambda with a default
        assert expected == outcome(lambda values=values: program.evaluate(values))  # type: ignore[misc]  # as above


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_compiled_is_reference_near_equality(data: st.DataObject) -> None:
    """The quick test of the fast path would decide a comparison that rounding decides."""
    left, right = data.draw(trees.numeric(2, units=False)), data.draw(trees.numeric(2, units=False))
    values = {name: found for name, found in data.draw(trees.inputs()).items() if found is not None}
    sides = [Reference(values, Context(text="")).term(side) for side in (left, right)]
    if not all(isinstance(side, tuple) for side in sides):
        return
    gap = Fraction(sides[0][0]) - Fraction(sides[1][0])  # type: ignore[index]  # both are numbers here
    bound = sides[0][1] + sides[1][1]  # type: ignore[index,operator]  # as above
    nudges = [gap + share * Fraction(bound) for share in (Fraction(0), Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(40), Fraction(-1))]
    for op in COMPARISONS:
        tree = Comparison(Arithmetic("-", left, Name("nudge")), (op,), (right,))
        program = functions(tree, Context(text=""))
        for nudge in nudges:
            if abs(nudge) < 10**300:
                near = {**values, "nudge": float(nudge)}
                assert Reference(near, Context(text="")).value(tree) == program.evaluate(near)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees.mixed(), st.lists(trees.inputs(), min_size=1, max_size=4))
def test_reference_is_exact_arithmetic(tree: Node, several: list[dict[str, Any]]) -> None:
    """An answer would differ from the one on paper where the two sides are equal, or differ by more than rounding."""
    for values in several:
        try:
            expected = oracle.answer(tree, values)
        except oracle.TooClose:
            continue
        found = Reference(values, Context(text="")).term(tree)
        if isinstance(expected, oracle.Exact):
            assert isinstance(found, tuple)
            assert abs(Fraction(found[0]) - expected.value) <= Fraction(found[1])
        else:
            assert expected == (None if isinstance(found, Unknown) else plain(found))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10**7), st.sampled_from(("0.9", "0.95", "0.1", "0.7", "1.1", "0.29")), st.integers(-3, 3))
def test_whole_multiples_are_exact(base: int, factor: str, cents: int) -> None:
    """A metric exactly at a share of its baseline would count as below or above it."""
    x = float(Fraction(factor) * base + Fraction(cents, 100))
    tree = parse(f"x < base*{factor}").tree
    expected = Fraction(repr(x)) < Fraction(factor) * base
    assert expected is functions(tree, Context(text="")).evaluate({"x": x, "base": float(base)})


# ── the truth table ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("op", "left", "right", "result"), [(*key, result) for key, result in oracle.TABLE.items()])
def test_truth_table(op: str, left: bool | None, right: bool | None, result: bool | None) -> None:
    """An evaluator would not be Kleene's logic."""
    tree: Node = Not(Name("p")) if op == "not" else Logic("and" if op == "and" else "or", (Name("p"), Name("q")))
    values = {"p": left, "q": right}
    for run in (functions(tree, Context(text="")).evaluate, exact(tree, Context(text="")), lambda values: Reference(values, Context(text="")).value(tree)):
        found = run(values)
        assert result is (None if isinstance(found, Unknown) else found)
    schema = {"p": pl.Boolean, "q": pl.Boolean}
    for engine in ENGINES:
        found_masks = rows_of(engine, tree, [values], {"p": "bool", "q": "bool"}, schema)
        assert [(result, result is True, result is False)] == found_masks


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def frame_of(engine: str, rows: list[dict[str, Any]], schema: Mapping[str, Any]) -> Any:
    """The rows as a frame of an engine; the classic pandas one has NaN and None in it, as people have."""
    frame = pl.DataFrame(rows, schema=dict(schema))
    match engine:
        case "polars":
            return frame
        case "polars lazy":
            return frame.lazy()
        case "pandas":
            numeric = {name for name, dtype in schema.items() if dtype == pl.Float64}
            return pd.DataFrame({name: pd.Series(frame[name].to_list(), dtype="float64" if name in numeric else "object") for name in frame.columns})
        case _:
            return frame.to_pandas(use_pyarrow_extension_array=True)


def rows_of(engine: str, tree: Node, rows: list[dict[str, Any]], kinds: Mapping[str, str], schema: Mapping[str, Any]) -> list[Any]:
    """(value, known true, known false) for each row of a condition; values alone for numbers."""
    frame = nw.from_native(frame_of(engine, rows, schema))
    context = Context(text="")
    found = {"value": value(tree, kinds, context)}
    if trees_condition(tree):
        both = masks(tree, kinds, context)
        found |= {"true": as_column(both.true), "false": as_column(both.false)}
    out = frame.with_columns(**found).select(*found)
    columns = nw.from_native(nw.to_native(out.collect() if isinstance(out, nw.LazyFrame) else out)).to_dict(as_series=False)
    values = [None if item is None or item is pd.NA or (isinstance(item, float) and math.isnan(item)) else item for item in columns["value"]]
    if "true" not in columns:
        return values
    assert not [item for name in ("true", "false") for item in columns[name] if item is not True and item is not False]
    return list(zip(values, columns["true"], columns["false"], strict=True))


def trees_condition(tree: Node) -> bool:
    """Whether a random tree is a condition: by what it comes to for values that are all there."""
    full = {**dict.fromkeys(trees.NUMBER_NAMES, 1.0), trees.TEXT_NAME: "won", trees.TRUTH_NAME: True, "p": True, "q": True}
    kind = type(tree).__name__
    return kind in ("Comparison", "Membership", "Logic", "Not", "Truth") or isinstance(Reference(full, Context(text="")).value(tree), bool)


SCHEMA = {**dict.fromkeys(trees.NUMBER_NAMES, pl.Float64), trees.TEXT_NAME: pl.String, trees.TRUTH_NAME: pl.Boolean}


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees.mixed(2), rows=st.lists(trees.inputs(), min_size=1, max_size=12))
def test_columns_are_reference(engine: str, tree: Node, rows: list[dict[str, Any]]) -> None:
    """A rule would decide otherwise on a frame than on a mapping."""
    rows = [{name: float(found) if isinstance(found, int) and not isinstance(found, bool) else found for name, found in row.items()} for row in rows]
    expected: list[Any] = []
    condition = trees_condition(tree)
    for row in rows:
        one = Reference(row, Context(text="")).value(tree)
        known = None if isinstance(one, Unknown) else one
        expected.append((known, known is True, known is False) if condition else known)
    assert expected == rows_of(engine, tree, rows, KINDS, SCHEMA)


def test_duration_unit_is_needed_the_same() -> None:
    """A name in days compared with hours would mean something else in one of the evaluators."""
    from decision_os.expr import compile as compiled

    expression = compiled("age < 36h", units={"age": parse_unit("days")})
    assert [True, False] == [expression.evaluate({"age": 1.4}), expression.evaluate({"age": 1.5})]
    frame = nw.from_native(pl.DataFrame({"age": [1.4, 1.5]}))
    assert [True, False] == frame.select(out=expression.columns())["out"].to_list()
