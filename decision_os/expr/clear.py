"""The same tree over columns where nothing is in doubt: one plain mask, and a mask of the rows that are left to the two masks of `columns`.

Most rows of most frames have every value, clear of every boundary; for them a comparison of floats, as one would write it by hand, gives the answer that
the bound gives. This module finds the other rows with as little work. An eager frame decides those apart; a lazy one has no use for it.

**Why its answers are those of `columns`.** Let u be `ROUNDING`. As in `source.py`, every number x made of positive inputs and literals by sums, products and
quotients has error(x) <= k u x, to first order, for a small count k: 1 for an input or a literal, and each operation adds 1 to the larger k, or to the
sum of the two. Let l be such a number, or any one input of any sign, r such a number, K = k(l) + k(r) and h = 8 u K. Where l >= r (1 + h), d = l - r is at
least l h / (1 + h), and the bound is at most u K (l + r) <= 2 u K l: l is more than r by four times what rounding could have done, which covers second-order
terms and the rounding of r (1 + h) itself, and `arithmetic.compare` says the same for every operator. Where l <= r (1 - h) the mirror image holds; if l is
an input below zero, |d| is |l| + r, and the bound at most u K of that. Beside a constant c below zero the factors change places; beside 0 the bound
is a share of |l| alone, and the plain comparison is the answer. Rows that satisfy neither are in doubt. So are rows in which an input is missing or
not finite, or, where it is part of a sum, a product or a quotient or stands alone on the side that is scaled, not within 1e-30 ... 1e30; at most six inputs
and literals of that size on one side cannot overflow or underflow.

What is not made so (a difference, a choice, a minimum) is worked out by the two masks, and in doubt where it is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeGuard

import narwhals.stable.v2 as nw

from decision_os.expr.arithmetic import ROUNDING, Context
from decision_os.expr.columns import Schema, Stage, kind_of, masks
from decision_os.expr.compiler import functions
from decision_os.expr.tree import (
    Arithmetic,
    Comparison,
    Defined,
    Interval,
    Logic,
    Membership,
    Name,
    Node,
    Not,
    Number,
    SetOf,
    Truth,
    body_of,
    children,
    range_of,
)
from decision_os.expr.truths import every, inverse, some
from decision_os.values import Unknown

__all__ = ["Clear", "clear"]

_SMALLEST, _LARGEST = 1e-30, 1e30
_MOST: Final = 6
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Clear(NamedTuple):
    """Whether a condition holds, and where that is in doubt; either is a plain bool where it is the same for all rows. `truth` may be null in doubt."""

    truth: Any
    doubt: Any


class _Unfit(Exception):  # noqa: N818 - a comparison that is left to the two masks is no error
    """A part that is not made of positive numbers."""


class _Side(NamedTuple):
    """A positive number: how to compute it times a factor, its count, how many leaves it has, and the inputs that must be in range."""

    node: Node
    roundings: int
    leaves: int
    names: frozenset[str]


def clear(tree: Node, schema: Schema, context: Context, stage: Stage) -> Clear:
    """A condition over the rows that are clear of every boundary.

    Raises what `columns.masks` raises for the same tree.
    """
    return _Walk(schema, context, stage).condition(tree)


class _Walk:
    def __init__(self, schema: Schema, context: Context, stage: Stage) -> None:
        self.schema = schema
        self.context = context
        self.stage = stage

    def condition(self, node: Node) -> Clear:
        match node:
            case Truth():
                return Clear(node.value, False)
            case Defined():
                return self.condition(node.body)
            case Not():
                inner = self.condition(node.operand)
                return Clear(inverse(inner.truth), inner.doubt)
            case Logic():
                parts = [self.condition(operand) for operand in node.operands]
                return (_every if node.op == "and" else _some)(parts)
            case Comparison():
                nodes = (node.first, *node.rest)
                return _every([self.compare(op, nodes[i], nodes[i + 1], node) for i, op in enumerate(node.ops)])
            case Membership():
                return self.membership(node)
            case _:
                return self.by_masks(node)

    def by_masks(self, node: Node) -> Clear:
        there = [name for name in _names(node) if self.schema.get(name, "missing") != "missing"]
        if not any(isinstance(self.stage.inputs.get(name, nw.col(name)), nw.Expr) for name in there):
            found = functions(node, self.context).evaluate({name: self.stage.inputs[name] for name in there})
            return Clear(found is True, isinstance(found, Unknown))
        true, false = masks(node, self.schema, self.context, self.stage)
        return Clear(true, every([inverse(true), inverse(false)]))

    def membership(self, node: Membership) -> Clear:
        where = range_of(node.where)
        try:
            if isinstance(where, Interval):
                ends = ((">=" if where.low_closed else ">", where.low), ("<=" if where.high_closed else "<", where.high))
                found = _every([self.numbers(op, node.operand, end) for op, end in ends])
            elif isinstance(where, SetOf):
                found = _some([self.numbers("==", node.operand, item) for item in where.items])
            else:
                raise _Unfit
        except _Unfit:
            return self.by_masks(node)
        return Clear(inverse(found.truth), found.doubt) if node.negated else found

    def compare(self, op: str, left: Node, right: Node, whole: Comparison) -> Clear:
        try:
            return self.numbers(op, left, right)
        except _Unfit:
            return self.by_masks(Comparison(left, (op,), (right,), span=whole.span))  # type: ignore[arg-type]  # `op` is one of the comparison's own

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def numbers(self, op: str, left: Node, right: Node) -> Clear:
        left, right = body_of(left), body_of(right)
        if self.constant(left) is not None or (self.plain(right) and not self.plain(left) and self.constant(right) is None):
            left, right, op = right, left, _MIRRORED[op]
        fixed = self.constant(right)
        if fixed is not None and self.constant(left) is not None:
            raise _Unfit
        if fixed is not None and self.plain(left):
            return self.beside_constant(op, left, fixed)
        l_side = _Side(left, 1, 1, frozenset()) if self.plain(left) else self.side(left)
        r_side = self.side(right)
        names = l_side.names | r_side.names
        if not names and not self.plain(left):
            raise _Unfit  # both are constants
        hair = 8 * ROUNDING * (l_side.roundings + r_side.roundings)
        value = self.scaled(left, 1.0)
        above, below = value >= self.scaled(right, 1 + hair), value <= self.scaled(right, 1 - hair)
        doubts = [self.out_of_range(name) for name in sorted(names)]
        if isinstance(left, Name) and left.name not in names:
            doubts.append(self.not_finite(left.name))
        return Clear(_verdict(op, above, below), some([~(above | below), *doubts]))

    def beside_constant(self, op: str, left: Name, fixed: float) -> Clear:
        value = self.column(left.name)
        if fixed == 0.0:
            zero = {"<": value < 0.0, "<=": value <= 0.0, ">": value > 0.0, ">=": value >= 0.0, "==": value == 0.0, "!=": value != 0.0}
            return Clear(zero[op], self.not_finite(left.name))
        hair = 8 * ROUNDING * 2
        high, low = (fixed * (1 + hair), fixed * (1 - hair)) if fixed > 0 else (fixed * (1 - hair), fixed * (1 + hair))
        above, below = value >= high, value <= low
        return Clear(_verdict(op, above, below), some([~(above | below), self.not_finite(left.name)]))

    def plain(self, node: Node) -> TypeGuard[Name]:
        """Whether it is one input, as it comes, in a column."""
        return isinstance(node, Name) and node.scale == 1 and self.numeric(node.name) and not isinstance(self.given(node.name), float)

    def constant(self, node: Node) -> float | None:
        if isinstance(node, Number):
            return node.value
        given = self.given(node.name) if isinstance(node, Name) and node.scale == 1 else None
        return given if isinstance(given, float) else None

    def given(self, name: str) -> Any:
        return self.stage.inputs.get(name, None)

    def numeric(self, name: str) -> bool:
        dtype = self.schema.get(name, "missing")
        return kind_of(dtype, name) == "number" and not isinstance(dtype, _LEFT_TO_MASKS)

    def side(self, node: Node) -> _Side:
        """A number that is positive wherever its inputs are in range."""
        node = body_of(node)
        fixed = self.constant(node)
        if fixed is not None:
            if _SMALLEST < fixed < _LARGEST:
                return _Side(node, 1, 1, frozenset())
            raise _Unfit
        if self.plain(node):
            return _Side(node, 1, 1, frozenset({node.name}))
        if isinstance(node, Arithmetic) and node.op in "+*/":
            left, right = self.side(node.left), self.side(node.right)
            roundings = 1 + (max(left.roundings, right.roundings) if node.op == "+" else left.roundings + right.roundings)
            if left.leaves + right.leaves <= _MOST:
                return _Side(node, roundings, left.leaves + right.leaves, left.names | right.names)
        raise _Unfit

    def scaled(self, node: Node, factor: float) -> Any:
        """The value of a side times a factor, which goes into a constant where there is one."""
        node = body_of(node)
        fixed = self.constant(node)
        if fixed is not None:
            return fixed * factor
        if isinstance(node, Name):
            column = self.column(node.name)
            return column if factor == 1.0 else column * factor
        if not isinstance(node, Arithmetic):
            raise _Unfit
        if node.op == "+":
            total = self.scaled(node.left, 1.0) + self.scaled(node.right, 1.0)
            return total if factor == 1.0 else total * factor
        if node.op == "*" and self.constant(body_of(node.left)) is not None:
            return self.scaled(node.right, 1.0) * self.scaled(node.left, factor)
        if node.op == "*":
            return self.scaled(node.left, 1.0) * self.scaled(node.right, factor)
        return self.scaled(node.left, factor) / self.scaled(node.right, 1.0)

    def column(self, name: str) -> Any:
        found = self.given(name)
        column = nw.col(name) if found is None else found
        return column if self.schema[name] == nw.Float64 else column.cast(nw.Float64)

    def not_finite(self, name: str) -> Any:
        return ~self.column(name).is_finite()

    def out_of_range(self, name: str) -> Any:
        return ~self.column(name).is_between(_SMALLEST, _LARGEST)


_LEFT_TO_MASKS: Final = (nw.Int64, nw.UInt64, nw.Int128, nw.UInt128, nw.Decimal)
"""Numbers that float64 may not hold, or that are not read by a plain cast."""


def _names(node: Node) -> set[str]:
    found = {node.name} if isinstance(node, Name) else set()
    return found.union(*(_names(child) for child in children(node)))


def _verdict(op: str, above: Any, below: Any) -> Any:
    if op in ("==", "!="):
        return op == "!="
    return above if op in (">", ">=") else below


def _every(parts: Sequence[Clear]) -> Clear:
    return Clear(every([part.truth for part in parts]), some([part.doubt for part in parts]))


def _some(parts: Sequence[Clear]) -> Clear:
    return Clear(some([part.truth for part in parts]), some([part.doubt for part in parts]))
