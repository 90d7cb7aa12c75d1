"""The stop-watch: contenders take turns, round after round, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import attrs

__all__ = ["Contender", "Timing", "race", "span"]

Clock = Callable[[], float]


@attrs.frozen
class Contender:
    """What is timed: `call(argument)`. `gives` says what comes back; of a call that does `each` things the time of one is told."""

    name: str
    gives: str
    call: Callable[[Any], object]
    argument: Any
    each: int = 1


@attrs.frozen
class Timing:
    """The seconds that one call took (or one of the things it does), in each round."""

    contender: Contender
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between these lies the middle half of the rounds."""
        if len(self.rounds) == 1:
            return self.rounds[0], self.rounds[0]
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return low, high

    def times(self, base: Timing) -> float:
        """How many times as long as the base it took: a ratio of medians."""
        return self.median / base.median


def race(contenders: Sequence[Contender], *, rounds: int, batch: float = 0.002, clock: Clock = time.perf_counter) -> list[Timing]:
    """Time each contender once a round, in an order shuffled anew each round.

    A turn is as many calls as take `batch` seconds: counting them out is the warm-up. Garbage is collected between rounds and the collector
    stays on, as it is in a program that uses the library.
    """
    turns = {place: _calls_in(contender, batch, clock) for place, contender in enumerate(contenders)}
    order = list(turns)
    shuffle = random.Random(20261006).shuffle
    found: dict[int, list[float]] = {place: [] for place in order}
    for _ in range(rounds):
        shuffle(order)
        gc.collect()
        for place in order:
            found[place].append(_turn(contenders[place], turns[place], clock) / contenders[place].each)
    return [Timing(contender, tuple(found[place])) for place, contender in enumerate(contenders)]


def _calls_in(contender: Contender, batch: float, clock: Clock) -> int:
    """Two turns must agree that it is enough: the first call of all may build something, and any turn may be interrupted."""
    calls = 1
    while (each := min(_turn(contender, calls, clock), _turn(contender, calls, clock))) * calls < batch:
        calls = max(calls * 2, min(calls * 100, int(batch / each) if each > 0 else 0))
    return calls


def _turn(contender: Contender, calls: int, clock: Clock) -> float:
    call, argument = contender.call, contender.argument
    start = clock()
    for _ in repeat(None, calls):
        call(argument)
    return (clock() - start) / calls


def span(seconds: float) -> str:
    """A time to three figures, in the unit that suits it.

    >>> span(2.9e-7), span(0.000123456), span(1.5)
    ('0.290 µs', '123 µs', '1.50 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            shown = seconds / size
            decimals = 3 if shown < 1 else 2 if shown < 10 else 1 if shown < 100 else 0
            return f"{shown:.{decimals}f} {unit}"
    raise AssertionError
