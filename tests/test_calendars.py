"""Zones, review cadences and periods."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_os.calendars import (
    Cadence,
    Grain,
    Period,
    ReviewClock,
    instant_of,
    last_complete,
    next_review,
    parse_cadence,
    parse_period,
    period_of,
    trailing_weeks,
    zone_of,
)
from decision_os.errors import ExpressionError, InputError, NotFoundError

DAY = dt.timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")

days = st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1))
grains = st.sampled_from(get_args(Grain))
months = st.integers(1, 12)
aware = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2040, 1, 1), timezones=st.sampled_from([dt.UTC, NEW_YORK, ZoneInfo("Asia/Kolkata")]))
holidays_near = st.lists(st.integers(-10, 30), max_size=20)


def at(text: str) -> dt.datetime:
    """An instant from the clocks in New York."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def wall(instant: dt.datetime) -> str:
    """What calendar and clock show where the review is held."""
    return instant.strftime("%a %Y-%m-%d %H:%M")


# --- zones ---


@pytest.mark.parametrize(
    ("name", "key"),
    [("ET", "America/New_York"), ("CT", "America/Chicago"), ("MT", "America/Denver"), ("PT", "America/Los_Angeles"), ("UTC", "UTC")],
)
def test_short_zones_are_places(name: str, key: str) -> None:
    """`ET` would be a fixed offset, an hour wrong in summer."""
    assert key == zone_of(name).key


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EST", "write `ET`"),
        ("PDT", "write `PT`"),
        ("Europe/Berlim", "`Europe/Berlin`"),
        ("America", "no zone"),
        ("../x", "no zone"),
        ("", "no zone"),
    ],
)
def test_what_is_no_zone_is_answered(name: str, words: str) -> None:
    """A zone that stands still in summer, or an error of the operating system, would come through."""
    with pytest.raises(NotFoundError, match=words):
        zone_of(name)


@given(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2040, 1, 1)))
def test_a_local_time_that_was_once_comes_back(local: dt.datetime) -> None:
    """An instant would show another time on the wall than the one it was made from."""
    try:
        instant = instant_of(local, NEW_YORK)
    except ValueError as error:
        assert local.month in (3, 4, 10, 11), error
    else:
        assert local == instant.astimezone(NEW_YORK).replace(tzinfo=None, fold=0)


def test_the_edge_of_the_calendar_is_an_answer() -> None:
    """A sentinel date in an export would end in an overflow."""
    with pytest.raises(ValueError, match="edge of the calendar"):
        instant_of(dt.datetime(9999, 12, 31, 23), NEW_YORK)


# --- cadences as text ---


@pytest.mark.parametrize(
    ("text", "every", "which", "time", "zone"),
    [
        ("Tue 10:00 ET", "week", (1, 0, 0), "10:00", "America/New_York"),
        ("1st Wed 13:00 ET", "month", (2, 1, 0), "13:00", "America/New_York"),
        ("last Fri 09:30 PT", "month", (4, -1, 0), "09:30", "America/Los_Angeles"),
        ("Q-10d", "quarter", (0, 0, 10), "09:00", "Europe/Berlin"),
        ("Q\N{MINUS SIGN}10d 10:00 ET", "quarter", (0, 0, 10), "10:00", "America/New_York"),
        (" thursday\u00a08:05 Asia/Kolkata", "week", (3, 0, 0), "08:05", "Asia/Kolkata"),
        ("3RD mon CT", "month", (0, 3, 0), "09:00", "America/Chicago"),
    ],
)
def test_a_cadence_is_read_as_written(text: str, every: str, which: tuple[int, int, int], time: str, zone: str) -> None:
    """The article's own cadences, or a spelling of them, would be misread."""
    cadence = parse_cadence(text, "Europe/Berlin")
    assert (every, which) == (cadence.every, (cadence.weekday, cadence.nth, cadence.days_before))
    assert (time, zone, text.strip()) == (cadence.time.isoformat("minutes"), cadence.zone, str(cadence))


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "`Tue 10:00 ET`"),
        ("Tus 10:00 ET", 1, "did you mean `Tu"),
        ("every week", 1, "is not a weekday"),
        ("Tue 25:00 ET", 5, "on 24 hours"),
        ("Tue 10am ET", 5, "`10am` is not a time of day"),
        ("Tue 10:00 EST", 11, "write `ET`"),
        ("Tue 10:00 Europe/Berlim", 11, "did you mean `Europe/Berlin`?"),
        ("Tue 10:00 ET sharp", 14, "one word too many"),
        ("1st", 1, "name the weekday"),
        ("1st 13:00 ET", 5, "is not a weekday"),
        ("5th Fri 09:30 ET", 1, "or `last`"),
        ("Q-10", 1, "as in `Q-10d`"),
        ("Q+10d", 1, "as in `Q-10d`"),
        ("Q-61d", 1, "0 to 60"),
    ],
)
def test_a_text_that_is_no_cadence_is_answered_at_its_place(text: str, column: int, words: str) -> None:
    """An author would get a review on a wrong day, or an error that points nowhere."""
    with pytest.raises(ExpressionError) as caught:
        parse_cadence(text)
    assert (1, column) == (caught.value.line, caught.value.column)
    assert words in str(caught.value)


