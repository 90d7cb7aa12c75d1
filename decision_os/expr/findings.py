"""What a check knows of the nodes of a tree, and the problems it finds, each at its place in the author's text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.errors import Issue, Severity, Where
from decision_os.expr.place import error_at, short
from decision_os.expr.tree import FUNCTIONS, Call, Defined, Name, Node, Number, Span, children
from decision_os.expr.unparse import unparse
from decision_os.units import Unit

__all__ = ["ONE", "Findings", "Kind", "Typed"]

Kind: TypeAlias = Literal["number", "condition", "text", "any", "range"]

ONE: Final = Fraction(1)
_SOURCES: Final = {Name: "as declared", Number: "as written", Defined: "as defined"}


@attrs.define(eq=False)  # not frozen: one or two are made for each node, and none is kept
class Typed:
    """A checked node: the rescaled tree, what the author wrote, and what is known of it."""

    node: Node
    written: Node
    kind: Kind
    unit: Unit | None = None
    bare: bool = False
    """Made of numbers without a unit alone: it takes the unit of its surroundings."""
    literal: bool = False
    """Made of literals alone: it is the one to be converted."""
    converted: Fraction = ONE
    """What its number was multiplied by where durations of its factors met."""
    called: str = ""
    """What to call it where it is not something the author wrote: a value that a function takes."""

    def within(self, node: Node, written: Node) -> Typed:
        """What is known of it, of a node that has its value."""
        return Typed(node, written, self.kind, self.unit, self.bare, self.literal, self.converted, self.called)

    @property
    def unchecked(self) -> bool:
        """Whether nothing is known of its unit."""
        return self.unit is None and not self.bare


class Findings:
    """The problems of one tree; `text` is what it was parsed from, or nothing."""

    def __init__(self, tree: Node, text: str) -> None:
        self.text = text
        self.issues: dict[Issue, None] = {}
        self.inside: list[Defined] = []
        words = sorted(_outermost(tree), key=lambda node: node.span)
        self.starts, self.words = [node.span[0] for node in words], [node.name for node in words]

    def in_order(self) -> tuple[Issue, ...]:
        """The problems in the order of their places."""
        return tuple(sorted(self.issues, key=lambda issue: issue.where))

    def report(self, code: str, span: Span, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        """Add a problem; inside a definition it stands where the definition is used."""
        if self.inside:
            span = self.inside[0].span
            message = f"in `{self.inside[-1].name}`: {message}"
        where, excerpt = Where(), ""
        if self.text:
            error = error_at(self.text, *span, message)
            where, excerpt = Where("", error.line, error.column), error.excerpt
        about = tuple(dict.fromkeys(self.words[bisect_left(self.starts, span[0]) : bisect_left(self.starts, span[1])]))
        self.issues[Issue(code, message, where, severity, hint, excerpt, about)] = None

    def shown(self, node: Node) -> str:
        """A node as its author wrote it, in backticks."""
        written = self.text[slice(*node.span)] if self.text and not self.inside else ""
        written = written or unparse(node)
        return f"`{short(written)}`"

    def described(self, typed: Typed) -> str:
        """A value, its unit, and where that is from."""
        registered = isinstance(typed.written, Call) and typed.written.function not in FUNCTIONS
        written = "as written" if typed.literal else "as computed"
        source = "as declared" if typed.called or registered else _SOURCES.get(type(typed.written), written)
        return f"{self.named(typed)} ({typed.unit}, {source})"

    def named(self, typed: Typed) -> str:
        """A value as a message calls it."""
        return typed.called or self.shown(typed.written)


def _outermost(node: Node) -> Iterator[Name | Defined]:
    """The names and definitions that stand in the text itself, in the order written."""
    if isinstance(node, Name | Defined):
        yield node
        return
    for child in children(node):
        yield from _outermost(child)
