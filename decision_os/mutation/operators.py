"""The mistakes: what a slip of the hand or of the head makes of one node of an expression."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.expr.tree import FUNCTIONS, Arithmetic, Around, Call, Comparison, Defined, Interval, Logic, Name, Negative, Node, Number, walk
from decision_os.mutation.sites import Change, Site
from decision_os.units import PERCENT, PP

__all__ = ["Kind", "mistakes", "step_of"]

Kind: TypeAlias = Literal["shift", "compare", "end", "drop", "points", "swap"]
"""A threshold shifted by a step; `<` for `<=`; an interval's end open for closed; a condition dropped; `%` for `pp`; two branches swapped."""

Operator: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]
_OTHER: Final[dict[Operator, Operator]] = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}


def mistakes(site: Site, whole: Collection[str], *, threshold: bool) -> Iterator[tuple[Kind, str, Change]]:
    """The mistakes that can be made at one site: the kind, a word that tells it from the others there, and the change.

    Numbers are shifted where `threshold` says that they are compared with, and not a part of a formula; `whole` are the names whose values are whole numbers.
    """
    match site.node:
        case Number() if threshold:
            step = step_of(site, whole)
            for word, shift in (("more", step), ("less", -step)):
                yield "shift", word, _shifted(site.node.exact, shift)
        case Comparison(ops=ops):
            for place, op in enumerate(ops):
                yield "compare", f"{op} {place}", _compared(place)
        case Interval():
            yield "end", "low", lambda node: attrs.evolve(node, low_closed=not node.low_closed)
            yield "end", "high", lambda node: attrs.evolve(node, high_closed=not node.high_closed)
        case Logic(operands=operands):
            for place in range(len(operands)):
                yield "drop", str(place), _without(place)
        case Arithmetic(op="+" | "-", right=right) if _points(right):
            yield "points", "relative", lambda node: attrs.evolve(node, right=Arithmetic("*", node.left, node.right, span=node.right.span))
        case Around(spread=spread, relative=False) if _points(spread):
            yield "points", "relative", lambda node: attrs.evolve(node, relative=True)


def step_of(site: Site, whole: Collection[str]) -> Fraction:
    """By how much a threshold is shifted: the power of ten at or below a hundredth of it, and one where whole things are counted.

    0.9 by 0.001, $3 by a cent, 2pp by 0.01pp, 0 incidents by one.
    """
    value = site.node.exact if isinstance(site.node, Number) else Fraction(0)
    if _counted(site.asked, whole):
        return Fraction(1)
    if not value:
        return Fraction(1, 100)
    return Fraction(10) ** math.floor(math.log10(abs(value) / 100))


def _counted(node: Node, whole: Collection[str]) -> bool:
    """Whether whole things are compared there: not divided (leads per seat are any number), nor given to a Python function."""
    nodes = list(walk(node))
    divided = any((isinstance(each, Arithmetic) and each.op == "/") or (isinstance(each, Call) and each.function not in FUNCTIONS) for each in nodes)
    names = {each.name for each in nodes if isinstance(each, Name)}
    return bool(names) and not divided and names.issubset(whole)


def _shifted(from_: Fraction, step: Fraction) -> Change:
    def change(node: Number) -> Number:
        exact = node.exact + (step * node.exact / from_ if from_ else step)  # in another unit elsewhere: by as much
        return attrs.evolve(node, exact=exact, value=float(exact))

    return change


def _compared(place: int) -> Change:
    def change(node: Comparison) -> Comparison:
        return attrs.evolve(node, ops=(*node.ops[:place], _OTHER[node.ops[place]], *node.ops[place + 1 :]))

    return change


def _without(place: int) -> Change:
    def change(node: Logic) -> Node:
        kept = (*node.operands[:place], *node.operands[place + 1 :])
        return kept[0] if len(kept) == 1 else attrs.evolve(node, operands=kept)

    return change


def _points(node: Node) -> bool:
    """Whether a node is a number of percentage points, by a name or not."""
    while isinstance(node, Defined | Negative):
        node = node.body if isinstance(node, Defined) else node.operand
    return isinstance(node, Number) and node.unit == PP and node.unit != PERCENT
