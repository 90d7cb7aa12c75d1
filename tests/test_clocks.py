"""Clocks put forward and back: what is decided depends on instants, not on the zone they are written in."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import decision_os as dos
from decision_os.engine.feeds import open_sev2
from decision_os.metrics import MetricStore
from decision_os.reversal import Order, Undone, carry_out
from decision_os.values import settle, zoned
from tests.marts import CHANNEL
from tests.test_reversal import running

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kolkata"), dt.timezone(dt.timedelta(hours=-7))]
MINUTE = dt.timedelta(minutes=1)
# 01:10 in New York comes twice on that day; the first 01:50 is 20 minutes before the second 01:10.
SECOND = dt.datetime(2026, 11, 1, 1, 10, fold=1, tzinfo=NEW_YORK)
BEFORE = dt.datetime(2026, 11, 1, 1, 50, tzinfo=NEW_YORK)


def instants() -> st.SearchStrategy[dt.datetime]:
    """Instants of the two days around each change of clocks."""
    around = st.sampled_from(
        [dt.datetime(2026, 3, 8, 7, tzinfo=dt.UTC), dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC), dt.datetime(2026, 4, 4, 15, tzinfo=dt.UTC)]
    )
    return st.builds(lambda change, minutes: change + minutes * MINUTE, around, st.integers(-2 * 1440, 2 * 1440))


def comparable(record: dos.DecisionRecord) -> dict[str, Any]:
    """What was decided and why, and that it is the same decision."""
    return {key: getattr(record, key) for key in ("id", "outcome", "branch", "causes", "period", "blocked_by", "notes", "review_date")}


@pytest.fixture(scope="module")
def reference() -> dos.Engine:
    return dos.Engine.load(dos.reference_rules())


@given(instants(), st.integers(-180, 180), st.integers(-180, 180), st.sampled_from(ZONES))
def test_a_decision_is_the_same_in_every_zone(reference: dos.Engine, at: dt.datetime, loaded: int, ends: int, zone: dt.tzinfo) -> None:
    """An estimate that expired 20 minutes ago would act, in one hour a year; or the decision would be another proposal where it was taken in another zone."""

    def decided(where: dt.tzinfo) -> dict[str, Any]:
        reading = dos.Reading(value=80.0, loaded_at=(at + loaded * MINUTE).astimezone(where), valid_until=(at + ends * MINUTE).astimezone(where))
        return comparable(reference.decide("channel.invest", {**CHANNEL, "cac_per_sqo": reading}, at=at.astimezone(where), subject="Ads"))

    assert decided(dt.UTC) == decided(zone)


@given(instants(), st.integers(-4000, 4000), st.sampled_from(ZONES))
def test_a_fixed_offset_is_the_same_instant(at: dt.datetime, minutes: int, zone: dt.tzinfo) -> None:
    """An instant would move where its zone is written as an offset, or still be compared by the clock on the wall."""
    one, other = zoned(at.astimezone(zone)), zoned((at + minutes * MINUTE).astimezone(zone))
    assert (at, minutes * MINUTE, minutes > 0) == (one, other - one, other > one)
    assert one.replace(tzinfo=None) == at.astimezone(zone).replace(tzinfo=None)


def test_every_door_fixes_the_offset() -> None:
    """One way in would still compare what the clock on the wall showed."""
    reading = dos.Reading(value=BEFORE, loaded_at=BEFORE, valid_until=BEFORE)
    for instant in (reading.loaded_at, reading.valid_until, settle(BEFORE)):
        assert isinstance(instant, dt.datetime)
        assert dt.timezone(dt.timedelta(hours=-4)) == instant.tzinfo
    assert 1 == open_sev2([{"severity": "SEV1", "opened_at": BEFORE}], zoned(SECOND))
    assert 0 == open_sev2([{"severity": "SEV1", "opened_at": BEFORE - 9 * MINUTE, "resolved_at": BEFORE}], zoned(SECOND))


def test_a_reversal_that_took_too_long_in_the_repeated_hour_is_late() -> None:
    """One that took 20 minutes where 5 were allowed would go on record as done in no time."""
    clock = iter([BEFORE, SECOND])

    class Adapter:
        def undo(self, order: Order) -> Undone:
            return Undone(done=(f"the flag {order.flag}",))

    _, event = carry_out(running(within="5m"), Adapter(), person="ops", reason="demand fell", clock=lambda: next(clock))
    assert event.reversal is not None
    assert (20 * MINUTE, False) == (event.reversal.ended - event.reversal.started, event.reversal.in_time)


@pytest.mark.parametrize(
    ("at", "loaded", "stale"),
    [
        ("2026-11-01T12:00", "2026-10-31T12:30", True),  # 24.5 hours, 23.5 on the wall
        ("2026-11-01T12:00", "2026-10-31T13:30", False),  # 23.5 hours, 22.5 on the wall
        ("2026-03-08T12:00", "2026-03-07T11:30", False),  # 23.5 hours, 24.5 on the wall
    ],
    ids=["autumn, a day and more", "autumn, less than a day", "spring, less than a day"],
)
def test_a_table_of_metrics_ages_by_elapsed_time(reference: dos.Engine, at: str, loaded: str, stale: bool) -> None:
    """All day after a change of clocks, what is computed from a supplied table would be an hour too young or too old."""
    when, then = (dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK) for text in (at, loaded))
    rows = [dos.Reading(value=-0.6, period=f"{when:%Y-%m}", loaded_at=then)]
    found = MetricStore(reference.book, {}, {"elasticity": rows}, at=when).table("elasticity")
    assert [stale] == [row.value is None for row in found]
