"""What people write out of habit, from spreadsheets, SQL and other languages, and what this language writes instead. Hints only: nothing of it is read."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Final

__all__ = ["CHARACTERS", "INSTEAD_OF_CALL", "INSTEAD_OF_WORD", "NOT_VALUES", "date_like", "grouped", "measure", "plain_character"]

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
_OVER_ROWS: Final = "what is taken over rows is a metric's measure"
_EXACT: Final = "nothing is rounded here: compare with a margin, as in `x in target ± 0.5`"
_NO_DATES: Final = "an expression holds no dates: compare two inputs, or a number of days"

INSTEAD_OF_CALL: Final = {
    **dict.fromkeys(("isnull", "isblank", "is_null", "isna", "isnan", "is_na", "is_nan", "is_none", "ismissing", "isempty", "empty"), _MISSING),
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
    "is": _MISSING,
    "isnull": _MISSING,
    "notnull": "write `not is_missing(x)`",
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
_BASIS_POINTS: Final = ("bp", "bps")
_SEPARATED: Final = re.compile(r"[1-9][0-9]{0,2}(?:[ \u00a0\u2009\u202f'’][0-9]{3})+(?![0-9_])(?:[.,][0-9]+)?")
_SEPARATOR: Final = re.compile(r"[ \u00a0\u2009\u202f'’]")
_DATE: Final = re.compile(r"(?:[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2[0-9]{4})(?![0-9])")


def measure(number: str, word: str) -> str:
    """A number with a word after it, as this language writes the two; nothing for a word that measures nothing.

    >>> measure("24", "hrs"), measure("5", "bps"), measure("3", "mo"), measure("5", "seats")
    ('24h', '0.05pp', '3 months', '')
    """
    lower = word.lower()
    if lower in _BASIS_POINTS:
        try:
            points = Fraction(number.replace("_", "")) / 100
        except ValueError:
            return ""
        return f"{float(points):g}pp"
    written = f"{number}{_LONG[lower]}" if lower in _LONG else ""
    return written.removesuffix("s") if written.startswith("1 ") else written


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
