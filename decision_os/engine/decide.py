"""One decision: pre-checks, branches under the hit policy, record. Pure: no clock, no input or output, no logging."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

import attrs

from decision_os.calendars import ReviewClock, period_of, zone_of
from decision_os.canonical import Shape
from decision_os.engine.ask import Truth, ask, at_key, keys
from decision_os.engine.inputs import Intake, Taken
from decision_os.engine.needed import needed
from decision_os.errors import InputError
from decision_os.expr import Explanation
from decision_os.model import HitPolicy, RuleBook
from decision_os.plan import Condition, Plan, filled
from decision_os.readonly import read_only
from decision_os.record import (
    ActionTaken,
    BranchEvidence,
    CheckEvidence,
    DecisionRecord,
    Effect,
    Evidence,
    MonitorPlan,
    Outcome,
    Shown,
    Status,
    maker,
)
from decision_os.units import format_value
from decision_os.values import Reason, Unknown, Value, as_text, zoned

__all__ = ["Chosen", "Decider", "Verdict", "Watch", "judge", "watching"]


@attrs.frozen
class Verdict:
    """What the conditions came to: the outcome, the branches taken, and why it is blocked or undetermined."""

    outcome: Outcome
    taken: tuple[str, ...] = ()
    unknown: Unknown | None = None
    blocked_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


Watch: TypeAlias = Callable[[RuleBook, Plan, Mapping[str, Value], Taken, Verdict], None]
"""What is told of every decision while it watches: the rule book, the plan, the settled values with the parameters chosen, the inputs, the verdict."""

_watches: Final[list[Watch]] = []


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Tell somebody of every decision that any engine of this process takes for a mapping, for as long as this lasts."""
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)


_HOLD: Final = Verdict(Outcome.HOLD)
_make_verdict = maker(Verdict)
_make_record = maker(DecisionRecord)
_make_action = maker(ActionTaken)
_make_effect = maker(Effect)


@attrs.frozen(kw_only=True)
class Chosen:
    """Parameters as decided with, and what follows from them alone: the texts of the actions (and of their parts), and the shape of the identity."""

    values: Mapping[str, float]
    shown: Mapping[str, str]
    actions: Mapping[str, tuple[str, tuple[str, ...]]]
    identity: Shape


@attrs.frozen
class Moment:
    """An instant to decide at, and what follows from it alone: how it goes on a record, the last complete period, the next review."""

    at: dt.datetime
    timestamp: dt.datetime
    period: str
    review: dt.datetime | None


@lru_cache(maxsize=1024)
def _before(today: dt.date, grain: str, fiscal_year_start: int) -> str:
    """The last period that was complete on a day; all decisions of that day share it."""
    return str(period_of(today, grain, fiscal_year_start).previous())  # type: ignore[arg-type]  # a time grain, by the loader


