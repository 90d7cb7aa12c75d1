"""One attempt to undo a decision: ordered, tried, timed, and put on record whatever came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

import attrs

from decision_os import lifecycle
from decision_os.errors import LifecycleError
from decision_os.record import ActionTaken, DecisionRecord, Event, ReversalKind, ReversalOutcome, ReversalRun

__all__ = ["Order", "Reverser", "Undone", "carry_out", "order_for"]


@attrs.frozen(kw_only=True)
class Order:
    """What has to be undone, and how. Two attempts at the same decision have the same `key`.

    `actions` are those that were taken, with their levers: `before` is what to go back to where the plan names nothing.
    """

    key: str
    kind: ReversalKind
    plan: str
    steps: tuple[str, ...]
    flag: str
    to: str
    replay: str
    actions: tuple[ActionTaken, ...]
    node: str
    subject: str
    deadline: dt.datetime


@attrs.frozen(kw_only=True)
class Undone:
    """What an adapter did: the steps done, those left to do, and what a reader of the record should know."""

    done: tuple[str, ...]
    left: tuple[str, ...] = ()
    detail: str = ""


class Reverser(Protocol):
    """Whatever can undo an action: a flag service, a price card, a budget, a router.

    An attempt may be made again after a crash: with a key it has seen, an adapter does again only what it did not do before. It raises where
    it did nothing, and says what is `left` where it did a part.
    """

    def undo(self, order: Order) -> Undone:
        """Undo it, or as much of it as can be undone now."""
        ...


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def order_for(record: DecisionRecord, at: dt.datetime) -> Order:
    """The order that undoes a record, given at an instant. Raises `LifecycleError` for one that may not be reversed."""
    if "reverse" not in lifecycle.allowed(record):
        message = f"{record.node} for {record.subject}, {record.period} ({record.status.value}) cannot be reversed"
        raise LifecycleError(message, allowed=lifecycle.allowed(record))
    plan = record.reversal_plan
    return Order(
        key=f"{record.id}:reverse",
        kind=plan.kind,
        plan=plan.plan,
        steps=plan.steps,
        flag=plan.flag,
        to=plan.to,
        replay=plan.replay,
        actions=record.actions,
        node=record.node,
        subject=record.subject,
        deadline=lifecycle.deadline(record, at),
    )


def carry_out(record: DecisionRecord, reverser: Reverser, *, person: str, reason: str, clock: Callable[[], dt.datetime] = _now) -> tuple[DecisionRecord, Event]:
    """Undo an executed decision, and give back the record and the event, whatever came of it.

    An adapter that raises has failed, one that leaves steps has done a part: the record stays executed and the attempt can be made again. Freshness
    has no say here: a reversal is never frozen. What happens is logged under `decision_os.reversal`, without the values of any input.

    Raises `LifecycleError`, and touches nothing, where the record may not be reversed, or nobody or no reason is given.
    """
    started = clock()
    order = order_for(record, started)
    if not person.strip() or not reason.strip():
        raise LifecycleError(f"{record.node} for {record.subject} is not reversed by nobody or for no reason", allowed=lifecycle.allowed(record))
    _log("info", "reversal.started", record, order)
    detail = ""
    done: tuple[str, ...] = ()
    left = order.steps
    try:
        undone = reverser.undo(order)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is the outcome of the attempt, and goes on record
        outcome, detail = ReversalOutcome.FAILED, f"{type(error).__name__}: {error}"
    else:
        done, left, detail = undone.done, undone.left, undone.detail
        outcome = ReversalOutcome.PARTIAL if left else ReversalOutcome.DONE
    run = ReversalRun(
        key=order.key,
        plan=order.plan,
        kind=order.kind,
        outcome=outcome,
        started=started,
        ended=max(started, clock()),
        deadline=order.deadline,
        done=done,
        left=left,
        detail=detail,
    )
    after, event = lifecycle.reverse(record, run, person=person, reason=reason)
    _log("info" if run.in_time else "warning", f"reversal.{outcome.value}", record, order, in_time=run.in_time, left=len(left))
    return after, event


def _log(level: str, event: str, record: DecisionRecord, order: Order, **details: object) -> None:
    """Say something in the caller's own log: names and hashes, never values, and not the words of an error, which may hold a secret."""
    import structlog  # noqa: PLC0415  # it takes longer to import than the rest of this room

    logger = structlog.get_logger("decision_os.reversal")
    getattr(logger, level)(event, record=record.id, node=record.node, subject=record.subject, plan=order.plan, deadline=order.deadline.isoformat(), **details)
