"""Text of a rule file → nodes that know their places. Every scalar stays text: YAML's guesses never reach a threshold.

Refused, each with its place: duplicate keys, anchors, aliases, tags, several documents, text that is too large or too deep, keys that are
not plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs
import yaml
from yaml.reader import Reader

from decision_os.errors import Issue, Where

__all__ = ["ALIAS", "LARGEST_FILE", "NOWHERE", "MapNode", "Node", "ScalarNode", "SeqNode", "read_nodes"]

LARGEST_FILE: Final = 2_000_000
DEEPEST: Final = 20
_TOO_DEEP: Final = f"nesting deeper than {DEEPEST} levels"
ALIAS: Final = "*"
"""The style of the empty text that stands where an alias was: that is reported, and nothing is missing besides."""

_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML counts as the end of a line; marks are counted by it."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: the same events, sooner


At: TypeAlias = tuple[str, int, int]
"""File, line and column of a node. Nodes are many and few of them are ever pointed at: a `Where` is made when it is asked for."""

NOWHERE: Final[At] = ("", 0, 0)


@attrs.define(eq=False)
class ScalarNode:
    """A text. `style` is YAML's: empty for plain, a quote, `|` or `>`; `comment` is what follows ` #` on the line of a plain one.

    `raw` is its source where that is not the text as it stands, between its quotes: over several lines, or with escapes.
    """

    text: str
    at: At
    style: str = ""
    comment: str = ""
    raw: str = ""

    @property
    def where(self) -> Where:
        """Where it begins."""
        return Where(*self.at)

    def place(self, offset: int) -> Where:
        r"""The place in the file of a character of the text; its length stands for its end.

        >>> node, _ = read_nodes("when: a > 1\n      and b > 2\n", "x.yaml")
        >>> text = node.get("when").text
        >>> text, str(node.get("when").place(text.index("b")))
        ('a > 1 and b > 2', 'x.yaml:2:11')
        """
        file, line, column = self.at
        if not self.raw:
            return Where(file, line, column + offset + (1 if self.style else 0))
        before = _BREAK.split(self.raw[: _aligned(self, offset)])
        return Where(file, line + len(before) - 1, len(before[-1]) + (column if len(before) == 1 else 1))


@attrs.define(eq=False)
class SeqNode:
    """A list. `raw` is its source where it was written in brackets, so that `[-1.0, -0.3]` can be read as an interval."""

    items: tuple[Node, ...]
    at: At
    raw: str = ""

    @property
    def where(self) -> Where:
        """Where it begins."""
        return Where(*self.at)


@attrs.define(eq=False)
class MapNode:
    """A mapping: each key and its value, by the key's text, in the order written. `raw` is its source where it was written in braces."""

    pairs: Mapping[str, tuple[ScalarNode, Node]]
    at: At
    raw: str = ""

    @property
    def where(self) -> Where:
        """Where it begins."""
        return Where(*self.at)

    @property
    def items(self) -> tuple[tuple[ScalarNode, Node], ...]:
        """The keys and their values."""
        return tuple(self.pairs.values())

    def __contains__(self, key: str) -> bool:
        return key in self.pairs

    def get(self, key: str) -> Node | None:
        """The value under that key."""
        found = self.pairs.get(key)
        return found[1] if found is not None else None


Node: TypeAlias = ScalarNode | SeqNode | MapNode


class _Stop(Exception):  # noqa: N818  # a jump out of the recursion, not an error
    """The rest of the file cannot be made sense of; the issue is already reported."""


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self.lines: list[str] = _BREAK.split(text)
        self.file = file
        self.issues: list[Issue] = []
        loader = _LOADER(text)
        self.next: Callable[[], Any] = loader.get_event

    def report(self, code: str, message: str, mark: Any, hint: str = "") -> None:
        self.issues.append(Issue(code, message, Where(*self.place(mark)), hint=hint))

    def place(self, mark: Any) -> At:
        return self.file, mark.line + 1, mark.column + 1

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        while type(event := self.next()) is not yaml.StreamEndEvent:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.report("several-documents", "a second YAML document (`---`) in one file", event.start_mark, "put it in a file of its own")
                    raise _Stop
            elif isinstance(event, yaml.NodeEvent):
                root = self.node(event, 0)
        return root

    def node(self, event: Any, depth: int) -> Node:
        if type(event) is yaml.ScalarEvent and event.anchor is None and event.tag is None and depth <= DEEPEST:  # most are
            return self.scalar(event)
        if isinstance(event, yaml.AliasEvent):
            self.report("alias", f"an alias (`*{event.anchor}`)", event.start_mark, "write the value out: a rule is read where it stands")
            return ScalarNode("", self.place(event.start_mark), ALIAS)
        if event.anchor is not None:
            self.report("anchor", f"an anchor (`&{event.anchor}`)", event.start_mark, "rule files have no anchors and aliases")
        if event.tag is not None:
            self.report("tag", f"a tag (`{event.tag}`)", event.start_mark, "leave it out: the field's own type decides")
        if depth > DEEPEST:
            self.report("too-deep", _TOO_DEEP, event.start_mark)
            raise _Stop
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while type(inner := self.next()) is not yaml.SequenceEndEvent:
                items.append(self.node(inner, depth + 1))
            raw = self.slice(event.start_mark, inner.end_mark) if event.flow_style else ""
            return SeqNode(tuple(items), self.place(event.start_mark), raw)
        return self.mapping(event, depth)

    def mapping(self, event: Any, depth: int) -> MapNode:
        pairs: dict[str, tuple[ScalarNode, Node]] = {}
        while type(inner := self.next()) is not yaml.MappingEndEvent:
            key = self.node(inner, depth + 1)
            value = self.node(self.next(), depth + 1)
            if not isinstance(key, ScalarNode):
                self.issues.append(Issue("bad-key", "a key that is not a plain text", key.where))
            elif key.text == "<<" and not key.style:
                self.issues.append(Issue("merge-key", "a merge key (`<<`)", key.where, hint="write the keys out"))
            elif key.text in pairs:
                first = pairs[key.text][0].where
                self.issues.append(Issue("duplicate-key", f"the key `{key.text}` a second time", key.where, hint=f"first at line {first.line}"))
            else:
                pairs[key.text] = (key, value)
        raw = self.slice(event.start_mark, inner.end_mark) if event.flow_style else ""
        return MapNode(pairs, self.place(event.start_mark), raw)

    def scalar(self, event: Any) -> ScalarNode:
        style = event.style or ""
        style = "" if style == ":" else style
        comment = ""
        end = event.end_mark
        if not style and end.line < len(self.lines) and "#" in (line := self.lines[end.line]):
            rest = line[end.column :].lstrip()
            if rest.startswith("#"):
                comment = rest
        start = event.start_mark
        raw = self.slice(start, end) if start.line != end.line or (style and end.column - start.column != len(event.value) + 2) else ""
        return ScalarNode(event.value, self.place(start), style, comment, raw)

    def slice(self, start: Any, end: Any) -> str:
        lines = self.lines[start.line : end.line + 1]
        lines[-1] = lines[-1][: end.column]
        lines[0] = lines[0][start.column :]
        return "\n".join(lines)


