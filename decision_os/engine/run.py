"""The whole sequence: frames → entities → contract tests → metrics → freshness → one decision per subject → records and effects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import attrs

from decision_os.calendars import Period, last_complete
from decision_os.canonical import fingerprint
from decision_os.contracts import Checked, check_entity
from decision_os.engine.decide import Decider
from decision_os.engine.feeds import alerted, cooling, decisions, freshness, load_log, open_sev2
from decision_os.engine.freeze import checked as checked_overrides
from decision_os.engine.freeze import governed, held_back, standing
from decision_os.engine.result import MetricTables, RunResult, shifts
from decision_os.errors import InputError, NotFoundError, nearest
from decision_os.freshness import FreshnessReport, LoadLog
from decision_os.graph import build, paths, sources_of
from decision_os.metrics import MetricStore
from decision_os.model import RuleBook
from decision_os.plan import Plan, PlannedInput, max_age
from decision_os.record import DecisionRecord, Effect, Outcome, Override
from decision_os.values import Reading, Reason, Unknown
from decision_os.wire import FEEDS

__all__ = ["run"]


@attrs.frozen(kw_only=True)
class _Run:
    """What every decision of one run shares."""

    book: RuleBook
    store: MetricStore
    at: dt.datetime
    report: FreshnessReport | None
    incidents: object
    cooling: Mapping[tuple[str, str], DecisionRecord]
    known: Mapping[str, DecisionRecord]
    choose: Mapping[str, Mapping[str, float]]
    given: Mapping[str, Any]
    overrides: tuple[Override, ...]
    stale: Callable[[str], Unknown | None]
    path: Callable[[str, str], str]
    """By which path a source reaches a metric, each worked out once."""


def run(
    book: RuleBook,
    plans: Mapping[str, Plan],
    decider: Callable[[str], Decider],
    *,
    at: dt.datetime,
    sources: Mapping[str, Any] | None = None,
    metrics: Any = None,
    loads: Any = None,
    incidents: Iterable[Mapping[str, Any]] | None = None,
    open_decisions: Iterable[DecisionRecord] = (),
    nodes: Sequence[str] | None = None,
    choose: Mapping[str, Mapping[str, float]] | None = None,
    given: Mapping[str, Any] | None = None,
    overrides: Iterable[Override] = (),
) -> RunResult:
    """Decide every playbook (or those of `nodes`) for every subject of the last complete period before `at`."""
    checked = _check(book, sources or {})
    log = None if loads is None else load_log(book, loads)
    found = freshness(book, log, at) if log is not None else None
    loaded = None if log is None else lambda source: log.latest(source, at)
    stale = _staleness(book, log, at)
    store = MetricStore(book, checked, metrics, at=at, stale=stale, loads=loaded, rests_on=cache(lambda metric: sources_of(book, metric)))
    under_way = decisions(open_decisions, "open_decisions")
    shared = _Run(
        book=book,
        store=store,
        at=at,
        report=found,
        incidents=open_sev2(incidents, at),
        cooling=cooling(under_way),
        known={record.id: record for record in under_way if record.life},
        choose=choose or {},
        given=_feeds_only(given or {}),
        overrides=checked_overrides(book, overrides),
        stale=stale,
        path=_paths(book),
    )
    records: list[DecisionRecord] = []
    skipped: list[str] = []
    for node in _nodes(plans, nodes):
        plan = plans[node]
        if not any(store.supplies(planned.metric.id) for planned in plan.inputs.values()):
            skipped.append(f"{node}: none of its inputs was supplied, nor the data they are computed from")
            continue
        decided = _decide_all(shared, plan, decider(node))
        if not decided:
            skipped.append(f"{node}: no {plan.playbook.subject.id} has a value for the last complete {plan.playbook.period} before {at:%Y-%m-%d}")
        records += decided
    for metric in book.metrics.values():
        if metric.qa_tests and store.supplies(metric.id):
            store.table(metric.id)  # contracts are tested at every key and period there is, not only where a decision looks today
    effects = [effect for item in checked.values() for effect in _addressed(book, item)]
    effects += alerted(book, found) if found is not None else ()
    effects += [*store.effects, *(effect for record in records for effect in record.effects)]
    return RunResult(
        at=at,
        records=tuple(records),
        quarantine={name: item.quarantine for name, item in checked.items() if item.rows_quarantined},
        checked=checked,
        metrics=MetricTables(store),
        freshness=found,
        effects=_once(effects),
        shifts=shifts(records, [name for name, plan in plans.items() if plan.playbook.subject.keys]),
        skipped=tuple(skipped),
    )


def _feeds_only(given: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in given:
        if name not in FEEDS:
            allowed = " and ".join(f"`{feed}`" for feed in FEEDS)
            raise InputError(f"`given` vouches for {allowed}, not for `{name}`", name=name, hint="hand metrics in by `metrics=`")
    return given


def _check(book: RuleBook, sources: Mapping[str, Any]) -> dict[str, Checked]:
    """Contract-test every entity that was given, those that others refer to first."""
    frames: dict[str, Any] = {}
    for name, frame in sources.items():
        frames[_entity(book, name)] = frame
    checked: dict[str, Checked] = {}
    waiting = dict(frames)
    while waiting:
        ready = [name for name in waiting if not ({test.entity for test in book.entities[name].tests if test.entity} & set(waiting) - {name})]
        for name in ready or list(waiting):  # two entities that refer to each other: in the order given
            checked[name] = check_entity(book.entities[name], waiting.pop(name), zone=book.zone, others=checked, currency=book.currency)
    return checked


def _entity(book: RuleBook, name: str) -> str:
    if name in book.entities:
        return name
    of_source = [entity.id for entity in book.entities.values() if entity.source == name]
    if len(of_source) == 1:
        return of_source[0]
    hint = nearest(name, book.entities) or f"known: {', '.join(book.entities)}"
    raise NotFoundError(f"`sources` has a frame for `{name}`, which is no entity of the rule book ({hint})")


def _staleness(book: RuleBook, log: LoadLog | None, at: dt.datetime) -> Callable[[str], Unknown | None]:
    """A function from a source to why it is stale, or nothing; the answer names the source."""

    def stale(source: str) -> Unknown | None:
        bound = max_age(book, source) if log is not None and source in book.sources else None
        late = log.stale(source, at, bound) if log is not None and bound is not None else None
        return None if late is None else Unknown.because(Reason.STALE, detail=f"{source} {late.causes[0].detail}")

    return stale


def _paths(book: RuleBook) -> Callable[[str, str], str]:
    """A function from a source and a metric to the shortest path between them, in words; the graph is built when that is first asked."""
    graph = cache(lambda: build(book))

    @cache
    def path(source: str, metric: str) -> str:
        (shortest, *_) = paths(graph(), f"source:{source}", f"metric:{metric}")
        return " → ".join(node.partition(":")[2] for node in shortest if not node.startswith("test:"))

    return path


def _by_path(shared: _Run, metric: str, reading: Reading) -> Reading:
    """The reading; where a source below makes it stale, with the path by which that reaches the metric."""
    value = reading.value
    if not isinstance(value, Unknown) or Reason.STALE.value not in value.reasons:
        return reading
    told: dict[str, str] = {}
    for source in sources_of(shared.book, metric):
        late = shared.stale(source)
        if late is not None:
            told[late.causes[0].detail] = shared.path(source, metric)
    causes = [attrs.evolve(cause, detail=f"{cause.detail} ({told[cause.detail]})") if cause.detail in told else cause for cause in value.causes]
    return attrs.evolve(reading, value=Unknown(tuple(causes)))


def _nodes(plans: Mapping[str, Plan], wanted: Sequence[str] | None) -> Iterator[str]:
    if wanted is None:
        yield from plans
        return
    if isinstance(wanted, str):
        raise InputError("`nodes` is a text, not a list of decisions", name="nodes", hint=f"write `nodes=[{wanted!r}]`")
    for node in wanted:
        if node not in plans:
            raise NotFoundError(f"no playbook `{node}` in the rule book ({nearest(node, plans) or 'known: ' + ', '.join(plans)})")
        yield node


def _decide_all(shared: _Run, plan: Plan, decider: Decider) -> list[DecisionRecord]:
    playbook = plan.playbook
    period = last_complete(shared.at, playbook.period, shared.book.zone, shared.book.fiscal_year_start)  # type: ignore[arg-type]  # a time grain, by the loader
    stands = standing(shared.book, playbook, shared.report, shared.overrides, shared.at)
    seen = {"slo_green": stands.green, "open_sev2_incidents": shared.incidents}
    feeds: dict[str, Any] = {name: Reading(value=value, loaded_at=shared.at) for name, value in seen.items()}
    feeds |= {name: value for name, value in shared.given.items() if name in plan.feeds}
    if "slo_green" in shared.given:
        says_more = "slo_green" not in plan.feeds or (plan.freezes and (stands.broken or stands.lacking))
        stands = attrs.evolve(stands, unasked=False, notes=stands.notes if says_more else ())
    records = []
    for key in _subjects(shared, plan, period):
        subject = " / ".join(key.values()) or playbook.subject.id
        given: dict[str, Any] = {name: _input(shared, plan, planned, key, period) for name, planned in plan.inputs.items()}
        record = decider.decide({**given, **feeds}, at=shared.at, subject=subject, period=str(period), choose=shared.choose.get(playbook.id))
        records.append(shared.known.get(record.id) or _cooled(shared, governed(plan, record, stands)))
    return records


def _cooled(shared: _Run, record: DecisionRecord) -> DecisionRecord:
    """A decision to act waits while the last action on the same subject is still being watched; one that is under way is that one."""
    if record.id in shared.known:
        return shared.known[record.id]
    last = shared.cooling.get((record.node, record.subject))
    if last is None or record.outcome is not Outcome.ACT or last.id == record.id:
        return record
    note = f"in cooldown: the action of {last.period} ({last.action}) is still being monitored"
    # Another identity than the act has: once the watch is over, the same inputs are a proposal that nobody has seen.
    return attrs.evolve(held_back(record, ("cooldown",), note), id=fingerprint({"of": record.id, "cooldown": last.id}))


def _addressed(book: RuleBook, item: Checked) -> tuple[Effect, ...]:
    """What the contract tests of an entity set in motion, addressed to the source's owner where a test says `owner`."""
    source = book.sources.get(item.entity.source)
    owner = book.role(source.owner).label if source is not None and source.owner else "owner"
    return tuple(attrs.evolve(effect, target=owner) if effect.target == "owner" else effect for effect in item.effects)


