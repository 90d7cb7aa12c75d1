"""Where a condition can change as one input moves: the points at which the two sides of a comparison meet, solved and not sampled.

With every other input fixed, a side is a quotient of polynomials of that input, or one of several where `min`, `max`, `abs`, `clip`,
`coalesce` or a choice joins pieces. Its comparisons can change only where two such quotients meet, or where one has no value. Those points
are solved over exact fractions: a line's directly, any other by bracketing between the zeros of its derivative.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, TypeAlias

from decision_os.expr.arithmetic import Context
from decision_os.expr.halving import halved
from decision_os.expr.parts import Parts
from decision_os.expr.tree import (
    FUNCTIONS,
    Arithmetic,
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
    range_of,
    walk,
)
from decision_os.expr.work import Spent, Work

__all__ = ["Curves", "meetings"]

Polynomial: TypeAlias = tuple[Fraction, ...]
"""Coefficients, the constant first; none for zero."""

Quotient: TypeAlias = tuple[Polynomial, Polynomial]

_ONE: Final[Polynomial] = (Fraction(1),)
_MOST: Final = 64
"""Pieces of one side, or the degree of a polynomial, beyond which a side counts as not solved."""

_STEPS: Final = 400_000
"""Steps, of about half a microsecond each, after which the rest of the sides of one tree counts as not solved."""

_LARGEST: Final = Fraction(sys.float_info.max)


class _Unsolved(Exception):  # noqa: N818 - no error: the side is left to bracketing
    """A side that is no quotient of polynomials, or one too large."""


def meetings(tree: Node, values: Mapping[str, Any], context: Context, name: str) -> tuple[tuple[Fraction, ...], bool]:
    """The values of one input at which a comparison of the tree can change, sorted; and whether these are all of them.

    They are not where a registered function of the input stands in a comparison, and where a comparison is too large to be solved.
    """
    return Curves(tree, values, context).meetings(name)


class Curves(Parts):
    """The sides of one tree's comparisons as functions of one input, each in its turn."""

    def __init__(self, tree: Node, values: Mapping[str, Any], context: Context) -> None:
        super().__init__(values, context)
        self.work = Work(_STEPS)
        self.pairs = list(_sides(tree))
        self.divisors = [node.right for node in walk(tree) if isinstance(node, Arithmetic) and node.op == "/"]
        self.name = ""

    def meetings(self, name: str) -> tuple[tuple[Fraction, ...], bool]:
        """As the function of this name; steps are counted over all inputs asked for."""
        self.name = name
        found: set[Fraction] = set()
        solved: set[Polynomial] = set()
        complete = True
        try:
            for polynomial in self.differences():
                if polynomial is None:
                    complete = False
                elif (monic := _monic(polynomial)) not in solved:
                    solved.add(monic)
                    found.update(_zeros(monic, self.work))
        except Spent:
            complete = False
        return tuple(sorted(found)), complete

    def differences(self) -> Iterator[Polynomial | None]:
        """Polynomials whose zeros hold every point of change; None for a side that is not solved."""
        for left, right in self.pairs:
            if self.moves(left) or self.moves(right):
                yield from self.between(left, right)
        for divisor in self.divisors:
            if self.moves(divisor):
                try:
                    yield from (top for top, _ in self.pieces(divisor))
                except _Unsolved:
                    yield None

    def between(self, left: Node, right: Node) -> Iterator[Polynomial | None]:
        """Polynomials of the points at which two sides meet."""
        try:
            pairs = [(one, other) for one in self.pieces(left) for other in self.pieces(right)]
        except _Unsolved:
            yield None
            return
        for (top, bottom), (other_top, other_bottom) in pairs:
            yield _plus(self.product(top, other_bottom), self.product(other_top, bottom), -1)

    def product(self, left: Polynomial, right: Polynomial) -> Polynomial:
        """The product, its steps counted."""
        if left and right:
            self.work.spend(4 * len(left) * len(right) * (1 + (_bits(left[-1]) + _bits(right[-1])) // 256))
        return _times(left, right)

    def moves(self, node: Node) -> bool:
        """Whether a node reads the input asked for."""
        return self.name in self.reads(node)

    def pieces(self, node: Node) -> list[Quotient]:
        """Every quotient that a number can be, for some value of the input; none where it has no value, or is no number."""
        if not self.moves(node) and not isinstance(node, Name | Number | Arithmetic | Negative | Defined):
            term = self.term(node)
            if not isinstance(term, tuple):
                return []
        found = list(dict.fromkeys(self.all_pieces(node)))
        if len(found) > _MOST or any(len(part) > _MOST for piece in found for part in piece):
            raise _Unsolved
        return found

    def all_pieces(self, node: Node) -> list[Quotient]:
        """The same, however many there are."""
        match node:
            case Number():
                return [(_constant(node.exact), _ONE)]
            case Name():
                if node.name == self.name:
                    return [((Fraction(0), node.scale), _ONE)]
                number = self.written(node)
                return [] if number is None else [(_constant(number), _ONE)]
            case Defined():
                return self.pieces(node.body)
            case Negative():
                return [(_times(top, _constant(Fraction(-1))), bottom) for top, bottom in self.pieces(node.operand)]
            case Arithmetic():
                pairs = [(one, other) for one in self.pieces(node.left) for other in self.pieces(node.right)]
                return [piece for one, other in pairs if (piece := self.applied(node.op, one, other)) is not None]
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

    def applied(self, op: str, left: Quotient, right: Quotient) -> Quotient | None:
        """An operation on two quotients; nothing where it divides by zero."""
        (top, bottom), (other_top, other_bottom) = left, right
        match op:
            case "*":
                return self.product(top, other_top), self.product(bottom, other_bottom)
            case "/":
                return (self.product(top, other_bottom), self.product(bottom, other_top)) if other_top else None
            case _:
                above = _plus(self.product(top, other_bottom), self.product(other_top, bottom), 1 if op == "+" else -1)
                return above, self.product(bottom, other_bottom)


def _sides(tree: Node) -> Iterator[tuple[Node, Node]]:
    """What is compared with what, everywhere in a tree."""
    for node in walk(tree):
        match node:
            case Comparison():
                yield from pairwise((node.first, *node.rest))
            case Membership():
                yield from ((node.operand, end) for end in _ends(node.where))


def _ends(where: Node) -> Sequence[Node]:
    match range_of(where):
        case Interval(low=low, high=high):
            return (low, high)
        case SetOf(items=items):
            return items
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


def _bits(number: Fraction) -> int:
    return number.numerator.bit_length() + number.denominator.bit_length()


def _monic(polynomial: Polynomial) -> Polynomial:
    return tuple(coefficient / polynomial[-1] for coefficient in polynomial) if polynomial else ()


def _sign(whole: Sequence[int], x: Fraction, work: Work) -> int:
    """The sign of a polynomial of whole coefficients, the constant first, at a point: exact."""
    work.spend(len(whole) + len(whole) ** 2 * whole[-1].bit_length() * _bits(x) // 900_000)
    found, power = 0, 1
    for coefficient in reversed(whole):
        found = found * x.numerator + coefficient * power
        power *= x.denominator
    return (found > 0) - (found < 0)


def _zeros(polynomial: Polynomial, work: Work) -> list[Fraction]:
    """The zeros that a float can come to, and where it turns: exact of a line, within float64 of any other."""
    if len(polynomial) < 2:
        return []
    if len(polynomial) == 2:
        return [-polynomial[0] / polynomial[1]]
    turns = sorted(set(_zeros(tuple(index * coefficient for index, coefficient in enumerate(polynomial))[1:], work)))
    bound = min(1 + max(abs(coefficient / polynomial[-1]) for coefficient in polynomial[:-1]), _LARGEST)
    common = math.lcm(*(coefficient.denominator for coefficient in polynomial))
    whole = [int(coefficient * common) for coefficient in polynomial]
    marks = [-bound, *(turn for turn in turns if -bound < turn < bound), bound]
    signs = [_sign(whole, mark, work) for mark in marks]
    found = list(turns)
    for (low, high), (before, after) in zip(pairwise(marks), pairwise(signs), strict=True):
        if before * after < 0:
            found.append(_bracketed(whole, low, high, before, work))
    return found


def _bracketed(whole: Sequence[int], low: Fraction, high: Fraction, before: int, work: Work) -> Fraction:
    """The one zero between two points on either side of it, as the shortest decimal where it is one."""
    near = Fraction(halved(float(low), float(high), lambda x: _sign(whole, Fraction(x), work) == before)[1])
    for places in range(13):
        rounded = round(near, places)
        if low < rounded < high and not _sign(whole, rounded, work):
            return rounded
    return near
