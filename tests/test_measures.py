"""Facts and measures: what is counted, on every engine, and what is never dropped without a word."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.calendars import period_of
from decision_os.errors import DataError
from decision_os.expr import compile as compiled
from decision_os.metrics.facts import FactRows
from decision_os.metrics.measures import Cells, Shape, as_member, collect_cells, measured, members_of
from decision_os.model import Fact, Measure, Metric
from decision_os.sampling import gini
from decision_os.units import parse_unit
from tests.metric_rows import ENGINES, Rows, book, checked, entity, metric

DEALS = entity(
    "deals",
    "id",
    {
        "id": "identifier",
        "channel": "category",
        "owner": "text",
        "amount": "money",
        "seats": "integer",
        "hours": "number",
        "won": "boolean",
        "closed": "date",
    },
)
SEP, OCT = dt.date(2026, 9, 1), dt.date(2026, 10, 1)
DEAL_ROWS = [
    ("1", "Ads", "Ana", 0.10, 3, 1.5, True, dt.date(2026, 9, 2)),
    ("2", "Ads", "Bo", 0.20, 4, 2.5, False, dt.date(2026, 9, 30)),
    ("3", "Ads", "Ana", None, None, None, None, dt.date(2026, 9, 30)),
    ("4", None, "Ana", 5.00, 1, 0.5, True, dt.date(2026, 9, 30)),
    ("5", "Web", None, -1.25, 2, 4.0, False, dt.date(2026, 10, 1)),
    ("6", "Web", "Bo", 7.00, 9, 1.0, True, None),
]
DEALS_FACT = Fact(id="deals", entity="deals", time="closed")
ZONE = ZoneInfo("America/New_York")


def cells_of(
    measure: Measure, shape: Shape, rows: Rows | None = None, fact: Fact = DEALS_FACT, engine: str = "polars", *, fiscal: int = 1, **more: Any
) -> Cells:
    asked = metric("asked", (), measure=measure, **more)
    table = FactRows(book([DEALS], [fact]), {"deals": rows or checked(DEALS, DEAL_ROWS, engine)}).table(fact.id)
    return collect_cells(table, asked, shape, zone=ZONE, fiscal_year_start=fiscal)


def values_of(measure: Measure, shape: Shape, **more: Any) -> dict[Any, Any]:
    cells = cells_of(measure, shape, **more)
    return {
        (*key, *([start] if start else [])): measured(measure, part, cells.digits, ())
        for key, by_start in cells.by_key.items()
        for start, part in by_start.items()
    }


BY_CHANNEL = Shape(("channel",))
BY_MONTH = Shape(("channel",), "closed", "month")
EXPECTED = {
    "sum of money": (Measure(fact="deals", aggregate="sum", of="amount"), {("Ads",): 0.3, ("(none)",): 5.0, ("Web",): 5.75}),
    "sum of integers": (Measure(fact="deals", aggregate="sum", of="seats"), {("Ads",): 7, ("(none)",): 1, ("Web",): 11}),
    "sum of booleans": (Measure(fact="deals", aggregate="sum", of="won"), {("Ads",): 1, ("(none)",): 1, ("Web",): 1}),
    "sum of numbers": (Measure(fact="deals", aggregate="sum", of="hours"), {("Ads",): 4.0, ("(none)",): 0.5, ("Web",): 5.0}),
    "mean": (Measure(fact="deals", aggregate="mean", of="amount"), {("Ads",): 0.15, ("(none)",): 5.0, ("Web",): 2.875}),
    "min": (Measure(fact="deals", aggregate="min", of="hours"), {("Ads",): 1.5, ("(none)",): 0.5, ("Web",): 1.0}),
    "max of integers": (Measure(fact="deals", aggregate="max", of="seats"), {("Ads",): 4, ("(none)",): 1, ("Web",): 9}),
    "max of dates": (
        Measure(fact="deals", aggregate="max", of="closed"),
        {("Ads",): dt.date(2026, 9, 30), ("(none)",): dt.date(2026, 9, 30), ("Web",): dt.date(2026, 10, 1)},
    ),
    "count": (Measure(fact="deals", aggregate="count"), {("Ads",): 3, ("(none)",): 1, ("Web",): 2}),
    "count of a column": (Measure(fact="deals", aggregate="count", of="owner"), {("Ads",): 3, ("(none)",): 1, ("Web",): 1}),
    "count where": (
        Measure(fact="deals", aggregate="count", condition=compiled("hours > 1")),
        {("Ads",): 2, ("(none)",): 0, ("Web",): 1},
    ),
    "count_distinct": (Measure(fact="deals", aggregate="count_distinct", of="owner"), {("Ads",): 2, ("(none)",): 1, ("Web",): 1}),
    "share": (Measure(fact="deals", aggregate="share", condition=compiled("won")), {("Ads",): 0.5, ("(none)",): 1.0, ("Web",): 0.5}),
    "gini": (Measure(fact="deals", aggregate="gini", of="owner"), {("Ads",): 1 / 6, ("(none)",): 0.0, ("Web",): 0.0}),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", EXPECTED)
def test_each_aggregate_by_hand(name: str, engine: str) -> None:
    """An engine's nulls would change a sum, a share or the rows without a channel."""
    measure, expected = EXPECTED[name]
    assert expected == values_of(measure, BY_CHANNEL, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_lie_in_their_months_and_one_without_a_date_in_none(engine: str) -> None:
    """September's last day would slip into October, or an open deal into some month."""
    found = values_of(Measure(fact="deals", aggregate="count"), BY_MONTH, engine=engine)
    assert {("Ads", SEP): 3, ("(none)", SEP): 1, ("Web", OCT): 1} == found


@pytest.mark.parametrize("engine", ENGINES)
def test_no_dimension_and_no_period_is_one_cell(engine: str) -> None:
    """A total would need a key to group by."""
    assert {(): 6} == values_of(Measure(fact="deals", aggregate="count"), Shape(()), engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_rows_give_no_cells(engine: str) -> None:
    """An empty export would fail inside an engine, or pass for zeros."""
    cells = cells_of(Measure(fact="deals", aggregate="sum", of="amount"), BY_MONTH, rows=checked(DEALS, [], engine))
    assert ({}, None, None) == (cells.by_key, cells.first, cells.last)


@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_days_of_a_span_are_read(engine: str) -> None:
    """A count over a span would take in the day after it, or lose its first."""
    shape = Shape((), "closed", spans=((dt.date(2026, 9, 2), dt.date(2026, 9, 3)), (OCT, dt.date(2026, 10, 2))))
    assert {(): 2} == values_of(Measure(fact="deals", aggregate="count"), shape, engine=engine)


@settings(max_examples=40, deadline=None)
@given(
    day=st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)),
    grain=st.sampled_from(["day", "week", "month", "quarter", "year"]),
    fiscal=st.integers(1, 12),
    engine=st.sampled_from(ENGINES),
)
def test_an_engine_finds_the_same_period_as_the_calendar(day: dt.date, grain: Any, fiscal: int, engine: str) -> None:
    """Weeks would start on another weekday before 1970, or fiscal quarters in the wrong month."""
    rows = checked(DEALS, [("1", "Ads", "Ana", 1.0, 1, 1.0, True, day)], engine)
    cells = cells_of(Measure(fact="deals", aggregate="count"), Shape((), "closed", grain), rows=rows, fiscal=fiscal)
    assert [period_of(day, grain, fiscal).start] == list(cells.by_key[()])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_instant_lies_in_the_day_it_was_at_home(engine: str) -> None:
    """A lead of the last evening of September in New York would count for October, as it does in UTC."""
    leads = entity("deals", "id", {"id": "identifier", "received": "instant", "routed": "instant"})
    moment = dt.datetime(2026, 10, 1, 2, tzinfo=dt.UTC)
    fact = Fact(id="leads", entity="deals", elapsed={"seconds": ("received", "routed")}, time="received")
    rows = checked(leads, [("1", moment, moment + dt.timedelta(seconds=90, milliseconds=500)), ("2", moment, None)], engine)
    table = FactRows(book([leads], [fact]), {"deals": rows}).table("leads")
    measure = Measure(fact="leads", aggregate="max", of="seconds")
    cells = collect_cells(table, metric("slowest", (), measure=measure), Shape((), "received", "month"), zone=ZONE, fiscal_year_start=1)
    part = cells.by_key[()][SEP]
    assert ([SEP], 90.5, 1, 2) == (list(cells.by_key[()]), part.high, part.known, part.used)


