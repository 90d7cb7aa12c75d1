"""Reviews: the next of every cadence against a search through every day, and what waits for each."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import decision_os as dos
from decision_os.calendars import Cadence, next_review, zone_of
from tests.marts import AT, CHANNEL, PRICING, ROUTING

DAY = dt.timedelta(days=1)
ZONES = ("ET", "UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo")  # forward and back at different hours, by a whole and by half an hour

instants = st.datetimes(dt.datetime(2015, 1, 1), dt.datetime(2035, 1, 1)).map(lambda found: found.replace(tzinfo=dt.UTC))
times = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 45])).map(lambda found: dt.time(*found))
cadences = st.one_of(
    st.builds(Cadence, st.just(""), st.just("week"), times, st.sampled_from(ZONES), st.integers(0, 6)),
    st.builds(Cadence, st.just(""), st.just("month"), times, st.sampled_from(ZONES), st.integers(0, 6), st.sampled_from([1, 2, 3, 4, -1])),
    st.builds(Cadence, st.just(""), st.just("quarter"), times, st.sampled_from(ZONES), days_before=st.integers(0, 60)),
)


def is_day_of(cadence: Cadence, day: dt.date, fiscal_year_start: int) -> bool:
    """Whether a cadence names this very day, before holidays move it."""
    if cadence.every == "quarter":
        start = day + cadence.days_before * DAY
        return start.day == 1 and (start.month - fiscal_year_start) % 3 == 0
    if day.weekday() != cadence.weekday:
        return False
    if cadence.every == "week":
        return True
    return (day + 7 * DAY).month != day.month if cadence.nth == -1 else (day.day - 1) // 7 + 1 == cadence.nth


def moved(cadence: Cadence, day: dt.date, holidays: set[dt.date]) -> dt.date:
    """Where holidays move it: a meeting on, a deadline back, neither to a free day."""
    counted_back = cadence.every == "quarter"
    if day not in holidays and not (counted_back and day.weekday() > 4):
        return day
    while day in holidays or day.weekday() > 4:
        day += -DAY if counted_back else DAY
    return day


def wall_clock(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """The instant, in UTC, at which clocks there first show that time; where they jump over it, as much later as they jump."""
    local = dt.datetime.combine(day, time)
    tried = [local.replace(tzinfo=dt.UTC) - quarters * dt.timedelta(minutes=15) for quarters in range(-60, 61)]
    hits = [instant for instant in tried if instant.astimezone(zone).replace(tzinfo=None) == local]
    if hits:
        return min(hits)
    before = (local - DAY).replace(tzinfo=zone).utcoffset()
    assert before is not None
    return (local - before).replace(tzinfo=dt.UTC)


@given(cadences, instants, st.integers(1, 12), st.sets(st.integers(-5, 40), max_size=12))
def test_the_next_review_is_the_first_that_a_search_through_every_day_finds(cadence: Cadence, after: dt.datetime, month: int, closed: set[int]) -> None:
    """A review would be skipped, held twice, or at another hour: on holidays, in the nights clocks change, at the edge of a fiscal quarter."""
    zone = zone_of(cadence.zone)
    here = after.astimezone(zone).date()
    holidays = {here + number * DAY for number in closed}
    named = [day for day in (here + number * DAY for number in range(-80, 200)) if is_day_of(cadence, day, month)]
    held = [wall_clock(moved(cadence, day, holidays), cadence.time, zone) for day in named]
    assert min(each for each in held if each > after) == next_review(cadence, after, month, holidays)


@pytest.mark.parametrize(
    ("zone", "day", "time", "expected"),
    [
        ("ET", "2026-03-08", "02:30", "2026-03-08T07:30:00+00:00"),  # skipped: 03:30 on the wall
        ("ET", "2026-11-01", "01:30", "2026-11-01T05:30:00+00:00"),  # twice: the first
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:45:00+00:00"),  # clocks jump by half an hour
    ],
)
def test_the_search_knows_the_nights_in_which_clocks_change(zone: str, day: str, time: str, expected: str) -> None:
    """The search would agree with the calendar because it makes the same mistake: these are worked out by hand."""
    assert expected == wall_clock(dt.date.fromisoformat(day), dt.time.fromisoformat(time), zone_of(zone)).isoformat()


# --- of a rule book ---


def test_every_cadence_has_its_next_review_with_its_decisions(engine: dos.Engine) -> None:
    """Nobody could say when a decision is looked at next, without deciding something first."""
    told = [(review.id, review.at.isoformat(), review.nodes) for review in engine.reviews(AT)]
    assert [
        ("monthly_business_review", "2026-10-07T13:00:00-04:00", ("channel.invest", "pricing.change")),
        ("weekly_ops", "2026-10-13T10:00:00-04:00", ("routing.policy",)),  # this Tuesday's, at this very minute, is no longer the next
        ("quarterly_plan", "2026-12-22T09:00:00-05:00", ("icp.update",)),
    ] == told
    for node, values in (("pricing.change", PRICING), ("routing.policy", ROUTING)):
        (review,) = (review for review in engine.reviews(AT) if node in review.nodes)
        assert engine.decide(node, values, at=AT).review_date == review.at
    with pytest.raises(dos.InputError, match="without a zone"):
        engine.reviews(AT.replace(tzinfo=None))


def test_what_waits_is_on_the_agenda_of_its_next_review(engine: dos.Engine) -> None:
    """A proposal would be forgotten, shown in a meeting that cannot settle it, or asked about again after it was settled."""
    price = engine.decide("pricing.change", PRICING, at=AT - 40 * DAY)
    ads, radio = (engine.decide("channel.invest", CHANNEL, at=AT - days * DAY, subject=name) for days, name in ((1, "Ads"), (0, "Radio")))
    held = engine.decide("channel.invest", {**CHANNEL, "cac_per_sqo": 105.0}, at=AT, subject="Content")
    rejected = attrs.evolve(radio, status=dos.Status.REJECTED)
    monthly, weekly, quarterly = engine.agenda([radio, ads, held, price, ads, rejected], AT)
    assert ([price, ads], [price]) == (list(monthly.pending), list(monthly.overdue))
    assert ((), ()) == (weekly.pending, quarterly.pending)
    text = str(monthly)
    assert text.startswith("monthly_business_review, Wed 2026-10-07 13:00 EDT: pricing, channel, attribution\n")
    assert ", overdue" in text.splitlines()[1]
    assert "nothing waits" in str(weekly)
