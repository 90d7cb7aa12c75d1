"""The chain: how a line is made, whether a line is as it was made, and whether it follows the line before it."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from io import FileIO
from typing import Any, Final, NamedTuple

from decision_os.canonical import fingerprint, parse, plain, rfc8785
from decision_os.errors import InputError, LedgerError
from decision_os.ledger.entries import Item, Problem
from decision_os.record import DecisionRecord, Event, LogEntry

__all__ = [
    "FIRST_LENGTH",
    "Chain",
    "Line",
    "begins_as_first",
    "body_of",
    "content_hash",
    "first_line",
    "hash_at_end",
    "head_of",
    "identity_of",
    "intact",
    "members_of",
    "might_be_first",
    "sealed",
]

_FORMAT: Final = "decision-os-ledger/1"
_HASH: Final = rb'"sha256:[0-9a-f]{64}"'
_HASH_KEY: Final = b',"hash":'
_HEAD: Final = re.compile(rb'\{"at":"[-0-9T:.]{26}Z","body":\{')
# Canonical JSON sorts the keys, so `hash` and what follows it end the line; no text in the body looks like this: its quotes are escaped.
_TAIL: Final = re.compile(rb',"hash":(' + _HASH + rb')(,"kind":"[a-z]+","prev":(' + _HASH + rb'),"seq":(0|[1-9][0-9]{0,15})\})\n?')

_BODY: Final = len('{"at":"2026-10-06T14:00:00.000000Z","body":')

_KEYS: Final = frozenset({"at", "body", "hash", "kind", "prev", "seq"})

# The first line with `~` for what differs between ledgers: its length, and what a torn one looks like.
_ANY: Final = ord("~")
_ANY_HASH: Final = f"sha256:{'~' * 64}"
_FIRST: Final = rfc8785({"at": "~" * 27, "body": {"format": _FORMAT, "ledger": "~" * 32}, "hash": _ANY_HASH, "kind": "ledger", "prev": _ANY_HASH, "seq": 0})
_BEGINS: Final = _FIRST[: _FIRST.index(_ANY)]
FIRST_LENGTH: Final = len(_FIRST) + 1
"""How many bytes the first line has, its end included."""


class Line(NamedTuple):
    """A line whose own hash is right: its place, the hash of the line before, its own, and its bytes."""

    seq: int
    prev: str
    hash: str
    raw: bytes


class Chain:
    """What the next line has to be."""

    def __init__(self) -> None:
        self.seq = 0
        self.prev: str | None = None

    def follow(self, number: int, raw: bytes) -> Line | Problem:
        """The line, or what is wrong with it; after a bad line the chain is taken up again at the next good one."""
        line = intact(raw)
        if isinstance(line, str):
            self.seq, self.prev = self.seq + 1, None
            return Problem(number, line)
        if number > 1 and line.seq == self.seq and (line.prev == self.prev or self.prev is None):
            self.seq, self.prev = line.seq + 1, line.hash
            return line
        wrong = self._misplaced(line, first=number == 1)
        self.seq, self.prev = line.seq + 1, line.hash
        return Problem(number, wrong) if wrong else line

    def _misplaced(self, line: Line, *, first: bool) -> str:
        if first:
            return "" if _says_its_format(line) else f"the first line of a ledger says its format, `{_FORMAT}`, and its id; this one does not"
        if line.seq > self.seq:
            return f"entry {line.seq} stands where entry {self.seq} belongs: something was taken out, or put elsewhere"
        if line.seq < self.seq:
            return f"entry {line.seq} stands where entry {self.seq} belongs: it is there twice, or was put elsewhere"
        return f"entry {line.seq} does not follow the line before it: one of the two was replaced, or is from another ledger"


def _says_its_format(line: Line) -> bool:
    try:
        members = members_of(line)
    except ValueError:
        return False
    identity = str(members["body"].get("ledger"))
    return (line.seq, members["kind"], line.prev, members["body"]) == (0, "ledger", _root(identity), {"format": _FORMAT, "ledger": identity})


_KINDS: Final[Mapping[type[DecisionRecord | LogEntry | Event], str]] = {DecisionRecord: "record", LogEntry: "log", Event: "event"}


def body_of(item: Item) -> tuple[str, dict[str, Any]]:
    """The kind of an item and its plain form.

    Raises `LedgerError` for what is no item, `InputError` for what has no plain form, and `RecordError` for what could not be read back: a line cannot
    be taken out again, and one that cannot be read would end every reading of the ledger.
    """
    for kind, word in _KINDS.items():
        if isinstance(item, kind):
            body = item.to_dict()
            kind.from_dict(body)
            return word, body
    if isinstance(item, Mapping):
        return "event", plain(item)
    raise LedgerError(f"a ledger takes decision records, events, log entries and mappings, not a value of type {type(item).__name__}")


def head_of(at: dt.datetime, body: Mapping[str, Any]) -> bytes:
    """The beginning of a line: what it holds, which needs no place in the chain yet. Raises `InputError` for an instant without a zone or year."""
    if not isinstance(at, dt.datetime) or at.utcoffset() is None:
        raise InputError("`at` needs a zone", name="at", hint="for example `datetime.now(datetime.UTC)`")
    try:
        utc = at.astimezone(dt.UTC)
    except OverflowError:
        raise InputError(f"`at` is out of range in UTC: {at}", name="at", hint="give an instant of the years 1 to 9999 in UTC") from None
    instant = utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return b'{"at":"%b","body":%b' % (instant.encode(), rfc8785(body))


def content_hash(head: bytes) -> str:
    """The hash of what a line holds, whatever its place and time: of the canonical form of its body."""
    return f"sha256:{hashlib.sha256(head[_BODY:]).hexdigest()}"


def sealed(head: bytes, kind: str, prev: str, seq: int) -> tuple[bytes, str]:
    """The whole line, which is canonical JSON, and its hash: that of the line without the hash."""
    rest = f',"kind":"{kind}","prev":"{prev}","seq":{seq}}}'.encode()
    digest = f"sha256:{hashlib.sha256(head + rest).hexdigest()}"
    return b'%b,"hash":"%b"%b\n' % (head, digest.encode(), rest), digest


def first_line(identity: str, at: dt.datetime) -> tuple[bytes, str]:
    """The line that begins the ledger of this id, and its hash."""
    return sealed(head_of(at, {"format": _FORMAT, "ledger": identity}), "ledger", _root(identity), 0)


@lru_cache(maxsize=64)
def identity_of(raw: bytes) -> str | Problem:
    """The id that a first line says, or what is wrong with it. The same bytes say the same, and every append asks."""
    first = Chain().follow(1, raw)
    return first if isinstance(first, Problem) else str(members_of(first)["body"]["ledger"])


def _root(identity: str) -> str:
    """What the first line of a ledger follows."""
    return fingerprint({"ledger": identity})


def might_be_first(torn: bytes) -> bool:
    """Whether these bytes are the beginning of a first line, with zeros after it or alone, as a loss of power leaves them."""
    begun = torn.rstrip(b"\0")
    return len(begun) <= len(_FIRST) and all(wanted in (byte, _ANY) for byte, wanted in zip(begun, _FIRST, strict=False))


def begins_as_first(file: FileIO) -> bool:
    """Whether a file begins as a ledger does, with as much as every first line has."""
    file.seek(0)
    return file.read(len(_BEGINS)) == _BEGINS


def intact(raw: bytes) -> Line | str:
    """The line, if it is as it was sealed; what is wrong with it otherwise. Whether its body can be read is for who reads it."""
    if not raw.endswith(b"\n"):
        return "is torn: it has no end"
    cut = raw.rfind(_HASH_KEY)
    tail = _TAIL.fullmatch(raw, cut) if cut > 0 else None
    if tail is None or not _HEAD.match(raw):
        return "is not an entry of a ledger"
    said, rest, prev, seq = tail.groups()
    digest = hashlib.sha256(memoryview(raw)[:cut])
    digest.update(rest)
    found = digest.hexdigest()
    if said[8:-1] != found.encode():
        return "was changed: its hash does not match"
    return Line(int(seq), prev[1:-1].decode(), f"sha256:{found}", raw)


def hash_at_end(raw: bytes) -> str:
    """The hash that stands in the last line of these bytes; empty where there is none."""
    tail = _TAIL.fullmatch(raw, max(raw.rfind(_HASH_KEY), 0))
    return tail[1][1:-1].decode() if tail else ""


def members_of(line: Line) -> dict[str, Any]:
    """What a line says. Raises `ValueError` where it is no entry, though its hash is right."""
    members = parse(line.raw)
    if not isinstance(members, dict) or set(members) != _KEYS or not isinstance(members["body"], dict):
        raise ValueError("it is not an entry of a ledger")
    return members
