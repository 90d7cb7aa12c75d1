"""The values a decision reads, each with what its contract says of it: its kind, its range, and the steps in which people count it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.expr import Expression
from decision_os.expr.curves import meetings
from decision_os.expr.tree import Call, Name, Text, walk
from decision_os.model import Metric
from decision_os.plan import Plan
from decision_os.units import Unit
from decision_os.values import Scalar

__all__ = ["ANOTHER_TEXT", "Around", "Kind", "Place", "places"]

Kind: TypeAlias = Literal["number", "truth", "text"]

_DIGITS: Final = 12
"""The significant digits that a reading keeps where its metric declares no precision."""

_STEPS: Final[Mapping[str, Fraction]] = {"share": Fraction(1, 10_000), "pp": Fraction(1, 10_000), "percent": Fraction(1, 10_000)}
_RATIO: Final = Fraction(1, 10_000)
_HUNDREDTH: Final = Fraction(1, 100)

_USUAL: Final = 1000
"""How far from zero, or from the nearer end of its range, the values of an input usually are."""

_USUAL_TIME: Final = 60

_TYPICAL: Final = tuple(Fraction(text) for text in ("100", "10", "1", "0.25", "0.5", "0.1", "1200", "-0.5", "-1"))

ANOTHER_TEXT: Final = "https://example.com/evidence"
"""A text that rules seldom name, and that reads like one people give."""


@attrs.frozen
class Around:
    """Values of one input at a point and beside it, as people write them.

    `at` is the point itself, to the nearest float; None where the input has no such value (a count between two whole numbers). `below` and `above` are its
    neighbours in the input's last digit, `step_below` and `step_above` in the step that people count it in (a cent, a hundredth of a point).
    """

    at: float | None
    below: float
    above: float
    step_below: float
    step_above: float

    @property
    def every(self) -> tuple[float, ...]:
        """All of them, each once: the point, a step off, the last digit off."""
        found = (*(() if self.at is None else (self.at,)), self.step_below, self.step_above, self.below, self.above)
        return tuple(dict.fromkeys(found))


@attrs.frozen(kw_only=True)
class Place:
    """One value that a decision reads: an input, an input at one finer key, or a feed.

    `name` is what conditions call it (`payback@SMB`), `own` and `key` its two parts. `low` and `high` are the ends of its contract's range (None: no
    end), or where its values usually are. `optional` says that a condition asks whether it is missing; `texts` are those it
    is compared with, and another.
    """

    name: str
    own: str
    key: str = ""
    kind: Kind = "number"
    unit: Unit | None = None
    whole: bool = False
    """Whether it counts things, so that only whole numbers are values of it."""
    precision: int | None = None
    valid: Expression | None = None
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(_USUAL)
    optional: bool = False
    texts: tuple[str, ...] = ()

    @property
    def step(self) -> Fraction:
        """The step in which people count it: a hundredth of a point of shares, a cent of money, one of counted things."""
        if self.whole:
            return Fraction(1)
        known = _STEPS.get(self.unit.kind) if self.unit is not None else None
        usual = known or (_RATIO if self.unit is not None and self.unit.dimensionless else _HUNDREDTH)
        return usual if self.precision is None else max(usual, Fraction(1, 10**self.precision))

    def digit(self, near: Fraction) -> Fraction:
        """The worth of its last digit near a value: of the declared precision, or of the 12th significant digit."""
        if self.whole:
            return Fraction(1)
        if self.precision is not None:
            return Fraction(1, 10**self.precision)
        return Fraction(10) ** (math.floor(math.log10(abs(near))) - _DIGITS + 1 if near else -_DIGITS)

    def allows(self, value: object) -> bool:
        """Whether its contract's range holds a value."""
        if self.valid is None:
            return not (self.whole and isinstance(value, int | float) and value < 0)
        return self.valid.evaluate({self.name: value}) is True

    def around(self, point: Fraction) -> Around:
        """The values at a point and beside it. They may lie outside the contract's range: see `allows`.

        >>> Place(name="cac", own="cac").around(Fraction(90)).every
        (90.0, 89.99, 90.01, 89.9999999999, 90.0000000001)
        >>> Place(name="leads", own="leads", whole=True).around(Fraction(61, 2)).every
        (30, 31)
        """
        digit, step = self.digit(point), self.step
        fits = not (self.whole or self.precision is not None) or point % digit == 0
        return Around(
            self.written(point) if fits else None,
            self.written(_below(point, digit)),
            self.written(_above(point, digit)),
            self.written(_below(point, max(step, digit))),
            self.written(_above(point, max(step, digit))),
        )

    def written(self, exact: Fraction) -> float:
        """The number as a caller would give it."""
        return int(exact) if self.whole and exact.denominator == 1 else float(exact)

    @property
    def usual(self) -> tuple[int, int, Fraction]:
        """Round values that it usually has, ends of its range included: the first, the last, as multiples of the unit."""
        low = max(self.low, min(Fraction(-_USUAL), self.high - _USUAL))
        high = min(self.high, max(Fraction(_USUAL), self.low + _USUAL))
        unit = Fraction(1) if self.whole else Fraction(1, 100) if high - low <= 10 else Fraction(1)
        while math.floor(high / unit) - math.ceil(low / unit) < 2 and unit > Fraction(1, 10**_DIGITS):
            unit /= 10
        first, last = math.ceil(low / unit), math.floor(high / unit)
        return first + (not self.allows(self.written(first * unit))), last - (not self.allows(self.written(last * unit))), unit

    @property
    def typical(self) -> tuple[Fraction, ...]:
        """Numbers that people would write first in an example."""
        return tuple(number for number in _TYPICAL if not self.whole or number.denominator == 1)

    def inside(self, low: Fraction | None, high: Fraction | None) -> tuple[int, int, Fraction] | None:
        """The multiples of a round unit that lie strictly between two points: the first, the last, and the unit, the largest that has several.

        Where one point is missing it is the usual end, or well beyond the other point. None where no value lies between.

        >>> Place(name="cac", own="cac").inside(Fraction(90), Fraction("90.5"))
        (901, 904, Fraction(1, 10))
        """
        if low is None:
            low = self.low - 1 if high is None else min(self.low, high - max(abs(high), Fraction(1))) - 1
        if high is None:
            high = max(self.high, low + max(abs(low), Fraction(1))) + 1
        unit = Fraction(1)
        smallest = Fraction(1) if self.whole else self.digit(max(abs(low), abs(high)))
        while True:
            first, last = math.floor(low / unit) + 1, math.ceil(high / unit) - 1
            if last - first >= 2 or (first <= last and unit <= smallest):
                return first, last, unit
            if unit <= smallest:
                return None
            unit /= 10


