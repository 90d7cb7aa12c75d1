"""One column: from text, or from a type of the engine, to the type it is declared to have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import narwhals.stable.v2 as nw

from decision_os.clocks import Clock, Micros, Word
from decision_os.entities.times import read_time
from decision_os.model import Column
from decision_os.values import LARGEST_INTEGER

__all__ = ["UNREAD", "Steps", "raw_name", "read_column"]

Steps: TypeAlias = Iterator[dict[str, nw.Expr | Word]]
"""Columns to add, step by step; each step reads those before it."""

UNREAD: Final = "__unread_"
"""Before a column's id: the text of a cell that is not of the column's type, else null."""

_TEXTS: Final = ("identifier", "text", "category")
_TIMES: Final = ("date", "instant", "month")

_SPACE: Final = " \t\n\v\f\r\u00a0\u2007\u202f\u3000\u200b\ufeff"
"""What is trimmed, said in full because engines differ on it: with no-break spaces, a space without width, and the byte order mark."""

# Groups do not capture, because some engines warn of groups that nobody asks for.
_DIGITS: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_NUMBER: Final = rf"^[-+]?(?:{_DIGITS}|\.[0-9]+)(?:[eE][-+]?[0-9]{{1,2}})?$"
_SHARE: Final = rf"^[-+]?(?:{_DIGITS}|\.[0-9]+) ?%?$"
_INTEGER: Final = r"^[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.0+)?$"
_SYMBOLS: Final = {"USD": ("$", "US$"), "EUR": ("€",), "GBP": ("£",), "JPY": ("¥",), "INR": ("₹",)}


def raw_name(column: Column) -> str:
    """The temporary column that holds the cells as they came."""
    return f"{_cell(column)}__raw"


def _cell(column: Column) -> str:
    return f"__{column.id}"


def read_column(column: Column, kind: Any, zone: str, currency: str, *, strips: bool = True) -> Steps:
    """Steps from the raw column, whose type is `kind`, to the typed one and its `UNREAD` column. `strips`: the engine takes away characters that are named."""
    raw, text, value = (f"{_cell(column)}__{part}" for part in ("raw", "text", "value"))
    given = nw.col(text)
    typed = _is_typed(column, kind)
    if typed:
        yield from _valued(column, kind, zone, currency, value)
    if kind == nw.Datetime:
        yield {f"{text}__micros": Micros(raw)}
        yield {f"{text}__clock": Clock(f"{text}__micros")}
    cell = nw.col(f"{text}__clock" if kind == nw.Datetime else raw)
    # Writing numbers out takes longer than all else: where the type says the value, only what is none is written out.
    yield {text: _text(nw.when(nw.col(value).is_null()).then(cell) if typed else cell, kind, strips)}
    yield {text: nw.when(~given.is_in(["", *column.blanks])).then(given)}
    if column.type in _TEXTS:
        yield {column.id: given, UNREAD + column.id: nw.when(given.is_null()).then(given)}
        return
    if not typed:
        yield from _valued(column, kind, zone, currency, value)
    yield {column.id: nw.col(value), UNREAD + column.id: nw.when(nw.col(value).is_null() & ~given.is_null()).then(given)}


def _is_typed(column: Column, kind: Any) -> bool:
    """Whether the engine's own type says the values, and no text is read."""
    if column.type in _TIMES:
        return kind in (nw.Datetime, nw.Date)
    return column.type not in _TEXTS and (kind == nw.Boolean if column.type == "boolean" else kind.is_numeric())


def _valued(column: Column, kind: Any, zone: str, currency: str, value: str) -> Steps:
    """Steps to the column `value`."""
    if column.type in _TIMES:
        yield from read_time(column, kind, zone, _cell(column))
    elif column.type == "boolean":
        yield {value: nw.col(raw_name(column)) if kind == nw.Boolean else _truth(nw.col(f"{_cell(column)}__text"))}
    else:
        yield from _quantity(column, kind, currency, value)


