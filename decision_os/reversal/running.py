"""One attempt to undo a decision: ordered, tried, timed, and put on record whatever came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Protocol

import attrs

from decision_os import lifecycle
from decision_os.errors import InputError, LifecycleError
from decision_os.record import ActionTaken, DecisionRecord, Event, ReversalKind, ReversalOutcome, ReversalRun
from decision_os.values import zoned

__all__ = ["Order", "Reverser", "Undone", "carry_out", "order_for"]


@attrs.frozen(kw_only=True)
class Order:
    """What has to be undone, and how. Two attempts to undo the same execution have the same `key`.

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
    lifecycle.carried_out(record, "reversed")
    plan = record.reversal_plan
    return Order(
        key=_key(record),
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


def _key(record: DecisionRecord) -> str:
    """The same for every attempt at one execution. The same decision carried out once more, on another receipt, is undone anew."""
    receipt = next((event.receipt for event in record.life if event.receipt is not None), None)
    return f"{record.id}:reverse{f':{receipt.hash}' if receipt else ''}"


def carry_out(record: DecisionRecord, reverser: Reverser, *, person: str, reason: str, clock: Callable[[], dt.datetime] = _now) -> tuple[DecisionRecord, Event]:
    """Undo an executed decision, and give back the record and the event, whatever came of it.

    An adapter that raises, or says nothing of what it did, has failed; one that leaves steps has done a part: the record stays executed and the attempt
    can be made again. Neither freshness nor a clock has a say here: a reversal is never frozen, and by a clock that lags behind what happened already it
    counts as done no earlier than that, which the record says. What happens is logged under `decision_os.reversal`, without the values of any input.

    Raises `LifecycleError`, and touches nothing, where the record may not be reversed, or nobody or no reason is given; `InputError` for a clock
    without a zone.
    """
    told = _zoned(clock())
    started = max(told, *(event.at for event in record.life), record.timestamp)
    order = order_for(record, started)
    if not person.strip() or not reason.strip():
        raise LifecycleError(f"{record.node} for {record.subject} is not reversed by nobody or for no reason", allowed=lifecycle.allowed(record))
    _log("info", "reversal.started", record, order)
    detail = ""
    done: tuple[str, ...] = ()
    left = order.steps
    try:
        undone = _said(reverser.undo(order))
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
        ended=max(started, _zoned(clock())),
        deadline=order.deadline,
        done=done,
        left=left,
        detail="; ".join(filter(None, (detail, _lag(told, started)))),
    )
    after, event = lifecycle.reverse(record, run, person=person, reason=reason)
    _log("info" if run.in_time else "warning", f"reversal.{outcome.value}", record, order, in_time=run.in_time, left=len(left))
    return after, event


def _zoned(at: dt.datetime) -> dt.datetime:
    if not isinstance(at, dt.datetime) or at.utcoffset() is None:
        raise InputError("`clock` gives an instant without a zone", name="clock", hint="for example `lambda: datetime.now(UTC)`")
    return zoned(at)


def _said(undone: object) -> Undone:
    if not isinstance(undone, Undone):
        raise TypeError(f"`undo` gave back a {type(undone).__name__} and not what was `Undone`: whether anything was is not known")
    return undone


def _lag(told: dt.datetime, started: dt.datetime) -> str:
    return "" if told == started else f"the clock said {told:%Y-%m-%d %H:%M:%S %Z}, before what had happened by {started:%Y-%m-%d %H:%M:%S %Z}"


def _log(level: str, event: str, record: DecisionRecord, order: Order, **details: object) -> None:
    """Say something in the caller's own log: names and hashes, never values, and not the words of an error, which may hold a secret."""
    import structlog  # noqa: PLC0415  # it takes longer to import than the rest of this room

    logger = structlog.get_logger("decision_os.reversal")
    getattr(logger, level)(event, record=record.id, node=record.node, subject=record.subject, plan=order.plan, deadline=order.deadline.isoformat(), **details)
