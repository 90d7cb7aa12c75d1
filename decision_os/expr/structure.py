"""The logic of a condition: what it asks, each true, false or unknown, and how the answers are joined.

The leaves are the conditions that hold no `and`, `or`, `not` or `if` themselves. A chain (`a < b < c`) and an interval ask two things, one for each
end; a set asks one. What is asked twice in the same words is one leaf: it cannot have two answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from decision_os.expr.expression import Expression
from decision_os.expr.tree import Choice, Comparison, Defined, Interval, Logic, Membership, Name, Node, Not, Truth, range_of
from decision_os.values import Unknown, Value

__all__ = ["Formula", "Joined", "Leaf", "Picked", "Structure", "structure"]

Ternary: TypeAlias = bool | None


@attrs.frozen
class Leaf:
    """One thing that is asked: the author's words for it, and it alone as an expression."""

    words: str
    expression: Expression

    def answer(self, values: Mapping[str, Value]) -> Ternary:
        """What it comes to for settled values; None where that is unknown."""
        found = self.expression.evaluate_settled(values)
        return None if isinstance(found, Unknown) else bool(found)


@attrs.frozen
class Joined:
    """Parts joined by `and` or `or`, or one part negated."""

    op: Literal["and", "or", "not"]
    parts: tuple[Formula, ...]


@attrs.frozen
class Picked:
    """`then if condition else otherwise`."""

    condition: Formula
    then: Formula
    otherwise: Formula


Formula: TypeAlias = int | Joined | Picked | Truth
"""How leaves, by their number, are joined; or a constant."""


@attrs.frozen
class Structure:
    """The leaves of a condition, in the order written, and how their answers are joined by Kleene's logic.

    >>> from decision_os.expr import compile
    >>> asked = structure(compile("(cac <= 90 or trusted) and rate in [0.2, 0.4)"))
    >>> [leaf.words for leaf in asked.leaves]
    ['cac <= 90', 'trusted', 'rate in [0.2, 0.4), its lower end', 'rate in [0.2, 0.4), its upper end']
    >>> asked.value([False, None, True, True]), asked.value([False, None, True, False])
    (None, False)
    """

    leaves: tuple[Leaf, ...]
    formula: Formula

    def answers(self, values: Mapping[str, Value]) -> tuple[Ternary, ...]:
        """What each leaf comes to for settled values."""
        return tuple([leaf.answer(values) for leaf in self.leaves])

    def value(self, answers: Sequence[Ternary]) -> Ternary:
        """What the whole comes to when its leaves do."""
        return _joined(self.formula, answers)


def _joined(formula: Formula, answers: Sequence[Ternary]) -> Ternary:
    match formula:
        case int():
            return answers[formula]
        case Truth(value=value):
            return value
        case Joined(op="not", parts=(part,)):
            inner = _joined(part, answers)
            return None if inner is None else not inner
        case Joined(op=op, parts=parts):
            found = [_joined(part, answers) for part in parts]
            decider = op == "or"
            return decider if decider in found else None if None in found else not decider
        case Picked():
            asked = _joined(formula.condition, answers)
            return None if asked is None else _joined(formula.then if asked else formula.otherwise, answers)


def structure(expression: Expression) -> Structure:
    """The logic of a condition."""
    reader = _Reader(expression)
    formula = reader.read(expression.tree, expression.text)
    return Structure(tuple(reader.leaves.values()), formula)


class _Reader:
    def __init__(self, expression: Expression) -> None:
        self.whole = expression
        self.leaves: dict[Node, Leaf] = {}

    def read(self, node: Node, text: str) -> Formula:
        match node:
            case Truth():
                return node
            case Defined():
                return self.read(node.body, self.whole.context.texts.get(node.name, ""))
            case Logic():
                return Joined(node.op, tuple(self.read(operand, text) for operand in node.operands))
            case Not():
                return Joined("not", (self.read(node.operand, text),))
            case Choice():
                return Picked(self.read(node.condition, text), self.read(node.then, text), self.read(node.otherwise, text))
            case Comparison(ops=ops) if len(ops) > 1:
                return self.chain(node, text)
            case Membership():
                return self.membership(node, text)
            case _:
                return self.leaf(node, _words(node, text))

    def chain(self, node: Comparison, text: str) -> Formula:
        terms = (node.first, *node.rest)
        steps = [Comparison(left, (op,), (right,), span=(left.span[0], right.span[1])) for op, left, right in zip(node.ops, terms[:-1], terms[1:], strict=True)]
        return Joined("and", tuple(self.leaf(step, _words(step, text)) for step in steps))

    def membership(self, node: Membership, text: str) -> Formula:
        where = range_of(node.where)
        if not isinstance(where, Interval):
            return self.leaf(node, _words(node, text))
        words = _words(node, text)
        low = Comparison(node.operand, (">=" if where.low_closed else ">",), (where.low,), span=node.span)
        high = Comparison(node.operand, ("<=" if where.high_closed else "<",), (where.high,), span=node.span)
        inside = Joined("and", (self.leaf(low, f"{words}, its lower end"), self.leaf(high, f"{words}, its upper end")))
        return Joined("not", (inside,)) if node.negated else inside

    def leaf(self, node: Node, words: str) -> int:
        if node not in self.leaves:
            self.leaves[node] = Leaf(words, attrs.evolve(self.whole.with_tree(node), is_condition=True))
        return list(self.leaves).index(node)


def _words(node: Node, text: str) -> str:
    return " ".join(text[slice(*node.span)].split()) or (node.name if isinstance(node, Name | Defined) else "")
