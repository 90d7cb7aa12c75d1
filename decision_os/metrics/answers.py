"""A value on its way up from rows to a reading, and the small words that answers are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from decision_os.calendars import Period
from decision_os.metrics.measures import period_from
from decision_os.metrics.places import Key
from decision_os.model import Metric, RuleBook, time_grain
from decision_os.values import Reason, Unknown, Value

__all__ = ["Answer", "Places", "because", "contains", "joined", "oldest", "own_grain", "period_at", "rounded", "withheld"]

_DIGITS: Final = 12
"""Significant digits kept of a value whose contract declares no precision."""

Places = set[tuple[Key, Period | None]]
"""Where a metric has data: members of some dimensions, and a period where it has periods."""


@attrs.frozen(kw_only=True)
class Answer:
    """A value with its n, how old it is, since when its key has data, and which failed tests withhold it."""

    value: Value
    n: int | None = None
    members: int | None = None
    """Among how many its n is dealt, where it is a Gini."""
    loaded_at: dt.datetime | None = None
    valid_until: dt.datetime | None = None
    since: dt.date | None = None
    blocks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each failed test, with the path from where it failed to here."""
    scope: Mapping[str, Value] = attrs.field(factory=dict, hash=False)
    """The inputs of a formula under the names it calls them by: what QA tests may read."""
    span: str | None = None
    """The periods it was worked out over, where they are not those asked for."""


def because(metric: Metric, reason: Reason, detail: str) -> Unknown:
    """An unknown value of that metric."""
    return Unknown.because(reason, metric.id, detail)


def withheld(metric: Metric, reason: Reason, detail: str) -> Answer:
    """An answer that is nothing but an unknown value of that metric."""
    return Answer(value=because(metric, reason, detail))


def rounded(value: Value, precision: int | None) -> Value:
    """A float in its declared precision, or to 12 significant digits, so that equal values are equal whatever engine they come from.

    >>> rounded(0.1 + 0.2, None), rounded(2.675, 1), rounded(-0.0, 2), rounded(3, 2)
    (0.3, 2.7, 0.0, 3)
    """
    if not isinstance(value, float):
        return value
    brought = round(value, precision) if precision is not None else float(f"{value:.{_DIGITS}g}")
    return brought + 0.0  # -0.0 + 0.0 is 0.0


def oldest(moments: Iterable[dt.datetime | None]) -> dt.datetime | None:
    """The earliest of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)


def joined(answers: Sequence[Answer]) -> dict[str, Any]:
    """What several inputs have in common: the oldest load, the earliest end of validity, the earliest data, every failed test."""
    return {
        "loaded_at": oldest(each.loaded_at for each in answers),
        "valid_until": oldest(each.valid_until for each in answers),
        "since": min((each.since for each in answers if each.since), default=None),
        "blocks": tuple(dict.fromkeys(block for each in answers for block in each.blocks)),
    }


def contains(outer: Period, inner: Period) -> bool:
    """Whether a period lies wholly in another.

    >>> from decision_os.calendars import parse_period
    >>> contains(parse_period("2026-09"), parse_period("2026-09-30")), contains(parse_period("2026-09"), parse_period("2026-W36"))
    (True, False)
    """
    return outer.start <= inner.start and inner.end <= outer.end


def own_grain(metric: Metric) -> str:
    """The grain of a metric's periods, or nothing."""
    return (time_grain(metric.period) or "") if metric.period else ""


def period_at(book: RuleBook, day: dt.date, grain: str) -> Period:
    """The period of that grain in which a day lies, by the rule book's fiscal year."""
    return period_from(day, grain, book.fiscal_year_start if grain in ("quarter", "year") else 1)
