"""Dates, months and instants: from text in the column's forms, or from the types of an engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import attrs
import narwhals.stable.v2 as nw

from decision_os.clocks import Clock, Instant, Micros, Shown, Word
from decision_os.errors import DataError
from decision_os.model import Column

__all__ = ["read_time"]

_Steps: TypeAlias = Iterator[dict[str, nw.Expr | Word]]

_DEFAULT_FORMS: Final = ("%Y-%m-%d", "%m/%d/%Y")
_PARTS: Final = {
    "%Y": ("year", "[0-9]{4}", "[0-9]{4}"),
    "%m": ("month", "(?:1[0-2]|0?[1-9])", "(?:1[0-2]|0[1-9])"),
    "%d": ("day", "(?:3[01]|[12][0-9]|0?[1-9])", "(?:3[01]|[12][0-9]|0[1-9])"),
}
"""What each directive of a date form reads, its pattern beside punctuation, and its pattern beside other digits."""

_CLOCK: Final = r"(?:2[0-3]|[01]?[0-9]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|UTC|[-+][01][0-9]:?[0-5][0-9]))?"
_DAY: Final = 86_400_000_000
"""In microseconds, as the next."""
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The instants Python can say: the years 1 to 9999 of UTC."""


def read_time(column: Column, kind: Any, zone: str, cell: str) -> _Steps:
    """Steps to the column `<cell>__value` from `<cell>__raw`, whose type is `kind`, and `<cell>__text`.

    Raises `DataError` for a date form that cannot be read.
    """
    raw, value = f"{cell}__raw", f"{cell}__value"
    if kind == nw.Datetime and kind.time_zone:
        yield {f"{value}__known": Micros(raw)}
        if column.type == "instant":
            yield {value: Instant(f"{value}__known")}
        else:
            yield {f"{value}__shown": Shown(f"{value}__known", zone)}
            yield {f"{value}__clock": Clock(f"{value}__shown")}
            yield {value: nw.col(f"{value}__clock").dt.date()}
    elif kind in (nw.Datetime, nw.Date):
        if column.type == "instant":
            yield {f"{value}__local": Micros(raw)}
            yield from _placed(f"{value}__local", zone, value)
        else:
            yield {value: nw.col(raw).cast(nw.Datetime("us")).dt.date()}
    else:
        yield from _written(column, zone, f"{cell}__text", value)
    if column.type == "month":
        yield {value: nw.col(value).dt.truncate("1mo")}


def _written(column: Column, zone: str, text: str, value: str) -> _Steps:
    """From text: a date in one of the column's forms, then perhaps a time, then perhaps an offset from UTC."""
    default = (*_DEFAULT_FORMS, "%Y-%m") if column.type == "month" else _DEFAULT_FORMS
    forms = [_form(form, column) for form in column.formats or default]
    names = {part: f"{value}__{part}" for part in ("date", "clock", "year", "month", "day")}
    date, clock = nw.col(names["date"]), nw.col(names["clock"])
    yield {names["date"]: nw.col(text).str.replace_all(f"[T ]+{_CLOCK}$", "")}
    fits = [date.str.contains(form.whole) for form in forms]
    yield {names[part]: _first(fits, [form.part(date, part) for form in forms]).cast(nw.Int64) for part in ("year", "month", "day")}
    yield {value: _calendar_date(*(nw.col(names[part]) for part in ("year", "month", "day")))}
    if column.type == "instant":
        yield {names["clock"]: _first(fits, [nw.col(text).str.replace_all(form.start, "") for form in forms])}
        yield {names["clock"]: nw.when(clock.str.contains(f"^{_CLOCK}$|^$")).then(clock.str.replace_all("Z|UTC", "+00:00"))}
        yield {f"{value}__midnight": Micros(value)}
        yield {f"{value}__shown": nw.col(f"{value}__midnight") + _microseconds(clock), f"{value}__ahead": _minutes_ahead(clock)}
        shown, ahead = nw.col(f"{value}__shown"), nw.col(f"{value}__ahead")
        yield {f"{value}__local": nw.when(ahead.is_null()).then(shown), f"{value}__known": shown - ahead * 60_000_000}
        yield from _placed(f"{value}__local", zone, value, known=f"{value}__known")


# --- the date ----------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Form:
    """A date form as (part, pattern) pairs; the part is empty for punctuation."""

    pieces: tuple[tuple[str, str], ...]

    @property
    def whole(self) -> str:
        """The date and nothing else."""
        return f"^{self._body()}$"

    @property
    def start(self) -> str:
        """The date, and what parts it from a time."""
        return f"^{self._body()}(?:[T ]+|$)"

    def part(self, date: nw.Expr, part: str) -> nw.Expr:
        """The digits of the year, the month or the day (1 where the form has none)."""
        at = next((at for at, (name, _) in enumerate(self.pieces) if name == part), None)
        if at is None:
            return date.str.replace_all("^.+$", "1")
        found = date.str.replace_all(f"^{self._body(0, at)}", "") if at else date
        return found.str.replace_all(f"{self._body(at + 1)}$", "") if at + 1 < len(self.pieces) else found

    def _body(self, start: int = 0, stop: int | None = None) -> str:
        return "".join(pattern for _, pattern in self.pieces[start:stop])


