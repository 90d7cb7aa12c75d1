"""The parts of a tree over one mapping: what each comes to now, in floats and on paper, and what it reads.

Nodes are told apart by identity, and kept, so that each is looked at once however often it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from decision_os.errors import ExpressionError, InputError
from decision_os.expr.arithmetic import Context, Refusal, Term
from decision_os.expr.reference import Reference
from decision_os.expr.tree import Arithmetic, Call, Choice, Comparison, Defined, Interval, Name, Negative, Node, Number, children

__all__ = ["Parts", "ends", "links"]


@attrs.define
class Parts:
    """What the parts of a tree come to now; what is refused counts as undefined, since nothing of it is known."""

    values: Mapping[str, Any]
    context: Context
    _terms: dict[int, tuple[Node, Term | None]] = attrs.field(factory=dict, init=False, repr=False)
    _reads: dict[int, tuple[Node, frozenset[str]]] = attrs.field(factory=dict, init=False, repr=False)

    def term(self, node: Node) -> Term | None:
        """The term of a node; None where evaluating it is refused, or it is a range."""
        if id(node) not in self._terms:
            try:
                term: Term | None = Reference(self.values, self.context).term(node)
            except (InputError, Refusal, ExpressionError):
                term = None
            self._terms[id(node)] = node, term
        return self._terms[id(node)][1]

    def reads(self, node: Node) -> frozenset[str]:
        """The inputs below a node."""
        if id(node) not in self._reads:
            own = (node.name,) if isinstance(node, Name) else ()
            self._reads[id(node)] = node, frozenset(own).union(*map(self.reads, children(node)))
        return self._reads[id(node)][1]

    def written(self, node: Name) -> Fraction | None:
        """The number of an input as it was written, in the unit that its place asks for; nothing where it is none."""
        term = self.term(node if node.scale == 1 else attrs.evolve(node, scale=Fraction(1)))
        return Fraction(repr(term[0])) * node.scale if isinstance(term, tuple) else None

    def on_paper(self, node: Node) -> Fraction | None:
        """The number a known node comes to in exact arithmetic over the inputs as written; nothing where it has no decimal of at most 15 digits."""
        found = self._exact(node)
        if found is None:
            return None
        short = float(f"{float(found):.15g}")
        return found if math.isfinite(short) and Fraction(repr(short)) == found else None

    def _exact(self, node: Node) -> Fraction | None:  # one case for each type of node
        match node:
            case Number():
                return node.exact
            case Name():
                return self.written(node)
            case Defined():
                return self._exact(node.body)
            case Choice():
                chosen = self.term(node.condition)
                return self._exact(node.then if chosen is True else node.otherwise) if isinstance(chosen, bool) else None
            case Call() if node.function == "coalesce":
                known = next((argument for argument in node.arguments if isinstance(self.term(argument), tuple)), None)
                return None if known is None else self._exact(known)
            case Call() | Arithmetic() | Negative():
                numbers = [self._exact(child) for child in children(node)]
                known_numbers = [number for number in numbers if number is not None]
                if len(known_numbers) < len(numbers):
                    return None
                return _applied(node, known_numbers)
            case _:
                return None


def links(node: Comparison) -> list[Comparison]:
    """A chain as its links."""
    nodes = (node.first, *node.rest)
    return [Comparison(nodes[index], (op,), (nodes[index + 1],), span=node.span) for index, op in enumerate(node.ops)]


def ends(operand: Node, where: Interval) -> tuple[Comparison, Comparison]:
    """What being in an interval asks of each end."""
    return (
        Comparison(operand, (">=" if where.low_closed else ">",), (where.low,)),
        Comparison(operand, ("<=" if where.high_closed else "<",), (where.high,)),
    )


def _applied(node: Call | Arithmetic | Negative, numbers: Sequence[Fraction]) -> Fraction | None:
    match node:
        case Negative():
            return -numbers[0]
        case Arithmetic():
            left, right = numbers
            if node.op == "/":
                return left / right if right else None
            return left + right if node.op == "+" else left - right if node.op == "-" else left * right
        case Call():
            match node.function:
                case "abs":
                    return abs(numbers[0])
                case "min":
                    return min(numbers)
                case "max":
                    return max(numbers)
                case "clip":
                    return min(max(numbers[0], numbers[1]), numbers[2])
    return None
