"""Ledgers to append to and to verify, and what one would write to instead."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

import decision_os as dos
from benchmarks.timing import Contender, Timing
from decision_os.ledger import Durability, Verification

__all__ = ["ALL", "BATCH", "appending", "each_second", "megabytes_a_second", "verifying"]

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
EVENT: Mapping[str, Any] = {"event": "approved", "by": "ann@example.com", "role": "FP&A", "record": f"sha256:{'0' * 64}", "note": "as discussed on Tuesday"}
BATCH = 100
ALL = "all of the entries"


@contextlib.contextmanager
def appending(folder: Path, record: dos.DecisionRecord) -> Iterator[list[Contender]]:
    """One entry at a time at each durability, a batch, a record in full form, and the same event elsewhere."""
    ledgers = {durability: dos.Ledger(folder / f"{durability}.jsonl", durability=durability) for durability in _DURABILITIES}
    with (
        (folder / "lines.jsonl").open("ab", buffering=0) as lines,
        contextlib.closing(sqlite3.connect(folder / "entries.sqlite", isolation_level=None)) as database,
    ):
        yield _appending(ledgers, record, lines, database)


def _appending(ledgers: Mapping[Durability, dos.Ledger], record: dos.DecisionRecord, lines: FileIO, database: sqlite3.Connection) -> list[Contender]:
    database.execute("create table entries (seq integer primary key, at text, body text)")
    database.execute("pragma synchronous = full")

    def line(event: Mapping[str, Any]) -> None:
        lines.write(json.dumps({"at": AT.isoformat(), "body": event}).encode() + b"\n")
        os.fsync(lines.fileno())

    def row(event: Mapping[str, Any]) -> None:
        database.execute("insert into entries (at, body) values (?, ?)", (AT.isoformat(), json.dumps(event)))

    return [
        *(Contender(f"`Ledger.append`, `{durability}`", "a receipt", ledger.append, EVENT) for durability, ledger in ledgers.items()),
        Contender("`Ledger.append` of a whole record, `none`", "a receipt", ledgers["none"].append, record),
        Contender(f"`Ledger.extend` by {BATCH}, `fsync`, all of them", f"{BATCH} receipts", ledgers["fsync"].extend, [EVENT] * BATCH),
        Contender("a line of JSON and `os.fsync`, by hand", "nothing", line, EVENT),
        Contender("an insert into SQLite, `synchronous = full`", "a row id", row, EVENT),
    ]


_DURABILITIES: tuple[Durability, ...] = ("none", "flush", "fsync")


def verifying(folder: Path, entries: int) -> list[Contender]:
    """Ledgers of a hundredth of the entries, a tenth of them and all of them."""
    found = []
    for name, count in (("a hundredth of the entries", entries // 100), ("a tenth of the entries", entries // 10), (ALL, entries)):
        ledger = dos.Ledger(folder / f"{count}.jsonl", durability="none")
        for start in range(0, count, 10_000):
            ledger.extend([EVENT] * min(10_000, count - start), at=AT)
        found.append(Contender(name, "ok, entries, head, problems", _verified, ledger))
    return found


def _verified(ledger: dos.Ledger) -> Verification:
    found = ledger.verify()
    assert found.ok
    return found


def each_second(timing: Timing) -> str:
    """How many entries a second."""
    return f"{(BATCH if f'by {BATCH}' in timing.contender.name else 1) / timing.median:,.0f}"


def megabytes_a_second(timing: Timing) -> str:
    """How fast the file is gone through, and how large it is."""
    size = timing.contender.argument.path.stat().st_size
    return f"{size / timing.median / 1e6:,.0f}"