@settings(max_examples=40, deadline=None)
@given(cents=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=30), engine=st.sampled_from(ENGINES))
def test_money_adds_up_to_the_cent_in_any_order(cents: list[int], engine: str) -> None:
    """A sum of money would depend on the order of the rows, or be off by a cent."""
    measure = Measure(fact="deals", aggregate="sum", of="amount")
    for ordered in (cents, sorted(cents)):
        rows = checked(DEALS, [(str(index), "Ads", "Ana", cent / 100, 1, 1.0, True, SEP) for index, cent in enumerate(ordered)], engine)
        cells = cells_of(measure, Shape(()), rows=rows)
        assert sum(cents) == cells.by_key[()][None].total


def test_a_derived_amount_is_summed_without_float_drift() -> None:
    """0.1 added a thousand times would not be 100, and the digest of a record would differ between engines."""
    fact = Fact(id="deals", entity="deals", derive={"third": compiled("amount / 1 + 0")}, time="closed")
    rows = checked(DEALS, [(str(index), "Ads", "Ana", 0.1, 1, 0.1, True, SEP) for index in range(1000)])
    of_money = Measure(fact="deals", aggregate="sum", of="third")
    assert {(): 100.0} == values_of(of_money, Shape(()), rows=rows, fact=fact, unit=parse_unit("USD"))
    declared = Measure(fact="deals", aggregate="sum", of="hours")
    assert {(): 100.0} == values_of(declared, Shape(()), rows=rows, fact=fact, precision=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sum_too_wide_for_whole_cents_does_not_wrap(engine: str) -> None:
    """Rupiah by the trillion would overflow 64 bits and come out negative."""
    rows = checked(DEALS, [(str(index), "Ads", "Ana", amount, 1, 1.0, True, SEP) for index, amount in enumerate([4e16, 4e16, 4e16, 1e300])], engine)
    measure = Measure(fact="deals", aggregate="sum", of="amount")
    assert {(): 1e300} == values_of(measure, Shape(()), rows=rows)
    fewer = checked(DEALS, [(str(index), "Ads", "Ana", 4e16, 1, 1.0, True, SEP) for index in range(3)], engine)
    assert {(): pytest.approx(1.2e17, rel=1e-12)} == values_of(measure, Shape(()), rows=fewer)


# --- quarantine, filters --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_quarantined_rows_are_left_out_and_counted_or_read(engine: str) -> None:
    """Quarantine would delete evidence, or a metric over all rows would miss some."""
    rows = checked(DEALS, DEAL_ROWS, engine, quarantined=[0], blocked=[4])
    passed = cells_of(Measure(fact="deals", aggregate="count"), BY_CHANNEL, rows=rows)
    every = cells_of(Measure(fact="deals", aggregate="count", rows="all"), BY_CHANNEL, rows=rows)
    ads, web = passed.by_key["Ads",][None], passed.by_key["Web",][None]
    assert (3, 1, 0, 2) == (ads.seen, ads.quarantined, ads.blocked, ads.total)
    assert (2, 1, 1, 1) == (web.seen, web.quarantined, web.blocked, web.total)
    assert (3, 2) == (every.by_key["Ads",][None].total, every.by_key["Web",][None].total)


def test_the_quarantined_share_sees_both_sides_of_a_filter() -> None:
    """Won deals quarantined for a renamed stage would leave a win rate of 0 with a clean record; a bad minority would drown in the rest."""
    fact = Fact(id="deals", entity="deals", filter=compiled('owner == "Ana"'), time="closed")
    count = Measure(fact="deals", aggregate="count")
    drifted = cells_of(count, Shape(()), rows=checked(DEALS, DEAL_ROWS, quarantined=[1, 5]), fact=fact).by_key[()][None]
    minority = cells_of(count, Shape(()), rows=checked(DEALS, DEAL_ROWS, quarantined=[0, 2]), fact=fact).by_key[()][None]
    assert (0, 2 / 6) == (drifted.rows_quarantined, drifted.quarantined_share)
    assert (2, 2 / 3) == (minority.rows_quarantined, minority.quarantined_share)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_partials_of_two_halves_add_up_to_the_whole(data: st.DataObject) -> None:
    """A baseline over eight weeks would differ from the same weeks counted as one."""
    row = st.tuples(
        st.just("x"),
        st.sampled_from(["Ads", "Web", None]),
        st.sampled_from(["Ana", "Bo", None]),
        st.integers(-500, 500).map(lambda cents: cents / 100) | st.none(),
        st.integers(-5, 5) | st.none(),
        st.sampled_from([None, 0.5, 2.0]),
        st.sampled_from([True, False, None]),
        st.just(SEP),
    )
    first, second = data.draw(st.lists(row, max_size=8)), data.draw(st.lists(row, max_size=8))
    name = data.draw(st.sampled_from(sorted(set(EXPECTED) - {"count_distinct", "max of dates"})))
    measure = EXPECTED[name][0]

    def parts(rows: list[Any]) -> dict[Any, Any]:
        cells = cells_of(measure, BY_CHANNEL, rows=checked(DEALS, rows))
        return {key: by_start[None] for key, by_start in cells.by_key.items()}

    one, two, whole = parts(first), parts(second), parts(first + second)
    assert set(whole) == {*one, *two}
    for key, part in whole.items():
        halves = [each[key] for each in (one, two) if key in each]
        assert part == (halves[0] + halves[1] if len(halves) > 1 else halves[0])


# --- lookups -------------------------------------------------------------------------------------------------------------------------

REPS = entity("reps", "rep", {"rep": "text", "team": "category", "active": "boolean"})
WITH_TEAM = Fact(id="deals", entity="deals", lookups={"team": ("reps", "team", "owner")}, time="closed")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lookup_widens_rows_and_never_multiplies_them(engine: str) -> None:
    """Two rows for one key on the other side would count a deal twice; a row without a match would vanish."""
    reps = checked(REPS, [("Ana", "North", True), ("Bo", "South", True), (None, "Nowhere", True), ("Ana", "East", True)], engine, quarantined=[3])
    table = FactRows(book([DEALS, REPS], [WITH_TEAM]), {"deals": checked(DEALS, DEAL_ROWS, engine), "reps": reps}).table("deals")
    counted = metric("deals_by_team", ("team",), measure=Measure(fact="deals", aggregate="count"))
    cells = collect_cells(table, counted, Shape(("team",)), zone=ZONE, fiscal_year_start=1)
    assert {("North",): 3, ("South",): 2, ("(none)",): 1} == {key: by_start[None].total for key, by_start in cells.by_key.items()}
    doubled = checked(REPS, [("Ana", "North", True), ("Ana", "East", True)], engine)
    with pytest.raises(DataError, match=r"`team` is looked up in `reps`, where 1 of the `rep` stand on several rows"):
        FactRows(book([DEALS, REPS], [WITH_TEAM]), {"deals": checked(DEALS, DEAL_ROWS, engine), "reps": doubled}).table("deals")


@pytest.mark.parametrize("engine", ENGINES)
def test_members_are_those_that_passed_and_that_the_fact_takes(engine: str) -> None:
    """Somebody who left, or whose row is in quarantine, would count as a member with nothing."""
    active = Fact(id="active_reps", entity="reps", filter=compiled("active"))
    reps = checked(REPS, [("Ana", "N", True), ("Bo", "S", False), ("Cy", "S", True), ("Di", "S", True), (None, "S", True)], engine, quarantined=[2])
    facts = FactRows(book([REPS], [active]), {"reps": reps})
    assert ("Ana", "Di") == members_of(facts.table("active_reps"), "rep", "gini")
    assert ("Ana", "Bo", "Di") == members_of(facts.table("reps"), "rep", "gini")


def test_what_is_not_there_is_named() -> None:
    """A column that does not exist would fail inside an engine, in its words."""
    count = Measure(fact="deals", aggregate="count")
    with pytest.raises(DataError, match=r"fact `deals` has no column `chanel`, which `asked` asks for \(did you mean `channel`\?\)"):
        cells_of(count, Shape(("chanel",)))
    with pytest.raises(DataError, match=r"counts periods by `owner`, which holds string and no dates"):
        cells_of(count, Shape((), "owner", "month"))
    with pytest.raises(DataError, match=r"takes the sum of `owner`, which holds string and no numbers"):
        cells_of(Measure(fact="deals", aggregate="sum", of="owner"), Shape(()))
    with pytest.raises(DataError, match=r"no rows were given for the entity `deals`"):
        FactRows(book([DEALS], [DEALS_FACT]), {}).table("deals")
    with pytest.raises(DataError, match=r"is a share without a `condition`"):
        cells_of(Measure(fact="deals", aggregate="share"), Shape(()))
    misspelled = Fact(id="deals", entity="deals", lookups={"team": ("reps", "team", "ownr")})
    facts = FactRows(book([DEALS, REPS], [misspelled]), {"deals": checked(DEALS, DEAL_ROWS), "reps": checked(REPS, [])})
    with pytest.raises(DataError, match=r"`team` is looked up by `ownr`, which is no column \(did you mean `owner`\?\)"):
        facts.table("deals")


# --- gini ----------------------------------------------------------------------------------------------------------------------------


def test_gini_by_hand() -> None:
    """The routing cap of 0.2 would be held against another number."""
    assert 0.25 == gini([4, 1, 3, 2])  # (-3*1 - 1*2 + 1*3 + 3*4) / (4 * 10)
    assert 0.5 == gini([1, 0])
    assert None is gini([])
    assert None is gini([0, 0, 0])


@given(counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=20).filter(any))
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    """The formula over ranks would differ from the definition: the mean difference between any two, over twice the mean."""
    n, total = len(counts), sum(counts)
    differences = sum(abs(a - b) for a in counts for b in counts)
    assert float(Fraction(differences, 2 * n * total)) == pytest.approx(gini(counts), abs=1e-12)


