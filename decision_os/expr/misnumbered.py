"""What is said of numbers that are written as in a spreadsheet, a sentence or another language: how this language writes them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from decision_os.errors import ExpressionError, nearest
from decision_os.expr import habits
from decision_os.expr.place import short
from decision_os.expr.tokens import DURATION_WORDS, MULTIPLES, Scan, compared

__all__ = ["no_amount", "no_multiple", "no_number", "refuse_multiple", "refuse_points", "refuse_word", "refuse_written"]

_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9_])(?:\.[0-9]+)?")
_DOTS: Final = re.compile(r"\.+([0-9][0-9_.]*)")


def refuse_written(scan: Scan, at: int, end: int, sign: str = "") -> None:
    """A date, and digits apart by commas, spaces or apostrophes; `sign` is the currency's that stands before them."""
    if not sign:
        _refuse_date(scan, at)
    _refuse_comma(scan, at, end, sign)
    _refuse_groups(scan, at, sign)


def refuse_multiple(scan: Scan, sign: str, value: Fraction, at: int, end: int) -> None:
    """`$3 million`: the multiple of an amount is a letter, without a space."""
    apart = scan.word_at(end)
    if apart and habits.multiple(apart["word"]) and not scan.compares_at(apart.end()):
        value *= habits.multiple(apart["word"])
        amount = next((f"{_grouped(value / size)}{letter}" for letter, size in (("M", 10**6), ("k", 10**3)) if value >= size), "")
        raise no_amount(scan, at, apart.end(), f"write `{sign}{amount or _grouped(value)}`")


def refuse_points(scan: Scan, written: str, start: int, end: int) -> None:
    """Percentage points in several words: `5 percentage points`, `3p.p.`."""
    points, stop = habits.points(scan.text, end, written)
    if points:
        raise scan.error(start, stop, f"`{short(scan.text[start:stop])}` is not a number", f"write `{points}`")


def refuse_word(scan: Scan, value: Fraction, word: str, start: int, end: int, word_at: int) -> None:
    """A word behind a number that is no unit, unless another condition begins with it; its lack of an `and` is told of where that is read."""
    apart, word_end, plain = word_at > end, word_at + len(word), scan.text[start:end]
    if apart and _begins_condition(scan, plain, end, word, word_at):
        return
    habit = habits.INSTEAD_OF_WORD.get(word.lower(), "") if apart else ""
    if habit:
        raise scan.error(word_at, word_end, f"`{short(word)}` is not part of the language", habit)
    written = " ".join(scan.text[start:word_end].split())
    hint = "" if apart else _fastened(scan, value, word, end)
    raise scan.error(start, word_end, f"`{short(written)}` is not a number", hint or _measured(value, plain, word, apart=apart))


def no_number(scan: Scan, written: str, at: int, end: int) -> ExpressionError:
    """Digits, dots and underscores that make no number."""
    span = _DOTS.match(scan.text, end)
    if span and written.endswith("."):
        ends = f"{written[:-1]}, {span.group(1)}"
        hint = f"write `{ends}`" if scan.brackets > 0 else f"write `in [{ends}]`"
        return scan.error(at, span.end(), "two dots between two numbers are a range here", hint)
    hint = f"write `{written}0`" if written.endswith(".") else "write for example `0.5`, `1_000` or `1e-6`"
    return scan.error(at, end, f"`{short(written)}` is not a number", hint)


def no_multiple(scan: Scan, sign: str, written: str, letters: str, at: int, end: int) -> ExpressionError:
    """`$3m`, `$3bn`: letters on an amount that are neither `k` nor `M`."""
    if letters == "m":
        message = f"`{sign}{written}m` can be read as a million or as a thousand"
        return scan.error(at, end, message, f"a million is `{sign}{written}M`, a thousand `{sign}{written}k`")
    amount = {"b": f"{written}_000M", "bn": f"{written}_000M", "k": f"{written}k", **dict.fromkeys(("mm", "mn", "mio"), f"{written}M")}.get(letters.lower())
    if amount:
        return no_amount(scan, at, end, f"write `{sign}{short(amount)}`")
    return no_amount(scan, at, end, f"a thousand is `{sign}{short(written)}k`, a million `{sign}{short(written)}M`")


