"""What is said of characters and words that are not of the language: what to write instead, by what stands beside them."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import Final

from decision_os.errors import ExpressionError
from decision_os.expr import habits
from decision_os.expr.place import short
from decision_os.expr.tokens import WORDS, Scan

__all__ = ["mistyped", "refuse_comment", "refuse_dash", "refuse_word", "unexpected"]

_MISTYPED: Final = {
    **habits.CHARACTERS,
    "=": "write `==` to compare",
    "===": "write `==`",
    "!==": "write `!=`",
    "&&": "write `and`",
    "&": "write `and`",
    "||": "write `or`",
    "|": "write `or`",
    "!": "write `not`",
    "~": "write `not`, or `x in target ± 3`",
    "<>": "write `!=`",
    "=<": "write `<=`",
    "=>": "write `>=`",
    "^": "write `**` for a power",
    ";": "one expression holds no statements",
    ":=": "an expression assigns nothing",
    ":": "only `[low, high]` intervals and `{…}` sets are written in brackets",
    "#": "an expression holds no comments",
    "@": "a name stands alone, as in `win_rate`",
    "?": "write `a if condition else b`",
    "\\": "a line break needs no backslash",
    "%": "`%` follows a number, and there is no remainder; a name that holds it is written in backticks: `` `GM%` ``",
    "//": "write `/`",
    "->": "write `if … else …`",
}
_NOT_THE_LANGUAGE: Final = {
    **habits.NOT_VALUES,
    "is": "write `==`",
    "lambda": "an expression defines no functions",
    "for": "an expression holds no loops",
}
_PYTHON_WORDS: Final = frozenset(keyword.kwlist) - set(WORDS) | set(_NOT_THE_LANGUAGE)
_RANGE_FOLLOWS: Final = re.compile(r"\s*[\[{∈]|(?:(?!\band\b|\bor\b)[^=<>≤≥])*(?:±|\+/?-)", re.IGNORECASE)


def unexpected(scan: Scan, at: int) -> ExpressionError:
    """A character with which no word begins."""
    ch = scan.text[at]
    if ch == ".":
        hint = "a name that holds a dot is written in backticks" if scan.found else ""
        return scan.error(at, at + 1, "an expression reads no attributes", hint)
    if ch in "\"'`":
        what, mark = ("label", "a backtick") if ch == "`" else ("text", "the same quote")
        return scan.error(at, at + 1, f"the {what} opened here is not closed on its line", f"close it with {mark}")
    return mistyped(scan, ch, at, at + 1)


def mistyped(scan: Scan, written: str, at: int, end: int) -> ExpressionError:
    """Operators of other languages, and characters that stand for nothing."""
    if written == "%" and scan.found and scan.found[-1].kind == "name" and scan.found[-1].end == at:
        name = scan.found[-1]
        return scan.error(name.start, end, f"`{name.text}%` is read as a division's remainder", f"write the label in backticks: `` `{name.text}%` ``")
    if unicodedata.category(written[0]) == "Mn":
        meant, start, stop = habits.composed(scan.text, at)
        if meant:
            return scan.error(start, stop, f"`{short(meant)}` is written with its letters and their marks apart", f"did you mean `{meant}`?")
        return scan.error(at, end, f"the combining mark U+{ord(written[0]):04X} has no place in an expression", "type the letter and its mark as one")
    before = scan.before
    if written == "=" and before is not None and before.kind == "op":
        both = f"`{scan.text[before.start : end]}` is not part of the language"
        if before.text in ("<", ">"):
            return scan.error(before.start, end, both, f"write `{before.text}=` as one")
        if before.text in ("<=", ">=", "==", "!=") and before.end == at:
            return scan.error(before.start, end, both, f"write `{before.text}`")
    if written == "|" and scan.wants_value() and "|" in scan.text[end:]:
        end = scan.text.index("|", end) + 1
        inner = scan.text[at + 1 : end - 1].strip()
        return scan.error(at, end, f"`{short(scan.text[at:end])}` is not part of the language", f"write `abs({short(inner) or 'x'})`")
    if written == "!" and scan.text[end:].lstrip().startswith("="):
        end = scan.text.index("=", end) + 1
        return scan.error(at, end, f"`{scan.text[at:end]}` is not part of the language", "write `!=` as one")
    if written == "=" and scan.text[end : end + 1] == "=":
        end += 1
    return scan.error(at, end, f"`{written}` is not part of the language", _instead(scan, written, end))


def refuse_comment(scan: Scan, at: int, end: int) -> None:
    """Two minuses open a comment, as in SQL: apart from the value before, and before a word."""
    if not scan.text.startswith("-", at - 1) or at < 2 or scan.text[at - 2] not in " \t\r\n" or len(scan.found) < 2:
        return
    binary = scan.found[-2].kind in ("number", "name", "label", "text") or scan.found[-2].text in (")", "]", "}", "true", "false")
    word = scan.word_at(end)
    if binary and word is not None and word["word"] not in WORDS:
        raise scan.error(at - 1, len(scan.text), "an expression holds no comments", "leave it out; a minus before a minus is written `- -x`")


def refuse_dash(scan: Scan, at: int, end: int) -> None:
    """A dash as a typesetter sets it, between two numbers."""
    low = scan.before
    if low is not None and low.kind == "number" and low.end == at and scan.text[end : end + 1].isdigit():
        high = re.compile(r"[0-9][0-9_.]*%?").match(scan.text, end)
        stop = high.end() if high else end
        hint = f"write `in [{short(low.text)}, {short(scan.text[end:stop])}]`, or `-` for a minus"
        raise scan.error(low.start, stop, "a dash between two numbers is a range here", hint)


def refuse_word(scan: Scan, written: str, at: int, end: int) -> None:
    """Words of other languages that would be read as the names of inputs."""
    if written.lower() == "is":
        _refuse_is(scan, written, at, end)
    if written in _PYTHON_WORDS:
        hint = _NOT_THE_LANGUAGE.get(written, "")
        if written in habits.NOT_VALUES and scan.found and scan.found[-1].text == "!=":
            hint = "write `not is_missing(x)`"
        raise scan.error(at, end, f"`{written}` is not part of the language", hint)


def _instead(scan: Scan, written: str, end: int) -> str:
    """What to write for something that is not of the language, by what stands beside it."""
    before = scan.before
    if written == "=" and before is None:
        return "an expression begins without `=`"
    if written == "=" and before is not None and before.text == "in":
        return "leave it out"
    if written == "=" and _RANGE_FOLLOWS.match(scan.text, end):
        return "write `in`: what follows is a range"
    if written == ";" and scan.brackets > 0:
        return "values are separated by commas"
    if written == ":" and before is not None and before.kind == "number" and scan.text[end : end + 1].isdigit() and scan.brackets <= 0:
        return "a duration is written as in `24h`"
    plain = habits.plain_character(written)
    return _MISTYPED.get(written, "") or (f"write `{plain}`" if plain else "")


def _refuse_is(scan: Scan, written: str, at: int, end: int) -> None:
    """`x is null`, `x is not null`, `x is not 3`; `IS` alone may be a name."""
    if scan.wants_value() or (written == "is" and scan.compares_at(end)):
        if written == "is":
            raise scan.error(at, end, "`is` is not part of the language", "leave it out")
        return
    hint, stop = habits.missing(scan.text, at)
    negated = re.compile(r"\s+not(?!\w)", re.IGNORECASE).match(scan.text, end)
    if not hint and negated:
        hint, stop = "write `!=`", negated.end()
    if [token.kind for token in scan.found[-2:]] == ["name", "name"]:
        hint = "a name of several words stands in backticks"
    if hint:
        raise scan.error(at, stop, f"`{' '.join(scan.text[at:stop].split())}` is not part of the language", hint)
