"""The words of an expression, and a text on its way to becoming them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.errors import ExpressionError
from decision_os.expr.place import error_at
from decision_os.units import CALENDAR, FIXED, Unit

__all__ = ["DURATION_WORDS", "MULTIPLES", "SPACES", "WORDS", "Scan", "Token", "TokenKind", "compared"]

TokenKind: TypeAlias = Literal["number", "name", "label", "text", "word", "op", "end"]

SPACES: Final = " \t\r\n\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""What stands between two words, as the inside of a set of characters."""

WORDS: Final = {
    **{spelled: word for word in ("and", "or", "not", "in", "if", "else") for spelled in (word, word.upper())},
    **dict.fromkeys(("True", "true", "TRUE"), "true"),
    **dict.fromkeys(("False", "false", "FALSE"), "false"),
}
"""Each spelling of a word of the language, and the word."""

DURATION_WORDS: Final = {spelled: unit for unit in (*FIXED, *CALENDAR) for spelled in (unit, unit + "s")}
"""The words for durations behind a number, and the unit of each."""

MULTIPLES: Final = {"k": 1_000, "M": 1_000_000}
"""The letters on an amount of money, and what they multiply it by."""

_WORD: Final = re.compile(rf"[{SPACES}]*(?P<word>[^\W\d]\w*)")
_COMPARES: Final = re.compile(rf"[{SPACES}]*(?:[<>=!≤≥≠∈∉⩽⩾]|in\b|not\s+in\b)", re.IGNORECASE)
_COMPARING: Final = frozenset({"not", "in", "<", "<=", ">", ">=", "==", "!="})


@attrs.frozen
class Token:
    """One word of an expression: what it is, its canonical form, and where it stands in the author's text.

    `text` is the ASCII operator, the keyword in lower case, the name, the label as written or the content of a text. `value` and
    `unit` belong to a number.
    """

    kind: TokenKind
    text: str
    start: int
    end: int
    value: Fraction = Fraction(0)
    unit: Unit | None = None

    @property
    def compares(self) -> bool:
        """Whether it is a comparison, or `not` or `in`, with which a membership begins."""
        return self.kind in ("op", "word") and self.text in _COMPARING


def compared(latest_first: Iterable[Token]) -> bool:
    """Whether a comparison stands among the words since the last `and` or `or`: a condition is complete there."""
    for token in latest_first:
        if token.kind == "word" and token.text in ("and", "or"):
            return False
        if token.compares:
            return True
    return False


@attrs.define
class Scan:
    """One text while it is read: its words so far, how many brackets are open, and errors that point into it."""

    text: str
    currency: str
    found: list[Token] = attrs.field(factory=list)
    brackets: int = 0

    def error(self, start: int, end: int, message: str, hint: str = "") -> ExpressionError:
        """The error that points at a stretch of the text."""
        return error_at(self.text, start, end, message, hint)

    def add(self, kind: TokenKind, text: str, start: int, end: int) -> int:
        """Add a word; where it ends."""
        self.found.append(Token(kind, text, start, end))
        return end

    @property
    def before(self) -> Token | None:
        """The word before the place that is read, where there is one."""
        return self.found[-1] if self.found else None

    def word_at(self, at: int) -> re.Match[str] | None:
        """The word that stands next from a place on, as the group `word`; spaces may stand before it."""
        return _WORD.match(self.text, at)

    def compares_at(self, at: int) -> bool:
        """Whether what stands next from a place on begins a comparison."""
        return _COMPARES.match(self.text, at) is not None

    def wants_value(self) -> bool:
        """Whether a value begins here, and not an operator."""
        before = self.before
        return (
            before is None or (before.kind == "op" and before.text not in (")", "]", "}")) or (before.kind == "word" and before.text not in ("true", "false"))
        )
