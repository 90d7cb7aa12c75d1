"""Records brought back to where they stood, from the events of their life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import attrs

from decision_os.errors import InputError, LifecycleError, NotFoundError, RecordError
from decision_os.lifecycle.approvals import binding, content_hash
from decision_os.lifecycle.steps import apply, newborn
from decision_os.readonly import read_only
from decision_os.record import DecisionRecord, Event, EventKind, Status

__all__ = ["Lives", "current", "replay"]


_EVENTS: Final = "decision-os/"
"""What the events of a life begin to say they are; what follows is the version of their form."""


class LedgerEntry(Protocol):
    """An entry of a ledger: what kind it is, its place, and what was appended."""

    @property
    def seq(self) -> int:
        """The place of the entry."""
        ...

    @property
    def kind(self) -> str:
        """`record`, `log` or `event`."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """What was appended, as plain data."""
        ...

    @property
    def hash(self) -> str:
        """Its hash, as its receipt has it."""
        ...


def replay(record: DecisionRecord, events: Iterable[Event]) -> DecisionRecord:
    """The record after all of these events, in their order. One that has happened to it already is passed over.

    Raises `LifecycleError` at the first event that may not happen to the record as it then stands.
    """
    for event in events:
        if event not in record.life:
            record = apply(record, event)
    return record


@attrs.frozen(kw_only=True)
class Lives:
    """The records of a ledger as far as they have come, by their identity; and what stands in it that could not have happened.

    `refused` says of each such entry why: two processes that both executed the same record, an approval of another version, an execution on the receipt
    of an entry that does not stand before it, an event that cannot be read.
    """

    records: Mapping[str, DecisionRecord] = attrs.field(converter=read_only)
    refused: tuple[str, ...] = ()

    def open(self) -> tuple[DecisionRecord, ...]:
        """Those whose life goes on: proposed, approved, or executed and still watched. Hand them to `Engine.run` as `open_decisions`."""
        return tuple(record for record in self.records.values() if record.life and record.status in (Status.PROPOSED, Status.APPROVED, Status.EXECUTED))

    def of(self, node: str, subject: str | None = None) -> DecisionRecord:
        """The newest record of a decision that was proposed. Raises `NotFoundError` where there is none."""
        found = [record for record in self.records.values() if record.node == node and subject in (None, record.subject) and record.life]
        if not found:
            raise NotFoundError(f"no proposal of `{node}`{f' for `{subject}`' if subject else ''} in the ledger")
        return max(found, key=lambda record: record.timestamp)


def current(entries: Iterable[LedgerEntry]) -> Lives:
    """Every record of a ledger as far as it has come: what was appended of it, and every event since.

    Each event passes the same gate as when it happened, and an execution is asked for the entry that its receipt is of. Entries that are neither
    records nor events of a life are passed over; those that say they are and cannot be read are `refused`, with the others going on. Of a decision that
    lived on from one ledger into the next, hand in the entries of both, `itertools.chain(old, new)`.
    """
    told = _Told()
    for entry in entries:
        if isinstance(entry, DecisionRecord):
            raise InputError("the entries of a ledger are asked for, not records", name="entries", hint="hand in the ledger itself: `current(ledger)`")
        try:
            if entry.kind == "record":
                told.record(entry)
            elif entry.kind == "event" and str(entry.body.get("event", "")).startswith(_EVENTS):
                told.event(entry)
        except RecordError as error:
            told.refused.append(f"entry {entry.seq}: {error}")
    return Lives(records=told.lives, refused=tuple(told.refused))


class _Told:
    """The lives as far as the entries have told them: what happened happened in the order of the entries."""

    def __init__(self) -> None:
        self.lives: dict[str, DecisionRecord] = {}
        self.refused: list[str] = []
        self._first: dict[str, DecisionRecord] = {}
        """Of each identity, the record that stands first."""
        self._again: dict[str, dict[str, DecisionRecord]] = {}
        """The same decided again, on other samples too, by the hash that an approval is bound to: worked out only where it is."""
        self._held: dict[str, str] = {}
        """Of the entries that hold a record with a life: their hash → that of what they hold. Only such an entry is one to execute on."""

    def record(self, entry: LedgerEntry) -> None:
        """A record: one that is new, the same decided again, or one that was appended with what had happened to it."""
        found = DecisionRecord.from_dict(entry.body)
        fresh = newborn(found)
        first = self._first.setdefault(found.id, fresh)
        if first is not fresh:
            if binding(attrs.evolve(first, inputs=())) != binding(attrs.evolve(fresh, inputs=())):
                self.refused.append(f"entry {entry.seq}: another record under the identity of one that stands before it ({found.id}): its rules differ")
                return
            self._again.setdefault(found.id, {binding(first): first}).setdefault(binding(fresh), fresh)
        self.lives.setdefault(found.id, fresh)
        for event in found.life:
            self._happen(entry.seq, event)
        if found.life:
            self._held[entry.hash] = content_hash(found)
            self.lives[found.id] = _ordered(self.lives[found.id], found.life)

    def event(self, entry: LedgerEntry) -> None:
        """An event in the life of a record that stands before it."""
        event = Event.from_dict(entry.body)
        if event.record in self.lives:
            self._happen(entry.seq, event)
        else:
            self.refused.append(f"entry {entry.seq}: {event.kind.value}, and the record it happened to ({event.record}) does not stand before it")

    def _happen(self, seq: int, event: Event) -> None:
        record, proof = self.lives[event.record], event.receipt
        if event in record.life:
            return
        if proof is not None and self._held.get(proof.hash) != proof.content:
            self.refused.append(f"entry {seq}: executed on the receipt of entry {proof.seq} of ledger {proof.ledger}, which does not stand before it")
            return
        if event.kind is EventKind.PROPOSED and record.status in (Status.PROPOSED, Status.APPROVED):
            record = self._again.get(event.record, {}).get(event.binds, record) if event.binds != binding(record) else record
        try:
            self.lives[event.record] = apply(record, event)
        except LifecycleError as error:
            self.refused.append(f"entry {seq}: {error}")


def _ordered(record: DecisionRecord, life: tuple[Event, ...]) -> DecisionRecord:
    """The same record with its approvals in the order of the entry that was appended: that order is part of what a receipt is of."""
    if not set(life) <= set(record.life) or life == record.life[: len(life)]:
        return record
    order = (*life, *(event for event in record.life if event not in life))
    try:
        again = replay(newborn(record), order)
    except LifecycleError:
        return record
    return again if again.status is record.status else record
