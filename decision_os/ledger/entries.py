"""What goes into a journal of decisions and what comes back: entries, receipts, checkpoints, findings. Pure data, and the protocol."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

import attrs

from decision_os.record import DecisionRecord, Event, LogEntry

__all__ = ["Checkpoint", "Durability", "Entry", "Item", "Journal", "Problem", "Receipt", "Recovery", "Verification"]

Durability: TypeAlias = Literal["none", "flush", "fsync"]
"""What a receipt promises; see `Ledger`."""

Item: TypeAlias = DecisionRecord | Event | LogEntry | Mapping[str, Any]
"""What can be appended: a record, an event in its life, its log form, or an event of your own as a mapping."""


@attrs.frozen
class Receipt:
    """What an append gives back: the entry's place (counted from 1) and hash, and the id of the ledger that holds it.

    `content` is the hash of what was appended, over its canonical plain form: by it `lifecycle.execute` knows of what this is the receipt.
    """

    seq: int
    hash: str
    ledger: str
    content: str = ""


class Journal(Protocol):
    """Whatever keeps decisions. `Ledger` is the one that comes with the library; a table of your database can be another.

    A receipt is a promise: whoever has one will find the entry at that place. So `append` returns when the entry is kept, and raises
    when it is not. Two appends, from wherever they come, never get the same place.
    """

    def append(self, item: Item, *, at: dt.datetime | None = None) -> Receipt:
        """Keep one item; `at` is when it happened, with a zone, and now unless given."""
        ...


@attrs.frozen
class Entry:
    """One entry as it stands in the ledger. `kind` is `record`, `log` or `event`; `body` is what was appended, as plain data."""

    seq: int
    at: dt.datetime
    kind: str
    body: Mapping[str, Any]
    prev: str
    hash: str


@attrs.frozen
class Checkpoint:
    """How far a ledger had come: bytes, entries, and the hash of the last line. Keep it where the ledger's writers cannot reach it."""

    size: int
    entries: int
    head: str


@attrs.frozen
class Problem:
    """One thing wrong with a ledger, and the line it is in, counted from 1."""

    line: int
    what: str

    @property
    def entry(self) -> int:
        """The entry that belongs in that line; 0 is the first line, which names the ledger."""
        return self.line - 1

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@attrs.frozen
class Recovery:
    """What was done about an entry that a crash left unfinished; its writer never got a receipt for it.

    The bytes that were there are in the file `moved_to`. It is None where all of the entry was there but for the end of its line: then
    that was added, and the entry stands.
    """

    seq: int
    torn_bytes: int
    moved_to: str | None

    def __str__(self) -> str:
        if self.moved_to is None:
            return f"entry {self.seq} lacked only the end of its line, which was added"
        return f"entry {self.seq} was unfinished: its {self.torn_bytes} bytes are in `{self.moved_to}`"


@attrs.frozen
class Verification:
    """What `verify` found, the first problem first. `recovered` lists the files beside the ledger that hold what crashes left of unfinished entries."""

    ok: bool
    entries: int
    head: str
    problems: tuple[Problem, ...] = ()
    recovered: tuple[str, ...] = ()
