"""Records brought back to where they stood, from the events of their life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import attrs

from decision_os.errors import LifecycleError, NotFoundError
from decision_os.lifecycle.steps import apply
from decision_os.record import DecisionRecord, Event, Outcome, Status

__all__ = ["Lives", "current", "replay"]


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


def replay(record: DecisionRecord, events: Iterable[Event]) -> DecisionRecord:
    """The record after all of these events, in their order. One that has happened to it already is passed over.

    Raises `LifecycleError` at the first event that may not happen to the record as it then stands.
    """
    for event in events:
        if event not in record.life:
            record = apply(record, event)
    return record


def _read_only(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


@attrs.frozen(kw_only=True)
class Lives:
    """The records of a ledger as far as they have come, by their identity; and what stands in it that could not have happened.

    `refused` says of each such entry why: two processes that both executed the same record, an approval of another version.
    """

    records: Mapping[str, DecisionRecord] = attrs.field(converter=_read_only)
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

    Each event passes the same gate as when it happened. Entries that are neither records nor events of a life are passed over. Raises `RecordError`
    for an entry that says it is one and cannot be read.
    """
    lives: dict[str, DecisionRecord] = {}
    refused: list[str] = []

    def live(seq: int, record: DecisionRecord, events: Iterable[Event]) -> DecisionRecord:
        for event in events:
            try:
                record = replay(record, (event,))
            except LifecycleError as error:
                refused.append(f"entry {seq}: {error}")
        return record

    for entry in entries:
        if entry.kind == "record":
            found = DecisionRecord.from_dict(entry.body)
            known = lives.get(found.id)
            if known is None or found.life:  # without a life it is the same proposal, decided again
                lives[found.id] = live(entry.seq, _newborn(found), (*found.life, *(known.life if known else ())))
        elif entry.kind == "event" and "event" in entry.body and "record" in entry.body:
            event = Event.from_dict(entry.body)
            if event.record in lives:
                lives[event.record] = live(entry.seq, lives[event.record], (event,))
            else:
                refused.append(f"entry {entry.seq}: {event.kind.value}, and the record it happened to ({event.record}) does not stand before it")
    return Lives(records=lives, refused=tuple(refused))


def _newborn(record: DecisionRecord) -> DecisionRecord:
    """A record as the engine made it; its life is lived again."""
    status = Status.PROPOSED if record.outcome is Outcome.ACT else Status.RECORDED
    return attrs.evolve(record, life=(), status=status, reversal_outcome=None)
