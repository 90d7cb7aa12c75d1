"""One input from one end of the numbers to the other: the stretches with one answer, and their ends as they are told.

An end is told as the point that was solved, where the answer changes within a billionth of it; otherwise where it really changes, rounded into the
stretch. Nothing is told of a value that was not tried.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.expr import wording
from decision_os.expr.halving import halved
from decision_os.units import Unit

__all__ = ["DOWN", "LARGEST", "UP", "Ask", "End", "Line", "Side", "Stretch", "beside", "changes"]

Ask: TypeAlias = Callable[[float], bool | None]
"""What the whole comes to with the input at a value; None where that is unknown or refused."""

LARGEST: Final = sys.float_info.max

_PROBES: Final = 80

_BESIDE: Final = Fraction(1, 10**9)
"""How far beside a point counts as at it, in units of its leading digit."""

_MORE: Final = range(14)
"""Decimals beyond the usual ones that an end is told with, where the fewer would lie outside the stretch."""

Side: TypeAlias = Literal[-1, 1]
"""Where a stretch lies from one of its ends: below it (-1) or above it (1)."""

UP: Final[Side] = 1
DOWN: Final[Side] = -1


@attrs.frozen
class _Sample:
    """A value that was tried, and the answer there."""

    at: float
    answer: bool | None


@attrs.frozen
class Stretch:
    """Neighbouring samples with one answer, and the samples with another one before and after them, where there are."""

    samples: tuple[_Sample, ...]
    before: _Sample | None
    after: _Sample | None

    @property
    def answer(self) -> bool | None:
        """The one answer."""
        return self.samples[0].answer

    @property
    def low(self) -> float:
        """The lowest value tried."""
        return self.samples[0].at

    @property
    def high(self) -> float:
        """The highest value tried."""
        return self.samples[-1].at

    def between(self, value: float) -> bool:
        """Whether a value lies between the neighbours, where the answer is another."""
        return (self.before is None or self.before.at < value) and (self.after is None or value < self.after.at)


@attrs.frozen
class End:
    """An end of a stretch as it is told: `at` belongs to it where `closed`, `to` is the value nearest to it that does.

    `exact` says that `at` is shown with every digit.
    """

    at: float
    to: float
    closed: bool = True
    exact: bool = False


@attrs.frozen
class Line:
    """The values of one input; `now` is what it is, None where that is unknown."""

    now: float | None
    ask: Ask
    marks: tuple[float, ...]
    """Where the answer can change on paper, in order."""
    unit: Unit | None

    def stretches(self, current: bool | None) -> list[Stretch]:
        """All of them from the lowest to the highest; `current` is the answer now."""
        places = sorted({*self.marks, *(() if self.now is None else (self.now,))})
        between = [_between(low, high) for low, high in pairwise([-math.inf, *places, math.inf])]
        every = sorted({*places, *(value for value in between if value is not None)})
        samples = [_Sample(at, current if at == self.now else self.ask(at)) for at in every]
        groups = [tuple(group) for _, group in groupby(samples, key=lambda sample: sample.answer)]
        befores = [None, *(group[-1] for group in groups[:-1])]
        afters = [*(group[0] for group in groups[1:]), None]
        return [Stretch(*each) for each in zip(groups, befores, afters, strict=True)]

    # the ends of a stretch

    def end(self, stretch: Stretch, side: Side) -> End | None:
        """An end of a stretch; none where it goes on to the end of the numbers."""
        outside, inside = (stretch.before, stretch.samples[0]) if side == UP else (stretch.after, stretch.samples[-1])
        if outside is None:
            return None
        mark = self.mark(outside.at, inside.at)
        if mark is not None:
            beyond = beside(mark, -side)
            at_mark = side * (outside.at - beyond) >= 0 or self.ask(beyond) != stretch.answer
            named = wording.shown(mark, self.unit)
            if at_mark and named is not None:
                if self.holds(stretch, named):
                    return End(named, named)
                if self.holds(stretch, within := beside(named, side)):
                    return End(named, within, closed=False)
            if at_mark and (end := self.rounded(stretch, side, mark)) is not None:
                return end
        start = halved(outside.at, inside.at, lambda value: self.ask(value) != stretch.answer)[1]
        return self.rounded(stretch, side, start) or End(start, start, exact=True)

    def mark(self, outside: float, inside: float) -> float | None:
        """The solved point at which the answer changes between two neighbouring samples: one of them, or one that rounding lets it change beside."""
        for sample in (inside, outside):
            place = bisect_left(self.marks, sample)
            for mark in self.marks[max(0, place - 1) : place + 1]:
                if mark == sample or abs(Fraction(mark) - Fraction(sample)) <= abs(Fraction(beside(mark, UP)) - Fraction(mark)):
                    return mark
        return None

    def rounded(self, stretch: Stretch, side: Side, start: float) -> End | None:
        """The end as the first decimal in the stretch, with as few places as there can be."""
        for more in _MORE:
            value = wording.inward(start, self.unit, upwards=side == UP, more=more)
            if self.holds(stretch, value):
                return End(value, value, exact=wording.shown(value, self.unit) != value)
        return End(start, start, exact=True) if self.holds(stretch, start) else None

    def holds(self, stretch: Stretch, value: float) -> bool:
        """Whether a value belongs to a stretch."""
        return stretch.between(value) and self.ask(value) == stretch.answer

    # what is told of it

    def told(self, stretch: Stretch) -> tuple[str, End | None, End | None]:
        """A stretch in words, and its two ends; one value has both ends at it."""
        low = high = self.point(stretch)
        if low is None:
            low, high = self.end(stretch, UP), self.end(stretch, DOWN)
            if low is not None and high is not None and low.at >= high.at:
                low = high = attrs.evolve(low, at=low.to, closed=True, exact=wording.shown(low.to, self.unit) != low.to)
        if low is not None and low is high:
            return f"equal to {self.words(low)}", low, high
        parts = []
        if low is not None:
            parts.append(f"{'at least' if low.closed else 'above'} {self.words(low)}")
        if high is not None:
            parts.append(f"{'at most' if high.closed else 'below'} {self.words(high)}")
        if self.now is not None and stretch.high <= self.now:
            parts.reverse()
        return " and ".join(parts) or "known", low, high

    def point(self, stretch: Stretch) -> End | None:
        """The one value that a stretch is about, where it holds no more than the rounding beside it."""
        mark = stretch.samples[0].at
        if stretch.low != stretch.high or self.mark(mark, mark) != mark or any(self.holds(stretch, beside(mark, side)) for side in (UP, DOWN)):
            return None
        named = wording.shown(mark, self.unit)
        return End(mark, mark, exact=True) if named is None or not self.holds(stretch, named) else End(named, named)

    def words(self, end: End) -> str:
        """An end's value in words."""
        return wording.value(end.at, self.unit, exact=end.exact)