class Decider:
    """Decides one playbook. All that is the same for every subject is worked out when it is made."""

    def __init__(self, book: RuleBook, plan: Plan) -> None:
        self._book, self._plan = book, plan
        self._intake = Intake(plan)
        self._rule_book = f"{book.id} {book.version}"
        self._recommended, self._thresholds = read_only(plan.defaults), read_only(plan.thresholds)
        self._zone = zone_of(book.zone)
        self._moment: Moment | None = None
        self._review: tuple[dt.datetime, dt.datetime] | None = None
        self._usual = self.choosing(None)

    def choosing(self, choose: Mapping[str, float] | None) -> Chosen:
        """What follows from a choice of parameters. Raises `InputError` as `Plan.choices` does."""
        plan = self._plan
        values = plan.choices(choose)
        shown = plan.shown(values)
        return Chosen(
            values=read_only(values),
            shown=shown,
            actions={name: (filled(action.text, shown), tuple(filled(part, shown) for part in action.parts)) for name, action in plan.playbook.actions.items()},
            identity=Shape(("subject", "period", "inputs"), fixed={"node": plan.playbook.id, "rule_book": self._book.hash, "chosen": values}),
        )

    def moment(self, at: dt.datetime) -> Moment:
        """What follows from an instant. Decisions taken together are given the same one."""
        known = self._moment  # read once: another thread may replace it
        if known is None or known.at is not at:
            period = _before(at.astimezone(self._zone).date(), self._plan.playbook.period, self._book.fiscal_year_start)
            review = self._next_review(self._plan.clock, at) if self._plan.clock else None
            known = self._moment = Moment(at, zoned(at), period, review)
        return known

    def subject_of(self, given: Mapping[str, Any]) -> str:
        """What a mapping is about: the values of the subject's keys, or the subject as such where it gives none. Raises `InputError` as `as_text` does."""
        subject = self._plan.playbook.subject
        named = [text if type(text := given[key]) is str else as_text(text, key) for key in subject.keys if key in given]
        return " / ".join(named) if named else subject.id

    def decide(
        self,
        given: Mapping[str, Any],
        *,
        at: dt.datetime,
        subject: str | int | None = None,
        period: str | int | None = None,
        choose: Mapping[str, float] | None = None,
    ) -> DecisionRecord:
        """The record of one decision."""
        return self._decide(self._usual if choose is None else self.choosing(choose), given, self.moment(at), subject, period)

    def decide_many(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        at: dt.datetime,
        subjects: Iterable[str | int | None],
        periods: Iterable[str | int | None],
        choose: Mapping[str, float] | None,
    ) -> Iterator[DecisionRecord]:
        """The records of many. An `InputError` says in which row, counted from 1."""
        chosen, moment = self._usual if choose is None else self.choosing(choose), self.moment(at)
        for number, (row, subject, period) in enumerate(zip(rows, subjects, periods, strict=False), 1):  # a text for all rows comes as one without end
            try:
                record = self._decide(chosen, row, moment, subject, period)
            except InputError as error:
                error.message = f"row {number}: {error.message}"
                error.args = (error.message,)
                raise
            yield record

    def _decide(self, chosen: Chosen, given: Mapping[str, Any], moment: Moment, subject: str | int | None, period: str | int | None) -> DecisionRecord:
        plan = self._plan
        taken = self._intake.take(given, moment.at)
        scope = taken.values
        scope.update(chosen.values)
        verdict = judge(plan, scope, taken)
        for watch in _watches:
            watch(self._book, plan, scope, taken, verdict)
        about = self.subject_of(given) if subject is None else subject if type(subject) is str else as_text(subject, "subject")
        when = moment.period if period is None else period if type(period) is str else as_text(period, "period")
        return self._record(chosen, taken, verdict, moment, about, when)

    def _record(self, chosen: Chosen, taken: Taken, verdict: Verdict, moment: Moment, subject: str, period: str) -> DecisionRecord:
        book, plan, scope = self._book, self._plan, taken.values
        playbook = plan.playbook
        identity = chosen.identity.fingerprint({"subject": subject, "period": period, "inputs": taken.hash})
        acts = verdict.outcome is Outcome.ACT
        actions = tuple([_action(plan, branch.action, scope, chosen) for branch in plan.branches if branch.id in verdict.taken]) if acts else ()
        return _make_record(
            id=identity,
            node=playbook.id,
            version=playbook.version,
            title=playbook.title,
            subject=subject,
            period=period,
            timestamp=moment.timestamp,
            rule_book=self._rule_book,
            rule_book_hash=book.hash,
            inputs_version=book.metric_layer_ref,
            inputs_hash=taken.hash,
            inputs=taken.listed,
            outcome=verdict.outcome,
            status=Status.PROPOSED if acts else Status.RECORDED,
            branch=", ".join(verdict.taken) or None,
            action=" and ".join([action.text for action in actions]) or None,
            actions=actions,
            otherwise=playbook.otherwise,
            recommended=self._recommended,
            chosen=chosen.values,
            thresholds=self._thresholds,
            causes=verdict.unknown.causes if verdict.unknown is not None else (),
            blocked_by=verdict.blocked_by,
            owner=playbook.owner,
            approvers=playbook.approvers,
            risk_level=playbook.risk.level,
            risk_notes=playbook.risk.note,
            reversibility=playbook.reversibility,
            reversal_plan=plan.reversal,
            reversal_outcome=None,
            monitoring=_monitoring(plan, scope) if acts else plan.monitoring,
            review_date=moment.review,
            review_agenda=plan.review.id if plan.review else "",
            effects=_effects(plan, subject, identity) if acts else (),
            notes=(*verdict.notes, *_unsupported(plan, taken)) if taken.sized and plan.asked else verdict.notes,
            terms=plan.terms,
            life=(),
            evidence=partial(_evidence, plan, scope, taken, verdict, chosen),
        )

    def _next_review(self, clock: ReviewClock, at: dt.datetime) -> dt.datetime:
        """The next review as it goes on a record; the clock gives the same instant again for as long as it is the next."""
        found = clock.after(at)
        known = self._review  # read once: another thread may replace the pair, never half of it
        if known is None or known[0] is not found:
            known = self._review = found, zoned(found)
        return known[1]


