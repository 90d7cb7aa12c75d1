"""The nearest change of one input alone that changes an answer.

The points at which an answer can change are solved (`curves.py`); between two of them it is constant, so one value of each stretch tells all
of it. What is shown was evaluated with the value that is shown.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any, Final, TypeAlias

import attrs

from decision_os.errors import InputError
from decision_os.expr.arithmetic import Context
from decision_os.expr.curves import meetings
from decision_os.expr.tree import Name, Node, Text, walk
from decision_os.units import Unit, format_value
from decision_os.values import Reading, Scalar, Unknown, settle

__all__ = ["Candidates", "Flip", "candidates", "flips", "nearest"]

Answer: TypeAlias = Callable[[Scalar], Any]
"""What the whole comes to with one input at a value; None where that is unknown or refused."""

_PROBES: Final = 80

_ANOTHER: Final = "(another text)"


@attrs.frozen
class Flip:
    """The nearest change of one input, all others as they are, that changes the answer.

    `now` is the input's value (None: unknown), `to` the nearest value at which the answer is `answer`, in `unit`. Where the answer changes only
    beyond an edge, or the edge has no short decimal, `to` is the next value that people would write. `text` says for which values it changes.
    """

    name: str
    now: Scalar | None
    to: Scalar
    answer: Scalar
    text: str
    unit: str = ""

    @property
    def change(self) -> float:
        """How large the change is: relative to the value now, where it is a number other than 0; 1 for what is not a number."""
        match self.now, self.to:
            case bool(), _:
                return 1.0
            case ((int() | float()), (int() | float())):
                size = abs(float(self.to) - float(self.now))
                return size / abs(float(self.now)) if self.now else size
            case _:
                return 1.0

    def __str__(self) -> str:
        return self.text


@attrs.frozen
class Candidates:
    """Values of one input worth trying: numbers at which something changes (all of them where `complete`), texts and dates it is compared with."""

    points: tuple[float, ...] = ()
    complete: bool = True
    texts: tuple[str, ...] = ()
    dates: tuple[dt.date, ...] = ()

    def __or__(self, other: Candidates) -> Candidates:
        return Candidates(
            tuple(sorted({*self.points, *other.points})),
            self.complete and other.complete,
            tuple(dict.fromkeys((*self.texts, *other.texts))),
            tuple(sorted({*self.dates, *other.dates}, key=str)),
        )


def flips(tree: Node, values: Mapping[str, Any], context: Context, evaluate: Callable[[Mapping[str, Any]], Any]) -> tuple[Flip, ...]:
    """For each input of a condition the nearest change of it alone that flips the answer, the smallest change first.

    Where the answer is unknown, what would make it true, and what would make it false.
    """
    found: list[Flip] = []
    for name in dict.fromkeys(node.name for node in walk(tree) if isinstance(node, Name)):

        def answer(value: Scalar, name: str = name) -> bool | None:
            try:
                told = evaluate({**values, name: value})
            except InputError:
                return None
            return told if isinstance(told, bool) else None

        try:
            raw = values[name] if name in values else None  # noqa: SIM401 - as in the compiled evaluator
            now = settle(raw.value if isinstance(raw, Reading) else raw, name)
            told = evaluate(values)
        except InputError:
            continue
        current = told if isinstance(told, bool) else None
        found += nearest(name, None if isinstance(now, Unknown) else now, current, answer, candidates(tree, values, context, name), context.units.get(name))
    return ordered(found)


def ordered(several: Iterable[Flip]) -> tuple[Flip, ...]:
    """The smallest change first; unknown inputs before all, since knowing them changes nothing."""
    return tuple(sorted(several, key=lambda flip: (flip.now is not None, flip.change)))


def candidates(tree: Node, values: Mapping[str, Any], context: Context, name: str) -> Candidates:
    """What the values of one input are compared with, in this tree."""
    solved, complete = meetings(tree, values, context, name)
    texts = [node.value for node in walk(tree) if isinstance(node, Text)]
    given = [raw.value if isinstance(raw, Reading) else raw for raw in (values[other] for other in _names(tree) if other in values and other != name)]
    texts += [value for value in given if isinstance(value, str)]
    dates = [value for value in given if isinstance(value, dt.date)]
    points = sorted({float(point) for point in solved if abs(point) < 10**300})
    return Candidates(tuple(points), complete, tuple(dict.fromkeys(texts)), tuple(dates))


def nearest(name: str, now: Scalar | None, current: Any, answer: Answer, tried: Candidates, unit: Unit | None) -> list[Flip]:
    """The nearest change of one input to another answer than `current`; one for each answer where the input is unknown."""
    match now:
        case bool():
            return list(_listed(name, now, current, answer, (not now,), unit))
        case int() | float():
            return list(_numeric(name, float(now), current, answer, tried, unit))
        case str():
            return list(_listed(name, now, current, answer, (*tried.texts, _other_text(tried.texts)), unit))
        case dt.datetime() | dt.date():
            return list(_dated(name, now, current, answer, tried.dates, unit))
        case dt.timedelta():
            return []
    found = list(_numeric(name, None, current, answer, tried, unit))
    return found or list(
        _listed(name, None, current, answer, (True, False, *tried.texts, *tried.dates, *([_other_text(tried.texts)] if tried.texts else [])), unit)
    )


def _names(tree: Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.name for node in walk(tree) if isinstance(node, Name)))


# ── values of which there are few ────────────────────────────────────────────────────────────────────────────────────────────────


def _other_text(texts: Sequence[str]) -> str:
    other = _ANOTHER
    while other in texts:
        other += "'"
    return other


def _listed(name: str, now: Scalar | None, current: Any, answer: Answer, values: Iterable[Scalar], unit: Unit | None) -> Iterator[Flip]:
    """The first value with each other answer, in the order given."""
    seen = {current, None}
    for value in values:
        told = answer(value)
        if told not in seen:
            seen.add(told)
            words = f"{name} {_to_words(value, now, unit)}{_now(now, unit)}"
            yield Flip(name, now, value, told, words, "" if unit is None else str(unit))
            if now is not None:
                return


def _to_words(value: Scalar, now: Scalar | None, unit: Unit | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_ANOTHER):
        return "any other" if now is None else f"other than {_words(now, unit)}"
    return f"equal to {_words(value, unit)}"


def _dated(name: str, now: dt.date, current: Any, answer: Answer, dates: Iterable[dt.date], unit: Unit | None) -> Iterator[Flip]:
    """Dates change what they are compared with at one another, or a step beyond: a day, or a second of instants."""
    step = dt.timedelta(seconds=1) if isinstance(now, dt.datetime) else dt.timedelta(days=1)
    around = [date + offset for date in (*dates, now) if type(date) is type(now) for offset in (-step, 0 * step, step)]
    try:
        around.sort(key=lambda date: abs(date - now))
    except TypeError:  # instants with and without a zone
        return
    yield from _listed(name, now, current, answer, around, unit)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@attrs.frozen
class _Stretch:
    """Neighbouring values with one answer: from one end to the other (infinite where it has none), ends included or not."""

    low: float
    high: float
    low_closed: bool
    high_closed: bool
    inside: float
    answer: Any


def _numeric(name: str, now: float | None, current: Any, answer: Answer, tried: Candidates, unit: Unit | None) -> Iterator[Flip]:
    marks = list(tried.points)
    if not tried.complete:
        marks = sorted({*marks, *_probed(1.0 if now is None else now, answer)})
    stretches = list(_stretches(marks, now, answer))
    if now is not None:
        found = [
            (abs(to - now), flip)
            for stretch in stretches
            if stretch.answer not in (None, current)
            and not stretch.low < now < stretch.high  # the value itself is beyond what can be computed there: where that begins is not solved
            and (to := _edge(stretch, now, answer, unit)) is not None
            for flip in (_flip(name, now, to, stretch, unit, alone=_alone(stretches, now)),)
        ]
        yield from [flip for _, flip in sorted(found, key=lambda pair: pair[0])[:1]]
        return
    seen = {current, None}
    for stretch in sorted(stretches, key=lambda stretch: stretch.low == stretch.high):  # a range before a single value
        if stretch.answer in seen:
            continue
        seen.add(stretch.answer)
        to = stretch.inside
        for start in (stretch.low, stretch.high):
            if (
                math.isfinite(start)
                and (edge := _edge(stretch, math.nextafter(start, start - 1 if start == stretch.low else start + 1), answer, unit)) is not None
            ):
                to = edge
                break
        yield _flip(name, None, to, stretch, unit, alone=False)


def _alone(stretches: Sequence[_Stretch], now: float) -> bool:
    """Whether the answer now holds at this one value only."""
    return any(stretch.low == stretch.high == now for stretch in stretches)


def _stretches(marks: Sequence[float], now: float | None, answer: Answer) -> Iterator[_Stretch]:
    if not marks:
        inside = 0.0 if now is None else now
        yield _Stretch(-math.inf, math.inf, False, False, inside, answer(inside))
        return
    ends = [-math.inf, *marks, math.inf]
    cells: list[_Stretch] = []
    for index, (low, high) in enumerate(pairwise(ends)):
        if index:
            cells.append(_Stretch(low, low, True, True, low, answer(low)))
        inside = _between(low, high)
        cells.append(_Stretch(low, high, False, False, inside, answer(inside)))
    for _, group in groupby(cells, key=lambda cell: cell.answer):
        several = list(group)
        first, last = several[0], several[-1]
        yield _Stretch(first.low, last.high, first.low_closed, last.high_closed, several[len(several) // 2].inside, first.answer)


def _between(low: float, high: float) -> float:
    if math.isinf(low):
        return high - max(1.0, abs(high))
    return low + max(1.0, abs(low)) if math.isinf(high) else low + (high - low) / 2


def _edge(stretch: _Stretch, now: float, answer: Answer, unit: Unit | None) -> float | None:
    """The value of a stretch that is nearest to `now`, as people would write it."""
    upwards = stretch.low >= now
    edge, closed = (stretch.low, stretch.low_closed) if upwards else (stretch.high, stretch.high_closed)
    tried: list[float] = []
    if not _short(edge, unit):
        tried.append(_inward(edge, unit, upwards=upwards))
    if closed:
        tried.append(edge)
    size = 10.0 ** math.floor(math.log10(abs(edge))) if edge else 1.0
    sign = 1 if upwards else -1
    tried += [float(Fraction(repr(edge)) + sign * Fraction(repr(size)) / 10**places) for places in range(9, 0, -1)]
    tried += [math.nextafter(edge, sign * math.inf), stretch.inside]
    return next((value for value in tried if stretch.low <= value <= stretch.high and answer(value) == stretch.answer), None)


def _probed(now: float, answer: Answer) -> Iterator[float]:
    """Where the answer changes, going outwards from a value by steps that double, and halved down to neighbouring floats: for what is not solved."""
    here = answer(now)
    for sign in (-1.0, 1.0):
        near, step = now, sign * max(abs(now), 1.0) * 1e-6
        for _ in range(_PROBES):
            far = now + step
            if not math.isfinite(far):
                break
            if answer(far) != here:
                yield from _halved(near, far, here, answer)
                break
            near, step = far, step * 2


def _halved(near: float, far: float, here: Any, answer: Answer) -> tuple[float, float]:
    while True:
        middle = near + (far - near) / 2
        if middle in (near, far):
            return near, far
        if answer(middle) == here:
            near = middle
        else:
            far = middle


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _flip(name: str, now: float | None, to: float, stretch: _Stretch, unit: Unit | None, *, alone: bool) -> Flip:
    text = f"{name} {_range_words(stretch, now, to, unit, alone=alone)}{_now(now, unit)}"
    return Flip(name, now, to, stretch.answer, text, "" if unit is None else str(unit))


def _range_words(stretch: _Stretch, now: float | None, to: float, unit: Unit | None, *, alone: bool) -> str:
    if alone and now is not None:
        return f"other than {_words(now, unit)}"
    if stretch.low == stretch.high:
        return f"equal to {_words(to, unit)}"
    low = high = ""
    if math.isfinite(stretch.low):
        near = now is not None and stretch.low >= now and not _short(stretch.low, unit)
        low = f"{'at least' if stretch.low_closed or near else 'above'} {_words(to if near else stretch.low, unit)}"
    if math.isfinite(stretch.high):
        near = now is not None and stretch.high <= now and not _short(stretch.high, unit)
        high = f"{'at most' if stretch.high_closed or near else 'below'} {_words(to if near else stretch.high, unit)}"
    parts = [part for part in ((high, low) if now is not None and stretch.high <= now else (low, high)) if part]
    return " and ".join(parts) or "known"


def _words(value: Scalar, unit: Unit | None) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return format_value(float(value), unit)
        case str():
            return f'"{value}"'
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


def _now(now: Scalar | None, unit: Unit | None) -> str:
    return "" if now is None else f" (now {_words(now, unit)})"


def _scale(unit: Unit | None) -> int:
    """Shares are shown as per cents."""
    return 100 if unit is not None and unit.kind else 1


def _places(shown: float) -> int:
    """Decimals that a number is shown with."""
    if abs(shown) >= 100:
        return 2
    return 4 if abs(shown) >= 0.01 or not shown else 3 - math.floor(math.log10(abs(shown)))


def _short(value: float, unit: Unit | None) -> bool:
    shown = value * _scale(unit)
    return abs(round(shown, _places(shown)) - shown) <= 1e-12 * abs(shown)


def _inward(value: float, unit: Unit | None, *, upwards: bool) -> float:
    """The next value that is shown in full."""
    scale = _scale(unit)
    ten = 10 ** _places(value * scale)
    exact = Fraction(value) * scale * ten
    return float(Fraction(math.ceil(exact) if upwards else math.floor(exact), ten * scale))
