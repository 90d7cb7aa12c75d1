"""Load logs, the exact share of fresh time, budgets, and what makes a value stale."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_os.errors import DataError, InputError, NotFoundError
from decision_os.freshness import BURN_WINDOWS, LoadLog, report, share_fresh, stale
from decision_os.slo import FreshnessSLO, parse_slo

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
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


def test_sampling_each_hour_would_be_wrong() -> None:
    """A source that is late by half an hour each day would look perfect, or hopeless, depending on when one looks."""
    loads = [NOW + day * DAY + HOUR / 4 for day in range(-1, 31)]
    assert Fraction(47, 48) == share_fresh(loads, 23.5 * HOUR, NOW, NOW + 30 * DAY)


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
        report([SLO], LoadLog.of({"crm": NOW}), NOW, burn_windows=[dt.timedelta(0)])


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