_ESCAPE: Final = re.compile(r"\\(?:x..|u....|U........|\r\n|.)", re.DOTALL)


def _aligned(node: ScalarNode, offset: int) -> int:
    """Where a character of a text stands in its source: all that YAML folds, indents or joins is blank, and all else is in order."""
    text, raw = node.text, node.raw
    at = len(raw.split("\n", 1)[0]) if node.style in ("|", ">") else 1 if node.style else 0  # behind the indicator, or the opening quote
    for place, character in enumerate(text[: offset + 1]):
        if character.isspace():
            continue
        while at < len(raw) and (raw[at].isspace() or _is_blank_escape(node, at)):
            at += len(_ESCAPE.match(raw, at)[0]) if raw[at] == "\\" else 1  # type: ignore[index]  # a backslash begins an escape
        if place == offset:
            break
        escape = _ESCAPE.match(raw, at) if node.style == '"' else None
        at += len(escape[0]) if escape else 2 if node.style == "'" and character == "'" else 1
    return min(at, len(raw))


def _is_blank_escape(node: ScalarNode, at: int) -> bool:
    return node.style == '"' and node.raw[at] == "\\" and node.raw[at + 1 : at + 2] in ("n", "t", " ", "\n", "\r", "_", "N", "L", "P", "r")


def read_nodes(text: str, file: str) -> tuple[Node | None, tuple[Issue, ...]]:
    r"""The one document of a rule file, and what is wrong with its YAML. No node where nothing can be made of the text.

    >>> node, issues = read_nodes("a: 1\na: 2\n", "x.yaml")
    >>> print(issues[0])
    x.yaml:2:1 duplicate-key the key `a` a second time (first at line 1)
    """
    if len(text) > LARGEST_FILE:
        return None, (Issue("too-large", f"a rule file of {len(text):,} characters; at most {LARGEST_FILE:,} are read", Where(file, 1, 1)),)
    if found := Reader.NON_PRINTABLE.search(text):
        before = _BREAK.split(text[: found.start()])
        where = Where(file, len(before), len(before[-1]) + 1)
        hint = "control characters cannot stand in a rule file"
        return None, (Issue("bad-yaml", f"a character that YAML does not allow: U+{ord(found.group()):04X}", where, hint=hint),)
    builder = _Builder(text, file)
    try:
        root = builder.document()
    except _Stop:
        root = None
    except yaml.MarkedYAMLError as error:
        return None, (*builder.issues, _syntax(error, file, text))
    return root, tuple(builder.issues)


def _syntax(error: yaml.MarkedYAMLError, file: str, text: str) -> Issue:
    in_brackets = error.context_mark is not None and "flow" in (error.context or "")
    mark = error.context_mark if in_brackets else error.problem_mark or error.context_mark  # the bracket, not where it was missed
    where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file, 1, 1)
    lines = _BREAK.split(text)
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    problem = error.problem or "not YAML"
    if "nesting depth" in problem:  # newer readers have a cap of their own, and meet it before the first event of a line of brackets
        return Issue("too-deep", _TOO_DEEP, where)
    hint = ""
    value = line.split(":", 1)[1].strip() if ":" in line else line.strip()
    if value[:1] in (">", "|", "`", "%", "@", "&", "*", "!") or value[:2] == "- ":
        hint = f"put the text in quotes: YAML gives `{value[0]}` at its start a meaning of its own"
    elif value[:1] in ("[", "{", "("):
        hint = 'close the bracket; within brackets, put a text that has a bracket, a comma or a colon in quotes, as in "[0, 1)"'
    elif ": " in value:
        hint = "put a text that contains `: ` in quotes"
    elif "\t" in line:
        hint = "indent with spaces, not tabs"
    return Issue("bad-yaml", f"YAML cannot read this: {problem}", where, hint=hint)
