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
import itertools
import os
import secrets
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Final, Literal, get_args

import attrs

from decision_os.canonical import restore
from decision_os.errors import LedgerError
from decision_os.ledger import table
from decision_os.ledger.chain import (
    FIRST_LENGTH,
    Chain,
    Line,
    begins_as_first,
    body_of,
    content_hash,
    first_line,
    hash_at_end,
    head_of,
    identity_of,
    intact,
    members_of,
    might_be_first,
    sealed,
)
from decision_os.ledger.entries import Checkpoint, Durability, Entry, Item, Problem, Receipt, Recovery, Verification
from decision_os.ledger.files import ends_a_line, last_line, locked, still_at, sync, sync_name, write_all
from decision_os.readonly import read_only
from decision_os.record import DecisionRecord

__all__ = ["Ledger"]

_ANY_SIZE: Final = -1  # of a receipt, which says no size
_READ_AHEAD: Final = 1 << 18
_TAIL_LENGTH: Final = 512  # longer than the hash of a line and all that follows it


def _warn(event: str, **details: object) -> None:
    """Say something in the caller's own log. `structlog` is imported when there is something to say: it takes longer than the rest of this room."""
    import structlog  # noqa: PLC0415  # as said

    structlog.get_logger("decision_os.ledger").warning(event, **details)


@attrs.frozen
class _Seen:
    """What this process was last given a receipt for: which ledger, up to which byte, and the hash there."""

    identity: str
    size: int
    entries: int
    head: str


