"""The nearest change of one input alone that changes an answer.

The points at which an answer can change on paper are solved (`curves.py`). Between two of them it is constant but for the rounding that a comparison
allows, so one value of each stretch tells all of it (`line.py`). What is shown was evaluated with the value that is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import Any, Final, TypeAlias

import attrs

from decision_os.errors import InputError
from decision_os.expr import arithmetic, wording
from decision_os.expr.arithmetic import Context, Refusal
from decision_os.expr.curves import Curves
from decision_os.expr.line import DOWN, LARGEST, UP, Line, Stretch, beside, changes
from decision_os.expr.tree import Name, Node, Text, walk
from decision_os.expr.work import Spent, Work
from decision_os.units import Unit
from decision_os.values import Reading, Scalar, Unknown, settle

__all__ = ["Flip", "Flips", "flips"]

Answer: TypeAlias = Callable[[Scalar | None], bool | None]
"""What the whole comes to with one input at a value, or missing; None where that is unknown or refused."""

_STEPS: Final = 4_000_000
"""Nodes evaluated, of a tenth of a microsecond or two, after which no more flips are looked for."""

_UNKNOWN: Final = 16
"""So many times as long as a known answer takes one that is unknown, with all its causes."""

_ANOTHER: Final = "(another text)"


@attrs.frozen
class Flip:
    """The nearest change of one input, all others as they are, that changes the answer.

    `now` is the input's value (None: unknown), `to` the nearest value at which the answer is `answer` (None: where it is missing), in `unit`; of a
    duration both are numbers. Where the answer changes only beyond an edge, or the edge has no short decimal, `to` is the next value that people
    would write. `text` says for which values it changes.
    """

    name: str
    now: Scalar | None
    to: Scalar | None
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
class Flips:
    """The flips that were found, and the inputs of which another may exist."""

    found: tuple[Flip, ...] = ()
    unsolved: tuple[str, ...] = ()


@attrs.frozen
class _Tried:
    """Values of one input worth trying: numbers at which something changes (all of them where `complete`), texts and dates it is compared with."""

    points: tuple[float, ...]
    complete: bool
    texts: tuple[str, ...]
    dates: tuple[dt.date, ...]


def flips(tree: Node, values: Mapping[str, Any], context: Context, evaluate: Callable[[Mapping[str, Any]], Any]) -> Flips:
    """For each input of a condition the nearest change of it alone that flips the answer, the smallest change first.

    Where the answer is unknown, what would make it true, and what would make it false. Of the unsolved inputs no flip was found, and not everything
    was tried: a registered function stands in the way, a comparison is too large to be solved, or the whole took more steps than are spent on it.
    """
    nodes = list(walk(tree))
    names = tuple(dict.fromkeys(node.name for node in nodes if isinstance(node, Name)))
    values = {name: values[name] for name in names if name in values}
    given = {name: raw.value if isinstance(raw, Reading) else raw for name, raw in values.items()}
    texts = tuple(dict.fromkeys(node.value for node in nodes if isinstance(node, Text)))
    curves = Curves(tree, values, context)
    work = Work(_STEPS)
    found: list[Flip] = []
    unsolved: list[str] = []
    try:
        told = evaluate(values)
    except InputError:
        return Flips()
    current = told if isinstance(told, bool) else None
    for name in names:

        def answer(value: Scalar | None, name: str = name) -> bool | None:
            work.spend((len(nodes) + 20) * (_UNKNOWN if current is None else 1))
            try:
                told = evaluate({**values, name: value})
            except InputError:
                return None
            return told if isinstance(told, bool) else None

        try:
            now = _now(given.get(name), name, context.units.get(name))
        except (InputError, Refusal):
            continue
        others = [value for other, value in given.items() if other != name]
        solved, complete = curves.meetings(name)
        tried = _Tried(
            points=tuple(sorted({float(point) for point in solved if abs(point) <= LARGEST})),
            complete=complete,
            texts=tuple(dict.fromkeys((*texts, *(value for value in others if isinstance(value, str))))),
            dates=tuple(value for value in others if isinstance(value, dt.date)),
        )
        try:
            several = _nearest(name, now, current, answer, tried, context.units.get(name))
        except Spent:
            several, complete = [], False
        found += several
        if not several and not complete:
            unsolved.append(name)
    return Flips(tuple(sorted(found, key=lambda flip: (flip.now is not None, flip.change))), tuple(unsolved))


def _now(raw: object, name: str, unit: Unit | None) -> Scalar | None:
    """The value of an input, None where it is unknown; a duration as the number that it is in the input's unit."""
    value = settle(raw, name)
    if isinstance(value, dt.timedelta):
        term = arithmetic.read(value, Name(name), unit, settled=True)
        return term[0] if isinstance(term, tuple) else None
    return None if isinstance(value, Unknown) else value


def _nearest(name: str, now: Scalar | None, current: bool | None, answer: Answer, tried: _Tried, unit: Unit | None) -> list[Flip]:
    """The nearest change of one input to another answer than `current`; one for each answer where the input is unknown."""
    match now:
        case bool():
            found = list(_listed(name, now, current, answer, (not now,), unit))
        case int() | float():
            found = list(_numeric(name, float(now), current, answer, tried, unit))
        case str():
            found = list(_listed(name, now, current, answer, (*tried.texts, _other_text(tried.texts)), unit))
        case dt.date():
            found = list(_dated(name, now, current, answer, _dates(now, tried.dates)))
        case _:
            another = [_other_text(tried.texts)] if tried.texts else []
            found = list(_numeric(name, None, current, answer, tried, unit))
            return found or list(_listed(name, None, current, answer, (True, False, *tried.texts, *tried.dates, *another), unit))
    return found or list(_listed(name, now, current, answer, (None,), unit))


