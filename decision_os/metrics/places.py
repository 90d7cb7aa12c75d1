"""What a value is asked for: the members of its dimensions, and the periods it covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from decision_os.calendars import Period
from decision_os.errors import InputError
from decision_os.model import Binding, Metric

__all__ = ["NONE", "Key", "Place", "spelled"]

NONE = "(none)"
"""The member that rows without one are counted under."""

Key = tuple[str, ...]
"""Members, in the order of the dimensions they are of."""


def spelled(periods: Sequence[Period]) -> str | None:
    """The text of a span of periods, or nothing for all of time.

    >>> from decision_os.calendars import parse_period
    >>> week = parse_period("2026-W28")
    >>> spelled([week]), spelled([week, week.next()]), spelled([])
    ('2026-W28', '2026-W28..2026-W29', None)
    """
    if not periods:
        return None
    first, last = str(periods[0]), str(periods[-1])
    return first if first == last else f"{first}..{last}"


def _ordered(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pairs))


def _by_start(periods: Iterable[Period]) -> tuple[Period, ...]:
    return tuple(sorted(periods, key=lambda period: period.start))


@attrs.frozen(cache_hash=True)  # the key of every memo
class Place:
    """Some dimensions with a member each (those left out are taken together), and periods of one grain (none: all of time).

    `time` is the column that periods are counted by where it is not the metric's own: a cohort's month of acquisition.
    """

    key: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_ordered)
    periods: tuple[Period, ...] = attrs.field(default=(), converter=_by_start)
    time: str = ""

    def __attrs_post_init__(self) -> None:
        if len(self.periods) > 1 and len(grains := sorted({period.grain for period in self.periods})) > 1:
            raise InputError(f"periods of several grains at once: {', '.join(grains)}", name="periods", hint="give periods of one grain")

    @property
    def grain(self) -> str:
        """The grain of the periods, or nothing."""
        return self.periods[0].grain if self.periods else ""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that have a member here, sorted."""
        return tuple(name for name, _ in self.key)

    @property
    def members(self) -> Key:
        """Their members, in the same order."""
        return tuple(member for _, member in self.key)

    def label(self, metric: Metric | None = None) -> str:
        """The place in words, under the metric's own name for its periods.

        >>> Place([("segment", "SMB")]).label()
        'segment=SMB'
        """
        period = spelled(self.periods)
        when = [f"{(metric.period if metric else '') or 'period'}={period}"] if period else []
        return ", ".join([*(f"{name}={member}" for name, member in self.key), *when]) or "all"

    def for_metric(self, metric: Metric) -> Place:
        """The same without periods where the metric has none: its value is of all time."""
        return attrs.evolve(self, periods=()) if self.periods and not metric.period and not self.time else self

    def through(self, metric: Metric, binding: Binding, target: Metric) -> Place:
        """Where an input of `metric` is read for a value asked for here: entries renamed, left out or broadcast as the binding says.

        >>> from decision_os.model import Metric
        >>> cohort = Metric(id="payback", label="", grain=("segment", "cohort_month"))
        >>> margin = Metric(id="cm", label="", grain=("account", "month"))
        >>> Place([("segment", "SMB")]).through(cohort, Binding(input="cm", overall=("segment",)), margin).label()
        'all'
        """
        dropped = {*binding.overall, *binding.allocate}
        key = [(binding.dimensions.get(name, name), member) for name, member in self.key if name not in dropped]
        if metric.period in dropped:
            return Place(key)
        time = self.time
        if metric.period in binding.dimensions:
            renamed = binding.dimensions[metric.period]
            time = "" if renamed == target.period else renamed
        return Place(key, self.periods, time)
