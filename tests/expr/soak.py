"""`python -m tests.expr.soak`: compiled = reference = oracle over millions of pairs (expression, inputs).

Two processes grow trees by a seed each, and as many inputs for each tree, most of them at or beside one of its boundaries. What was met is
counted, so that nobody has to believe that something was tested. Every disagreement is printed as a case to reproduce. Exit 1 if there is one.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from decision_os.errors import ExpressionError
from tests.expr import agreement, growth

INPUTS = 128
"""Inputs for each tree."""

SHOWN = (
    *("pairs", "trees", "trees without a fast path", "fast path left"),
    *("true", "false", "unknown", "number", "text", "refused", "oracle answered", "oracle declined", "oracle not asked"),
)


def soak(seed: int, pairs: int, evaluators: agreement.Evaluators = agreement.REAL, *, stop_at: int = 20) -> tuple[Counter[str], list[agreement.Disagreement]]:
    """At least `pairs` pairs grown from a seed, or fewer where `stop_at` disagreements were found."""
    rng = random.Random(seed)
    grower = growth.Grower(rng)
    tally: Counter[str] = Counter()
    found: list[agreement.Disagreement] = []
    while tally["pairs"] < pairs and len(found) < stop_at:
        tree, scales = grower.tree(rng.choice((1, 2, 2, 3))), grower.scales()
        try:
            subject = agreement.Subject.of(tree, scales)
        except ExpressionError as error:
            if "parts" not in error.message and "deep" not in error.message:
                raise
            continue  # beyond a cap, and told so
        one = agreement.disagreement(subject, itertools.islice(growth.inputs(subject.tree, rng), INPUTS), tally, evaluators)
        if one is not None:
            found.append(one)
    return tally, found


def main() -> int:
    """Run the soak and say what it met."""
    options = argparse.ArgumentParser(prog="python -m tests.expr.soak", description="Compiled, reference and oracle over random expressions and inputs.")
    options.add_argument("--pairs", type=int, default=10_000_000, help="pairs (expression, inputs) in all (default %(default)s)")
    options.add_argument("--seed", type=int, default=1, help="seed of the first chunk; each chunk has its own, counted up (default %(default)s)")
    options.add_argument("--chunk", type=int, default=100_000, help="pairs of one chunk (default %(default)s)")
    options.add_argument("--processes", type=int, default=2, help="processes (default %(default)s)")
    chosen = options.parse_args()
    seeds = range(chosen.seed, chosen.seed + -(-chosen.pairs // chosen.chunk))
    tally: Counter[str] = Counter()
    bad = 0
    began = time.monotonic()
    with ProcessPoolExecutor(chosen.processes) as pool:
        for seed, (met, found) in zip(seeds, pool.map(soak, seeds, itertools.repeat(chosen.chunk)), strict=True):
            tally += met
            for one in found:
                bad += 1
                print(f"disagreement in the chunk of seed {seed}: {one}", flush=True)
            if seed % 10 == 0:
                print(f"seed {seed}: {tally['pairs']:,} pairs, {tally['pairs'] / (time.monotonic() - began):,.0f} a second", file=sys.stderr, flush=True)
    seconds = time.monotonic() - began
    for name in SHOWN:
        print(f"{name:<28}{tally[name]:>14,}")
    print(f"{'disagreements':<28}{bad:>14,}")
    print(f"seeds {seeds.start} to {seeds.stop - 1}, {seconds:,.0f} s, {tally['pairs'] / seconds:,.0f} pairs a second")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
