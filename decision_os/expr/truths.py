"""Truths over columns: a narwhals expression of booleans, or a plain bool where it is the same for all rows.

What is the same for all rows is settled here, so that an engine works out, and keeps, only what differs from row to row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import and_, or_
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw

__all__ = ["TruthOf", "as_column", "every", "inverse", "some"]

TruthOf: TypeAlias = Any
"""A bool or an expression; narwhals gives expressions no element type."""


def every(truths: Iterable[TruthOf]) -> TruthOf:
    """Where all of them hold.

    >>> every([True, True]), every([nw.col("a"), False]), every([])
    (True, False, True)
    """
    return _joined(truths, and_, decides=False)


def some(truths: Iterable[TruthOf]) -> TruthOf:
    """Where any of them holds.

    >>> some([False, False]), some([nw.col("a"), True]), some([])
    (False, True, False)
    """
    return _joined(truths, or_, decides=True)


def _joined(truths: Iterable[TruthOf], join: Callable[[TruthOf, TruthOf], TruthOf], *, decides: bool) -> TruthOf:
    found = list(truths)
    if any(truth is decides for truth in found):
        return decides
    open_ones = [truth for truth in found if truth is not (not decides)]
    return reduce(join, open_ones) if open_ones else not decides


def inverse(truth: TruthOf) -> TruthOf:
    """Where it does not hold.

    >>> inverse(True)
    False
    """
    return not truth if isinstance(truth, bool) else ~truth


def as_column(truth: TruthOf) -> nw.Expr:
    """An expression in any case."""
    return nw.lit(truth) if isinstance(truth, bool) else truth
