"""Metrics that were supplied ready-made: the value at a place, out of the readings that lie in it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import attrs

from decision_os.calendars import Period
from decision_os.metrics.answers import Answer, Places, because, contains, oldest, own_grain, period_at, withheld
from decision_os.metrics.places import Key, Place
from decision_os.metrics.supplied import Supplied
from decision_os.model import Metric, RuleBook
from decision_os.slo import spell_duration
from decision_os.values import Reading, Reason, Unknown, Value, told

__all__ = ["Ready"]

_NESTED: Final = ("day", "month", "quarter", "year")
"""Grains of which each makes up whole periods of the next; weeks do so of nothing."""


class Ready:
    """The supplied metrics, at an instant."""

    def __init__(
        self,
        book: RuleBook,
        supplied: Mapping[str, Supplied],
        at: dt.datetime,
        stale: Callable[[str], Unknown | None],
        loads: Callable[[str], dt.datetime | None],
        rests_on: Callable[[str], Iterable[str]],
    ) -> None:
        self._book, self._supplied, self._at, self._stale, self._loads, self._rests_on = book, supplied, at, stale, loads, rests_on
        self._by_key = {name: _grouped(each) for name, each in supplied.items()}

    def __contains__(self, metric_id: object) -> bool:
        return metric_id in self._supplied

    def answer(self, metric: Metric, place: Place, roll_up: str) -> Answer:
        """The one reading at a place, or several taken together as their metric or `roll_up` says."""
        foreign = [name for name in (*place.dimensions, place.time) if name and name not in metric.dimensions]
        if foreign:
            return withheld(metric, Reason.ERROR, f"as supplied it has no `{foreign[0]}`")
        own = own_grain(metric)
        if place.periods and not _adds_up(own, place.grain):
            return withheld(metric, Reason.ERROR, f"it is supplied by {own}, which does not add up to a {place.grain}")
        of_key = self._of_key(metric, place)
        found: list[Reading] = []
        for asked in place.periods or (None,):
            within = [reading for period, reading in of_key if asked is None or (period is not None and contains(asked, period))]
            if not within:
                where = attrs.evolve(place, periods=(asked,) if asked else ())
                return withheld(metric, Reason.MISSING, f"no value for {where.label(metric)}")
            found += within
        value, n = _together(metric, found, roll_up)
        causes = [value] if isinstance(value, Unknown) else []
        causes += [stale.named(metric.id) for stale in (self._age(metric, reading) for reading in found) if stale is not None]
        return Answer(
            value=Unknown.merged(causes) if causes else value,
            n=n,
            members=found[0].members if len(found) == 1 else None,
            loaded_at=oldest(reading.loaded_at for reading in found) or oldest(map(self._loads, self._rests_on(metric.id))),
            valid_until=oldest(reading.valid_until for reading in found),
            since=min((period.start for period, _ in of_key if period), default=None),
        )

    def places(self, metric: Metric, dimensions: Sequence[str], grain: str) -> Places:
        """Where readings lie, by those dimensions (in their order) and periods of that grain."""
        if any(name not in metric.dimensions for name in dimensions):
            return set()
        at = [metric.dimensions.index(name) for name in dimensions]
        return {
            (tuple(key[index] for index in at), period_at(self._book, period.start, grain) if period and grain else None)
            for key, period in self._supplied[metric.id].cells
        }

    def _of_key(self, metric: Metric, place: Place) -> list[tuple[Period | None, Reading]]:
        """The readings of a key, or of every key that shares the members asked for."""
        wanted, by_key = dict(place.key), self._by_key[metric.id]
        if len(wanted) == len(metric.dimensions):
            return by_key.get(tuple(wanted[name] for name in metric.dimensions), [])
        return [
            each
            for key, readings in by_key.items()
            if all(wanted.get(name, member) == member for name, member in zip(metric.dimensions, key, strict=True))
            for each in readings
        ]

    def _age(self, metric: Metric, reading: Reading) -> Unknown | None:
        """Why a reading is too old to use. Its own `loaded_at` goes before what is known of its source."""
        if reading.valid_until is not None and reading.valid_until < self._at:
            return because(metric, Reason.STALE, f"valid until {told(reading.valid_until)}")
        source = self._book.sources.get(metric.source)
        if reading.loaded_at is not None and reading.loaded_at > self._at:
            return because(metric, Reason.ERROR, f"loaded at {told(reading.loaded_at)}, which is yet to come")
        if reading.loaded_at is None:  # as old as the data it was worked out from, wherever that was done
            return next((late for late in map(self._stale, self._rests_on(metric.id)) if late is not None), None)
        if source is None or source.max_age is None:
            return self._stale(metric.source) if metric.source else None
        if self._at - reading.loaded_at > source.max_age:
            return because(metric, Reason.STALE, f"loaded at {told(reading.loaded_at)}, at most {spell_duration(source.max_age)} old allowed")
        return None


def _grouped(supplied: Supplied) -> dict[Key, list[tuple[Period | None, Reading]]]:
    found: dict[Key, list[tuple[Period | None, Reading]]] = {}
    for (key, period), reading in supplied.cells.items():
        found.setdefault(key, []).append((period, reading))
    return found


def _adds_up(inner: str, outer: str) -> bool:
    """Whether periods of one grain make up whole periods of another (or are of it)."""
    if inner in ("day", outer):
        return True
    return inner in _NESTED and outer in _NESTED and _NESTED.index(inner) < _NESTED.index(outer)


def _together(metric: Metric, found: Sequence[Reading], roll_up: str) -> tuple[Value, int | None]:
    """Several readings as one value, with its n."""
    sizes = [reading.n for reading in found if reading.n is not None]
    n = sum(sizes) if len(sizes) == len(found) else None
    unknowns = [reading.value.named(metric.id) for reading in found if isinstance(reading.value, Unknown)]
    if any(reading.value is None for reading in found):
        unknowns.append(because(metric, Reason.MISSING, "supplied without a value"))
    if unknowns:
        return Unknown.merged(unknowns), n
    if len(found) == 1:
        value: Value = found[0].value
        return value, n
    numbers = [reading.value for reading in found if isinstance(reading.value, int | float)]
    if len(numbers) < len(found):
        return because(metric, Reason.ERROR, f"{len(found)} supplied values that are no numbers cannot be taken together"), n
    aggregate = metric.measure.aggregate if metric.measure is not None else ""
    if aggregate in ("max", "min"):
        return (max(numbers) if aggregate == "max" else min(numbers)), n
    if aggregate in ("count_distinct", "gini"):
        return because(metric, Reason.ERROR, f"{len(found)} supplied values of {aggregate} cannot be taken together"), n
    if roll_up == "mean":
        return math.fsum(numbers) / len(numbers), len(numbers)
    if roll_up == "sum" or aggregate in ("sum", "count"):
        return math.fsum(numbers), n
    if n:  # each is a share or a mean of its n: together they are one of the sum
        return math.fsum(number * size for number, size in zip(numbers, sizes, strict=True)) / n, n
    return because(metric, Reason.ERROR, f"{len(found)} supplied values cannot be taken together without their n, or a binding with `roll_up`"), n
