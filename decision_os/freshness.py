"""How fresh the data was: a log of load times and an objective in, an exact share of time and its error budget out.

The age of a source at an instant is the time since its latest load by then: a sawtooth fixed by the load log. The share of a window
in which it stayed below a bound is therefore computed, not sampled: each load makes the source fresh for the length of the bound, and
the share is the measure of the union of those stretches, counted in whole microseconds. Time is elapsed time: all instants are
brought to UTC, so a change of daylight saving neither ages nor rejuvenates anything.

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
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from decision_os.calendars import instant_of, zone_of
from decision_os.errors import DataError, InputError, Issue, Severity
from decision_os.slo import FreshnessSLO, spell_duration
from decision_os.values import Reason, Unknown, settle

__all__ = ["BURN_WINDOWS", "Burn", "FreshnessReport", "FreshnessStatus", "LoadLog", "report", "share_fresh", "stale"]

BURN_WINDOWS: Final = tuple(dt.timedelta(hours=hours) for hours in (1, 6, 24, 72, 720))
"""The windows a burn rate is given for: 1 hour, 6 hours, 1 day, 3 days, 30 days."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


def _count(at: dt.datetime) -> int:
    """Microseconds since 1970 of an aware instant; differences of these are elapsed time in every zone."""
    return (at - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> dt.datetime:
    return _EPOCH + microseconds * _MICROSECOND


def _moment(at: dt.datetime, name: str) -> int:
    if at.utcoffset() is None:
        raise InputError(f"`{name}` is a time without a zone", name=name, hint="give an aware datetime")
    return _count(at)


# --- the load log ------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class LoadLog:
    """When each source was loaded. Made by `LoadLog.of`; `issues` says what was odd about the entries, and harmless."""

    _loads: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict, hash=False)
    issues: tuple[Issue, ...] = ()

    @classmethod
    def of(cls, loads: Mapping[str, object] | Iterable[tuple[str, object]], zone: str | None = None) -> LoadLog:
        """A log from pairs of source and instant, or from a mapping of source to one instant or several.

        An instant is an aware datetime, an ISO 8601 text, or what pandas and NumPy use for one. Entries may come in any order
        (reported as `load-out-of-order`, unless the whole log is newest first), and the same instant twice counts once. A source
        with no instants is a source never loaded.

        An instant without a zone raises `DataError`, unless `zone` says which clock wrote the log; local times that the change of
        daylight saving skips or repeats are refused even then, and so is what is no instant. Raises `NotFoundError` for a `zone`
        that is none.

        >>> log = LoadLog.of([("crm", "2026-09-14T06:00:00Z"), ("crm", "2026-09-13T06:00:00Z")])
        >>> print(log.age("crm", dt.datetime(2026, 9, 14, 10, 30, tzinfo=dt.UTC)), log.issues[0].code)
        4:30:00 load-out-of-order
        """
        clock = zone_of(zone) if zone is not None else None
        entries: dict[str, list[int]] = {}
        if isinstance(loads, Mapping):
            for source, several in loads.items():
                one = isinstance(several, str | dt.date) or not isinstance(several, Iterable)
                entries[source] = [_entry(source, raw, clock) for raw in ([several] if one else several)]  # type: ignore[union-attr]  # `one` tells them apart
        else:
            for source, raw in loads:
                entries.setdefault(source, []).append(_entry(source, raw, clock))
        issues = tuple(issue for source, instants in sorted(entries.items()) for issue in _disorder(source, instants))
        return cls({source: tuple(sorted(set(instants))) for source, instants in sorted(entries.items())}, issues)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources the log names, sorted."""
        return tuple(self._loads)

    def loads(self, source: str) -> tuple[dt.datetime, ...]:
        """The load times of a source in UTC, oldest first; none for a source the log does not name."""
        return tuple(_instant(load) for load in self._loads.get(source, ()))

    def latest(self, source: str, at: dt.datetime) -> dt.datetime | None:
        """The latest load at or before an aware instant, in UTC, or None. Raises `InputError` for an instant without a zone."""
        loads = self._loads.get(source, ())
        upto = bisect_right(loads, _moment(at, "at"))
        return _instant(loads[upto - 1]) if upto else None

    def age(self, source: str, at: dt.datetime) -> dt.timedelta | None:
        """The time since the latest load at or before an aware instant; None where there was none."""
        latest = self.latest(source, at)
        return None if latest is None else at - latest

    def stale(self, source: str, at: dt.datetime, max_age: dt.timedelta) -> Unknown | None:
        """Why a value from this source cannot be used at `at`, or None: see `stale`."""
        return stale(self.latest(source, at), at, max_age)


def _entry(source: str, raw: object, zone: ZoneInfo | None) -> int:
    """One entry of a log in microseconds since 1970."""
    missing = type(raw).__name__ == "NaTType"  # which calls itself a datetime
    if hasattr(raw, "to_pydatetime") and not missing:
        raw = raw.to_pydatetime(warn=False)  # pandas counts nanoseconds; microseconds are what counts here
    shown = f"`{raw}`" if isinstance(raw, str | dt.date) else f"`{raw!r}`"
    where = f"load time {shown} of `{source}`"
    value = raw if isinstance(raw, dt.datetime) and not missing else _read(raw, where)
    if value.utcoffset() is None:
        if zone is None:
            raise DataError(f"{where} has no zone; write the offset (`2026-09-14T06:00:00-04:00`) or name the zone of the log")
        try:
            value = instant_of(value, zone)
        except DataError as error:
            raise DataError(f"load time of `{source}`: {error}") from None
    return _count(value)


def _read(raw: object, where: str) -> dt.datetime:
    text = raw.strip() if isinstance(raw, str) else ""
    try:
        value = dt.datetime.fromisoformat(text) if text else settle(raw)
    except ValueError:  # not ISO 8601; or, of another type, nothing a rule can read (an InputError is a ValueError too)
        raise DataError(f"{where} is not an instant; write it as in `2026-09-14T06:00:00Z`") from None
    if not isinstance(value, dt.datetime) or (text and ":" not in text and "T" not in text.upper()):
        raise DataError(f"{where} is not an instant; write the time of day too, as in `2026-09-14T06:00:00Z`")
    return value


def _disorder(source: str, instants: list[int]) -> Iterable[Issue]:
    late = [later for earlier, later in pairwise(instants) if later < earlier]
    newest_first = len(late) == len(instants) - 1
    if late and not (newest_first and len(late) > 1):
        first = _instant(late[0]).isoformat()
        message = f"loads of `{source}` out of order: {len(late)} of {len(instants)}, the first {first}; put in order"
        yield Issue("load-out-of-order", message, severity=Severity.NOTE)


def stale(loaded_at: dt.datetime | None, at: dt.datetime, max_age: dt.timedelta) -> Unknown | None:
    """Why data loaded then cannot be used at `at`, as an `Unknown` that is stale; None where it can be. Exactly `max_age` old can.

    Data never loaded, and data that claims to be loaded after `at`, have no age that could be trusted: both are stale. Raises
    `InputError` for an instant without a zone.

    >>> at = dt.datetime(2026, 9, 14, 12, 0, tzinfo=dt.UTC)
    >>> print(stale(at - dt.timedelta(hours=31), at, dt.timedelta(hours=24)))
    unknown (stale: loaded 31h ago, at most 24h allowed)
    """
    if loaded_at is None:
        return Unknown.because(Reason.STALE, detail="never loaded")
    age = (_moment(at, "at") - _moment(loaded_at, "loaded_at")) * _MICROSECOND
    if age < dt.timedelta(0):
        return Unknown.because(Reason.STALE, detail=f"loaded {_apart(-age, dt.timedelta(0))} after the time of the decision")
    if age > max_age:
        return Unknown.because(Reason.STALE, detail=f"loaded {_apart(age, max_age)} ago, at most {spell_duration(max_age)} allowed")
    return None


def _apart(duration: dt.timedelta, bound: dt.timedelta) -> str:
    """A duration as short as it can be said without looking like the bound that it passed."""
    short = spell_duration(duration)
    return short if short != spell_duration(bound) else spell_duration(duration, parts=9)


# --- the share of time -------------------------------------------------------------------------------------------------------------


def share_fresh(loads: Iterable[dt.datetime], bound: dt.timedelta, start: dt.datetime, end: dt.datetime) -> Fraction:
    """The exact share of the time from `start` to `end` in which the latest load was younger than `bound`.

    `loads` are aware instants in any order. Time before the first load is not fresh, and no load at all gives 0. Raises `InputError`
    for an instant without a zone, and for a window that has no length.

    >>> day = dt.datetime(2026, 9, 14, tzinfo=dt.UTC)
    >>> share_fresh([day, day + dt.timedelta(hours=12)], dt.timedelta(hours=4), day, day + dt.timedelta(days=1))
    Fraction(1, 3)
    """
    first, last = _moment(start, "start"), _moment(end, "end")
    if first >= last:
        raise InputError("a window ends after it starts", name="end", hint="give the earlier instant first")
    counted = sorted(_moment(load, "loads") for load in loads)
    return Fraction(_fresh(counted, bound // _MICROSECOND, first, last), last - first)


def _fresh(loads: Sequence[int], bound: int, start: int, end: int) -> int:
    """How much of [start, end) the stretches [load, load + bound) of sorted loads cover; each stretch is cut where the next begins."""
    relevant = loads[bisect_right(loads, start - bound) : bisect_right(loads, end)]
    return sum(max(0, min(load + bound, following) - max(load, start)) for load, following in pairwise((*relevant, end)))


# --- the report --------------------------------------------------------------------------------------------------------------------


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
    """

    slo: FreshnessSLO
    source: str
    share: Fraction
    loaded_at: dt.datetime | None
    age: dt.timedelta | None
    unlogged: dt.timedelta
    spent: dt.timedelta
    burns: tuple[Burn, ...]

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
        return math.floor((1 - self.slo.objective) * (self.slo.window // _MICROSECOND)) * _MICROSECOND

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
        lasts = math.floor((self.left // _MICROSECOND) / (1 - shortest.share))
        return min(lasts, dt.timedelta.max // _MICROSECOND) * _MICROSECOND

    def __str__(self) -> str:
        slo = self.slo
        window, bound = spell_duration(slo.window), spell_duration(slo.bound)
        age = "never loaded" if self.age is None else f"loaded {_apart(self.age, slo.bound)} ago"
        lines = [
            (
                f"{'GREEN' if self.green else 'RED'}  {self.source}: younger than {bound} for {_percent(self.share)} of the last {window}, "
                f"{_percent(slo.objective)} promised ({slo.name})"
            ),
            f"       now: {age}, {'fresh' if self.fresh else 'not fresh'}",
            f"       budget: {spell_duration(self.budget)} may be not fresh, {spell_duration(self.spent)} spent, {self._outlook()}",
            "       burn rate: " + ", ".join(f"{burn.rate:.1f} over {spell_duration(burn.window)}" for burn in self.burns),
        ]
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
    burn_windows: Iterable[dt.timedelta] = BURN_WINDOWS,
) -> FreshnessReport:
    """How each objective stands at an aware instant, over its own window up to then.

    `sources` says by an objective's name which sources it covers, never loaded ones included; without it every objective covers every
    source of the log. Loads after `at` are ignored and reported as `future-load`. Raises `InputError` for an instant without a zone
    and for a burn window without a length.

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
    """
    end = _moment(at, "at")
    windows = tuple(burn_windows)
    if any(window <= dt.timedelta(0) for window in windows):
        raise InputError("a burn rate needs time to burn in", name="burn_windows", hint="give durations above zero")
    statuses = tuple(
        _status(slo, source, log, at, windows) for slo in slos for source in (log.sources if sources is None else sorted(set(sources.get(slo.name, ()))))
    )
    return FreshnessReport(at, statuses, (*log.issues, *(_future(log, source, end) for source in log.sources if _after(log, source, end))))


def _status(slo: FreshnessSLO, source: str, log: LoadLog, at: dt.datetime, burn_windows: tuple[dt.timedelta, ...]) -> FreshnessStatus:
    loads, end = log._loads.get(source, ()), _count(at)

    def share(window: dt.timedelta) -> Fraction:
        length = window // _MICROSECOND
        return Fraction(_fresh(loads, slo.bound // _MICROSECOND, end - length, end), length)

    def burn(window: dt.timedelta) -> Burn:
        fresh, allowed = share(window), 1 - slo.objective
        never = 0.0 if fresh == 1 else math.inf
        return Burn(window, fresh, float((1 - fresh) / allowed) if allowed else never)

    length = slo.window // _MICROSECOND
    first = min(loads[0], end) if loads else end
    over = share(slo.window)
    return FreshnessStatus(
        slo=slo,
        source=source,
        share=over,
        loaded_at=log.latest(source, at),
        age=log.age(source, at),
        unlogged=max(0, first - (end - length)) * _MICROSECOND,
        spent=int((1 - over) * length) * _MICROSECOND,
        burns=tuple(burn(window) for window in burn_windows),
    )


def _after(log: LoadLog, source: str, end: int) -> int:
    return len(log._loads[source]) - bisect_right(log._loads[source], end)


def _future(log: LoadLog, source: str, end: int) -> Issue:
    latest = _instant(log._loads[source][-1]).isoformat()
    message = f"loads of `{source}` in the future: {_after(log, source, end)}, the last {latest}; ignored until then"
    return Issue("future-load", message, severity=Severity.WARNING, hint="check the clock that wrote the log")


def _percent(share: Fraction) -> str:
    """A share in per cent, cut to two places, so that a promise just missed never reads as kept."""
    hundredths = math.floor(share * 10_000)
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + "%"
