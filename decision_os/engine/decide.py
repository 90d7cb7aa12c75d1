"""One decision: pre-checks, branches under the hit policy, record. Pure: no clock, no input or output, no logging."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from decision_os.canonical import fingerprint
from decision_os.engine.inputs import Taken, take
from decision_os.expr import Explanation
from decision_os.model import HitPolicy, RuleBook
from decision_os.plan import Condition, Plan, filled
from decision_os.record import (
    ActionTaken,
    BranchEvidence,
    CheckEvidence,
    DecisionRecord,
    Effect,
    Evidence,
    Outcome,
    Shown,
    Status,
)
from decision_os.units import format_value
from decision_os.values import Reason, Unknown, Value

__all__ = ["Verdict", "decide", "judge"]

Truth: TypeAlias = bool | Unknown


@attrs.frozen
class Verdict:
    """What the conditions came to: the outcome, the branches taken, and why it is blocked or undetermined."""

    outcome: Outcome
    taken: tuple[str, ...] = ()
    unknown: Unknown | None = None
    blocked_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def decide(
    book: RuleBook,
    plan: Plan,
    given: Mapping[str, Any],
    *,
    at: dt.datetime,
    subject: str,
    period: str,
    choose: Mapping[str, float] | None = None,
) -> DecisionRecord:
    """The record of one decision."""
    taken = take(plan, given, at)
    chosen = plan.choices(choose)
    scope: dict[str, Value] = {**taken.values, **chosen}
    verdict = judge(plan, scope, taken)
    return _record(book, plan, taken, scope, chosen, verdict, at=at, subject=subject, period=period)


def judge(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """The outcome of a plan over settled values."""
    blocked = [item for item in taken.listed if isinstance(item.value, Unknown) and Reason.BLOCKED.value in item.value.reasons]
    if blocked:
        unknown = Unknown.merged(item.value for item in blocked if isinstance(item.value, Unknown))
        return Verdict(Outcome.BLOCKED, unknown=unknown, blocked_by=tuple(str(cause) for cause in unknown.causes if cause.reason == Reason.BLOCKED.value))
    failed: list[str] = []
    doubts: list[Unknown] = []
    for check in plan.pre_checks:
        truth = _ask(check, scope, taken.fanned)
        if truth is True:
            continue
        failed.append(check.id)
        if isinstance(truth, Unknown):
            doubts.append(truth)
    if failed:
        return Verdict(Outcome.BLOCKED, unknown=Unknown.merged(doubts) if doubts else None, blocked_by=tuple(failed))
    return _POLICIES[plan.playbook.hit_policy](plan, scope, taken)


def _first(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """The first branch that holds. An unknown one before it matters unless it would do the same."""
    possible: list[str] = []
    doubts: list[Unknown] = []
    winner: Condition | None = None
    for branch in plan.branches:
        truth = _ask(branch, scope, taken.fanned)
        if truth is False:
            continue
        possible.append(branch.action)
        if truth is True:
            winner = branch
            break
        doubts.append(truth)
    if winner is None and possible:
        possible.append("")
    if len(set(possible)) > 1:
        return Verdict(Outcome.UNDETERMINED, unknown=Unknown.merged(doubts))
    return Verdict(Outcome.ACT, (winner.id,)) if winner else Verdict(Outcome.HOLD)


def _unique(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """Exactly one branch may hold; two that do leave the decision undetermined, and say so."""
    truths = [(branch, _ask(branch, scope, taken.fanned)) for branch in plan.branches]
    held = [branch.id for branch, truth in truths if truth is True]
    doubts = [truth for _, truth in truths if isinstance(truth, Unknown)]
    if len(held) > 1:
        both = " and ".join(f"`{name}`" for name in held)
        cause = Unknown.because(Reason.ERROR, "", f"branches {both} both hold, and the hit policy is unique")
        return Verdict(Outcome.UNDETERMINED, unknown=cause, notes=(str(cause.causes[0]),))
    if doubts:
        return Verdict(Outcome.UNDETERMINED, unknown=Unknown.merged(doubts))
    return Verdict(Outcome.ACT, tuple(held)) if held else Verdict(Outcome.HOLD)


def _collect(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> Verdict:
    """Every branch that holds is taken. An unknown one leaves the whole undetermined only where nothing else is decided."""
    truths = [(branch, _ask(branch, scope, taken.fanned)) for branch in plan.branches]
    held = tuple(branch.id for branch, truth in truths if truth is True)
    doubtful = [(branch, truth) for branch, truth in truths if isinstance(truth, Unknown)]
    if doubtful and not held:
        return Verdict(Outcome.UNDETERMINED, unknown=Unknown.merged(truth for _, truth in doubtful))
    notes = tuple(f"branch `{branch.id}` is undetermined: {truth}" for branch, truth in doubtful)
    unknown = Unknown.merged(truth for _, truth in doubtful) if doubtful else None
    return Verdict(Outcome.ACT, held, unknown=unknown, notes=notes) if held else Verdict(Outcome.HOLD)


_POLICIES = {HitPolicy.FIRST: _first, HitPolicy.UNIQUE: _unique, HitPolicy.COLLECT: _collect}


def _ask(condition: Condition, scope: Mapping[str, Value], fanned: Mapping[str, Mapping[str, Value]]) -> Truth:
    """Whether a condition holds; over finer keys, whether it holds for all of them, or for any."""
    if not condition.fanned:
        return _truth(condition, scope)
    decider = not condition.every
    doubts: list[Unknown] = []
    for key in _keys(condition, fanned):
        truth = _truth(condition, _at_key(condition, scope, fanned, key))
        if truth is decider:
            return truth
        if isinstance(truth, Unknown):
            doubts.append(truth)
    return Unknown.merged(doubts) if doubts else condition.every


def _truth(condition: Condition, scope: Mapping[str, Value]) -> Truth:
    answer = condition.expression.evaluate_settled(scope)
    if isinstance(answer, bool | Unknown):
        return answer
    return Unknown.because(Reason.ERROR, "", f"`{condition.expression.text}` gives {answer!r}, not a yes or no")


def _keys(condition: Condition, fanned: Mapping[str, Mapping[str, Value]]) -> list[str]:
    return sorted({key for name in condition.fanned for key in fanned[name]})


def _at_key(condition: Condition, scope: Mapping[str, Value], fanned: Mapping[str, Mapping[str, Value]], key: str) -> dict[str, Value]:
    at = dict(scope)
    for name in condition.fanned:
        found = fanned[name].get(key)
        at[name] = Unknown.because(Reason.MISSING, name, f"no value for {key}") if found is None else found
    return at


def _record(
    book: RuleBook,
    plan: Plan,
    taken: Taken,
    scope: Mapping[str, Value],
    chosen: Mapping[str, float],
    verdict: Verdict,
    *,
    at: dt.datetime,
    subject: str,
    period: str,
) -> DecisionRecord:
    playbook = plan.playbook
    inputs_hash = fingerprint(taken.hashed)
    identity = fingerprint({"node": playbook.id, "subject": subject, "period": period, "rule_book": book.hash, "inputs": inputs_hash, "chosen": dict(chosen)})
    acts = verdict.outcome is Outcome.ACT
    shown = plan.shown(chosen)
    actions = tuple(_action(plan, branch.action, scope, shown) for branch in plan.branches if branch.id in verdict.taken)
    review = plan.review
    return DecisionRecord(
        id=identity,
        node=playbook.id,
        version=playbook.version,
        title=playbook.title,
        subject=subject,
        period=period,
        timestamp=at,
        rule_book=f"{book.id} {book.version}",
        rule_book_hash=book.hash,
        inputs_version=book.metric_layer_ref,
        inputs_hash=inputs_hash,
        inputs=taken.listed,
        outcome=verdict.outcome,
        status=Status.PROPOSED if acts else Status.RECORDED,
        branch=", ".join(verdict.taken) or None,
        action=" and ".join(action.text for action in actions) or None,
        actions=actions,
        otherwise=playbook.otherwise,
        recommended=plan.defaults,
        chosen=chosen,
        thresholds=plan.thresholds,
        causes=verdict.unknown.causes if verdict.unknown is not None else (),
        blocked_by=verdict.blocked_by,
        owner=playbook.owner,
        approvers=playbook.approvers,
        risk_level=playbook.risk.level,
        risk_notes=playbook.risk.note,
        reversibility=playbook.reversibility,
        reversal_plan=plan.reversal,
        monitoring=plan.monitoring,
        review_date=plan.clock.after(at) if plan.clock else None,
        review_agenda=review.id if review else "",
        effects=_effects(plan, subject, identity) if acts else (),
        notes=verdict.notes,
        evidence=lambda: _evidence(plan, scope, taken, verdict, shown),
    )


def _effects(plan: Plan, subject: str, identity: str) -> tuple[Effect, ...]:
    """An action asks each approver, once."""
    reason = f"approve {plan.playbook.id} for {subject}"
    return tuple(Effect(kind="notify", target=role, reason=reason, key=f"{identity}:approve:{role}") for role in plan.playbook.approvers)


def _action(plan: Plan, name: str, scope: Mapping[str, Value], shown: Mapping[str, str]) -> ActionTaken:
    action = plan.playbook.actions[name]
    before = after = None
    if action.lever is not None:
        before, after = _number(action.lever.before.evaluate_settled(scope)), _number(action.lever.after.evaluate_settled(scope))
    return ActionTaken(
        id=action.id,
        text=filled(action.text, shown),
        parts=tuple(filled(part, shown) for part in action.parts),
        lever=action.lever.name if action.lever else "",
        before=before,
        after=after,
        delta=after - before if before is not None and after is not None else None,
        unit=str(action.lever.unit) if action.lever and action.lever.unit is not None else "",
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _evidence(plan: Plan, scope: Mapping[str, Value], taken: Taken, verdict: Verdict, shown: Mapping[str, str]) -> Evidence:
    """Every pre-check and branch traced, whether it mattered or not."""
    checks = tuple(
        CheckEvidence(
            id=check.id,
            label=check.label,
            text=check.expression.text.strip(),
            holds=_known(_ask(check, scope, taken.fanned)),
            conditions=_traced(check, scope, taken).conditions,
        )
        for check in plan.pre_checks
    )
    branches = []
    reached = verdict.outcome is not Outcome.BLOCKED
    for branch in plan.branches:
        holds = _known(_ask(branch, scope, taken.fanned))
        branches.append(
            BranchEvidence(
                id=branch.id,
                action=filled(plan.playbook.actions[branch.action].text, shown),
                text=branch.expression.text.strip(),
                holds=holds,
                taken=branch.id in verdict.taken,
                reached=reached,
                conditions=_traced(branch, scope, taken).conditions,
            )
        )
        if holds is True and plan.playbook.hit_policy is HitPolicy.FIRST:
            reached = False
    return Evidence(pre_checks=checks, branches=tuple(branches), projections=_projections(plan, scope, taken))


def _known(truth: Truth) -> bool | None:
    return truth if isinstance(truth, bool) else None


def _traced(condition: Condition, scope: Mapping[str, Value], taken: Taken) -> Explanation:
    """The trace of a condition; over finer keys, that of the key that decided it, or came nearest to."""
    if not condition.fanned:
        return condition.expression.explain(scope)
    traces = [condition.expression.explain(_at_key(condition, scope, taken.fanned, key)) for key in _keys(condition, taken.fanned)]
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
