"""An append-only ledger: JSON Lines, each line bound to the one before it by a hash.

A line is the canonical JSON (RFC 8785) of one entry, `{"at", "body", "hash", "kind", "prev", "seq"}`; `hash` is over the canonical
form of everything but itself, `prev` is the hash of the line before. The first line says the random id of the ledger, and its `prev` is
made of that id, so that an entry of another ledger fits nowhere in this one.

What it proves: a byte changed, an entry removed, put elsewhere, doubled or brought from another ledger is found, and located. What it
cannot prove by itself: that its tail was not cut off, and that somebody did not write all of it anew. For that, keep `checkpoint()`
somewhere else and hand it to `verify`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import glob
import hashlib
import itertools
import os
import re
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs

from decision_os.canonical import fingerprint, parse, plain, restore, rfc8785
from decision_os.errors import InputError, LedgerError
from decision_os.record import DecisionRecord, LogEntry

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["Checkpoint", "Durability", "Entry", "Ledger", "Problem", "Receipt", "Verification"]

Durability: TypeAlias = Literal["none", "flush", "fsync"]

Item: TypeAlias = DecisionRecord | LogEntry | Mapping[str, Any]

_FORMAT: Final = "decision-os-ledger/1"
_BLOCK: Final = 1 << 16
_HASH: Final = rb'"sha256:[0-9a-f]{64}"'
# Canonical JSON sorts the keys, so `hash` and what follows it end the line; no text in the body looks like this: its quotes are escaped.
_TAIL: Final = re.compile(rb',"hash":(' + _HASH + rb')(,"kind":"[a-z]+","prev":(' + _HASH + rb'),"seq":(0|[1-9][0-9]{0,15})\})$')

_ANY: Final = ord("~")
_KEYS: Final = frozenset({"at", "body", "hash", "kind", "prev", "seq"})
_FAR: Final = 1 << 40

# The first line with `~` for what differs between ledgers: its length, and what a torn one looks like.
_ANY_HASH: Final = f"sha256:{'~' * 64}"
_FIRST: Final = rfc8785({"at": "~" * 27, "body": {"format": _FORMAT, "ledger": "~" * 32}, "hash": _ANY_HASH, "kind": "ledger", "prev": _ANY_HASH, "seq": 0})


def _warn(event: str, **details: object) -> None:
    """Say something in the caller's own log. `structlog` is imported when there is something to say: it takes longer than the rest of this room."""
    import structlog  # noqa: PLC0415  # as said

    structlog.get_logger("decision_os.ledger").warning(event, **details)


@attrs.frozen
class Receipt:
    """What an append gives back: the entry's place and hash, and the ledger's id."""

    seq: int
    hash: str
    ledger: str


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

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@attrs.frozen
class Verification:
    """What `verify` found. `recovered` lists the files beside the ledger that hold what a crash left of an unfinished entry."""

    ok: bool
    entries: int
    head: str
    problems: tuple[Problem, ...] = ()
    recovered: tuple[str, ...] = ()


@attrs.frozen
class _Line:
    """A line whose own hash is right."""

    seq: int
    prev: str
    hash: str
    members: Mapping[str, Any]


