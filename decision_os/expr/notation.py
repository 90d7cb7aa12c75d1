"""The author's text → tokens: typographic operators, money, per cents, points, durations, labels, with every place kept.

Nothing here hands the text to Python's own parser: a text of any length or content ends as tokens or as one `ExpressionError`
that points into it. The caps are tested before any work is done.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.errors import ExpressionError, nearest
from decision_os.expr import habits
from decision_os.units import CALENDAR, CURRENCIES, FIXED, PERCENT, PP, Unit

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_NODES",
    "MAX_TOKENS",
    "Token",
    "error_at",
    "holdable",
    "is_plain_name",
    "normal_label",
    "place",
    "plain_text",
    "tokens",
]

MAX_LENGTH: Final = 2_000
"""Characters of one expression."""

MAX_TOKENS: Final = 500
"""Tokens of one expression."""

MAX_DEPTH: Final = 50
"""Parentheses, signs and `not` inside one another."""

MAX_NODES: Final = 1_000
"""Nodes of one tree, the definitions it uses included."""

TokenKind: TypeAlias = Literal["number", "name", "label", "text", "word", "op", "end"]


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


_SPACES: Final = " \t\r\n\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
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
_WORDS: Final = {
    **{spelled: word for word in ("and", "or", "not", "in", "if", "else") for spelled in (word, word.upper())},
    **dict.fromkeys(("True", "true", "TRUE"), "true"),
    **dict.fromkeys(("False", "false", "FALSE"), "false"),
}
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
_PYTHON_WORDS: Final = frozenset(keyword.kwlist) - set(_WORDS) | set(_NOT_THE_LANGUAGE)

_MASTER: Final = re.compile(
    rf"""
      (?P<space>[{_SPACES}]+)
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
_NUMBER: Final = re.compile(r"(?:[0-9]+(?:_[0-9]+)*)?(?:\.[0-9]+(?:_[0-9]+)*)?(?P<exponent>[eE][+-]?[0-9]+)?\Z")
_LONGEST_EXPONENT: Final = 5  # `e-308`: what is longer is not worked out
_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9_])(?:\.[0-9]+)?")
_COMPOUND: Final = re.compile(r"(?:[0-9]+[wdhms]){2,}(?!\w)")
_SUFFIX: Final = re.compile(r"pp(?!\w)|[wdhms](?!\w)")
_PER_CENT: Final = re.compile(rf"[{_SPACES}]*%")
_COMPARES: Final = re.compile(rf"[{_SPACES}]*(?:[<>=!≤≥≠∈∉⩽⩾]|in\b|not\s+in\b)", re.IGNORECASE)
_RANGE_FOLLOWS: Final = re.compile(r"\s*[\[{∈]|(?:(?!\band\b|\bor\b)[^=<>≤≥])*(?:±|\+/?-)", re.IGNORECASE)
_MULTIPLE: Final = re.compile(r"[ \t\u00a0]+(?P<word>[^\W\d]\w*)")
_UNIT_WORD: Final = re.compile(rf"[{_SPACES}]*(?P<word>[^\W\d]\w*)")
_DURATION_WORDS: Final = {spelled: unit for unit in (*FIXED, *CALENDAR) for spelled in (unit, unit + "s")}
_MULTIPLES: Final = {"k": 1_000, "M": 1_000_000}
_LETTERS: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_CURRENCY_SIGNS: Final = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "CLP", "COP", "ARS"),
    "€": ("EUR",),
    "£": ("GBP", "EGP"),
    "¥": ("JPY", "CNY"),
    "₹": ("INR",),
}
_ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}

