"""Zones, durations, review cadences and periods: everything that a clock on the wall and a page of the calendar mean here.

Three conventions, used everywhere:

- A fiscal year is named by the calendar year it ends in: with a start in July, `FY2026` runs from July 2025 to June 2026. With a start in
  January it is the calendar year, written without `FY`.
- Weeks are ISO 8601 weeks, Monday to Sunday, and belong to the year of their Thursday: 2024-12-30 lies in `2025-W01`.
- A period ends where the next one starts: `end` is the first day that is no longer in it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo, available_timezones

import attrs

from decision_os.errors import DataError, ExpressionError, InputError, NotFoundError, nearest

__all__ = [
    "Cadence",
    "Grain",
    "Period",
    "ReviewClock",
    "instant_of",
    "last_complete",
    "next_review",
    "parse_cadence",
    "parse_period",
    "period_of",
    "read_duration",
    "trailing_weeks",
    "zone_of",
]

Grain: TypeAlias = Literal["day", "week", "month", "quarter", "year"]

_DAY: Final = dt.timedelta(days=1)

# --- zones -------------------------------------------------------------------------------------------------------------------------

_ABBREVIATIONS: Final = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "UTC": "UTC",
}

# The tz database knows some of these as zones without daylight saving: an hour wrong for half of the year, and nobody means that.
_HALF_YEAR: Final = {f"{letter}{half}": f"{letter}T" for letter in "ECMP" for half in ("ST", "DT")}


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name: `ET`, `CT`, `MT`, `PT`, `UTC`, or a name of the tz database such as `Europe/Berlin`.

    Raises `NotFoundError` with the nearest name; `EST` and its like are refused, because they stand still in summer.

    >>> zone_of("ET").key
    'America/New_York'
    """
    if name in _HALF_YEAR:
        raise NotFoundError(f"`{name}` is the time of half a year only; write `{_HALF_YEAR[name]}`")
    try:
        return ZoneInfo(_ABBREVIATIONS.get(name, name))
    except (OSError, ValueError, LookupError):  # no such key; a folder of the database; a path out of it
        hint = nearest(name, [*_ABBREVIATIONS, *available_timezones()])
        raise NotFoundError(f"no zone `{name}`; {hint or 'write one such as `ET`, `UTC` or `Europe/Berlin`'}") from None