def _between(low: float, high: float) -> float | None:
    """A value between two, any of which may be infinite; nothing where none is left."""
    if math.isinf(low) and math.isinf(high):
        return 0.0
    if math.isinf(low):
        found = max(high - max(1.0, abs(high)), -LARGEST)
    elif math.isinf(high):
        found = min(low + max(1.0, abs(low)), LARGEST)
    else:
        found = low / 2 + high / 2 if math.isinf(high - low) else low + (high - low) / 2
    return found if low < found < high else None


def beside(value: float, side: Side) -> float:
    """A billionth of a value's size away from it, as a decimal."""
    size = Fraction(10) ** math.floor(math.log10(abs(value))) if value else 1
    found = Fraction(repr(value)) + side * size * _BESIDE
    return float(min(max(found, -Fraction(LARGEST)), Fraction(LARGEST)))


def changes(now: float, ask: Ask) -> Iterator[float]:
    """Where the answer changes, going outwards from a value by steps that double, and halved down to neighbouring floats: for what is not solved."""
    here = ask(now)
    for sign in (-1.0, 1.0):
        near, step = now, sign * max(abs(now), 1.0) * 1e-6
        for _ in range(_PROBES):
            far = now + step
            if not math.isfinite(far):
                break
            if ask(far) != here:
                yield from halved(near, far, lambda value: ask(value) == here)
                break
            near, step = far, step * 2