def _below(point: Fraction, unit: Fraction) -> Fraction:
    return (math.ceil(point / unit) - 1) * unit


def _above(point: Fraction, unit: Fraction) -> Fraction:
    return (math.floor(point / unit) + 1) * unit


# ── of a plan ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def places(plan: Plan, keys: Sequence[str]) -> Iterator[Place]:
    """Every value that a decision's conditions may read; inputs that fan out once for each finer key, or once where there are no keys."""
    optional, texts = _optional(plan), _texts(plan)
    for own, planned in plan.inputs.items():
        metric = planned.metric
        kind: Kind = "text" if metric.text else "truth" if metric.sustained is not None else "number"
        for key in (keys or ("",)) if planned.fans else ("",):
            name = f"{own}@{key}" if key else own
            valid = metric.valid_range.renamed({"value": name}) if metric.valid_range is not None else None
            low, high = _ends(valid, name, metric)
            yield Place(
                name=name,
                own=own,
                key=key,
                kind=kind,
                unit=metric.unit,
                whole=metric.whole,
                precision=metric.precision,
                valid=valid,
                low=low,
                high=high,
                optional=own in optional,
                texts=(*texts, ANOTHER_TEXT) if kind == "text" else (),
            )
    for feed in plan.feeds:
        kind = "truth" if feed == "slo_green" else "number"
        yield Place(name=feed, own=feed, kind=kind, whole=True, high=Fraction(3), optional=feed in optional)


def _ends(valid: Expression | None, name: str, metric: Metric) -> tuple[Fraction, Fraction]:
    """The ends of the valid range; where it has none, what numbers of that unit usually are."""
    kind = metric.unit.kind if metric.unit is not None else ""
    usual = Fraction(_USUAL_TIME if metric.unit is not None and metric.unit.duration else _USUAL)
    low, high = (Fraction(-1), Fraction(1)) if kind == "pp" else (Fraction(0), Fraction(1) if kind else usual)
    if valid is None:
        return low, high
    points, _ = meetings(valid.tree, {}, valid.context, name)
    inside: list[Fraction] = [point for point in (*points, *((one + other) / 2 for one, other in pairwise(points))) if _holds(valid, name, point)]
    if points and _holds(valid, name, points[0] - 1):
        inside.append(min(low, points[0] - 1))
    if points and _holds(valid, name, points[-1] + 1):
        inside.append(max(high, points[-1] + 1))
    every = [*inside, *points]
    return (min(every), max(every)) if every else (low, high)


def _holds(valid: Expression, name: str, point: Fraction) -> bool:
    value: Scalar = float(point)
    return valid.evaluate({name: value}) is True


def _conditions(plan: Plan) -> Iterator[Expression]:
    return (condition.expression for condition in (*plan.pre_checks, *plan.branches))


def _optional(plan: Plan) -> frozenset[str]:
    """The inputs that a condition asks about whether they are missing, or has another value for."""
    calls = [node for expression in _conditions(plan) for node in walk(expression.tree) if isinstance(node, Call)]
    asked = [call for call in calls if call.function in ("is_missing", "coalesce")]
    return frozenset(inner.name for call in asked for inner in walk(call) if isinstance(inner, Name))


def _texts(plan: Plan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.value for expression in _conditions(plan) for node in walk(expression.tree) if isinstance(node, Text)))
