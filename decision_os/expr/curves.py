"""Where a condition can change as one input moves: the points at which the two sides of a comparison meet, solved and not sampled.

With every other input fixed, a side is a quotient of polynomials of that input, or one of several where `min`, `max`, `abs`, `clip`,
`coalesce` or a choice joins pieces. Its comparisons can change only where two such quotients meet, or where one has no value. Those points
are solved over exact fractions: a line's directly, any other by bracketing between the zeros of its derivative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, TypeAlias

import attrs

from decision_os.errors import ExpressionError, InputError
from decision_os.expr.arithmetic import Context, Refusal, Term
from decision_os.expr.reference import Tracer
from decision_os.expr.tree import (
    FUNCTIONS,
    Arithmetic,
    Around,
    Call,
    Choice,
    Comparison,
    Defined,
    Interval,
    Membership,
    Name,
    Negative,
    Node,
    Number,
    SetOf,
    walk,
)

__all__ = ["meetings"]

Polynomial: TypeAlias = tuple[Fraction, ...]
"""Coefficients, the constant first; none for zero."""

Quotient: TypeAlias = tuple[Polynomial, Polynomial]

_ONE: Final[Polynomial] = (Fraction(1),)
_MOST: Final = 64
"""Pieces of one side, or the degree of a polynomial, beyond which a side counts as not solved."""

_HALVINGS: Final = 200


class _Unsolved(Exception):  # noqa: N818 - no error: the side is left to bracketing
    """A side that is no quotient of polynomials, or one too large."""


def meetings(tree: Node, values: Mapping[str, Any], context: Context, name: str) -> tuple[tuple[Fraction, ...], bool]:
    """The values of one input at which a comparison of the tree can change, sorted; and whether these are all of them.

    They are not where a registered function of the input stands in a comparison.
    """
    curves = _Curves(values, context, name)
    found: set[Fraction] = set()
    complete = True
    for polynomial in curves.differences(tree):
        if polynomial is None:
            complete = False
        else:
            found.update(_zeros(polynomial))
    return tuple(sorted(found)), complete


@attrs.define
class _Curves:
    """The sides of one tree's comparisons as functions of one input."""

    values: Mapping[str, Any]
    context: Context
    name: str

    def differences(self, tree: Node) -> Iterator[Polynomial | None]:
        """Polynomials whose zeros hold every point of change; None for a side that is not solved."""
        for node in walk(tree):
            match node:
                case Comparison():
                    sides = (node.first, *node.rest)
                    for left, right in pairwise(sides):
                        yield from self.between(left, right)
                case Membership():
                    for end in _ends(node.where):
                        yield from self.between(node.operand, end)
                case Arithmetic() if node.op == "/" and self.moves(node.right):
                    try:
                        yield from (top for top, _ in self.pieces(node.right))
                    except _Unsolved:
                        yield None

    def between(self, left: Node, right: Node) -> Iterator[Polynomial | None]:
        if not (self.moves(left) or self.moves(right)):
            return
        try:
            pairs = [(one, other) for one in self.pieces(left) for other in self.pieces(right)]
        except _Unsolved:
            yield None
            return
        for (top, bottom), (other_top, other_bottom) in pairs:
            yield _plus(_times(top, other_bottom), _times(other_top, bottom), -1)

    def moves(self, node: Node) -> bool:
        return any(isinstance(part, Name) and part.name == self.name for part in walk(node))

    def term(self, node: Node) -> Term | None:
        try:
            return Tracer(self.values, self.context).term(node)
        except (InputError, Refusal, ExpressionError):
            return None

    def pieces(self, node: Node) -> list[Quotient]:
        """Every quotient that a number can be, for some value of the input; none where it has no value, or is no number."""
        if not self.moves(node) and not isinstance(node, Name | Number | Arithmetic | Negative | Defined):
            term = self.term(node)
            if not isinstance(term, tuple):
                return []
        found = self.all_pieces(node)
        if len(found) > _MOST or any(len(part) > _MOST for piece in found for part in piece):
            raise _Unsolved
        return found

    def all_pieces(self, node: Node) -> list[Quotient]:
        match node:
            case Number():
                return [(_constant(node.exact), _ONE)]
            case Name():
                if node.name == self.name:
                    return [((Fraction(0), node.scale), _ONE)]
                term = self.term(attrs.evolve(node, scale=Fraction(1)))
                return [(_constant(Fraction(repr(term[0])) * node.scale), _ONE)] if isinstance(term, tuple) else []
            case Defined():
                return self.pieces(node.body)
            case Negative():
                return [(_times(top, _constant(Fraction(-1))), bottom) for top, bottom in self.pieces(node.operand)]
            case Arithmetic():
                pairs = [(one, other) for one in self.pieces(node.left) for other in self.pieces(node.right)]
                return [piece for one, other in pairs if (piece := _applied(node.op, one, other)) is not None]
            case Choice():
                condition = self.term(node.condition)
                if not self.moves(node.condition) and isinstance(condition, bool):
                    return self.pieces(node.then if condition else node.otherwise)
                return [*self.pieces(node.then), *self.pieces(node.otherwise)]
            case Call() if node.function in FUNCTIONS:
                pieces = [piece for argument in node.arguments for piece in self.pieces(argument)]
                if node.function == "abs":
                    pieces += [(_times(top, _constant(Fraction(-1))), bottom) for top, bottom in pieces]
                return pieces
            case Call():
                if self.moves(node):
                    raise _Unsolved
                term = self.term(node)
                return [(_constant(Fraction(repr(term[0]))), _ONE)] if isinstance(term, tuple) else []
            case _:
                return []


