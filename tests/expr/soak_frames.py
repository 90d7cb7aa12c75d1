"""`make soak-frames`: many (rule, row) pairs on every engine against the reference evaluator; a seeded program, which says how far it got.

`python -m tests.expr.soak_frames --pairs 1000000 --engines polars duckdb --seed 1` asks each engine the same rules of the same rows, batch by batch, and
stops with status 1 at the first batch in which one disagrees. The reference answers once for all of them.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings

from decision_os.expr.tree import Node
from tests.engines import EAGER, IN_PROCESS
from tests.expr import batches, growth

RULES, ROWS = 40, 25_000


def rules_of(seed: int, count: int) -> list[Node]:
    """The rules of one batch, every other batch a level deeper; one in five reads inputs that are converted."""
    grower = growth.Grower(random.Random(seed))
    return [growth.scaled(grower.tree(2 + seed % 2), grower.scales()) for _ in range(count)]


def main() -> int:
    """Run as asked, and say what came out."""
    options = argparse.ArgumentParser(
        prog="python -m tests.expr.soak_frames", description="Random rules on random frames, on every engine, against the reference."
    )
    options.add_argument("--pairs", type=int, default=10_000_000, help="(rule, row) pairs for each engine (default %(default)s)")
    options.add_argument("--engines", nargs="+", default=list(IN_PROCESS), help="default: all in-process engines; also: spark")
    options.add_argument("--seed", type=int, default=0, help="the first batch's seed; each batch has the next one")
    options.add_argument("--rows", type=int, default=ROWS, help="rows of a batch (default %(default)s)")
    options.add_argument("--rules", type=int, default=RULES, help="rules of a batch (default %(default)s); Spark plans few at once")
    options.add_argument("--minutes", type=float, default=1e9, help="stop after the batch in which this time is over")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    start, done, rules, seed = time.monotonic(), 0, 0, chosen.seed
    spent = dict.fromkeys(chosen.engines, 0.0)
    wrong: list[str] = []
    while done < chosen.pairs and not wrong and time.monotonic() - start < 60 * chosen.minutes:
        batch = batches.batch(rules_of(seed, chosen.rules), batches.pools(seed), chosen.rows, seed)
        answers = [batches.expected(rule, batch.rows) for rule in batch.rules]
        for engine in chosen.engines:
            before = time.monotonic()
            wrong += list(batches.disagreements(engine, batch, answers))[:3]
            if engine in EAGER:
                wrong += list(batches.unclear(engine, batch, answers))[:3]
            spent[engine] += time.monotonic() - before
        done, rules, seed = done + batch.pairs, rules + len(batch.rules), seed + 1
        print(f"{done:,} pairs for each of {len(chosen.engines)} engines; seed {seed - 1}; {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    for line in wrong:
        print(line)
    took = ", ".join(f"{engine} {seconds:.0f} s" for engine, seconds in spent.items())
    verdict = "DISAGREEMENT" if wrong else "no disagreement"
    print(f"{done:,} (rule, row) pairs of {rules:,} rules for each engine, seeds {chosen.seed} to {seed - 1}: {verdict} ({took})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
