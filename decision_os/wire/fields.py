"""Reading typed fields out of nodes: each field becomes what its own type says, and every mistake is collected with its place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction
from typing import Final, TypeVar

from decision_os.calendars import read_duration
from decision_os.errors import ExpressionError, Issue, Severity, UnitError, Where, nearest
from decision_os.expr import Analysis, Expression
from decision_os.expr.tree import Name
from decision_os.units import Unit, parse_unit
from decision_os.wire.nodes import ALIAS, NOWHERE, MapNode, Node, ScalarNode, SeqNode

__all__ = ["Fields", "Report", "expression_text", "place_in"]

T = TypeVar("T")

_TRUE: Final = ("true", "yes", "on")
_FALSE: Final = ("false", "no", "off")
_WORD: Final = re.compile(r"\w+")
_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,2})?\s*(%|pp)?")
_LONGEST_NUMBER: Final = 40


class Report:
    """The findings of one load, in the order met; and what could not be read, so that nothing in it is called unused."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.words: set[str] = set()
        self.blind = False
        self.lost = False
        """A whole file could not be read: what others refer to may stand in it."""

    def unread(self, text: str | None) -> None:
        """An expression that could not be compiled, or (None) something whose words are not known either."""
        self.blind = self.blind or text is None
        self.words |= set(_WORD.findall(text or ""))

    def surely_unused(self, name: str, used: Collection[str]) -> bool:
        """Whether nothing uses a name, not even what could not be read."""
        return name not in used and name not in self.words and not self.blind and not self.lost

    def error(self, code: str, message: str, where: Where, hint: str = "", excerpt: str = "") -> None:
        """Add an error."""
        self.issues.append(Issue(code, message, where, hint=hint, excerpt=excerpt))

    def warning(self, code: str, message: str, where: Where, hint: str = "") -> None:
        """Add a warning."""
        self.found(code, message, where, Severity.WARNING, hint)

    def found(self, code: str, message: str, where: Where, severity: Severity, hint: str = "") -> None:
        """Add a finding of that severity."""
        self.issues.append(Issue(code, message, where, severity, hint))


def place_in(node: ScalarNode | SeqNode | MapNode, line: int, column: int) -> Where:
    """The place in the file of a place in the text of a node."""
    if isinstance(node, ScalarNode):
        lines = node.text.splitlines(keepends=True)
        return node.place(sum(map(len, lines[: line - 1])) + column - 1)
    start = node.where
    return Where(start.file, start.line, start.column + column - 1) if line == 1 else Where(start.file, start.line + line - 1, column)


def expression_text(node: Node, report: Report) -> str | None:
    """The author's expression: a scalar's text, or the source of `[a, b]` and `{a, b}`, which YAML takes for a list or a mapping."""
    if isinstance(node, ScalarNode):
        if node.style in ("|", ">") and not node.text.strip():
            message = f"`{node.style}` begins a block in YAML, so nothing of this expression is left"
            report.error("empty-block", message, node.where, "put the expression in quotes")
            return None
        if not node.text.strip():
            report.error("missing-value", "an expression is missing here", node.where)
            return None
        if node.comment and not node.comment.startswith("# "):
            message = f"`{node.comment}` is a comment to YAML, not part of the expression"
            report.warning("comment-in-expression", message, node.where, "put the expression in quotes")
        return node.text
    if node.raw:
        return node.raw
    report.error("wrong-type", "an expression is meant here, not a list or a mapping", node.where)
    return None