def instant_of(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant at which clocks in `zone` showed a naive `local` time, in UTC.

    Raises `DataError` where clocks were put forward over that time (it never was) or back over it (it was twice).

    >>> instant_of(dt.datetime(2026, 9, 14, 6, 0), zone_of("ET")).isoformat()
    '2026-09-14T10:00:00+00:00'
    """
    text = f"`{local.isoformat(sep=' ')}`"
    try:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    except OverflowError:
        raise DataError(f"{text} lies at the edge of the calendar") from None
    if first == second:
        return first
    if first > second:  # in a gap, the later offset gives the earlier instant
        raise DataError(f"{text} does not exist in {zone.key}: clocks were put forward over it; give the offset from UTC")
    raise DataError(f"{text} was twice in {zone.key}: clocks were put back over it; give the offset from UTC")


def _aware(at: dt.datetime, name: str) -> dt.datetime:
    """`at` in UTC, where subtraction and comparison count elapsed time (within one zone Python's own count wall-clock time)."""
    if at.utcoffset() is None:
        raise InputError(f"`{name}` is a time without a zone", name=name, hint="give an aware datetime")
    try:
        return at.astimezone(dt.UTC)
    except OverflowError:
        raise InputError(f"`{name}` lies at the edge of the calendar: {at}", name=name, hint="give an instant of the years 2 to 9998") from None


# --- durations --------------------------------------------------------------------------------------------------------------------

_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*(w|d|h|m|s)")
_SECONDS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_LONGEST: Final = 1000 * 366 * 86400


@lru_cache(maxsize=1024)
def read_duration(text: str) -> dt.timedelta | None:
    """The duration of `24h`, `14d`, `1h30m`; nothing for another text, and for one of more than a thousand years.

    >>> read_duration("1h30m"), read_duration("soon")
    (datetime.timedelta(seconds=5400), None)
    """
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        return None
    seconds = sum(Fraction(count) * _SECONDS[unit] for count, unit in parts)
    return dt.timedelta(seconds=float(seconds)) if seconds <= _LONGEST else None


# --- cadences ----------------------------------------------------------------------------------------------------------------------

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAY_WORDS: Final = {
    **{day.lower(): number for number, day in enumerate(_WEEKDAYS)},
    **{day[:3].lower(): number for number, day in enumerate(_WEEKDAYS)},
    "tues": 1,
    "weds": 2,
    "thur": 3,
    "thurs": 3,
}
_ORDINALS: Final = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "last": -1}
_DEFAULT_TIME: Final = dt.time(9)
_CADENCE_HINT: Final = "write one such as `Tue 10:00 ET`, `1st Wed 13:00 ET`, `last Fri 09:30 ET` or `Q-10d`"


@attrs.frozen
class Cadence:
    """When something is reviewed: each week, each month, or some days before each fiscal quarter.

    `weekday` counts from Monday = 0. `nth` is which such day of the month, -1 the last. `days_before` counts calendar days before
    the first day of the quarter. `zone` is a name of the tz database, `time` what the clock on the wall shows there.
    """

    text: str
    every: Literal["week", "month", "quarter"]
    time: dt.time
    zone: str
    weekday: int = 0
    nth: int = 0
    days_before: int = 0

    def __str__(self) -> str:
        return self.text


@attrs.frozen
class _Word:
    text: str
    start: int


def parse_cadence(text: str, zone: str = "America/New_York") -> Cadence:
    """Read `Tue 10:00 ET`, `1st Wed 13:00 ET`, `last Fri 09:30 ET`, or `Q-10d` (10 calendar days before each fiscal quarter begins).

    A time left out is 09:00, a zone left out is `zone`. Raises `ExpressionError` with the place and what to write instead, and
    `NotFoundError` where `zone` itself is none.

    >>> cadence = parse_cadence("1st Wed 13:00 ET")
    >>> cadence.every, cadence.nth, cadence.weekday, cadence.time.hour, cadence.zone
    ('month', 1, 2, 13, 'America/New_York')
    """
    if not isinstance(text, str):
        raise ExpressionError("a cadence is a text", hint=_CADENCE_HINT)
    words = [_Word(match.group(), match.start()) for match in re.finditer(r"\S+", text)]
    if not words:
        raise ExpressionError.at(text, 0, 1, "a cadence is empty", _CADENCE_HINT)
    fallback = zone_of(zone).key
    first = words.pop(0)
    every: Literal["week", "month", "quarter"] = "week"
    nth = weekday = days_before = 0
    if first.text[0] in "Qq":
        every, days_before = "quarter", _days_before(text, first)
    elif first.text.lower() in _ORDINALS:
        every, nth = "month", _ORDINALS[first.text.lower()]
        if not words:
            raise ExpressionError.at(text, first.start, len(first.text), f"`{first.text}` of what", "name the weekday, as in `1st Wed 13:00 ET`")
        weekday = _weekday(text, words.pop(0))
    else:
        weekday = _weekday(text, first)
    time = _time(text, words.pop(0)) if words and words[0].text[0].isdigit() else _DEFAULT_TIME
    key = _zone(text, words.pop(0)) if words else fallback
    if words:
        raise ExpressionError.at(text, words[0].start, len(words[0].text), f"`{words[0].text}` is one word too many", _CADENCE_HINT)
    return Cadence(text.strip(), every, time, key, weekday, nth, days_before)


def _days_before(text: str, word: _Word) -> int:
    match = re.fullmatch(r"[Qq][-\N{MINUS SIGN}\N{EN DASH}]([0-9]{1,2})d", word.text)
    if match is None or int(match[1]) > 60:  # two months at most: beyond that it is another quarter's date
        hint = "write the days before a fiscal quarter begins, 0 to 60, as in `Q-10d`"
        raise ExpressionError.at(text, word.start, len(word.text), f"`{word.text}` is not a number of days before a quarter", hint)
    return int(match[1])


def _weekday(text: str, word: _Word) -> int:
    number = _WEEKDAY_WORDS.get(word.text.lower())
    if number is not None:
        return number
    if re.fullmatch(r"[0-9]+(st|nd|rd|th)", word.text.lower()):
        message, hint = f"not every month has a `{word.text}`", "write `1st` to `4th`, or `last`"
    else:
        message = f"`{word.text}` is not a weekday"
        hint = nearest(word.text, [day[:3] for day in _WEEKDAYS] + [*_WEEKDAYS, *_ORDINALS]) or _CADENCE_HINT
    raise ExpressionError.at(text, word.start, len(word.text), message, hint)


def _time(text: str, word: _Word) -> dt.time:
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", word.text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ExpressionError.at(text, word.start, len(word.text), f"`{word.text}` is not a time of day", "write it on 24 hours, as in `09:30` or `13:00`")
    return dt.time(int(match[1]), int(match[2]))


def _zone(text: str, word: _Word) -> str:
    try:
        return zone_of(word.text).key
    except NotFoundError as error:
        message, _, hint = str(error).partition("; ")
        raise ExpressionError.at(text, word.start, len(word.text), message, hint) from None


def next_review(cadence: Cadence, after: dt.datetime, fiscal_year_start: int = 1, holidays: Collection[dt.date] = ()) -> dt.datetime:
    """The first review strictly after an aware instant, in the cadence's zone.

    A weekly or monthly review on a holiday moves to the next working day: a meeting is held late rather than not at all. A `Q-10d`
    review on a holiday or at a weekend moves to the working day before: it is counted back from the quarter it plans for, and a
    later day would eat the days it is meant to leave. A weekly review asked for on a Saturday stays there.

    The clock on the wall counts: 10:00 stays 10:00 over a change of daylight saving. A time that the change skips is held as much
    later as clocks jump (02:30 becomes 03:30); a time that comes twice means the first.

    Raises `InputError` for an instant without a zone or at the edge of the calendar, a month that is none, and a holiday that is no date.

    >>> after = dt.datetime(2026, 9, 15, 14, 0, tzinfo=dt.UTC)   # 10:00 in New York: this review is now
    >>> next_review(parse_cadence("Tue 10:00 ET"), after).isoformat()
    '2026-09-22T10:00:00-04:00'
    """
    instant = _aware(after, "after")
    _check_month(fiscal_year_start)
    zone = zone_of(cadence.zone)
    closed = _days(holidays)

    def review(number: int) -> dt.datetime:
        day = _working_day(cadence, _review_day(cadence, here, number, fiscal_year_start), closed)
        return dt.datetime.combine(day, cadence.time, tzinfo=zone).astimezone(dt.UTC)

    # Moving keeps the order of the reviews, so the first later one is found by walking: back to one that is over, then forward.
    try:
        here, number = instant.astimezone(zone).date(), 0
        while review(number) > instant:
            number -= 1
        while review(number) <= instant:
            number += 1
        return review(number).astimezone(zone)
    except (OverflowError, ValueError):
        raise InputError(f"no review after {instant:%Y-%m-%d} lies in the calendar", name="after", hint="give an instant of the years 2 to 9998") from None


class ReviewClock:
    """The next review of one cadence, remembered for as long as it stays the next one.

    >>> clock = ReviewClock(parse_cadence("Tue 10:00 ET"))
    >>> clock.after(dt.datetime(2026, 10, 5, tzinfo=dt.UTC)).isoformat()
    '2026-10-06T10:00:00-04:00'
    """

    def __init__(self, cadence: Cadence, fiscal_year_start: int = 1, holidays: Collection[dt.date] = ()) -> None:
        self.cadence, self.fiscal_year_start, self.holidays = cadence, fiscal_year_start, holidays
        self._known: tuple[dt.datetime, dt.datetime] | None = None

    def after(self, at: dt.datetime) -> dt.datetime:
        """As `next_review`: from an instant to the review after it, every instant between has that same review next."""
        instant = _aware(at, "at")
        known = self._known  # read once: another thread may replace the pair, never half of it
        if known is None or not known[0] <= instant < known[1]:
            known = self._known = instant, next_review(self.cadence, instant, self.fiscal_year_start, self.holidays)
        return known[1]


def _days(holidays: Collection[dt.date]) -> frozenset[dt.date]:
    for day in holidays:
        if not isinstance(day, dt.date) or isinstance(day, dt.datetime):
            raise InputError(f"a holiday is a date, not {day!r}", name="holidays", hint="as in `date(2026, 11, 26)`; of an instant, `.date()` in your zone")
    return frozenset(holidays)


def _review_day(cadence: Cadence, near: dt.date, number: int, fiscal_year_start: int) -> dt.date:
    """The day of the review in the week, month or quarter of `near`, or so many of them later; before it is moved."""
    if cadence.every == "week":
        return near + dt.timedelta(days=cadence.weekday - near.weekday() + 7 * number)
    if cadence.every == "quarter":
        return period_of(near, "quarter", fiscal_year_start).next(number).start - dt.timedelta(days=cadence.days_before)
    month = period_of(near, "month").next(number)
    if cadence.nth > 0:
        return month.start + dt.timedelta(days=(cadence.weekday - month.start.weekday()) % 7 + 7 * (cadence.nth - 1))
    last = month.end - _DAY
    return last - dt.timedelta(days=(last.weekday() - cadence.weekday) % 7)


def _working_day(cadence: Cadence, day: dt.date, holidays: Collection[dt.date]) -> dt.date:
    counted_back = cadence.every == "quarter"
    if day in holidays or (counted_back and day.weekday() >= 5):
        step = -_DAY if counted_back else _DAY
        while day in holidays or day.weekday() >= 5:
            day += step
    return day


# --- periods -----------------------------------------------------------------------------------------------------------------------

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_PERIOD_HINT: Final = "write `2026-09-14`, `2026-W39`, `2026-09`, `2026-Q3` or `2026`"
_PERIOD_FORMS: Final = re.compile(r"(?P<fy>FY)?(?P<y>[0-9]{4})(?:-W(?P<w>[0-9]{2})|-Q(?P<q>[0-9])|-(?P<m>[0-9]{2})(?:-(?P<d>[0-9]{2}))?)?")


@attrs.frozen
class Period:
    """A day, an ISO week, a month, a fiscal quarter or a fiscal year: from `start` up to, and not including, `end`.

    `fiscal_year_start` is the month a fiscal year begins in; it is 1 for the grains that do not depend on it. Usually made by
    `period_of` or `parse_period`. Raises `InputError` for a `start` that no period of the grain has.

    >>> print(Period("quarter", dt.date(2026, 1, 1), 7), Period("week", dt.date(2024, 12, 30)))
    FY2026-Q3 2025-W01
    """

    grain: Grain
    start: dt.date
    fiscal_year_start: int = 1
    end: dt.date = attrs.field(init=False, repr=False)

    @end.default
    def _end(self) -> dt.date:
        return _step(self.start, self.grain, 1)

    def __attrs_post_init__(self) -> None:
        if self.start != _start_of(self.start, self.grain, self.fiscal_year_start):
            raise InputError(f"no {self.grain} starts on {self.start}", name="start", hint="use `period_of`")
        if self.grain not in ("quarter", "year") and self.fiscal_year_start != 1:
            raise InputError(f"a {self.grain} does not depend on the fiscal year", name="fiscal_year_start", hint="leave it out")

    def next(self, n: int = 1) -> Period:
        """The n-th period after this one; before it where n is negative."""
        return attrs.evolve(self, start=_step(self.start, self.grain, n))

    def previous(self, n: int = 1) -> Period:
        """The n-th period before this one."""
        return self.next(-n)

    def __str__(self) -> str:
        match self.grain:
            case "day":
                return self.start.isoformat()
            case "week":
                iso = self.start.isocalendar()
                return f"{iso.year:04d}-W{iso.week:02d}"
            case "month":
                return f"{self.start.year:04d}-{self.start.month:02d}"
            case _:
                months_in = (self.start.month - self.fiscal_year_start) % 12
                year = self.start.year + (self.fiscal_year_start > 1 and self.start.month >= self.fiscal_year_start)
                quarter = f"-Q{months_in // 3 + 1}" if self.grain == "quarter" else ""
                return f"{'FY' if self.fiscal_year_start > 1 else ''}{year:04d}{quarter}"


def _check_month(fiscal_year_start: int) -> None:
    if fiscal_year_start not in range(1, 13):
        raise InputError(f"`{fiscal_year_start}` is not a month", name="fiscal_year_start", hint="a number from 1 to 12")


def _step(start: dt.date, grain: Grain, n: int) -> dt.date:
    """The start of the n-th period after the one that starts there."""
    try:
        if grain in ("day", "week"):
            return start + dt.timedelta(days=n * (7 if grain == "week" else 1))
        months = start.year * 12 + start.month - 1 + n * _MONTHS[grain]
        return dt.date(months // 12, months % 12 + 1, start.day)
    except (OverflowError, ValueError):
        raise InputError(f"{n} {grain}s from {start} lies outside the calendar", hint="years run from 1 to 9999") from None


def _start_of(day: dt.date, grain: Grain, fiscal_year_start: int) -> dt.date:
    _check_month(fiscal_year_start)
    if grain == "day":
        return day
    if grain == "week":
        return day - day.weekday() * _DAY  # 0001-01-01 is a Monday, so this stays in the calendar
    return _step(day.replace(day=1), "month", -((day.month - fiscal_year_start) % _MONTHS[grain]))


def period_of(day: dt.date, grain: Grain, fiscal_year_start: int = 1) -> Period:
    """The period of that grain in which a day lies.

    Raises `InputError` for a grain or a month that is none, and for an instant: which day that is depends on the zone.

    >>> str(period_of(dt.date(2026, 9, 14), "quarter")), str(period_of(dt.date(2026, 9, 14), "quarter", 7))
    ('2026-Q3', 'FY2027-Q1')
    """
    if isinstance(day, dt.datetime):
        raise InputError("an instant is not a day until a zone is chosen", name="day", hint="give `at.astimezone(zone).date()`")
    if grain not in get_args(Grain):
        raise InputError(f"no grain `{grain}`", name="grain", hint=nearest(grain, get_args(Grain)) or "day, week, month, quarter or year")
    _check_month(fiscal_year_start)
    return Period(grain, _start_of(day, grain, fiscal_year_start), fiscal_year_start if grain in ("quarter", "year") else 1)


def parse_period(text: str, fiscal_year_start: int = 1) -> Period:
    """Read `2026-09-14`, `2026-W39`, `2026-09`, `2026-Q3` or `2026`; `parse_period(str(p), p.fiscal_year_start)` is `p`.

    Where the fiscal year does not begin in January, its quarters and years are written with `FY`, and refused without: `2026-Q3`
    could be either. Raises `ExpressionError`.

    >>> parse_period("FY2026-Q3", fiscal_year_start=7).start
    datetime.date(2026, 1, 1)
    """
    _check_month(fiscal_year_start)
    written = text.strip()
    start = text.find(written)
    match = _PERIOD_FORMS.fullmatch(written)
    if match is None:
        raise ExpressionError.at(text, start, len(written), f"`{written}` is not a period", _PERIOD_HINT)
    fiscal = not (match["w"] or match["m"])
    if match["fy"] and not fiscal:
        raise ExpressionError.at(text, start, 2, "`FY` goes with a quarter or a year", f"write `{written[2:]}`")
    if fiscal and fiscal_year_start > 1 and not match["fy"]:
        raise ExpressionError.at(text, start, len(written), f"`{written}` may be a calendar or a fiscal period", f"write `FY{written}` for the fiscal one")
    try:
        return _period_from(match, fiscal_year_start)
    except ValueError:  # no such day, week, month or quarter, or beyond the calendar (an InputError is one too)
        raise ExpressionError.at(text, start, len(written), f"there is no `{written}`", "check it against a calendar") from None


def _period_from(match: re.Match[str], fiscal_year_start: int) -> Period:
    year = int(match["y"])
    if match["w"]:
        return Period("week", dt.date.fromisocalendar(year, int(match["w"]), 1))
    if match["d"]:
        return Period("day", dt.date(year, int(match["m"]), int(match["d"])))
    if match["m"]:
        return Period("month", dt.date(year, int(match["m"]), 1))
    first = dt.date(year - (fiscal_year_start > 1), fiscal_year_start, 1)
    if not match["q"]:
        return Period("year", first, fiscal_year_start)
    quarter = int(match["q"])
    if quarter not in range(1, 5):
        raise ValueError(quarter)
    return Period("quarter", first, fiscal_year_start).next(quarter - 1)


def last_complete(at: dt.datetime, grain: Grain, zone: str, fiscal_year_start: int = 1) -> Period:
    """The latest period that was wholly over at an aware instant, by the calendar in `zone`.

    Raises `InputError` for an instant without a zone, `NotFoundError` for a zone that is none.

    >>> at = dt.datetime(2026, 10, 1, 2, 0, tzinfo=dt.UTC)   # still September in New York
    >>> str(last_complete(at, "month", "ET")), str(last_complete(at, "month", "UTC"))
    ('2026-08', '2026-09')
    """
    today = _aware(at, "at").astimezone(zone_of(zone)).date()
    return period_of(today, grain, fiscal_year_start).previous()


def trailing_weeks(before: Period, count: int, *, mature_by: dt.date | None = None, maturity: dt.timedelta = dt.timedelta(0)) -> tuple[Period, ...]:
    """The `count` latest ISO weeks, oldest first, that end on or before `before` starts and were mature on `mature_by`.

    A week is mature once `maturity` has passed since it ended; part of a day counts as a day. Without `mature_by` all are mature.
    Raises `InputError` for a negative count.

    >>> before = parse_period("2026-W39")
    >>> [str(week) for week in trailing_weeks(before, 2, mature_by=before.start, maturity=dt.timedelta(days=14))]
    ['2026-W35', '2026-W36']
    """
    if count < 0:
        raise InputError(f"`{count}` is not a number of weeks", name="count", hint="0 or more")
    latest_end = before.start
    if mature_by is not None:
        latest_end = min(latest_end, mature_by + (-maturity // _DAY) * _DAY)
    following = period_of(latest_end, "week")
    return tuple(following.previous(back) for back in range(count, 0, -1))