class Ledger:
    """An append-only, hash-chained file of decision records that several processes may write to at once.

    `durability` says what a receipt promises. `none`: the entry is with the operating system, and outlives this process, however it
    ends. `flush`: its data is on the device, and outlives a loss of power. `fsync`: so is the file's metadata, and on macOS the
    device's own cache is emptied.

    The file is made by the first append. What a crash left of an unfinished last entry is moved to `<path>.torn-<seq>` when the ledger
    is opened or appended to, with a warning in the log.

    Raises `LedgerError` for an unknown durability.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> ledger = Ledger(Path(folder.name) / "decisions.jsonl")
    >>> ledger.append({"note": "price card frozen"}).seq
    1
    >>> ledger.verify().ok, [entry.body["note"] for entry in ledger]
    (True, ['price card frozen'])
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str], *, durability: Durability = "flush") -> None:
        if durability not in get_args(Durability):
            raise LedgerError(f"unknown durability `{durability}`; write one of {', '.join(get_args(Durability))}")
        self.path: Final = Path(path)
        self.durability: Final = durability
        self._recover_if_torn()

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r}, durability={self.durability!r})"

    # --- writing -----------------------------------------------------------------------------------------------------------

    def append(self, item: Item, *, at: dt.datetime | None = None) -> Receipt:
        """Add one entry at the end, and wait until it is as durable as was asked for.

        `at` is when it happened, with a zone: now, unless it is given. Raises `LedgerError` when the file cannot be written or its last
        line is not intact, `InputError` for a mapping with something in it that has no canonical form. Nothing is written then.
        """
        return self.extend([item], at=at)[0]

    def extend(self, items: Iterable[Item], *, at: dt.datetime | None = None) -> tuple[Receipt, ...]:
        """Add several entries, one after the other with no other writer's between them, and wait for the device once.

        Raises as `append` does; then none of them is written.
        """
        when = _instant_text(at or dt.datetime.now(dt.UTC))
        bodies = [_body(item) for item in items]
        with self._locked("a+b") as file:
            self._recover(file)
            start = file.seek(0, os.SEEK_END)
            lines: list[bytes] = []
            if start:
                identity, last = self._ends(file)
                last_seq, prev = last.seq, last.hash
            else:
                identity, last_seq = secrets.token_hex(16), 0
                line, prev = _line(0, _root(identity), when, "ledger", {"format": _FORMAT, "ledger": identity})
                lines.append(line)
            receipts: list[Receipt] = []
            for seq, (kind, body) in enumerate(bodies, last_seq + 1):
                line, prev = _line(seq, prev, when, kind, body)
                lines.append(line)
                receipts.append(Receipt(seq, prev, identity))
            self._write(file, b"".join(lines), start)
        return tuple(receipts)

    def _write(self, file: FileIO, data: bytes, start: int) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[file.write(rest) :]
            if self.durability != "none":
                _sync(file, full=self.durability == "fsync")
                if not start:
                    _sync_name(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(start)  # no receipt, no entry: what was written of it goes again
            raise

    # --- reading -----------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Entry]:
        """The entries, oldest first, as far as the ledger goes now. Raises `LedgerError` at the first line that is not intact."""
        for number, found, _ in self._walk():
            if isinstance(found, Problem):
                raise LedgerError(f"`{self.path}` {found}; `verify()` lists all there is")
            if found.seq:
                yield self._entry(found, number)

    def records(self) -> Iterator[DecisionRecord]:
        """The decision records among the entries, oldest first.

        Raises as iteration does, and `RecordError` for a body that is no record.
        """
        return (DecisionRecord.from_dict(entry.body) for entry in self if entry.kind == "record")

    def verify(self, checkpoint: Checkpoint | None = None) -> Verification:
        """Check every line: its own hash, its place, and that it follows the line before it.

        With a checkpoint, also that the ledger still goes as far as that, and nothing before it was written anew. Reads the file once, a
        line at a time. Raises `LedgerError` where there is no file, or it cannot be read.
        """
        problems: list[Problem] = []
        entries, head, size, number = 0, "", 0, 0
        met = checkpoint is None or not checkpoint.size
        for number, found, size in self._walk():
            if isinstance(found, Problem):
                problems.append(found)
                continue
            entries, head = max(entries, found.seq), found.hash
            if checkpoint and not met and found.seq == checkpoint.entries:
                met = True
                if (found.hash, size) != (checkpoint.head, checkpoint.size):
                    problems.append(Problem(number, "is not what the checkpoint saw: the ledger was written anew"))
        if checkpoint and not met:
            what = f"the ledger was cut off: the checkpoint saw {_entries(checkpoint.entries)}, {_entries(entries)} left"
            problems.append(Problem(number + 1, what))
        torn = sorted(self.path.parent.glob(f"{glob.escape(self.path.name)}.torn-*"))
        return Verification(not problems, entries, head, tuple(problems), tuple(str(path) for path in torn))

    def checkpoint(self) -> Checkpoint:
        """How far the ledger has come. Raises `LedgerError` where there is no file, or its last line is not intact."""
        self._recover_if_torn()
        with self._locked("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if not size:
                return Checkpoint(0, 0, "")
            _, last = self._ends(file)
            return Checkpoint(size, last.seq, last.hash)

    def _walk(self) -> Iterator[tuple[int, _Line | Problem, int]]:
        """Each line as (number, the line or what is wrong with it, the bytes up to its end)."""
        self._recover_if_torn()
        with self._locked("rb") as locked:
            size = locked.seek(0, os.SEEK_END)  # a whole number of lines: nobody is writing just now
        chain = _Chain()
        offset = 0
        with self._worded("read"), self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                offset += len(raw)
                if offset > size:
                    return
                yield number, chain.follow(number, raw), offset

    def _entry(self, line: _Line, number: int) -> Entry:
        kind, body = line.members["kind"], line.members["body"]
        try:
            return Entry(
                line.seq,
                dt.datetime.fromisoformat(line.members["at"]),
                kind,
                MappingProxyType(restore(body) if kind == "event" else body),
                line.prev,
                line.hash,
            )
        except (TypeError, ValueError) as error:
            raise LedgerError(f"`{self.path}` line {number}: cannot be read: {error}") from None

    def _ends(self, file: FileIO) -> tuple[str, _Line]:
        """The ledger's id from its first line, and its last line; both must be intact."""
        file.seek(0)
        first = _Chain().follow(1, file.read(len(_FIRST) + 1))
        if isinstance(first, Problem):
            raise LedgerError(f"`{self.path}` is not a ledger: {first}")
        _, raw = _last_line(file, file.seek(0, os.SEEK_END))
        last = _intact(raw)
        if isinstance(last, str):
            raise LedgerError(f"the last line of `{self.path}` {last}; `verify()` lists all there is")
        return first.members["body"]["ledger"], last

    # --- after a crash -----------------------------------------------------------------------------------------------------

    def _recover_if_torn(self) -> None:
        try:
            with self.path.open("rb", buffering=0) as file:
                if not file.seek(0, os.SEEK_END) or _ends_a_line(file):
                    return
        except OSError:
            return  # no file yet, or none that can be read: the call that needs it says so
        try:
            with self._locked("r+b") as file:
                self._recover(file)
        except LedgerError as error:
            _warn("ledger.not_recovered", path=str(self.path), error=str(error))

    def _recover(self, file: FileIO) -> None:
        """Under the lock, nobody is writing: a last line without its end is what a crash left of an append."""
        size = file.seek(0, os.SEEK_END)
        if not size or _ends_a_line(file):
            return
        start, torn = _last_line(file, size)
        if not start:
            seq = 0
            if not all(wanted in (byte, _ANY) for byte, wanted in zip(torn, _FIRST, strict=False)):
                return  # not the beginning of a ledger: somebody else's file stays as it is
        else:
            before = _intact(_last_line(file, start)[1])
            if isinstance(before, str):
                return  # more is wrong than a torn end: `verify` and `append` say what
            seq = before.seq + 1
            whole = _intact(torn + b"\n")
            if not isinstance(whole, str) and (whole.seq, whole.prev) == (seq, before.hash):
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
                _warn("ledger.completed", path=str(self.path), seq=seq, lost="only the end of the line")
                return
        aside = self._set_aside(torn, seq)
        file.truncate(start)
        _sync(file)
        _warn("ledger.recovered", path=str(self.path), seq=seq, torn_bytes=len(torn), moved_to=str(aside))

    def _set_aside(self, torn: bytes, seq: int) -> Path:
        for again in itertools.count(1):
            aside = self.path.with_name(f"{self.path.name}.torn-{seq}{f'-{again}' if again > 1 else ''}")
            try:
                with aside.open("xb", buffering=0) as file:
                    file.write(torn)
                    _sync(file)
            except FileExistsError:
                if aside.read_bytes() == torn:  # a crash between setting aside and cutting off
                    return aside
            else:
                return aside
        raise AssertionError("unreachable: the count does not end")

    # --- the file ----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _worded(self, doing: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            folder = self.path.parent
            what = f"no ledger at `{self.path}`" if folder.is_dir() else f"the folder `{folder}` does not exist"
            raise LedgerError(what) from None
        except IsADirectoryError:
            raise LedgerError(f"`{self.path}` is a folder; give the path of a file in it") from None
        except PermissionError:
            raise LedgerError(f"no permission to {doing} `{self.path}`") from None
        except OSError as error:
            raise LedgerError(f"cannot {doing} `{self.path}`: {(error.strerror or str(error)).lower()}") from error

    @contextlib.contextmanager
    def _locked(self, mode: Literal["rb", "r+b", "a+b"]) -> Iterator[FileIO]:
        with self._worded("read" if mode == "rb" else "write"), self.path.open(mode, buffering=0) as file, _lock(file, shared=mode == "rb"):
            yield file


