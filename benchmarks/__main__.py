"""`python -m benchmarks`: take all times, print the page; `--write` also puts it into the documentation."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.peers import missing_packages
from benchmarks.report import page
from benchmarks.suites import tables

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"


def main() -> None:
    """Run the races and show what came out."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description="Times of Decision OS and of what one would use instead, as ratios.")
    options.add_argument("--rounds", type=int, default=200, help="turns of each contender (a twentieth of it for frames and loading; default %(default)s)")
    options.add_argument("--rows", type=int, default=1_000_000, help="rows of the frame (default %(default)s)")
    options.add_argument("--write", action="store_true", help=f"write the page to {PAGE.relative_to(PAGE.parents[2])}")
    chosen = options.parse_args()
    if chosen.rounds < 1 or chosen.rows < 1:
        options.error("`--rounds` and `--rows` are at least 1")
    for name in missing_packages():
        print(f"{name} is not installed and takes no part (the extra `bench` brings it)", file=sys.stderr)
    found = []
    for one in tables(rounds=chosen.rounds, rows=chosen.rows):
        print(f"timed: {one.title}", file=sys.stderr)
        found.append(one)
    text = page(found, rounds=chosen.rounds)
    print(text)
    if chosen.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
