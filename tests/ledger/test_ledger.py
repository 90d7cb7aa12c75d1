"""The ledger on real files, with real processes: the chain, tampering, crashes, several writers."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from io import FileIO
from pathlib import Path
from typing import Any

import attrs
import narwhals.stable.v2 as nw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from decision_os.errors import DataError, InputError, LedgerError, RecordError
from decision_os.ledger import Checkpoint, Ledger, Problem, Receipt, Recovery
from decision_os.ledger.chain import head_of, sealed
from decision_os.record import DecisionRecord, InputTaken, LogEntry, Outcome, ReversalPlan, Status
from decision_os.values import Cause, Reason, Unknown

NOON = dt.datetime(2026, 10, 6, 12, tzinfo=dt.UTC)


def record(subject: str = "SMB") -> DecisionRecord:
    """A small record with an unknown, a large number and an instant in it."""
    return DecisionRecord(
        id="sha256:1",
        node="channel.invest",
        version="1.0",
        subject=subject,
        period="2026-W40",
        timestamp=NOON,
        rule_book="reference 1",
        rule_book_hash="sha256:2",
        inputs_version="LAYER-0020-METRICS-v1",
        inputs_hash="sha256:3",
        inputs=(
            InputTaken(name="spend", value=1.2345678901234568e20),
            InputTaken(name="cac", value=3.0),
            InputTaken(name="win_rate", value=Unknown.because(Reason.TOO_FEW, "win_rate", "n = 9")),
            InputTaken(name="since", value=NOON),
        ),
        outcome=Outcome.HOLD,
        status=Status.RECORDED,
        owner="Demand Gen",
        approvers=("FP&A", "Analytics"),
        reversal_plan=ReversalPlan(plan="budget_split", steps=(), within="next cycle", owner="Demand Gen"),
    )


def written(folder: Path, count: int = 4) -> Ledger:
    """A ledger with this many events."""
    ledger = Ledger(folder / "decisions.jsonl", durability="none")
    for number in range(1, count + 1):
        ledger.append({"number": number, "note": "price card — frozen"}, at=NOON)
    return ledger


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a ledger with four events."""
    return written(tmp_path_factory.mktemp("sample")).path.read_bytes()


# --- writing and reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["none", "flush", "fsync"])
def test_what_goes_in_comes_out(tmp_path: Path, durability: Any) -> None:
    """An entry would come back changed, or the records among the entries would not be found."""
    ledger = Ledger(tmp_path / "decisions.jsonl", durability=durability)
    event = {"$who": ("a", None), "at": NOON, "amount": 1e20}
    entry = LogEntry(node="pricing.change", approvers=("Finance",), review_date=NOON, selected_thresholds={"cap": Decimal("1.5"), "floor": 3})
    receipts = [ledger.append(record()), ledger.append(event, at=NOON), ledger.append(entry)]
    kept = list(ledger)
    assert [1, 2, 3] == [receipt.seq for receipt in receipts] == [found.seq for found in kept]
    assert [receipt.hash for receipt in receipts] == [found.hash for found in kept]
    assert 1 == len({receipt.ledger for receipt in receipts})
    assert ["record", "event", "log"] == [found.kind for found in kept]
    assert [record()] == list(ledger.records())
    assert {"$who": ["a", None], "at": NOON, "amount": 1e20} == kept[1].body
    assert kept[1].at == NOON
    assert entry == LogEntry.from_dict(kept[2].body)


