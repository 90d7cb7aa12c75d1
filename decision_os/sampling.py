"""What a sample can carry: the interval around a share, and how uneven a fair deal looks."""

from __future__ import annotations

import functools
import math
import random
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from decision_os.errors import InputError

__all__ = ["CONFIDENCE", "fair_above", "fair_ginis", "gini", "wilson"]

CONFIDENCE: Final = 0.95
"""How often an interval is meant to hold what is true."""

_Z: Final = 1.959963984540054
"""The normal deviate of that: 97.5 % of a standard normal lie below it."""

_MOST: Final = 2**53

_TRIALS: Final = 1000
_FEWEST_TRIALS: Final = 50
_DRAWS: Final = 2_000_000
"""Of large deals fewer are tried, so that none takes long: their Ginis lie close together."""

_SEED: Final = 20_481
"""Fixed, so that the same n gives the same answer on every machine."""

_COUNTED: Final = 30
"""With more than this many for each member, dealing one by one is the same as drawing from a normal distribution, and slower."""

_LARGE: Final = 20_000
"""Nor are more than this many dealt one by one, however many the members; nor to more members than this: the Gini follows from how many each has."""


def wilson(share: float, n: int, z: float = _Z) -> tuple[float, float]:
    """The Wilson score interval around a share of `n` cases, 95 % unless another normal deviate is given: both ends are shares.

    Solves |p − share| = z·√(p(1−p)/n) for p (Wilson, *JASA* 22, 1927, p. 209–212; Newcombe, *Statistics in Medicine* 17, 1998, method 3): unlike share
    ± z·√(share(1−share)/n) it never leaves [0, 1], and is no point at 0 % and 100 %. Raises `InputError` for a share outside [0, 1], and for
    an `n` that is not from 1 to 2**53.

    >>> [round(end, 4) for end in wilson(81 / 263, 263)], [round(end, 4) for end in wilson(0, 20)]
    ([0.2553, 0.3662], [0.0, 0.1611])
    """
    if not 0 <= share <= 1:
        raise InputError(f"`{share}` is not a share", name="share", hint="give a number from 0 to 1")
    if not 1 <= n <= _MOST:
        raise InputError("a share of no cases has no interval, nor has one of more than can be counted", name="n", hint="give a whole number from 1 to 2**53")
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, min(share, (centre - spread) / whole)), min(1.0, max(share, (centre + spread) / whole))


def gini(counts: Iterable[float]) -> float | None:
    """The Gini coefficient of non-negative counts, zeros included: 0 where all have the same, near 1 where one has all.

    Sum((2i - n - 1) x_i) / (n Sum x_i) over the counts in ascending order (Dixon et al., Ecology 68, 1987, without their small-sample
    correction). None for no counts, or where all are 0: 0/0 is undefined.

    >>> gini([5, 5, 5, 5]), gini([0, 0, 0, 8]), gini([0, 0])
    (0.0, 0.75, None)
    """
    ordered = sorted(counts)
    n, total = len(ordered), math.fsum(ordered)
    if not total:
        return None
    return math.fsum((2 * rank - n - 1) * count for rank, count in enumerate(ordered, 1)) / (n * total)


@functools.lru_cache(maxsize=256)
def fair_ginis(n: int, members: int) -> tuple[float, ...]:
    """The Gini coefficients of 1,000 fair deals (fewer where each is large) of `n` cases to `members`, sorted: each goes to any with the same chance.

    Dealt from a fixed seed; to more than 20,000 members as to 20,000 with as many cases for each. With many cases for each member the counts are drawn
    from the normal distribution they tend to (mean n/members, deviations adding up to none). Raises `InputError` where there is nothing to deal, or
    nobody to deal to.

    >>> round(fair_ginis(100, 22)[500], 2)
    0.25
    """
    if n < 1 or members < 1:
        raise InputError("a deal needs cases and members", name="n" if n < 1 else "members", hint="give at least 1")
    if members > _LARGE:
        return fair_ginis(max(1, round(n * _LARGE / members)), _LARGE)
    source = random.Random(_SEED)  # noqa: S311 - a simulation, no secret
    trials = min(_TRIALS, max(_FEWEST_TRIALS, _DRAWS // max(n, members)))
    return tuple(sorted(gini(_dealt(source, n, members)) or 0.0 for _ in range(trials)))


def _dealt(source: random.Random, n: int, members: int) -> list[float]:
    if n <= min(_COUNTED * members, _LARGE):
        counts = [0.0] * members
        for member in source.choices(range(members), k=n):
            counts[member] += 1
        return counts
    mean = n / members
    drawn = [source.gauss(0, math.sqrt(mean)) for _ in range(members)]
    centre = math.fsum(drawn) / members
    return [max(0.0, mean + each - centre) for each in drawn]


def fair_above(bound: float, n: int, members: int) -> float:
    """How often a fair deal of `n` cases to `members` has a Gini above a bound, as a share of the deals tried.

    >>> fair_above(0.2, 100, 22), fair_above(0.2, 2_000, 22)
    (0.903, 0.0)
    """
    found = fair_ginis(n, members)
    return (len(found) - bisect_right(found, bound)) / len(found)