# ── values of which there are few ────────────────────────────────────────────────────────────────────────────────────────────────


def _other_text(texts: Sequence[str]) -> str:
    other = _ANOTHER
    while other in texts:
        other += "'"
    return other


def _listed(name: str, now: Scalar | None, current: bool | None, answer: Answer, values: Iterable[Scalar | None], unit: Unit | None) -> Iterator[Flip]:
    """The first value with each other answer, in the order given."""
    seen = {current, None}
    for value in values:
        told = answer(value)
        if told is not None and told not in seen:
            seen.add(told)
            words = f"{name} {_to_words(value, now, unit)}{_now_words(now, unit)}"
            yield Flip(name, now, value, told, words, "" if unit is None else str(unit))
            if now is not None:
                return


def _to_words(value: Scalar | None, now: Scalar | None, unit: Unit | None) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_ANOTHER):
        return "any other" if now is None else f"other than {wording.value(now, unit)}"
    return f"equal to {wording.value(value, unit)}"


def _dated(name: str, now: dt.date, current: bool | None, answer: Answer, dates: Sequence[dt.date]) -> Iterator[Flip]:
    """The nearest date with another answer, and how far beyond it the answer stays that; `dates` are at least one of each stretch, the nearest first."""
    told = {date: answer(date) for date in dates}
    nearest = next((date for date in dates if told[date] not in (current, None)), None)
    if nearest is None:
        return
    flipped = told[nearest]
    beyond = [date for date in dates if (date > now) is (nearest > now) and date != now and abs(date - now) >= abs(nearest - now)]
    stays = list(takewhile(lambda date: told[date] is flipped, beyond))
    near, far = ("at least", "at most") if nearest > now else ("at most", "at least")
    if len(stays) == len(beyond):
        words = f"{near} {nearest.isoformat()}"
    elif stays[-1] == nearest:
        words = f"equal to {nearest.isoformat()}"
    else:
        words = f"{near} {nearest.isoformat()} and {far} {stays[-1].isoformat()}"
    if flipped is not None:
        yield Flip(name, now, nearest, flipped, f"{name} {words}{_now_words(now, None)}")


def _dates(now: dt.date, dates: Iterable[dt.date]) -> list[dt.date]:
    """Dates change what they are compared with at one another, between two of them, or a step beyond: a day, or a second of instants. The nearest first."""
    step = dt.timedelta(seconds=1) if isinstance(now, dt.datetime) else dt.timedelta(days=1)
    alike = [date for date in (*dates, now) if type(date) is type(now)]
    found: list[dt.date] = []
    try:
        marks = sorted(alike)
        found += (one + (other - one) / 2 for one, other in pairwise(marks))
        for mark in marks:
            found += filter(None, (_shifted(mark, offset) for offset in (-step, 0 * step, step)))
        return sorted(found, key=lambda date: abs(date - now))
    except TypeError:  # instants with and without a zone
        return []


def _shifted(date: dt.date, offset: dt.timedelta) -> dt.date | None:
    """A date a step away; nothing beyond the calendar's ends."""
    try:
        return date + offset
    except OverflowError:
        return None


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _numeric(name: str, now: float | None, current: bool | None, answer: Answer, tried: _Tried, unit: Unit | None) -> Iterator[Flip]:
    marks = tried.points if tried.complete else tuple(sorted({*tried.points, *changes(1.0 if now is None else now, answer)}))
    line = Line(now, answer, marks, unit)
    stretches = line.stretches(current)
    told = _unknown(line, current, stretches) if now is None else _known(line, now, stretches)
    for flipped, words, to in told:
        yield Flip(name, now, to, flipped, f"{name} {words}{_now_words(now, unit)}", "" if unit is None else str(unit))


def _unknown(line: Line, current: bool | None, stretches: Sequence[Stretch]) -> Iterator[tuple[bool, str, float]]:
    """The first stretch with each other answer; a range before a single value."""
    seen = {current}
    for stretch in sorted(stretches, key=lambda stretch: line.point(stretch) is not None):
        if stretch.answer is not None and stretch.answer not in seen:
            seen.add(stretch.answer)
            words, low, high = line.told(stretch)
            near = low or high
            yield stretch.answer, words, stretch.samples[len(stretch.samples) // 2].at if near is None else near.to


def _known(line: Line, now: float, stretches: Sequence[Stretch]) -> Iterator[tuple[bool, str, float]]:
    """The nearer of the first stretch below a value and the first above it in which the answer is another."""
    own = next(index for index, stretch in enumerate(stretches) if stretch.low <= now <= stretch.high)
    found: list[tuple[float, bool, str, float]] = []
    for side, several in ((DOWN, stretches[:own][::-1]), (UP, stretches[own + 1 :])):
        stretch = next((stretch for stretch in several if stretch.answer not in (stretches[own].answer, None)), None)
        if stretch is not None and stretch.answer is not None:
            words, low, high = line.told(stretch)
            near = low if side == UP else high
            if near is not None:
                found.append((abs(near.to - now), stretch.answer, words, near.to))
    if found:
        _, answer, words, to = min(found, key=lambda each: each[0])
        if all(line.ask(beside(now, side)) == answer for side in (UP, DOWN)):
            words = f"other than {wording.value(now, line.unit, exact=wording.shown(now, line.unit) is None)}"
        yield answer, words, to


def _now_words(now: Scalar | None, unit: Unit | None) -> str:
    return "" if now is None else f" (now {wording.value(now, unit)})"