_LOOK_ALIKES: Final = dict(
    zip(
        # Cyrillic, Greek, dotless i, and strokes of East Asian scripts that look like an ASCII character
        "аеорсухіјѕԁһԛԝѵѡӏкАВЕКМНОРСТУХІЈЅԌԚԜҮҺ" + "αοινρυχκΑΒΕΖΗΙΚΜΝΟΡΤΥΧϳ" + "ı" + "一ー丨ㅣㅡノ〇",
        "aeopcyxijsdhqwvwlkABEKMHOPCTYXIJSGQWYh" + "aoivpuxkABEZHIKMNOPTYXj" + "i" + "--ll-/0",
        strict=True,
    )
)
_SCRIPTS: Final = ("LATIN", "GREEK", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC", "KATAKANA-HIRAGANA")


def place(text: str, offset: int) -> tuple[int, int]:
    r"""Line and column, from 1, of a character of the author's text.

    >>> place("a and\nb", 6)
    (2, 1)
    """
    lines = (text[:offset] + "x").splitlines()
    return len(lines), len(lines[-1])


def error_at(  # what and where, in the order of the sentence it makes
    text: str, start: int, end: int, message: str, hint: str = "", code: str = "bad-expression"
) -> ExpressionError:
    """The error that points at a stretch of the author's text."""
    line, column = place(text, start)
    return ExpressionError(message, text=text, line=line, column=column, width=end - start, hint=hint, code=code)


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
    return _Scanner(text, currency).run()


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


class _Scanner:
    """One pass over one text."""

    def __init__(self, text: str, currency: str) -> None:
        self.text = text
        self.currency = currency
        self.found: list[Token] = []
        self.brackets = 0

    def run(self) -> tuple[Token, ...]:
        text, at, size = self.text, 0, len(self.text)
        if not text.isprintable():
            self.refuse_invisible()
        while at < size:
            match = _MASTER.match(text, at)
            if match is None:
                raise self.unexpected(at)
            kind, end = match.lastgroup, match.end()
            if kind == "space":
                at = end
                continue
            if len(self.found) == MAX_TOKENS:
                raise self.error(at, size, f"an expression has at most {MAX_TOKENS} words", "define a part of it as a name")
            if kind == "op":
                self.operator(match.group(), at, end)
                at = end
            elif kind == "name":
                at = self.name(match.group(), at, end)
            elif kind == "number":
                at = self.number(match.group(), at, at, end)
            elif kind == "text":
                at = self.quoted(at, end)
            elif kind == "label":
                at = self.label(at, end)
            elif kind == "money":
                at = self.money(at, end)
            else:
                raise self.mistyped(match.group(), at)
        self.found.append(Token("end", "", size, size))
        return tuple(self.found)

    def error(self, start: int, end: int, message: str, hint: str = "") -> ExpressionError:
        return error_at(self.text, start, end, message, hint)

    def add(self, kind: TokenKind, text: str, start: int, end: int) -> None:
        self.found.append(Token(kind, text, start, end))

    def refuse_invisible(self) -> None:
        for at, ch in enumerate(self.text):
            if not ch.isprintable() and ch not in "\t\r\n" and unicodedata.category(ch) != "Zs":
                other = "a surrogate" if "\ud800" <= ch <= "\udfff" else "a control character"
                message = f"U+{ord(ch):04X} ({unicodedata.name(ch, other).lower()}) has no place in an expression"
                raise self.error(at, at + 1, message, "it cannot be seen: type the text anew")

    def unexpected(self, at: int) -> ExpressionError:
        ch = self.text[at]
        if ch == ".":
            hint = "a name that holds a dot is written in backticks" if self.found else ""
            return self.error(at, at + 1, "an expression reads no attributes", hint)
        if ch in "\"'`":
            what, mark = ("label", "a backtick") if ch == "`" else ("text", "the same quote")
            return self.error(at, at + 1, f"the {what} opened here is not closed on its line", f"close it with {mark}")
        return self.mistyped(ch, at)

    def mistyped(self, written: str, at: int) -> ExpressionError:
        end = at + len(written)
        if written == "%" and self.found and self.found[-1].kind == "name" and self.found[-1].end == at:
            name = self.found[-1]
            return self.error(name.start, end, f"`{name.text}%` is read as a division's remainder", f"write the label in backticks: `` `{name.text}%` ``")
        if unicodedata.category(written[0]) == "Mn":
            meant, start, stop = habits.composed(self.text, at)
            if meant:
                return self.error(start, stop, f"`{_short(meant)}` is written with its letters and their marks apart", f"did you mean `{meant}`?")
            return self.error(at, end, f"the combining mark U+{ord(written[0]):04X} has no place in an expression", "type the letter and its mark as one")
        before = self.found[-1] if self.found else None
        if written == "=" and before is not None and before.kind == "op":
            both = f"`{self.text[before.start : end]}` is not part of the language"
            if before.text in ("<", ">"):
                return self.error(before.start, end, both, f"write `{before.text}=` as one")
            if before.text in ("<=", ">=", "==", "!=") and before.end == at:
                return self.error(before.start, end, both, f"write `{before.text}`")
        if written == "|" and self.wants_value() and "|" in self.text[end:]:
            end = self.text.index("|", end) + 1
            inner = self.text[at + 1 : end - 1].strip()
            return self.error(at, end, f"`{_short(self.text[at:end])}` is not part of the language", f"write `abs({_short(inner) or 'x'})`")
        if written == "!" and self.text[end:].lstrip().startswith("="):
            end = self.text.index("=", end) + 1
            return self.error(at, end, f"`{self.text[at:end]}` is not part of the language", "write `!=` as one")
        if written == "=" and self.text[end : end + 1] == "=":
            end += 1
        return self.error(at, end, f"`{written}` is not part of the language", self.instead(written, end))

    def instead(self, written: str, end: int) -> str:
        """What to write for something that is not of the language, by what stands beside it."""
        before = self.found[-1] if self.found else None
        if written == "=" and before is None:
            return "an expression begins without `=`"
        if written == "=" and before is not None and before.text == "in":
            return "leave it out"
        if written == "=" and _RANGE_FOLLOWS.match(self.text, end):
            return "write `in`: what follows is a range"
        if written == ";" and self.brackets > 0:
            return "values are separated by commas"
        if written == ":" and before is not None and before.kind == "number" and self.text[end : end + 1].isdigit() and self.brackets <= 0:
            return "a duration is written as in `24h`"
        plain = habits.plain_character(written)
        return _MISTYPED.get(written, "") or (f"write `{plain}`" if plain else "")

    def wants_value(self) -> bool:
        """Whether a value begins here, and not an operator."""
        before = self.found[-1] if self.found else None
        return (
            before is None or (before.kind == "op" and before.text not in (")", "]", "}")) or (before.kind == "word" and before.text not in ("true", "false"))
        )

    def operator(self, written: str, at: int, end: int) -> None:
        canonical = _TYPOGRAPHIC.get(written, written)
        if canonical == "-" and self.is_comment(at, end):
            raise self.error(at - 1, len(self.text), "an expression holds no comments", "leave it out; a minus before a minus is written `- -x`")
        if written == "–" and self.is_range(at, end):
            low = self.found[-1]
            high = re.compile(r"[0-9][0-9_.]*%?").match(self.text, end)
            stop = high.end() if high else end
            hint = f"write `in [{_short(low.text)}, {_short(self.text[end:stop])}]`, or `-` for a minus"
            raise self.error(low.start, stop, "a dash between two numbers is a range here", hint)
        if canonical == "not in":
            self.add("word", "not", at, end)
            self.add("word", "in", at, end)
        elif canonical.isalpha():
            self.add("word", canonical, at, end)
        else:
            opens = canonical in "([{" or (canonical == "]" and self.found and self.found[-1].text == "in")  # `in ]1, 2[`, which is refused
            self.brackets += 1 if opens else -(canonical in ")]}")
            self.add("op", canonical, at, end)

    def is_comment(self, at: int, end: int) -> bool:
        """Whether two minuses open a comment, as in SQL: apart from the value before, and before a word."""
        if not self.text.startswith("-", at - 1) or at < 2 or self.text[at - 2] not in " \t\r\n" or len(self.found) < 2:
            return False
        binary = self.found[-2].kind in ("number", "name", "label", "text") or self.found[-2].text in (")", "]", "}", "true", "false")
        word = _UNIT_WORD.match(self.text, end)
        return binary and word is not None and word["word"] not in _WORDS

    def is_range(self, at: int, end: int) -> bool:
        before = self.found[-1] if self.found else None
        return before is not None and before.kind == "number" and before.end == at and self.text[end : end + 1].isdigit()

    # names

    def name(self, written: str, at: int, end: int) -> int:
        following = self.text[end : end + 1]
        if written == "P" and following == "(":
            return self.probability(at, end)
        if following in ("'", '"') and following:
            raise self.error(at, end, f"a text has no prefix `{written}`", "write the quotes alone")
        word = _WORDS.get(written)
        if word is not None:
            self.add("word", word, at, end)
            return end
        if written.lower() == "is":
            self.refuse_is(written, at, end)
        if written in _PYTHON_WORDS:
            hint = _NOT_THE_LANGUAGE.get(written, "")
            if written in habits.NOT_VALUES and self.found and self.found[-1].text == "!=":
                hint = "write `not is_missing(x)`"
            raise self.error(at, end, f"`{written}` is not part of the language", hint)
        if not written.isascii():
            self.refuse_disguise(written, at, end)
        self.add("name", written, at, end)
        return end

    def refuse_is(self, written: str, at: int, end: int) -> None:
        """`x is null`, `x is not null`, `x is not 3`; `IS` alone may be a name."""
        if self.wants_value() or (written == "is" and _COMPARES.match(self.text, end)):
            if written == "is":
                raise self.error(at, end, "`is` is not part of the language", "leave it out")
            return
        hint, stop = habits.missing(self.text, at)
        negated = re.compile(r"\s+not(?!\w)", re.IGNORECASE).match(self.text, end)
        if not hint and negated:
            hint, stop = "write `!=`", negated.end()
        if [token.kind for token in self.found[-2:]] == ["name", "name"]:
            hint = "a name of several words stands in backticks"
        if hint:
            raise self.error(at, stop, f"`{' '.join(self.text[at:stop].split())}` is not part of the language", hint)

    def refuse_disguise(self, written: str, at: int, end: int) -> None:
        normal = unicodedata.normalize("NFKC", written)
        if normal != written:
            power = next((ch for ch in written if ch in "²³⁴⁵⁶⁷⁸"), "")
            known = habits.CHARACTERS.get(written, "")
            hint = f"write `** {unicodedata.digit(power)}`" if power else f"did you mean `{normal}`?" if normal.isidentifier() else known
            raise self.error(at, end, f"`{written}` is not written in plain letters", hint)
        plain = "".join(_LOOK_ALIKES.get(ch, ch) for ch in written)
        latin = any(ch.isascii() and ch.isalpha() for ch in written)
        if plain != written and (latin or plain.isascii()):
            odd = next(ch for ch in written if ch in _LOOK_ALIKES)
            message = f"`{written}` holds U+{ord(odd):04X}, which only looks like `{_LOOK_ALIKES[odd]}`"
            raise self.error(at, end, message, f"did you mean `{plain}`?")
        for ch in written:
            if not ch.isascii() and not (ch.isalpha() and _plain_letter(ch)):
                message = f"`{written}` holds U+{ord(ch):04X}, which a name may not"
                raise self.error(at, end, message, "write such a name as a label, in backticks")

    def probability(self, at: int, end: int) -> int:
        """`P(Route<2m)`: one name, up to the parenthesis that closes it."""
        depth = 0
        for position in range(end, len(self.text)):
            depth += (self.text[position] == "(") - (self.text[position] == ")")
            if self.text[position] == "`":
                raise self.error(position, position + 1, "a label holds no backtick", "write for example `P(Route<2m)`")
            if depth == 0:
                label = "".join(self.text[at : position + 1].split())
                if label == "P()":
                    raise self.error(at, position + 1, "the label is empty", "write for example `P(Route<2m)`")
                self.add("label", label, at, position + 1)
                return position + 1
        raise self.error(at, end + 1, "the label opened here is not closed", "write for example `P(Route<2m)`")

    def label(self, at: int, end: int) -> int:
        label = " ".join(self.text[at + 1 : end - 1].split())
        if not label:
            raise self.error(at, end, "the label is empty", "write the label of a metric between the backticks")
        self.add("label", label, at, end)
        return end

    def quoted(self, at: int, end: int) -> int:
        if self.found and self.found[-1].kind == "text":
            raise self.error(at, end, "two texts stand side by side", "put a comma or an operator between them")
        content, position = [], at + 1
        while position < end - 1:
            ch = self.text[position]
            if ch == "\\":
                position += 1
                if self.text[position] not in _ESCAPES:
                    known = "`\\\\`, `\\\"`, `\\'`, `\\n` and `\\t`"
                    raise self.error(position - 1, position + 1, f"`\\{self.text[position]}` is no escape", f"the escapes are {known}")
                ch = _ESCAPES[self.text[position]]
            content.append(ch)
            position += 1
        self.add("text", "".join(content), at, end)
        return end

    # numbers

    def number(self, written: str, start: int, at: int, end: int) -> int:
        """A number with whatever is written onto it; `start` is where its token begins (a currency sign may precede)."""
        compound = _COMPOUND.match(self.text, at)
        if compound:
            return self.compound(compound.group(), at, compound.end())
        self.refuse_date(at)
        self.refuse_comma(at, end)
        self.refuse_groups(at)
        value = self.exact(written, at, end)
        suffix = _SUFFIX.match(self.text, end)
        if suffix:
            letter = suffix.group()
            unit = PP if letter == "pp" else Unit(((_LETTERS[letter], 1),))
            return self.literal(value / 100 if letter == "pp" else value, unit, start, suffix.end())
        points, stop = habits.points(self.text, end, written)
        if points:
            raise self.error(start, stop, f"`{_short(self.text[start:stop])}` is not a number", f"write `{points}`")
        per_cent = _PER_CENT.match(self.text, end)
        if per_cent:
            return self.literal(value / 100, PERCENT, start, per_cent.end())
        word = _UNIT_WORD.match(self.text, end)
        if word:
            return self.with_word(value, word["word"], start, word.start("word"), end)
        if self.text[end : end + 1] in _CURRENCY_SIGNS:
            sign = self.text[end]
            raise self.error(start, end + 1, "the sign of a currency stands before the number", f"write `{sign}{written}`")
        if self.text[end : end + 1] == ".":
            raise self.error(start, end + 1, f"`{written}.` is not a number" if "." in written else "an expression reads no attributes")
        return self.literal(value, None, start, end)

    def exact(self, written: str, at: int, end: int) -> Fraction:
        found = _NUMBER.match(written)
        if found is None:
            span = re.compile(r"\.+([0-9][0-9_.]*)").match(self.text, end)
            if span and written.endswith("."):
                ends = f"{written[:-1]}, {span.group(1)}"
                hint = f"write `{ends}`" if self.brackets > 0 else f"write `in [{ends}]`"
                raise self.error(at, span.end(), "two dots between two numbers are a range here", hint)
            hint = f"write `{written}0`" if written.endswith(".") else "write for example `0.5`, `1_000` or `1e-6`"
            raise self.error(at, end, f"`{_short(written)}` is not a number", hint)
        digits = written.replace("_", "")
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            raise self.error(at, end, f"`{_short(written)}` begins with a needless 0", "write the number without it, and without a comma before")
        if len(found["exponent"] or "") > _LONGEST_EXPONENT:
            raise self.error(at, end, f"`{_short(written)}` is beyond what a number can hold")
        value = Fraction(int(digits) if digits.isdigit() else digits)
        if not holdable(value):
            raise self.error(at, end, f"`{_short(written)}` is beyond what a number can hold")
        if value > 2**53 and digits.isdigit() and Fraction(float(value)) != value:
            message = f"the integer `{_short(written)}` is beyond 2**53 and cannot be held exactly"
            raise self.error(at, end, message, "write it in a larger unit")
        return value

    def literal(self, value: Fraction, unit: Unit | None, start: int, end: int) -> int:
        if not holdable(value):
            raise self.error(start, end, f"`{_short(self.text[start:end])}` is beyond what a number can hold")
        following = self.text[end : end + 1]
        if following.isalnum() or following == "_":
            raise self.error(start, end + 1, f"`{_short(self.text[start : end + 1])}` is not a number", "put an operator between the number and the name")
        self.found.append(Token("number", self.text[start:end], start, end, value, unit))
        return end

    def refuse_comma(self, at: int, end: int, sign: str = "") -> None:
        if self.text[end : end + 1] != "," or not self.text[end + 1 : end + 2].isdigit():
            return
        grouped = _THOUSANDS.match(self.text, at)
        start = self.text.rindex(sign, 0, at) if sign else at
        if grouped:
            plain = sign + grouped.group().replace(",", "_")
            hint = f"write `{plain}`" + (", or put a space after the comma between two numbers" if self.brackets > 0 else "")
            raise self.error(start, grouped.end(), f"`{_short(self.text[start : grouped.end()])}` holds a comma", hint)
        if self.brackets <= 0:
            rest = re.compile(r"[0-9]+").match(self.text, end + 1)
            stop = rest.end() if rest else end + 1
            whole, _, part = self.text[at:stop].rpartition(",")
            point = _short(f"{sign}{whole.replace('.', '_')}.{part}")
            raise self.error(start, stop, f"`{_short(self.text[start:stop])}` holds a comma", f"write `{point}`")

    def refuse_groups(self, at: int, sign: str = "") -> None:
        grouped, plain = habits.grouped(self.text, at)
        if grouped:
            held = "an apostrophe" if grouped.strip("0123456789.,")[0] in "'’" else "a space"
            start = self.text.rindex(sign, 0, at) if sign else at
            raise self.error(start, at + len(grouped), f"`{_short(self.text[start : at + len(grouped)])}` holds {held}", f"write `{sign}{_short(plain)}`")

    def refuse_date(self, at: int) -> None:
        date = habits.date_like(self.text, at)
        if date and not (self.found and self.found[-1].kind == "op" and self.found[-1].text in ("-", "/")):
            hint = "compare two inputs, or a number of days"
            raise self.error(at, at + len(date), f"`{date}` is a date, and an expression holds none", hint)

    def compound(self, written: str, at: int, end: int) -> int:
        parts = re.findall(r"([0-9]+)([wdhms])", written)
        sizes = [FIXED[_LETTERS[letter]] for _, letter in parts]
        if any(later >= earlier for earlier, later in pairwise(sizes)):
            raise self.error(at, end, f"the parts of `{_short(written)}` do not go from large to small", "write for example `1h30m`")
        seconds = sum((Fraction(digits) * size for (digits, _), size in zip(parts, sizes, strict=True)), Fraction(0))
        return self.literal(seconds / sizes[-1], Unit(((_LETTERS[parts[-1][1]], 1),)), at, end)

    def with_word(self, value: Fraction, word: str, start: int, word_at: int, end: int) -> int:
        """A number followed by a word: `0.5 months`, `2 pp`, `3 CHF`, or a mistake with a hint of its own."""
        word_end = word_at + len(word)
        if word in _DURATION_WORDS:
            return self.literal(value, Unit(((_DURATION_WORDS[word], 1),)), start, word_end)
        if word == "pp":
            return self.literal(value / 100, PP, start, word_end)
        if word in CURRENCIES:
            self.same_currency(word, start, word_end)
            return self.literal(value, Unit(((word, 1),)), start, word_end)
        if word in _WORDS and word_at > end:
            return self.literal(value, None, start, end)
        written = " ".join(self.text[start:word_end].split())
        if word_at > end and self.begins_condition(self.text[start:end], end, word, word_at):
            return self.literal(value, None, start, end)
        habit = habits.INSTEAD_OF_WORD.get(word.lower(), "") if word_at > end else ""
        if habit:
            raise self.error(word_at, word_end, f"`{_short(word)}` is not part of the language", habit)
        hint = self.fastened(value, word, end) if word_at == end else ""
        raise self.error(start, word_end, f"`{_short(written)}` is not a number", hint or self.measured(value, self.text[start:end], word, apart=word_at > end))

    def fastened(self, value: Fraction, word: str, end: int) -> str:
        """What is written for letters that stand right behind a number and are no unit."""
        if re.match(r"[wdhms][0-9]", word):
            return "write for example `1h30m`"
        if value == 0 and self.text[end - 1] == "0" and word[0] in "xXoObB":
            return "write it in decimal digits"
        return "write for example `1e-6`" if word in ("e", "E") else ""

    def measured(self, value: Fraction, plain: str, word: str, *, apart: bool) -> str:
        """What is written for a number and a word of a unit as people write it."""
        if word in ("k", "K", "M"):
            letter = "M" if word == "M" else "k"
            return f"write `{_grouped(value * _MULTIPLES[letter])}`; `k` and `M` belong to money, as in `${plain}{letter}`"
        if apart and len(word) > 1 and habits.multiple(word):
            return f"write `{_grouped(value * habits.multiple(word))}`"
        measure = habits.measure(plain, word)
        if measure or word.lower() in _DURATION_WORDS:
            return f"write `{measure or f'{plain} {word.lower()}'}`"
        return nearest(word, _DURATION_WORDS, cutoff=0.7) or (f"put an operator between `{plain}` and `{word}`" if apart else f"write `{plain} * {word}`")

    def begins_condition(self, plain: str, end: int, word: str, word_at: int) -> bool:
        """Whether a word behind a number is the name with which another condition begins, the word between the two lacking."""
        if "\n" in self.text[end:word_at]:
            return True
        since = takewhile(lambda token: token.text not in ("and", "or"), reversed(self.found))
        compares = any(token.text in ("<", "<=", ">", ">=", "==", "!=", "in") for token in since)
        measure = len(word) > 1 and habits.measure(plain, word)
        return compares and not measure and bool(_COMPARES.match(self.text, word_at + len(word)))

    def money(self, at: int, end: int) -> int:
        sign = self.text[at]
        digits = re.compile(rf"[{_SPACES}]?(?P<number>[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)").match(self.text, end)
        if digits is None:
            hint = f"the minus stands before the sign: `-{sign}3`" if self.text[end : end + 1] in ("-", "−") else f"write for example `{sign}3`"
            raise self.error(at, end, f"a number must follow `{sign}`", hint)
        written, number_at, end = digits["number"], digits.start("number"), digits.end()
        code = self.currency if self.currency in _CURRENCY_SIGNS[sign] else _CURRENCY_SIGNS[sign][0]
        self.same_currency(code, at, end)
        self.refuse_comma(number_at, end, sign)
        self.refuse_groups(number_at, sign)
        value = self.exact(written, number_at, end)
        word = re.compile(r"\w+").match(self.text, end)
        if word:
            suffix = word.group()
            if suffix == "m":
                message = f"`{sign}{written}m` can be read as a million or as a thousand"
                raise self.error(at, word.end(), message, f"a million is `{sign}{written}M`, a thousand `{sign}{written}k`")
            if suffix.lower() in ("b", "bn", "mm", "mn", "mio", "k"):
                larger = f"{written}_000M" if suffix.lower() in ("b", "bn") else f"{written}{'k' if suffix in 'kK' else 'M'}"
                if suffix != "k":
                    raise self.error(at, word.end(), f"`{_short(self.text[at : word.end()])}` is not an amount of money", f"write `{sign}{_short(larger)}`")
            if suffix not in ("k", "M"):
                hint = f"a thousand is `{sign}{_short(written)}k`, a million `{sign}{_short(written)}M`"
                raise self.error(at, word.end(), f"`{_short(self.text[at : word.end()])}` is not an amount of money", hint)
            value *= _MULTIPLES[suffix]
            end = word.end()
        else:
            self.refuse_multiple(sign, value, at, end)
        if self.text[end : end + 1] in ("%", "."):
            raise self.error(at, end + 1, f"`{_short(self.text[at : end + 1])}` is not an amount of money")
        return self.literal(value, Unit(((code, 1),)), at, end)

    def refuse_multiple(self, sign: str, value: Fraction, at: int, end: int) -> None:
        """`$3 million`: the multiple of an amount is a letter, without a space."""
        apart = _MULTIPLE.match(self.text, end)
        if apart and habits.multiple(apart["word"]) and not _COMPARES.match(self.text, apart.end()):
            value *= habits.multiple(apart["word"])
            amount = next((f"{_grouped(value / size)}{letter}" for letter, size in (("M", 10**6), ("k", 10**3)) if value >= size), "")
            raise self.error(
                at, apart.end(), f"`{_short(self.text[at : apart.end()])}` is not an amount of money", f"write `{sign}{amount or _grouped(value)}`"
            )

    def same_currency(self, code: str, at: int, end: int) -> None:
        if code != self.currency:
            hint = f"convert it and write it in {self.currency}"
            raise self.error(at, end, f"`{_short(self.text[at:end])}` is in {code}, but the rule book's money is in {self.currency}", hint)


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


def holdable(value: Fraction) -> bool:
    """Whether float64 holds a number to its full precision: not infinite, and not subnormal, where rounding is no longer relative."""
    try:
        return not value or abs(float(value)) > 2.3e-308
    except OverflowError:
        return False


def _plain_letter(ch: str) -> bool:
    """A letter of a script whose words cannot pass for ASCII ones: not phonetic, right-to-left or mathematical letters."""
    script = unicodedata.name(ch, "").split(" ")[0]
    if script == "LATIN":
        return ch <= "\u017f" or "\u0218" <= ch <= "\u021b"
    return script in _SCRIPTS and not ("\u0460" <= ch <= "\u052f" and ch not in "Ґґ")


def _grouped(value: Fraction) -> str:
    """A number as it is written in an expression, its thousands apart."""
    return f"{int(value):_}" if value.denominator == 1 else f"{float(value):_}"


def _short(written: str) -> str:
    return written if len(written) <= 40 else written[:37] + "…"