def judge(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """The outcome of a plan over settled values."""
    unknowns = [item.value for item in taken.listed if isinstance(item.value, Unknown)] if taken.doubtful else []
    blocked = [value for value in unknowns if Reason.BLOCKED.value in value.reasons]
    if blocked:
        unknown = Unknown.merged(blocked)
        return Verdict(Outcome.BLOCKED, unknown=unknown, blocked_by=tuple(str(cause) for cause in unknown.causes if cause.reason == Reason.BLOCKED.value))
    failed: list[str] = []
    doubts: list[Unknown] = []
    for check in plan.pre_checks:
        truth = ask(check, scope, taken.fanned)
        if truth is True:
            continue
        failed.append(check.id)
        if isinstance(truth, Unknown):
            doubts.append(truth)
    if failed:
        return Verdict(Outcome.BLOCKED, unknown=Unknown.merged(doubts) if doubts else None, blocked_by=tuple(failed))
    return _POLICIES[plan.playbook.hit_policy](plan, scope, taken)


def _first(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """The first branch that holds. An unknown one before it matters unless whatever could come after it would do the same."""
    doubts: list[tuple[Condition, Unknown]] = []
    winner: Condition | None = None
    for branch in plan.branches:
        truth = ask(branch, scope, taken.fanned)
        if truth is True:
            winner = branch
            break
        if truth is not False:
            doubts.append((branch, truth))
    after = {winner.action if winner else ""}
    mattering: list[Unknown] = []
    for branch, doubt in reversed(doubts):
        if after != {branch.action}:
            mattering.append(doubt)
            after.add(branch.action)
    if mattering:
        return Verdict(Outcome.UNDETERMINED, unknown=Unknown.merged(mattering))
    return _make_verdict(Outcome.ACT, (winner.id,)) if winner else _HOLD


def _unique(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """Exactly one branch may hold; two that do leave the decision undetermined, and say so."""
    truths = [(branch, ask(branch, scope, taken.fanned)) for branch in plan.branches]
    held = [branch.id for branch, truth in truths if truth is True]
    doubts = [truth for _, truth in truths if isinstance(truth, Unknown)]
    if len(held) > 1:
        both = " and ".join(f"`{name}`" for name in held)
        cause = Unknown.because(Reason.ERROR, "", f"branches {both} both hold, and the hit policy is unique")
        return Verdict(Outcome.UNDETERMINED, unknown=cause, notes=(str(cause.causes[0]),))
    if doubts:
        return Verdict(Outcome.UNDETERMINED, unknown=Unknown.merged(doubts))
    return Verdict(Outcome.ACT, tuple(held)) if held else _HOLD


def _collect(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """Every branch that holds is taken. An unknown one leaves the whole undetermined only where nothing else is decided."""
    truths = [(branch, ask(branch, scope, taken.fanned)) for branch in plan.branches]
    held = tuple(branch.id for branch, truth in truths if truth is True)
    doubtful = [(branch, truth) for branch, truth in truths if isinstance(truth, Unknown)]
    if doubtful and not held:
        return Verdict(Outcome.UNDETERMINED, unknown=Unknown.merged(truth for _, truth in doubtful))
    notes = tuple(f"branch `{branch.id}` is undetermined: {truth}" for branch, truth in doubtful)
    unknown = Unknown.merged(truth for _, truth in doubtful) if doubtful else None
    return Verdict(Outcome.ACT, held, unknown=unknown, notes=notes) if held else _HOLD


_POLICIES = {HitPolicy.FIRST: _first, HitPolicy.UNIQUE: _unique, HitPolicy.COLLECT: _collect}


def _unsupported(plan: Plan, taken: Taken) -> Iterator[str]:
    """What the sample sizes cannot carry of what the conditions ask, in words."""
    sized = [item for item in taken.listed if item.n is not None and not isinstance(item.value, Unknown)]
    for asked in plan.asked:
        for item in sized:
            said = asked.short(item.n or 0, item.members) if item.name == asked.name else ""
            if said:
                yield f"{item.key}: {said}" if item.key else said


def _effects(plan: Plan, subject: str, identity: str) -> tuple[Effect, ...]:
    """An action asks each approver, once."""
    reason = f"approve {plan.playbook.id} for {subject}"
    return tuple([_make_effect("notify", role, reason, f"{identity}:approve:{role}") for role in plan.playbook.approvers])


def _monitoring(plan: Plan, scope: Mapping[str, Value]) -> tuple[MonitorPlan, ...]:
    """What is watched after acting, with the forecasts that this decision implies."""
    watched = []
    for monitor, planned in zip(plan.playbook.monitoring, plan.monitoring, strict=True):
        if monitor.forecast is None:
            watched.append(planned)
            continue
        found = monitor.forecast.evaluate_settled(scope)
        number = _number(found)
        if number is None and not isinstance(found, Unknown):
            found = Unknown.because(Reason.ERROR, "forecast", f"`{planned.formula}` gives {found!r}, not a number")
        watched.append(attrs.evolve(planned, forecast=found if isinstance(found, Unknown) else number))
    return tuple(watched)


def _action(plan: Plan, name: str, scope: Mapping[str, Value], chosen: Chosen) -> ActionTaken:
    text, parts = chosen.actions[name]
    lever = plan.playbook.actions[name].lever
    if lever is None:
        return _make_action(name, text, parts)
    before, after = _number(lever.before.evaluate_settled(scope)), _number(lever.after.evaluate_settled(scope))
    delta = after - before if before is not None and after is not None else None
    return _make_action(name, text, parts, lever.name, before, after, delta, plan.lever_units[name])


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _evidence(plan: Plan, scope: Mapping[str, Value], taken: Taken, verdict: Verdict, chosen: Chosen) -> Evidence:
    """Every pre-check and branch traced, whether it mattered or not."""
    checks = tuple(
        CheckEvidence(
            id=check.id,
            label=check.label,
            text=check.expression.text.strip(),
            holds=_known(ask(check, scope, taken.fanned)),
            conditions=_traced(check, scope, taken).conditions,
        )
        for check in plan.pre_checks
    )
    branches = []
    reached = verdict.outcome is not Outcome.BLOCKED
    for branch in plan.branches:
        holds = _known(ask(branch, scope, taken.fanned))
        branches.append(
            BranchEvidence(
                id=branch.id,
                action=chosen.actions[branch.action][0],
                text=branch.expression.text.strip(),
                holds=holds,
                taken=branch.id in verdict.taken,
                reached=reached,
                conditions=_traced(branch, scope, taken).conditions,
            )
        )
        if holds is True and plan.playbook.hit_policy is HitPolicy.FIRST:
            reached = False
    return Evidence(
        pre_checks=checks,
        branches=tuple(branches),
        projections=_projections(plan, scope, taken),
        residual=needed(plan, scope, taken) if verdict.unknown is not None else (),
    )


def _known(truth: Truth) -> bool | None:
    return truth if isinstance(truth, bool) else None


def _traced(condition: Condition, scope: Mapping[str, Value], taken: Taken) -> Explanation:
    """The trace of a condition; over finer keys, that of the key that decided it, or came nearest to."""
    if not condition.fanned:
        return condition.expression.explain(scope)
    traces = [condition.expression.explain(at_key(condition, scope, taken.fanned, key)) for key in keys(condition, taken.fanned)]
    return min(traces, key=lambda trace: (_rank(trace, condition.every), _room(trace)))


def _rank(trace: Explanation, every: bool) -> int:
    """What decides comes first: a failure where all must hold, a success where any will do; then what is unknown."""
    if isinstance(trace.value, Unknown):
        return 1
    return 0 if trace.value is not every else 2


def _room(trace: Explanation) -> tuple[float, ...]:
    """The margins in the order written: those that no finer key moves are equal, and the first that one does tells the keys apart."""
    return tuple(math.inf if condition.margin is None else condition.margin for condition in trace.conditions)


def _projections(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> tuple[Shown, ...]:
    shown = []
    for name, expression in plan.playbook.projections.items():
        over = [item for item in expression.names if item in taken.fanned]
        keys = sorted({key for item in over for key in taken.fanned[item]}) or [""]
        for key in keys:
            at = {**scope, **{item: taken.fanned[item].get(key, scope[item]) for item in over}}
            value = expression.evaluate_settled(at)
            text = format_value(float(value), expression.unit) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
            shown.append(Shown(name=f"{name} [{key}]" if key else name, text=text, formula=expression.text.strip()))
    return tuple(shown)
