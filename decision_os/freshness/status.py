"""Objectives at an instant: the share of the window, the budget and what is left of it, how fast it burns, and when it comes back.

What the log cannot show counts against the promise: before the first load the age is unknown, and unknown is not fresh.

Budget and burn rate are those of error budgets (Beyer et al., *The Site Reliability Workbook*, 2018, chapter 5): the budget is the
time a window may be not fresh, and a burn rate of 1 spends exactly the budget over the window.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

import attrs

from decision_os.errors import Issue, Severity
from decision_os.freshness.instants import MICROSECOND, count, instant, moment
from decision_os.freshness.log import LoadLog, apart
from decision_os.freshness.share import Stretch, fresh, length, within
from decision_os.slo import BurnAlert, FreshnessSLO, spell_duration

__all__ = ["Burn", "FreshnessReport", "FreshnessStatus", "report"]

_LAST: Final = count(dt.datetime.max.replace(tzinfo=dt.UTC))


@attrs.frozen
class Burn:
    """How fast the budget went over one window up to now: 1 spends it exactly over the objective's own window.

    `rate` is the not-fresh share over what the objective allows. An objective of 100 % allows nothing: the rate is 0 where all was
    fresh, and infinite otherwise.
    """

    window: dt.timedelta
    share: Fraction
    rate: float


@attrs.frozen(kw_only=True)
class FreshnessStatus:
    """One objective on one source at one instant.

    `unlogged` is the part of the window before the first load, which counts as not fresh. `budget` is how long the window may be
    not fresh, `spent` how long it was; `left` is below zero once the promise is broken. `exhausted_in` is how long the budget lasts
    if things go on as in the shortest burn window, without credit for what leaves the window: zero where nothing is left, None where
    nothing is being spent.

    `back_at` is the earliest instant at which the promise is kept again if the source is fresh from now on: now, where it is kept; None
    where that lies beyond the calendar. `part` is the part that was loaded longest ago, of a source that has several. `alerts` are
    those that fire.
    """

    slo: FreshnessSLO
    source: str
    share: Fraction
    loaded_at: dt.datetime | None
    age: dt.timedelta | None
    unlogged: dt.timedelta
    spent: dt.timedelta
    burns: tuple[Burn, ...]
    back_at: dt.datetime | None
    part: str = ""
    alerts: tuple[BurnAlert, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the share reaches the objective; exactly is enough."""
        return self.share >= self.slo.objective

    @property
    def fresh(self) -> bool:
        """Whether the source is fresh at this very instant."""
        return self.slo.fresh(self.age)

    @property
    def green(self) -> bool:
        """Whether the promise is kept. One late load spends budget and is no red light: a value too old to use is unknown anyway."""
        return self.met

    @property
    def budget(self) -> dt.timedelta:
        """The not-fresh time the window allows, cut to the microsecond."""
        return math.floor((1 - self.slo.objective) * (self.slo.window // MICROSECOND)) * MICROSECOND

    @property
    def left(self) -> dt.timedelta:
        """What remains of the budget."""
        return self.budget - self.spent

    @property
    def exhausted_in(self) -> dt.timedelta | None:
        """How long the budget lasts at the present burn; see the class."""
        if self.left <= dt.timedelta(0):
            return dt.timedelta(0)
        shortest = min(self.burns, key=lambda burn: burn.window, default=None)
        if shortest is None or shortest.share == 1:
            return None
        lasts = math.floor((self.left // MICROSECOND) / (1 - shortest.share))
        return min(lasts, dt.timedelta.max // MICROSECOND) * MICROSECOND

    def __str__(self) -> str:
        slo = self.slo
        window, bound = spell_duration(slo.window), spell_duration(slo.bound)
        age = "never loaded" if self.age is None else f"loaded {apart(self.age, slo.bound)} ago"
        age += f" ({self.part})" if self.part else ""
        lines = [
            (
                f"{'GREEN' if self.green else 'RED'}  {self.source}: younger than {bound} for {_percent(self.share)} of the last {window}, "
                f"{_percent(slo.objective)} promised ({slo.name})"
            ),
            f"       now: {age}, {'fresh' if self.fresh else 'not fresh'}",
            f"       budget: {spell_duration(self.budget)} may be not fresh, {spell_duration(self.spent)} spent, {self._outlook()}",
            "       burn rate: " + ", ".join(f"{burn.rate:.1f} over {spell_duration(burn.window)}" for burn in self.burns),
        ]
        if not self.met:
            back = "beyond the calendar" if self.back_at is None else f"{self.back_at.isoformat(sep=' ', timespec='minutes')} at the earliest"
            lines.append(f"       back: {back}, if it is fresh from now on")
        lines += [f"       alert: {alert}" for alert in map(_told, self.alerts)]
        if self.unlogged:
            lines.append(f"       the log has no load in the first {spell_duration(self.unlogged)} of the window; that counts as not fresh")
        return "\n".join(lines)

    def _outlook(self) -> str:
        if self.left < dt.timedelta(0):
            return f"overspent by {spell_duration(-self.left)}"
        if not self.left:
            return "nothing left"
        lasts = self.exhausted_in
        return f"{spell_duration(self.left)} left" + (f", gone in {spell_duration(lasts)} at the present burn" if lasts is not None else "")


@attrs.frozen
class FreshnessReport:
    """Every objective on every source it covers, at one instant, with what was odd about the log."""

    at: dt.datetime
    statuses: tuple[FreshnessStatus, ...] = ()
    issues: tuple[Issue, ...] = ()

    def status(self, source: str) -> tuple[FreshnessStatus, ...]:
        """The statuses of one source, one for each objective that covers it; none where no objective does."""
        return tuple(status for status in self.statuses if status.source == source)

    @property
    def green(self) -> bool:
        """Whether every promise is kept; a report without any is not green, since nothing shows that one is."""
        return self.keeps({status.slo.name for status in self.statuses})

    def keeps(self, slos: Collection[str]) -> bool:
        """Whether the promises of the named objectives are kept on every source; an objective without a status here is not."""
        chosen = [status for status in self.statuses if status.slo.name in slos]
        return bool(chosen) and {status.slo.name for status in chosen} == set(slos) and all(status.green for status in chosen)

    def __str__(self) -> str:
        kept = sum(status.green for status in self.statuses)
        count = len(self.statuses)
        head = f"Freshness at {self.at.isoformat(sep=' ', timespec='minutes')}: {kept} of {count} promise{'' if count == 1 else 's'} kept"
        worst_first = sorted(self.statuses, key=lambda status: status.green)
        return "\n".join([head, *map(str, worst_first), *(f"note: {issue.message}" for issue in self.issues)])


def report(
    slos: Iterable[FreshnessSLO],
    log: LoadLog,
    at: dt.datetime,
    *,
    sources: Mapping[str, Iterable[str]] | None = None,
) -> FreshnessReport:
    """How each objective stands at an aware instant, over its own window up to then.

    `sources` says by an objective's name which sources it covers, never loaded ones included; without it every objective covers every
    source of the log. Loads after `at` are ignored and reported as `future-load`. Raises `InputError` for an instant without a zone.

    >>> from decision_os.slo import parse_slo
    >>> at = dt.datetime(2026, 9, 14, 12, 0, tzinfo=dt.UTC)
    >>> log = LoadLog.of({"crm": [at - dt.timedelta(hours=hours) for hours in range(6, 24 * 31, 25)]})
    >>> now = report([parse_slo("P(MetricAge<24h)≥0.98", "metrics")], log, at)
    >>> now.green, now.status("crm")[0].spent
    (False, datetime.timedelta(days=1, seconds=18000))
    >>> print(now)
    Freshness at 2026-09-14 12:00+00:00: 0 of 1 promise kept
    RED  crm: younger than 24h for 95.97% of the last 30d, 98% promised (metrics)
           now: loaded 6h ago, fresh
           budget: 14h 24m may be not fresh, 29h spent, overspent by 14h 36m
           burn rate: 0.0 over 1h, 0.0 over 6h, 2.1 over 24h, 2.1 over 3d, 2.0 over 30d
           back: 2026-09-29 15:36+00:00 at the earliest, if it is fresh from now on
    """
    end = moment(at, "at")
    statuses = tuple(_status(slo, source, log, at) for slo in slos for source in (log.sources if sources is None else sorted(set(sources.get(slo.name, ())))))
    return FreshnessReport(at, statuses, (*log.issues, *(_future(source, late) for source in log.sources if (late := _after(log, source, end)))))


def _status(slo: FreshnessSLO, source: str, log: LoadLog, at: dt.datetime) -> FreshnessStatus:
    parts, end = list(log.parts(source).values()), count(at)
    whole = slo.window // MICROSECOND
    windows = [slo.window, *slo.burn_windows, *(each for alert in slo.alerts for each in (alert.over, alert.and_over))]
    stretches = fresh(parts, slo.bound // MICROSECOND, end - max(windows) // MICROSECOND, end)

    def share(window: dt.timedelta) -> Fraction:
        long = window // MICROSECOND
        return Fraction(length(within(stretches, end - long, end)), long)

    over = share(slo.window)
    not_fresh = 1 - over
    part, loaded_at = log.oldest(source, at)
    # A part never loaded, or loaded first after now, leaves the whole window without a log.
    first = max((loads[0] if loads else end for loads in parts), default=end)
    return FreshnessStatus(
        slo=slo,
        source=source,
        share=over,
        loaded_at=loaded_at,
        age=log.age(source, at),
        unlogged=max(0, min(first, end) - (end - whole)) * MICROSECOND,
        spent=int(not_fresh * whole) * MICROSECOND,
        burns=tuple(Burn(window, share(window), _rate(share(window), slo)) for window in slo.burn_windows),
        back_at=_back(within(stretches, end - whole, end), end, whole, slo),
        part=part if len(parts) > 1 else "",
        alerts=tuple(alert for alert in slo.alerts if _fires(alert, slo, share(alert.over)) and _fires(alert, slo, share(alert.and_over))),
    )


def _rate(share: Fraction, slo: FreshnessSLO) -> float:
    fastest = slo.fastest_burn
    if fastest is None:
        return 0.0 if share == 1 else math.inf
    return float((1 - share) * fastest)


def _fires(alert: BurnAlert, slo: FreshnessSLO, share: Fraction) -> bool:
    """Whether the burn over one window reaches the alert's rate, in exact numbers."""
    return share < 1 and 1 - share >= alert.burn * (1 - slo.objective)


def _told(alert: BurnAlert) -> str:
    return f"{alert.name}: burns at {float(alert.burn):g} or more over {spell_duration(alert.over)} and over {spell_duration(alert.and_over)}"


def _back(stretches: Sequence[Stretch], end: int, window: int, slo: FreshnessSLO) -> dt.datetime | None:
    """When so much of what was not fresh has left the window that the rest is within the budget, fresh from `end` on.

    Going back from now, the budget is filled with the latest of the time that was not fresh; where it is full, the window has to begin.
    """
    room = math.floor((1 - slo.objective) * window)
    stop = end
    for begin, until in reversed([*stretches, (end, end)]):
        gap = stop - until
        if gap > room:
            return _within_calendar(stop - room + window)
        room -= gap
        stop = begin
    gap = stop - (end - window)
    return instant(end) if gap <= room else _within_calendar(stop - room + window)


def _within_calendar(microseconds: int) -> dt.datetime | None:
    return instant(microseconds) if microseconds <= _LAST else None


def _after(log: LoadLog, source: str, end: int) -> list[int]:
    """The loads of a source after an instant, sorted."""
    return sorted({load for loads in log.parts(source).values() for load in loads[bisect_right(loads, end) :]})


def _future(source: str, late: Sequence[int]) -> Issue:
    message = f"loads of `{source}` in the future: {len(late)}, the last {instant(late[-1]).isoformat()}; ignored until then"
    return Issue("future-load", message, severity=Severity.WARNING, hint="check the clock that wrote the log")


def _percent(share: Fraction) -> str:
    """A share in per cent, cut to two places, so that a promise just missed never reads as kept."""
    hundredths = math.floor(share * 10_000)
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + "%"
