"""The metric store: what a metric is for a key and periods, by its contract, or the reasons why that is unknown.

Values are worked out when asked for, once each. A formula is evaluated on its inputs rolled up to the same place, which makes every ratio a
ratio of sums; nothing is averaged unless a binding says `roll_up: mean`. Whatever a contract withholds (too few, immature, quarantined,
stale, blocked) is an Unknown with that reason, and the unknowns of inputs travel to all that reads them.

The tests of a contract (`min_n`, `maturity`, `valid_range`, `qa_tests`) hold for the value asked for, at the place it is asked for: the CAC
of a month is tested as the CAC of a month, although its contract counts by day.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from decision_os.calendars import Period, trailing_weeks, zone_of
from decision_os.errors import InputError
from decision_os.metrics.answers import Answer, Places, because, contains, joined, own_grain, period_at, rounded, withheld
from decision_os.metrics.computed import Computed
from decision_os.metrics.facts import CheckedRows
from decision_os.metrics.failures import Block, Failures, withholds
from decision_os.metrics.places import NONE, Key, Place, spelled
from decision_os.metrics.ready import Ready
from decision_os.metrics.supplied import read_supplied
from decision_os.model import Baseline, Binding, Metric, RuleBook, Sustained
from decision_os.readonly import read_only
from decision_os.record import Effect
from decision_os.values import Cause, Reading, Reason, Unknown, Value, zoned

__all__ = ["MetricStore", "TableRow"]

_DAY: Final = dt.timedelta(days=1)


@attrs.frozen(kw_only=True)
class TableRow:
    """One value of a metric at its own grain. `value` is None where it is unknown, and `unknown` then says why."""

    metric: str
    key: Mapping[str, str] = attrs.field(converter=read_only, hash=False)
    period: str | None
    value: Any
    unknown: str = ""
    n: int | None = None


class MetricStore:
    """The metrics of a rule book at an instant.

    `checked` are entities after their contract tests, `supplied` metrics computed elsewhere (these go before any computation), `at` an aware
    instant. `stale(source)` says why a source is too old to use, or None; `loads(source)` when it was last loaded; `rests_on(metric)` which sources a
    metric rests on by the rule book's graph, which a value supplied without a load time is as old as.

    Raises `DataError` and `NotFoundError` for supplied values that cannot be read as their contracts declare them, `InputError` for an
    instant without a zone.
    """

    def __init__(
        self,
        book: RuleBook,
        checked: Mapping[str, CheckedRows],
        supplied: Any = None,
        *,
        at: dt.datetime,
        stale: Callable[[str], Unknown | None] | None = None,
        loads: Callable[[str], dt.datetime | None] | None = None,
        rests_on: Callable[[str], Iterable[str]] | None = None,
    ) -> None:
        if at.utcoffset() is None:
            raise InputError("`at` is a time without a zone", name="at", hint="give an aware datetime")
        at = zoned(at)
        self._book, self._at, self._zone = book, at, zone_of(book.zone)
        self._computed = Computed(book, checked, self._zone, stale or _never, loads or _never)
        self._ready = Ready(book, read_supplied(book, supplied, self._zone), at, stale or _never, loads or _never, rests_on or self._declared)
        self._failures = Failures(book)
        self._answers: dict[tuple[str, Place, str], Answer] = {}
        self._wholly_blocked: dict[str, tuple[str, ...]] = {}

    def _declared(self, metric_id: str) -> Iterable[str]:
        """The source that a metric names itself."""
        source = self._book.metrics[metric_id].source
        return (source,) if source else ()

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, metric_id: str, key: Mapping[str, str | None], periods: Sequence[Period] = ()) -> Reading:
        """The metric for a key over the periods together; `value` of the reading may be an Unknown.

        Dimensions the metric does not have are passed over (the coarser value holds for every finer key); dimensions left out of `key` are taken
        together; no periods means all of time. Raises `NotFoundError` for a metric that is none.
        """
        metric = self._book.metric(metric_id)
        members = [(name, NONE if member is None else member) for name, member in key.items() if name in metric.dimensions]
        place = Place(members, periods).for_metric(metric)
        answer = self._answer(metric, place)
        return Reading(
            value=answer.value,
            period=answer.span or spelled(place.periods),
            loaded_at=answer.loaded_at,
            valid_until=answer.valid_until,
            n=answer.n,
            version=metric.version,
            members=answer.members,
        )

    def keys(self, metric_id: str, periods: Sequence[Period] = ()) -> list[Mapping[str, str]]:
        """The keys that have data for a metric in those periods (none: ever), sorted."""
        metric = self._book.metric(metric_id)
        wanted = Place(periods=periods).for_metric(metric)
        places = self._places(metric, metric.dimensions, "", wanted.grain)
        keys = {key for key, period in places if not wanted.periods or period is None or period in wanted.periods}
        return [dict(zip(metric.dimensions, key, strict=True)) for key in sorted(keys)]

    def dimension_values(self, dimension: str) -> list[str]:
        """The members of a dimension that occur in any metric that has it, sorted."""
        found: set[str] = set()
        for metric in self._book.metrics.values():
            if dimension in metric.dimensions and (metric.measure or metric.id in self._ready):
                found |= {key[0] for key, _ in self._places(metric, (dimension,), "", "")}
        return sorted(found)

    def table(self, metric_id: str) -> list[TableRow]:
        """Every value of a metric at its own grain, by key and period."""
        metric = self._book.metric(metric_id)
        return [_table_row(metric, place, self._answer(metric, place)) for place in self._own_places(metric)]

    def supplies(self, metric_id: str) -> bool:
        """Whether there is anything to work a metric out from: values handed in, or the rows of all its measures."""
        return self._supplies(self._book.metric(metric_id))

    def _supplies(self, metric: Metric) -> bool:
        if metric.id in self._ready:
            return True
        if metric.measure is not None:
            return self._computed.given(metric.measure)
        below = self._bindings(metric)
        return bool(below) and all(self._supplies(self._book.metric(binding.input)) for binding in below.values())

    @property
    def computed(self) -> tuple[str, ...]:
        """The metrics there is anything to work out from, in the order of the rule book."""
        return tuple(metric.id for metric in self._book.metrics.values() if self._supplies(metric))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What has been withheld by failed tests so far, sorted: of the values asked for, and of those they were worked out from."""
        return self._failures.blocks

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the QA tests that failed so far set in motion: one effect per metric, test and kind, the keys named in its reason."""
        return self._failures.effects

    # ── one value ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, metric: Metric, place: Place, roll_up: str = "") -> Answer:
        memo = (metric.id, place, roll_up)
        if memo not in self._answers:
            self._answers[memo] = self._published(metric, place, self._raw(metric, place, roll_up))
        return self._answers[memo]

    def _raw(self, metric: Metric, place: Place, roll_up: str) -> Answer:
        if metric.id in self._ready:
            return self._ready.answer(metric, place, roll_up)
        if metric.measure is not None:
            return self._computed.answer(metric, metric.measure, place, roll_up)
        if roll_up in ("sum", "mean") and self._is_coarser(metric, place):
            return self._rolled_up(metric, place, roll_up)
        if metric.formula is not None:
            inputs = self._inputs(metric, place)
            scope = {name: answer.value for name, answer in inputs.items()}
            return Answer(value=_settled(metric, metric.formula.evaluate(scope)), scope=scope, **joined(list(inputs.values())))
        if metric.baseline is not None:
            return self._from_baseline(metric, metric.baseline, place)
        if metric.sustained is not None:
            return self._from_history(metric, metric.sustained, place)
        return withheld(metric, Reason.MISSING, "nobody supplied it")

    def _published(self, metric: Metric, place: Place, raw: Answer) -> Answer:
        """A value as its contract lets it out: brought to its precision, tested, and withheld where a test says so.

        What was worked out elsewhere is taken as written unless a precision is declared: it is no engine's sum of floats.
        """
        as_written = metric.id in self._ready and metric.precision is None
        value = raw.value if as_written else rounded(raw.value, metric.precision)
        n = self._n(metric, place, raw)
        names = {**raw.scope, "value": value, metric.id: value, **({metric.result: value} if metric.result else {})}
        causes = [value] if isinstance(value, Unknown) else []
        if n is not None or not causes:  # where there is no value, that nobody counted what it is of is no news
            causes += [because(metric, reason, detail) for reason, detail in self._too_few(metric, n)]
        causes += [because(metric, reason, detail) for reason, detail in self._immature(metric, place)]
        if metric.valid_range is not None and metric.valid_range.evaluate(names) is False:
            causes.append(because(metric, Reason.ERROR, f"{value} is outside its valid range"))
        blocks = [(test, (*path, metric.id)) for test, path in raw.blocks]
        if not isinstance(value, Unknown):  # a formula may do without an unknown, as `coalesce` does; a break action it may not lift
            causes += [because(metric, Reason.BLOCKED, f"test `{test}` failed for `{path[0]}`") for test, path in raw.blocks]
        for test in metric.qa_tests:
            if test.assertion.evaluate(names) is not False:
                continue
            self._failures.failed(metric, test, place.label(metric))
            if withholds(test.break_action):
                blocks.append((test.name, (metric.id,)))
                causes.append(because(metric, Reason.BLOCKED, f"test `{test.name}` failed for {place.label(metric)}"))
        for name in self._blocking_wholly(metric):
            blocks.append((name, (metric.id,)))
            causes.append(because(metric, Reason.BLOCKED, f"test `{name}` failed, which blocks the whole metric"))
        if blocks:
            self._failures.blocked(metric, place.label(metric), blocks)
        return attrs.evolve(raw, value=Unknown.merged(causes) if causes else value, n=n, blocks=tuple(dict.fromkeys(blocks)), scope={})

    @staticmethod
    def _too_few(metric: Metric, n: int | None) -> Iterable[tuple[Reason, str]]:
        """What a contract waits for: enough cases."""
        if metric.min_n is not None and (n is None or n < metric.min_n):
            counted = "its n is not known" if n is None else f"n = {n:,}"
            yield Reason.TOO_FEW, f"{counted}, at least {metric.min_n:,} wanted"

    def _immature(self, metric: Metric, place: Place) -> Iterable[tuple[Reason, str]]:
        """What a contract waits for: time for its cases to play out."""
        if metric.maturity is not None and place.periods:
            over = dt.datetime.combine(place.periods[-1].end, dt.time(), tzinfo=self._zone).astimezone(dt.UTC)
            due = over + metric.maturity
            if due > self._at:
                yield Reason.IMMATURE, f"{spelled(place.periods)} is mature on {due.astimezone(self._zone).date()}"

    def _n(self, metric: Metric, place: Place, raw: Answer) -> int | None:
        """The sample size: what the metric named in `n` counts (or is itself taken of), or the value's own."""
        if raw.n is not None or not metric.n:
            return raw.n
        counter = self._book.metric(metric.n)
        counted = self._answer(counter, place.through(metric, Binding(input=counter.id), counter).for_metric(counter))
        if counted.n is not None:
            return counted.n
        return int(counted.value) if isinstance(counted.value, int | float) else None

    def _blocking_wholly(self, metric: Metric) -> tuple[str, ...]:
        """The tests that block the whole metric, because one of its own keys failed them."""
        tests = [test for test in metric.qa_tests if withholds(test.break_action) and test.break_action.scope == "metric"]
        if tests and metric.id not in self._wholly_blocked:
            self._wholly_blocked[metric.id] = ()  # first the keys one by one, without this
            for place in self._own_places(metric):
                self._published(metric, place, self._raw(metric, place, ""))
            self._wholly_blocked[metric.id] = tuple(test.name for test in tests if self._failures.has(metric, test))
        return self._wholly_blocked.get(metric.id, ())

    # ── from other metrics ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _bindings(self, metric: Metric) -> dict[str, Binding]:
        """What each name of a formula or a condition stands for; a name without a binding is a metric's id."""
        if metric.baseline is not None:
            return {metric.baseline.of: Binding(input=metric.baseline.of)}
        expression = metric.formula or (metric.sustained.condition if metric.sustained else None)
        names = expression.names if expression is not None else ()
        return {name: metric.bindings.get(name) or Binding(input=name) for name in sorted({*names, *metric.bindings})}

    def _inputs(self, metric: Metric, place: Place) -> dict[str, Answer]:
        found = {}
        for name, binding in self._bindings(metric).items():
            target = self._book.metric(binding.input)
            found[name] = self._answer(target, place.through(metric, binding, target).for_metric(target), binding.roll_up)
        return found

    def _from_baseline(self, metric: Metric, baseline: Baseline, place: Place) -> Answer:
        if not place.periods:
            return withheld(metric, Reason.ERROR, "a baseline is asked for a period")
        target = self._book.metric(baseline.of)
        trailing = self._trailing(place.periods[0], baseline, self._maturity(target))
        answer = self._answer(target, attrs.evolve(place, periods=trailing).for_metric(target))
        value, span = answer.value, spelled(trailing)
        if answer.since is None or answer.since > trailing[0].start:
            begins = f"its data begins in {period_at(self._book, answer.since, baseline.grain)}" if answer.since else "it has no data"
            short = because(metric, Reason.MISSING, f"wants the {baseline.trailing} mature {baseline.grain}s {span}, and {begins}")
            value = Unknown.merged([value, short] if isinstance(value, Unknown) else [short])
        return attrs.evolve(answer, value=value, span=span)

    def _trailing(self, before: Period, baseline: Baseline, maturity: dt.timedelta) -> tuple[Period, ...]:
        """The latest `trailing` periods that ended before that one began and are mature now, oldest first."""
        today = self._at.astimezone(self._zone).date()
        if baseline.grain == "week":
            return trailing_weeks(before, baseline.trailing, mature_by=today, maturity=maturity)
        latest_end = min(before.start, today + (-maturity // _DAY) * _DAY)
        following = period_at(self._book, latest_end, baseline.grain)
        return tuple(following.previous(back) for back in range(baseline.trailing, 0, -1))

    def _maturity(self, metric: Metric) -> dt.timedelta:
        """The longest maturity of a metric and all below it."""
        below = [self._maturity(self._book.metric(binding.input)) for binding in self._bindings(metric).values()]
        return max([metric.maturity or dt.timedelta(0), *below])

    def _from_history(self, metric: Metric, sustained: Sustained, place: Place) -> Answer:
        if not place.periods:
            return withheld(metric, Reason.ERROR, "whether it was sustained is asked for a period")
        end = place.periods[-1].end
        last = period_at(self._book, end - _DAY, sustained.grain)
        last = last if last.end <= end else last.previous()
        history = [last.previous(back) for back in range(sustained.periods - 1, -1, -1)]
        answers: list[Value] = []
        inputs: list[Answer] = []
        for period in history:
            found = self._inputs(metric, attrs.evolve(place, periods=(period,)))
            inputs += found.values()
            held = _settled(metric, sustained.condition.evaluate({name: answer.value for name, answer in found.items()}))
            if isinstance(held, Unknown):
                held = Unknown(tuple(attrs.evolve(cause, detail=_dated(cause, period)) for cause in held.causes))
            answers.append(held)
        unknowns = [held for held in answers if isinstance(held, Unknown)]
        value: Value = False if any(held is False for held in answers) else Unknown.merged(unknowns) if unknowns else True
        n = min((answer.n for answer in inputs if answer.n is not None), default=None)
        return Answer(value=value, span=spelled(history), n=n, **joined(inputs))

    # ── derived metrics added or averaged over finer keys ────────────────────────────────────────────────────────────────────────

    def _is_coarser(self, metric: Metric, place: Place) -> bool:
        """Whether a place takes several keys or periods of a metric's own grain together."""
        return bool(place.time) or own_grain(metric) != place.grain or not set(metric.dimensions) <= set(place.dimensions)

    def _rolled_up(self, metric: Metric, place: Place, roll_up: str) -> Answer:
        if place.time:
            return withheld(metric, Reason.ERROR, f"a formula is rolled up by its own periods, not by `{place.time}`; bind a measure")
        answers = [self._answer(metric, each) for each in self._finer(metric, place)]
        values = [answer.value for answer in answers]
        unknowns = [value for value in values if isinstance(value, Unknown)]
        value: Value
        if unknowns:
            value = Unknown.merged(unknowns)
        elif not values:
            value = because(metric, Reason.MISSING, f"no value for {place.label(metric)}")
        else:
            total = math.fsum(each for each in values if isinstance(each, int | float))
            value = total / len(values) if roll_up == "mean" else total
        return Answer(value=value, n=len(values), **joined(answers))

    def _finer(self, metric: Metric, place: Place) -> Iterable[Place]:
        """The places of the metric's own grain inside a coarser one."""
        dimensions = (*place.dimensions, *(name for name in metric.dimensions if name not in place.dimensions))
        for key, period in sorted(self._places(metric, dimensions, "", own_grain(metric)), key=_in_order):
            inside = not place.periods or (period is not None and any(contains(asked, period) for asked in place.periods))
            if inside and key[: len(place.members)] == place.members:
                yield Place(zip(dimensions, key, strict=True), (period,) if period else ())

    # ── which keys there are ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _own_places(self, metric: Metric) -> list[Place]:
        places = self._places(metric, metric.dimensions, "", own_grain(metric))
        return [Place(zip(metric.dimensions, key, strict=True), (period,) if period else ()) for key, period in sorted(places, key=_in_order)]

    def _places(self, metric: Metric, dimensions: Sequence[str], time: str, grain: str) -> Places:
        """The keys over those dimensions (in their order), and periods of that grain, that have data."""
        if metric.id in self._ready:
            return self._ready.places(metric, dimensions, grain)
        if metric.measure is not None:
            return self._computed.places(metric, metric.measure, dimensions, time, grain)
        found: list[tuple[tuple[str, ...], bool, Places]] = []
        for binding in self._bindings(metric).values():
            target = self._book.metric(binding.input)
            dropped = {*binding.overall, *binding.allocate}
            kept = tuple(name for name in dimensions if name not in dropped)
            renamed = [binding.dimensions.get(name, name) for name in kept]
            column = binding.dimensions.get(metric.period, time)
            column = "" if column == target.period else column
            timed = bool(grain) and metric.period not in dropped and bool(target.period or column)
            found.append((kept, timed, self._places(target, renamed, column if timed else "", grain if timed else "")))
        return _joined_places(tuple(dimensions), bool(grain), found)


def _joined_places(dimensions: tuple[str, ...], timed: bool, found: Sequence[tuple[tuple[str, ...], bool, Places]]) -> Places:
    """The places of a formula: those of its inputs that have all its dimensions and periods, or, where none has, the inputs joined."""
    whole = [places for kept, by_period, places in found if kept == dimensions and by_period == timed]
    if whole:
        return set().union(*whole)
    joined: list[tuple[dict[str, str], Period | None]] = [({}, None)]
    for kept, _, places in found:
        joined = [
            ({**members, **dict(zip(kept, key, strict=True))}, when or period)
            for members, when in joined
            for key, period in places
            if all(members.get(name, member) == member for name, member in zip(kept, key, strict=True)) and (when is None or period is None or when == period)
        ]
    complete = [(members, when) for members, when in joined if set(members) == set(dimensions) and (when is not None) == timed]
    return {(tuple(members[name] for name in dimensions), when) for members, when in complete}


def _in_order(place: tuple[Key, Period | None]) -> tuple[Key, dt.date]:
    return place[0], place[1].start if place[1] else dt.date.min


def _never(source: str) -> None:
    """Nothing is known of any source."""


def _settled(metric: Metric, value: Any) -> Value:
    """What an expression came to; causes that name no input are the metric's own."""
    return value.named(metric.id) if isinstance(value, Unknown) else value


def _dated(cause: Cause, period: Period) -> str:
    return f"in {period}: {cause.detail}" if cause.detail else f"in {period}"


def _table_row(metric: Metric, place: Place, answer: Answer) -> TableRow:
    unknown = isinstance(answer.value, Unknown)
    return TableRow(
        metric=metric.id,
        key=dict(place.key),
        period=spelled(place.periods),
        value=None if unknown else answer.value,
        unknown=str(answer.value) if unknown else "",
        n=answer.n,
    )
