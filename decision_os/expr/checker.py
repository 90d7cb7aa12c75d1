"""Tree + units → every problem of kind and unit, and the tree with both sides of each comparison and sum in one unit.

Bare numbers go with anything; a name without a declared unit is not checked. Durations of one family are converted here, once
and exactly, so that no evaluator knows of units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import attrs

from decision_os.errors import Issue
from decision_os.expr.arithmetic import Function
from decision_os.expr.findings import ONE, Findings, Kind, Typed
from decision_os.expr.meeting import Meeting
from decision_os.expr.rescaling import as_written, converts
from decision_os.expr.tree import (
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
    Negative,
    Node,
    Not,
    Number,
    SetOf,
    Span,
    Text,
    Truth,
    body_of,
    with_parts,
)
from decision_os.units import PP, SHARE, Unit, conversion, converted

__all__ = ["Checked", "check", "held_units"]

_KIND_WORDS: Final = {"condition": "true or false", "text": "a text", "range": "a range", "number": "a number"}
_PLURALS: Final = {"condition": "True or False", "text": "texts", "number": "numbers"}


@attrs.frozen
class Checked:
    """What a check found.

    `tree` has literals and names rescaled where units differ; `unit` is the unit of its value (None: unknown, or a bare
    number); `condition` says whether it is true or false; `units` says in which unit each name's number is read, the names
    included whose unit was seen from the durations they stand beside.
    """

    tree: Node
    unit: Unit | None
    issues: tuple[Issue, ...]
    condition: bool
    units: Mapping[str, Unit]


def check(
    tree: Node,
    *,
    units: Mapping[str, Unit | None],
    functions: Mapping[str, Function] | None = None,
    text: str = "",
) -> Checked:
    """Check a tree against the declared units of its names; all problems at once, in the order of their places.

    `functions` are the registered functions, with the units of what they take and give. `text` is what the tree was parsed from: with it, issues
    carry line, column and the line with a caret. A problem inside a definition is reported where the definition is used.

    >>> from decision_os.expr.parser import parse
    >>> from decision_os.units import parse_unit
    >>> source = "price + payback > 0"
    >>> found = check(parse(source).tree, units={"price": parse_unit("USD"), "payback": parse_unit("months")}, text=source)
    >>> found.issues[0].message
    'cannot add `price` (USD, as declared) and `payback` (months, as declared)'
    >>> check(parse("age < 2d").tree, units={"age": parse_unit("hours")}).tree.rest[0].value
    48.0
    """
    return _Checker(units, functions or {}, Findings(tree, text)).run(tree)


def held_units(tree: Node, units: Mapping[str, Unit], functions: Mapping[str, Function]) -> Mapping[int, Unit | None]:
    """The unit that the number of each node of a checked tree is in, by the node's identity; None where it has none, or none with a name."""
    found = _Holding(units, functions, Findings(tree, ""))
    found.visit(tree)
    return found.held


