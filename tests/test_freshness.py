"""Load logs, the exact share of fresh time, budgets, and what makes a value stale."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.errors import DataError, InputError, NotFoundError
from decision_os.freshness import Burn, LoadLog, report, share_fresh, stale
from decision_os.slo import BURN_WINDOWS, BurnAlert, FreshnessSLO, parse_slo

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
MICRO = dt.timedelta(microseconds=1)
NOW = dt.datetime(2026, 9, 14, 12, tzinfo=dt.UTC)
SLO = parse_slo("P(MetricAge<24h)≥0.98", "metrics")

instants = st.integers(-400, 400).map(lambda seconds: NOW + seconds * SECOND)
logs = st.lists(instants, max_size=12)
bounds = st.integers(1, 120).map(lambda seconds: seconds * SECOND)


def simulated(loads: list[dt.datetime], bound: dt.timedelta, seconds: int) -> Fraction:
    """The share by asking, in the middle of each second, how old the data is."""
    fresh = 0
    for second in range(seconds):
        moment = NOW + second * SECOND + SECOND / 2
        past = [moment - load for load in loads if load <= moment]
        fresh += bool(past) and min(past) < bound
    return Fraction(fresh, seconds)


@given(logs, bounds, st.integers(1, 200))
def test_the_integral_equals_a_simulation(loads: list[dt.datetime], bound: dt.timedelta, seconds: int) -> None:
    """The share would be an estimate; on whole seconds a one-second simulation is exact, so the two must be equal."""
    assert simulated(loads, bound, seconds) == share_fresh(loads, bound, NOW, NOW + seconds * SECOND)


@given(logs, instants, bounds, st.integers(1, 200))
def test_a_load_more_never_lowers_the_share(loads: list[dt.datetime], extra: dt.datetime, bound: dt.timedelta, seconds: int) -> None:
    """Loading data could break a freshness promise."""
    window = (NOW, NOW + seconds * SECOND)
    before, after = share_fresh(loads, bound, *window), share_fresh([*loads, extra], bound, *window)
    assert 0 <= before <= after <= 1


@given(logs, bounds, st.integers(1, 100), st.integers(1, 100))
def test_shares_of_adjoining_windows_add_up(loads: list[dt.datetime], bound: dt.timedelta, first: int, second: int) -> None:
    """Time at the seam of two windows would count twice or not at all."""
    middle, end = NOW + first * SECOND, NOW + (first + second) * SECOND
    parts = share_fresh(loads, bound, NOW, middle) * first + share_fresh(loads, bound, middle, end) * second
    assert share_fresh(loads, bound, NOW, end) * (first + second) == parts


def test_half_an_hour_late_each_day_is_a_share_of_forty_eight() -> None:
    """A source that is late by half an hour each day would look perfect, or hopeless, depending on when one looks."""
    loads = [NOW + day * DAY + HOUR / 4 for day in range(-1, 31)]
    assert Fraction(47, 48) == share_fresh(loads, 23.5 * HOUR, NOW, NOW + 30 * DAY)


MONTH = 30 * 24 * 3600
"""Seconds of the usual window."""

long_logs = st.lists(st.integers(-3 * 24 * 3600, MONTH + 3600), max_size=60)


def simulated_by_the_second(parts: list[list[int]], bound: int, seconds: int) -> int:
    """How many of the seconds of a window all parts were fresh in: each load lights the seconds it makes fresh, each part darkens the others'."""
    lit = bytearray(b"\x01" * seconds)
    for loads in parts:
        own = bytearray(seconds)
        for load in loads:
            begin, stop = max(load, 0), min(load + bound, seconds)
            if begin < stop:
                own[begin:stop] = b"\x01" * (stop - begin)
        lit = bytearray((int.from_bytes(lit, "big") & int.from_bytes(own, "big")).to_bytes(seconds, "big"))
    return lit.count(1) if parts else 0


