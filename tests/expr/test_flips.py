"""The nearest change of one input that flips an answer: it flips when applied, and nothing nearer does."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_os.expr import Expression, Function
from decision_os.expr import compile as compiled
from decision_os.expr.tree import Node
from decision_os.expr.unparse import unparse
from decision_os.expr.work import Work
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
        ("is_missing(a)", {"a": 3}, ["a missing (now 3)"]),
        ("coalesce(a, 5) > 3", {"a": 1}, ["a above 3 (now 1)"]),
        ("x > 1e305", {"x": 0}, ["x above 1e+305 (now 0)"]),
        ("x >= y/3", {"y": 100}, ["x at most 33.3333", "x at least 33.3334"]),
        ("y/3 <= x <= 2*y/3", {"x": 1, "y": 100}, ["y at most 3 and at least 1.5 (now 100)", "x at least 33.3334 and at most 66.6666 (now 1)"]),
        ("x == y/3", {"x": 1, "y": 100}, ["y equal to 3 (now 100)", "x equal to 33.333333333333336 (now 1)"]),
        ("x + b - b > 0", {"x": -1, "b": 1e9}, ["x at least 2.981e-07 (now -1)"]),
        ("x == 0.3", {"x": 0.1 + 0.2}, ["x other than 0.3 (now 0.3)"]),
        ("a >= b", {"a": dt.date.min, "b": dt.date.min}, ["b at least 0001-01-02 (now 0001-01-01)"]),
        ("d >= e", {"d": dt.date.max, "e": dt.date(2026, 1, 5)}, ["d at most 2026-01-04 (now 9999-12-31)"]),
        ("root(x) > 2", {"x": 1}, ["x above 4 (now 1)"]),
        ("d < e", {"d": dt.date(2026, 1, 4), "e": dt.date(2026, 1, 5)}, ["d at least 2026-01-05 (now 2026-01-04)", "e at most 2026-01-04 (now 2026-01-05)"]),
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


NAMED = re.compile(r"(at least|above|at most|below|equal to|other than) (-?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[+-][0-9]+)?)")


def named(text: str) -> list[tuple[str, float]]:
    """The values that a sentence of a flip names."""
    said = text.partition(" (now ")[0]
    return [(words, float(digits.replace(",", ""))) for words, digits in NAMED.findall(said)]


def beside(value: float, sign: int) -> float:
    """Just beside a value, as far as the sentences tell apart: two billionths of its size."""
    return value + sign * 2e-9 * (10 ** math.floor(math.log10(abs(value))) if value else 1)


def said_of(words: str, value: float) -> list[float]:
    """Values of which a sentence says that the answer is another there."""
    match words:
        case "above":
            return [beside(value, 1)]
        case "below":
            return [beside(value, -1)]
        case "other than":
            return [beside(value, -1), beside(value, 1)]
        case _:
            return [value]


def replayed(rule: Expression, values: dict[str, Any]) -> None:
    """Everything that is said of one input was tried here anew."""
    before = rule.evaluate(values)
    for flip in rule.explain(values).flips:
        assert flip.answer is rule.evaluate({**values, flip.name: flip.to})
        assert flip.answer is not before
        spread = [value for _, value in named(flip.text)]
        if len(spread) == 2 and abs(spread[0] - spread[1]) <= 1e-7 * max(map(abs, spread)):
            continue  # two ends so near to one another that beside the one is beyond the other
        for words, value in named(flip.text):
            for tried in said_of(words, value):
                assert flip.answer is rule.evaluate({**values, flip.name: tried}), (flip, tried)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees.boolean(2, units=False), trees.inputs())
def test_the_values_that_a_flip_names_flip(tree: Node, values: dict[str, Any]) -> None:
    """The sentence would be rounded to the wrong side of the edge, or name an edge where the answer does not change yet."""
    replayed(compiled(unparse(tree)), values)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 99), st.integers(1, 99), st.integers(2, 9), st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), st.integers(-3, 3))
def test_a_value_within_rounding_of_an_edge_is_told_of(first: int, second: int, parts: int, op: str, away: int) -> None:
    """What was summed up from decimals lies a little beside the edge, on either side of it: it would have no flip, or end in an exception."""
    a, b = first / 100, second / 10**parts
    x = a + b
    for _ in range(abs(away)):
        x = math.nextafter(x, math.copysign(math.inf, away))
    rule = compiled(f"x {op} a + b")
    values = {"x": x, "a": a, "b": b}
    assert {"x", "a", "b"} == {flip.name for flip in rule.explain(values).flips}
    replayed(rule, values)


@pytest.mark.parametrize(
    "text", ["share * (0.4 - share) >= 0", "x - 2*x*x > 0", "x*x*x - 0.3*x*x - 0.1*x <= 0", "(x - 0.4) * (x - 0.04) * x != 0", "x*x - x + 0.25 > 0"]
)
@pytest.mark.parametrize("now", [0.5, 0.7, -0.3, 0.2, 2.0, 0.4, 0.0])
def test_no_zero_is_taken_for_another(text: str, now: float) -> None:
    """A zero of a product would be rounded to its neighbour, and the nearer edge lost."""
    rule = compiled(text)
    (name,) = rule.names
    before = rule.evaluate({name: now})
    found = [abs(flip.to - now) for flip in rule.explain({name: now}).flips if isinstance(flip.to, float)]
    grid = (now + sign * step / 1000 for step in range(1, 4000) for sign in (-1, 1))
    sooner = next((abs(x - now) for x in grid if rule.evaluate({name: x}) is not before), None)
    assert sooner is None or found[0] <= sooner + 1e-12


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


def test_an_instant_between_two_others() -> None:
    """Two instants within a second of one another would leave no step that stays between them."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    values = {"d": start, "e": start + dt.timedelta(days=1), "f": start + dt.timedelta(milliseconds=500)}
    found = {flip.name: flip.to for flip in compiled("d < e < f").explain(values).flips}
    assert {"e": start + dt.timedelta(milliseconds=250), "f": start + dt.timedelta(days=1, seconds=1)} == found