def test_lines_are_the_documented_ones(tmp_path: Path) -> None:
    """Somebody who checks the file with another program, after the documented form, would find it wrong."""
    lines = [json.loads(line) for line in written(tmp_path, 2).path.read_text("utf-8").splitlines()]
    assert [0, 1, 2] == [line["seq"] for line in lines]
    for before, line in zip([None, *lines], lines, strict=False):
        rest = {key: value for key, value in line.items() if key != "hash"}
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert line["hash"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        if before:
            assert before["hash"] == line["prev"]
    root = json.dumps({"ledger": lines[0]["body"]["ledger"]}, separators=(",", ":"))
    assert lines[0]["prev"] == "sha256:" + hashlib.sha256(root.encode()).hexdigest()


def test_extend_is_all_or_nothing(tmp_path: Path) -> None:
    """Half of a batch would be in the ledger though the caller got no receipt."""
    ledger = written(tmp_path, 1)
    with pytest.raises(InputError, match="has no canonical form"):
        ledger.extend([{"a": 1}, {"a": object()}])
    assert (1, True) == (ledger.verify().entries, ledger.verify().ok)
    assert [2, 3] == [receipt.seq for receipt in ledger.extend([{"a": 1}, record()])]


@pytest.mark.parametrize("bad", [{"a": "\ud800"}, {1: 2}, {"a": {1, 2}}])
def test_a_body_without_canonical_form(tmp_path: Path, bad: Any) -> None:
    """A body that cannot be hashed would leave a broken line behind."""
    ledger = written(tmp_path, 1)
    with pytest.raises(InputError):
        ledger.append(bad)
    assert ledger.verify().ok


def test_something_else_than_an_entry(tmp_path: Path) -> None:
    """A list would be written as an entry that nobody can read back."""
    with pytest.raises(LedgerError, match="takes decision records, events, log entries and mappings, not a value of type list"):
        Ledger(tmp_path / "a").append(["a"])  # type: ignore[arg-type]  # what a caller without types might do


def test_a_naive_instant(tmp_path: Path) -> None:
    """An entry would be dated in a zone nobody knows."""
    with pytest.raises(InputError, match="needs a zone"):
        Ledger(tmp_path / "a").append({}, at=dt.datetime(2026, 1, 1))


def test_a_record_entry_that_is_no_record(tmp_path: Path) -> None:
    """A body of another version would end in a raw KeyError."""
    ledger = Ledger(tmp_path / "a")
    ledger.append(record())
    text = ledger.path.read_text("utf-8")
    assert '"record":"decision-os/1"' in text
    entry = next(iter(ledger))
    with pytest.raises(RecordError, match="`record` should be `decision-os/1`, and it says `decision-os/9`"):
        DecisionRecord.from_dict({**entry.body, "record": "decision-os/9"})


# --- tampering ---------------------------------------------------------------------------------------------------------------


def problems(folder: Path, data: bytes, checkpoint: Checkpoint | None = None) -> list[tuple[int, str]]:
    """What `verify` finds in a file with these bytes."""
    path = folder / "tampered.jsonl"
    path.write_bytes(data)
    verification = Ledger(path).verify(checkpoint)
    assert verification.ok is not bool(verification.problems)
    return [(problem.line, problem.what) for problem in verification.problems]


def test_the_sample_verifies(tmp_path: Path, sample: bytes) -> None:
    """The tampering tests would prove nothing, for the untouched file would fail too."""
    assert [] == problems(tmp_path, sample)


def test_a_changed_line(tmp_path: Path, sample: bytes) -> None:
    """A number changed in an entry would not be found, or not be located."""
    assert [(3, "was changed: its hash does not match")] == problems(tmp_path, sample.replace(b'"number":2', b'"number":9'))


def test_whitespace_counts(tmp_path: Path, sample: bytes) -> None:
    """A line that says the same in other bytes is not the line that was written."""
    assert [3] == [line for line, _ in problems(tmp_path, sample.replace(b'"number":2', b'"number": 2'))]


@settings(max_examples=150, deadline=None)
@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit(tmp_path_factory: pytest.TempPathFactory, sample: bytes, at: int, bit: int) -> None:
    """Some bit of the file would be free to change."""
    at %= len(sample)
    data = bytearray(sample)
    data[at] ^= 1 << bit
    folder = tmp_path_factory.mktemp("flip")
    checkpoint = Checkpoint(len(sample), 4, json.loads(sample.splitlines()[-1])["hash"])
    found = problems(folder, bytes(data), checkpoint)
    if at == len(sample) - 1:  # the end of the last line: the checkpoint sees it, or opening it repaired it
        assert found or (folder / "tampered.jsonl").read_bytes() != bytes(data)
    else:
        assert sample[:at].count(b"\n") + 1 == found[0][0]


def lines_of(data: bytes) -> list[bytes]:
    """The lines, with their ends."""
    return data.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("order", "line", "words"),
    [
        ([0, 1, 3, 4], 3, "entry 3 stands where entry 2 belongs: something was taken out"),
        ([0, 2, 1, 3, 4], 2, "entry 2 stands where entry 1 belongs"),
        ([0, 1, 2, 2, 3, 4], 4, "entry 2 stands where entry 3 belongs: it is there twice"),
        ([1, 2, 3, 4], 1, "the first line of a ledger says its format"),
        ([0, 0, 1, 2, 3, 4], 2, "entry 0 stands where entry 1 belongs: it is there twice"),
    ],
)
def test_lines_moved_about(tmp_path: Path, sample: bytes, order: list[int], line: int, words: str) -> None:
    """An entry removed, swapped or doubled would not be found, or the first bad line would not be named."""
    lines = lines_of(sample)
    found = problems(tmp_path, b"".join(lines[number] for number in order))
    assert line == found[0][0]
    assert words in found[0][1]