class _Chain:
    """What the next line has to be."""

    def __init__(self) -> None:
        self.seq = 0
        self.prev: str | None = None

    def follow(self, number: int, raw: bytes) -> _Line | Problem:
        """The line, or what is wrong with it; after a bad line the chain is taken up again at the next good one."""
        line = _intact(raw)
        if isinstance(line, str):
            self.seq, self.prev = self.seq + 1, None
            return Problem(number, line)
        wrong = self._misplaced(line, first=number == 1)
        self.seq, self.prev = line.seq + 1, line.hash
        return Problem(number, wrong) if wrong else line

    def _misplaced(self, line: _Line, *, first: bool) -> str:
        if first:
            body = line.members["body"]
            identity = str(body.get("ledger"))
            if (line.seq, line.members["kind"], line.prev, body) == (0, "ledger", _root(identity), {"format": _FORMAT, "ledger": identity}):
                return ""
            return f"the first line of a ledger says its format, `{_FORMAT}`, and its id; this one does not"
        if line.seq > self.seq:
            return f"entry {line.seq} stands where entry {self.seq} belongs: something was taken out, or put elsewhere"
        if line.seq < self.seq:
            return f"entry {line.seq} stands where entry {self.seq} belongs: it is there twice, or was put elsewhere"
        if self.prev is not None and line.prev != self.prev:
            return f"entry {line.seq} does not follow the line before it: one of the two was replaced, or is from another ledger"
        return ""


