"""The steps of a decision's life. Each takes a record and gives a new one and the event; `apply` is the one gate they all pass."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, Protocol

import attrs

from decision_os.errors import InputError, LifecycleError
from decision_os.lifecycle import monitoring
from decision_os.lifecycle.approvals import approvals, binding, content_hash, missing_roles, person_key, proposer, role_named, until
from decision_os.record import DecisionRecord, Event, EventKind, LedgerProof, MonitorReport, Outcome, ReversalOutcome, ReversalRun, Status
from decision_os.values import as_text, zoned

__all__ = [
    "Receipt",
    "allowed",
    "apply",
    "approve",
    "carried_out",
    "execute",
    "executed_at",
    "keep",
    "monitor",
    "newborn",
    "propose",
    "reject",
    "reverse",
    "same_proposal",
]


class Receipt(Protocol):
    """What a ledger gives back for an append: `content` is the hash of what was appended."""

    @property
    def seq(self) -> int:
        """The place of the entry."""
        ...

    @property
    def hash(self) -> str:
        """The hash of the entry, its place and what stands before it included."""
        ...

    @property
    def ledger(self) -> str:
        """The id of the ledger."""
        ...

    @property
    def content(self) -> str:
        """The hash of what was appended."""
        ...


_ANOTHER: Final = "let somebody else approve in one of the roles"

_FROM_HERE: Final[Mapping[Status, tuple[str, ...]]] = {
    Status.PROPOSED: ("approve", "reject"),
    Status.APPROVED: ("execute", "approve", "reject"),
    Status.EXECUTED: ("monitor", "keep", "reverse"),
}


def allowed(record: DecisionRecord) -> tuple[str, ...]:
    """The steps that a record may take from where it stands; none for what has ended, and for a decision not to act.

    Whether a step succeeds depends on who takes it and when: an approval that has ended does not let anybody execute.
    """
    if record.outcome is not Outcome.ACT:
        return ()
    if not record.life:
        return ("propose",) if record.status is Status.PROPOSED else ()
    return _FROM_HERE.get(record.status, ())


def newborn(record: DecisionRecord) -> DecisionRecord:
    """A record as the engine made it; its life can be lived again."""
    status = Status.PROPOSED if record.outcome is Outcome.ACT else Status.RECORDED
    return attrs.evolve(record, life=(), status=status, reversal_outcome=None)


def carried_out(record: DecisionRecord, what: str) -> None:
    """Refuse a record that cannot be `what`: one that is not executed, or is not what was executed."""
    _standing(record, what, Status.EXECUTED)
    executed = next((event for event in record.life if event.kind is EventKind.EXECUTED), None)
    if executed is None:
        _refuse(record, f"cannot be {what}: nothing says that it was executed")
    if executed.binds != binding(record):
        _refuse(record, f"cannot be {what}: it was changed since it was executed", hint="take the record that was, from the ledger: `lifecycle.current`")


def executed_at(record: DecisionRecord) -> dt.datetime | None:
    """When the action was carried out, or None."""
    return next((event.at for event in record.life if event.kind is EventKind.EXECUTED), None)


def same_proposal(record: DecisionRecord, known: Iterable[DecisionRecord]) -> DecisionRecord | None:
    """The record among those known that is the same proposal, as far as it has come: same decision, subject, period, rules, inputs and choice."""
    return next((other for other in known if other.id == record.id), None)


def propose(record: DecisionRecord, *, person: str, at: dt.datetime, known: Iterable[DecisionRecord] = ()) -> tuple[DecisionRecord, Event]:
    """Bring a decision to act before those who approve it. `person` is who, or which job, proposes it; `known` are the proposals there are.

    Raises `LifecycleError` for a decision that is not to act, for one proposed already, and where the same proposal is among those known.
    """
    earlier = same_proposal(record, known)
    if earlier is not None:
        hint = "go on with that record" if allowed(earlier) else "its life is over; other inputs, another period or another choice make another proposal"
        _refuse(record, f"is the same proposal as one of {earlier.timestamp:%Y-%m-%d}, which is {earlier.status.value}", hint=hint)
    return _step(record, Event(record=record.id, kind=EventKind.PROPOSED, at=_zoned(at), person=person, binds=binding(record)))


def approve(record: DecisionRecord, *, person: str, role: str, at: dt.datetime) -> tuple[DecisionRecord, Event]:
    """One person's approval in one role. The record is approved when every role it names has approved and none of them has ended.

    Raises `LifecycleError` for a role that does not approve here, for the same approval again while it holds, and for an approval
    that would leave the proposer as the only person who approved.
    """
    when = _zoned(at)
    event = Event(
        record=record.id,
        kind=EventKind.APPROVED,
        at=when,
        person=person,
        role=role_named(record, as_text(role, "role")),
        binds=binding(record),
        until=until(record, when),
    )
    return _step(record, event)


def reject(record: DecisionRecord, *, person: str, role: str, at: dt.datetime, reason: str) -> tuple[DecisionRecord, Event]:
    """The end of a proposal, by one of its approvers or its owner; also of one that is approved and not executed.

    Raises `LifecycleError` for a role that is neither, and without a reason.
    """
    named = role_named(record, as_text(role, "role"), also=(record.owner,))
    return _step(record, Event(record=record.id, kind=EventKind.REJECTED, at=_zoned(at), person=person, role=named, reason=as_text(reason, "reason").strip()))


def execute(record: DecisionRecord, *, person: str, receipt: Receipt, at: dt.datetime, known: Iterable[DecisionRecord] = ()) -> tuple[DecisionRecord, Event]:
    """Say that the action was carried out. `receipt` is what the ledger gave back for the approved record; `known` are the decisions there are.

    Raises `LifecycleError` where an approval is missing, has ended or was given for something else, for a receipt of anything but this
    record with these approvals, for a life that cannot have happened, and where one of those known on the same subject is still watched (cooldown). That
    the ledger still holds the entry is for `lifecycle.current` and `Ledger.verify` to say.
    """
    for other in known:
        if (other.node, other.subject, other.status) == (record.node, record.subject, Status.EXECUTED) and other.id != record.id:
            _refuse(record, f"is in cooldown: the action of {other.period} ({other.action}) is still being monitored", hint="keep or reverse that one first")
    lacking = [name for name in ("seq", "hash", "ledger", "content") if not hasattr(receipt, name)]
    if lacking:
        raise InputError(f"a {type(receipt).__name__} is no receipt of a ledger", name="receipt", hint="hand in what `ledger.append(record)` gives back")
    proof = LedgerProof(seq=receipt.seq, hash=receipt.hash, ledger=receipt.ledger, content=receipt.content)
    return _step(record, Event(record=record.id, kind=EventKind.EXECUTED, at=_zoned(at), person=person, binds=binding(record), receipt=proof))


def monitor(record: DecisionRecord, observations: Mapping[str, Any], *, at: dt.datetime, person: str = "") -> tuple[DecisionRecord, Event]:
    """Judge what was observed since the execution; the event's `report` says how everything watched stands. See `report`.

    Raises `LifecycleError` for a record that is not executed, `InputError` for observations that cannot be read.
    """
    when = executed_at(record)
    carried_out(record, "monitored")
    if when is None:
        _refuse(record, "cannot be monitored")
    found = monitoring.report(record, observations, executed=when, at=_zoned(at))
    return _step(record, Event(record=record.id, kind=EventKind.MONITORED, at=_zoned(at), person=person, report=found))


def keep(record: DecisionRecord, *, person: str, at: dt.datetime, reason: str = "") -> tuple[DecisionRecord, Event]:
    """End the watch: the action stays.

    Raises `LifecycleError` unless the last report says that every window is over and everything stayed within; with a `reason`, a person may keep it
    all the same, and the reason is on the record.
    """
    return _step(record, Event(record=record.id, kind=EventKind.KEPT, at=_zoned(at), person=person, reason=reason.strip()))


def reverse(record: DecisionRecord, run: ReversalRun, *, person: str, reason: str) -> tuple[DecisionRecord, Event]:
    """Record an attempt to undo the action. Only one that undid all of it makes the record reversed; after another it may be tried again.

    `decision_os.reversal.carry_out` makes the attempt and calls this. Raises `LifecycleError` for a record that is not executed.
    """
    kind = EventKind.REVERSED if run.outcome is ReversalOutcome.DONE else EventKind.REVERSAL_FAILED
    return _step(record, Event(record=record.id, kind=kind, at=run.ended, person=person, reason=reason.strip(), reversal=run))


# --- the gate --------------------------------------------------------------------------------------------------------------


def apply(record: DecisionRecord, event: Event) -> DecisionRecord:
    """The record after an event. Raises `LifecycleError` where the event is not one that may happen to it now."""
    if event.record != record.id:
        _refuse(record, f"is record {record.id}, and the event is one of {event.record}")
    if event.kind is not EventKind.MONITORED and not person_key(as_text(event.person, "person")):
        _refuse(record, f"cannot be {event.kind.value.replace('_', ' ')} by nobody", hint="say who: `person=`")
    if event in record.life:
        _refuse(record, f"is {event.kind.value.replace('_', ' ')} by this very event already")
    _in_order(record, event)
    return attrs.evolve(record, **{"life": (*record.life, event), **_GATES[event.kind](record, event)})


def _in_order(record: DecisionRecord, event: Event) -> None:
    # Approvals are given independently, by clocks that differ: they need not be in the order of their times, and one that is years ahead holds nothing up.
    before = [past.at for past in record.life if past.kind is not EventKind.APPROVED] or [record.timestamp]
    if event.at < max(before):
        _refuse(record, f"cannot be {event.kind.value.replace('_', ' ')} at {event.at.isoformat()}, before what had happened by {max(before).isoformat()}")


def _propose(record: DecisionRecord, event: Event) -> dict[str, Any]:
    if record.outcome is not Outcome.ACT:
        _refuse(record, f"came to {record.outcome.value}: only a decision to act can be proposed")
    _bound(record, event)
    if record.status not in (Status.PROPOSED, Status.APPROVED) or (record.life and record.life[0].binds == event.binds):
        _refuse(record, "cannot be proposed again")
    return {"status": Status.PROPOSED, "life": (event,)}  # one that was changed begins anew: what was approved before was something else


def _approve(record: DecisionRecord, event: Event) -> dict[str, Any]:
    _standing(record, "approved", Status.PROPOSED, Status.APPROVED)
    _bound(record, event)
    if event.role not in record.approvers:
        _refuse(record, f"is not for `{event.role}` to approve", hint=f"those who do: {', '.join(record.approvers)}")
    if event.until != until(record, event.at):
        _refuse(record, f"has an approval until {event.until}, and approvals hold {record.terms.approvals_hold}")
    for given in approvals(record, event.at):
        if given.role == event.role and person_key(given.person) == person_key(event.person):
            _refuse(record, f"is approved by `{given.person}` as {given.role} already, until {given.until:%Y-%m-%d %H:%M %Z}")
    if record.status is Status.APPROVED:
        return {}  # whether the approvals hold is asked when it is executed
    after = attrs.evolve(record, life=(*record.life, event))
    latest = max(past.at for past in after.life)
    if missing_roles(after, latest):
        return {"status": Status.PROPOSED}
    if _alone(after, latest):
        _refuse(record, f"was proposed by `{proposer(record)}`, who cannot be the only one to approve it", hint=_ANOTHER)
    return {"status": Status.APPROVED}


def _alone(record: DecisionRecord, at: dt.datetime) -> bool:
    """Whether nobody approves but the one who proposed."""
    return {person_key(given.person) for given in approvals(record, at)} <= {person_key(proposer(record))}


def _reject(record: DecisionRecord, event: Event) -> dict[str, Any]:
    _standing(record, "rejected", Status.PROPOSED, Status.APPROVED)
    if event.role not in (*record.approvers, record.owner):
        _refuse(record, f"is not for `{event.role}` to reject")
    if not event.reason:
        _refuse(record, "cannot be rejected without a reason", hint="say why: `reason=`")
    return {"status": Status.REJECTED}


def _execute(record: DecisionRecord, event: Event) -> dict[str, Any]:
    _standing(record, "executed", Status.APPROVED)
    _bound(record, event)
    _lived(record)
    lacking = missing_roles(record, event.at)
    if lacking:
        _refuse(record, f"lacks the approval of {', '.join(lacking)} at {event.at:%Y-%m-%d %H:%M %Z}", hint=_why_lacking(record, lacking, event.at))
    if _alone(record, event.at):
        _refuse(record, f"is approved by nobody but `{proposer(record)}`, who proposed it", hint=_ANOTHER)
    if event.receipt is None or not event.receipt.hash or not _holds(record, event.receipt, event.at):
        hint = "append the approved record, and hand in what that gives back: `receipt=ledger.append(record)`"
        _refuse(record, "cannot be executed on the receipt of another entry", hint=hint)
    return {"status": Status.EXECUTED}


def _lived(record: DecisionRecord) -> None:
    """Refuse a record whose life was not lived step by step."""
    again = newborn(record)
    try:
        for event in record.life:
            again = apply(again, event)
    except LifecycleError as error:
        _refuse(record, f"has a life that cannot have happened: {error.message}")
    if (again.status, again.life) != (record.status, record.life):
        _refuse(record, f"has a life that leaves it {again.status.value}")


def _holds(record: DecisionRecord, proof: LedgerProof, at: dt.datetime) -> bool:
    """Whether the entry holds this record with all its approvals: as it stands, or as it stood before approvals that came later."""
    for count in range(len(record.life), 0, -1):
        before = attrs.evolve(record, life=record.life[:count])
        if missing_roles(before, at):
            return False
        if content_hash(before) == proof.content:
            return True
    return False


def _why_lacking(record: DecisionRecord, lacking: tuple[str, ...], at: dt.datetime) -> str:
    given = [event for event in record.life if event.kind is EventKind.APPROVED and event.role in lacking]
    if any(event.until is not None and event.until <= at for event in given):
        return f"approvals hold {record.terms.approvals_hold}, and theirs has ended: approve again"
    return ""


def _monitor(record: DecisionRecord, event: Event) -> dict[str, Any]:
    carried_out(record, "monitored")
    if event.report is None:
        _refuse(record, "cannot be monitored without a report")
    watched, planned = ([(each.id, each.metric, each.condition) for each in several] for several in (event.report.watches, record.monitoring))
    if watched != planned:
        _refuse(record, "cannot be monitored by a report on something else than its plan watches")
    return {}


def _keep(record: DecisionRecord, event: Event) -> dict[str, Any]:
    carried_out(record, "kept")
    last = _last_report(record)
    if not event.reason and (last is None or not last.settled):
        _refuse(record, f"cannot be kept: {_unsettled(last)}", hint="wait, or say why it is kept all the same: `reason=`")
    return {"status": Status.KEPT}


def _last_report(record: DecisionRecord) -> MonitorReport | None:
    return next((event.report for event in reversed(record.life) if event.kind is EventKind.MONITORED), None)


def _unsettled(last: MonitorReport | None) -> str:
    if last is None:
        return "it was not monitored yet"
    if not last.watches:
        return "nothing is watched"
    told = [f"{watch.id} is {watch.state.value}{'' if watch.complete else f', {watch.due} of {watch.periods} periods over'}" for watch in last.watches]
    return "; ".join(told)


def _reverse(record: DecisionRecord, event: Event) -> dict[str, Any]:
    carried_out(record, "reversed")
    run, plan = event.reversal, record.reversal_plan
    if run is None:
        _refuse(record, "cannot be reversed without an account of it")
    due = monitoring.deadline(record, run.started)
    if (run.plan, run.kind, run.deadline) != (plan.plan, plan.kind, due):
        _refuse(record, f"cannot be reversed by another plan than {plan.plan}, due {due:%Y-%m-%d %H:%M %Z}")
    if (run.outcome is ReversalOutcome.DONE) is not (event.kind is EventKind.REVERSED):
        _refuse(record, f"cannot be {event.kind.value} by a reversal that is {run.outcome.value}")
    done = run.outcome is ReversalOutcome.DONE
    timely = "" if not done else ", in time" if run.in_time else f", late: it was due by {run.deadline:%Y-%m-%d %H:%M %Z}"
    left = f"; left to do: {', '.join(run.left)}" if run.left else ""
    told = f"{run.outcome.value} at {run.ended:%Y-%m-%d %H:%M %Z}{timely}{left}"
    return {"reversal_outcome": told, **({"status": Status.REVERSED} if done else {})}


_GATES: Final[Mapping[EventKind, Callable[[DecisionRecord, Event], dict[str, Any]]]] = {
    EventKind.PROPOSED: _propose,
    EventKind.APPROVED: _approve,
    EventKind.REJECTED: _reject,
    EventKind.EXECUTED: _execute,
    EventKind.MONITORED: _monitor,
    EventKind.KEPT: _keep,
    EventKind.REVERSED: _reverse,
    EventKind.REVERSAL_FAILED: _reverse,
}


def _standing(record: DecisionRecord, what: str, *wanted: Status) -> None:
    if record.status not in wanted or not record.life:
        _refuse(record, f"cannot be {what}")


def _bound(record: DecisionRecord, event: Event) -> None:
    if event.binds != binding(record):
        _refuse(record, f"is not what was {event.kind.value}: inputs, choice, action or rules differ", hint="each version needs its own approvals")
    if event.kind is not EventKind.PROPOSED and record.life[0].binds != event.binds:
        _refuse(record, "was changed since it was proposed", hint="propose what it is now")


def _step(record: DecisionRecord, event: Event) -> tuple[DecisionRecord, Event]:
    return apply(record, event), event


def _zoned(at: dt.datetime) -> dt.datetime:
    if not isinstance(at, dt.datetime) or at.utcoffset() is None:
        raise InputError("`at` is no instant with a zone", name="at", hint="give an aware datetime, as in `datetime(2026, 10, 6, 14, tzinfo=UTC)`")
    return zoned(at)


def _refuse(record: DecisionRecord, what: str, *, hint: str = "") -> NoReturn:
    stands = record.status.value if record.life or record.status is not Status.PROPOSED else "decided and not yet proposed"
    raise LifecycleError(f"{record.node} for {record.subject}, {record.period} ({stands}) {what}", allowed=allowed(record), hint=hint)