def _text(raw: nw.Expr, kind: Any, strips: bool) -> nw.Expr:
    """The cell as a person would have typed it, trimmed, whatever engine holds it; a time is the local one of its kind, or that of UTC."""
    if kind == nw.Boolean:
        return raw.cast(nw.String).str.to_lowercase()
    if kind.is_float():
        whole = nw.when((raw.abs() < LARGEST_INTEGER) & (raw == raw.floor())).then(raw).cast(nw.Int64).cast(nw.String)
        return nw.coalesce(whole, nw.when(~raw.is_nan()).then(raw).cast(nw.String))
    if kind == nw.Datetime:
        text = raw.dt.to_string("%Y-%m-%dT%H:%M:%S").str.slice(0, 19)  # some engines write fractions after it
        return nw.concat_str(text, nw.lit("Z")) if kind.time_zone else text
    text = raw.cast(nw.String)
    return text.str.strip_chars(_SPACE) if strips else text.str.replace_all(f"^[{_SPACE}]+|[{_SPACE}]+$", "")


def _truth(text: nw.Expr) -> nw.Expr:
    word = text.str.to_lowercase()
    return nw.when(word.is_in(["true", "yes", "1", "false", "no", "0"])).then(word.is_in(["true", "yes", "1"]))


def _quantity(column: Column, kind: Any, currency: str, value: str) -> Steps:
    """Integer, number, share or money. A boolean is none of them."""
    raw, plain = nw.col(raw_name(column)), f"{_cell(column)}__plain"
    if kind.is_integer():
        yield {value: nw.when((raw < LARGEST_INTEGER) & (raw > -LARGEST_INTEGER)).then(raw).cast(nw.Float64)}
    elif kind.is_numeric():
        yield {value: raw.cast(nw.Float64)}
    else:
        text = nw.col(f"{_cell(column)}__text")
        yield {plain: text.str.replace_all("\N{MINUS SIGN}", "-").str.replace_all("\N{NO-BREAK SPACE}", " ")}
        yield {value: _amount(nw.col(plain), currency) if column.type == "money" else _number(nw.col(plain), column.type)}
    found = nw.col(value)
    exact = found.is_finite()
    if column.type == "integer":
        yield {value: nw.when(exact & (found.abs() < LARGEST_INTEGER) & (found == found.floor())).then(found).cast(nw.Int64)}
    elif column.type == "money":
        exact = exact & (found.abs() < LARGEST_INTEGER // 100)
        cents = (found.abs() * 100 + 0.5).floor()  # not `round`: engines differ on halves
        yield {value: nw.when(exact & (found < 0)).then(-_hundredth(cents)).when(exact).then(_hundredth(cents))}
    else:
        yield {value: nw.when(exact).then(found)}


def _number(plain: nw.Expr, kind: str) -> nw.Expr:
    pattern = {"integer": _INTEGER, "share": _SHARE}.get(kind, _NUMBER)
    number = nw.when(plain.str.contains(pattern)).then(plain).str.replace_all(r"^\+|[,% ]", "").cast(nw.Float64)
    return nw.when(plain.str.ends_with("%")).then(_hundredth(number)).otherwise(number) if kind == "share" else number


def _amount(plain: nw.Expr, currency: str) -> nw.Expr:
    mark = "(?:" + "|".join(re.escape(mark) for mark in (currency, *_SYMBOLS.get(currency, ()))) + ")"
    before, after = rf"(?:[-+]? ?(?:{mark} ?)?|{mark} ?[-+])", rf"(?: ?{mark})?"
    fits = plain.str.contains(rf"^{before}{_DIGITS}{after}$|^\((?:{mark} ?)?{_DIGITS}{after}\)$")
    size = nw.when(fits).then(plain).str.replace_all("[^0-9.]", "").cast(nw.Float64)
    return nw.when(plain.str.contains(r"-|^\(")).then(-size).otherwise(size)


def _hundredth(number: nw.Expr) -> nw.Expr:
    """Divided by a column of hundreds: by a constant, Polars multiplies with the reciprocal, and 115 / 100 comes out above 1.15."""
    return number / (number * 0 + 100)
