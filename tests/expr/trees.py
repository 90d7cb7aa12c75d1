"""Random trees of the language, for every law that must hold over all of them.

Numbers `a b c d`, a text `s`, a truth `flag`; the literals sit on the boundaries where floats and notation go wrong. Every tree
can be written down and read back: chains run one way, and an interval between two literals holds something.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
from hypothesis import strategies as st

from decision_os.expr.tree import (
    Arithmetic,
    Around,
    Call,
    Choice,
    Comparison,
    Interval,
    Logic,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Number,
    SetOf,
    Text,
    Truth,
    with_children,
)
from decision_os.units import PERCENT, PP, Unit, parse_unit
from decision_os.values import Reason, Unknown

NUMBER_NAMES = ("a", "b", "c", "d")
TEXT_NAME = "s"
TRUTH_NAME = "flag"

BOUNDARIES = (
    *("0", "1", "2", "3", "5", "7", "10", "100", "0.1", "0.2", "0.3", "0.02", "0.27", "0.29", "0.9", "1.2", "0.995", "0.5", "1.5"),
    *("-1", "-0.3", "-0.1", "-7", "1e-6", "1e-12", "1e6", "1000000.01", "123456.789", "9007199254740991", "1e15", "1e22", "1e-300", "1e300"),
)
AWKWARD = (
    *(True, False, "won", "3", Decimal("0.3"), Decimal("1e400"), Decimal("NaN"), float("nan"), math.inf, -math.inf, -0.0, 5e-324, 1.7e308),
    *(2**53, 2**53 + 1, 10**400, Fraction(1, 3), [1.0], b"1", Unknown.because(Reason.STALE, "", "an hour")),
)
"""Values of a kind nobody expects."""

TEXTS = ("won", "lost", "", 'a "quoted" \\ text', "two\nlines", "tab\there", "naïve", "and")
MONEY, HOURS, DAYS, MONTHS = parse_unit("USD"), parse_unit("hours"), parse_unit("days"), parse_unit("months")


def literal(text: str, unit: Unit | None = None) -> Number:
    """The number that a text means; a per cent and points are given as they are held (0.05)."""
    exact = Fraction(text)
    return Number(float(exact), exact, unit)


def numbers(*, units: bool = True) -> st.SearchStrategy[Number]:
    """Literal numbers at the boundaries; with `units`, some as per cents, points, money and durations."""
    bare = st.sampled_from(BOUNDARIES).map(literal)
    small = st.builds(lambda whole, places: literal(f"{whole}e-{places}"), st.integers(-1000, 1000), st.integers(0, 4))
    plain = bare | small
    if not units:
        return plain
    parts = st.builds(lambda whole, unit: literal(f"{whole}e-4", unit), st.integers(-500, 500), st.sampled_from((PERCENT, PP)))
    others = st.builds(literal, st.sampled_from(BOUNDARIES[:26]), st.sampled_from((MONEY, HOURS, DAYS, MONTHS)))
    return plain | plain | parts | others


def numeric(depth: int = 3, *, units: bool = True) -> st.SearchStrategy[Node]:
    """Trees whose value is a number."""
    leaf: st.SearchStrategy[Node] = st.sampled_from(NUMBER_NAMES).map(Name) | numbers(units=units)
    if depth <= 0:
        return leaf
    below = st.deferred(lambda: numeric(depth - 1, units=units))
    condition = st.deferred(lambda: boolean(depth - 1, units=units))
    arithmetic = st.builds(Arithmetic, st.sampled_from("+-*/"), below, below)
    several = st.lists(below, min_size=2, max_size=3).map(tuple)
    call = (
        st.builds(Call, st.sampled_from(("min", "max", "coalesce")), several)
        | st.builds(Call, st.just("abs"), st.tuples(below))
        | st.builds(Call, st.just("clip"), st.tuples(below, below, below))
    )
    return leaf | arithmetic | arithmetic | st.builds(Negative, below) | call | st.builds(Choice, condition, below, below)


def boolean(depth: int = 3, *, units: bool = True) -> st.SearchStrategy[Node]:
    """Trees that are true, false or unknown."""
    below = st.deferred(lambda: numeric(depth - 1, units=units))
    compared = _comparisons(below) | _memberships(below, units=units) | _text_tests()
    if depth <= 0:
        return compared | st.just(Name(TRUTH_NAME)) | st.booleans().map(Truth)
    condition = st.deferred(lambda: boolean(depth - 1, units=units))
    several = st.lists(condition, min_size=2, max_size=3).map(tuple)
    logic = st.builds(Logic, st.sampled_from(("and", "or")), several)
    missing = st.builds(lambda inner: Call("is_missing", (inner,)), below)
    return compared | compared | logic | logic | st.builds(Not, condition) | missing | st.builds(Choice, condition, condition, condition)


def mixed(depth: int = 3, *, units: bool = True) -> st.SearchStrategy[Node]:
    """Trees of either kind."""
    return numeric(depth, units=units) | boolean(depth, units=units)


def ranges(below: st.SearchStrategy[Node], *, units: bool = True) -> st.SearchStrategy[Node]:
    """Intervals, `centre ± spread` and sets of numbers: what stands to the right of `in`."""
    sets = st.lists(numbers(units=units), min_size=1, max_size=3).map(lambda items: SetOf(tuple(items)))
    spread = st.sampled_from(("0.05", "0", "0.1", "3")).flatmap(
        lambda text: st.sampled_from([literal(text)] + ([literal(text, PERCENT), literal(text, PP)] if units else []))
    )
    around = st.builds(
        lambda centre, width: Around(centre, width, relative=isinstance(width, Number) and width.unit == PERCENT), below, spread | _half_widths(below)
    )
    return st.builds(interval, below, below, st.booleans(), st.booleans()) | around | sets


def _comparisons(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    directions = st.sampled_from((("<", "<=", "==", "!="), (">", ">=", "==", "!=")))
    ops = directions.flatmap(lambda allowed: st.lists(st.sampled_from(allowed), min_size=1, max_size=2).map(tuple))
    return ops.flatmap(lambda chain: st.builds(Comparison, below, st.just(chain), st.tuples(*[below] * len(chain))))


def _memberships(below: st.SearchStrategy[Node], *, units: bool) -> st.SearchStrategy[Node]:
    return st.builds(Membership, below, ranges(below, units=units), st.booleans())


def _text_tests() -> st.SearchStrategy[Node]:
    text = st.sampled_from(TEXTS).map(Text)
    either = text | st.just(Name(TEXT_NAME))
    sets = st.lists(text, min_size=1, max_size=3).map(lambda items: SetOf(tuple(items)))
    equal = st.builds(lambda left, op, right: Comparison(left, (op,), (right,)), either, st.sampled_from(("==", "!=")), either)
    return equal | st.builds(Membership, either, sets, st.booleans())


def _half_widths(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return below.map(_absolute).filter(_is_composed)


def _absolute(node: Node) -> Node:
    """The tree without per cents: a half width that is not one number has none."""
    if isinstance(node, Number):
        return attrs.evolve(node, unit=None) if node.unit == PERCENT else node
    node = with_children(node, _absolute)
    return attrs.evolve(node, relative=False) if isinstance(node, Around) else node


def _is_composed(node: Node) -> bool:
    return not isinstance(node, Number)


def interval(low: Node, high: Node, low_closed: bool, high_closed: bool) -> Interval:
    """An interval that the language accepts: between two literals of one unit, from low to high and not empty."""
    if isinstance(low, Number) and isinstance(high, Number):
        low, high = sorted((bare(low), bare(high)), key=lambda end: end.exact)
        if low.exact == high.exact:
            return Interval(low, high)
    return Interval(low, high, low_closed, high_closed)


def bare(number: Number) -> Number:
    """The same number without its unit."""
    return Number(number.value, number.exact)


def inputs(names: tuple[str, ...] = NUMBER_NAMES) -> st.SearchStrategy[dict[str, Any]]:
    """Values for the names of a random tree: boundary numbers, whole and decimal, one in eight of them not there."""
    number = (
        st.sampled_from(BOUNDARIES).map(float)
        | st.integers(-1000, 1000)
        | st.builds(lambda whole, places: float(f"{whole}e-{places}"), st.integers(-1000, 1000), st.integers(0, 4))
    )
    value = number | number | number | number | number | number | number | st.none()
    return st.fixed_dictionaries(
        {
            **dict.fromkeys(names, value),
            TEXT_NAME: st.sampled_from((*TEXTS, None)),
            TRUTH_NAME: st.sampled_from((True, False, None)),
        }
    )
