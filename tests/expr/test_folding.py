"""What is left of an expression in units: read in the scope of the whole, it gives the answer of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from decision_os.errors import ExpressionError
from decision_os.expr import Expression, Function
from decision_os.expr import compile as compiled
from decision_os.values import Unknown

UNITS = dict(
    zip(
        ("age", "wait", "late", "term", "spend", "rate", "fee", "price", "seats", "local", "part", "gain", "times"),
        ("days", "minutes", "hours", "months", "USD", "USD/hour", "USD/day", "USD/seat", "seats", "EUR", "share", "pp", "ratio"),
        strict=True,
    )
)
FUNCTIONS = {"raw": Function(lambda x: x, 1), "days": Function(lambda x: x, ["days"], "days"), "deal": Function(lambda x, y: x + y, ["USD", "hours"], "USD")}
SCOPE: dict[str, Any] = {"units": UNITS, "functions": FUNCTIONS}


@pytest.mark.parametrize(
    ("text", "values", "expression"),
    [
        ("age + wait * 2 > 3d", {"wait": 60}, "age + 120m > 3d"),
        ("late * rate > $100", {"rate": 50}, "late * ($50 / 1h) > $100"),
        ("late * fee > $100", {"fee": 24}, "late * ($24 / 1d) > $100"),
        ("late * fee > $100", {"late": 24}, "24h * fee > $100"),
        ("rate > fee", {"fee": 24}, "rate > $24 / 1d"),
        ("2 * fee > fee + cost", {"fee": 24}, "48 > 24 + cost"),
        ("seats * price > $100", {"price": 50}, "seats * price > $100"),
        ("seats > seats * 2 - used", {"seats": 40}, "40 > 80 - used"),
        ("spend <= price * seats", {"price": 3, "seats": 4}, "spend <= $12"),
        ("term < 2 * term - 1 year", {"term": 24}, "True"),
        ("local > k", {"local": 3}, "3 > k"),
        ("late * k > age", {"k": 3}, "late * k > age"),
        ("late * k > 24h", {"k": 3}, "late * 3 > 24h"),
        ("(age + wait * 2) * k > 5", {"wait": 60}, "(age + wait * 2) * k > 5"),
        ("raw(age + wait) > 5", {"wait": 60}, "raw(age + wait) > 5"),
        ("days(age + wait) > late", {"wait": 60}, "days(age + 60m) > late"),
        ("age + wait", {"wait": 60}, "age + wait"),
        ("age + 2 * wait", {"age": 2}, "2d + 2 * wait"),
        ("part >= gain + 20%", {"gain": 0.02}, "part >= 0.22"),
        ("x in [a, 3] or a > 5", {"x": 7}, "a > 5"),
        ("x not in [a, 3] or a > 5", {"x": 7}, "True"),
        ("x not in [a, 3] and a > 0", {"x": 7}, "a > 0"),
        ("x in [a, b] or a > 5 or b > 5", {"x": 7}, "7 in [a, b] or a > 5 or b > 5"),
        ("s == t", {"s": "a\x00b"}, "s == t"),
        ("s == t", {"s": "a\rb"}, "s == t"),
        ("s == t", {"s": "a\nb"}, '"a\\nb" == t'),
        ("x < y", {"x": 5e-324}, "x < y"),
        ("x < y", {"x": 1.5e22}, "15e21 < y"),
        ("x < y", {"x": 1e300}, "1e300 < y"),
    ],
)
def test_what_is_left(text: str, values: Mapping[str, Any], expression: str) -> None:
    """A number would be read back in another unit than it was folded in, or not be read back at all."""
    found = compiled(text, **SCOPE).residual(values).expression
    assert expression == found
    compiled(found, **SCOPE)


# ── random expressions in units ──────────────────────────────────────────────────────────────────────────────────────────────────


def either(*kinds: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(*kinds)


def joined(form: str, *below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*below).map(lambda parts: form.format(*parts))


def times(depth: int) -> st.SearchStrategy[str]:
    """Durations."""
    leaf = st.sampled_from(("age", "wait", "late", "3d", "90m", "36h", "1.5d"))
    if not depth:
        return leaf
    time, ratio = st.deferred(lambda: times(depth - 1)), st.deferred(lambda: ratios(depth - 1))
    return either(
        leaf,
        leaf,
        joined("({} + {})", time, time),
        joined("({} - {})", time, time),
        joined("{} * {}", ratio, time),
        joined("{} / {}", time, st.sampled_from(("2", "4", "times"))),
        joined("max({}, {})", time, time),
        joined("coalesce({}, {})", time, time),
        joined("days({})", time),
        joined("({} if {} else {})", time, st.deferred(lambda: conditions(depth - 1)), time),
    )


def sums(depth: int) -> st.SearchStrategy[str]:
    """Amounts of money."""
    leaf = st.sampled_from(("spend", "$100", "$0.50", "seats * price"))
    if not depth:
        return leaf
    money, time = st.deferred(lambda: sums(depth - 1)), st.deferred(lambda: times(depth - 1))
    return either(
        leaf,
        joined("{} * rate", time),
        joined("fee * {}", time),
        joined("({} + {})", money, money),
        joined("{} * {}", st.deferred(lambda: ratios(depth - 1)), money),
        joined("deal({}, {})", money, time),
    )


def flows(depth: int) -> st.SearchStrategy[str]:
    """Money per time."""
    leaf = st.sampled_from(("rate", "fee"))
    if not depth:
        return leaf
    return either(leaf, joined("{} / {}", sums(depth - 1), times(depth - 1)), joined("({} + {})", flows(depth - 1), flows(depth - 1)))


def ratios(depth: int) -> st.SearchStrategy[str]:
    """Numbers of no dimension, and of none that is known."""
    leaf = st.sampled_from(("part", "times", "2", "0.5", "k", "m"))
    if not depth:
        return leaf
    time, money = st.deferred(lambda: times(depth - 1)), st.deferred(lambda: sums(depth - 1))
    return either(leaf, joined("({} / {})", time, time), joined("({} / {})", money, money), joined("raw({})", either(time, money)))


def conditions(depth: int) -> st.SearchStrategy[str]:
    """True or false."""
    op = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
    below = max(0, depth - 1)

    def compared(kind: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return either(
            joined("{} {} {}", kind, op, kind),
            joined("{} < {} <= {}", kind, kind, kind),
            joined("{} in [{}, {}]", kind, kind, kind),
            joined("{} not in ({}, {})", kind, kind, kind),
            joined("{} in {} ± 10%", kind, kind),
            joined("{} in {} ± {}", kind, kind, kind),
        )

    leaf = either(compared(times(depth)), compared(sums(depth)), compared(ratios(depth)), compared(flows(depth)), joined("is_missing({})", times(below)))
    if not depth:
        return leaf
    condition = st.deferred(lambda: conditions(depth - 1))
    return either(leaf, leaf, joined("({} and {})", condition, condition), joined("({} or {})", condition, condition), joined("not ({})", condition))


def whole_numbers(names: tuple[str, ...], *, known: bool) -> st.SearchStrategy[dict[str, Any]]:
    number = st.sampled_from((0, 1, 2, 3, 5, 24, 60, 0.5, 0.1, 0.25, -1, 1440))
    return st.fixed_dictionaries(dict.fromkeys(names, number if known else st.none() | number))


def in_scope(text: str) -> Expression | None:
    try:
        return compiled(text, **SCOPE)
    except ExpressionError:
        return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(either(conditions(1), conditions(2), times(2), sums(2)), st.data())
def test_what_is_left_gives_the_answer_of_the_whole(text: str, data: st.DataObject) -> None:
    """A folded number would be in another unit than that in which the text is read."""
    rule = in_scope(text)
    assume(rule is not None and rule.names)
    assert rule is not None
    values = data.draw(whole_numbers(rule.names, known=False))
    found = rule.residual(values)
    left = compiled(found.expression, **SCOPE)
    for _ in range(4):
        filled = {**data.draw(whole_numbers(rule.names, known=True)), **{name: value for name, value in values.items() if value is not None}}
        filled = {name: value for name, value in filled.items() if name in found.names or values[name] is not None}
        whole, answer = rule.evaluate(filled), left.evaluate(filled)
        if isinstance(whole, float) and isinstance(answer, float):
            assert whole == pytest.approx(answer, rel=1e-12, abs=1e-12), found
        elif not isinstance(whole, Unknown):
            assert whole is answer, (text, found)
