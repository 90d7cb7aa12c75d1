"""What is left of an expression once its known parts are folded away: a text which, read in the scope of the whole, asks the same.

A part is folded in the units it was written in, and its number is written in its own unit, so that what stands beside it is converted as it was. Where a unit
has no notation the number stands bare, if nothing is converted there; otherwise the part stays as it was written, known inputs and all. Every text is read
and checked anew before it is handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

import attrs

from decision_os.errors import ExpressionError, Severity
from decision_os.expr.arithmetic import Context
from decision_os.expr.checker import Checked, check
from decision_os.expr.parser import parse
from decision_os.expr.parts import Parts, ends, links
from decision_os.expr.tree import (
    FUNCTIONS,
    Arithmetic,
    Around,
    Call,
    Choice,
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
    Text,
    Truth,
    range_of,
    walk,
    with_children,
)
from decision_os.expr.unparse import unparse
from decision_os.units import CURRENCIES, DURATIONS, Unit

__all__ = ["folded"]


def folded(tree: Node, values: Mapping[str, Any], context: Context, needed: frozenset[str]) -> str:
    """The text that is left of a checked tree when what is known is folded away, but for what the needed inputs could change."""
    text = unparse(_Folder(values, context, needed).condition(tree))
    try:
        parse(text, labels=_labels(tree), functions=context.functions, currency=context.currency)
    except ExpressionError:  # definitions written out can be more than one text may hold
        return unparse(tree)
    return text


@attrs.define
class _Folder(Parts):
    """Folds one tree: the logic of it from above, each part that is compared or computed as one."""

    needed: frozenset[str]
    full: bool = False
    """Whether to write a unit as a product of literals; what has no notation then stays as it is."""
    bare: bool = False
    """Whether a number lost its unit since this was last put back."""

    # ── logic ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, node: Node) -> Node:
        """A condition, or a number or text that stands alone."""
        truth = self.truth(node)
        if truth is not None:
            return truth
        match node:
            case Defined():
                return self.condition(node.body)
            case Logic():
                return _joined(node.op, [self.condition(operand) for operand in node.operands])
            case Not():
                return _negated(self.condition(node.operand))
            case Choice() if _logical(node.then) and _logical(node.otherwise):
                condition = self.condition(node.condition)
                if isinstance(condition, Truth):
                    return self.condition(node.then if condition.value else node.otherwise)
                return Choice(condition, self.condition(node.then), self.condition(node.otherwise))
            case Comparison():
                runs = self.runs(node)
                if runs is None:
                    return Truth(value=False)
                return self.joined(node, runs)
            case Membership():
                return self.membership(node)
            case _:
                return self.joined(node, [node])

    def truth(self, node: Node) -> Truth | None:
        """What is known of a node that no needed input can change."""
        if isinstance(node, Interval | Around | SetOf) or self.touched(node):
            return None
        term = self.term(node)
        return Truth(term) if isinstance(term, bool) else None

    def touched(self, node: Node) -> bool:
        return not self.needed.isdisjoint(self.reads(node))

    def runs(self, node: Comparison) -> list[Node] | None:
        """A chain, broken where a link is known to hold; nothing where one is known not to."""
        found: list[Node] = []
        operands = (node.first, *node.rest)
        start = 0
        for index, link in enumerate(links(node)):
            truth = self.truth(link)
            if truth is not None:
                if not truth.value:
                    return None
                if start < index:
                    found.append(Comparison(operands[start], node.ops[start:index], operands[start + 1 : index + 1]))
                start = index + 1
        if start < len(node.ops):
            found.append(Comparison(operands[start], node.ops[start:], operands[start + 1 :]))
        return found

    def membership(self, node: Membership) -> Node:
        where = range_of(node.where)
        if not isinstance(where, Interval):
            return self.joined(node, [attrs.evolve(node, where=where)])
        both = [(end, self.truth(end)) for end in ends(node.operand, where)]
        if Truth(value=False) in [truth for _, truth in both]:
            return Truth(node.negated)
        left = [end for end, truth in both if truth is None]
        if len(left) == len(both):
            return self.joined(node, [Membership(node.operand, where, node.negated)])
        inside = self.joined(node, list(left))
        return inside if inside is node or not node.negated else _negated(inside)

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def joined(self, whole: Node, parts: Sequence[Node]) -> Node:
        """What is left of a whole that holds where its parts do, each folded; the whole itself where no text says that of it."""
        for full in (False, True):
            self.full, left = full, []
            for part in parts:
                self.bare = False
                left.append(self.part(_as_written(part)))
                if not self.sound(whole, part, left[-1]):
                    break
            else:
                return _joined("and", left)
        return whole

    def sound(self, whole: Node, part: Node, left: Node) -> bool:
        """Whether what is left of a part, read in the scope of the whole, asks what the part does.

        It does where neither is converted into another unit, since then the same numbers are compared; and where every number has its unit.
        """
        try:
            read = parse(unparse(left), labels=_labels(left), functions=self.context.functions, currency=self.context.currency).tree
        except ExpressionError:
            return False
        checked = self.checked(read)
        if any(issue.severity is Severity.ERROR for issue in checked.issues):
            return False
        if checked.tree == read and _as_written(whole) == whole:
            return True
        return not (self.bare or self.loose(part)) and (checked.condition or checked.unit == self.checked(_as_written(part)).unit)

    def loose(self, node: Node) -> bool:
        """Whether a number without a known unit stands in it: it is taken as it is, whatever its surroundings are converted to."""
        for part in walk(node):
            if isinstance(part, Name) and self.declared(part.name) is None:
                return True
            if isinstance(part, Call) and part.function not in FUNCTIONS:
                function = self.context.functions.get(part.function)
                if function is None or function.gives is None or None in function.takes:
                    return True
        return False

    def declared(self, name: str) -> Unit | None:
        return None if name in self.context.seen else self.context.units.get(name)

    def checked(self, node: Node) -> Checked:
        units = {name: unit for name, unit in self.context.units.items() if name not in self.context.seen}
        return check(node, units=units, functions=self.context.functions)

    def part(self, node: Node) -> Node:
        """A part in the units it was written in, folded."""
        literal = self.literal(node)
        if literal is not None:
            return literal
        match node:
            case Defined():
                return self.part(node.body)
            case Membership(where=Interval() as where):
                where = attrs.evolve(where, low=self.part(where.low), high=self.part(where.high))
                if not _empty(where):
                    return attrs.evolve(node, operand=self.part(node.operand), where=where)
                inside = Logic("and", ends(self.part(node.operand), where))  # which the language does not write as an interval
                return Not(inside) if node.negated else inside
            case Membership():
                return attrs.evolve(node, operand=self.part(node.operand))
            case Choice():
                condition = self.part(node.condition)
                if isinstance(condition, Truth):
                    return self.part(node.then if condition.value else node.otherwise)
                return Choice(condition, self.part(node.then), self.part(node.otherwise))
            case _:
                return with_children(node, self.part)

    def literal(self, node: Node) -> Node | None:
        """A node that is known now and that nothing needed can change, as a literal; nothing where it is not, or has no short decimal."""
        if isinstance(node, Number | Text | Truth | Interval | Around | SetOf) or self.touched(node):
            return None
        checked = self.checked(node)
        term = self.term(checked.tree)
        match term:
            case bool():
                return Truth(term)
            case str():
                return Text(term)
            case tuple():
                exact = self.on_paper(checked.tree)
                return None if exact is None else self.quantity(exact, checked.unit, node)
            case _:
                return None

    def quantity(self, exact: Fraction, unit: Unit | None, node: Node) -> Node | None:
        """What a node came to as a number in its unit; bare where that is none, and for short where there is no notation for it."""
        number = Number(float(exact), exact)
        loose = self.loose(node)
        if not loose and (unit is None or unit.dimensionless):
            return number
        if unit is None and isinstance(node, Name) and not self.full:
            unit = self.context.units.get(node.name)  # seen, from what it stands beside
            self.bare = True
        if unit is not None and len(unit.factors) == 1 and unit.factors[0][1] == 1 and self.notated(unit.factors[0][0]):
            return attrs.evolve(number, unit=unit)
        if not self.full:
            self.bare = True
            return number
        if unit is None or not all(self.notated(atom) for atom, _ in unit.factors):
            return None
        over = [atom for atom, power in unit.factors for _ in range(power)]
        under = [atom for atom, power in unit.factors for _ in range(-power)]
        found: Node = attrs.evolve(number, unit=_single(over[0])) if over else number
        for atom in over[1:]:
            found = Arithmetic("*", found, Number(1.0, Fraction(1), _single(atom)))
        for atom in under:
            found = Arithmetic("/", found, Number(1.0, Fraction(1), _single(atom)))
        return found

    def notated(self, atom: str) -> bool:
        """Whether the language has literals of a unit: durations, and the money of the rule book."""
        return atom in DURATIONS or (atom in CURRENCIES and atom == self.context.currency)


def _single(atom: str) -> Unit:
    return Unit(((atom, 1),))


def _labels(node: Node) -> dict[str, str]:
    return {part.label: part.name for part in walk(node) if isinstance(part, Name) and part.label}


def _logical(node: Node) -> bool:
    """Whether a node is true or false by its form."""
    match node:
        case Defined():
            return _logical(node.body)
        case Choice():
            return _logical(node.then) and _logical(node.otherwise)
        case Logic() | Not() | Comparison() | Membership() | Truth():
            return True
        case _:
            return False


def _as_written(node: Node) -> Node:
    """A checked tree in the units that its parts are in by themselves."""
    match node:
        case Number() if node.scale != 1:
            exact = node.exact / node.scale
            return attrs.evolve(node, value=float(exact), exact=exact, scale=Fraction(1))
        case Name():
            return attrs.evolve(node, scale=Fraction(1))
        case Arithmetic(right=Number(exact=factor, scale=scale, span=span)) if factor == scale != 1 and span == node.span:
            return _as_written(node.left)  # the right side is none of the author's: it brings the left one into another unit
        case _:
            return with_children(node, _as_written)


def _negated(node: Node) -> Node:
    return Truth(not node.value) if isinstance(node, Truth) else Not(node)


def _empty(where: Interval) -> bool:
    if not (isinstance(where.low, Number) and isinstance(where.high, Number)):
        return False
    return where.low.exact > where.high.exact or (where.low.exact == where.high.exact and not (where.low_closed and where.high_closed))


def _joined(op: Literal["and", "or"], operands: Sequence[Node]) -> Node:
    decider = Truth(op == "or")
    if decider in operands:
        return decider
    left: list[Node] = []
    for operand in operands:
        if not isinstance(operand, Truth):
            left += operand.operands if isinstance(operand, Logic) and operand.op == op else (operand,)
    if not left:
        return Truth(op == "and")
    return left[0] if len(left) == 1 else Logic(op, tuple(left))