def _body(item: Item) -> tuple[str, dict[str, Any]]:
    if isinstance(item, DecisionRecord):
        return "record", item.to_dict()
    if isinstance(item, LogEntry):
        return "log", item.to_dict()
    if isinstance(item, Mapping):
        return "event", plain(item)
    raise LedgerError(f"a ledger takes decision records, log entries and mappings, not a value of type {type(item).__name__}")


def _root(identity: str) -> str:
    """What the first line of a ledger follows."""
    return fingerprint({"ledger": identity})


def _line(seq: int, prev: str, at: str, kind: str, body: dict[str, Any]) -> tuple[bytes, str]:
    members = {"at": at, "body": body, "kind": kind, "prev": prev, "seq": seq}
    digest = f"sha256:{hashlib.sha256(rfc8785(members)).hexdigest()}"
    return rfc8785({**members, "hash": digest}) + b"\n", digest


def _intact(raw: bytes) -> _Line | str:
    """The line, if its own hash is right; what is wrong with it otherwise."""
    if not raw.endswith(b"\n"):
        return "is torn: it has no end"
    tail = _TAIL.search(raw, 0, len(raw) - 1)
    if tail is None:
        return "is not an entry of a ledger"
    digest = hashlib.sha256(raw[: tail.start()])
    digest.update(tail[2])
    if f'"sha256:{digest.hexdigest()}"'.encode() != tail[1]:
        return "was changed: its hash does not match"
    try:
        members = parse(raw)
    except ValueError as error:
        return f"is {error}"
    if not isinstance(members, dict) or set(members) != _KEYS or not isinstance(members["body"], dict):
        return "is not an entry of a ledger"
    return _Line(members["seq"], members["prev"], members["hash"], members)


def _last_line(file: FileIO, end: int) -> tuple[int, bytes]:
    """The line that ends at `end`, and where it starts."""
    chunks: list[bytes] = []
    start = end
    while start:
        size = min(_BLOCK, start)
        start -= size
        file.seek(start)
        block = file.read(size)
        cut = block.rfind(b"\n", 0, -1 if start + size == end else None)
        if cut >= 0:
            return start + cut + 1, b"".join([block[cut + 1 :], *reversed(chunks)])
        chunks.append(block)
    return 0, b"".join(reversed(chunks))


def _ends_a_line(file: FileIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _instant_text(at: dt.datetime) -> str:
    if at.utcoffset() is None:
        raise InputError("`at` needs a zone", name="at", hint="for example `datetime.now(datetime.UTC)`")
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _sync(file: FileIO, *, full: bool = True) -> None:
    if full and sys.platform == "darwin":
        fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)
    elif full:
        os.fsync(file.fileno())
    else:
        getattr(os, "fdatasync", os.fsync)(file.fileno())


def _sync_name(path: Path) -> None:
    """Make a new file's name in its folder durable; Windows does so by itself, and cannot open a folder."""
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextlib.contextmanager
def _lock(file: FileIO, *, shared: bool) -> Iterator[None]:
    """Hold the operating system's lock on the file; it goes when the process does, however that ends."""
    if sys.platform == "win32":
        # Locks are on bytes there, and keep readers out: one byte far beyond the end stands for the file.
        while True:
            file.seek(_FAR)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                break
            except OSError:
                time.sleep(0.005)
        try:
            yield
        finally:
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield  # closing the file lets go of the lock