class Fields:
    """The fields of one mapping. `close()` reports the keys that nobody asked for."""

    def __init__(self, node: Node | None, what: str, report: Report) -> None:
        self.what = what
        self.report = report
        at = node.at if node is not None else NOWHERE
        self.where = Where(*at)
        self.node = node if isinstance(node, MapNode) else MapNode({}, at)
        if node is not None and not isinstance(node, MapNode) and not (isinstance(node, ScalarNode) and not node.text):
            report.error("wrong-type", f"{what} is a mapping of keys to values", node.where)
        self.present = node is not None
        self.asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self.node

    def raw(self, key: str, *, required: bool = False) -> Node | None:
        """The node under a key; an empty plain scalar counts as absent."""
        self.asked.add(key)
        node = self.node.get(key)
        if isinstance(node, ScalarNode) and not node.text and node.style in ("", ALIAS):
            if required and not node.style:
                self.report.error("missing-value", f"`{key}` of {self.what} is empty", node.where)
            return None
        if node is None and required and self.present:  # what is absent altogether is one finding, not one for each of its keys
            self.report.error("missing-key", f"{self.what} lacks the key `{key}`", self.where)
        return node

    def key_where(self, key: str) -> Where:
        """Where a key stands; the mapping's own place when it is absent."""
        found = self.node.pairs.get(key)
        return found[0].where if found is not None else self.where

    def keys(self, key: str) -> tuple[ScalarNode, ...]:
        """The names that a mapping under a key gives, without reading what they stand for."""
        node = self.node.get(key)
        return tuple(name for name, _ in node.items) if isinstance(node, MapNode) else ()

    def scalar(self, key: str, *, required: bool = False) -> ScalarNode | None:
        """The scalar under a key."""
        node = self.raw(key, required=required)
        if node is None or isinstance(node, ScalarNode):
            return node
        self.report.error("wrong-type", f"`{key}` of {self.what} is one text, not a {'list' if isinstance(node, SeqNode) else 'mapping'}", node.where)
        return None

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text."""
        node = self.scalar(key, required=required)
        if node is None:
            return default
        if required and not node.text.strip():
            self.report.error("missing-value", f"`{key}` of {self.what} is empty", node.where)
        return node.text.strip()

    def one_of(self, key: str, allowed: Sequence[str], default: str = "", *, required: bool = False) -> str:
        """A word of a closed list."""
        node = self.scalar(key, required=required)
        if node is None:
            return default
        if node.text not in allowed:
            hint = nearest(node.text, allowed) or f"one of {', '.join(allowed)}"
            self.report.error("unknown-word", f"`{node.text}` is not a `{key}` of {self.what}", node.where, hint)
            return default
        return node.text

    def flag(self, key: str) -> bool:
        """A yes or no; absent means no."""
        node = self.scalar(key)
        if node is None:
            return False
        word = node.text.casefold()
        if word not in (*_TRUE, *_FALSE):
            self.report.error("wrong-type", f"`{key}` of {self.what} is true or false, not `{node.text}`", node.where)
        return word in _TRUE

    def number(self, key: str) -> float | None:
        """A number, `%` and `pp` allowed."""
        exact = self.exact(key)
        return None if exact is None else float(exact)

    def exact(self, key: str, *, required: bool = False) -> Fraction | None:
        """The same as it is written, no digit lost."""
        node = self.scalar(key, required=required)
        if node is None:
            return None
        text = node.text.replace("−", "-").strip()
        if not _NUMBER.fullmatch(text) or len(text) > _LONGEST_NUMBER:
            self.report.error("wrong-type", f"`{key}` of {self.what} is a number, not `{node.text}`", node.where)
            return None
        mark = next((mark for mark in ("%", "pp") if text.endswith(mark)), "")
        exact = Fraction(text.removesuffix(mark).strip())
        return exact / 100 if mark else exact

    def integer(self, key: str, default: int | None = None, *, low: int = 0, high: int = 10**9) -> int | None:
        """A whole number within bounds."""
        node = self.scalar(key)
        if node is None:
            return default
        if not re.fullmatch(r"[-+]?\d{1,12}", node.text) or not low <= int(node.text) <= high:
            self.report.error("wrong-type", f"`{key}` of {self.what} is a whole number from {low} to {high}, not `{node.text}`", node.where)
            return default
        return int(node.text)

    def duration(self, key: str, *, required: bool = False, above_zero: bool = False) -> dt.timedelta | None:
        """A fixed duration: `24h`, `14d`, `1h30m`."""
        node = self.scalar(key, required=required)
        if node is None:
            return None
        found = read_duration(node.text)
        if found is None:
            self.report.error("wrong-type", f"`{key}` of {self.what} is a duration, not `{node.text}`", node.where, "write it as in `24h`, `14d`, `1h30m`")
        elif above_zero and not found:
            self.report.error("wrong-type", f"`{key}` of {self.what} is no time at all", node.where, "give a duration above zero, or leave it out")
            return None
        return found

    def durations(self, key: str) -> tuple[dt.timedelta, ...]:
        """A list of fixed durations above zero."""
        found = []
        for item in self._items(key):
            duration = read_duration(item.text)
            if duration:
                found.append(duration)
            else:
                self.report.error("wrong-type", f"`{key}` of {self.what} are durations, not `{item.text}`", item.where, "write them as in `1h`, `3d`")
        return tuple(found)

    def date_list(self, key: str) -> tuple[dt.date, ...]:
        """A list of ISO dates."""
        found = []
        for item in self._items(key):
            try:
                found.append(dt.date.fromisoformat(item.text))
            except ValueError:
                self.report.error("bad-date", f"`{item.text}` is not a date of the calendar", item.where, "write it as in `2026-11-26`")
        return tuple(found)

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts; one text counts as a list of one."""
        return tuple(item.text.strip() for item in self._items(key, required=required))

    def words(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        """A list of words of a closed list."""
        found = []
        for item in self._items(key):
            if item.text in allowed:
                found.append(item.text)
            else:
                hint = nearest(item.text, allowed) or f"any of {', '.join(allowed)}"
                self.report.error("unknown-word", f"`{item.text}` is not a `{key}` of {self.what}", item.where, hint)
        return tuple(found)

    def items(self, key: str) -> tuple[ScalarNode, ...]:
        """The scalars of a list, with their places."""
        return self._items(key)

    def _items(self, key: str, *, required: bool = False) -> tuple[ScalarNode, ...]:
        node = self.raw(key, required=required)
        if node is None:
            return ()
        if isinstance(node, ScalarNode):
            return (node,)
        if isinstance(node, MapNode):
            self.report.error("wrong-type", f"`{key}` of {self.what} is a list, not a mapping", node.where)
            return ()
        found = []
        for item in node.items:
            if isinstance(item, ScalarNode):
                found.append(item)
            else:
                self.report.error("wrong-type", f"`{key}` of {self.what} is a list of texts", item.where)
        return tuple(found)

    def unit(self, key: str) -> Unit | None:
        """A unit, as in `USD/seat/month`."""
        node = self.scalar(key)
        if node is None:
            return None
        try:
            return parse_unit(node.text)
        except UnitError as error:
            self.report.error("bad-unit", str(error), node.where)
            return None

    def parsed(self, key: str, parse: Callable[[str], T], *, required: bool = False) -> T | None:
        """A text with a grammar of its own, such as an SLO or a cadence."""
        node = self.scalar(key, required=required)
        if node is None:
            return None
        try:
            return parse(node.text)
        except ExpressionError as error:
            self.report.error(error.code, error.message, place_in(node, error.line, error.column), error.hint, error.excerpt)
            return None

    def expression(self, key: str, analyse: Callable[[str], Analysis], *, required: bool = False) -> Expression | None:
        """A compiled expression; every finding about it lands at its place in the file."""
        node = self.raw(key, required=required)
        return self.compiled(node, analyse) if node is not None else None

    def condition(self, key: str, analyse: Callable[[str], Analysis], *, required: bool = False) -> Expression | None:
        """The same for an expression that has to be true or false."""
        node = self.raw(key, required=required)
        return self.compiled_condition(node, analyse) if node is not None else None

    def compiled_condition(self, node: Node, analyse: Callable[[str], Analysis]) -> Expression | None:
        """A compiled condition, for a node at hand. A name alone may be one, unless it has a unit."""
        found = self.compiled(node, analyse)
        if found is None or found.is_condition or (isinstance(found.tree, Name) and found.unit is None):
            return found
        written = found.text.strip()
        self.report.unread(written)
        self.report.error("not-a-condition", f"`{written}` is not true or false", node.where, f"compare it, as in `{written} > 0`")
        return None

    def compiled(self, node: Node, analyse: Callable[[str], Analysis]) -> Expression | None:
        """The same, for a node at hand."""
        text = expression_text(node, self.report)
        analysis = analyse(text) if text is not None else None
        if analysis is None or analysis.expression is None:
            self.report.unread(text if text is None or not isinstance(node, ScalarNode) else f"{text} {node.comment}")
        if analysis is None:
            return None
        for issue in analysis.issues:
            hint = issue.hint
            if isinstance(node, ScalarNode) and node.comment and issue.severity is Severity.ERROR:
                hint = f"{hint + '; ' if hint else ''}YAML takes `{node.comment}` for a comment: quote the expression if it is part of it"
            if isinstance(node, ScalarNode) and not node.style and issue.message.startswith("expected a comma") and issue.message.endswith("ends"):
                hint = "between `{` and `}` YAML ends a text at a comma: put the expression in quotes"
            where = place_in(node, issue.where.line, issue.where.column)
            self.report.issues.append(Issue(issue.code, issue.message, where, issue.severity, hint, issue.excerpt))
        return analysis.expression

    def mapping(self, key: str) -> tuple[tuple[ScalarNode, Node], ...]:
        """The pairs of a mapping under a key."""
        node = self.raw(key)
        if node is None:
            return ()
        if not isinstance(node, MapNode):
            self.report.error("wrong-type", f"`{key}` of {self.what} is a mapping of names to values", node.where)
            return ()
        return node.items

    def close(self, also: Iterable[str] = ()) -> None:
        """Report the keys that are not of this kind of thing, with the nearest one that is."""
        if not also and self.node.pairs.keys() <= self.asked:
            return
        known = self.asked | set(also)
        for name, _ in self.node.items:
            if name.text not in known:
                hint = nearest(name.text, known) or f"known: {', '.join(sorted(known))}"
                self.report.error("unknown-key", f"{self.what} has no key `{name.text}`", name.where, hint)
