"""What an unknown answer still needs: held to brute force over small domains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_os.errors import InputError
from decision_os.expr import Expression, Function
from decision_os.expr import compile as compiled
from decision_os.expr.arithmetic import Context
from decision_os.expr.compiler import exact
from decision_os.expr.residual import residual
from decision_os.expr.tree import Node
from decision_os.expr.unparse import unparse
from decision_os.expr.work import Work
from decision_os.values import Reason, Unknown
from tests.expr import oracle, trees

DOMAIN = (-5, 0, 0.5, 2.5, 5)
KNOWN = (1, 2)


@pytest.mark.parametrize(
    ("text", "values", "names", "first", "expression"),
    [
        ("(a > 1 or b > 2) and c > 3", {"c": 1}, "", "", "False"),
        ("(a > 1 or b > 2) and c > 3", {"c": 5}, "a b", "a b", "a > 1 or b > 2"),
        ("(a > 1 or b > 2) and c > 3", {"b": 1}, "a c", "a c", "a > 1 and c > 3"),
        ("(x if c else y) > 3", {}, "c x y", "c", "(x if c else y) > 3"),
        ("(x if c else y) > 3", {"x": 1}, "c y", "c", "(1 if c else y) > 3"),
        ("(x if c else y) > 3", {"c": True}, "x", "x", "x > 3"),
        ("(1 if c else 1) > 0", {}, "c", "c", "(1 if c else 1) > 0"),
        ("1 < a < b", {"a": 2}, "b", "b", "2 < b"),
        ("1 < a < b < c", {"b": 5}, "a c", "a c", "1 < a < 5 < c"),
        ("1 < a < b", {"a": 0}, "", "", "False"),
        ("x in [a, 3]", {"x": 2}, "a", "a", "2 >= a"),
        ("x not in [a, 3]", {"x": 2}, "a", "a", "not 2 >= a"),
        ("x in [a, 3]", {"a": 1}, "x", "x", "x in [1, 3]"),
        ("x in t +/- 5%", {"t": 100}, "x", "x", "x in [95, 105]"),
        ("s in {'won', 'lost'}", {}, "s", "s", 's in {"won", "lost"}'),
        ("a/b > 1", {"a": 1, "b": 0}, "", "", "1 / 0 > 1"),
        ("a/b > 1", {"b": 0}, "", "", "a / 0 > 1"),
        ("a/b > 1", {}, "a b", "a b", "a / b > 1"),
        ("a > 1/d or b > 2", {"d": 0}, "b", "b", "a > 1 / 0 or b > 2"),
        ("coalesce(a, b) > 1", {}, "a", "a", "coalesce(a, b) > 1"),
        ("coalesce(a, b) > 1 and b > 0", {}, "b", "b", "coalesce(a, b) > 1 and b > 0"),
        ("coalesce(a, 2) > 1 and b > 0", {}, "b", "b", "b > 0"),
        ("coalesce(1/a, b) > 1", {}, "b", "b", "coalesce(1 / a, b) > 1"),
        ("is_missing(a) and b > 1", {}, "b", "b", "b > 1"),
        ("(is_missing(a) or b > 1) and c > 1", {}, "c", "c", "c > 1"),
        ("min(a, b, 3) > c/4", {"c": 1}, "a b", "a b", "min(a, b, 3) > 0.25"),
        ("a >= base + 2pp", {"base": 0.27}, "a", "a", "a >= 0.29"),
        ("a*3 >= 1/c", {"c": 3}, "a", "a", "a * 3 >= 1 / 3"),
        ("root(a) > 1 or b > 1", {"b": 0}, "a", "a", "root(a) > 1"),
        ("root(a) > 1 or b > 1", {"a": -1}, "b", "b", "root(-1) > 1 or b > 1"),
        ("flag and not other", {"flag": True}, "other", "other", "not other"),
        ("a + 1", {}, "a", "a", "a + 1"),
    ],
)
def test_residual(text: str, values: Mapping[str, Any], names: str, first: str, expression: str) -> None:
    """A user would be sent to find a number that cannot change the answer, or not be told of one that can."""
    found = compiled(text, functions={"root": Function(math.sqrt, 1)}).residual(values)
    assert (tuple(names.split()), tuple(first.split()), expression) == (found.names, found.first, found.expression)


def test_residual_in_words() -> None:
    """The sentence would say the opposite of the data."""
    rule = compiled("(x if c else y) > 3 and z/w > 1")
    assert "needs c, then as it turns out x and y, to decide (x if c else y) > 3" == str(rule.residual({"z": 2, "w": 1}))
    assert "settled: False" == str(rule.residual({"z": 0, "w": 1}))
    assert "no input settles 1 / 0 > 1: it stays undefined" == str(rule.residual({"c": True, "x": 4, "z": 1, "w": 0}))


def test_residual_keeps_why() -> None:
    """The reason why an input is unknown would be lost on the way."""
    stale = Unknown.because(Reason.STALE, "", "loaded 3 days ago")
    (cause,) = compiled("a > 1 and b > 1").residual({"a": stale, "b": 2}).causes
    assert ("a", "stale", "loaded 3 days ago") == (cause.name, cause.reason, cause.detail)


def test_a_refused_value_is_refused() -> None:
    """A text among numbers would be reported as an input that is still needed."""
    with pytest.raises(InputError, match="does not compare"):
        compiled("a > 1 and b > 1").residual({"a": 2, "b": "much"})


def test_money_and_durations_stay_readable() -> None:
    """A folded price would look like any number."""
    rule = compiled("spend <= budget and age < limit", units={"spend": "USD", "budget": "USD", "age": "hours", "limit": "hours"})
    assert "spend <= $300 and age < 24h" == rule.residual({"budget": 300, "limit": 24}).expression


# ── brute force ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def read_once(draw: st.DrawFn, *, missing: bool) -> str:
    """An expression that reads every input once, whose comparisons can each come out either way over the domain.

    With `missing` it asks what is missing; without, it divides.
    """
    fresh = iter("abcdefghijklmnopqrstuvwxyz")

    def number() -> str:
        return next(fresh)

    def test() -> str:
        kinds: list[Callable[[], str]] = [
            lambda: f"{number()} > 1",
            lambda: f"{number()} in [2, 3]",
            lambda: f"{number()} not in {{0, 5}}",
            lambda: f"{number()} + {number()} >= 3",
            lambda: f"abs({number()}) - {number()} > 0.2",
            lambda: f"0 < {number()} < {number()}",
            lambda: f"{number()} in [{number()}, 3]",
        ]
        kinds += (
            [
                lambda: f"coalesce({number()}, {number()}) > 1",
                lambda: f"is_missing({number()})",
                lambda: f"coalesce({number()}, 1) > 1",
                lambda: f"coalesce(2/{number()}, {number()}) > 1",
            ]
            if missing
            else [lambda: f"2/{number()} > 1", lambda: f"9/{number()} > {number()} + 6"]
        )
        return draw(st.sampled_from(kinds))()

    def condition(depth: int) -> str:
        kind = draw(st.sampled_from(("test", "and", "or", "not", "choice") if depth else ("test",)))
        match kind:
            case "and" | "or":
                return f"({condition(depth - 1)} {kind} {condition(depth - 1)})"
            case "not":
                return f"not ({condition(depth - 1)})"
            case "choice":
                return f"({test()} if {test()} else {condition(0)})"
            case _:
                return test()

    return condition(2) if draw(st.booleans()) else f"{condition(1)} and {condition(1)}"


def settling(rule: Expression, given_values: Mapping[str, Any], unknown: tuple[str, ...]) -> Callable[[tuple[str, ...]], bool]:
    """Whether a set of inputs settles: whatever they are, the answer is known, or nothing else can make it so."""

    @cache
    def answer(values: tuple[Any, ...]) -> bool | None:
        found = rule.evaluate({**given_values, **dict(zip(unknown, values, strict=True))})
        return None if isinstance(found, Unknown) else bool(found)

    def settles(names: tuple[str, ...]) -> bool:
        for values in product(DOMAIN, repeat=len(names)):
            known = dict(zip(names, values, strict=True))
            if answer(tuple(known.get(name) for name in unknown)) is not None:
                continue
            completions = product(*((known[name],) if name in known else (None, *DOMAIN) for name in unknown))
            if any(answer(completion) is not None for completion in completions):
                return False
        return True

    return settles


@pytest.mark.parametrize("missing", [False, True], ids=["dividing", "asking what is missing"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_residual_is_the_smallest_set_that_settles(missing: bool, data: st.DataObject) -> None:
    """A set would leave the answer open for some values, or name an input that nobody needs."""
    rule = compiled(data.draw(read_once(missing=missing)))
    values = {name: data.draw(st.sampled_from((None, *KNOWN)), label=name) for name in rule.names}
    unknown = tuple(name for name in rule.names if values[name] is None)
    found = rule.residual(values)
    if len(unknown) > 4:
        return
    settles = settling(rule, values, unknown)
    smallest = next(size for size in range(len(unknown) + 1) if any(map(settles, combinations(unknown, size))))
    assert settles(found.names), found
    assert smallest == len(found.names), found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees.boolean(3, units=False), trees.inputs(), st.lists(trees.inputs(), min_size=8, max_size=8))
def test_knowing_the_residual_settles_any_tree(tree: Node, values: dict[str, Any], several: list[dict[str, Any]]) -> None:
    """In a tree where an input stands in several places, the set would be too small, or what is left would be another question."""
    text = unparse(tree)
    rule = compiled(text)
    run = exact(rule.tree, Context(text=text))
    values = {name: None if name in "ab" and found in (0, 1, 2, 3, 5) else found for name, found in values.items()}
    found = rule.residual(values)
    left = compiled(found.expression)
    for other in several:
        filled = {**values, **{name: other[name] for name in found.names}}
        if any(filled[name] is None for name in found.names):
            continue
        answer = run(filled)
        try:
            oracle.answer(rule.tree, filled)
        except oracle.TooClose:  # two sides that rounding may make equal: folded, they are nearer to paper
            continue
        if isinstance(answer, Unknown):
            assert not any(cause.name in found.names for cause in answer.causes)
            assert {"undefined"} <= set(answer.reasons), answer
        else:
            assert answer is left.evaluate(filled), found


def test_many_unknowns_take_no_long_search() -> None:
    """Thirty inputs that can stand in for one another would be tried in every combination."""
    text = " and ".join(f"coalesce(a{n}, b{n}) > 1" for n in range(15))
    found = residual(compiled(text).tree, {}, Context(text=text))
    assert tuple(f"a{n}" for n in range(15)) == found.names
    assert not found.least
    assert "(fewer may do: not every set was tried)" in str(found)


def test_a_search_that_is_given_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that is larger than need be would pass for the smallest, or one that does not settle for one that does."""
    rule = compiled("coalesce(a, b, c) > 1 and coalesce(d, e) > c and f > 2")
    whole = rule.residual({})
    assert (("c", "d", "f"), True) == (whole.names, whole.least)
    settles = settling(rule, {}, rule.names)
    for steps in (0, 5, 20, 100):
        monkeypatch.setattr("decision_os.expr.residual.STEPS", steps)
        found = rule.residual({})
        assert not found.least
        assert settles(found.names)


def test_what_is_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten inputs that can stand in for one another, beside many conditions, would each time have all of them looked at anew."""
    looked = Counter[str]()
    spend = Work.spend

    def counted(work: Work, steps: int) -> None:
        looked["steps"] += steps
        spend(work, steps)

    monkeypatch.setattr(Work, "spend", counted)
    tests = [f"coalesce(a{i}, b{i}) > {i}" for i in range(5)] + [f"(c{i}+1)/(d{i}*e{i}) in [{i},f{i}]" for i in range(20)]
    found = compiled(" and ".join(tests)).residual({})
    assert 5 + 80 == len(found.names)
    assert looked["steps"] < 500_000


def test_a_number_at_the_end_of_the_floats() -> None:
    """Fifteen digits of the largest number are more than there is."""
    assert "x < y" == compiled("x < y").residual({"x": 1.7976931348623157e308}).expression