@settings(max_examples=30)
@given(st.lists(long_logs, min_size=1, max_size=3), st.integers(1, 40 * 3600))
def test_the_share_of_a_month_equals_a_one_second_simulation(parts: list[list[int]], bound: int) -> None:
    """The share a budget is taken of would be off over a real window; 1e-6 is asked for, and on whole seconds nothing less than equality is right."""
    log = LoadLog.of({"crm": {f"table{number}": [NOW + load * SECOND for load in loads] for number, loads in enumerate(parts)}})
    slo = FreshnessSLO("metrics", "", "Metric", bound * SECOND, Fraction(49, 50))
    [status] = report([slo], log, NOW + MONTH * SECOND).statuses
    expected = Fraction(simulated_by_the_second(parts, bound, MONTH), MONTH)
    assert expected == status.share
    assert abs(float(expected) - float(status.share)) < 1e-6
    if len(parts) == 1:
        assert expected == share_fresh([NOW + load * SECOND for load in parts[0]], bound * SECOND, NOW, NOW + MONTH * SECOND)


def test_sampling_each_hour_is_off_and_the_integral_is_not() -> None:
    """A source an hour late every other day would be called fresh all the time, by whoever looks on the hour: a broken promise reads as kept."""
    loads = [NOW + day * DAY + dt.timedelta(minutes=59) - (day % 2) * dt.timedelta(minutes=58) for day in range(-2, 31)]
    looked = [NOW + hour * HOUR for hour in range(1, 30 * 24 + 1)]
    ages = [look - max(load for load in loads if load <= look) for look in looked]
    bound = 23 * HOUR + dt.timedelta(minutes=59, seconds=30)
    sampled = Fraction(sum(age < bound for age in ages), len(ages))
    exact = share_fresh(loads, bound, NOW, NOW + 30 * DAY)
    assert (Fraction(1), Fraction(simulated_by_the_second([[(load - NOW) // SECOND for load in loads]], bound // SECOND, MONTH), MONTH)) == (sampled, exact)
    assert Fraction(98, 100) > exact


def test_a_window_without_length_is_refused() -> None:
    """A share of nothing would divide by zero."""
    with pytest.raises(InputError, match="ends after it starts"):
        share_fresh([NOW], HOUR, NOW, NOW)


# --- the log ---


def test_instants_come_as_people_have_them() -> None:
    """A log from pairs, a mapping, texts, or one bare instant would give different ages."""
    expected = LoadLog.of([("crm", NOW - HOUR), ("ads", NOW)])
    assert expected == LoadLog.of({"crm": "2026-09-14T11:00:00Z", "ads": NOW})
    assert expected == LoadLog.of({"ads": (NOW, NOW), "crm": ["2026-09-14 13:00+02:00"]})
    assert (("ads", "crm"), (NOW - HOUR,), ()) == (expected.sources, expected.loads("crm"), expected.loads("erp"))
    assert hash(expected) == hash(LoadLog.of({"crm": NOW - HOUR, "ads": NOW}))


def test_instants_of_dataframe_libraries_are_read() -> None:
    """The loads of a pandas column would have to be converted by hand, and its nanoseconds would warn."""
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    expected = (NOW, NOW + HOUR)
    column = pd.Series(pd.to_datetime(["2026-09-14T12:00:00.000000001Z", "2026-09-14T13:00:00.000000001Z"]))
    assert expected == LoadLog.of({"crm": column}).loads("crm")
    naive = np.array(["2026-09-14T12:00", "2026-09-14T13:00"], dtype="datetime64[ns]")
    assert expected == LoadLog.of({"crm": naive}, zone="UTC").loads("crm")
    with pytest.raises(DataError, match="not an instant"):
        LoadLog.of({"crm": [pd.NaT]})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (dt.datetime(2026, 9, 14, 6), "has no zone"),
        ("2026-09-14T06:00:00", "has no zone"),
        ("2026-09-14", "time of day"),
        (dt.date(2026, 9, 14), "time of day"),
        ("yesterday", "not an instant"),
        ("", "not an instant"),
        (None, "not an instant"),
        (1789372800, "not an instant"),
        (b"2026", "not an instant"),
    ],
)
def test_what_is_no_instant_is_refused_with_its_source(raw: object, words: str) -> None:
    """A naive time or a bare date would be taken for some instant, hours off."""
    with pytest.raises(DataError, match=words) as caught:
        LoadLog.of([("crm", raw)])
    assert "`crm`" in str(caught.value)


def test_a_named_zone_reads_naive_times_by_its_clock() -> None:
    """The offset of one season would be used for the other."""
    log = LoadLog.of({"crm": ["2026-01-14T06:00", "2026-07-14T06:00", "2026-07-14T06:00Z"]}, zone="ET")
    assert [11, 6, 10] == [load.hour for load in log.loads("crm")]


@pytest.mark.parametrize(("raw", "words"), [("2026-03-08T02:30", "does not exist"), ("2026-11-01T01:30", "was twice")])
@pytest.mark.parametrize("fold", [0, 1])
def test_local_times_that_daylight_saving_skips_or_repeats_are_refused(raw: str, words: str, fold: int) -> None:
    """An hour of age would be invented or lost without a word."""
    with pytest.raises(DataError, match=words):
        LoadLog.of({"crm": dt.datetime.fromisoformat(raw).replace(fold=fold)}, zone="America/New_York")


def test_a_zone_that_is_none_is_answered_with_the_nearest() -> None:
    """A typing mistake in a rule book's zone would surface as an error of the time library."""
    with pytest.raises(NotFoundError, match="did you mean `Europe/Berlin`"):
        LoadLog.of({}, zone="Europe/Berlim")


def test_a_clock_that_stepped_back_is_reported_and_harmless() -> None:
    """Loads out of order would give another share, or pass unseen; a log that is newest first is in order."""
    loads = [NOW - 3 * HOUR, NOW - HOUR, NOW - 2 * HOUR, NOW]
    log = LoadLog.of({"crm": loads})
    assert tuple(sorted(loads)) == log.loads("crm")
    assert ["load-out-of-order"] == [issue.code for issue in log.issues]
    assert "1 of 4" in log.issues[0].message
    assert () == LoadLog.of({"crm": sorted(loads, reverse=True)}).issues


def test_age_is_elapsed_time_over_a_change_of_daylight_saving() -> None:
    """In the night clocks are put forward data would look an hour older, in autumn an hour younger."""
    zone = ZoneInfo("America/New_York")
    for evening, hours in ((dt.datetime(2026, 3, 7, 20, tzinfo=zone), 11), (dt.datetime(2026, 10, 31, 20, tzinfo=zone), 13)):
        morning = evening + 12 * HOUR  # 08:00 on the wall
        log = LoadLog.of({"crm": evening})
        assert hours * HOUR == log.age("crm", morning)
        assert log.stale("crm", morning, hours * HOUR) is None
        assert Fraction(1) == share_fresh([evening], hours * HOUR, evening, morning)


@given(logs, instants)
def test_the_latest_load_is_the_last_one_by_then(loads: list[dt.datetime], at: dt.datetime) -> None:
    """A load from the future would make data look fresh, or of negative age."""
    past = [load for load in loads if load <= at]
    log = LoadLog.of({"crm": loads})
    assert max(past, default=None) == log.latest("crm", at)
    assert (at - max(past) if past else None) == log.age("crm", at)


def test_an_instant_to_judge_at_needs_a_zone() -> None:
    """The age would be counted from the wrong hour."""
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(InputError, match="`at`"):
        LoadLog.of({"crm": NOW}).age("crm", naive)
    with pytest.raises(InputError, match="`at`"):
        report([SLO], LoadLog(), naive)
    with pytest.raises(InputError, match="`loaded_at`"):
        stale(naive, NOW, DAY)


# --- stale ---


@pytest.mark.parametrize(
    ("loaded_at", "detail"),
    [
        (NOW - 31 * HOUR, "loaded 31h ago, at most 24h allowed"),
        (NOW - 24 * HOUR - dt.timedelta(microseconds=1), "loaded 24h 1µs ago, at most 24h allowed"),
        (NOW - 24 * HOUR - 90 * SECOND, "loaded 24h 1m ago, at most 24h allowed"),
        (NOW + 2 * HOUR, "loaded 2h after the time of the decision"),
        (None, "never loaded"),
    ],
)
def test_stale_data_says_how_old_it_is(loaded_at: dt.datetime | None, detail: str) -> None:
    """A held decision could not say why, or say that 24h is more than 24h."""
    unknown = stale(loaded_at, NOW, DAY)
    assert unknown is not None
    assert [("stale", detail)] == [(cause.reason, cause.detail) for cause in unknown.causes]


def test_data_exactly_as_old_as_allowed_is_not_stale() -> None:
    """`at most 24h` would refuse 24h."""
    assert stale(NOW - DAY, NOW, DAY) is None
    assert LoadLog.of({"crm": [NOW - DAY, NOW + HOUR]}).stale("crm", NOW, DAY) is None
    assert LoadLog().stale("crm", NOW, DAY) is not None


# --- the report ---


def test_a_budget_worked_by_hand() -> None:
    """Share, budget or burn would be off: a daily load that once came 12 hours late, two days ago."""
    loads = [NOW - 6 * HOUR - day * DAY for day in range(32)]
    loads[2] += 12 * HOUR
    [status] = report([SLO], LoadLog.of({"crm": loads}), NOW).statuses
    assert Fraction(59, 60) == status.share
    assert (14.4 * HOUR, 12 * HOUR, 2.4 * HOUR) == (status.budget, status.spent, status.left)
    assert {HOUR: 0.0, 6 * HOUR: 0.0, DAY: 0.0, 3 * DAY: 25 / 3, 30 * DAY: 5 / 6} == {burn.window: pytest.approx(burn.rate) for burn in status.burns}
    assert (True, True, True, 6 * HOUR, None) == (status.met, status.fresh, status.green, status.age, status.exhausted_in)


def test_time_to_exhaustion_follows_the_present_burn() -> None:
    """A team would be told that the budget lasts while it is being spent."""
    loads = [NOW - 24.5 * HOUR - day * DAY for day in range(32)]
    [status] = report([SLO], LoadLog.of({"crm": loads}), NOW).statuses
    assert (HOUR / 2, 13.9 * HOUR, 27.8 * HOUR) == (status.spent, status.left, status.exhausted_in)  # half of the last hour was not fresh
    assert (True, False) == (status.green, status.fresh)


def test_exactly_the_promised_share_is_kept_and_one_microsecond_less_is_not() -> None:
    """An inclusive objective would be strict, or a miss would be rounded away."""
    loads = [NOW - day * DAY for day in range(1, 32)]
    slo = parse_slo("P(MetricAge<23h31m12s)≥0.98")  # 98 % of a day
    [exact] = report([slo], LoadLog.of({"crm": loads}), NOW).statuses
    assert (True, dt.timedelta(0), dt.timedelta(0)) == (exact.met, exact.left, exact.exhausted_in)
    assert "14h 24m spent, nothing left" in str(exact)
    loads[29] -= dt.timedelta(microseconds=1)  # the load at the window's start: so much of its fresh time is before the window now
    [missed] = report([slo], LoadLog.of({"crm": loads}), NOW).statuses
    assert (False, dt.timedelta(microseconds=-1), dt.timedelta(0)) == (missed.met, missed.left, missed.exhausted_in)


@given(st.lists(st.integers(0, 40 * 24), max_size=60), st.sampled_from(["1", "0.98", "0.9", "0.333", "0.5"]))
def test_the_parts_of_a_status_agree(hours: list[int], objective: str) -> None:
    """`met`, the budget and the share could tell three stories."""
    slo = parse_slo(f"P(MetricAge<24h)≥{objective}")
    [status] = report([slo], LoadLog.of({"crm": [NOW - hour * HOUR for hour in hours]}), NOW).statuses
    assert 0 <= status.share <= 1
    assert status.met == (status.left >= dt.timedelta(0))
    assert Fraction(status.spent // SECOND, slo.window // SECOND) == 1 - status.share
    assert status.spent >= max(dt.timedelta(0), status.unlogged)
    assert BURN_WINDOWS == tuple(burn.window for burn in status.burns)
    not_fresh = [(1 - burn.share) * (burn.window // SECOND) for burn in status.burns]
    assert all(short <= long for short, long in pairwise(not_fresh))
    assert str(status).startswith("GREEN" if status.met else "RED")


def test_a_source_never_loaded_is_red_and_says_so() -> None:
    """A source that does not exist would be fine, or crash the report."""
    now = report([SLO], LoadLog(), NOW, sources={"metrics": ["crm"]})
    [status] = now.status("crm")
    assert (Fraction(0), None, None, False, False) == (status.share, status.age, status.loaded_at, status.met, status.fresh)
    assert (30 * DAY, 30 * DAY) == (status.unlogged, status.spent)
    assert "never loaded, not fresh" in str(now)


def test_a_window_that_starts_before_the_first_load_counts_that_time_and_says_so() -> None:
    """A log of three days would promise for thirty."""
    loads = [NOW - hours * HOUR for hours in range(72, -1, -12)]
    now = report([SLO], LoadLog.of({"crm": loads}), NOW)
    [status] = now.statuses
    assert (Fraction(1, 10), 27 * DAY) == (status.share, status.unlogged)
    assert "the log has no load in the first 27d of the window; that counts as not fresh" in str(now)


def test_a_load_from_the_future_is_ignored_and_reported() -> None:
    """A wrong clock would keep a dead source green."""
    loads = [NOW - 2 * DAY, NOW + HOUR]
    now = report([SLO], LoadLog.of({"crm": loads}), NOW)
    assert 2 * DAY == now.statuses[0].age
    assert ["future-load"] == [issue.code for issue in now.issues]
    assert report([SLO], LoadLog.of({"crm": loads[:1]}), NOW).statuses == now.statuses


def test_an_objective_of_all_the_time_has_no_budget_and_a_defined_burn() -> None:
    """100 % would divide by zero."""
    slo = parse_slo("P(MetricAge<24h)≥100%")
    steady = [NOW - day * DAY for day in range(32)]
    [kept] = report([slo], LoadLog.of({"crm": steady}), NOW).statuses
    assert (True, dt.timedelta(0), {0.0}) == (kept.met, kept.budget, {burn.rate for burn in kept.burns})
    [broken] = report([slo], LoadLog.of({"crm": steady[2:]}), NOW).statuses
    assert (False, {math.inf}) == (broken.met, {burn.rate for burn in broken.burns})
    assert "burn rate: inf over 1h" in str(broken)


def test_a_tiny_burn_lasts_as_long_as_durations_go() -> None:
    """The time to exhaustion would overflow."""
    gap = dt.timedelta(microseconds=1)
    loads = [NOW - HOUR / 2, NOW - HOUR / 2 - DAY - gap, *(NOW - HOUR / 2 - day * DAY for day in range(2, 32))]
    [status] = report([SLO], LoadLog.of({"crm": loads}), NOW).statuses
    assert (gap, dt.timedelta.max) == (status.spent, status.exhausted_in)


# --- when the budget comes back, and alerts ---


@given(st.lists(st.integers(-300, 100), max_size=10), st.integers(1, 60), st.integers(20, 200), st.sampled_from(["1", "0.98", "0.9", "0.5", "0.333"]))
def test_the_budget_comes_back_at_the_first_instant_that_keeps_the_promise(loads: list[int], bound: int, window: int, objective: str) -> None:
    """A team would be told to wait too long, or to act while the promise is still broken: here every microsecond around the answer is tried."""
    slo = FreshnessSLO("metrics", "", "Metric", bound * SECOND, Fraction(objective), window * SECOND)
    log = [NOW + load * SECOND for load in loads]
    [status] = report([slo], LoadLog.of({"crm": log}), NOW, sources={"metrics": ["crm"]}).statuses
    assert status.back_at is not None

    def kept(at: dt.datetime) -> bool:
        """With the source loaded all the time from now on."""
        start = at - slo.window
        past = share_fresh(log, slo.bound, start, NOW) * ((NOW - start) // MICRO) if start < NOW else 0
        return Fraction(past + (at - max(start, NOW)) // MICRO, slo.window // MICRO) >= slo.objective

    assert (NOW <= status.back_at, True) == (True, kept(status.back_at))
    assert (status.back_at == NOW) == status.met
    if status.back_at > NOW:
        assert not kept(status.back_at - MICRO)
        seconds = (status.back_at - NOW) // SECOND
        assert not any(kept(NOW + second * SECOND) for second in range(seconds))


def test_the_day_the_budget_comes_back_is_said() -> None:
    """A red line would not say how long it stays red."""
    loads = [NOW - 6 * HOUR - day * DAY for day in range(32) if day != 3]
    now = report([SLO], LoadLog.of({"crm": loads}), NOW)
    [status] = now.statuses
    back = NOW - 3 * DAY - 6 * HOUR + (24 - 14.4) * HOUR + 30 * DAY  # the gap may be in the window for its last 14.4 hours
    assert (False, back) == (status.met, status.back_at)
    assert "back: 2026-10-11 15:36+00:00 at the earliest, if it is fresh from now on" in str(now)
    beyond = report([FreshnessSLO("long", "", "Metric", DAY, Fraction(99, 100), 3_000_000 * DAY)], LoadLog(), NOW, sources={"long": ["crm"]})
    assert beyond.statuses[0].back_at is None
    assert "back: beyond the calendar" in str(beyond)


def test_an_alert_fires_while_both_windows_burn_and_ends_soon_after() -> None:
    """Somebody would be paged for an outage that is over, or not for one that goes on."""
    fast = BurnAlert(name="fast", burn=14.4, over=HOUR, effects=("page owner",))
    slo = attrs.evolve(SLO, alerts=(fast,), burn_windows=(HOUR,))
    late = [NOW - 25 * HOUR]  # stale for an hour
    [burning] = report([slo], LoadLog.of({"crm": late}), NOW).statuses
    assert ((fast,), (Burn(HOUR, Fraction(0), 50.0),)) == (burning.alerts, burning.burns)
    assert "alert: fast: burns at 14.4 or more over 1h and over 5m" in str(burning)
    loaded = LoadLog.of({"crm": [*late, NOW]})
    assert (fast,) == report([slo], loaded, NOW + 3 * dt.timedelta(minutes=1)).statuses[0].alerts
    assert () == report([slo], loaded, NOW + 5 * dt.timedelta(minutes=1)).statuses[0].alerts


def test_an_alert_fires_at_exactly_its_rate() -> None:
    """At a rate that floats cannot hold, rounding would decide who is woken."""
    slo = attrs.evolve(SLO, alerts=(BurnAlert(name="exact", burn=Fraction(50), over=HOUR, and_over=HOUR), BurnAlert(name="half", burn=0.1, over=DAY)))
    assert ["exact", "half"] == [alert.name for alert in report([slo], LoadLog(), NOW, sources={"metrics": ["crm"]}).statuses[0].alerts]
    perfect = attrs.evolve(slo, objective=1)
    assert 2 == len(report([perfect], LoadLog(), NOW, sources={"metrics": ["crm"]}).statuses[0].alerts)
    assert () == report([perfect], LoadLog.of({"metrics": [NOW - day * DAY / 2 for day in range(9)]}), NOW).statuses[0].alerts


@pytest.mark.parametrize("given", [{"burn": 0, "over": HOUR}, {"burn": 1, "over": HOUR, "and_over": 2 * HOUR}, {"burn": 1, "over": HOUR, "and_over": 0 * HOUR}])
def test_an_alert_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    """It would fire always, or never, without a word."""
    with pytest.raises(InputError):
        BurnAlert(name="odd", **given)


# --- sources in parts, and where logs come from ---


def test_a_source_is_as_old_as_its_oldest_part() -> None:
    """One table of a CRM loaded each hour would keep the other, dead for a week, fresh."""
    log = LoadLog.of({"crm": {"deals": [NOW - HOUR], "notes": [NOW - 30 * HOUR, NOW + HOUR]}})
    assert ("notes", NOW - 30 * HOUR) == log.oldest("crm", NOW)
    assert (30 * HOUR, HOUR) == (log.age("crm", NOW), LoadLog.of({"crm": {"deals": [NOW - HOUR], "notes": [NOW]}}).age("crm", NOW))
    assert (NOW - 30 * HOUR, NOW - HOUR, NOW + HOUR) == log.loads("crm")
    now = report([SLO], log, NOW)
    assert "now: loaded 30h ago (notes), not fresh" in str(now)
    assert ("never", None) == LoadLog.of({"crm": {"deals": NOW, "never": []}}).oldest("crm", NOW)
    assert ("", None) == LoadLog().oldest("crm", NOW)


def test_two_logs_are_one() -> None:
    """The loads an orchestrator knows and those dbt knows could not be brought together."""
    one, other = LoadLog.of({"crm": NOW, "ads": NOW}), LoadLog.of({"crm": [NOW - HOUR, NOW], "web": []})
    assert LoadLog.of({"crm": [NOW - HOUR, NOW], "ads": NOW, "web": []}) == one | other


@pytest.mark.parametrize("engine", ["pandas", "polars", "lazy", "pyarrow"])
def test_a_frame_is_a_log(engine: str) -> None:
    """Whoever keeps load times in a table would have to take it apart first."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"source": ["crm", "crm", "ads"], "loaded_at": [NOW - HOUR, NOW, NOW], "rows": [1, 2, 3]})
    given = {"pandas": frame.to_pandas, "polars": lambda: frame, "lazy": frame.lazy, "pyarrow": frame.to_arrow}[engine]()
    assert LoadLog.of({"crm": [NOW - HOUR, NOW], "ads": NOW}) == LoadLog.of(given)
    naive = frame.with_columns(pl.col("loaded_at").dt.replace_time_zone(None), part=pl.lit("a"))
    assert LoadLog.of({"crm": {"a": [NOW - HOUR, NOW]}, "ads": {"a": NOW}}) == LoadLog.of(naive, zone="UTC")
    with pytest.raises(DataError, match="has no zone"):
        LoadLog.of(naive)


def test_a_frame_that_is_no_log_says_what_it_lacks() -> None:
    """A frame of something else would be taken for an empty log, or end in an error of the dataframe engine."""
    pl = pytest.importorskip("polars")
    with pytest.raises(DataError, match="no column `loaded_at`; its columns are `source`, `at`"):
        LoadLog.of(pl.DataFrame({"source": ["crm"], "at": [NOW]}))
    with pytest.raises(DataError, match="a row whose `source` is None"):
        LoadLog.of(pl.DataFrame({"source": [None], "loaded_at": [NOW]}, schema_overrides={"source": pl.String}))
    with pytest.raises(DataError, match="of `crm` is not an instant"):
        LoadLog.of(pl.DataFrame({"source": ["crm"], "loaded_at": [None]}))


@pytest.mark.parametrize(("given", "words"), [(["crm"], "entry 1 of the load log is `'crm'`"), ([("crm", NOW, 3)], "has 3 items")])
def test_what_is_no_pair_is_refused(given: list[Any], words: str) -> None:
    """The letters of a text would be taken for a source and an instant."""
    with pytest.raises(DataError, match=words):
        LoadLog.of(given)


def test_objectives_cover_the_sources_they_are_given() -> None:
    """An objective on the forecast would judge the CRM."""
    forecast = FreshnessSLO(name="forecast", text="", subject="Forecast", bound=4 * HOUR, objective=Fraction(1, 2))
    log = LoadLog.of({"crm": [NOW - day * DAY for day in range(32)], "plan": [NOW - 40 * DAY]})
    now = report([SLO, forecast], log, NOW, sources={"metrics": ["crm"], "forecast": ["plan", "crm"]})
    assert [("metrics", "crm"), ("forecast", "crm"), ("forecast", "plan")] == [(each.slo.name, each.source) for each in now.statuses]
    assert ["metrics", "forecast"] == [status.slo.name for status in now.status("crm")]
    assert () == now.status("erp")
    assert [True, False, False, False] == [now.keeps(names) for names in ({"metrics"}, {"forecast"}, {"metrics", "forecast"}, {"other"})]
    assert 4 == len(report([SLO, forecast], log, NOW).statuses)


def test_nothing_promised_is_not_green() -> None:
    """A rule book without objectives would pass every check of its health."""
    assert not report([], LoadLog(), NOW).green
    assert not report([SLO], LoadLog(), NOW).green


def test_a_burn_window_needs_a_length() -> None:
    """A caller's own windows would divide by zero."""
    with pytest.raises(InputError, match="burn"):
        attrs.evolve(SLO, burn_windows=(dt.timedelta(0),))


def test_the_report_reads_as_plain_text() -> None:
    """A reader would not see which promise is broken first, by how much, and what comes next."""
    good = [NOW - HOUR / 2 - day * DAY for day in range(32)]
    late = [NOW - 24.5 * HOUR - day * DAY for day in range(32)]
    now = report([SLO], LoadLog.of({"ads": good, "crm": late, "web": [*good[1:], NOW + HOUR]}), NOW)
    expected = """\
Freshness at 2026-09-14 12:00+00:00: 3 of 3 promises kept
GREEN  ads: younger than 24h for 100% of the last 30d, 98% promised (metrics)
       now: loaded 30m ago, fresh
       budget: 14h 24m may be not fresh, 0h spent, 14h 24m left
       burn rate: 0.0 over 1h, 0.0 over 6h, 0.0 over 24h, 0.0 over 3d, 0.0 over 30d
GREEN  crm: younger than 24h for 99.93% of the last 30d, 98% promised (metrics)
       now: loaded 24h 30m ago, not fresh
       budget: 14h 24m may be not fresh, 30m spent, 13h 54m left, gone in 27h 48m at the present burn
       burn rate: 25.0 over 1h, 4.2 over 6h, 1.0 over 24h, 0.3 over 3d, 0.0 over 30d
"""
    assert str(now).startswith(expected)
    assert str(now).endswith("note: loads of `web` in the future: 1, the last 2026-09-14T13:00:00+00:00; ignored until then")


def test_a_broken_promise_stands_first_and_is_not_rounded_into_a_kept_one() -> None:
    """97.9999 % would print as 98 % under the word RED."""
    steady = [NOW - day * DAY for day in range(32)]
    late = [NOW - 24 * HOUR - 14.4 * HOUR - dt.timedelta(microseconds=1) - day * DAY for day in range(32)]
    now = report([SLO], LoadLog.of({"ads": steady, "crm": late}), NOW)
    lines = str(now).splitlines()
    assert "Freshness at 2026-09-14 12:00+00:00: 1 of 2 promises kept" == lines[0]
    assert "RED  crm: younger than 24h for 97.99% of the last 30d, 98% promised (metrics)" == lines[1]
    assert "overspent by 1µs" in lines[3]


def test_parts_of_a_pandas_frame_are_what_was_written() -> None:
    """A gap would be a part called `nan`, which is never loaded again; and part 0 of a source would be the whole of it."""
    pd = pytest.importorskip("pandas")
    rows = {"source": ["crm", "crm", "costs"], "loaded_at": [NOW, NOW, NOW]}
    assert [""] == list(LoadLog.of(pd.DataFrame({**rows, "part": ["deals", "notes", None]})).parts("costs"))
    numbered = LoadLog.of(pd.DataFrame({**rows, "part": [0, 1, None]}))
    assert (["0", "1"], [""]) == (list(numbered.parts("crm")), list(numbered.parts("costs")))


@pytest.mark.parametrize(("given", "told"), [(None, "is a NoneType"), (5, "is a int"), ([(None, NOW)], "the source None"), ([(1, NOW)], "the source 1")])
def test_what_is_no_log_at_all_is_told(given: object, told: str) -> None:
    """A wrong argument would end in an error of Python's own."""
    with pytest.raises(DataError, match=told):
        LoadLog.of(given)
