"""Appending processes killed at random: what each was given a receipt for, and what the ledger holds afterwards."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import attrs
import structlog

from decision_os.ledger import Durability, Ledger, Receipt

__all__ = ["Killed", "quiet", "run", "runs", "wrong"]

# A server that forks has the library loaded already, and no threads: a process costs milliseconds, and each is killed.
_PROCESSES = multiprocessing.get_context("forkserver") if hasattr(signal, "SIGKILL") else None


@attrs.frozen
class Killed:
    """What one run came to: the receipts of each writer, in the order in which it got them, and how the file was left."""

    receipts: tuple[tuple[Receipt, ...], ...]
    torn: bool


def quiet() -> None:
    """No word of each recovery: they are counted."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _append(path: Path, durability: Durability, who: int, seed: int, told: Connection) -> None:
    """Append for ever; tell each receipt after `append` has returned. The sizes differ: long entries are killed half-written."""
    quiet()
    rng = random.Random(seed)
    ledger = Ledger(path, durability=durability)
    number = 0
    while True:
        size = rng.choice((0, 100, 2_000, 50_000, 2_000_000))
        receipt = ledger.append({"who": who, "number": number, "filling": "x" * size})
        told.send((receipt.seq, receipt.hash, receipt.ledger))
        number += 1


def run(folder: Path, *, writers: int, durability: Durability, seed: int, longest: float) -> Killed:
    """Start so many writers on one ledger and kill each at a moment of its own, at most `longest` seconds after the first receipt, or after the start."""
    assert _PROCESSES is not None
    rng = random.Random(seed)
    path = folder / "decisions.jsonl"
    started = []
    for who in range(writers):
        listen, tell = _PROCESSES.Pipe(duplex=False)
        process = _PROCESSES.Process(target=_append, args=(path, durability, who, rng.getrandbits(32), tell), daemon=True)
        process.start()
        tell.close()
        started.append((process, listen))
    receipts: list[list[Receipt]] = [[] for _ in started]
    ends = [rng.uniform(0, longest) for _ in started]
    if rng.random() < 0.8:  # in the others the ledger may be killed while it is made
        assert started[0][1].poll(30), "no writer got to its first receipt"
    begun = time.monotonic()
    for at, who in sorted((end, who) for who, end in enumerate(ends)):
        time.sleep(max(0.0, begun + at - time.monotonic()))
        process, _ = started[who]
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    for who, (process, listen) in enumerate(started):
        with contextlib.suppress(EOFError):  # that is how a killed writer's telling ends
            while True:
                receipts[who].append(Receipt(*listen.recv()))
        process.join()
        listen.close()
        assert process.exitcode == -signal.SIGKILL, f"writer {who} ended by itself: {process.exitcode}"
    data = path.read_bytes() if path.exists() else b""
    return Killed(tuple(map(tuple, receipts)), torn=bool(data) and not data.endswith(b"\n"))


def wrong(folder: Path, killed: Killed) -> list[str]:
    """What is not as promised after such a run; empty where everything is."""
    ledger = Ledger(folder / "decisions.jsonl")
    found = []
    if not ledger.path.exists():
        return ["receipts without a ledger"] if any(killed.receipts) else []
    verification = ledger.verify()
    if not verification.ok:
        return [f"does not verify after recovery: {verification.problems[0]}"]
    if killed.torn is not bool(ledger.recoveries):
        found.append(f"torn is {killed.torn}, and the caller was told {ledger.recoveries}")
    held = {entry.seq: entry for entry in ledger}
    if list(held) != list(range(1, len(held) + 1)):
        found.append("the entries are not counted one by one")
    for who, receipts in enumerate(killed.receipts):
        lost = [receipt for receipt in receipts if receipt.seq not in held or held[receipt.seq].hash != receipt.hash]
        if lost:
            found.append(f"writer {who}: {len(lost)} of {len(receipts)} acknowledged entries are not there, the first {lost[0]}")
        numbers = [entry.body["number"] for entry in held.values() if entry.body["who"] == who]
        if numbers != list(range(len(numbers))):
            found.append(f"writer {who}: its entries are out of order, or doubled")
        if not 0 <= len(numbers) - len(receipts) <= 1:
            found.append(f"writer {who}: {len(receipts)} receipts, {len(numbers)} entries; only the last may lack its receipt")
    receipt = ledger.append({"who": -1, "number": 0})
    if receipt.seq != len(held) + 1 or not ledger.verify().ok:
        found.append("it cannot be gone on with")
    return found


def runs(folder: Path, count: int, *, writers: int, durability: Durability, seed: int, longest: float = 0.06) -> tuple[Counter[str], list[str]]:
    """Several runs, each with a ledger of its own: a tally of what was met, and what was not as promised."""
    if _PROCESSES is not None:
        _PROCESSES.set_forkserver_preload(["tests.ledger.kills"])
    tally: Counter[str] = Counter()
    failures: list[str] = []
    for number in range(count):
        place = folder / f"{writers}-{durability}-{number}"
        place.mkdir()
        killed = run(place, writers=writers, durability=durability, seed=seed + number, longest=longest)
        failures += [f"run {number}: {what}" for what in wrong(place, killed)]
        tally.update(runs=1, kills=writers, receipts=sum(map(len, killed.receipts)), torn=killed.torn)
        moved = list(place.glob("*.torn-*"))
        tally.update({"set aside": len(moved)})
        for file in place.iterdir():
            file.unlink()
    return tally, failures