@given(st.text(alphabet="Tue1stQq-0d :ETlaFri²\n", max_size=14))
def test_any_text_is_read_or_refused_in_one_way(text: str) -> None:
    """Some text would escape as another exception than the typed one."""
    try:
        cadence = parse_cadence(text)
    except ExpressionError as error:
        assert error.hint
    else:
        assert parse_cadence(cadence.text) == cadence


# --- the next review ---


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("Tue 10:00 ET", "2026-09-14 12:00", "Tue 2026-09-15 10:00"),
        ("Tue 10:00 ET", "2026-09-15 09:59", "Tue 2026-09-15 10:00"),
        ("Tue 10:00 ET", "2026-09-15 10:00", "Tue 2026-09-22 10:00"),
        ("1st Wed 13:00 ET", "2026-09-02 13:00", "Wed 2026-10-07 13:00"),
        ("1st Wed 13:00 ET", "2026-12-03 00:00", "Wed 2027-01-06 13:00"),
        ("4th Thu 13:00 ET", "2026-11-01 00:00", "Thu 2026-11-26 13:00"),
        ("last Fri 09:30 ET", "2026-02-01 00:00", "Fri 2026-02-27 09:30"),
        ("last Fri 09:30 ET", "2026-07-31 09:29", "Fri 2026-07-31 09:30"),
        ("Sat 10:00 ET", "2026-09-14 12:00", "Sat 2026-09-19 10:00"),
        ("Q-10d", "2026-09-14 12:00", "Mon 2026-09-21 09:00"),
        ("Q-10d 10:00 ET", "2026-09-21 09:00", "Mon 2026-09-21 10:00"),
        ("Q-10d", "2026-09-21 09:00", "Tue 2026-12-22 09:00"),
        ("Q-9d", "2027-06-01 09:00", "Tue 2027-06-22 09:00"),
        ("Q-10d", "2028-03-01 09:00", "Wed 2028-03-22 09:00"),
    ],
)
def test_the_next_review_worked_by_hand(text: str, after: str, expected: str) -> None:
    """A review would be a week, a month or a quarter off."""
    assert expected == wall(next_review(parse_cadence(text), at(after)))


def test_a_review_counted_back_to_a_weekend_is_held_before_it() -> None:
    """Ten days before April 2026 is a Sunday: on the Monday after, planning would have nine."""
    assert "Fri 2026-03-20 09:00" == wall(next_review(parse_cadence("Q-10d"), at("2026-01-15 00:00")))


def test_a_fiscal_year_moves_the_quarters() -> None:
    """Planning would follow the calendar quarter of a company that does not."""
    cadence = parse_cadence("Q-10d")
    assert "Thu 2026-10-22 09:00" == wall(next_review(cadence, at("2026-09-14 12:00"), fiscal_year_start=2))
    assert "Fri 2026-08-21 09:00" == wall(next_review(cadence, at("2026-08-01 12:00"), fiscal_year_start=3))


