"""What stands to the right of `in`: intervals, sets and `centre ± half width`."""

from __future__ import annotations

from abc import ABC, abstractmethod

import attrs

from decision_os.expr import misplaced
from decision_os.expr.cursor import Cursor
from decision_os.expr.scope import Scope
from decision_os.expr.tokens import Token
from decision_os.expr.tree import Around, Defined, Interval, Node, Number, SetOf, Text, Truth, body_of, walk
from decision_os.units import PERCENT, RATIO, conversion

__all__ = ["Ranges", "is_range"]


def is_range(node: Node) -> bool:
    """Whether a node is a range, or a definition that stands for one."""
    return isinstance(body_of(node), Interval | Around | SetOf)


class Ranges(Cursor, ABC):
    """The grammar of ranges; that of the values in them is another's."""

    def __init__(self, text: str, scope: Scope, currency: str) -> None:
        super().__init__(text, currency)
        self.scope = scope

    @abstractmethod
    def value(self) -> Node:
        """Read a value: anything but a comparison or what binds less."""

    @abstractmethod
    def literal(self) -> Node:
        """Read one value with its sign."""

    def range_(self) -> Node:
        """Read a range."""
        if self.is_op("{"):
            return self._set_of()
        if self.is_op("[") or (self.is_op("(") and self.holds(",")):
            return self._interval()
        token = self.token
        if self.is_op("(") and self.holds("+/-"):
            self.advance()
            start = self.token.start
            inner = self.around(self.value(), start)
            end = self.expect(")", "the parenthesis is not closed: expected `)`").end
            return attrs.evolve(inner, span=(token.start, end))
        if token.kind in ("name", "label") and not (self.tokens[self.at + 1].kind == "op" and self.tokens[self.at + 1].text == "("):
            defined = self.definition(token)
            if defined is not None:
                self.advance()
                return defined
        if self.is_op("]") or token.kind == "end":
            raise misplaced.no_range(self)
        centre = self.value()
        if not self.is_op("+/-"):
            raise misplaced.not_a_range(self, centre)
        return self.around(centre, token.start)

    def holds(self, wanted: str) -> bool:
        """Whether the bracket that opens here holds this operator, not nested any deeper, and none follows it."""
        depth, found = 0, False
        for place, token in enumerate(self.tokens[self.at :], self.at):
            if token.kind != "op":
                continue
            if token.text in ("(", "[", "{"):
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    after = self.tokens[place + 1]
                    return found and not (after.kind == "op" and after.text == wanted)
            elif depth == 1 and token.text == wanted:
                found = True
        return found

    def definition(self, token: Token) -> Defined | None:
        """The definition that a name or a label stands for, where that is a range."""
        name = (self.scope.labelled(token.text) if token.kind == "label" else None) or token.text
        body = self.scope.definitions.get(name)
        return Defined(name, body, span=(token.start, token.end)) if body is not None and is_range(body) else None

    def around(self, centre: Node, start: int) -> Around:
        """Read the `±` that stands here, behind its centre, and the half width."""
        self.advance()
        spread = self.value()
        body = body_of(spread)
        if isinstance(body, Number) and body.exact < 0:
            raise self.error(*spread.span, "the spread of `±` is negative", "write it without the sign")
        if isinstance(centre, Truth | Text) or isinstance(spread, Truth | Text):
            raise self.error(start, spread.span[1], "`±` stands between two numbers")
        relative = isinstance(body, Number) and body.unit == PERCENT
        if not relative and any(isinstance(node, Number) and node.unit == PERCENT for node in walk(body)):
            hint = "write `target ± 10%`, or a half width without per cents: `2pp`, `0.1 * target`"
            raise self.error(*spread.span, "a half width that is relative is one number with `%`", hint)
        return Around(centre, spread, relative, span=(start, spread.span[1]))

    def _interval(self) -> Node:
        opening = self.advance()
        if self.is_op("]") or self.is_op(")"):
            raise self.error(opening.start, self.token.end, "an interval has two ends", "write `[low, high]`")
        ends = [self._interval_end()]
        while self.is_op(","):
            self.advance()
            ends.append(self._interval_end())
        if not (self.is_op("]") or self.is_op(")")):
            self.expect("]", "the interval is not closed: expected `,`, `]` or `)`")
        closing = self.advance()
        if len(ends) != 2:
            raise self.error(opening.start, closing.end, f"an interval has two ends, not {len(ends)}", misplaced.instead_of_ends(self, ends))
        low, high = ends
        low_closed, high_closed = opening.text == "[", closing.text == "]"
        span = (opening.start, closing.end)
        self._refuse_empty(low, high, closed=low_closed and high_closed, span=span)
        if not low_closed and not high_closed and isinstance(low, Number) and isinstance(high, Number):
            inner = f"{self.quoted(low)}, {self.quoted(high)}"
            message = f"`({inner})` is an open interval: neither end belongs to it"
            self.warn("open-interval", *span, message, f"the set of the two is `{{{inner}}}`, the closed interval `[{inner}]`")
        return Interval(low, high, low_closed, high_closed, span=span)

    def _interval_end(self) -> Node:
        end = self.value()
        if isinstance(end, Text | Truth):
            raise self.error(*end.span, "an interval goes from number to number", 'a set is written in braces: `{"won", "lost"}`')
        return end

    def _refuse_empty(self, low: Node, high: Node, *, closed: bool, span: tuple[int, int]) -> None:
        if not (isinstance(low, Number) and isinstance(high, Number)):
            return
        factor = conversion(high.unit or RATIO, low.unit or RATIO)
        if factor is None:
            return
        if low.exact > high.exact * factor:
            raise self.error(*span, "the interval ends before it begins", "write the smaller end first")
        if low.exact == high.exact * factor and not closed:
            raise self.error(*span, "the interval is empty: its ends are equal and not both included", "write `[low, high]`")

    def _set_of(self) -> Node:
        opening = self.advance()
        items: list[Node] = []
        while not self.is_op("}"):
            if items:
                self.expect(",", "expected a comma or `}` in the set")
            items.append(self._set_item(opening))
        end = self.advance().end
        if not items:
            raise self.error(opening.start, end, "the set is empty", 'write for example `{"won", "lost"}`')
        return SetOf(tuple(items), span=(opening.start, end))

    def _set_item(self, opening: Token) -> Node:
        token = self.token
        if token.kind == "name":
            raise misplaced.name_in_set(self, opening)
        item = self.literal()
        if not isinstance(item, Number | Text | Truth):
            raise self.error(*item.span, "a set holds literals", "write numbers, or texts in quotes")
        return item
