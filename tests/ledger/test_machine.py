"""Any sequence of appends, crashes, losses of power, recoveries, changes and checkpoints: no acknowledged entry lost, no fork, no change unseen."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from io import FileIO
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from structlog.testing import capture_logs

from decision_os.ledger import Checkpoint, Durability, Ledger, Receipt
from decision_os.ledger import ledger as module
from decision_os.ledger.chain import Line, intact, members_of

NOON = dt.datetime(2026, 10, 6, 12, tzinfo=dt.UTC)

bodies: st.SearchStrategy[dict[str, Any]] = st.builds(dict, note=st.text(max_size=4), filling=st.integers(0, 12_000).map("x".__mul__))


@attrs.frozen
class Kept:
    """An entry that has to be there: where its line ends, and its receipt unless its writer got none."""

    end: int
    hash: str
    body: dict[str, Any]
    receipt: Receipt | None


class LedgerMachine(RuleBasedStateMachine):
    """A model of the file (lines that are there, bytes the device has, a torn rest) beside the real one."""

    writers: Bundle[Ledger] = Bundle("writers")

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "decisions.jsonl"
        self.kept: list[Kept] = []
        self.durable = 0  # how many bytes the device has
        self.torn, self.torn_at = b"", 0
        self.checkpoints: list[Checkpoint] = []
        self.alive: set[int] = set()
        self.patch = mock.patch.object(module, "sync", self.synced)
        self.patch.start()

    def teardown(self) -> None:
        self.patch.stop()
        shutil.rmtree(self.folder)

    def synced(self, file: FileIO, *, full: bool = True) -> None:
        """Stands for the device: from now on it has what is in the file."""
        assert isinstance(full, bool)
        if Path(str(file.name)) == self.path:
            self.durable = self.path.stat().st_size

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    # --- what callers do -------------------------------------------------------------------------------------------------------

    @rule(target=writers, durability=st.sampled_from(["none", "flush", "fsync"]))
    def open(self, durability: Durability) -> Ledger:
        """Opening recovers, and says so."""
        with capture_logs():
            ledger = Ledger(self.path, durability=durability)
        self.recovered(len(ledger.recoveries))
        self.alive.add(id(ledger))
        return ledger

    @rule(writer=writers, items=st.lists(bodies, min_size=1, max_size=3))
    def append(self, writer: Ledger, items: list[dict[str, Any]]) -> None:
        """A receipt for each, at the next place, and on the device if that was asked for."""
        if id(writer) not in self.alive:  # it was lost with the power
            return
        before = len(writer.recoveries)
        with capture_logs():
            receipts = writer.extend(items, at=NOON)
        self.recovered(len(writer.recoveries) - before)
        assert list(range(len(self.kept) + 1, len(self.kept) + len(items) + 1)) == [receipt.seq for receipt in receipts]
        ends = self.ends()[-len(items) :]
        self.kept += [Kept(end, receipt.hash, item, receipt) for end, receipt, item in zip(ends, receipts, items, strict=True)]
        assert writer.durability == "none" or self.durable == self.size()

    def ends(self) -> list[int]:
        data = self.path.read_bytes()
        return [at + 1 for at, byte in enumerate(data) if byte == 10]

    def recovered(self, told: int) -> None:
        """A torn rest is gone from the file, told about, and kept beside it or made whole."""
        assert told == bool(self.torn)
        if not self.torn:
            return
        line = self.torn.rstrip(b"\0") + b"\n"
        start = self.torn_at
        if self.path.read_bytes()[start : start + len(line)] == line:  # it lacked only its end
            found = intact(line)
            assert isinstance(found, Line)
            self.kept.append(Kept(start + len(line), found.hash, dict(members_of(found)["body"]), None))
        else:
            assert any(self.torn == aside.read_bytes() for aside in self.folder.glob("decisions.jsonl.torn-*"))
        self.torn = b""

    # --- what goes wrong -------------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.torn)
    @rule(items=st.lists(bodies, min_size=1, max_size=3), share=st.floats(0, 1), one_short=st.booleans(), zeros=st.sampled_from([0, 0, 1, 40]))
    def crash(self, items: list[dict[str, Any]], share: float, one_short: bool, zeros: int) -> None:
        """A process dies in the middle of an append: some first bytes of it are in the file, or zeros stand where they were to be."""
        scratch = self.folder / "scratch"
        was = self.path.read_bytes() if self.path.exists() else b""
        scratch.write_bytes(was)
        Ledger(scratch, durability="none").extend(items, at=NOON)
        new = scratch.read_bytes()[len(was) :]
        scratch.unlink()
        part = new[:-1] if one_short else new[: round(len(new) * share)]
        torn = part[part.rfind(b"\n") + 1 :]
        if torn:
            part += b"\0" * zeros
        with self.path.open("ab") as file:
            file.write(part)
        self.adopt()

    @rule(share=st.floats(0, 1), zeros=st.booleans())
    def power_lost(self, share: float, zeros: bool) -> None:
        """What the device had stays; of the rest, some first bytes, or zeros. Every process is gone."""
        data = self.path.read_bytes() if self.path.exists() else b""
        left = self.durable + round((len(data) - self.durable) * share)
        lost = [entry for entry in self.kept if entry.end > left]
        self.kept = [entry for entry in self.kept if entry.end <= left]
        assert not [entry for entry in lost if entry.end <= self.durable]
        rest = data[:left]
        if zeros and rest and not rest.endswith(b"\n") and len(data) > left + 1:
            rest += b"\0" * (len(data) - left)
        if self.path.exists():
            self.path.write_bytes(rest)
        self.checkpoints = [one for one in self.checkpoints if one.size <= left]
        self.alive.clear()
        self.adopt()

    def adopt(self) -> None:
        """Whole lines that nobody has a receipt for are entries all the same; what comes after the last line is torn."""
        data = self.path.read_bytes() if self.path.exists() else b""
        ends = [at + 1 for at, byte in enumerate(data) if byte == 10]
        self.torn_at = ends[-1] if ends else 0
        self.torn = data[self.torn_at :]
        entries = list(Ledger(self.path, recover=False)._walk()) if ends else []
        for _, line, end in entries[len(self.kept) + 1 : len(ends)]:
            assert isinstance(line, Line)
            self.kept.append(Kept(end, line.hash, dict(members_of(line)["body"]), None))

    @property
    def header(self) -> int:
        return self.ends()[0] if self.path.exists() and b"\n" in self.path.read_bytes() else 0

    @precondition(lambda self: self.kept and not self.torn)
    @rule(at=st.integers(min_value=0), byte=st.integers(1, 255))
    def change(self, at: int, byte: int) -> None:
        """One byte of a copy changed: found, and the line named."""
        data = bytearray(self.path.read_bytes())
        at %= len(data)
        data[at] ^= byte
        found = self.of_copy(bytes(data)).verify()
        assert bytes(data[:at]).count(b"\n") + 1 == found.problems[0].line

    @precondition(lambda self: self.kept and not self.torn)
    @rule(at=st.integers(min_value=0))
    def cut_off(self, at: int) -> None:
        """A copy cut off after a line: right in itself, and found by every checkpoint beyond the cut, and by no other."""
        ends = [self.header, *(entry.end for entry in self.kept)]
        left = ends[at % len(ends)]
        ledger = self.of_copy(self.path.read_bytes()[:left])
        assert ledger.verify().ok
        assert [one.size <= left for one in self.checkpoints] == [ledger.verify(one).ok for one in self.checkpoints]

    def of_copy(self, data: bytes) -> Ledger:
        copy = self.folder / "copy"
        copy.unlink(missing_ok=True)
        copy.write_bytes(data)
        return Ledger(copy, recover=False)

    # --- what holds ------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.header and not self.torn)
    @rule()
    def checkpoint(self) -> None:
        """It says how far the ledger has come."""
        found = Ledger(self.path).checkpoint()
        assert (self.size(), len(self.kept)) == (found.size, found.entries)
        self.checkpoints.append(found)

    @invariant()
    def every_entry_is_there(self) -> None:
        """One chain of exactly the entries that were acknowledged, and of those whose writers died with all of them written."""
        if not self.path.exists() or not self.size():
            assert not self.kept
            return
        ledger = Ledger(self.path, recover=False)
        found = [(line.seq, line.hash) for _, line, _ in ledger._walk() if isinstance(line, Line)]
        wanted = [(seq, entry.hash) for seq, entry in enumerate(self.kept, 1)]
        assert wanted == found[1:]
        assert [(entry.receipt.seq, entry.receipt.hash) for entry in self.kept if entry.receipt] == [
            (seq, entry.hash) for seq, entry in enumerate(self.kept, 1) if entry.receipt
        ]
        verification = ledger.verify()
        assert verification.ok is not bool(self.torn)
        assert len(self.kept) == verification.entries
        assert not self.torn or [self.size() and len(found) + 1] == [problem.line for problem in verification.problems]
        assert all(one.ok for one in map(ledger.verify, self.checkpoints)) or self.torn

    @precondition(lambda self: self.kept and not self.torn)
    @rule()
    def read(self) -> None:
        """What comes out is what went in."""
        assert [entry.body for entry in self.kept] == [dict(entry.body) for entry in Ledger(self.path)]


LedgerMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestLedger = LedgerMachine.TestCase
