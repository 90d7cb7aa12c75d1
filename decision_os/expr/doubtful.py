"""Numbers that the units allow and that are probably not what was meant: above one beside a share, and a conversion that is made by hand as well."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import attrs

from decision_os.expr.tree import Arithmetic, Around, Call, Choice, Defined, Interval, Negative, Node, Number, SetOf, body_of, children, walk
from decision_os.expr.unparse import unparse
from decision_os.units import PERCENT, PP

__all__ = ["ByHand", "beyond_one", "by_hand", "in_per_cents", "multiplies"]


def beyond_one(node: Node) -> bool:
    """Whether a number, or a range of numbers, holds one above 1 or below −1: no part of a whole is that large."""
    return any(abs(number.exact) > 1 for number in _numbers(node))


def in_per_cents(node: Node, *, points: bool) -> tuple[str, str]:
    """A number or a range of them as it is written if hundredths are meant, and as it is written for what it is read as.

    >>> from decision_os.expr.parser import parse_threshold
    >>> in_per_cents(parse_threshold("[20, 50]").tree, points=False), in_per_cents(parse_threshold("2").tree, points=True)
    (('[20%, 50%]', '[2000%, 5000%]'), ('2pp', '200pp'))
    """
    return unparse(_scaled(node, Fraction(1, 100), points=points)), unparse(_scaled(node, Fraction(1), points=points))


def multiplies(node: Node) -> bool:
    """Whether a value is a product or a quotient, which may be a share times a hundred."""
    return any(isinstance(part, Arithmetic) and part.op in ("*", "/") for part in walk(node))


def _numbers(node: Node) -> Iterator[Number]:
    node = body_of(node)
    if isinstance(node, Number):
        yield node
    elif isinstance(node, Interval | SetOf | Around):
        below = (node.centre,) if isinstance(node, Around) and node.relative else children(node)
        for child in below:
            yield from _numbers(child)


def _scaled(node: Node, factor: Fraction, *, points: bool) -> Node:
    node = body_of(node)
    match node:
        case Number():
            exact = node.exact * factor
            return Number(float(exact), exact, PP if points else PERCENT)
        case Interval():
            return attrs.evolve(node, low=_scaled(node.low, factor, points=points), high=_scaled(node.high, factor, points=points))
        case Around():
            spread = node.spread if node.relative else _scaled(node.spread, factor, points=True)
            return attrs.evolve(node, centre=_scaled(node.centre, factor, points=points), spread=spread)
        case SetOf():
            return attrs.evolve(node, items=tuple(_scaled(item, factor, points=points) for item in node.items))
    return node


@attrs.frozen
class ByHand:
    """A product with a number that has no unit: what the number multiplies by, the product, and what it is without the number."""

    factor: Fraction
    product: Arithmetic
    without: Node
    defined: str = ""
    """The definition in which it stands, or nothing."""


def by_hand(node: Node, defined: str = "") -> list[ByHand]:
    """The bare numbers by which a whole value is multiplied or divided.

    >>> from decision_os.expr.parser import parse
    >>> [str(found.factor) for found in by_hand(parse("mrr * 12").tree)], [str(found.factor) for found in by_hand(parse("(arr - fee) / 12 * x").tree)]
    (['12'], ['1/12'])
    >>> by_hand(parse("mrr * 12 + fee").tree)
    []
    """
    match node:
        case Defined():
            return by_hand(node.body, node.name)
        case Negative():
            return by_hand(node.operand, defined)
        case Arithmetic(op="*" | "/"):
            left, right = _constant(node.left), _constant(node.right)
            if right:
                factor = right if node.op == "*" else 1 / right
                return [ByHand(factor, node, node.left, defined), *by_hand(node.left, defined)]
            if left:
                return [ByHand(left, node, node.right, defined), *by_hand(node.right, defined)] if node.op == "*" else []
            below = by_hand(node.right, defined)
            if node.op == "/":
                below = [attrs.evolve(found, factor=1 / found.factor) for found in below]
            return [*by_hand(node.left, defined), *below]
        case Arithmetic():
            one, other = by_hand(node.left, defined), by_hand(node.right, defined)
            common = {found.factor for found in one} & {found.factor for found in other}
            return [found for found in (*one, *other) if found.factor in common]
        case Interval() | SetOf() | Around() | Choice() | Call(function="abs" | "min" | "max" | "clip" | "coalesce"):
            below = [found for child in children(node) for found in by_hand(child, defined)]
            return list(dict.fromkeys(below))
    return []


def _constant(node: Node) -> Fraction | None:
    """The value of a number without a unit, or of such numbers multiplied and divided; None for anything else."""
    match node:
        case Number(unit=None):
            return node.exact / node.scale
        case Arithmetic(op="*" | "/"):
            left, right = _constant(node.left), _constant(node.right)
            if left is None or not right:
                return None
            return left * right if node.op == "*" else left / right
    return None
