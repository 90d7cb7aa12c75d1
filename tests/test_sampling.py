"""Sample sizes: the interval around a share, the Gini of a fair deal, and what a record says about an n that cannot carry a threshold."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import decision_os as dos
from decision_os.errors import InputError
from decision_os.sampling import fair_above, fair_ginis, gini, wilson
from decision_os.support import asked_of
from tests.conftest import Sample
from tests.marts import AT, CHANNEL, LOADS, ROUTING
from tests.small_book import changed, write

sizes = st.integers(1, 10_000)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    """Cases that are so, and cases in all."""
    n = draw(sizes)
    return draw(st.integers(0, n)), n


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(hits: int, n: int, low: float, high: float) -> None:
    """The interval on the record would be some other one: these are in table I, method 3, of Newcombe (1998)."""
    assert (low, high) == tuple(round(end, 4) for end in wilson(hits / n, n))


@given(counts())
def test_the_interval_holds_the_share_and_stays_a_share(case: tuple[int, int]) -> None:
    """A share of 0 % could seem to be negative, or be known for certain after three cases."""
    hits, n = case
    low, high = wilson(hits / n, n)
    assert 0 <= low <= hits / n <= high <= 1
    assert low < high


@given(counts())
def test_the_interval_of_what_is_not_so_is_its_mirror(case: tuple[int, int]) -> None:
    """Counting losses instead of wins would give another answer."""
    hits, n = case
    low, high = wilson(hits / n, n)
    assert [pytest.approx(1 - high, abs=1e-12), pytest.approx(1 - low, abs=1e-12)] == list(wilson((n - hits) / n, n))


@given(counts())
def test_the_ends_solve_the_equation_they_are_defined_by(case: tuple[int, int]) -> None:
    """A slip in the formula would pass every test of its shape: each end is where the share lies z deviations away."""
    hits, n = case
    for end in wilson(hits / n, n):
        if 0 < end < 1:
            assert abs(hits / n - end) == pytest.approx(1.959963984540054 * math.sqrt(end * (1 - end) / n), abs=1e-9)


def test_a_deal_to_very_many_is_that_to_fewer_with_as_many_for_each() -> None:
    """A single decision about a deal to a hundred thousand would take seconds, and one to millions minutes."""
    assert fair_ginis(100, 20_000) == fair_ginis(50_000_000, 10**10)
    assert fair_above(0.999, 1, 10**12) == 1.0


@pytest.mark.parametrize(
    ("share", "n"), [(1.01, 10), (-0.01, 10), (0.5, 0), (math.nan, 10), (0.5, math.nan), (0.5, math.inf), (0.5, 10**400)], ids=lambda each: str(each)[:8]
)
def test_what_is_no_share_of_cases_has_no_interval(share: float, n: Any) -> None:
    """An interval around nonsense would look like knowledge."""
    with pytest.raises(InputError):
        wilson(share, n)


def test_a_fair_deal_of_a_hundred_leads_is_called_unfair_nine_times_in_ten() -> None:
    """The record would let a threshold pass for evidence that noise alone would fail."""
    assert fair_above(0.2, 100, 22) == pytest.approx(0.9, abs=0.03)
    assert fair_ginis(100, 22) == fair_ginis.__wrapped__(100, 22)
    with pytest.raises(InputError):
        fair_ginis(0, 22)


def test_the_ginis_of_the_smallest_deals_are_those_worked_out_by_hand() -> None:
    """The simulation would deal unevenly: of two leads for two people, half the deals give both to one, whose Gini is 1/2."""
    assert {0.0, 0.5} == set(fair_ginis(2, 2))
    assert fair_above(0.4, 2, 2) == pytest.approx(0.5, abs=0.05)
    assert {0.0} == set(fair_ginis(7, 1))


def test_dealing_by_the_normal_distribution_joins_on_to_dealing_one_by_one() -> None:
    """Where the method changes the answer would jump."""
    one, other = fair_ginis(30 * 22, 22), fair_ginis(30 * 22 + 1, 22)
    assert [round(one[at], 3) for at in (100, 500, 900)] == [pytest.approx(other[at], abs=0.004) for at in (100, 500, 900)]


@given(st.integers(1, 60), st.integers(1, 12))
def test_every_gini_of_a_deal_is_one(n: int, members: int) -> None:
    """A Gini below zero, or of one and more."""
    found = fair_ginis(n, members)
    assert 1000 == len(found)
    assert 0 <= found[0] <= found[-1] <= 1 - 1 / members + 1e-12
    assert gini([n, *[0] * (members - 1)]) == pytest.approx(1 - 1 / members)


# --- on the record ---


def test_a_share_carries_its_n_and_interval_through_record_and_back(engine: dos.Engine) -> None:
    """A win rate of 29 % on 40 deals would look like one on 4,000."""
    record = engine.decide("channel.invest", {**CHANNEL, "win_rate": dos.Reading(value=0.3, n=40)}, at=AT, subject="Ads")
    taken = next(item for item in record.inputs if item.name == "win_rate")
    assert (40, wilson(0.3, 40)) == (taken.n, taken.interval)
    assert dos.DecisionRecord.from_json(record.to_json()) == record
    assert "win_rate = 30% (n = 40, 95% interval 18.1% to 45.4%," in " ".join(record.explain().split())
    bare = next(item for item in record.inputs if item.name == "win_rate_baseline")
    assert (None, None) == (bare.n, bare.interval)  # nobody said how many


def test_a_mean_and_an_unknown_have_no_interval(engine: dos.Engine) -> None:
    """Dollars would get an interval meant for shares, and too few cases one as if they counted."""
    values = {**CHANNEL, "cac_per_sqo": dos.Reading(value=90.0, n=400), "win_rate": dos.Reading(value=0.3, n=9)}
    by_name = {item.name: item for item in engine.decide("channel.invest", values, at=AT, subject="Ads").inputs}
    assert (400, None) == (by_name["cac_per_sqo"].n, by_name["cac_per_sqo"].interval)
    assert isinstance(by_name["win_rate"].value, dos.Unknown)
    assert (9, None, ("too few",)) == (by_name["win_rate"].n, by_name["win_rate"].interval, by_name["win_rate"].value.reasons)


def test_an_n_that_cannot_miss_one_is_said(engine: dos.Engine) -> None:
    """An availability of 100 % in thirty checks would read as 99.5 % kept; 29 of them would read as broken."""
    values = {**ROUTING, "availability": dos.Reading(value=1.0, n=30), "unassigned_rate": dos.Reading(value=0.0, n=150)}
    record = engine.decide("routing.policy", values, at=AT)
    assert (
        "`availability >= availability_min` cannot miss one at n = 30: 29 of 30 is 96.7%; it takes n = 200",
        "`unassigned_rate <= unassigned_max` cannot have one at n = 150: 1 of 150 is 0.7%; it takes n = 200",
    ) == record.notes
    enough = {**ROUTING, "availability": dos.Reading(value=1.0, n=200), "unassigned_rate": dos.Reading(value=0.0, n=200)}
    assert () == engine.decide("routing.policy", enough, at=AT).notes


def test_a_gini_that_a_fair_deal_would_fail_is_said(engine: dos.Engine) -> None:
    """A candidate rule set would be blocked for being unfair by a number that fair dealing gives nine times in ten."""
    values = {**ROUTING, "fairness_gini": dos.Reading(value=0.25, n=100, members=22)}
    record = engine.decide("routing.policy", values, at=AT)
    (note,) = record.notes
    assert note.startswith("`fairness_gini <= fairness_gini_max` cannot tell fair from unfair at n = 100: 100 dealt fairly to 22 have a Gini above 0.2 in 90%")
    assert "n = 100 over 22 members" in " ".join(record.explain().split())
    assert dos.DecisionRecord.from_json(record.to_json()) == record
    assert dos.Outcome.BLOCKED == record.outcome  # the threshold stays what it is
    assert () == engine.decide("routing.policy", {**values, "fairness_gini": dos.Reading(value=0.05, n=4_000, members=22)}, at=AT).notes
    nobody_said = engine.decide("routing.policy", {**values, "fairness_gini": dos.Reading(value=0.05, n=100)}, at=AT).notes
    assert ("among how many it is dealt was not given" in " ".join(nobody_said)) is True


def test_a_share_of_no_cases_is_unknown(engine: dos.Engine) -> None:
    """A week without a single check would count as one without a failure."""
    record = engine.decide("routing.policy", {**ROUTING, "availability": dos.Reading(value=1.0, n=0)}, at=AT)
    assert (dos.Outcome.UNDETERMINED, ("availability",)) == (record.outcome, record.unknowns)
    assert "availability is too few: n = 0: a share of no cases" in [str(cause) for cause in record.causes]


@pytest.mark.parametrize("count", [2.5, True, -1, "30"])
@pytest.mark.parametrize("label", ["n", "members"])
def test_what_is_no_count_is_refused(engine: dos.Engine, label: str, count: Any) -> None:
    """An n of half a case would give an interval, and a text a stack of Python's own errors."""
    with pytest.raises(InputError, match=f"`{label}` is a whole number, 0 or more, not {count!r}"):
        engine.decide("routing.policy", {**ROUTING, "availability": attrs.evolve(dos.Reading(value=1.0), **{label: count})}, at=AT)


