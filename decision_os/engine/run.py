"""The whole sequence: frames → entities → contract tests → metrics → freshness → one decision per subject → records and effects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from decision_os.calendars import Period, last_complete
from decision_os.contracts import Checked, check_entity
from decision_os.engine.decide import Decider
from decision_os.engine.feeds import cooling, freshness, open_sev2, slo_green
from decision_os.engine.result import MetricTables, RunResult, shifts
from decision_os.errors import InputError, NotFoundError, nearest
from decision_os.freshness import FreshnessReport, LoadLog
from decision_os.metrics import MetricStore
from decision_os.model import RuleBook
from decision_os.plan import Plan, PlannedInput, max_age
from decision_os.record import DecisionRecord, Effect, Evidence, Outcome, Status
from decision_os.values import Reading, Unknown
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
) -> RunResult:
    """Decide every playbook (or those of `nodes`) for every subject of the last complete period before `at`."""
    checked = _check(book, sources or {})
    log = None if loads is None else loads if isinstance(loads, LoadLog) else LoadLog.of(loads, zone=book.zone)
    for source in log.sources if log is not None else ():
        if source not in book.sources:
            hint = nearest(source, book.sources) or f"known: {', '.join(book.sources)}"
            raise NotFoundError(f"`loads` has loads of `{source}`, which is no source of the rule book ({hint})")
    found = freshness(book, log, at) if log is not None else None
    loaded = None if log is None else lambda source: log.latest(source, at)
    store = MetricStore(book, checked, metrics, at=at, stale=_staleness(book, log, at), loads=loaded)
    under_way = tuple(open_decisions)
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


def _staleness(book: RuleBook, log: LoadLog | None, at: dt.datetime) -> Any:
    """A function from a source to why it is stale, or nothing."""

    def stale(source: str) -> Unknown | None:
        if log is None or source not in book.sources:
            return None
        bound = max_age(book, source)
        return log.stale(source, at, bound) if bound is not None else None

    return stale


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
    green, broken = slo_green(shared.book, playbook, shared.report)
    seen = {"slo_green": green, "open_sev2_incidents": shared.incidents}
    feeds: dict[str, Any] = {name: Reading(value=value, loaded_at=shared.at) for name, value in seen.items()}
    feeds |= {name: value for name, value in shared.given.items() if name in plan.feeds}
    notes = broken if "slo_green" in plan.feeds and "slo_green" not in shared.given else ()
    records = []
    for key in _subjects(shared, plan, period):
        subject = " / ".join(key.values()) or playbook.subject.id
        given: dict[str, Any] = {name: _input(shared, plan, planned, key, period) for name, planned in plan.inputs.items()}
        record = decider.decide({**given, **feeds}, at=shared.at, subject=subject, period=str(period), choose=shared.choose.get(playbook.id))
        records.append(_cooled(shared, attrs.evolve(record, notes=(*record.notes, *notes)) if notes else record))
    return records


def _cooled(shared: _Run, record: DecisionRecord) -> DecisionRecord:
    """A decision to act waits while the last action on the same subject is still being watched; one that is under way is that one."""
    if record.id in shared.known:
        return shared.known[record.id]
    last = shared.cooling.get((record.node, record.subject))
    if last is None or record.outcome is not Outcome.ACT or last.id == record.id:
        return record
    note = f"in cooldown: the action of {last.period} ({last.action}) is still being monitored"
    return attrs.evolve(
        record,
        outcome=Outcome.BLOCKED,
        status=Status.RECORDED,
        branch=None,
        action=None,
        actions=(),
        blocked_by=("cooldown",),
        effects=(),
        notes=(*record.notes, note),
        evidence=lambda: _untaken(record.evidence),
    )


def _untaken(evidence: Evidence) -> Evidence:
    """The same evidence with no branch taken: it held, and nothing came of it."""
    return attrs.evolve(evidence, branches=tuple(attrs.evolve(branch, taken=False, reached=False) for branch in evidence.branches))


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
        return shared.store.value(metric.id, own, when)
    finer = _finer(shared, plan, planned, own, when)
    return {" / ".join(item.values()): shared.store.value(metric.id, {**own, **item}, when) for item in finer}


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