def test_an_entry_from_another_ledger(tmp_path: Path, sample: bytes) -> None:
    """An entry that is whole, and has the right number, could be brought in from elsewhere."""
    other = tmp_path / "other"
    other.mkdir()
    foreign, lines = lines_of(written(other).path.read_bytes()), lines_of(sample)
    found = problems(tmp_path, b"".join([*lines[:2], foreign[2], *lines[3:]]))
    assert [3, 4] == [line for line, _ in found]
    assert "is from another ledger" in found[0][1]


def test_another_first_line(tmp_path: Path, sample: bytes) -> None:
    """The entries could be moved under the id of another ledger."""
    other = tmp_path / "other"
    other.mkdir()
    foreign, lines = lines_of(written(other).path.read_bytes()), lines_of(sample)
    assert [2] == [line for line, _ in problems(tmp_path, b"".join([foreign[0], *lines[1:]]))]


def test_garbage_lines(tmp_path: Path, sample: bytes) -> None:
    """A line that is no entry would end the check, or hide the lines after it."""
    lines = lines_of(sample)
    data = b"".join([lines[0], b"hello\n", *lines[1:3], b"\xff\xfe\n", b"\n", *lines[3:]])
    assert [2, 3, 5, 6, 7] == [line for line, _ in problems(tmp_path, data)]


def test_reading_stops_at_a_bad_line(tmp_path: Path, sample: bytes) -> None:
    """A changed entry would be read as if it were fine."""
    path = tmp_path / "a"
    path.write_bytes(sample.replace(b'"number":3', b'"number":7'))
    found = iter(Ledger(path))
    assert [1, 2] == [next(found).seq, next(found).seq]
    with pytest.raises(LedgerError, match="line 4: was changed"):
        next(found)


def test_nothing_is_appended_to_a_bad_end(tmp_path: Path, sample: bytes) -> None:
    """An entry would be chained to a line that somebody changed, as if it were fine."""
    path = tmp_path / "a"
    path.write_bytes(sample.replace(b'"number":4', b'"number":7'))
    with pytest.raises(LedgerError, match=r"the last line of .* was changed"):
        Ledger(path).append({})
    with pytest.raises(LedgerError, match="was changed"):
        Ledger(path).checkpoint()


# --- checkpoints -------------------------------------------------------------------------------------------------------------


def test_a_checkpoint_finds_a_cut_tail(tmp_path: Path, sample: bytes) -> None:
    """Whole entries cut off the end, which the chain alone cannot show, would stay unseen with a checkpoint too."""
    path = tmp_path / "a"
    path.write_bytes(sample)
    checkpoint = Ledger(path).checkpoint()
    assert Checkpoint(len(sample), 4, json.loads(lines_of(sample)[-1])["hash"]) == checkpoint
    cut = b"".join(lines_of(sample)[:-1])
    assert [] == problems(tmp_path, cut)
    assert [(5, "the ledger was cut off: the checkpoint saw 4 entries, 3 entries left")] == problems(tmp_path, cut, checkpoint)
    assert [(1, "the ledger was cut off: the checkpoint saw 4 entries, 0 entries left")] == problems(tmp_path, b"", checkpoint)


def test_a_checkpoint_finds_a_rewritten_ledger(tmp_path: Path, sample: bytes) -> None:
    """A ledger written anew, chain and all, would pass for the old one."""
    path = tmp_path / "a"
    path.write_bytes(sample)
    checkpoint = Ledger(path).checkpoint()
    other = tmp_path / "other"
    other.mkdir()
    assert [(5, "is not what the checkpoint saw: the ledger was written anew")] == problems(tmp_path, written(other).path.read_bytes(), checkpoint)


def test_a_checkpoint_still_holds_later(tmp_path: Path) -> None:
    """A ledger that only grew since the checkpoint would be called tampered with."""
    path = tmp_path / "decisions.jsonl"
    path.touch()
    empty = Ledger(path).checkpoint()
    assert Checkpoint(0, 0, "") == empty
    ledger = written(tmp_path, 2)
    middle = ledger.checkpoint()
    ledger.append({})
    assert [True, True] == [ledger.verify(empty).ok, ledger.verify(middle).ok]


# --- crashes -----------------------------------------------------------------------------------------------------------------