@pytest.mark.parametrize(
    ("condition", "smallest"),
    [("up ≥ 99.5%", [200]), ("up in [99.5%, 100%]", [200, None]), ("up in (99.5%, 1]", [201, None]), ("up not in [99.5%, 1]", []), ("up ∈ 99% ± 0.5pp", [])],
)
def test_an_interval_asks_what_its_ends_ask(condition: str, smallest: list[int | None], tmp_path: Path) -> None:
    """The same threshold written as an interval would carry no word about its n."""
    files = changed("when: deal_size ≥ size_min and sales > floor", f"when: deal_size ≥ size_min and sales > floor and {condition}")
    files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace("  sales: sales\npre", "  sales: sales\n  up: up\npre")
    files["metrics.yaml"] += "  up: {label: Up, definition: Up, unit: share, grain: [channel, month], owner: Finance, reading: true, source: crm}\n"
    book = dos.Engine.load(write(tmp_path, files)).book
    assert smallest == [each.smallest_n for each in asked_of(book.playbooks["budget"], book.metrics)]


def test_a_run_counts_n_and_members_itself(engine: dos.Engine, sample: Sample) -> None:
    """Whoever brings rows would have to count by hand; and whoever brings a mart could not say among how many."""
    taken = {item.name: item for item in sample.result.record("routing.policy").inputs}
    gini_taken, availability = taken["fairness_gini"], taken["p_route_2m"]
    assert gini_taken.n is not None
    assert gini_taken.members is not None
    assert gini_taken.n > gini_taken.members > 1
    assert availability.n is not None
    assert wilson(availability.value, availability.n) == availability.interval  # type: ignore[arg-type]  # a number, in the sample
    mart = pl.DataFrame({"week": ["2026-W40"], "fairness_gini": [0.25], "fairness_gini_n": [100], "fairness_gini_members": [22]})
    (record,) = engine.run(metrics=mart, loads=LOADS, at=AT, nodes=["routing.policy"]).records
    assert "cannot tell fair from unfair" in record.notes[0]


def test_what_a_playbook_asks_of_its_shares_is_found_wherever_it_is_written(engine: dos.Engine) -> None:
    """A threshold inside a projection, or written the other way round, would never be looked at."""
    asked = asked_of(engine.book.playbooks["routing.policy"], engine.book.metrics)
    assert {"fairness_gini": None, "shadow_match": 200, "p_route_2m": 20, "availability": 200, "unassigned_rate": 200} == {
        each.name: each.smallest_n for each in asked
    }