def _subjects(shared: _Run, plan: Plan, period: Period) -> list[dict[str, str]]:
    """The subjects there is anything about: every key that any of the inputs has a value for in its period."""
    keys = plan.playbook.subject.keys
    if not keys:
        return [{}]
    found: set[tuple[str, ...]] = set()
    for planned in plan.inputs.values():
        if planned.use.overall or not set(keys) <= set(planned.metric.dimensions):
            continue
        for row in shared.store.keys(planned.metric.id, (_period_of(planned, period),)):
            found.add(tuple(row[key] for key in keys))
    return [dict(zip(keys, values, strict=True)) for values in sorted(found)]


def _period_of(planned: PlannedInput, period: Period) -> Period:
    return period.previous(planned.use.lag) if planned.use.lag else period


def _input(shared: _Run, plan: Plan, planned: PlannedInput, key: Mapping[str, str], period: Period) -> Any:
    """The reading of one input for one subject, or one for each finer key."""
    when = (_period_of(planned, period),)
    metric = planned.metric
    own = {} if planned.use.overall else {name: value for name, value in key.items() if name in metric.dimensions}
    if planned.use.combine is None:
        return _by_path(shared, metric.id, shared.store.value(metric.id, own, when))
    finer = _finer(shared, plan, planned, own, when)
    return {" / ".join(item.values()): _by_path(shared, metric.id, shared.store.value(metric.id, {**own, **item}, when)) for item in finer}


def _finer(shared: _Run, plan: Plan, planned: PlannedInput, own: Mapping[str, str], when: tuple[Period, ...]) -> list[dict[str, str]]:
    """The keys that an input has beyond the subject's: those of `by`, or all of them."""
    names = planned.use.by or tuple(name for name in planned.metric.dimensions if name not in plan.playbook.subject.keys)
    # A key that lacks a value today is still asked about: those the other inputs have now, and those this one had a period ago.
    seen = [(planned.metric.id, when), (planned.metric.id, tuple(period.previous() for period in when))]
    seen += [(other.metric.id, when) for other in plan.inputs.values() if not other.use.overall and set(names) <= set(other.metric.dimensions)]
    rows = [row for metric, periods in seen for row in shared.store.keys(metric, periods)]
    found = {tuple(row[name] for name in names) for row in rows if all(row.get(name, value) == value for name, value in own.items())}
    return [dict(zip(names, values, strict=True)) for values in sorted(found)]


def _once(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Each effect once: its key makes two of the same one."""
    return tuple({effect.key: effect for effect in effects}.values())
