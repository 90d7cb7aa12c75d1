"""What is watched after acting: readings over a window of whole periods, pooled, against the forecast or the baseline."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import attrs

from decision_os.calendars import Period, parse_period, period_of, read_duration, zone_of
from decision_os.errors import DecisionOSError, InputError, LifecycleError, nearest
from decision_os.expr import Expression
from decision_os.expr import compile as compile_expression
from decision_os.record import Breach, DecisionRecord, MonitorPlan, MonitorReport, WatchReport, WatchState
from decision_os.values import Cause, Reading, Reason, Unknown, settle

__all__ = ["deadline", "report"]

_DAY: Final = dt.timedelta(days=1)
_GRAINS: Final[Mapping[dt.timedelta, Literal["day", "week"]]] = {_DAY: "day", 7 * _DAY: "week"}
_OF_NONE: Final = frozenset({Reason.MISSING.value, Reason.UNDEFINED.value, Reason.TOO_FEW.value})
"""Why a value of no cases is unknown; all other reasons say nothing of how many there were."""
_NEXT_CYCLE: Final = "next cycle"


def report(record: DecisionRecord, observations: Mapping[str, Any], *, executed: dt.datetime, at: dt.datetime) -> MonitorReport:
    """How everything watched stands at an instant, for an action carried out at `executed`.

    `observations` maps a metric (or the name of what watches it) to its readings: `Reading`s with the `period` each stands for, a day (`2026-10-09`) or a
    week (`2026-W41`) as the plan watches, and `n` where the value is a share or a mean. The window is the whole periods after the one of the action: for
    `14d` the 14 days after that day. Readings of other periods are passed over, except that a condition on `baseline` pools as many whole periods before
    the action. The pooled value is Σ n·x / Σ n where readings carry `n`, else their mean.

    A watch is breached as soon as the pooled value breaks its condition. It is within only if the condition holds and every period that is over has
    a reading; a reading that is absent, unknown, past its `valid_until` or loaded after `at`, and fewer than `min_n`, leave it unknown.
    A reading with `n=0` weighs nothing, unless it is itself unknown for another reason than that there was nothing.

    Raises `InputError` for a name that is not watched, a period of another grain, and two readings of one period.
    """
    if not isinstance(observations, Mapping):
        raise InputError(f"observations are a mapping of names to readings, not a {type(observations).__name__}", name="observations")
    known = {name for plan in record.monitoring for name in (plan.id, plan.metric)}
    for name in observations:
        if name not in known:
            hint = nearest(name, known) or f"watched: {', '.join(sorted(known)) or 'nothing'}"
            raise InputError(f"{record.node} watches no `{name}`", name=name, hint=hint)
    watches = tuple(_Watch(record, plan, observations, executed, at).judged() for plan in record.monitoring)
    states = {watch.state for watch in watches}
    state = next((state for state in (WatchState.BREACHED, WatchState.UNKNOWN) if state in states), WatchState.WITHIN if watches else WatchState.UNKNOWN)
    breached = tuple(watch.id for watch in watches if watch.state is WatchState.BREACHED)
    plan = record.reversal_plan
    breach = Breach(watches=breached, plan=plan.plan, owner=plan.owner, deadline=deadline(record, at)) if breached else None
    return MonitorReport(state=state, watches=watches, breach=breach)


def deadline(record: DecisionRecord, at: dt.datetime) -> dt.datetime:
    """By when a reversal asked for at an instant has to be done: counted from the first breach since all was well, or the first attempt, if there is one.

    `next cycle` is when the next period of the decision begins. Raises `LifecycleError` where the plan names no time that can be read.
    """
    running = _running(record)
    if running is not None:
        return running
    within = record.reversal_plan.within
    if within == _NEXT_CYCLE:
        zone = zone_of(record.terms.zone)
        try:
            grain = parse_period(record.period, record.terms.fiscal_year_start).grain
        except DecisionOSError:
            raise LifecycleError(f"when the next cycle after `{record.period}` begins cannot be told: it is no period of the calendar") from None
        start = period_of(at.astimezone(zone).date(), grain, record.terms.fiscal_year_start).next().start
        return dt.datetime.combine(start, dt.time(), tzinfo=zone).astimezone(dt.UTC)
    length = read_duration(within)
    if length is None:
        raise LifecycleError(f"the reversal plan says within `{within}`, which is neither a duration nor `{_NEXT_CYCLE}`")
    return at.astimezone(dt.UTC) + length


def _running(record: DecisionRecord) -> dt.datetime | None:
    """The deadline that runs already. A report that all is within ends that of a breach; that of an attempt to reverse stays: somebody chose to undo it."""
    due: dt.datetime | None = None
    attempted = False
    for event in record.life:
        if event.reversal is not None:
            due, attempted = due or event.reversal.deadline, True
        elif event.report is not None and event.report.breach is not None:
            due = due or event.report.breach.deadline
        elif event.report is not None and event.report.state is WatchState.WITHIN and not attempted:
            due = None
    return due


@attrs.frozen
class _Pooled:
    """The mean over the periods known, how many they are, their n, and why others are not."""

    value: float | None
    n: int | None
    known: int
    causes: tuple[Cause, ...]


@attrs.frozen
class _Watch:
    """One plan over one set of readings."""

    record: DecisionRecord
    plan: MonitorPlan
    observations: Mapping[str, Any]
    executed: dt.datetime
    at: dt.datetime

    def judged(self) -> WatchReport:
        plan = self.plan
        try:
            condition = _condition(plan.condition, self.record.terms.currency)
            window = self._window()
        except DecisionOSError as error:
            wrong = Cause(plan.metric, Reason.ERROR.value, getattr(error, "message", str(error)))
            return WatchReport(id=plan.id, metric=plan.metric, condition=plan.condition, state=WatchState.UNKNOWN, periods=1, causes=(wrong,), unit=plan.unit)
        readings = self._readings(window[0].grain)
        zone = zone_of(self.record.terms.zone)
        due = [period for period in window if dt.datetime.combine(period.end, dt.time(), tzinfo=zone).astimezone(dt.UTC) <= self.at]
        pooled = self._pooled(due, readings)
        causes = list(pooled.causes)
        scope: dict[str, Any] = {plan.metric: pooled.value, plan.id: pooled.value}
        expected: float | None = None
        if "forecast" in condition.names:
            scope["forecast"] = plan.forecast
            expected = plan.forecast if isinstance(plan.forecast, int | float) else None
            if isinstance(plan.forecast, Unknown):
                causes += [attrs.evolve(cause, name=f"forecast of {plan.metric}", detail=_from(cause, plan.metric)) for cause in plan.forecast.causes]
        if "baseline" in condition.names:
            action = period_of(self.executed.astimezone(zone).date(), window[0].grain)
            before = self._pooled([action.previous(back) for back in range(len(window), 0, -1)], readings)
            expected = scope["baseline"] = before.value
            causes += [attrs.evolve(cause, name=f"baseline of {cause.name}") for cause in before.causes]
        return WatchReport(
            id=plan.id,
            metric=plan.metric,
            condition=plan.condition,
            state=self._state(condition, scope, pooled, causes),
            value=pooled.value,
            n=pooled.n,
            expected=expected,
            known=pooled.known,
            due=len(due),
            periods=len(window),
            first=str(window[0]),
            last=str(window[-1]),
            causes=tuple(dict.fromkeys(causes)),
            unit=plan.unit,
        )

    def _state(self, condition: Expression, scope: Mapping[str, Any], pooled: _Pooled, causes: list[Cause]) -> WatchState:
        plan = self.plan
        if not pooled.known:
            if not causes:
                causes.append(Cause(plan.metric, Reason.MISSING.value, "no whole period has passed since the action"))
            return WatchState.UNKNOWN
        if plan.min_n is not None and (pooled.n is None or pooled.n < plan.min_n):
            told = "n is not given" if pooled.n is None else f"n = {pooled.n:,}"
            causes.append(Cause(plan.metric, Reason.TOO_FEW.value, f"{told}, at least {plan.min_n:,} wanted"))
            return WatchState.UNKNOWN
        answer = condition.evaluate(scope)
        if answer is False:
            return WatchState.BREACHED
        if isinstance(answer, Unknown):
            causes += [cause for cause in answer.causes if not causes or cause.name not in (plan.metric, "forecast", "baseline")]
            return WatchState.UNKNOWN
        return WatchState.UNKNOWN if causes else WatchState.WITHIN

    def _window(self) -> tuple[Period, ...]:
        every, lasts = (read_duration(text) if text else None for text in (self.plan.every or "1d", self.plan.lasts))
        if every is None or every not in _GRAINS or lasts is None or lasts < every or lasts % every:
            raise LifecycleError(f"`{self.plan.every}` for `{self.plan.lasts}` is no window of whole days or weeks, as in `1d` for `14d`")
        zone = zone_of(self.record.terms.zone)
        action = period_of(self.executed.astimezone(zone).date(), _GRAINS[every])
        return tuple(action.next(number) for number in range(1, lasts // every + 1))

    def _readings(self, grain: str) -> dict[Period, Reading]:
        name = self.plan.id if self.plan.id in self.observations else self.plan.metric
        given = self.observations.get(name, ())
        found: dict[Period, Reading] = {}
        for reading in given if isinstance(given, Iterable) and not isinstance(given, str) else (given,):
            if not isinstance(reading, Reading) or not reading.period:
                raise InputError(
                    f"an observation of `{name}` is a Reading that says its period", name=name, hint='as in `Reading(value=0.2, period="2026-10-09")`'
                )
            period = parse_period(reading.period, self.record.terms.fiscal_year_start)
            if period.grain != grain:
                raise InputError(
                    f"`{name}` is watched by the {grain}, and `{reading.period}` is a {period.grain}", name=name, hint=f"give one reading a {grain}"
                )
            if period in found:
                raise InputError(f"`{name}` has two readings for {period}", name=name, hint="give the one that counts")
            found[period] = reading
        return found

    def _pooled(self, periods: Iterable[Period], readings: Mapping[Period, Reading]) -> _Pooled:
        values: list[tuple[float, int | None]] = []
        absent: list[str] = []
        causes: list[Cause] = []
        for period in periods:
            reading = readings.get(period)
            value = self._value(reading) if reading is not None else None
            if reading is None:
                absent.append(str(period))
            elif reading.n == 0 and _says_none(value):
                values.append((0.0, 0))  # nothing happened in that period: it weighs nothing
            elif isinstance(value, Unknown):
                causes += [attrs.evolve(cause, detail=f"{period}{f': {cause.detail}' if cause.detail else ''}") for cause in value.causes]
            elif value is not None:
                values.append((value, reading.n))
        if absent:
            told = f"{', '.join(absent[:3])}{f' and {len(absent) - 3} more' if len(absent) > 3 else ''}"
            causes.insert(0, Cause(self.plan.metric, Reason.MISSING.value, f"no reading for {told}"))
        weights = [n for _, n in values if n is not None]
        if weights and len(weights) < len(values):
            causes.append(Cause(self.plan.metric, Reason.ERROR.value, "some readings say their n and others do not"))
            return _Pooled(None, None, 0, tuple(causes))
        total = sum(weights) if weights else None
        if total == 0:
            causes.append(Cause(self.plan.metric, Reason.TOO_FEW.value, "n = 0"))
            return _Pooled(None, 0, 0, tuple(causes))
        if not values:
            return _Pooled(None, None, 0, tuple(causes))
        mean = sum(value * n for value, n in values if n) / total if total else sum(value for value, _ in values) / len(values)
        return _Pooled(mean, total, len(values), tuple(causes))

    def _value(self, reading: Reading) -> float | Unknown:
        metric = self.plan.metric
        if reading.loaded_at is not None and reading.loaded_at > self.at:
            return Unknown.because(Reason.ERROR, metric, "loaded after it is looked at")
        if reading.valid_until is not None and reading.valid_until < self.at:
            return Unknown.because(Reason.STALE, metric, "its time is over")
        value = settle(reading.value, metric)
        if isinstance(value, Unknown):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"`{metric}` is a number, not {value!r}", name=metric)
        if reading.n is not None and reading.n < 0:
            raise InputError(f"`{metric}` has n = {reading.n}", name=metric, hint="n counts cases")
        return float(value)


def _says_none(value: float | Unknown | None) -> bool:
    """Whether a reading of n = 0 is known to be one: a mean or a share of none has no value, but one that is withheld, or not yet there, may be of some."""
    return not isinstance(value, Unknown) or all(cause.reason in _OF_NONE for cause in value.causes)


def _from(cause: Cause, metric: str) -> str:
    """What a forecast lacked: its own metric, or another input named."""
    return cause.detail if cause.name in ("", metric) else f"{cause.name} is {cause.reason}{f': {cause.detail}' if cause.detail else ''}"


@functools.lru_cache(maxsize=256)
def _condition(text: str, currency: str) -> Expression:
    return compile_expression(text, currency=currency)