class _Checker:
    """One pass, bottom-up, over one tree: of what kind each node is, its units being asked of where they meet."""

    def __init__(self, declared: Mapping[str, Unit | None], functions: Mapping[str, Function], findings: Findings) -> None:
        self.declared = declared
        self.functions = functions
        self.findings = findings
        self.units = Meeting(declared, findings)
        self.names: set[str] = set()

    def run(self, tree: Node) -> Checked:
        typed = self.visit(tree)
        known = {name: unit for name in sorted(self.names) if (unit := self.declared.get(name) or self.units.read.get(name)) is not None}
        return Checked(typed.node, typed.unit, self.findings.in_order(), typed.kind == "condition", known)

    # kinds

    def number(self, node: Node) -> Typed:
        return self.as_number(self.visit(node))

    def as_number(self, typed: Typed) -> Typed:
        if typed.kind in ("number", "any"):
            return typed
        message = f"{self.findings.shown(typed.written)} is {_KIND_WORDS[typed.kind]} where a number is needed"
        self.findings.report("not-a-number", typed.written.span, message)
        return attrs.evolve(typed, kind="any", unit=None, bare=False)

    def condition(self, node: Node) -> Node:
        typed = self.visit(node)
        if typed.kind not in ("condition", "any"):
            hint = f"compare it, as in {self.findings.shown(typed.written)[:-1]} > 0`" if typed.kind == "number" else ""
            message = f"{self.findings.shown(typed.written)} is {_KIND_WORDS[typed.kind]} where a condition is needed"
            self.findings.report("not-a-condition", typed.written.span, message, hint)
        return typed.node

    def either(self, node: Logic) -> None:
        """`x == 1 or 2`, as it is said aloud, is no condition."""
        for before, after in zip(node.operands, node.operands[1:], strict=False):
            if node.op == "or" and isinstance(after, Number | Text) and isinstance(before, Comparison) and before.ops == ("==",):
                item, other = self.findings.shown(before.rest[0])[1:-1], self.findings.shown(after)[1:-1]
                hint = f"write {self.findings.shown(before.first)[:-1]} in {{{item}, {other}}}`"
                message = f"{self.findings.shown(after)} is {_KIND_WORDS[self.visit(after).kind]} where a condition is needed"
                self.findings.report("not-a-condition", after.span, message, hint)

    # the visit

    def visit(self, node: Node) -> Typed:  # noqa: C901  # one case for each type of node
        match node:
            case Number():
                return Typed(node, node, "number", node.unit, bare=node.unit is None, literal=True)
            case Text():
                return Typed(node, node, "text")
            case Truth():
                return Typed(node, node, "condition")
            case Name():
                self.names.add(node.name)
                unit = self.declared.get(node.name)
                return Typed(node, node, "any" if unit is None else "number", unit)
            case Defined():
                self.findings.inside.append(node)
                body = self.visit(self.body(node))
                self.findings.inside.pop()
                return body.within(with_parts(node, body=body.node), node)
            case Negative():
                inner = self.number(node.operand)
                return inner.within(with_parts(node, operand=inner.node), node)
            case Arithmetic():
                return self.arithmetic(node)
            case Comparison():
                return self.comparison(node)
            case Interval() | Around() | SetOf():
                return self.range_(node)
            case Membership():
                return self.membership(node)
            case Logic():
                self.either(node)
                operands = tuple(self.condition(operand) for operand in node.operands)
                return Typed(with_parts(node, operands=operands), node, "condition")
            case Not():
                return Typed(with_parts(node, operand=self.condition(node.operand)), node, "condition")
            case Choice():
                condition = self.condition(node.condition)
                chosen, (then, otherwise) = self.one_of((self.visit(node.then), self.visit(node.otherwise)), node.span)
                return chosen.within(with_parts(node, condition=condition, then=then, otherwise=otherwise), node)
            case Call():
                return self.call(node)

    def body(self, node: Defined) -> Node:
        """What a definition stands for, as it was written: it was checked by itself, and its units met there."""
        return as_written(node.body)

    def arithmetic(self, node: Arithmetic) -> Typed:
        left, right = self.number(node.left), self.number(node.right)
        literal = left.literal and right.literal
        converted = ONE
        if node.op in ("+", "-"):
            unit, bare, (left, right) = self.units.unified((left, right), "add" if node.op == "+" else "subtract", node.span)
            if node.op == "-" and left.unit == right.unit == SHARE:
                unit = PP
        else:
            unit, bare, right, converted = self.units.product(left, right, divide=node.op == "/")
            if converted != 1 and (left.unit is None or right.unit is None):
                self.units.twice(converted, Typed(node, node, "number"))
            elif converted != 1:
                self.units.twice(converted, left)
                self.units.twice(1 / converted if node.op == "/" else converted, right)
        tree = with_parts(node, left=left.node, right=right.node)
        return Typed(tree, node, "number", unit, bare, literal, converted)

    def comparison(self, node: Comparison) -> Typed:
        operands = [self.visit(operand) for operand in (node.first, *node.rest)]
        special = next((typed for typed in operands if typed.kind in ("text", "condition", "range")), None)
        if special is None:
            operands = list(self.units.unified(operands, "compare", node.span)[2])
        else:
            self.same_kind(special, operands, node)
        tree = with_parts(node, first=operands[0].node, rest=tuple(typed.node for typed in operands[1:]))
        return Typed(tree, node, "condition")

    def same_kind(self, special: Typed, operands: Sequence[Typed], node: Comparison) -> None:
        what = _KIND_WORDS[special.kind]
        if special.kind == "range":
            self.findings.report("mixed-kinds", special.written.span, f"{self.findings.shown(special.written)} is a range", "write `x in …`")
            return
        for typed in operands:
            if typed.kind not in (special.kind, "any"):
                message = f"cannot compare {self.findings.shown(special.written)} ({what}) and {self.findings.shown(typed.written)} ({_KIND_WORDS[typed.kind]})"
                self.findings.report("mixed-kinds", node.span, message)
        if any(op not in ("==", "!=") for op in node.ops):
            message = f"{self.findings.shown(special.written)} is {what}, which has no order"
            self.findings.report("mixed-kinds", special.written.span, message, "compare it with `==`, `!=` or `in {…}`")

    def range_(self, node: Interval | Around | SetOf) -> Typed:
        if isinstance(node, Interval):
            ends = (self.number(node.low), self.number(node.high))
            unit, bare, (low, high) = self.units.unified(ends, "compare", node.span)
            return Typed(with_parts(node, low=low.node, high=high.node), node, "range", unit, bare, literal=low.literal and high.literal)
        if isinstance(node, Around):
            centre, spread = self.number(node.centre), self.number(node.spread)
            literal = centre.literal and spread.literal
            unit, bare = centre.unit, centre.bare
            if not node.relative:
                unit, bare, (centre, spread) = self.units.unified((centre, spread), "add", node.span)
            return Typed(with_parts(node, centre=centre.node, spread=spread.node), node, "range", unit, bare, literal)
        chosen, items = self.one_of([self.visit(item) for item in node.items], node.span)
        return Typed(with_parts(node, items=items), node, "range", chosen.unit, chosen.bare, literal=True)

    def membership(self, node: Membership) -> Typed:
        operand, where = self.visit(node.operand), self.visit(node.where)
        body = body_of(node.where)
        kind: Kind = "number"
        if isinstance(body, SetOf):
            kind = "text" if isinstance(body.items[0], Text) else "condition" if isinstance(body.items[0], Truth) else "number"
        if where.kind != "range":
            message = f"{self.findings.shown(where.written)} is not a range"
            self.findings.report("not-a-range", where.written.span, message, "write `in [low, high]` or `in {…}`")
        elif operand.kind not in (kind, "any"):
            message = f"{self.findings.shown(operand.written)} is {_KIND_WORDS[operand.kind]}, but {self.findings.shown(where.written)} holds {_PLURALS[kind]}"
            self.findings.report("mixed-kinds", node.span, message)
        elif kind == "number":
            operand, where = self.units.unified((operand, where), "compare", node.span)[2]
        return Typed(with_parts(node, operand=operand.node, where=where.node), node, "condition")

    def call(self, node: Call) -> Typed:
        arguments: Sequence[Typed] = [self.visit(argument) for argument in node.arguments]
        if node.function == "is_missing":
            return Typed(with_parts(node, arguments=tuple(typed.node for typed in arguments)), node, "condition")
        if node.function == "coalesce":
            chosen, nodes = self.one_of(arguments, node.span)
            return chosen.within(with_parts(node, arguments=nodes), node)
        if node.function in ("abs", "min", "max", "clip"):
            arguments = [self.as_number(typed) for typed in arguments]
            unit, bare, arguments = self.units.unified(arguments, "choose between", node.span)
            tree = with_parts(node, arguments=tuple(typed.node for typed in arguments))
            return Typed(tree, node, "number", unit, bare, literal=all(typed.literal for typed in arguments))
        function = self.functions.get(node.function)
        takes = function.takes if function is not None else (None,) * len(arguments)
        passed = [self.passed(typed, unit, node.function, place) for place, (typed, unit) in enumerate(zip(arguments, takes, strict=False), 1)]
        tree = with_parts(node, arguments=tuple(passed))
        gives = function.gives if function is not None else None
        if isinstance(gives, str):
            return Typed(tree, node, "condition" if gives == "truth" else "text")
        return Typed(tree, node, "any" if gives is None else "number", gives)

    def passed(self, typed: Typed, unit: Unit | None, function: str, place: int) -> Node:
        """A value in the unit in which a registered function takes it."""
        typed = self.as_number(typed)
        if unit is None:
            return typed.node
        target = Typed(typed.node, typed.written, "number", unit, called=f"value {place} of `{function}`")
        if typed.unit is None:
            if typed.bare:
                self.units.bare_beside(typed, target, "pass")
            else:
                self.units.read_beside([typed], [target])
            return typed.node
        factor = conversion(typed.unit, unit)
        if factor is None:
            self.units.together(target, typed, "pass", typed.written.span, left=target)
            return typed.node
        return self.units.rescaled(typed.node, factor)

    def one_of(self, choices: Sequence[Typed], span: Span) -> tuple[Typed, tuple[Node, ...]]:
        """Values one of which is taken: they are of one kind and one unit."""
        sure = [typed for typed in choices if typed.kind != "any"]
        first = sure[0] if sure else choices[0]
        odd = next((typed for typed in sure if typed.kind != first.kind), None)
        if odd is not None:
            message = f"{self.findings.shown(first.written)} is {_KIND_WORDS[first.kind]}, but {self.findings.shown(odd.written)} is {_KIND_WORDS[odd.kind]}"
            self.findings.report("mixed-kinds", span, message)
            first = attrs.evolve(first, kind="any", unit=None, bare=False)
        elif first.kind in ("number", "any"):
            unit, bare, choices = self.units.unified(choices, "choose between", span)
            literal = all(typed.literal for typed in choices)
            first = attrs.evolve(first, unit=unit, bare=bare, literal=literal)
        return first, tuple(typed.node for typed in choices)


class _Holding(_Checker):
    """The same pass over a tree that was checked: names and literals are in the unit they were brought into."""

    def __init__(self, declared: Mapping[str, Unit | None], functions: Mapping[str, Function], findings: Findings) -> None:
        super().__init__(declared, functions, findings)
        self.held: dict[int, Unit | None] = {}

    def visit(self, node: Node) -> Typed:
        typed = super().visit(node)
        match node:
            case Name(scale=scale) | Number(scale=scale) if scale != 1:
                typed = _brought(typed, scale)
            case Arithmetic(right=Number(scale=scale)) if converts(node):
                typed = _brought(typed, scale)
        self.held[id(node)] = typed.unit
        return typed

    def body(self, node: Defined) -> Node:
        return node.body


def _brought(typed: Typed, factor: Fraction) -> Typed:
    return typed if typed.unit is None else attrs.evolve(typed, unit=converted(typed.unit, factor))