def test_holidays_move_a_meeting_on_and_a_deadline_back() -> None:
    """A review would stand on a day nobody works, or be skipped."""
    tuesday = parse_cadence("Tue 10:00 ET")
    assert "Wed 2026-09-16 10:00" == wall(next_review(tuesday, at("2026-09-14 12:00"), holidays=[dt.date(2026, 9, 15)]))
    friday = parse_cadence("last Fri 09:30 ET")
    assert "Mon 2026-09-28 09:30" == wall(next_review(friday, at("2026-09-14 12:00"), holidays={dt.date(2026, 9, 25)}))
    deadline = [dt.date(2026, 9, 21), dt.date(2026, 9, 18)]
    assert "Thu 2026-09-17 09:00" == wall(next_review(parse_cadence("Q-10d"), at("2026-09-14 12:00"), holidays=deadline))


def test_a_review_moved_past_now_is_not_skipped() -> None:
    """On a Tuesday that is a holiday, at noon, the review moved to Wednesday would be lost until next week."""
    assert "Wed 2026-09-16 10:00" == wall(next_review(parse_cadence("Tue 10:00 ET"), at("2026-09-15 12:00"), holidays=[dt.date(2026, 9, 15)]))
    fortnight = [dt.date(2026, 9, 14) + n * DAY for n in range(14)]
    assert "Mon 2026-09-28 10:00" == wall(next_review(parse_cadence("Mon 10:00 ET"), at("2026-09-25 12:00"), holidays=fortnight))


def test_a_review_of_last_month_moved_into_this_one_is_not_skipped() -> None:
    """A last Friday moved to the Monday after would be lost on the first of the new month."""
    friday = parse_cadence("last Fri 09:30 ET")
    assert "Mon 2026-08-03 09:30" == wall(next_review(friday, at("2026-08-01 12:00"), holidays=[dt.date(2026, 7, 31)]))


def test_the_wall_clock_counts_over_daylight_saving() -> None:
    """Reviews would be an hour off for half of the year."""
    tuesday = parse_cadence("Tue 10:00 ET")
    found = [next_review(tuesday, at(after)) for after in ("2026-03-01 00:00", "2026-03-08 00:00", "2026-10-27 12:00")]
    assert ["2026-03-03T10:00:00-05:00", "2026-03-10T10:00:00-04:00", "2026-11-03T10:00:00-05:00"] == [each.isoformat() for each in found]


@pytest.mark.parametrize(
    ("after", "expected"),
    [("2026-03-07 12:00", "2026-03-08T03:30:00-04:00"), ("2026-10-31 12:00", "2026-11-01T01:30:00-04:00")],
)
def test_wall_times_that_are_skipped_or_come_twice_are_defined(after: str, expected: str) -> None:
    """A review at a time that does not exist would be at another instant on each platform."""
    text = "Sun 02:30 ET" if "03-07" in after else "Sun 01:30 ET"
    assert expected == next_review(parse_cadence(text), at(after)).isoformat()


def test_between_the_two_hours_that_look_alike_the_review_is_over() -> None:
    """Comparing clocks instead of instants, the review would come again in the repeated hour."""
    again = at("2026-11-01 01:00").replace(fold=1)
    assert "Sun 2026-11-08 01:30" == wall(next_review(parse_cadence("Sun 01:30 ET"), again))


@given(st.integers(0, 6), st.sampled_from([0, 1, 2, 3, 4, -1]), aware, st.sampled_from(["ET", "UTC", "Asia/Kolkata"]))
def test_reviews_come_later_on_their_day_and_soon_enough(weekday: int, nth: int, after: dt.datetime, zone: str) -> None:
    """A review would be now, on another weekday, or one would be skipped."""
    cadence = Cadence("", "month" if nth else "week", dt.time(10), zone, weekday, nth)
    review = next_review(cadence, after)
    assert review.astimezone(dt.UTC) > after.astimezone(dt.UTC)
    assert (weekday, dt.time(10)) == (review.weekday(), review.time())
    assert review.astimezone(dt.UTC) - after.astimezone(dt.UTC) <= (36 if nth else 7) * DAY + dt.timedelta(hours=1)
    if nth > 0:
        assert nth == (review.day + 6) // 7
    elif nth:
        assert review.month != (review + 7 * DAY).month


