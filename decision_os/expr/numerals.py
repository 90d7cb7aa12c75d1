"""Numbers as they are written, with whatever belongs to one: a sign of money, a per cent, points, a duration, a currency."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import Final

from decision_os.expr import misnumbered
from decision_os.expr.place import short
from decision_os.expr.tokens import DURATION_WORDS, MULTIPLES, SPACES, WORDS, Scan, Token
from decision_os.units import CURRENCIES, FIXED, PERCENT, PP, Unit

__all__ = ["holdable", "money", "number"]

_NUMBER: Final = re.compile(r"(?:[0-9]+(?:_[0-9]+)*)?(?:\.[0-9]+(?:_[0-9]+)*)?(?P<exponent>[eE][+-]?[0-9]+)?\Z")
_LONGEST_EXPONENT: Final = 5  # `e-308`: what is longer is not worked out
_COMPOUND: Final = re.compile(r"(?:[0-9]+[wdhms]){2,}(?!\w)")
_SUFFIX: Final = re.compile(r"pp(?!\w)|[wdhms](?!\w)")
_AMOUNT: Final = re.compile(rf"[{SPACES}]?(?P<number>[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)")
_LETTERS_ON: Final = re.compile(r"\w+")
_PER_CENT: Final = re.compile(rf"[{SPACES}]*%")
_LETTERS: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_CURRENCY_SIGNS: Final = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "CLP", "COP", "ARS"),
    "€": ("EUR",),
    "£": ("GBP", "EGP"),
    "¥": ("JPY", "CNY"),
    "₹": ("INR",),
}


def number(scan: Scan, written: str, at: int, end: int) -> int:
    """A number with whatever is written onto it; where that ends."""
    compound = _COMPOUND.match(scan.text, at)
    if compound:
        return _compound(scan, compound.group(), at, compound.end())
    misnumbered.refuse_written(scan, at, end)
    value = _exact(scan, written, at, end)
    suffix = _SUFFIX.match(scan.text, end)
    if suffix:
        letter = suffix.group()
        unit = PP if letter == "pp" else Unit(((_LETTERS[letter], 1),))
        return _literal(scan, value / 100 if letter == "pp" else value, unit, at, suffix.end())
    misnumbered.refuse_points(scan, written, at, end)
    per_cent = _PER_CENT.match(scan.text, end)
    if per_cent:
        return _literal(scan, value / 100, PERCENT, at, per_cent.end())
    word = scan.word_at(end)
    if word:
        return _with_word(scan, value, word["word"], at, word.start("word"), end)
    following = scan.text[end : end + 1]
    if following in _CURRENCY_SIGNS:
        raise scan.error(at, end + 1, "the sign of a currency stands before the number", f"write `{following}{written}`")
    if following == ".":
        raise scan.error(at, end + 1, f"`{written}.` is not a number" if "." in written else "an expression reads no attributes")
    return _literal(scan, value, None, at, end)


def money(scan: Scan, sign: str, at: int, end: int) -> int:
    """An amount behind the sign of its currency."""
    digits = _AMOUNT.match(scan.text, end)
    if digits is None:
        hint = f"the minus stands before the sign: `-{sign}3`" if scan.text[end : end + 1] in ("-", "−") else f"write for example `{sign}3`"
        raise scan.error(at, end, f"a number must follow `{sign}`", hint)
    written, number_at, end = digits["number"], digits.start("number"), digits.end()
    code = scan.currency if scan.currency in _CURRENCY_SIGNS[sign] else _CURRENCY_SIGNS[sign][0]
    _same_currency(scan, code, at, end)
    misnumbered.refuse_written(scan, number_at, end, sign)
    value = _exact(scan, written, number_at, end)
    suffix = _LETTERS_ON.match(scan.text, end)
    if suffix:
        multiple = MULTIPLES.get(suffix.group())
        if multiple is None:
            raise misnumbered.no_multiple(scan, sign, written, suffix.group(), at, suffix.end())
        value *= multiple
        end = suffix.end()
    else:
        misnumbered.refuse_multiple(scan, sign, value, at, end)
    if scan.text[end : end + 1] in ("%", "."):
        raise misnumbered.no_amount(scan, at, end + 1)
    return _literal(scan, value, Unit(((code, 1),)), at, end)


def holdable(value: Fraction) -> bool:
    """Whether float64 holds a number to its full precision: not infinite, and not subnormal, where rounding is no longer relative."""
    try:
        return not value or abs(float(value)) > 2.3e-308
    except OverflowError:
        return False


def _exact(scan: Scan, written: str, at: int, end: int) -> Fraction:
    found = _NUMBER.match(written)
    if found is None:
        raise misnumbered.no_number(scan, written, at, end)
    digits = written.replace("_", "")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        raise scan.error(at, end, f"`{short(written)}` begins with a needless 0", "write the number without it, and without a comma before")
    if len(found["exponent"] or "") > _LONGEST_EXPONENT:
        raise scan.error(at, end, f"`{short(written)}` is beyond what a number can hold")
    value = Fraction(int(digits) if digits.isdigit() else digits)
    if not holdable(value):
        raise scan.error(at, end, f"`{short(written)}` is beyond what a number can hold")
    if value > 2**53 and digits.isdigit() and Fraction(float(value)) != value:
        message = f"the integer `{short(written)}` is beyond 2**53 and cannot be held exactly"
        raise scan.error(at, end, message, "write it in a larger unit")
    return value


def _literal(scan: Scan, value: Fraction, unit: Unit | None, start: int, end: int) -> int:
    if not holdable(value):
        raise scan.error(start, end, f"`{short(scan.text[start:end])}` is beyond what a number can hold")
    following = scan.text[end : end + 1]
    if following.isalnum() or following == "_":
        raise scan.error(start, end + 1, f"`{short(scan.text[start : end + 1])}` is not a number", "put an operator between the number and the name")
    scan.found.append(Token("number", scan.text[start:end], start, end, value, unit))
    return end


def _compound(scan: Scan, written: str, at: int, end: int) -> int:
    parts = re.findall(r"([0-9]+)([wdhms])", written)
    sizes = [FIXED[_LETTERS[letter]] for _, letter in parts]
    if any(later >= earlier for earlier, later in pairwise(sizes)):
        raise scan.error(at, end, f"the parts of `{short(written)}` do not go from large to small", "write for example `1h30m`")
    seconds = sum((Fraction(digits) * size for (digits, _), size in zip(parts, sizes, strict=True)), Fraction(0))
    return _literal(scan, seconds / sizes[-1], Unit(((_LETTERS[parts[-1][1]], 1),)), at, end)


def _with_word(scan: Scan, value: Fraction, word: str, start: int, word_at: int, end: int) -> int:
    """A number followed by a word: `0.5 months`, `2 pp`, `3 CHF`, or a number alone and a word that begins something else."""
    word_end = word_at + len(word)
    if word in DURATION_WORDS:
        return _literal(scan, value, Unit(((DURATION_WORDS[word], 1),)), start, word_end)
    if word == "pp":
        return _literal(scan, value / 100, PP, start, word_end)
    if word in CURRENCIES:
        _same_currency(scan, word, start, word_end)
        return _literal(scan, value, Unit(((word, 1),)), start, word_end)
    if word in WORDS and word_at > end:
        return _literal(scan, value, None, start, end)
    misnumbered.refuse_word(scan, value, word, start, end, word_at)
    return _literal(scan, value, None, start, end)


def _same_currency(scan: Scan, code: str, at: int, end: int) -> None:
    if code != scan.currency:
        hint = f"convert it and write it in {scan.currency}"
        raise scan.error(at, end, f"`{short(scan.text[at:end])}` is in {code}, but the rule book's money is in {scan.currency}", hint)
