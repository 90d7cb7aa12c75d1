"""Truths over columns: a narwhals expression of booleans, or a plain bool where it is the same for all rows.

What is the same for all rows is settled here, so that an engine works out, and keeps, only what differs from row to row.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    found = list(truths)
    if any(truth is False for truth in found):
        return False
    open_ones = [truth for truth in found if truth is not True]
    return reduce(and_, open_ones) if open_ones else True


def some(truths: Iterable[TruthOf]) -> TruthOf:
    """Where any of them holds.

    >>> some([False, False]), some([nw.col("a"), True]), some([])
    (False, True, False)
    """
    found = list(truths)
    if any(truth is True for truth in found):
        return True
    open_ones = [truth for truth in found if truth is not False]
    return reduce(or_, open_ones) if open_ones else False


def inverse(truth: TruthOf) -> TruthOf:
    """Where it does not hold.

    >>> inverse(True)
    False
    """
    return not truth if isinstance(truth, bool) else ~truth


def as_column(truth: TruthOf) -> nw.Expr:
    """An expression in any case."""
    return nw.lit(truth) if isinstance(truth, bool) else truth