def worked(day: dt.date, closed: set[dt.date], step: dt.timedelta) -> dt.date:
    """The day itself, or the nearest working day in the direction of `step`."""
    while day in closed or day.weekday() >= 5:
        day += step
    return day


@given(st.integers(0, 4), aware, holidays_near)
def test_the_next_meeting_is_the_first_of_all_meetings_after_now(weekday: int, after: dt.datetime, closed: list[int]) -> None:
    """Walking from week to week would skip a meeting that going through every day finds."""
    holidays = {after.date() + number * DAY for number in closed}
    around = [after.date() + number * DAY for number in range(-80, 100)]
    meetings = [worked(day, holidays, DAY) for day in around if day.weekday() == weekday]
    found = [dt.datetime.combine(day, dt.time(10), NEW_YORK).astimezone(dt.UTC) for day in meetings]
    review = next_review(Cadence("", "week", dt.time(10), "ET", weekday), after, holidays=holidays)
    assert min(each for each in found if each > after) == review


@given(st.integers(0, 60), months, aware, holidays_near)
def test_the_next_deadline_is_the_first_of_all_deadlines_after_now(before: int, month: int, after: dt.datetime, closed: list[int]) -> None:
    """A planning review would fall on a free day, leave fewer days than it must, or be skipped."""
    holidays = {after.date() + number * DAY for number in closed}
    around = [after.date() + number * DAY for number in range(-130, 260)]
    starts = [day for day in around if day.day == 1 and (day.month - month) % 3 == 0]
    deadlines = [worked(start - before * DAY, holidays, -DAY) for start in starts]
    found = [dt.datetime.combine(day, dt.time(9), NEW_YORK).astimezone(dt.UTC) for day in deadlines]
    review = next_review(Cadence("", "quarter", dt.time(9), "ET", days_before=before), after, month, holidays)
    assert min(each for each in found if each > after) == review


def test_an_instant_and_a_month_are_asked_for() -> None:
    """A naive time would be taken for some zone's, a month 0 for December."""
    with pytest.raises(InputError, match="without a zone"):
        next_review(parse_cadence("Q-10d"), dt.datetime(2026, 9, 14))
    with pytest.raises(InputError, match="not a month"):
        next_review(parse_cadence("Q-10d"), at("2026-09-14"), fiscal_year_start=0)
    with pytest.raises(InputError, match="without a zone"):
        ReviewClock(parse_cadence("Q-10d")).after(dt.datetime(2026, 9, 14))


@pytest.mark.parametrize("cadence", ["Q-10d", "Tue 10:00 ET", "1st Wed 13:00 ET"])
@pytest.mark.parametrize("after", ["9999-12-31T23:00", "0001-01-01T00:00"])
def test_a_review_at_the_edge_of_the_calendar_is_found_or_refused(cadence: str, after: str) -> None:
    """A batch over ages would end in a raw OverflowError."""
    with contextlib.suppress(InputError):
        assert next_review(parse_cadence(cadence), at(after)) > at(after)


def test_a_holiday_that_is_an_instant_is_refused() -> None:
    """It equals no date, so the review would be held on the holiday without a word."""
    for each in (dt.datetime(2026, 11, 26), "2026-11-26"):
        with pytest.raises(InputError, match="a holiday is a date"):
            next_review(parse_cadence("Thu 10:00 ET"), at("2026-11-25"), holidays=[each])  # type: ignore[list-item]  # the mistake under test


@given(st.integers(-240, 240), st.integers(0, 1), st.booleans())
def test_the_clock_of_reviews_goes_by_elapsed_time(minutes: int, fold: int, ahead: bool) -> None:
    """In the hour that autumn repeats a review that is over would still be the next one."""
    clock = ReviewClock(parse_cadence("Sun 01:45 ET"))
    zone = ZoneInfo("America/New_York")
    first = dt.datetime(2026, 11, 1, 1, 30, tzinfo=zone, fold=0 if ahead else fold)
    then = (dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC) + minutes * dt.timedelta(minutes=1)).astimezone(zone)
    clock.after(first)
    assert clock.after(then) == next_review(clock.cadence, then.astimezone(dt.UTC))