class Ledger:
    """An append-only, hash-chained file of decision records that several processes may write to at once; a `Journal`.

    `durability` says what a receipt promises. `none`: the entry is with the operating system, and outlives this process, however it
    ends. `flush`: its data is on the device, and outlives a loss of power. `fsync`: so is the file's metadata, and on macOS the
    device's own cache is emptied.

    The file is made by the first append. What a crash left of an unfinished last entry is moved to `<path>.torn-<seq>` when the ledger
    is opened, read or appended to: `recoveries` says so, as do `verify` and a warning in the log. Where they cannot be written there in full,
    the ledger stays as it is, and the warning is another. With `recover=False` nothing is
    moved and the file never touched by reading it: `verify` reports the torn line as a problem, and an append is refused.

    A relative path counts from where the process stands when the ledger is opened.

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

    def __init__(self, path: str | os.PathLike[str], *, durability: Durability = "flush", recover: bool = True) -> None:
        if durability not in get_args(Durability):
            raise LedgerError(f"unknown durability `{durability}`; write one of {', '.join(get_args(Durability))}")
        self.path: Final = Path(path).absolute()
        self.durability: Final = durability
        self._recovers: Final = recover
        self._recoveries: tuple[Recovery, ...] = ()
        self._seen: _Seen | None = None
        self._recover_if_torn()

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r}, durability={self.durability!r})"

    @property
    def recoveries(self) -> tuple[Recovery, ...]:
        """What this object did about entries that crashes left unfinished, oldest first; empty where there were none."""
        return self._recoveries

    # --- writing -----------------------------------------------------------------------------------------------------------

    def append(self, item: Item, *, at: dt.datetime | None = None) -> Receipt:
        """Add one entry at the end, and wait until it is as durable as was asked for.

        `at` is when it happened, with a zone: now, unless it is given. Raises `LedgerError` when the file cannot be written, when its last
        line is not intact, or when the entry that this object appended last is no longer there; `InputError` for a mapping with
        something in it that has no canonical form. Nothing is written then.
        """
        return self.extend([item], at=at)[0]

    def extend(self, items: Iterable[Item], *, at: dt.datetime | None = None) -> tuple[Receipt, ...]:
        """Add several entries, one after the other with no other writer's between them, and wait for the device once.

        Raises as `append` does; then none of them is written. A crash on the way may leave the first few of them.
        """
        when = at or dt.datetime.now(dt.UTC)
        heads = [(head_of(when, body), kind) for kind, body in map(body_of, items)]  # most of the work, before anybody has to wait
        with self._locked("a+b") as file:
            self._recover(file)
            start = file.seek(0, os.SEEK_END)
            self._still_holds_what_was_seen(file, start)
            lines: list[bytes] = []
            if start:
                identity, last = self._ends(file, start)
                last_seq, prev = last.seq, last.hash
            else:
                identity, last_seq = secrets.token_hex(16), 0
                line, prev = first_line(identity, when)
                lines.append(line)
            receipts: list[Receipt] = []
            for seq, (head, kind) in enumerate(heads, last_seq + 1):
                line, prev = sealed(head, kind, prev, seq)
                lines.append(line)
                receipts.append(Receipt(seq, prev, identity, content_hash(head)))
            data = b"".join(lines)
            self._write(file, data, start)
            self._seen = _Seen(identity, start + len(data), last_seq + len(receipts), prev)
        return tuple(receipts)

    def _write(self, file: FileIO, data: bytes, start: int) -> None:
        try:
            write_all(file, data)
            if self.durability != "none":
                sync(file, full=self.durability == "fsync")
                if self._seen is None:
                    sync_name(self.path.resolve())  # whoever made the file may not have waited for that
        except BaseException as error:  # an interrupt too: no receipt, no entry, so what was written of it goes again
            try:
                file.truncate(start)
            except OSError:
                raise LedgerError(f"cannot write `{self.path}`, and the entry may be there in part or whole without a receipt: {error}") from error
            raise

    def _still_holds_what_was_seen(self, file: FileIO, size: int) -> None:
        """A receipt is a promise, so a ledger cut off or replaced under a running process is not gone on with as if nothing were."""
        seen = self._seen
        if seen is None:
            return
        head = ""
        if size >= seen.size:
            start = max(seen.size - _TAIL_LENGTH, 0)
            file.seek(start)
            head = hash_at_end(file.read(seen.size - start))
        if head != seen.head:
            raise LedgerError(
                f"`{self.path}` no longer holds entry {seen.entries}, which this process appended: the file was cut off, replaced or changed; "
                "open it anew to go on with it as it is"
            )

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

    def frame(self, of: table.Rows = "decisions", *, backend: str = "polars") -> Any:
        """The entries as a native frame of `polars`, `pandas` or `pyarrow`, one row each, oldest first.

        `decisions`: the records and log entries, with `seq`, `at`, the fields of the log form under its names (`node`, `subject`,
        `period`, `outcome`, `status`, `chosen_action`, `inputs_hash`…), and for records `branch`, `unknowns` and `rule_book_hash`.
        `timestamp`, `review_date` and `at` are instants in UTC; `approvers` and `unknowns` are comma-separated text, `selected_thresholds`
        is a JSON text. A decision that was appended again, as its status changed, has a row for each: the last of an `id` is how it stands.

        `events`: `seq`, `at` and `body`, a JSON text. `hash` ends both, and what an entry lacks is null.

        Raises as iteration does, `RecordError` for a body that is neither, and `DataError` for a backend that is unknown or not installed.
        """
        return table.frame(self, of, backend)

    def verify(self, checkpoint: Checkpoint | Receipt | None = None) -> Verification:
        """Check every line: its own hash, its place, and that it follows the line before it.

        With a checkpoint, or a receipt, also that the ledger still goes as far as that, and nothing before it was written anew. Reads the file once, a
        line at a time. Raises `LedgerError` where there is no file, or it cannot be read.
        """
        if isinstance(checkpoint, Receipt):
            checkpoint = Checkpoint(_ANY_SIZE, checkpoint.seq, checkpoint.hash)
        problems: list[Problem] = []
        entries, head, size, number = 0, "", 0, 0
        met = checkpoint is None or checkpoint == Checkpoint(0, 0, "")  # of no file, or an empty one: every ledger begins so
        for number, found, size in self._walk():
            if isinstance(found, Problem):
                problems.append(found)
                continue
            entries, head = max(entries, found.seq), found.hash
            if checkpoint and not met and found.seq == checkpoint.entries:
                met = True
                if found.hash != checkpoint.head or checkpoint.size not in (size, _ANY_SIZE):
                    problems.append(Problem(number, "is not what the checkpoint saw: the ledger was written anew"))
        if checkpoint and not met:
            what = f"the ledger was cut off: the checkpoint saw {_entries(checkpoint.entries)}, {_entries(entries)} left"
            problems.append(Problem(number + 1, what))
        real = self.path.resolve()
        torn = sorted(real.parent.glob(f"{glob.escape(real.name)}.torn-*"))
        return Verification(not problems, entries, head, tuple(problems), tuple(str(path) for path in torn))

    def checkpoint(self) -> Checkpoint:
        """How far the ledger has come. Raises `LedgerError` where there is no file, or its last line is not intact."""
        self._recover_if_torn()
        with self._locked("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if not size:
                return Checkpoint(0, 0, "")
            _, last = self._ends(file, size)
            return Checkpoint(size, last.seq, last.hash)

    def _walk(self) -> Iterator[tuple[int, Line | Problem, int]]:
        """Each line as (number, the line or what is wrong with it, the bytes up to its end)."""
        self._recover_if_torn()
        with self._locked("rb") as held:
            size = held.seek(0, os.SEEK_END)  # a whole number of lines: nobody is writing just now
        chain = Chain()
        offset = 0
        with self._worded("read"), self.path.open("rb", buffering=_READ_AHEAD) as file:
            for number, raw in enumerate(file, 1):
                offset += len(raw)
                if offset > size:
                    return
                yield number, chain.follow(number, raw), offset

    def _entry(self, line: Line, number: int) -> Entry:
        try:
            members = members_of(line)
            kind, body = members["kind"], members["body"]
            return Entry(
                line.seq,
                dt.datetime.fromisoformat(members["at"]),
                kind,
                read_only(restore(body) if kind == "event" else body),
                line.prev,
                line.hash,
            )
        except (TypeError, ValueError) as error:
            raise LedgerError(f"`{self.path}` line {number}: cannot be read: {error}") from None

    def _ends(self, file: FileIO, size: int) -> tuple[str, Line]:
        """The ledger's id from its first line, and its last line; both must be intact."""
        file.seek(0)
        identity = identity_of(file.read(FIRST_LENGTH))
        if isinstance(identity, Problem):
            raise LedgerError(f"`{self.path}` is not a ledger: {identity}")
        _, raw = last_line(file, size)
        last = intact(raw)
        if isinstance(last, str):
            raise LedgerError(f"the last line of `{self.path}` {last}; `verify()` lists all there is")
        return identity, last

    # --- after a crash -----------------------------------------------------------------------------------------------------

    def _recover_if_torn(self) -> None:
        if not self._recovers:
            return
        try:
            with self.path.open("rb", buffering=0) as file:
                if not file.seek(0, os.SEEK_END) or ends_a_line(file):
                    return
                if not begins_as_first(file):
                    return  # zeros, or a few bytes that anybody may have written: an append would move them, a look does not
        except OSError:
            return  # no file yet, or none that can be read: the call that needs it says so
        try:
            with self._locked("rb") as file:
                if not file.seek(0, os.SEEK_END) or ends_a_line(file):
                    return  # a writer was just at it
            with self._locked("r+b") as file:
                self._recover(file)
        except LedgerError as error:
            _warn("ledger.not_recovered", path=str(self.path), error=str(error))

    def _recover(self, file: FileIO) -> None:
        """Under the lock, nobody is writing: a last line without its end is what a crash left of an append."""
        size = file.seek(0, os.SEEK_END)
        if not self._recovers or not size or ends_a_line(file):
            return
        start, torn = last_line(file, size)
        if not start:
            seq = 0
            if not might_be_first(torn):
                return  # not the beginning of a ledger: somebody else's file stays as it is
        else:
            before = intact(last_line(file, start)[1])
            if isinstance(before, str):
                return  # more is wrong than a torn end: `verify` and `append` say what
            seq = before.seq + 1
            whole = torn.rstrip(b"\0")  # a loss of power leaves zeros for what had not been written yet
            if _follows(whole + b"\n", before):
                file.truncate(start + len(whole))
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
                sync(file)
                self._recoveries += (Recovery(seq, len(torn), None),)
                _warn("ledger.completed", path=str(self.path), seq=seq, lost="only the end of the line")
                return
            if _follows(torn[:-1] + b"\n", before):
                return  # a whole entry with another byte for its end: no crash does that, so it is not ours to move
        aside = self._set_aside(torn, seq)
        sync_name(aside)
        file.truncate(start)
        sync(file)
        self._recoveries += (Recovery(seq, len(torn), str(aside)),)
        _warn("ledger.recovered", path=str(self.path), seq=seq, torn_bytes=len(torn), moved_to=str(aside))

    def _set_aside(self, torn: bytes, seq: int) -> Path:
        """A file beside the ledger (where it really is, not beside a link to it) that holds all of the torn bytes. Raises `OSError`, and leaves none."""
        real = self.path.resolve()
        for again in itertools.count(1):
            aside = real.with_name(f"{real.name}.torn-{seq}{f'-{again}' if again > 1 else ''}")
            try:
                file = aside.open("xb", buffering=0)
            except FileExistsError:
                if aside.read_bytes() == torn:  # a crash between setting aside and cutting off
                    return aside
                continue
            try:
                with file:
                    write_all(file, torn)
                    sync(file)
            except BaseException:
                aside.unlink()
                raise
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
        with self._worded("read" if mode == "rb" else "write"):
            while True:
                with self.path.open(mode, buffering=0) as file, locked(file, shared=mode == "rb"):
                    if still_at(self.path, file):
                        yield file
                        return


def _follows(raw: bytes, before: Line) -> bool:
    line = intact(raw)
    return not isinstance(line, str) and (line.seq, line.prev) == (before.seq + 1, before.hash)


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"
