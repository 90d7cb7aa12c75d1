"""Hostile and malformed texts, shared by the tests and the fuzzer: what is pasted, mistyped, disguised, oversized or meant to break out.

`texts` makes one by a seed; `fixed` is the list of those worth trying each time. What must hold of each is in `safety`.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

VALID: Final = (
    "CAC_per_SQO <= baseline * 0.9 and win_rate >= win_rate_baseline + 2pp",
    "E ∈ [−1.0, −0.3] and cm_uplift ≥ $3",
    "x in (a, b] or y not in baseline ± 5%",
    'stage in {"won", "lost"} and not `GM%` < 70%',
    "P(Route < 2m) ≥ 0.98",
    "age < 1h30m or age > 0.5 months * 3",
    "a if is_missing(b) else clip(coalesce(c, 0), -1, 1e-6)",
    "min(a, b, 3) <= max(c, abs(-d)) != 0",
    "1 < a <= b ** 2 < 10",
    "$1.5M / seats >= $10k and flag",
    "¬(a ∧ b ∨ c) == True",
    "s == 'it\\'s \"so\"\\n'",
    "naïve_größe > 0 and ΔE < 1",
    "a in {1, -2, 5%} and b in a ± 3",
)
"""Texts of the language, to be spoilt."""

_BREAKOUTS: Final = (
    *("().__class__.__bases__[0].__subclasses__()", "a.__class__", "a.b", "a[0]", "a['b']", "a[:]", "''.join(a)", "getattr(a, 'b')", "eval('1')"),
    *("__import__('os').system('id')", "exec('a=1')", "open('/etc/passwd')", "globals()", "(lambda: 0)()", "lambda x: x", "[x for x in a]", "{x: 1}"),
    *("(x for x in a)", "{x for x in a}", "a := 3", "(a := 3)", "a = 3", "a == 3; b", "import os", "from os import path", "def f(): pass", "yield a"),
    *("await a", "async", "assert a", "raise a", "return a", "del a", "pass", "break", "global a", "class A: pass", "with a: pass", "try: a", "print(a)"),
    *(
        "f'{a}'",
        "f'{a!r:>{b}}'",
        "'{0.__class__}'.format(a)",
        "'%s' % a",
        "'%999999999d' % a",
        "b'a'",
        "r'a'",
        "u'a'",
        "rb'a'",
        "'a' 'b'",
        "'''a'''",
        '"""a"""',
    ),
    *("a # comment", "# comment", "a \\\n + b", "a\\", "\\", "a if b", "*a", "**a", "f(*a)", "f(**a)", "min(*a)", "min(a, key=b)", "...", "a @ b", "a // b"),
    *("a % b", "a & b", "a | b", "a ^ b", "~a", "a << 3", "a >> 3", "a is b", "a is not b", "None", "a != None", "nan", "inf", "-inf", "NaN", "Infinity"),
    *("9**9**9", "9**9", "9**9**9**9", "a**a", "2**1e9", "1e999999", "1e-999999", "1e308*10", "-1e309", "1e400 > a", "0x1f", "0o17", "0b1", "1j", "1_", "1__0"),
    *("01", "1.", ".", "1..2", "1.2.3", "1e", "1e+", "1ee1", "0" * 1990 + "1", "1" * 1990, "0." + "0" * 1900 + "1", "1e" + "9" * 1900, "9" * 400 + " > a"),
    *("a'", 'a"', "'", '"', "`", "``", "` `", "`a", "a`", "'a\nb'", "'\\x41'", "'\\u0041'", "'\\N{DIGIT ONE}'", "'\\", "$", "$$3", "$-3", "$3m", "€", "3$"),
    *(
        "%",
        "5%%",
        "5 % 3",
        "pp",
        "5pppp",
        "1h30",
        "30m1h",
        "1m1m",
        "± 5",
        "a ± 5",
        "a in ± 5",
        "a in 5 ±",
        "a in b ± -3",
        "a in [",
        "a in [1",
        "a in [1,",
        "a in [1,2",
    ),
    *(
        "a in ]1, 2[",
        "a in [2, 1]",
        "a in [1, 1)",
        "a in {}",
        "a in {a}",
        "a in {[1, 2]}",
        "a in ()",
        "a in (1)",
        "a in a",
        "in [1, 2]",
        "not",
        "not not",
        "a not b",
    ),
    *(
        "a and",
        "and a",
        "a or or b",
        "a b",
        "a,",
        ",",
        "(",
        ")",
        "()",
        "[]",
        "{}",
        "([)]",
        "<",
        "a <",
        "< a",
        "a < > b",
        "a <> b",
        "a === b",
        "a =< b",
        "a => b",
    ),
    *(
        "80 <= x >= 20",
        "x > 3 < 5",
        "P(",
        "P()",
        "P(a",
        "P((a)",
        "P",
        "P(a) + P(",
        "if",
        "else",
        "a if b else",
        "if b else a",
        "min",
        "min(",
        "min()",
        "abs(a, b)",
    ),
    *(
        "coalesce(a)",
        "is_missing()",
        "is_missing(3)",
        "coalesce('a', 3)",
        "min('a', 'b')",
        "abs(True)",
        "-'a'",
        "'a' + 'b'",
        "'a' < 'b'",
        "True + 1",
        "True < 2",
        "not 3",
    ),
    *(
        "a and 3",
        "a in {'a', 1}",
        "a < b == True",
        "(a < b) < c",
        "1/0",
        "a/0",
        "0/0",
        "a/(b-b)",
        "1/(0.3-0.1-0.2) > 1",
        "1 USD + 1 EUR",
        "€3 > $3",
        "1h > 1 month",
    ),
)
"""Attempts to break out, statements, other languages, half tokens, and meanings that the language does not have."""

_INVISIBLE: Final = (
    *("\x00", "\x07", "\x08", "\x1b", "\x7f", "\x85", "\u00ad", "\u034f", "\u061c", "\u115f", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f"),
    *("\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2060", "\u2066", "\u2067", "\u2068", "\u2069", "\u2028", "\u2029", "\u3164", "\ufe0f", "\ufeff"),
    *(
        "\ufff9",
        "\ufffe",
        "\uffff",
        "\ud800",
        "\udbff",
        "\udc00",
        "\udfff",
        "\U000e0001",
        "\U000e0041",
        "\U0010ffff",
        "\U0001f600",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x1f",
    ),
)
_SPACES: Final = ("\t", "\n", "\r", "\r\n", "\u00a0", "\u1680", "\u2003", "\u202f", "\u205f", "\u3000")
_ALIKE: Final = {
    **dict(zip("aeopcyxijs", "аеорсухіјѕ", strict=True)),
    **dict(zip("AEBHIKMNOPTXYZ", "ΑΕΒΗΙΚΜΝΟΡΤΧΥΖ", strict=True)),
    "l": "ӏ",
    "d": "ԁ",
    "q": "ԛ",
    "w": "ԝ",
    "-": "‐",
    "<": "‹",
    ">": "›",
    "=": "＝",
    "(": "（",
    ")": "）",
    "*": "∗",
    "/": "⁄",
    "'": "ʼ",
    "0": "О",
    "1": "l",
    ",": "‚",
}
_STYLED: Final = (
    "𝐚",
    "𝑎",
    "ａ",
    "ⓐ",
    "ª",
    "ᵃ",
    "𝔞",
    "ℂ",
    "ﬁ",
    "ǆ",
    "²",
    "³",
    "½",
    "Ⅷ",
    "①",
    "٣",
    "४",
    "㎏",
    "㏑",
    "￡",
    "％",
    "é",
    "e\u0301",
    "ö",
    "ﷺ",
    "İ",
    "ı",
    "ß",
    "ẞ",
    "ﾊﾟ",
    "각",
    "א",
    "ا",
)
_NEST: Final = (
    *(("(", ")"), ("[", "]"), ("{", "}"), ("not ", ""), ("- ", ""), ("+", ""), ("−", ""), ("¬", ""), ("abs(", ")"), ("min(a, ", ")"), ("is_missing(", ")")),
    *(
        ("a if b else ", ""),
        ("", " if b else c"),
        ("a in (", ")"),
        ("a in [b, ", "]"),
        ("a in [", ", b]"),
        ("a in {", "}"),
        ("a < ", ""),
        ("a ** ", ""),
        ("a * (", ")"),
    ),
    *(
        ("a and (", ")"),
        ("P(", ")"),
        ("coalesce(", ", a)"),
        ("clip(a, b, ", ")"),
        ("", " ± 3"),
        ("a in ", " ± 3"),
        ("`", "`"),
        ("'", "'"),
        ("$", ""),
        ("", "%"),
        ("f(", ")"),
    ),
)
_TOKENS: Final = tuple(dict.fromkeys(re.findall(r"\w+|\s+|[^\w\s]", " ".join((*VALID, *_BREAKOUTS[:120])))))


def _spoil(rng: random.Random) -> str:
    """A valid text with a character left out, doubled, exchanged or put in."""
    text = rng.choice(VALID)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(text)) if text else 0
        other = rng.choice((*_INVISIBLE, *_SPACES, *_STYLED, *_ALIKE.values(), *"()[]{}<>=!+-*/%$'\"`\\,.:;#@&|^~?_ 0aEP"))
        text = rng.choice(
            (text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:], text[:at] + other + text[at + 1 :], text[:at] + other + text[at:])
        )
    return text


def _cut(rng: random.Random) -> str:
    """A part of a valid text."""
    text = rng.choice(VALID)
    start, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
    return rng.choice((text[start:], text[:end], text[start:end], text[:start] + text[end:]))


def _splice(rng: random.Random) -> str:
    """The beginning of one text and the end of another."""
    one, other = rng.choice((*VALID, *_BREAKOUTS)), rng.choice((*VALID, *_BREAKOUTS))
    return one[: rng.randint(0, len(one))] + rng.choice(("", " ", "(", "\n", " and ")) + other[rng.randint(0, len(other)) :]


def _disguise(rng: random.Random) -> str:
    """A valid text in another normal form, or with letters that only look the same."""
    text = rng.choice(VALID)
    form = rng.choice(("NFC", "NFD", "NFKC", "NFKD", "alike", "wide", "styled"))
    if form == "alike":
        return "".join(_ALIKE.get(ch, ch) if rng.random() < 0.3 else ch for ch in text)
    if form == "wide":
        return "".join(chr(ord(ch) + 0xFEE0) if "!" <= ch <= "~" and rng.random() < 0.5 else ch for ch in text)
    if form == "styled":
        return re.sub(r"\w+", lambda word: rng.choice(_STYLED) + word.group() if rng.random() < 0.3 else word.group(), text)
    return unicodedata.normalize(form, text + rng.choice(_STYLED))  # type: ignore[arg-type]  # one of the four


def _nested(rng: random.Random) -> str:
    """Brackets, prefixes and calls inside one another, of one kind or mixed, below, at and far beyond the cap."""
    depth = rng.choice((1, 5, 45, 48, 49, 50, 51, 60, 200, 660))
    mixed = rng.random() < 0.5
    pairs = [rng.choice(_NEST)] * depth if not mixed else [rng.choice(_NEST) for _ in range(depth)]
    ends = "".join(end for _, end in reversed(pairs)) if rng.random() < 0.85 else ""
    return "".join(start for start, _ in pairs) + rng.choice(("a", "3", "a < 3", "")) + ends


def _long(rng: random.Random) -> str:
    """One thing many times, up to the caps on characters, words, parts and depth, and beyond."""
    unit = rng.choice(
        (
            "a+",
            "a*",
            "a<",
            "a and ",
            "a,",
            "(",
            "not ",
            "1",
            "9",
            "a",
            " ",
            "'",
            "a/b-",
            "a**8*",
            "min(a,",
            "é",
            "\u0301",
            "x in {1} or ",
            "1h",
            "$1+",
            "`a` ",
            "\n",
        )
    )
    count = rng.choice((2, 90, 101, 249, 251, 499, 501, 1999, 2000, 2001, 10_000)) // rng.choice((1, len(unit)))
    return (unit * count + rng.choice(("a", "", "1"))).replace(",", rng.choice((",", ", ")))


def _words(rng: random.Random) -> str:
    """Words of the language in any order."""
    return rng.choice(("", " ")).join(rng.choice(_TOKENS) for _ in range(rng.choice((1, 2, 3, 5, 8, 20))))


def _noise(rng: random.Random) -> str:
    """Any characters at all."""
    ranges = ((0, 0x7F), (0x80, 0x24F), (0x300, 0x36F), (0x2000, 0x22FF), (0xD800, 0xDFFF), (0, 0x10FFFF), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF))
    return "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.choice((1, 2, 5, 30))))


KINDS: Final[tuple[Callable[[random.Random], str], ...]] = (_spoil, _cut, _splice, _disguise, _nested, _long, _words, _noise)


def texts(rng: random.Random) -> Iterator[str]:
    """Endlessly many hostile texts."""
    while True:
        yield rng.choice(KINDS)(rng)


def fixed() -> Iterator[str]:
    """The texts worth trying each time: attempts by name, each invisible character at each place of a name, one deletion at each place."""
    yield from _BREAKOUTS
    yield from VALID
    for ch in (*_INVISIBLE, *_SPACES, *_STYLED):
        yield from (ch, f"a{ch}b > 3", f"{ch}a > 3", f"a > 3{ch}", f"a > {ch}3", f"a >{ch}= 3", f"'{ch}' == s", f"`{ch}` > 3", f"1{ch}2")
    for plain, alike in _ALIKE.items():
        yield f"max_{plain} > 3".replace(plain, alike)
    for start, end in _NEST:
        for depth in (10, 49, 50, 400):
            yield start * depth + "a" + end * depth
            yield start * depth + "a"
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield from (unicodedata.normalize(form, text) for text in VALID)


def pieces(step: int = 1) -> Iterator[str]:
    """Every beginning and every end of the valid texts, and each with one character left out."""
    for text in VALID:
        for at in range(0, len(text), step):
            yield from (text[:at], text[at:], text[:at] + text[at + 1 :])


class Shouting(str):
    """A text that is not quite one: what it says of itself is something else."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        return "__import__('os')"

    def __getitem__(self, key: object) -> str:
        raise RuntimeError("never asked for")


NO_TEXTS: Final[tuple[object, ...]] = (None, b"a > 3", bytearray(b"a"), 3, 3.5, True, ["a"], ("a",), {"a": 1}, object(), lambda: "a", type, Ellipsis, str)
"""What is no text at all."""