# --- periods ---


@pytest.mark.parametrize(
    ("day", "grain", "month", "text", "start", "end"),
    [
        ("2026-09-14", "day", 1, "2026-09-14", "2026-09-14", "2026-09-15"),
        ("2026-09-24", "week", 7, "2026-W39", "2026-09-21", "2026-09-28"),
        ("2024-12-30", "week", 1, "2025-W01", "2024-12-30", "2025-01-06"),
        ("2027-01-03", "week", 1, "2026-W53", "2026-12-28", "2027-01-04"),
        ("2026-12-31", "month", 1, "2026-12", "2026-12-01", "2027-01-01"),
        ("2026-09-14", "quarter", 1, "2026-Q3", "2026-07-01", "2026-10-01"),
        ("2026-01-31", "quarter", 7, "FY2026-Q3", "2026-01-01", "2026-04-01"),
        ("2026-01-31", "quarter", 2, "FY2026-Q4", "2025-11-01", "2026-02-01"),
        ("2026-02-01", "quarter", 2, "FY2027-Q1", "2026-02-01", "2026-05-01"),
        ("2026-09-14", "year", 1, "2026", "2026-01-01", "2027-01-01"),
        ("2026-09-14", "year", 10, "FY2026", "2025-10-01", "2026-10-01"),
        ("2026-10-01", "year", 10, "FY2027", "2026-10-01", "2027-10-01"),
    ],
)
def test_periods_worked_by_hand(day: str, grain: Grain, month: int, text: str, start: str, end: str) -> None:  # a table's row
    """A reading would be counted into a neighbouring period, or named after the wrong fiscal year."""
    period = period_of(dt.date.fromisoformat(day), grain, month)
    assert (text, start, end) == (str(period), period.start.isoformat(), period.end.isoformat())


@given(days, grains, months)
def test_a_day_lies_in_its_period_and_the_text_reads_back(day: dt.date, grain: Grain, month: int) -> None:
    """Two periods would share a text, or a day fall between them."""
    period = period_of(day, grain, month)
    assert period.start <= day < period.end
    assert period == parse_period(str(period), month)
    assert {period} == {period_of(period.start, grain, month), period_of(period.end - DAY, grain, month)}


@given(days, grains, months, st.integers(-30, 30))
def test_previous_and_next_undo_each_other_and_leave_no_gap(day: dt.date, grain: Grain, month: int, n: int) -> None:
    """A baseline over trailing periods would skip one or count one twice."""
    period = period_of(day, grain, month)
    assert period == period.next(n).previous(n) == period.previous(n).next(n)
    assert period.end == period.next().start
    assert period.next(n).next() == period.next(n + 1)


@pytest.mark.parametrize(
    ("text", "month", "words"),
    [
        ("2026-9", 1, "`2026-09`"),
        ("", 1, "is not a period"),
        ("Q3", 1, "is not a period"),
        ("2026-W54", 1, "there is no `2026-W54`"),
        ("2025-W53", 1, "there is no `2025-W53`"),
        ("2026-02-29", 1, "there is no"),
        ("2026-13", 1, "there is no"),
        ("2026-Q5", 1, "there is no"),
        ("0000", 1, "there is no"),
        ("9999", 1, "there is no"),
        ("FY0001", 7, "there is no"),
        ("FY2026-W39", 1, "write `2026-W39`"),
        ("2026-Q3", 7, "write `FY2026-Q3`"),
        ("2026", 7, "write `FY2026`"),
        ("٢٠٢٦", 1, "is not a period"),
    ],
)
def test_a_text_that_is_no_period_is_answered(text: str, month: int, words: str) -> None:
    """A week that a year does not have would become a week of the next, a calendar quarter a fiscal one."""
    with pytest.raises(ExpressionError) as caught:
        parse_period(text, month)
    assert words in str(caught.value)


