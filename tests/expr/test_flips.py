"""The nearest change of one input that flips an answer: it flips when applied, and nothing nearer does."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_os.expr import Function
from decision_os.expr import compile as compiled
from decision_os.expr.tree import Node
from decision_os.expr.unparse import unparse
from tests.expr import trees


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("x < 3", {"x": 2}, ["x at least 3 (now 2)"]),
        ("x < 3", {"x": 3}, ["x below 3 (now 3)"]),
        ("x == 3", {"x": 3}, ["x other than 3 (now 3)"]),
        ("x == 3", {"x": 5}, ["x equal to 3 (now 5)"]),
        ("x in [1, 3] and y > 2", {"x": 0, "y": 3}, ["x at least 1 and at most 3 (now 0)"]),
        ("x in [1, 3] and y > 2", {"x": 0, "y": 1}, []),
        ("cac <= base*0.9", {"cac": 95, "base": 100}, ["cac at most 90 (now 95)", "base at least 105.56 (now 100)"]),
        ("rate >= base + 2pp", {"rate": 0.28, "base": 0.27}, ["rate at least 29% (now 28%)", "base at most 26% (now 27%)"]),
        ("x*x > 4", {"x": 1}, ["x above 2 (now 1)"]),
        ("x/y >= 3", {"x": 5, "y": 2}, ["y at most 1.6666 and above 0 (now 2)", "x at least 6 (now 5)"]),
        ("min(x, 4) - abs(y) > 1", {"x": 3, "y": 5}, ["y below 2 and above -2 (now 5)"]),
        ("(x if c > 0 else y) > 1", {"x": 0, "y": 3, "c": 1}, ["c at most 0 (now 1)", "x above 1 (now 0)"]),
        ('flag and s == "won"', {"flag": True, "s": "lost"}, ['s equal to "won" (now "lost")']),
        ('s in {"won", "lost"}', {"s": "won"}, ['s other than "won" (now "won")']),
        ("not flag", {"flag": True}, ["flag false (now true)"]),
        ("a > 1 and b > 2", {"b": 3}, ["a at most 1", "a above 1", "b at most 2 (now 3)"]),
        ("a > 1 or a <= 1", {"a": 3}, []),
        ("is_missing(a)", {}, ["a known"]),
        ("root(x) > 2", {"x": 1}, ["x above 4 (now 1)"]),
        ("d < e", {"d": dt.date(2026, 1, 4), "e": dt.date(2026, 1, 5)}, ["d equal to 2026-01-05 (now 2026-01-04)", "e equal to 2026-01-04 (now 2026-01-05)"]),
    ],
)
def test_flips_in_words(text: str, values: Mapping[str, Any], expected: list[str]) -> None:
    """A reader would be told to move an input too far, the wrong way, or in vain."""
    units = {"rate": "share", "base": "share"} if "rate" in text else None
    found = compiled(text, units=units, functions={"root": Function(math.sqrt, 1)}).explain(values).flips
    assert expected == [flip.text for flip in found]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees.boolean(2, units=False), trees.inputs())
def test_a_flip_flips(tree: Node, values: dict[str, Any]) -> None:
    """The change that is shown would leave the answer as it is."""
    rule = compiled(unparse(tree))
    before = rule.evaluate(values)
    for flip in rule.explain(values).flips:
        assert flip.answer is rule.evaluate({**values, flip.name: flip.to})
        assert flip.answer is not before


@st.composite
def linear(draw: st.DrawFn) -> str:
    """A condition whose sides are lines of three inputs."""

    def side() -> str:
        terms = [f"{draw(st.integers(1, 3))} * {name}" for name in draw(st.sets(st.sampled_from("abc"), min_size=1, max_size=2))]
        return " - ".join(sorted(terms))

    def test() -> str:
        return f"{side()} {draw(st.sampled_from(('<', '<=', '>', '>=', '==')))} {draw(st.integers(-4, 4))}"

    return f" {draw(st.sampled_from(('and', 'or')))} ".join(test() for _ in range(draw(st.integers(1, 3))))


@settings(max_examples=60, deadline=None)
@given(linear(), st.fixed_dictionaries(dict.fromkeys("abc", st.integers(-5, 5))))
def test_no_value_of_a_grid_flips_sooner(text: str, values: dict[str, int]) -> None:
    """A nearer change would have done, or one exists where none is shown."""
    rule = compiled(text)
    before = rule.evaluate(values)
    found = {flip.name: abs(flip.to - values[flip.name]) for flip in rule.explain(values).flips if isinstance(flip.to, float)}
    for name in rule.names:
        grid = [values[name] + sign * step / 4 for step in range(1, 60) for sign in (-1, 1)]
        sooner = next((abs(x - values[name]) for x in grid if rule.evaluate({**values, name: x}) is not before), None)
        if sooner is not None:
            assert found[name] <= sooner, (name, found)


def test_beyond_what_a_number_can_hold() -> None:
    """A product that overflows would end in an exception of Python's."""
    expression = compiled("1 > 6*x > 6*y")
    values = {"x": -2, "y": 1e308}
    for flip in expression.explain(values).flips:
        assert flip.answer == expression.evaluate({**values, flip.name: flip.to})


def test_flips_are_sorted_by_the_relative_change() -> None:
    """The easiest change would stand last."""
    found = compiled("a + b > 110").explain({"a": 100, "b": 1}).flips
    assert ["a", "b"] == [flip.name for flip in found]
    assert sorted(flip.change for flip in found) == [flip.change for flip in found]


def test_values_are_shown_in_their_units() -> None:
    """A reader would see 0.28 beside a margin in points."""
    units = {"rate": "share", "base": "share", "cac": "USD"}
    told = str(compiled("rate >= base + 2pp and cac <= $90", units=units).explain({"rate": 0.28, "base": 0.27, "cac": 120}))
    assert "fails: rate >= base + 2pp; rate = 28%, base = 27%; +1.0pp short; flips with rate at least 29%" in told
    assert "fails: cac <= $90; cac = $120; $30 short; flips with cac at most $90" in told
    assert "no change of one input alone flips the answer" in told
