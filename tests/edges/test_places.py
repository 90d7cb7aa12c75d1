"""The values a decision reads, and the steps in which people count them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from decision_os.edges import Place
from decision_os.units import parse_unit


def place(unit: str | None = None, **more: Any) -> Place:
    """An input `x` of that unit."""
    return Place(name="x", own="x", unit=parse_unit(unit) if unit else None, **more)


@pytest.mark.parametrize(
    ("of", "point", "expected"),
    [
        (place("USD"), Fraction(3), (3.0, 2.99, 3.01, 2.99999999999, 3.00000000001)),
        (place("share"), Fraction("0.995"), (0.995, 0.9949, 0.9951, 0.994999999999, 0.995000000001)),
        (place("ratio"), Fraction("-0.3"), (-0.3, -0.3001, -0.2999, -0.300000000001, -0.299999999999)),
        (place("share", precision=3), Fraction("0.995"), (0.995, 0.994, 0.996)),
        (place("share", precision=3), Fraction("0.9955"), (0.995, 0.996)),
        (place("USD"), Fraction(91, 9), (91 / 9, 10.11, 10.12, 10.1111111111, 10.1111111112)),
        (place("USD"), Fraction(0), (0.0, -0.01, 0.01, -1e-12, 1e-12)),
        (place("count", whole=True), Fraction(30), (30, 29, 31)),
        (place("count", whole=True), Fraction(61, 2), (30, 31)),
    ],
    ids=["money", "a share", "a ratio", "three digits", "between three digits", "no short decimal", "zero", "a count", "between two counts"],
)
def test_the_values_around_a_point(of: Place, point: Fraction, expected: tuple[float, ...]) -> None:
    """A threshold would be tried at a value that nobody measures, or not where it matters."""
    assert expected == of.around(point).every


@pytest.mark.parametrize(
    ("of", "low", "high", "expected"),
    [
        (place("USD"), 90, 100, (91, 99, 1)),
        (place("share"), 0, 1, (1, 9, Fraction(1, 10))),
        (place("share"), Fraction("0.27"), Fraction("0.29"), (271, 289, Fraction(1, 1000))),
        (place("count", whole=True), 29, 31, (30, 30, 1)),
        (place("count", whole=True), 29, 30, None),
        (place("share", precision=2), Fraction("0.27"), Fraction("0.28"), None),
    ],
    ids=["money", "a share", "two points apart", "one count between", "no count between", "no digit between"],
)
def test_round_values_between_two_points(of: Place, low: Fraction, high: Fraction, expected: tuple[int, int, Fraction] | None) -> None:
    """An example would have more digits than it takes to tell it, or be one that the input cannot have."""
    assert expected == of.inside(Fraction(low), Fraction(high))
