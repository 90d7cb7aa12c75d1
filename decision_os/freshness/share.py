"""The share of the time in which data was younger than a bound: computed, not sampled.

The age of a source is a sawtooth fixed by its load log: each load makes it fresh for the length of the bound, so the share of a window is the
measure of the union of those stretches, counted in whole microseconds. A source that is loaded in several parts (the tables of a CRM) is as
old as its oldest part: it is fresh where all of them are. Before the first load the age is unknown, and unknown is not fresh.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

from decision_os.errors import InputError
from decision_os.freshness.instants import MICROSECOND, moment

__all__ = ["Stretch", "fresh", "length", "share_fresh", "within"]

Stretch: TypeAlias = tuple[int, int]
"""From an instant up to another, in microseconds since 1970."""


def share_fresh(loads: Iterable[dt.datetime], bound: dt.timedelta, start: dt.datetime, end: dt.datetime) -> Fraction:
    """The exact share of the time from `start` to `end` in which the latest load was younger than `bound`.

    `loads` are aware instants in any order. Time before the first load is not fresh, and no load at all gives 0. Raises `InputError`
    for an instant without a zone, and for a window that has no length.

    >>> day = dt.datetime(2026, 9, 14, tzinfo=dt.UTC)
    >>> share_fresh([day, day + dt.timedelta(hours=12)], dt.timedelta(hours=4), day, day + dt.timedelta(days=1))
    Fraction(1, 3)
    """
    first, last = moment(start, "start"), moment(end, "end")
    if first >= last:
        raise InputError("a window ends after it starts", name="end", hint="give the earlier instant first")
    counted = sorted(moment(load, "loads") for load in loads)
    return Fraction(length(fresh([counted], bound // MICROSECOND, first, last)), last - first)


def fresh(parts: Collection[Sequence[int]], bound: int, start: int, end: int) -> list[Stretch]:
    """The stretches of [start, end) in which every part is younger than the bound, oldest first and apart; `parts` are sorted loads."""
    found: list[Stretch] | None = None
    for loads in parts:
        one = _fresh(loads, bound, start, end)
        found = one if found is None else _both(found, one)
    return found or []


def within(stretches: Iterable[Stretch], start: int, end: int) -> list[Stretch]:
    """What of some stretches lies in [start, end)."""
    return [(max(begin, start), min(stop, end)) for begin, stop in stretches if begin < end and stop > start]


def length(stretches: Iterable[Stretch]) -> int:
    """How long stretches are together."""
    return sum(stop - begin for begin, stop in stretches)


def _fresh(loads: Sequence[int], bound: int, start: int, end: int) -> list[Stretch]:
    """The stretches of one part: [load, load + bound) of each load, joined where the next begins within."""
    relevant = loads[bisect_right(loads, start - bound) : bisect_right(loads, end)]
    found: list[Stretch] = []
    for load, following in pairwise((*relevant, end)):
        begin, stop = max(load, start), min(load + bound, following)
        if begin >= stop:
            continue
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((begin, stop))
    return found


def _both(some: Sequence[Stretch], others: Sequence[Stretch]) -> list[Stretch]:
    """Where two lists of stretches are both."""
    found: list[Stretch] = []
    one = other = 0
    while one < len(some) and other < len(others):
        begin, stop = max(some[one][0], others[other][0]), min(some[one][1], others[other][1])
        if begin < stop:
            found.append((begin, stop))
        if some[one][1] <= others[other][1]:
            one += 1
        else:
            other += 1
    return found
