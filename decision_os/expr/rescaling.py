"""A tree's value in another unit, and a tree as it was before."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import attrs

from decision_os.expr.numerals import holdable
from decision_os.expr.tree import Arithmetic, Around, Call, Choice, Defined, Interval, Name, Negative, Node, Number, SetOf, walk, with_children

__all__ = ["as_written", "converts", "rescaled"]


def rescaled(node: Node, factor: Fraction, unheld: Callable[[Number], None]) -> Node:  # noqa: C901  # one case for each type of node
    """The same value in another unit: every number of it times `factor`, exactly; `unheld` is told of one that float64 cannot hold then, and which stays."""
    if factor == 1:
        return node
    match node:
        case Number():
            exact = node.exact * factor
            if not holdable(exact):
                unheld(node)
                return node
            return attrs.evolve(node, value=float(exact), exact=exact, scale=node.scale * factor)
        case Name():
            return attrs.evolve(node, scale=node.scale * factor)
        case Defined():
            return attrs.evolve(node, body=rescaled(node.body, factor, unheld))
        case Negative():
            return attrs.evolve(node, operand=rescaled(node.operand, factor, unheld))
        case Arithmetic("+" | "-"):
            return attrs.evolve(node, left=rescaled(node.left, factor, unheld), right=rescaled(node.right, factor, unheld))
        case Arithmetic("*") if isinstance(node.left, Number) and node.left.unit is None:
            return attrs.evolve(node, right=rescaled(node.right, factor, unheld))
        case Arithmetic():
            return attrs.evolve(node, left=rescaled(node.left, factor, unheld))
        case Interval():
            return attrs.evolve(node, low=rescaled(node.low, factor, unheld), high=rescaled(node.high, factor, unheld))
        case Around():
            spread = node.spread if node.relative else rescaled(node.spread, factor, unheld)
            return attrs.evolve(node, centre=rescaled(node.centre, factor, unheld), spread=spread)
        case SetOf():
            return attrs.evolve(node, items=tuple(rescaled(item, factor, unheld) for item in node.items))
        case Choice():
            return attrs.evolve(node, then=rescaled(node.then, factor, unheld), otherwise=rescaled(node.otherwise, factor, unheld))
        case Call("abs" | "min" | "max" | "clip" | "coalesce"):
            return attrs.evolve(node, arguments=tuple(rescaled(argument, factor, unheld) for argument in node.arguments))
        case _:
            return Arithmetic("*", node, Number(float(factor), factor, scale=factor, span=node.span), span=node.span)


def converts(node: Arithmetic) -> bool:
    """Whether a product was made to bring its left side into another unit."""
    return isinstance(node.right, Number) and node.right.exact == node.right.scale != 1 and node.right.span == node.span


def as_written(node: Node) -> Node:
    """A tree as its author wrote it, every number in the unit that stands beside it and every input in that in which it is given."""
    if all(part.scale == 1 for part in walk(node) if isinstance(part, Name | Number)):
        return node
    match node:
        case Number():
            exact = node.exact / node.scale
            return attrs.evolve(node, value=float(exact), exact=exact, scale=Fraction(1))
        case Name():
            return attrs.evolve(node, scale=Fraction(1))
        case Arithmetic() if converts(node):
            return as_written(node.left)
        case _:
            return with_children(node, as_written)