def test_a_duration_is_told_as_a_number_in_its_unit() -> None:
    """A duration handed in as one would have no flip."""
    rule = compiled("age < 2d", units={"age": "hours"})
    (flip,) = rule.explain({"age": dt.timedelta(days=1)}).flips
    assert ("age at least 48h (now 24h)", 24.0, 48.0, "hours") == (flip.text, flip.now, flip.to, flip.unit)
    assert rule.evaluate({"age": flip.to}) is flip.answer


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
    assert "fails: rate >= base + 2pp; rate = 28%, base = 27%; 1.0pp short; flips with rate at least 29%" in told
    assert "fails: cac <= $90; cac = $120; $30 short; flips with cac at most $90" in told
    assert "no change of one input alone flips the answer" in told


def test_it_is_said_what_was_not_solved() -> None:
    """That no change flips the answer would be claimed of an input of which not all values were looked at."""
    told = compiled("noise(x) > 2 and y > 0", functions={"noise": Function(lambda _: 1, 1)}).explain({"x": 1, "y": 1})
    assert ((), ("x",)) == (told.flips, told.unsolved)
    assert "  not solved for x: a change of it alone may do, too" in str(told).splitlines()
    assert "no change of one input alone" not in str(told)


def test_a_search_that_is_given_up_names_its_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flips that nobody looked for would pass for none."""
    rule = compiled("x > 1 and y > 1 and z*z*z < 9 + z*z")
    values = {"x": 3, "y": 3, "z": 1}
    assert (3, ()) == (len(rule.explain(values).flips), rule.explain(values).unsolved)
    monkeypatch.setattr("decision_os.expr.flips._STEPS", 300)
    told = rule.explain(values)
    assert [flip.name for flip in told.flips] == [name for name in ("x", "y", "z") if name not in told.unsolved]
    assert told.unsolved
    assert f"  not solved for {', '.join(told.unsolved)}: a change of it alone may do, too" in str(told).splitlines()


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(f"min(x,x**8,{n}/x,x+2)*max(x**3,x**2,x*y+7,x-3) > min(x,x**7,1/x,x+9)*max(x**2+{n},x**3,x-4,y+x*x)" for n in (1, 2, 3)),
        "*".join(f"(x-0.{n})" for n in range(10, 60)) + " > y",
        "((x-1e-300)*(x+1e-290)*(x-3e-200))**8 > 1e-200*x*y",
    ],
    ids=["many pieces", "high degree", "tiny coefficients"],
)
def test_what_is_solved_is_bounded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text below every cap would have thousands of polynomials solved."""
    looked = Counter[str]()
    spend = Work.spend

    def counted(work: Work, steps: int) -> None:
        looked["steps"] += steps
        spend(work, steps)

    monkeypatch.setattr(Work, "spend", counted)
    rule, values = compiled(text), {"x": 0.51, "y": 0.3333}
    for flip in rule.explain(values).flips:
        assert flip.answer is rule.evaluate({**values, flip.name: flip.to})
    assert looked["steps"] < 5_000_000