def test_a_cut_at_every_byte_of_the_last_line(tmp_path: Path, sample: bytes) -> None:
    """Some crash in the middle of an append would lose an acknowledged entry, drop bytes silently, or leave a ledger that does not verify."""
    start = len(b"".join(lines_of(sample)[:-1]))
    for cut in range(start, len(sample)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        path = folder / "decisions.jsonl"
        path.write_bytes(sample[:cut])
        with capture_logs() as logs:
            ledger = Ledger(path)
        verification = ledger.verify()
        assert verification.ok
        aside = folder / "decisions.jsonl.torn-4"
        if cut == start:  # nothing of the entry was written
            assert ([], 3, ()) == (logs, verification.entries, verification.recovered)
        elif cut == len(sample) - 1:  # all of it was, but for the end of the line
            assert [("ledger.completed", "warning")] == [(log["event"], log["log_level"]) for log in logs]
            assert sample == path.read_bytes()
        else:
            assert [("ledger.recovered", "warning", cut - start)] == [(log["event"], log["log_level"], log["torn_bytes"]) for log in logs]
            assert ((str(aside),), 3) == (verification.recovered, verification.entries)
            assert sample[start:cut] == aside.read_bytes()
        assert verification.entries + 1 == ledger.append({"after": "the crash"}).seq
        assert ledger.verify().ok
        shutil.rmtree(folder)


def test_a_cut_at_every_byte_of_the_first_line(tmp_path: Path, sample: bytes) -> None:
    """A crash while a ledger was being made would leave a file that no append gets past."""
    for cut in range(1, len(lines_of(sample)[0]) - 1, 7):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(sample[:cut])
        with capture_logs():
            ledger = Ledger(path)
        assert 1 == ledger.append({}).seq
        assert sample[:cut] == (tmp_path / f"{cut}.jsonl.torn-0").read_bytes()
        assert ledger.verify().ok


def test_torn_while_open(tmp_path: Path, sample: bytes) -> None:
    """A ledger opened before another writer crashed would append behind the torn bytes."""
    path = tmp_path / "a"
    path.write_bytes(sample)
    ledger = Ledger(path)
    path.write_bytes(sample[:-9])
    with capture_logs() as logs:
        assert 4 == ledger.append({}).seq
    assert ["ledger.recovered"] == [log["event"] for log in logs]
    assert ledger.verify().ok


def test_torn_twice_at_one_place(tmp_path: Path, sample: bytes) -> None:
    """The bytes of a second crash would overwrite those of the first."""
    path = tmp_path / "a"
    for cut in (9, 12, 9):
        path.write_bytes(sample[:-cut])
        with capture_logs():
            Ledger(path)
    start = len(b"".join(lines_of(sample)[:-1]))
    assert [str(path) + ".torn-4", str(path) + ".torn-4-2"] == list(Ledger(path).verify().recovered)
    assert [sample[start:-9], sample[start:-12]] == [(tmp_path / name).read_bytes() for name in ("a.torn-4", "a.torn-4-2")]


def test_zeros_at_the_end(tmp_path: Path, sample: bytes) -> None:
    """A loss of power that leaves zeros where the entry was to be would not be recovered from."""
    path = tmp_path / "a"
    path.write_bytes(sample + b"\0" * 100)
    with capture_logs():
        ledger = Ledger(path)
    assert (True, 4) == (ledger.verify().ok, ledger.verify().entries)


@pytest.mark.parametrize("text", [b"dear diary", b'{"at": "no ledger"}', b"a\nb\nc", b'{"at":"2026-10-06T12:00:00.000000Z","body":{}}'])
def test_somebody_elses_file(tmp_path: Path, text: bytes) -> None:
    """Another file given by mistake would be cut, or written to."""
    path = tmp_path / "diary.txt"
    path.write_bytes(text)
    ledger = Ledger(path)
    with pytest.raises(LedgerError, match="is not a ledger"):
        ledger.append({})
    assert not ledger.verify().ok
    assert text == path.read_bytes()
    assert ["diary.txt"] == [found.name for found in tmp_path.iterdir()]


@pytest.mark.parametrize("torn", [b"\0", b"\0" * 4096, b'{"at":"2026-10' + b"\0" * 90])
def test_zeros_where_the_first_line_was_to_be(tmp_path: Path, torn: bytes) -> None:
    """A loss of power during the first append would leave a file that no append gets past."""
    path = tmp_path / "a"
    path.write_bytes(torn)
    with capture_logs():
        ledger = Ledger(path)
    assert (1, True) == (ledger.append({}).seq, ledger.verify().ok)
    assert torn == (tmp_path / "a.torn-0").read_bytes()


def test_the_caller_is_told_what_was_recovered(tmp_path: Path, sample: bytes) -> None:
    """Only the log would say that an entry was moved aside, and nobody may be listening to it."""
    path = tmp_path / "a"
    path.write_bytes(sample[:-9])
    start = len(b"".join(lines_of(sample)[:-1]))
    with capture_logs():
        ledger = Ledger(path)
    aside = Recovery(4, len(sample) - 9 - start, f"{path}.torn-4")
    assert [aside] == list(ledger.recoveries)
    assert f"entry 4 was unfinished: its {aside.torn_bytes} bytes are in `{path}.torn-4`" == str(aside)
    path.write_bytes(sample[:-1])
    with capture_logs():
        ledger.append({})
    completed = Recovery(4, len(sample) - 1 - start, None)
    assert [aside, completed] == list(ledger.recoveries)
    assert "entry 4 lacked only the end of its line, which was added" == str(completed)
    assert () == Ledger(path).recoveries


def test_a_ledger_that_is_only_looked_at_stays_as_it_is(tmp_path: Path, sample: bytes) -> None:
    """An auditor would change the file by reading it, or a cut inside the last line would pass for verified."""
    path = tmp_path / "a"
    for cut in (1, 9, len(lines_of(sample)[-1]) - 1):
        path.write_bytes(sample[:-cut])
        ledger = Ledger(path, recover=False)
        assert [Problem(5, "is torn: it has no end")] == list(ledger.verify().problems)
        with pytest.raises(LedgerError, match="line 5: is torn"):
            list(ledger)
        with pytest.raises(LedgerError, match=r"the last line .* is torn"):
            ledger.append({})
        assert (sample[:-cut], [path], ()) == (path.read_bytes(), list(tmp_path.iterdir()), ledger.recoveries)


def test_zeros_where_the_end_of_the_line_was_to_be(tmp_path: Path, sample: bytes) -> None:
    """A loss of power just before the end of a line would leave a ledger that no append gets past, or move a whole entry aside."""
    path = tmp_path / "a"
    path.write_bytes(sample[:-1] + b"\0" * 40)
    with capture_logs():
        assert [None] == [recovery.moved_to for recovery in Ledger(path).recoveries]
    assert sample == path.read_bytes()


@pytest.mark.parametrize("end", [b"x", b"\r", b" "])
def test_a_whole_entry_with_another_end_is_not_moved_aside(tmp_path: Path, sample: bytes, end: bytes) -> None:
    """One byte changed behind the last entry would take an acknowledged entry out, and leave a ledger that verifies."""
    path = tmp_path / "a"
    path.write_bytes(sample[:-1] + end)
    ledger = Ledger(path)
    assert [5] == [problem.line for problem in ledger.verify().problems]
    with pytest.raises(LedgerError, match=r"the last line .* is torn"):
        ledger.append({})
    assert (sample[:-1] + end, [path]) == (path.read_bytes(), list(tmp_path.iterdir()))


def test_a_problem_names_the_entry(tmp_path: Path, sample: bytes) -> None:
    """A reader would have to know that the first line is none of the entries to find the one that was changed."""
    path = tmp_path / "a"
    path.write_bytes(sample.replace(b'"number":2', b'"number":9'))
    assert [2] == [problem.entry for problem in Ledger(path).verify().problems]


def test_a_hash_that_is_right_over_a_body_that_is_no_json(tmp_path: Path, sample: bytes) -> None:
    """A line sealed by another program would end the reading in a raw error."""
    head = head_of(NOON, {"a": 1})
    line, _ = sealed(head[:-2] + b",,}", "event", json.loads(lines_of(sample)[-1])["hash"], 5)
    path = tmp_path / "a"
    path.write_bytes(sample + line)
    with pytest.raises(LedgerError, match="line 6: cannot be read: not JSON"):
        list(Ledger(path))


# --- under a running process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda path, _: path.unlink(),
        lambda path, _: path.write_bytes(b""),
        lambda path, _: path.write_bytes(b"".join(lines_of(path.read_bytes())[:-1])),
        Path.write_bytes,
        lambda path, sample: path.write_bytes(sample + sample),
    ],
    ids=["removed", "emptied", "cut off", "replaced", "replaced by a longer one"],
)
def test_what_this_process_appended_has_to_be_there_still(tmp_path: Path, sample: bytes, change: Any) -> None:
    """A ledger cut off or exchanged under a running process would be gone on with, and an acknowledged entry be lost without a word."""
    ledger = written(tmp_path, 2)
    change(ledger.path, sample)
    before = ledger.path.read_bytes() if ledger.path.exists() else b""
    with pytest.raises(LedgerError, match="no longer holds entry 2, which this process appended"):
        ledger.append({})
    assert before == ledger.path.read_bytes()


