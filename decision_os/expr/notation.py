"""The author's text → tokens: typographic operators, money, per cents, points, durations, labels, with every place kept.

Nothing here hands the text to Python's own parser: a text of any length or content ends as tokens or as one `ExpressionError`
that points into it. The caps are tested before any work is done.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from decision_os.errors import ExpressionError
from decision_os.expr.disguises import refuse_disguise, refuse_invisible
from decision_os.expr.mistyped import mistyped, refuse_comment, refuse_dash, refuse_word, unexpected
from decision_os.expr.numerals import money, number
from decision_os.expr.tokens import SPACES, WORDS, Scan, Token

__all__ = ["MAX_LENGTH", "MAX_TOKENS", "is_plain_name", "normal_label", "plain_text", "tokens"]

MAX_LENGTH: Final = 2_000
"""Characters of one expression."""

MAX_TOKENS: Final = 500
"""Tokens of one expression."""

_TYPOGRAPHIC: Final = {
    "≤": "<=",
    "⩽": "<=",
    "≥": ">=",
    "⩾": ">=",
    "≠": "!=",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "÷": "/",
    "∕": "/",
    "−": "-",
    "–": "-",
    "\u2010": "-",
    "\u2011": "-",
    "∧": "and",
    "∨": "or",
    "¬": "not",
    "∈": "in",
    "∉": "not in",
    "±": "+/-",
}
_MASTER: Final = re.compile(
    rf"""
      (?P<space>[{SPACES}]+)
    | (?P<number>(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[^\W\d]\w*)
    | (?P<text>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
    | (?P<label>`[^`\r\n]*`)
    | (?P<money>[$€£¥₹])
    | (?P<mistyped>===|!==|&&|\|\||<>|=<|=>|:=|->|//)
    | (?P<op>\*\*|<=|>=|==|!=|\+/-|[-+*/<>()\[\]{{}},≤⩽≥⩾≠×·⋅÷∕−–\u2010\u2011∧∨¬∈∉±])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}


def normal_label(label: str) -> str:
    """A label as it is compared: without spaces, typographic operators in ASCII.

    >>> normal_label("P(Route ≤ 2m)") == normal_label("P(Route<=2m)")
    True
    """
    return "".join(_TYPOGRAPHIC.get(ch, ch) for ch in label if not ch.isspace())


def tokens(text: str, *, currency: str = "USD") -> tuple[Token, ...]:
    """The words of an expression, the last one of kind `end`.

    Raises `ExpressionError` at the first character that is not in the language, or over a cap.

    >>> [token.text for token in tokens("E ∈ [−1.0, −0.3] and uplift ≥ $3")]
    ['E', 'in', '[', '-', '1.0', ',', '-', '0.3', ']', 'and', 'uplift', '>=', '$3', '']
    >>> tokens("1h30m")[0].value, str(tokens("1h30m")[0].unit)
    (Fraction(90, 1), 'minutes')
    """
    text = plain_text(text)
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression has at most {MAX_LENGTH:,} characters, this one {len(text):,}",
            text=text[:MAX_LENGTH],
            hint="define a part of it as a name",
        )
    scan, at, size = Scan(text, currency), 0, len(text)
    if not text.isprintable():
        refuse_invisible(scan)
    while at < size:
        match = _MASTER.match(text, at)
        if match is None:
            raise unexpected(scan, at)
        kind, end = match.lastgroup or "", match.end()
        if kind == "space":
            at = end
            continue
        if len(scan.found) == MAX_TOKENS:
            raise scan.error(at, size, f"an expression has at most {MAX_TOKENS} words", "define a part of it as a name")
        at = _READERS[kind](scan, match.group(), at, end)
    scan.add("end", "", size, size)
    return tuple(scan.found)


def plain_text(text: object) -> str:
    """The characters of a text, whatever a subclass of `str` says of itself. Raises `ExpressionError` for what is no text.

    >>> plain_text(3)
    Traceback (most recent call last):
        ...
    decision_os.errors.ExpressionError: 1:1 an expression is a text, not an int
    """
    if isinstance(text, str):
        return str.__str__(text)
    raise ExpressionError(f"an expression is a text, not {_article(type(text).__name__)}")


def _article(kind: str) -> str:
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


@lru_cache(maxsize=4096)
def is_plain_name(text: str) -> bool:
    """Whether a name is read as one without backticks: a word of the language, or one it refuses, is not."""
    if not text.isidentifier():
        return False
    try:
        first, *_ = tokens(text)
    except ExpressionError:
        return False
    return first.kind == "name" and first.text == text


def _operator(scan: Scan, written: str, at: int, end: int) -> int:
    canonical = _TYPOGRAPHIC.get(written, written)
    if canonical == "-":
        refuse_comment(scan, at, end)
    if written == "–":
        refuse_dash(scan, at, end)
    if canonical == "not in":
        scan.add("word", "not", at, end)
        return scan.add("word", "in", at, end)
    if canonical.isalpha():
        return scan.add("word", canonical, at, end)
    opens = canonical in "([{" or (canonical == "]" and scan.found and scan.found[-1].text == "in")  # `in ]1, 2[`, which is refused
    scan.brackets += 1 if opens else -(canonical in ")]}")
    return scan.add("op", canonical, at, end)


def _name(scan: Scan, written: str, at: int, end: int) -> int:
    following = scan.text[end : end + 1]
    if written == "P" and following == "(":
        return _probability(scan, at, end)
    if following in ("'", '"') and following:
        raise scan.error(at, end, f"a text has no prefix `{written}`", "write the quotes alone")
    word = WORDS.get(written)
    if word is not None:
        return scan.add("word", word, at, end)
    refuse_word(scan, written, at, end)
    if not written.isascii():
        refuse_disguise(scan, written, at, end)
    return scan.add("name", written, at, end)


def _probability(scan: Scan, at: int, end: int) -> int:
    """`P(Route<2m)`: one name, up to the parenthesis that closes it."""
    depth = 0
    for position in range(end, len(scan.text)):
        depth += (scan.text[position] == "(") - (scan.text[position] == ")")
        if scan.text[position] == "`":
            raise scan.error(position, position + 1, "a label holds no backtick", "write for example `P(Route<2m)`")
        if depth == 0:
            label = "".join(scan.text[at : position + 1].split())
            if label == "P()":
                raise scan.error(at, position + 1, "the label is empty", "write for example `P(Route<2m)`")
            return scan.add("label", label, at, position + 1)
    raise scan.error(at, end + 1, "the label opened here is not closed", "write for example `P(Route<2m)`")


def _label(scan: Scan, written: str, at: int, end: int) -> int:
    label = " ".join(written[1:-1].split())
    if not label:
        raise scan.error(at, end, "the label is empty", "write the label of a metric between the backticks")
    return scan.add("label", label, at, end)


def _quoted(scan: Scan, written: str, at: int, end: int) -> int:
    if scan.found and scan.found[-1].kind == "text":
        raise scan.error(at, end, "two texts stand side by side", "put a comma or an operator between them")
    content, inside = [], iter(enumerate(written[1:-1], at + 1))
    for place, ch in inside:
        if ch != "\\":
            content.append(ch)
            continue
        _, escaped = next(inside)
        if escaped not in _ESCAPES:
            known = "`\\\\`, `\\\"`, `\\'`, `\\n` and `\\t`"
            raise scan.error(place, place + 2, f"`\\{escaped}` is no escape", f"the escapes are {known}")
        content.append(_ESCAPES[escaped])
    return scan.add("text", "".join(content), at, end)


def _mistyped(scan: Scan, written: str, at: int, end: int) -> int:
    raise mistyped(scan, written, at, end)


_READERS: Final[dict[str, Callable[[Scan, str, int, int], int]]] = {
    "op": _operator,
    "name": _name,
    "number": number,
    "text": _quoted,
    "label": _label,
    "money": money,
    "mistyped": _mistyped,
}
"""For each kind of word, what adds it and says where it ends."""
