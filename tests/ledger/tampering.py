"""Random changes to a ledger, each with the first line that is not as it was: what `verify` has to name."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from decision_os.ledger import Checkpoint, Ledger
from tests.records import record

__all__ = ["CUT", "Sealed", "Trial", "run", "sealed_ledger", "trials", "undetected"]

AT: Final = dt.datetime(2026, 10, 6, 12, tzinfo=dt.UTC)
CUT: Final = "the tail cut off at the end of a line"

Lines = list[bytes]


@attrs.frozen
class Sealed:
    """A ledger to change, lines of another one, and the checkpoint of the first."""

    lines: tuple[bytes, ...]
    foreign: tuple[bytes, ...]
    checkpoint: Checkpoint

    @property
    def data(self) -> bytes:
        return b"".join(self.lines)


@attrs.frozen
class Trial:
    """What was done, and the bytes that are left."""

    kind: str
    data: bytes

    def first_bad(self, sealed: Sealed) -> int:
        """The first line that is not as it was, counted from 1; 0 where lines are lacking at the end and nothing else."""
        *whole, rest = self.data.split(b"\n")
        now = [*(line + b"\n" for line in whole), *([rest] if rest else [])]
        return next((at for at, (line, was) in enumerate(zip([*now, b""], [*sealed.lines, b""], strict=False), 1) if line and line != was), 0)


def sealed_ledger(folder: Path, *, entries: int = 12) -> Sealed:
    """A ledger of records and events of several sizes, and another of the same entries."""
    ledgers = [Ledger(folder / name, durability="none") for name in ("one.jsonl", "other.jsonl")]
    for ledger in ledgers:
        for number in range(entries):
            ledger.append(record(subject=f"S{number}") if number % 4 == 3 else {"number": number, "note": "frozen — " * (number * 7 % 5)}, at=AT)
    one, other = (tuple(ledger.path.read_bytes().splitlines(keepends=True)) for ledger in ledgers)
    return Sealed(one, other, ledgers[0].checkpoint())


def trials(sealed: Sealed, count: int, seed: int) -> list[Trial]:
    """So many random changes that change something."""
    rng = random.Random(seed)
    made: list[Trial] = []
    while len(made) < count:
        kind = rng.choice(list(_CHANGES))
        data = _CHANGES[kind](sealed, rng)
        if data != sealed.data:
            lost_tail = sealed.data.startswith(data) and (not data or data.endswith(b"\n"))
            made.append(Trial(CUT if lost_tail else kind, data))
    return made


def undetected(sealed: Sealed, trial: Trial, path: Path) -> str:
    """What `verify` did not find, or named wrongly; empty where it is as promised."""
    path.unlink(missing_ok=True)  # quicker than emptying it
    path.write_bytes(trial.data)
    ledger = Ledger(path, recover=False)
    alone, checked = ledger.verify(), ledger.verify(sealed.checkpoint)
    if checked.ok:
        return f"{trial.kind}: not found with the checkpoint"
    if trial.kind == CUT:
        return "" if alone.ok else f"{trial.kind}: found without a checkpoint, so something else is wrong"
    if alone.ok:
        return f"{trial.kind}: not found"
    named, first = alone.problems[0].line, trial.first_bad(sealed)
    # The first line of another ledger is right in itself: that it is not this one's shows at the next line.
    if named != first and not (first == 1 and named == 2 and trial.data.startswith(sealed.foreign[0])):
        return f"{trial.kind}: line {first} is the first bad one, and line {named} is named"
    return ""


def run(sealed: Sealed, count: int, seed: int, path: Path) -> tuple[Counter[str], list[str]]:
    """How many changes of each kind were made, and what was not found."""
    tally: Counter[str] = Counter()
    failures: list[str] = []
    for trial in trials(sealed, count, seed):
        tally[trial.kind] += 1
        wrong = undetected(sealed, trial, path)
        if wrong:
            failures.append(wrong)
    return tally, failures


# --- the changes ---------------------------------------------------------------------------------------------------------------


def _byte(sealed: Sealed, rng: random.Random) -> bytes:
    data = bytearray(sealed.data)
    data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    return bytes(data)


def _bit(sealed: Sealed, rng: random.Random) -> bytes:
    data = bytearray(sealed.data)
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _byte_in(sealed: Sealed, rng: random.Random) -> bytes:
    at = rng.randrange(len(sealed.data) + 1)
    return sealed.data[:at] + rng.choice([bytes([rng.randrange(256)]), b"\n", b"\r\n", b" ", b"{", b"\0"]) + sealed.data[at:]


def _byte_out(sealed: Sealed, rng: random.Random) -> bytes:
    at = rng.randrange(len(sealed.data))
    return sealed.data[:at] + sealed.data[at + 1 :]


def _stretch_out(sealed: Sealed, rng: random.Random) -> bytes:
    start = rng.randrange(len(sealed.data))
    return sealed.data[:start] + sealed.data[start + rng.randrange(1, 2000) :]


def _cut(sealed: Sealed, rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return b"".join(sealed.lines[: rng.randrange(len(sealed.lines))])
    return sealed.data[: rng.randrange(len(sealed.data))]


def _zeros(sealed: Sealed, rng: random.Random) -> bytes:
    start, length = rng.randrange(len(sealed.data)), rng.randrange(1, 512)
    return sealed.data[:start] + b"\0" * min(length, len(sealed.data) - start) + sealed.data[start + length :]


def _two_bytes_swapped(sealed: Sealed, rng: random.Random) -> bytes:
    data = bytearray(sealed.data)
    one, other = rng.randrange(len(data)), rng.randrange(len(data))
    data[one], data[other] = data[other], data[one]
    return bytes(data)


def _in_lines(change: Callable[[Lines, Sealed, random.Random], None]) -> Callable[[Sealed, random.Random], bytes]:
    def changed(sealed: Sealed, rng: random.Random) -> bytes:
        lines = list(sealed.lines)
        change(lines, sealed, rng)
        return b"".join(lines)

    return changed


def _swap(lines: Lines, _: Sealed, rng: random.Random) -> None:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _remove(lines: Lines, _: Sealed, rng: random.Random) -> None:
    del lines[rng.randrange(len(lines))]


def _double(lines: Lines, _: Sealed, rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


def _move(lines: Lines, _: Sealed, rng: random.Random) -> None:
    line = lines.pop(rng.randrange(len(lines)))
    lines.insert(rng.randrange(len(lines) + 1), line)


def _replace(lines: Lines, sealed: Sealed, rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines[at] = sealed.foreign[at] if rng.random() < 0.7 else rng.choice(sealed.foreign)


def _bring(lines: Lines, sealed: Sealed, rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(sealed.foreign))


def _another_tail(lines: Lines, sealed: Sealed, rng: random.Random) -> None:
    at = rng.randrange(1, len(lines))
    lines[at:] = sealed.foreign[at:]


_CHANGES: Final[dict[str, Callable[[Sealed, random.Random], bytes]]] = {
    "a byte changed": _byte,
    "a bit changed": _bit,
    "a byte put in": _byte_in,
    "a byte taken out": _byte_out,
    "a stretch taken out": _stretch_out,
    "a cut inside a line": _cut,
    "a stretch of zeros": _zeros,
    "two bytes swapped": _two_bytes_swapped,
    "two lines swapped": _in_lines(_swap),
    "a line removed": _in_lines(_remove),
    "a line doubled": _in_lines(_double),
    "a line moved": _in_lines(_move),
    "a line replaced by one of another ledger": _in_lines(_replace),
    "a line of another ledger put in": _in_lines(_bring),
    "the tail of another ledger": _in_lines(_another_tail),
}