def no_amount(scan: Scan, at: int, end: int, hint: str = "") -> ExpressionError:
    """A sign of a currency, a number, and what makes no amount of the two."""
    return scan.error(at, end, f"`{short(scan.text[at:end])}` is not an amount of money", hint)


def _refuse_date(scan: Scan, at: int) -> None:
    date = habits.date_like(scan.text, at)
    if date and not (scan.found and scan.found[-1].kind == "op" and scan.found[-1].text in ("-", "/")):
        hint = "compare two inputs, or a number of days"
        raise scan.error(at, at + len(date), f"`{date}` is a date, and an expression holds none", hint)


def _refuse_comma(scan: Scan, at: int, end: int, sign: str) -> None:
    if scan.text[end : end + 1] != "," or not scan.text[end + 1 : end + 2].isdigit():
        return
    grouped = _THOUSANDS.match(scan.text, at)
    start = scan.text.rindex(sign, 0, at) if sign else at
    if grouped:
        plain = sign + grouped.group().replace(",", "_")
        hint = f"write `{plain}`" + (", or put a space after the comma between two numbers" if scan.brackets > 0 else "")
        raise scan.error(start, grouped.end(), f"`{short(scan.text[start : grouped.end()])}` holds a comma", hint)
    if scan.brackets <= 0:
        rest = re.compile(r"[0-9]+").match(scan.text, end + 1)
        stop = rest.end() if rest else end + 1
        whole, _, part = scan.text[at:stop].rpartition(",")
        point = short(f"{sign}{whole.replace('.', '_')}.{part}")
        raise scan.error(start, stop, f"`{short(scan.text[start:stop])}` holds a comma", f"write `{point}`")


def _refuse_groups(scan: Scan, at: int, sign: str) -> None:
    grouped, plain = habits.grouped(scan.text, at)
    if grouped:
        held = "an apostrophe" if grouped.strip("0123456789.,")[0] in "'’" else "a space"
        start = scan.text.rindex(sign, 0, at) if sign else at
        raise scan.error(start, at + len(grouped), f"`{short(scan.text[start : at + len(grouped)])}` holds {held}", f"write `{sign}{short(plain)}`")


def _fastened(scan: Scan, value: Fraction, word: str, end: int) -> str:
    """What is written for letters that stand right behind a number and are no unit."""
    if re.match(r"[wdhms][0-9]", word):
        return "write for example `1h30m`"
    if value == 0 and scan.text[end - 1] == "0" and word[0] in "xXoObB":
        return "write it in decimal digits"
    return "write for example `1e-6`" if word in ("e", "E") else ""


def _measured(value: Fraction, plain: str, word: str, *, apart: bool) -> str:
    """What is written for a number and a word of a unit as people write it."""
    if word in ("k", "K", "M"):
        letter = "M" if word == "M" else "k"
        return f"write `{_grouped(value * MULTIPLES[letter])}`; `k` and `M` belong to money, as in `${plain}{letter}`"
    if apart and len(word) > 1 and habits.multiple(word):
        return f"write `{_grouped(value * habits.multiple(word))}`"
    measure = habits.measure(plain, word)
    if measure or word.lower() in DURATION_WORDS:
        return f"write `{measure or f'{plain} {word.lower()}'}`"
    return nearest(word, DURATION_WORDS, cutoff=0.7) or (f"put an operator between `{plain}` and `{word}`" if apart else f"write `{plain} * {word}`")


def _begins_condition(scan: Scan, plain: str, end: int, word: str, word_at: int) -> bool:
    """Whether a word behind a number is the name with which another condition begins, the word between the two lacking."""
    if "\n" in scan.text[end:word_at]:
        return True
    measure = len(word) > 1 and habits.measure(plain, word)
    return compared(reversed(scan.found)) and not measure and scan.compares_at(word_at + len(word))


def _grouped(value: Fraction) -> str:
    """A number as it is written in an expression, its thousands apart."""
    return f"{int(value):_}" if value.denominator == 1 else f"{float(value):_}"