def _form(form: str, column: Column) -> _Form:
    """Read `%m/%d/%Y`. A time in the form is left out of it, because a time is read after any date."""
    tokens = re.findall(r"%.|[^%]", re.split(r"[T\s]*%[HIMSTfpzZ]", form)[0])
    pieces = []
    for at, token in enumerate(tokens):
        name, loose, tight = _PARTS.get(token, ("", re.escape(token), ""))
        beside = (*tokens[max(0, at - 1) : at], *tokens[at + 1 : at + 2])
        digits_beside = any(other in _PARTS or other.isdigit() for other in beside)
        pieces.append((name, tight if name and digits_beside else loose))
    names = sorted(name for name, _ in pieces if name)
    wanted = [["day", "month", "year"], ["month", "year"]] if column.type == "month" else [["day", "month", "year"]]
    if "".join(tokens).count("%") != len(names) or names not in wanted:
        raise DataError(
            f"column `{column.id}` has the date form `{form}`, which cannot be read "
            "(write the year as `%Y`, the month as `%m` and the day as `%d`, each once, in any order)"
        )
    return _Form(tuple(pieces))


def _first(fits: Sequence[nw.Expr], found: Sequence[nw.Expr]) -> nw.Expr:
    """What the first form that fits has found, else null."""
    return nw.coalesce(*(nw.when(fit).then(part) for fit, part in zip(fits, found, strict=True)))


def _calendar_date(year: nw.Expr, month: nw.Expr, day: nw.Expr) -> nw.Expr:
    """The date, or null where the calendar has none such: 31 September, 29 February of most years, the year 0."""

    def divides(number: int) -> nw.Expr:  # not every engine has a remainder
        return year // number * number == year

    leap = divides(4) & (~divides(100) | divides(400))
    beyond = ((day == 31) & month.is_in([4, 6, 9, 11])) | ((month == 2) & ((day > 29) | ((day == 29) & ~leap))) | (year == 0)
    digits = (part.cast(nw.String).str.zfill(width) for part, width in ((year, 4), (month, 2), (day, 2)))
    return nw.when(~beyond).then(nw.concat_str(*digits, separator="-")).str.to_date("%Y-%m-%d")


# --- the time of day ---------------------------------------------------------------------------------------------------------------


def _microseconds(clock: nw.Expr) -> nw.Expr:
    """Since midnight, which is meant where no time is written; null for what is no time (`13:05 PM`)."""

    def field(where: str, digits: Callable[[nw.Expr], nw.Expr]) -> nw.Expr:
        return digits(nw.when(clock.str.contains(where)).then(clock)).cast(nw.Int64).fill_null(0)

    hour = field(":", lambda text: text.str.replace_all(":.*$", ""))
    minute = field(":", lambda text: text.str.replace_all("^[0-9]+:", "").str.slice(0, 2))
    second = field("^[0-9]+:[0-9]+:", lambda text: text.str.replace_all("^[0-9]+:[0-9]+:", "").str.slice(0, 2))
    micros = field("[.,]", lambda text: text.str.replace_all("^[^.,]*[.,]|[^0-9.,].*$", "").str.slice(0, 6).str.pad_end(6, "0"))
    american, afternoon = clock.str.contains("[AaPp]"), clock.str.contains("[Pp]")
    hour = nw.when(american & (hour == 12)).then(hour - 12).when(~american | ((hour >= 1) & (hour < 12))).then(hour)
    hour = nw.when(afternoon).then(hour + 12).otherwise(hour)
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros


def _minutes_ahead(clock: nw.Expr) -> nw.Expr:
    """The offset from UTC, null where none is written."""
    offset = nw.when(clock.str.contains("[-+]")).then(clock).str.replace_all("^[^-+]*|:", "")
    minutes = offset.str.slice(1, 2).cast(nw.Int64) * 60 + offset.str.slice(3, 2).cast(nw.Int64)
    return nw.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)


def _placed(local: str, zone: str, value: str, known: str = "") -> _Steps:
    """The instant at which clocks in the zone showed a local time (microseconds, as if in UTC); null where they did twice, or never.

    The zone's offset a day before and a day after gives two candidates; one counts if clocks showed that time then. The column `known`,
    where it has microseconds in UTC, goes before.
    """
    shown = nw.col(local)
    sides = {side: f"{value}__{side}" for side in ("early", "late")}
    far = {sides["early"]: shown - _DAY, sides["late"]: shown + _DAY}
    yield {f"{side}__far": there for side, there in far.items()}
    yield {f"{side}__seen": Shown(f"{side}__far", zone) for side in far}
    yield {side: shown - (nw.col(f"{side}__seen") - nw.col(f"{side}__far")) for side in far}
    yield {f"{side}__back": Shown(side, zone) for side in far}
    yield {f"{side}__fits": nw.col(f"{side}__back") == shown for side in far}
    first, second = (nw.col(side) for side in far)
    early_fits, late_fits = (nw.col(f"{side}__fits") for side in far)
    found = nw.when(early_fits & (~late_fits | (first == second))).then(first).when(late_fits & ~early_fits).then(second)
    micros = nw.coalesce(nw.col(known), found) if known else found
    yield {f"{value}__micros": nw.when((micros >= _FIRST) & (micros <= _LAST)).then(micros)}
    yield {value: Instant(f"{value}__micros")}