def test_gini_counts_members_who_got_nothing() -> None:
    """A rule set that starves half of the team would look fair."""
    measure = Measure(fact="deals", aggregate="gini", of="owner")
    part = cells_of(measure, Shape(())).by_key[()][None]
    assert {"Ana": 3, "Bo": 2} == part.tallies
    assert 0.1 == pytest.approx(measured(measure, part, 0, ()))
    assert 0.4 == pytest.approx(measured(measure, part, 0, ("Ana", "Cy")))  # 0, 2, 3: (-2*0 + 0*2 + 2*3) / (3*5)


def test_members_read_the_same_from_every_engine() -> None:
    """A key of integers with a gap would be `3.0` on classic pandas and `3` elsewhere, and match nothing."""
    assert ["3", "3", "(none)", "True", "2026-09-01", "0.5"] == [as_member(each) for each in (3, 3.0, None, True, dt.datetime(2026, 9, 1), 0.5)]


def test_a_metric_without_measure_is_refused() -> None:
    """A formula handed to the row layer would come back as a count of nothing."""
    table = FactRows(book([DEALS], [DEALS_FACT]), {"deals": checked(DEALS, DEAL_ROWS)}).table("deals")
    with pytest.raises(DataError, match="`x` is no measure"):
        collect_cells(table, Metric(id="x", label="x"), Shape(()), zone=ZONE, fiscal_year_start=1)
