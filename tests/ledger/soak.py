"""`python -m tests.ledger.soak`: processes killed while they append, thousands of changes, a million numbers.

What was met is counted, and everything that is not as promised is printed. Exit 1 if there is anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from decision_os.ledger import Durability
from tests.es6_numbers import PUBLISHED, digests
from tests.ledger import kills, tampering


def main() -> int:
    """Run the soak and say what it met."""
    options = argparse.ArgumentParser(prog="python -m tests.ledger.soak", description="Kills, changes and numbers, as many as one has time for.")
    options.add_argument("--kills", type=int, default=200, help="runs with one writer, and as many with four (default %(default)s)")
    options.add_argument("--changes", type=int, default=10_000, help="changes to a ledger (default %(default)s)")
    options.add_argument("--numbers", type=int, default=1_000_000, help="numbers of the published series (default %(default)s)")
    options.add_argument("--seed", type=int, default=1, help="the first seed (default %(default)s)")
    options.add_argument("--folder", type=Path, help="where the ledgers are written: on the device to be tried (default: the system's temporary folder)")
    chosen = options.parse_args()
    kills.quiet()
    bad = 0
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        began = time.monotonic()
        for title, tally, failures in _parts(Path(name), chosen):
            met = ", ".join(f"{count:,} {what}" for what, count in sorted(tally.items()))
            print(f"{title} ({time.monotonic() - began:.0f} s): {met}", flush=True)
            for failure in failures:
                print(f"  FAILED {failure}")
            began = time.monotonic()
            bad += len(failures)
    print("all as promised" if not bad else f"{bad} not as promised")
    return int(bool(bad))


def _parts(folder: Path, chosen: argparse.Namespace) -> Iterator[tuple[str, Counter[str], list[str]]]:
    durabilities: tuple[Durability, ...] = ("fsync", "none")
    for durability in durabilities:
        for writers in (1, 4):
            found = kills.runs(folder, chosen.kills, writers=writers, durability=durability, seed=chosen.seed, longest=0.15)
            yield f"{writers} killed, durability {durability}", *found
    sealed = tampering.sealed_ledger(folder)
    yield "changes", *tampering.run(sealed, chosen.changes, chosen.seed, folder / "tampered.jsonl")
    right = Counter[str]()
    wrong = []
    for count, digest in digests(chosen.numbers):
        right[f"numbers with the published hash {digest[:16]}"] = count
        if digest != PUBLISHED[count]:
            wrong.append(f"{count:,} numbers: {digest}, published is {PUBLISHED[count]}")
    yield "RFC 8785", right, wrong


if __name__ == "__main__":
    sys.exit(main())