def test_a_period_that_is_none_cannot_be_built() -> None:
    """A month from the 15th, or an instant that is another day elsewhere, would pass as a period."""
    with pytest.raises(InputError, match="no month starts on 2026-09-15"):
        Period("month", dt.date(2026, 9, 15))
    with pytest.raises(InputError, match="fiscal year"):
        Period("week", dt.date(2026, 9, 14), 7)
    with pytest.raises(InputError, match="until a zone is chosen"):
        period_of(at("2026-09-14"), "day")
    with pytest.raises(InputError, match="did you mean `week`"):
        period_of(dt.date(2026, 9, 14), "weeks")  # type: ignore[arg-type]  # a mistake on purpose
    with pytest.raises(InputError, match="outside the calendar"):
        parse_period("2026").next(9000)
    assert "0001-W01" == str(period_of(dt.date.min, "week"))


@pytest.mark.parametrize(
    ("instant", "grain", "zone", "expected"),
    [
        ("2026-09-21T00:00-04:00", "week", "ET", "2026-W38"),
        ("2026-09-20T23:59-04:00", "week", "ET", "2026-W37"),
        ("2026-09-20T23:59-04:00", "week", "UTC", "2026-W38"),
        ("2026-10-01T02:00+00:00", "quarter", "ET", "2026-Q2"),
        ("2026-10-01T02:00+00:00", "day", "Asia/Kolkata", "2026-09-30"),
    ],
)
def test_the_last_complete_period_depends_on_the_zone(instant: str, grain: Grain, zone: str, expected: str) -> None:
    """A period still running in the rule book's zone would be decided on."""
    assert expected == str(last_complete(dt.datetime.fromisoformat(instant), grain, zone))


def test_the_last_complete_period_follows_the_fiscal_year_and_needs_a_zone() -> None:
    """A fiscal quarter would be named by the calendar."""
    assert "FY2027-Q1" == str(last_complete(at("2026-10-14"), "quarter", "ET", 7))
    with pytest.raises(InputError, match="without a zone"):
        last_complete(dt.datetime(2026, 9, 14), "week", "ET")


def test_trailing_weeks_worked_by_hand() -> None:
    """A baseline would contain the period it is compared with, or weeks whose deals are still open."""
    before = parse_period("2026-W39")  # starts 2026-09-21
    assert ["2026-W37", "2026-W38"] == [str(week) for week in trailing_weeks(before, 2)]
    day_short = trailing_weeks(before, 1, mature_by=dt.date(2026, 9, 20), maturity=dt.timedelta(days=7))
    assert ["2026-W36"] == [str(week) for week in day_short]
    to_the_day = trailing_weeks(before, 1, mature_by=dt.date(2026, 9, 21), maturity=dt.timedelta(days=7))
    assert ["2026-W37"] == [str(week) for week in to_the_day]
    part_of_a_day = trailing_weeks(before, 1, mature_by=dt.date(2026, 9, 21), maturity=dt.timedelta(days=7, hours=1))
    assert ["2026-W36"] == [str(week) for week in part_of_a_day]
    assert ["2026-W35"] == [str(week) for week in trailing_weeks(parse_period("2026-09"), 1)]
    assert () == trailing_weeks(before, 0)
    with pytest.raises(InputError, match="number of weeks"):
        trailing_weeks(before, -1)


@given(days, grains, st.integers(1, 12), st.one_of(st.none(), days), st.integers(0, 200))
def test_trailing_weeks_are_the_latest_that_qualify(day: dt.date, grain: Grain, count: int, mature_by: dt.date | None, wait: int) -> None:
    """A gap in the baseline, or a week that qualifies and is left out."""
    before, maturity = period_of(day, grain), dt.timedelta(days=wait)
    weeks = trailing_weeks(before, count, mature_by=mature_by, maturity=maturity)

    def qualifies(week: Period) -> bool:
        return week.end <= before.start and (mature_by is None or week.end + maturity <= mature_by)

    assert count == len(weeks)
    assert all(qualifies(week) for week in weeks)
    assert not qualifies(weeks[-1].next())
    assert weeks == tuple(weeks[-1].previous(back) for back in range(count - 1, -1, -1))
