"""Values and edges in words: a number that is not shown in full is rounded to the side on which what is said of it holds."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction
from typing import Final

from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import Bounded
from decision_os.units import Unit, format_value
from decision_os.values import Scalar

__all__ = ["WORDS", "bound", "inward", "shortest", "shown", "value"]

WORDS: Final = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "==": "equal to", "!=": "other than"}

_NOISE: Final = 1e-12
"""A number that is so near to one with few decimals, relatively, is shown as that."""


def value(given: Scalar, unit: Unit | None, *, exact: bool = False) -> str:
    """A value as a sentence names it; with `exact` every digit of a number."""
    match given:
        case bool():
            return "true" if given else "false"
        case int() | float():
            return format_value(float(given), unit, exact=exact)
        case str():
            return f'"{given}"'
        case dt.date():
            return given.isoformat()
        case _:
            return str(given)


def shown(number: float, unit: Unit | None) -> float | None:
    """The number that the words for this one name; nothing where digits were dropped for them.

    >>> shown(90.00000000000001, None), shown(100 / 3, None)
    (90.0, None)
    """
    scale = _scale(unit)
    rounded = round(Fraction(number) * scale, _places(number * scale)) / scale
    return float(rounded) if abs(rounded - Fraction(number)) <= _NOISE * abs(number) else None


def shortest(term: Bounded) -> float:
    """The number with the fewest digits that rounding cannot tell from this one: what it comes to on paper.

    >>> shortest((-0.00999999999069, 1e-10)), shortest((0.3, 0.0))
    (-0.01, 0.3)
    """
    number, bound = term
    if abs(number) <= bound:
        return 0.0
    for digits in range(1, 17):
        found = float(f"{number:.{digits}g}")
        # With few digits a number near the largest would be rounded beyond it.
        if math.isfinite(found) and abs(Fraction(found) - Fraction(number)) <= bound:
            return found
    return number


def inward(number: float, unit: Unit | None, *, upwards: bool, more: int = 0) -> float:
    """The next value from this one on that is shown in full; with `more` decimals than are usually shown.

    >>> inward(100 / 3, None, upwards=True), inward(100 / 3, None, upwards=False, more=2)
    (33.3334, 33.333333)
    """
    scale = _scale(unit)
    ten = 10 ** (_places(number * scale) + more)
    exact = Fraction(number) * scale * ten
    return _float(Fraction(math.ceil(exact) if upwards else math.floor(exact), ten * scale))


def bound(op: str, target: Bounded, unit: Unit | None) -> str:
    """What a number has to be to meet `op` against a target, true of the number as it is named.

    >>> bound(">=", (100 / 3, 1e-15), None), bound(">", (100 / 3, 1e-15), None), bound(">", (90.0, 0.0), None)
    ('at least 33.3334', 'at least 33.3334', 'above 90')
    """
    number = target[0]
    named = shown(number, unit)
    if named is not None and arithmetic.compare("==", arithmetic.given(named), target) is True:
        return f"{WORDS[op]} {value(named, unit)}"
    if op in ("==", "!="):
        return f"{WORDS[op]} {value(number, unit, exact=True)}"
    upwards = op in (">", ">=")
    rounded = inward(number, unit, upwards=upwards)
    words = WORDS[">=" if upwards else "<="]
    return f"{words} {value(rounded, unit, exact=shown(rounded, unit) != rounded)}"


def _float(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _scale(unit: Unit | None) -> int:
    """Shares are shown as per cents."""
    return 100 if unit is not None and unit.kind else 1


def _places(number: float) -> int:
    """Decimals that a number is shown with."""
    if abs(number) >= 100 or math.isinf(number):
        return 2
    return 4 if abs(number) >= 0.01 or not number else 3 - math.floor(math.log10(abs(number)))