def _ends(where: Node) -> Sequence[Node]:
    match where:
        case Defined():
            return _ends(where.body)
        case Around():
            return _ends(where.interval)
        case Interval():
            return (where.low, where.high)
        case SetOf():
            return where.items
        case _:
            return ()


# ── polynomials ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _trimmed(coefficients: Sequence[Fraction]) -> Polynomial:
    end = len(coefficients)
    while end and not coefficients[end - 1]:
        end -= 1
    return tuple(coefficients[:end])


def _constant(value: Fraction) -> Polynomial:
    return (value,) if value else ()


def _plus(left: Polynomial, right: Polynomial, sign: int = 1) -> Polynomial:
    size = max(len(left), len(right))
    padded = [[*one, *[Fraction(0)] * (size - len(one))] for one in (left, right)]
    return _trimmed([a + sign * b for a, b in zip(*padded, strict=True)])


def _times(left: Polynomial, right: Polynomial) -> Polynomial:
    if not left or not right:
        return ()
    found = [Fraction(0)] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            found[i + j] += a * b
    return _trimmed(found)


def _applied(op: str, left: Quotient, right: Quotient) -> Quotient | None:
    (top, bottom), (other_top, other_bottom) = left, right
    match op:
        case "*":
            return _times(top, other_top), _times(bottom, other_bottom)
        case "/":
            return (_times(top, other_bottom), _times(bottom, other_top)) if other_top else None
        case _:
            return _plus(_times(top, other_bottom), _times(other_top, bottom), 1 if op == "+" else -1), _times(bottom, other_bottom)


def _at(polynomial: Polynomial, x: Fraction) -> Fraction:
    found = Fraction(0)
    for coefficient in reversed(polynomial):
        found = found * x + coefficient
    return found


def _zeros(polynomial: Polynomial) -> list[Fraction]:
    """The zeros, and where it turns: exact of a line, within float64 of any other."""
    if len(polynomial) < 2:
        return []
    if len(polynomial) == 2:
        return [-polynomial[0] / polynomial[1]]
    turns = sorted(set(_zeros(tuple(index * coefficient for index, coefficient in enumerate(polynomial))[1:])))
    bound = 1 + max(abs(coefficient / polynomial[-1]) for coefficient in polynomial[:-1])
    marks = [-bound, *(turn for turn in turns if -bound < turn < bound), bound]
    found = list(turns)
    for low, high in pairwise(marks):
        if _at(polynomial, low) * _at(polynomial, high) < 0:
            found.append(_bracketed(polynomial, low, high))
    return found


def _bracketed(polynomial: Polynomial, low: Fraction, high: Fraction) -> Fraction:
    """The zero between two points on either side of it, as the shortest decimal where it is one."""
    below = _at(polynomial, low) < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        value = _at(polynomial, middle)
        if not value:
            return middle
        if (value < 0) is below:
            low = middle
        else:
            high = middle
        if float(low) == float(high):
            break
    near = Fraction(float((low + high) / 2)) if abs(low) < 10**300 else low
    for places in range(13):
        rounded = round(near, places)
        if not _at(polynomial, rounded):
            return rounded
    return near
