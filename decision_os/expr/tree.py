"""The language as data: every node an expression can be made of, and nothing else.

What is allowed is this closed list of exact types. There is no node for an attribute, a subscript, a comprehension or the call
of anything but a listed function, so no evaluator can be asked to run one.

`span` is where the node stands in the author's own text, as (start, end) offsets; it takes no part in equality.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from operator import is_
from typing import Any, Final, Literal, TypeAlias, TypeVar

import attrs

from decision_os.units import Unit

__all__ = [
    "FUNCTIONS",
    "NODE_TYPES",
    "Arithmetic",
    "Around",
    "Call",
    "Choice",
    "Comparison",
    "Defined",
    "Interval",
    "Logic",
    "Membership",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Number",
    "SetOf",
    "Span",
    "Text",
    "Truth",
    "body_of",
    "children",
    "range_of",
    "walk",
    "with_children",
    "with_parts",
]

Span: TypeAlias = tuple[int, int]

FUNCTIONS: Final = ("abs", "clip", "coalesce", "is_missing", "max", "min")
"""The functions of the language; a rule book may register more."""

_span: Any = attrs.field(default=(0, 0), eq=False, kw_only=True)


@attrs.frozen
class Number:
    """A literal number: `value` is the nearest float, `exact` what it is times `scale`, `unit` what its notation says (None: bare).

    `check` brings it into the other side's unit: a day beside hours is held as 24, with that `scale`.
    """

    value: float
    exact: Fraction
    unit: Unit | None = None
    scale: Fraction = Fraction(1)
    span: Span = _span


@attrs.frozen
class Text:
    """A literal text."""

    value: str
    span: Span = _span


@attrs.frozen
class Truth:
    """`True` or `False`."""

    value: bool
    span: Span = _span


@attrs.frozen
class Name:
    """An input. `name` is what it is looked up by; `label` is what the author wrote in backticks, if that is something else.

    `scale` converts the caller's number into the unit its surroundings are in (hours where days are compared); 1 for most.
    """

    name: str
    label: str = ""
    scale: Fraction = Fraction(1)
    span: Span = _span


@attrs.frozen
class Defined:
    """A name the rule book defines (a threshold, a projection), with the tree it stands for, parsed from another text."""

    name: str
    body: Node
    span: Span = _span


@attrs.frozen
class Negative:
    """Unary minus."""

    operand: Node
    span: Span = _span


@attrs.frozen
class Arithmetic:
    """One of the four operations. A small literal power is written out as products."""

    op: Literal["+", "-", "*", "/"]
    left: Node
    right: Node
    span: Span = _span


@attrs.frozen
class Comparison:
    """One or more comparisons in a chain: `first op rest[0] op rest[1] …`."""

    first: Node
    ops: tuple[Literal["<", "<=", ">", ">=", "==", "!="], ...]
    rest: tuple[Node, ...]
    span: Span = _span


@attrs.frozen
class Interval:
    """A range of numbers (or of dates) with its ends included or not; stands only to the right of `in`, or as a threshold."""

    low: Node
    high: Node
    low_closed: bool = True
    high_closed: bool = True
    span: Span = _span


@attrs.frozen
class Around:
    """`centre ± spread`: a closed interval; `relative` when the spread is a per cent of the centre."""

    centre: Node
    spread: Node
    relative: bool = False
    span: Span = _span

    @property
    def interval(self) -> Interval:
        """The same range with its two ends written out."""
        half: Node = self.spread
        if self.relative:
            half = Arithmetic("*", Call("abs", (self.centre,), span=self.span), self.spread, span=self.span)
        low = Arithmetic("-", self.centre, half, span=self.span)
        high = Arithmetic("+", self.centre, half, span=self.span)
        return Interval(low, high, span=self.span)


@attrs.frozen
class SetOf:
    """A set of literals, to the right of `in`, or as a threshold."""

    items: tuple[Node, ...]
    span: Span = _span


@attrs.frozen
class Membership:
    """`operand in where`, or `not in`. `where` is an Interval, an Around, a SetOf, or a Defined that stands for one."""

    operand: Node
    where: Node
    negated: bool = False
    span: Span = _span


@attrs.frozen
class Logic:
    """Kleene `and` / `or` of two or more operands."""

    op: Literal["and", "or"]
    operands: tuple[Node, ...]
    span: Span = _span


@attrs.frozen
class Not:
    """Kleene `not`."""

    operand: Node
    span: Span = _span


@attrs.frozen
class Choice:
    """`then if condition else otherwise`."""

    condition: Node
    then: Node
    otherwise: Node
    span: Span = _span


@attrs.frozen
class Call:
    """A call of one of `FUNCTIONS`, or of a function the rule book registered."""

    function: str
    arguments: tuple[Node, ...]
    span: Span = _span


Node: TypeAlias = (
    Number | Text | Truth | Name | Defined | Negative | Arithmetic | Comparison | Interval | Around | SetOf | Membership | Logic | Not | Choice | Call
)

NODE_TYPES: Final = (
    Number,
    Text,
    Truth,
    Name,
    Defined,
    Negative,
    Arithmetic,
    Comparison,
    Interval,
    Around,
    SetOf,
    Membership,
    Logic,
    Not,
    Choice,
    Call,
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below this one, in the order written; a definition's body is below it."""
    match node:
        case Number() | Text() | Truth() | Name():
            return ()
        case Defined():
            return (node.body,)
        case Negative() | Not():
            return (node.operand,)
        case Arithmetic():
            return (node.left, node.right)
        case Comparison():
            return (node.first, *node.rest)
        case Interval():
            return (node.low, node.high)
        case Around():
            return (node.centre, node.spread)
        case SetOf():
            return node.items
        case Membership():
            return (node.operand, node.where)
        case Logic():
            return node.operands
        case Choice():
            return (node.condition, node.then, node.otherwise)
        case Call():
            return node.arguments


def walk(node: Node) -> Iterator[Node]:
    """A node and every node below it, in the order written; the bodies of definitions are below them."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += reversed(children(found))


def body_of(node: Node) -> Node:
    """A node, or what the definition stands for that it is."""
    while isinstance(node, Defined):
        node = node.body
    return node


def range_of(where: Node) -> Node:
    """The interval or the set that stands to the right of `in`."""
    body = body_of(where)
    return body.interval if isinstance(body, Around) else body


N = TypeVar("N", bound=Node)


def with_parts(node: N, **parts: Node | tuple[Node, ...]) -> N:
    """A node with those of its fields; itself where they are what it has, as most are that a check passes."""
    for name, part in parts.items():
        old = getattr(node, name)
        if old is not part and not (type(part) is tuple and all(map(is_, old, part))):
            changed: N = attrs.evolve(node, **parts)  # type: ignore[arg-type]  # which fields a class has is not known here
            return changed
    return node


def with_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """A node with each of its children changed."""
    changes: dict[str, Any] = {}
    for field in attrs.fields(type(node)):
        part = getattr(node, field.name)
        if isinstance(part, NODE_TYPES):
            changes[field.name] = change(part)
        elif isinstance(part, tuple) and part and isinstance(part[0], NODE_TYPES):
            changes[field.name] = tuple(change(each) for each in part)
    return attrs.evolve(node, **changes) if changes else node
