"""What people write out of habit, from spreadsheets, SQL and other languages, and what this language writes instead. Hints only: nothing of it is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

__all__ = [
    "CHARACTERS",
    "INSTEAD_OF_CALL",
    "INSTEAD_OF_WORD",
    "NOT_VALUES",
    "apart",
    "composed",
    "date_like",
    "grouped",
    "measure",
    "missing",
    "multiple",
    "plain_character",
    "points",
]

_QUOTE: Final = 'write straight quotes: `"won"`'

CHARACTERS: Final = {
    **dict.fromkeys("“”„‟«»″", _QUOTE),
    **dict.fromkeys("‘’‚‛‹›′´", "write straight quotes: `'won'`"),
    "≦": "write `<=`",
    "≧": "write `>=`",
    "≪": "write `<`",
    "≫": "write `>`",
    "⁄": "write `/`",
    "∶": "write `/`",
    "∗": "write `*`",
    "✕": "write `*`",
    "✖": "write `*`",
    "•": "write `*`",
    "—": "a minus is `-`",
    "―": "a minus is `-`",
    "≈": "write `x in target ± 3`",
    "≃": "write `x in target ± 3`",
    "∼": "write `x in target ± 3`",
    "≡": "write `==`",
    "⇒": "write `a if condition else b`",
    "→": "a name that holds it is written in backticks",
    "∞": "leave the bound out, as in `x >= 3`",
    "√": "write the square on the other side, as in `x > y ** 2`",
    "∑": "a sum over rows is a metric's measure",
    "∆": "a name that holds it is written in backticks",
    "½": "write `0.5`",
    "¼": "write `0.25`",
    "¾": "write `0.75`",
    "‰": "write `0.1%` for one in a thousand",
    "…": "write `in [low, high]`",
    "＝": "write `==`",
    "！": "write `not`",
}
"""Characters that are not of the language, and what to write for each."""

_COALESCE: Final = "write `coalesce(x, fallback)`; a division by zero is unknown already"
_CHOICE: Final = "write `a if condition else b`"
_MISSING: Final = "write `is_missing(x)`"
_KNOWN: Final = "write `not is_missing(x)`"
_OVER_ROWS: Final = "what is taken over rows is a metric's measure"
_EXACT: Final = "nothing is rounded here: compare with a margin, as in `x in target ± 0.5`"
_NO_DATES: Final = "an expression holds no dates: compare two inputs, or a number of days"

INSTEAD_OF_CALL: Final = {
    **dict.fromkeys(("isnull", "isblank", "is_null", "isna", "isnan", "is_na", "is_nan", "is_none", "ismissing", "isempty", "empty"), _MISSING),
    **dict.fromkeys(("isnotnull", "is_not_null", "notnull", "notna", "isnotna", "isnotblank", "isnotempty"), _KNOWN),
    **dict.fromkeys(("if", "iif", "ifs", "switch", "case", "choose"), _CHOICE),
    **dict.fromkeys(("iferror", "ifna", "ifnull", "nvl", "nullif", "nullifzero", "zeroifnull", "fillna", "default"), _COALESCE),
    "and": "write `a and b`",
    "or": "write `a or b`",
    "sum": "write `a + b`; " + _OVER_ROWS,
    **dict.fromkeys(("average", "avg", "mean", "count", "countif", "sumif", "averageif", "median", "stdev", "percentile"), _OVER_ROWS),
    **dict.fromkeys(("round", "rounddown", "roundup", "floor", "ceiling", "ceil", "int", "trunc"), _EXACT),
    **dict.fromkeys(("pow", "power", "square"), "write `x ** 2`"),
    "sqrt": "write the square on the other side, as in `x > y ** 2`",
    "mod": "there is no remainder",
    **dict.fromkeys(("greatest", "largest"), "write `max(a, b)`"),
    **dict.fromkeys(("least", "smallest"), "write `min(a, b)`"),
    **dict.fromkeys(("clamp", "bound", "limit"), "write `clip(x, low, high)`"),
    "between": "write `x in [low, high]`",
    **dict.fromkeys(("contains", "startswith", "endswith", "like", "search", "find"), 'a text is compared whole: `stage in {"won", "lost"}`'),
    **dict.fromkeys(("date", "today", "now", "datediff", "days", "edate"), _NO_DATES),
    **dict.fromkeys(("prop", "metric", "measure", "field", "col", "column"), "a metric is written by its name, or by its label in backticks"),
    "p": "a label such as `P(Route<2m)` has no space before its parenthesis",
}
"""Functions of other languages, in lower case."""

INSTEAD_OF_WORD: Final = {
    "between": "write `x in [low, high]`",
    "is": "write `==`",
    "isnull": _MISSING,
    "notnull": _KNOWN,
    **dict.fromkeys(("like", "ilike", "contains", "matches", "startswith", "endswith"), 'a text is compared whole: `stage in {"won", "lost"}`'),
    **dict.fromkeys(("equals", "eq", "equal"), "write `==`"),
    "ne": "write `!=`",
    **dict.fromkeys(("gt", "greater", "above", "over", "exceeds"), "write `>`"),
    **dict.fromkeys(("lt", "less", "below", "under"), "write `<`"),
    **dict.fromkeys(("ge", "gte", "atleast"), "write `>=`"),
    **dict.fromkeys(("le", "lte", "atmost"), "write `<=`"),
    **dict.fromkeys(("mod", "rem"), "there is no remainder"),
    "div": "write `/`",
    "xor": "write `!=` between two conditions",
    **dict.fromkeys(("then", "when", "case", "end", "elif", "elseif", "unless", "where"), _CHOICE),
    "and": "write `and`",
    "or": "write `or`",
    "not": "write `not`",
    "in": "write `in`",
    "to": "write `in [low, high]`",
    "plus": "write `+`",
    "minus": "write `-`",
    "times": "write `*`",
}
"""Words that stand where an operator is wanted, in lower case."""

_NOTHING: Final = "write `is_missing(x)`, or `coalesce(x, 0)`"
_UNBOUNDED: Final = "leave the bound out, as in `x >= 3`"

NOT_VALUES: Final = {
    **dict.fromkeys(("None", "none", "NONE", "null", "Null", "NULL", "nil", "undefined", "NaN", "nan", "NAN", "NaT"), _NOTHING),
    **dict.fromkeys(("inf", "Inf", "INF", "Infinity", "infinity"), _UNBOUNDED),
}
"""Names of other languages for what is not there or has no bound: read as names of inputs, they would leave every answer unknown."""

_LONG: Final = {
    **dict.fromkeys(("s", "sec", "secs"), "s"),
    **dict.fromkeys(("m", "min", "mins"), "m"),
    **dict.fromkeys(("h", "hr", "hrs"), "h"),
    "d": "d",
    **dict.fromkeys(("w", "wk", "wks"), "w"),
    **dict.fromkeys(("mo", "mos", "mth", "mths"), " months"),
    **dict.fromkeys(("q", "qtr", "qtrs"), " quarters"),
    **dict.fromkeys(("y", "yr", "yrs"), " years"),
    **dict.fromkeys(("percent", "pct", "percents"), "%"),
    **dict.fromkeys(("pts", "points", "ppt", "ppts", "p.p"), "pp"),
}
_PARTS: Final = {**dict.fromkeys(("bp", "bps"), (100, "pp")), **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), (1000, "s"))}
_SIGNS: Final = {
    **dict.fromkeys(("dollar", "dollars", "bucks"), "$"),
    **dict.fromkeys(("euro", "euros"), "€"),
    **dict.fromkeys(("pound", "pounds"), "£"),
    **dict.fromkeys(("rupee", "rupees"), "₹"),
    "yen": "¥",
}
_COMMON: Final = ("USD", "EUR", "GBP", "JPY", "INR", "CAD", "AUD", "CHF")
_MULTIPLES: Final = {
    **dict.fromkeys(("k", "thousand", "thousands"), 10**3),
    **dict.fromkeys(("m", "mm", "mn", "mio", "million", "millions"), 10**6),
    **dict.fromkeys(("b", "bn", "billion", "billions"), 10**9),
}
_POINTS: Final = re.compile(r"[ \t\u00a0]*(?:(?P<basis>basis)[ -]?points?|(?:%|per[ ]?cent(?:age)?)[ -]?(?:points?|pts?)|%p|p\.[ ]?p\.?)(?!\w)", re.IGNORECASE)
_BETWEEN: Final = " \t\u00a0-–_/.&"
_NULL: Final = re.compile(r"is\s+(?P<negated>not\s+)?(?:null|none|nil|nan|na|missing|empty|blank|undefined|unknown)(?!\w)", re.IGNORECASE)
_SEPARATED: Final = re.compile(r"[1-9][0-9]{0,2}(?:[ \u00a0\u2009\u202f'’][0-9]{3})+(?![0-9_])(?:[.,][0-9]+)?")
_SEPARATOR: Final = re.compile(r"[ \u00a0\u2009\u202f'’]")
_DATE: Final = re.compile(r"(?:[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2[0-9]{4})(?![0-9])")


def measure(number: str, word: str) -> str:
    """A number with a word after it, as this language writes the two; nothing for a word that measures nothing.

    >>> measure("24", "hrs"), measure("5", "bps"), measure("3", "mo"), measure("3", "dollars"), measure("5", "seats")
    ('24h', '0.05pp', '3 months', '$3', '')
    """
    lower = word.lower()
    if lower in _PARTS:
        parts, unit = _PARTS[lower]
        try:
            return f"{float(Fraction(number.replace('_', '')) / parts):g}{unit}"
        except ValueError:
            return ""
    if lower in _SIGNS:
        return f"{_SIGNS[lower]}{number}"
    if word.upper() in _COMMON:
        return f"{number} {word.upper()}"
    written = f"{number}{_LONG[lower]}" if lower in _LONG else ""
    return written.removesuffix("s") if written.startswith("1 ") else written


def multiple(word: str) -> int:
    """What a word after a number multiplies it by; 0 for another word.

    >>> multiple("million"), multiple("M"), multiple("m"), multiple("seats")
    (1000000, 1000000, 0, 0)
    """
    return _MULTIPLES.get(word.lower(), 0) if word != "m" else 0


def points(text: str, at: int, number: str) -> tuple[str, int]:
    """How percentage points are written that stand in several words from here, behind a number, and where they end; an empty text where there are none.

    >>> points("5 percentage points", 1, "5"), points("3p.p.", 1, "3"), points("5 per", 1, "5")
    (('5pp', 19), ('3pp', 5), ('', 1))
    """
    found = _POINTS.match(text, at)
    if found is None:
        return "", at
    return measure(number, "bps" if found["basis"] else "pts"), found.end()


def missing(text: str, at: int) -> tuple[str, int]:
    """What is written for `is null` or `is not null` that stands here, and where that ends; an empty text where there is neither.

    >>> missing("x IS NOT NULL", 2), missing("x is null", 2), missing("x is 3", 2)
    (('write `not is_missing(x)`', 13), ('write `is_missing(x)`', 9), ('', 2))
    """
    found = _NULL.match(text, at)
    if found is None:
        return "", at
    return (_KNOWN if found["negated"] else _MISSING), found.end()


def apart(text: str, start: int, end: int, known: Iterable[str]) -> tuple[str, int]:
    """The longest known name or label whose letters and digits stand from here on beyond `end`, in several words, and where it ends.

    >>> apart("Win Rate > 3", 0, 3, ["Win Rate", "win"]), apart("win-rate > 3", 0, 3, ["win_rate"]), apart("win > rate", 0, 3, ["win_rate"])
    (('Win Rate', 8), ('win_rate', 8), ('', 3))
    """
    found = ("", end)
    for name in known:
        at = start
        for ch in filter(str.isalnum, name.casefold()):
            while text[at : at + 1] and (text[at] in _BETWEEN or (text[at] in name and not text[at].isalnum())):
                at += 1
            if text[at : at + 1].casefold() != ch:
                break
            at += 1
        else:
            if at > found[1] and not (text[at : at + 1].isalnum() or text[at : at + 1] == "_"):
                found = (name, at)
    return found


def composed(text: str, at: int) -> tuple[str, int, int]:
    """The name around a combining mark, each letter and its marks as one, and its place; an empty text where no such letters exist.

    >>> composed("cafe\u0301s > 3", 4), composed("x\u0302 > 3", 1)
    (('cafés', 0, 6), ('', 1, 2))
    """
    start, end = at, at + 1
    while start and _in_name(text[start - 1]):
        start -= 1
    while end < len(text) and _in_name(text[end]):
        end += 1
    name = unicodedata.normalize("NFC", text[start:end])
    return (name, start, end) if name.isidentifier() and not any(unicodedata.category(ch)[0] == "M" for ch in name) else ("", at, at + 1)


def _in_name(ch: str) -> bool:
    return ch == "_" or unicodedata.category(ch)[0] in "LMN"


def grouped(text: str, at: int) -> tuple[str, str]:
    """The digits from here that spaces or apostrophes group by thousands, and how they are written; two empty texts where there are none.

    >>> grouped("x > 1 000 000", 4), grouped("x > 1 and", 4)
    (('1 000 000', '1_000_000'), ('', ''))
    """
    found = _SEPARATED.match(text, at)
    if found is None:
        return "", ""
    return found.group(), _SEPARATOR.sub("_", found.group()).replace(",", ".")


def date_like(text: str, at: int) -> str:
    """The date that is written from here; nothing where there is none.

    >>> date_like("2026-10-06", 0), date_like("2026-10", 0)
    ('2026-10-06', '')
    """
    found = _DATE.match(text, at)
    return found.group() if found else ""


def plain_character(ch: str) -> str:
    """The ASCII character that a full-width or otherwise dressed-up one stands for; nothing where there is none.

    >>> plain_character("＞"), plain_character("３"), plain_character("≥")
    ('>', '3', '')
    """
    normal = unicodedata.normalize("NFKC", ch)
    return normal if normal != ch and len(normal) == 1 and normal.isascii() and normal.isprintable() and normal.strip() else ""