def test_what_others_append_is_no_reason_to_stop(tmp_path: Path) -> None:
    """A second writer would be taken for somebody who exchanged the file."""
    one = written(tmp_path, 1)
    other = Ledger(one.path)
    assert [2, 3, 4, 5] == [ledger.append({"filling": "x" * size}).seq for ledger, size in ((other, 3000), (one, 1), (other, 1), (one, 3000))]
    assert one.verify().ok


def test_a_file_put_away_while_an_append_waits(tmp_path: Path) -> None:
    """An entry would go into the file that was put away, and its receipt speak of the one that took its place."""
    fcntl = pytest.importorskip("fcntl")
    path = written(tmp_path, 1).path
    with path.open("rb") as held, ThreadPoolExecutor(1) as pool:
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        waiting = pool.submit(Ledger(path).append, {"late": True})
        time.sleep(0.05)
        path.rename(tmp_path / "put-away.jsonl")
        fcntl.flock(held.fileno(), fcntl.LOCK_UN)
        receipt = waiting.result(timeout=30)
    assert [receipt.hash] == [entry.hash for entry in Ledger(path)]
    assert 1 == Ledger(tmp_path / "put-away.jsonl").verify().entries


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that changes its folder would go on in another file: two ledgers under one name."""
    monkeypatch.chdir(tmp_path)
    ledger = Ledger("decisions.jsonl")
    ledger.append({})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert 2 == ledger.append({}).seq
    assert tmp_path / "decisions.jsonl" == ledger.path


def test_an_interrupt_while_the_device_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C would leave an entry nobody has a receipt for, and the caller, trying again, would enter it twice."""
    ledger = Ledger(tmp_path / "a", durability="fsync")
    ledger.append({})
    before = ledger.path.read_bytes()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("decision_os.ledger.ledger.sync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ledger.append({})
    monkeypatch.undo()
    assert before == ledger.path.read_bytes()
    assert 2 == ledger.append({}).seq


def test_what_cannot_be_taken_back_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing device that neither keeps the entry nor lets go of it would be reported as if nothing had been written."""
    ledger = written(tmp_path, 1)

    class Failing(FileIO):
        def write(self, data: Any) -> int:
            super().write(bytes(data)[:100])
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        def truncate(self, _: int | None = None) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "open", lambda self, mode, **_: Failing(self, mode))
    with pytest.raises(LedgerError, match="may be there in part or whole without a receipt"):
        ledger.append({})


# --- as a frame ----------------------------------------------------------------------------------------------------------------


def decided(folder: Path) -> Ledger:
    """A ledger with two records, a log entry and an event."""
    ledger = Ledger(folder / "decisions.jsonl", durability="none")
    entry = LogEntry(node="pricing.change", approvers=("Finance", "SalesOps"), selected_thresholds={"b": 1, "a": "≥ $3"})
    later = NOON.astimezone(dt.timezone(dt.timedelta(hours=-4)))
    unsure = attrs.evolve(record("Enterprise"), causes=(Cause("win_rate", "missing", ""), Cause("cac", "stale", "")), review_date=later, branch="invest")
    ledger.append(record(), at=later)
    ledger.append({"event": "approved", "at": NOON, "$by": "Ann"}, at=NOON)
    ledger.extend([entry, unsure], at=NOON)
    return ledger


@pytest.mark.parametrize("backend", ["polars", "pandas", "pyarrow"])
def test_decisions_as_a_frame(tmp_path: Path, backend: str) -> None:
    """An analyst would get text for instants, an engine's own idea of the types, or miss a decision."""
    frame = nw.from_native(decided(tmp_path).frame(backend=backend), eager_only=True)
    assert backend == frame.implementation.name.lower()
    instants = {"at", "timestamp", "review_date"}
    instant = nw.Datetime("us", "UTC")
    assert {name: nw.Int64() if name == "seq" else instant if name in instants else nw.String() for name in frame.columns} == dict(frame.schema)
    first, log, last = frame.rows(named=True)
    assert [1, 3, 4] == frame["seq"].to_list()
    assert (NOON, NOON, "channel.invest", "SMB", "hold", "FP&A, Analytics") == tuple(
        first[name] for name in ("at", "timestamp", "node", "subject", "outcome", "approvers")
    )
    assert ("cac, win_rate", NOON, "invest", "sha256:2") == tuple(last[name] for name in ("unknowns", "review_date", "branch", "rule_book_hash"))
    assert ("Finance, SalesOps", '{"a":"≥ $3","b":1}') == tuple(log[name] for name in ("approvers", "selected_thresholds"))
    gaps = frame.select(nw.col("unknowns", "branch", "review_date", "timestamp", "rule_book_hash").is_null()).rows()
    assert [(True, True, True, False, False), (True, True, True, True, True), (False, False, False, False, False)] == gaps


def test_events_as_a_frame(tmp_path: Path) -> None:
    """Events would be missing from both frames: dropped without a word."""
    ledger = decided(tmp_path)
    frame = ledger.frame("events")
    assert [2] == frame["seq"].to_list()
    assert ['{"$$by":"Ann","at":{"$instant":"2026-10-06T12:00:00Z"},"event":"approved"}'] == frame["body"].to_list()
    assert sorted([*ledger.frame()["hash"], *frame["hash"]]) == sorted(entry.hash for entry in ledger)


def test_an_empty_frame_has_the_same_columns(tmp_path: Path) -> None:
    """A query over the decisions would fail on the first day, when there are none."""
    empty = written(tmp_path, 1)
    other = tmp_path / "other"
    other.mkdir()
    assert decided(other).frame().schema == empty.frame().schema


def test_a_frame_of_a_changed_ledger(tmp_path: Path) -> None:
    """A changed decision would be in the frame as if it were fine."""
    ledger = decided(tmp_path)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"Enterprise"', b'"enterprise"'))
    with pytest.raises(LedgerError, match="line 5: was changed"):
        ledger.frame()


def test_a_frame_that_cannot_be(tmp_path: Path) -> None:
    """A misspelt engine or kind of row would be a raw error of another library."""
    ledger = decided(tmp_path)
    with pytest.raises(DataError, match=r"no dataframe engine `polar` .*did you mean `polars`"):
        ledger.frame(backend="polar")
    with pytest.raises(InputError, match="no rows `event`"):
        ledger.frame("event")  # type: ignore[arg-type]  # the mistake under test


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle of an entry would leave half of it, or the caller would not be told."""
    ledger = written(tmp_path, 2)
    before = ledger.path.read_bytes()

    class Full(FileIO):
        def write(self, data: Any) -> int:
            if len(data) < 100:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(bytes(data)[:100])

    monkeypatch.setattr(Path, "open", lambda self, mode, **_: Full(self, mode))
    with pytest.raises(LedgerError, match=r"cannot write .*decisions.jsonl`: no space left on device"):
        ledger.append({"number": 3})
    assert before == ledger.path.read_bytes()


def test_a_full_disk_while_recovering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger would be cut though only a part of what was cut off had been set aside: bytes that were promised to be kept would be nowhere."""
    ledger = written(tmp_path, 2)
    ledger.append({"number": 3, "note": "x" * 1000})
    torn = ledger.path.read_bytes()[:-10]
    ledger.path.write_bytes(torn)
    real, room = Path.open, 100

    class Filling(FileIO):
        """A disk with little left: a write takes what there is room for, and only the next one fails."""

        def write(self, data: Any) -> int:
            nonlocal room
            if not room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            wrote = super().write(bytes(data)[:room])
            room -= wrote
            return wrote

    monkeypatch.setattr(Path, "open", lambda self, mode, **how: Filling(self, mode) if how.get("buffering") == 0 else real(self, mode, **how))
    with capture_logs() as logs:
        opened = Ledger(ledger.path)
    assert (["ledger.not_recovered"], ()) == ([log["event"] for log in logs], opened.recoveries)
    with pytest.raises(LedgerError, match="no space left on device"), capture_logs():
        opened.append({})
    assert (torn, [ledger.path]) == (ledger.path.read_bytes(), list(tmp_path.iterdir()))
    room = 10_000
    with capture_logs():
        assert 3 == Ledger(ledger.path).append({"number": 3}).seq
    (aside,) = tmp_path.glob("*.torn-3")
    assert torn.endswith(aside.read_bytes())
    assert len(aside.read_bytes()) > 1000


def test_torn_bytes_stay_beside_the_file_itself(tmp_path: Path, sample: bytes) -> None:
    """Whoever reads the ledger by its own path would not see what was recovered by way of a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    target, link = tmp_path / "real" / "a", tmp_path / "links" / "b"
    target.write_bytes(sample[:-9])
    link.symlink_to(target)
    with capture_logs():
        through = Ledger(link)
    assert Ledger(target).verify().recovered == through.verify().recovered == (str(target.resolve()) + ".torn-4",)
    assert link.is_symlink()


@pytest.mark.parametrize("held", [b"\0", b"\0" * 4096, b"{", b'{"a'], ids=["a zero", "zeros", "a bracket", "a few bytes"])
def test_a_look_at_what_was_never_a_ledger_changes_nothing(tmp_path: Path, held: bytes) -> None:
    """Opening a file to look at it would empty one that somebody set room aside for, or had only begun to write."""
    path = tmp_path / "a"
    path.write_bytes(held)
    assert not Ledger(path).verify().ok
    assert (held, [path]) == (path.read_bytes(), list(tmp_path.iterdir()))


@pytest.mark.parametrize("seen", [Checkpoint(0, 3, "sha256:bad"), Checkpoint(0, 9, ""), Checkpoint(0, 0, "sha256:bad")], ids=["both", "entries", "head"])
def test_a_checkpoint_of_no_bytes_that_saw_something_is_not_met(tmp_path: Path, sample: bytes, seen: Checkpoint) -> None:
    """A checkpoint whose size was lost would find every ledger right."""
    path = tmp_path / "a"
    path.write_bytes(sample)
    assert not Ledger(path).verify(seen).ok
    assert Ledger(path).verify(Checkpoint(0, 0, "")).ok


def test_an_instant_outside_the_calendar(tmp_path: Path) -> None:
    """An instant that is in no year of UTC would be a raw OverflowError."""
    west = dt.timezone(dt.timedelta(hours=-1))
    with pytest.raises(InputError, match="`at` is out of range in UTC"):
        written(tmp_path, 1).append({}, at=dt.datetime.max.replace(tzinfo=west))


# --- misuse ------------------------------------------------------------------------------------------------------------------


def test_no_folder(tmp_path: Path) -> None:
    """A missing folder would be a raw FileNotFoundError, with a file's name in it."""
    with pytest.raises(LedgerError, match=r"the folder `.*nowhere` does not exist"):
        Ledger(tmp_path / "nowhere" / "a").append({})


def test_no_ledger_yet(tmp_path: Path) -> None:
    """Reading before the first append would make a file, or say that an absent ledger is fine."""
    ledger = Ledger(tmp_path / "a")
    for read in (ledger.verify, ledger.checkpoint, lambda: list(ledger)):
        with pytest.raises(LedgerError, match="no ledger at"):
            read()
    assert [] == list(tmp_path.iterdir())


def test_a_folder_for_a_path(tmp_path: Path) -> None:
    """The folder instead of a file in it would be a raw IsADirectoryError."""
    with pytest.raises(LedgerError, match="is a folder; give the path of a file in it"):
        Ledger(tmp_path).append({})


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No permission to write would be a raw PermissionError, or not be told at all."""
    ledger = written(tmp_path, 1)

    def refuse(path: Path, mode: str, **_: Any) -> FileIO:
        if mode != "rb":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return FileIO(path, mode)

    ledger.path.write_bytes(ledger.path.read_bytes()[:-5])
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(LedgerError, match="no permission to write"):
        ledger.append({})
    with capture_logs() as logs:
        verification = Ledger(ledger.path).verify()
    assert {"ledger.not_recovered"} == {log["event"] for log in logs}
    assert [(2, "is torn: it has no end")] == [(problem.line, problem.what) for problem in verification.problems]


def test_an_unknown_durability(tmp_path: Path) -> None:
    """A misspelt durability would silently be the weakest one."""
    with pytest.raises(LedgerError, match="unknown durability `sync`; write one of none, flush, fsync"):
        Ledger(tmp_path / "a", durability="sync")  # type: ignore[arg-type]  # the mistake under test


# --- several processes ---------------------------------------------------------------------------------------------------------


def append_some(path: Path, who: str, others: list[str], count: int) -> list[Receipt]:
    """What one process does, once all are there; its entries differ in size, so that a missing lock shows as torn lines too."""
    ledger = Ledger(path, durability="none")
    path.with_name(who).touch()
    while not all(path.with_name(other).exists() for other in others):
        time.sleep(0.001)
    return [ledger.append({"who": who, "number": number, "filling": "x" * (number % 7 * 3000)}) for number in range(count)]


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    """Two writers would fork the chain, tear each other's lines, or lose an entry that was acknowledged."""
    path, writers = tmp_path / "decisions.jsonl", ["a", "b"]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        jobs = [pool.apply_async(append_some, (path, who, writers, 150)) for who in writers]
        receipts = [receipt for job in jobs for receipt in job.get(timeout=60)]
    ledger = Ledger(path)
    verification = ledger.verify()
    assert (True, 300, ()) == (verification.ok, verification.entries, verification.recovered)
    assert list(range(1, 301)) == sorted(receipt.seq for receipt in receipts)
    assert {(receipt.seq, receipt.hash) for receipt in receipts} == {(entry.seq, entry.hash) for entry in ledger}
    for who in writers:
        assert list(range(150)) == [entry.body["number"] for entry in ledger if entry.body["who"] == who]
