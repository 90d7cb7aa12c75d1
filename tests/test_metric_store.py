"""The metric store: values worked by hand, and every reason for which a contract withholds one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.calendars import Period, parse_period
from decision_os.errors import DataError, InputError, NotFoundError
from decision_os.expr import compile as compiled
from decision_os.metrics import Block, MetricStore
from decision_os.model import Baseline, Binding, BreakAction, Fact, Measure, Metric, Source, Sustained
from decision_os.sampling import gini
from decision_os.units import parse_unit
from decision_os.values import Reading, Reason, Unknown
from tests.metric_rows import AT, ENGINES, Rows, RowTestBlock, book, checked, entity, metric, native, qa

USD = parse_unit("USD")
SEP, AUG, JUL = parse_period("2026-09"), parse_period("2026-08"), parse_period("2026-07")


def causes(reading: Reading) -> list[tuple[str, str, str]]:
    """The causes of an unknown reading."""
    assert isinstance(reading.value, Unknown), reading
    return [(cause.name, cause.reason, cause.detail) for cause in reading.value.causes]


# --- shares: opportunities -----------------------------------------------------------------------------------------------------------

DEALS = entity("deals", "id", {"id": "identifier", "channel": "category", "owner": "text", "stage": "category", "closed": "date"})
CREATED = Fact(id="created", entity="deals", time="closed")
DECIDED = Fact(id="decided", entity="deals", filter=compiled('stage in {"Won", "Lost"}'), time="closed")
UNASSIGNED = metric("unassigned", ["month"], measure=Measure(fact="created", aggregate="share", condition=compiled("is_missing(owner)"), rows="all"))
WIN_RATE = metric(
    "win_rate", ["channel", "month"], min_n=30, measure=Measure(fact="decided", aggregate="share", condition=compiled('stage == "Won"')), max_quarantined=0.05
)
FIRST = dt.date(2026, 9, 1)


def deals(counts: Sequence[tuple[str, str | None, str, int]], day: dt.date = FIRST) -> list[tuple[Any, ...]]:
    """Rows of (channel, owner, stage, how many)."""
    return [(f"{channel}-{index}-{stage}-{owner}", channel, owner, stage, day) for channel, owner, stage, count in counts for index in range(count)]


@pytest.mark.parametrize("engine", ENGINES)
def test_thirty_of_a_thousand_without_owner_are_three_per_cent(engine: str) -> None:
    """Quarantine would delete the evidence: the unassigned rate would be 0 because the unassigned are in quarantine."""
    rows = checked(DEALS, deals([("Ads", None, "Won", 30), ("Ads", "Ana", "Won", 970)]), engine, quarantined=range(30))
    only_passed = metric("passed_only", ["month"], measure=attrs.evolve(UNASSIGNED.measure, rows="passed"))  # type: ignore[misc]  # it has one
    store = MetricStore(book([DEALS], [CREATED], [UNASSIGNED, only_passed]), {"deals": rows}, at=AT)
    reading = store.value("unassigned", {}, [SEP])
    assert (0.03, 1000, "2026-09") == (reading.value, reading.n, reading.period)
    assert [("passed_only", "quarantined", "3.0% of rows quarantined, at most 1.0% allowed")] == causes(store.value("passed_only", {}, [SEP]))


@pytest.mark.parametrize("engine", ENGINES)
def test_three_wins_of_nine_are_too_few(engine: str) -> None:
    """A channel would be invested in on 3 of 9."""
    rows = checked(DEALS, deals([("LinkedIn", "Ana", "Won", 3), ("LinkedIn", "Bo", "Lost", 6), ("Ads", "Bo", "Won", 12), ("Ads", "Bo", "Lost", 18)]), engine)
    store = MetricStore(book([DEALS], [CREATED, DECIDED], [WIN_RATE]), {"deals": rows}, at=AT)
    few, enough = store.value("win_rate", {"channel": "LinkedIn"}, [SEP]), store.value("win_rate", {"channel": "Ads"}, [SEP])
    assert [("win_rate", "too few", "n = 9, at least 30 wanted")] == causes(few)
    assert (9, 0.4, 30) == (few.n, enough.value, enough.n)
    assert 15 / 39 == pytest.approx(store.value("win_rate", {}, [SEP]).value, rel=1e-11)  # all channels together: a ratio of sums


def test_a_share_of_rows_with_gaps_says_so() -> None:
    """A condition that is unknown for a tenth of the rows would be taken for the share of the rest."""
    rows = checked(DEALS, deals([("Ads", None, "Won", 4), ("Ads", "Ana", "Won", 36)]))
    by_owner = metric("by_ana", ["month"], measure=Measure(fact="created", aggregate="share", condition=compiled('owner == "Ana"')))
    store = MetricStore(book([DEALS], [CREATED], [by_owner]), {"deals": rows}, at=AT)
    assert [("by_ana", "missing", "its condition is unknown for 10.0% of rows, at most 1.0% allowed")] == causes(store.value("by_ana", {}, [SEP]))


def test_nothing_to_take_a_share_of_is_undefined() -> None:
    """0/0 would be 0, and a channel without decisions paused for it."""
    rows = checked(DEALS, deals([("Ads", "Ana", "Open", 4), ("Web", "Ana", "Won", 4)]))
    store = MetricStore(book([DEALS], [DECIDED], [attrs.evolve(WIN_RATE, min_n=None)]), {"deals": rows}, at=AT)
    expected = [("win_rate", "undefined", "0/0: nothing to take a share of for channel=Ads, period=2026-09")]
    assert expected == causes(store.value("win_rate", {"channel": "Ads"}, [SEP]))


def test_rows_without_a_channel_stay_in_the_table() -> None:
    """A null dimension would drop rows silently, or merge with nothing."""
    rows = checked(DEALS, [("1", None, "Ana", "Won", FIRST), ("2", "Ads", "Ana", "Lost", FIRST)])
    store = MetricStore(book([DEALS], [DECIDED], [attrs.evolve(WIN_RATE, min_n=None)]), {"deals": rows}, at=AT)
    assert [("(none)", 1.0), ("Ads", 0.0)] == [(row.key["channel"], row.value) for row in store.table("win_rate")]
    assert 1.0 == store.value("win_rate", {"channel": None}, [SEP]).value
    assert ["(none)", "Ads"] == store.dimension_values("channel")


# --- the article's Payback ------------------------------------------------------------------------------------------------------------

SPEND = entity("spend", "day", {"day": "date", "channel": "category", "cost": "money"})
WINS = entity("wins", "id", {"id": "identifier", "channel": "category", "won": "date"})
BILLING = entity(
    "billing",
    "line",
    {
        "line": "identifier",
        "account": "identifier",
        "month": "month",
        "acquired_month": "month",
        "segment": "category",
        "channel": "category",
        "revenue": "money",
        "cost": "money",
    },
)
PAYBACK = [
    metric("spend", ["channel", "day"], unit=USD, measure=Measure(fact="spend", aggregate="sum", of="cost")),
    metric("new_customers", ["channel", "day"], measure=Measure(fact="wins", aggregate="count")),
    metric("cac_by_channel_daily", ["channel", "day"], unit=USD, formula="spend / new_customers", result="CAC"),
    metric("cm_by_account_monthly", ["account", "month"], unit=USD, measure=Measure(fact="billed", aggregate="sum", of="cm")),
    metric(
        "payback",
        ["segment", "channel", "cohort_month"],
        owner="FP&A",
        formula="CAC / max(Monthly_CM, 1e-6)",
        result="payback_months",
        bindings={
            "CAC": Binding(input="cac_by_channel_daily", roll_up="ratio_of_sums", allocate={"segment": "same"}),
            "Monthly_CM": Binding(input="cm_by_account_monthly", roll_up="mean", dimensions={"cohort_month": "acquired_month"}),
        },
        qa_tests=(qa("positive_values", "CAC >= 0 and Monthly_CM >= 0"), qa("bounds", "payback_months < 36")),
    ),
]
PAYBACK_FACTS = [
    Fact(id="spend", entity="spend", time="day"),
    Fact(id="wins", entity="wins", time="won"),
    Fact(id="billed", entity="billing", derive={"cm": compiled("revenue - cost")}, time="month"),
]
JULY, AUGUST = dt.date(2026, 7, 1), dt.date(2026, 8, 1)


def payback_rows(engine: str = "polars") -> dict[str, Rows]:
    """July: $300 + $500 spent on Ads, 4 won: CAC $200. Partner: $90 for 3 won, CAC $30."""
    spend = [(JULY, "Ads", 300.0), (dt.date(2026, 7, 31), "Ads", 500.0), (JULY, "Partner", 90.0), (AUGUST, "Ads", 1000.0)]
    wins = [*[(f"a{index}", "Ads", dt.date(2026, 7, 2 + index)) for index in range(4)], *[(f"p{index}", "Partner", JULY) for index in range(3)]]
    wins.append(("late", "Ads", AUGUST))
    lines = [
        # account, month, acquired, segment, channel, revenue, cost: the CM of an account and month is $40, $60, $20; on two lines $15 + $5
        ("A", JULY, JULY, "SMB", "Ads", 100.0, 60.0),
        ("A", AUGUST, JULY, "SMB", "Ads", 100.0, 40.0),
        ("B", AUGUST, JULY, "SMB", "Ads", 20.0, 5.0),
        ("B", AUGUST, JULY, "SMB", "Ads", 10.0, 5.0),
        ("C", AUGUST, AUGUST, "SMB", "Ads", 999.0, 9.0),
        ("P", JULY, JULY, "Public", "Partner", 50.0, 50.0),
        ("P", AUGUST, JULY, "Public", "Partner", 50.0, 50.0),
        ("S", JULY, JULY, "SMB", "Partner", 70.0, 60.0),
    ]
    return {
        "spend": checked(SPEND, spend, engine),
        "wins": checked(WINS, wins, engine),
        "billing": checked(BILLING, [(str(index), *line) for index, line in enumerate(lines)], engine),
    }


def payback_store(engine: str = "polars") -> MetricStore:
    return MetricStore(book([SPEND, WINS, BILLING], PAYBACK_FACTS, PAYBACK), payback_rows(engine), at=AT)


@pytest.mark.parametrize("engine", ENGINES)
def test_payback_by_hand(engine: str) -> None:
    """CAC would be a mean of daily ratios, or the CM a sum, or that of every account instead of the cohort's."""
    store = payback_store(engine)
    reading = store.value("payback", {"segment": "SMB", "channel": "Ads"}, [JUL])
    assert 200 / 40 == reading.value  # CAC 800/4; mean CM of (A, July), (A, August), (B, August): (40 + 60 + 20) / 3
    assert 3.0 == store.value("payback", {"segment": "SMB", "channel": "Partner"}, [JUL]).value  # 30 / 10
    assert 800 / 4 == store.value("cac_by_channel_daily", {"channel": "Ads"}, [JUL]).value
    assert 890 / 7 == pytest.approx(store.value("cac_by_channel_daily", {}, [JUL]).value, rel=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_cohort_without_margin_blocks_its_own_key_alone(engine: str) -> None:
    """CM = 0 would publish a payback of 30 million months, or block everybody."""
    store = payback_store(engine)
    rows = {(*row.key.values(), row.period): row for row in store.table("payback")}
    blocked = rows["Partner", "Public", "2026-07"]
    assert (None, "unknown (payback is blocked: test `bounds` failed for channel=Partner, segment=Public, cohort_month=2026-07)") == (
        blocked.value,
        blocked.unknown,
    )
    assert {("Ads", "SMB", "2026-07"): 5.0, ("Partner", "SMB", "2026-07"): 3.0} == {
        key: row.value for key, row in rows.items() if key[2] == "2026-07" and row.value is not None
    }
    assert (Block("payback", "channel=Partner, segment=Public, cohort_month=2026-07", "bounds", ("payback",)),) == store.blocks
    (effect,) = store.effects
    assert ("page", "FP&A") == (effect.kind, effect.target)
    assert "metric `payback`: test `bounds` failed for channel=Partner, segment=Public, cohort_month=2026-07" == effect.reason


def test_the_same_failure_is_the_same_effect() -> None:
    """Asking twice would page twice."""
    once, twice = payback_store(), payback_store()
    once.table("payback")
    twice.table("payback")
    twice.table("payback")
    assert [effect.key for effect in once.effects] == [effect.key for effect in twice.effects]
    assert 1 == len(twice.effects)


def test_keys_of_a_formula_are_those_of_its_inputs_at_its_own_grain() -> None:
    """Every segment would be crossed with every channel, or the cohort's month with the month of billing."""
    store = payback_store()
    assert [("Ads", "SMB"), ("Partner", "Public"), ("Partner", "SMB")] == sorted((key["channel"], key["segment"]) for key in store.keys("payback", [JUL]))
    assert [{"segment": "SMB", "channel": "Ads"}] == store.keys("payback", [AUG])
    assert [{"channel": "Ads"}] == store.keys("cac_by_channel_daily", [AUG])
    assert 8 == len(store.table("cac_by_channel_daily"))  # seven days of Ads with spend or a customer, one of Partner


def test_a_ratio_of_sums_is_not_a_mean_of_ratios() -> None:
    """A day with one customer would weigh as much as a day with fifty."""
    store = payback_store()
    july_days = [store.value("cac_by_channel_daily", {"channel": "Ads"}, [parse_period(f"2026-07-{day:02d}")]).value for day in range(1, 32)]
    assert 200.0 == store.value("cac_by_channel_daily", {"channel": "Ads"}, [JUL]).value
    assert all(isinstance(value, Unknown) for value in july_days)  # spend on the 1st and the 31st, customers from the 2nd to the 5th
    assert 1800 / 5 == store.value("cac_by_channel_daily", {"channel": "Ads"}, [JUL, AUG]).value


def test_the_mean_over_finer_keys_spans_periods() -> None:
    """Two cohorts together would count an account's months twice, or lose the account."""
    both = metric("margin", ["cohort_month"], formula="cm", bindings={"cm": PAYBACK[4].bindings["Monthly_CM"]})
    wider = MetricStore(book([BILLING], PAYBACK_FACTS, [PAYBACK[3], both]), {"billing": payback_rows()["billing"]}, at=AT)
    assert (40 + 60 + 20 + 990 + 0 + 0 + 10) / 7 == wider.value("margin", {}, [JUL, AUG]).value
    assert (40 + 60 + 20 + 0 + 0 + 10) / 6 == pytest.approx(wider.value("margin", {}, [JUL]).value, rel=1e-11)


# --- formulas ------------------------------------------------------------------------------------------------------------------------

SALES = entity("sales", "id", {"id": "identifier", "shop": "category", "day": "date", "paid": "money", "visits": "integer"})
SOLD = Fact(id="sold", entity="sales", time="day")
PAID = metric("paid", ["shop", "day"], unit=USD, measure=Measure(fact="sold", aggregate="sum", of="paid"))
VISITS = metric("visits", ["shop", "day"], measure=Measure(fact="sold", aggregate="sum", of="visits"))
PER_VISIT = metric("per_visit", ["shop", "day"], formula="paid / visits", n="visits")


def sales_store(rows: Sequence[tuple[str, dt.date, float | None, int | None]], metrics: Sequence[Metric], engine: str = "polars", **more: Any) -> MetricStore:
    marks = {name: more.pop(name) for name in ("quarantined", "blocked", "blocks") if name in more}
    found = checked(SALES, [(str(index), *row) for index, row in enumerate(rows)], engine, **marks)
    sources = more.pop("sources", {})
    return MetricStore(book([SALES], [SOLD], metrics, sources=sources), {"sales": found}, **{"at": AT, **more})


TWO_DAYS = [("North", dt.date(2026, 9, 1), 100.0, 1), ("North", dt.date(2026, 9, 2), 300.0, 99), ("South", dt.date(2026, 9, 2), 5.0, 5)]


def test_an_input_over_all_keys_stands_beside_the_key() -> None:
    """The difference to all segments together would be the difference to itself."""
    bindings = {"own": "per_visit", "every": Binding(input="per_visit", overall=("shop",))}
    difference = metric("difference", ["shop", "month"], formula="own - every", bindings=bindings)
    store = sales_store(TWO_DAYS, [PAID, VISITS, PER_VISIT, difference])
    assert 4.0 - 405 / 105 == pytest.approx(store.value("difference", {"shop": "North"}, [SEP]).value, rel=1e-9)


def test_inputs_of_different_keys_are_joined_and_a_period_can_be_left_out() -> None:
    """A cost by shop and a price by month would have no keys in common, and a share of the year no whole to be a share of."""
    price = pl.DataFrame({"month": ["2026-08", "2026-09"], "value": [2.0, 3.0]})
    rent = metric("rent", ["shop"], reading=True)
    rents = pl.DataFrame({"shop": ["North", "South"], "value": [10.0, 20.0]})
    bindings = {"r": Binding(input="rent", allocate={"month": "same"}), "p": Binding(input="price", allocate={"shop": "same"})}
    cost = metric("cost", ["shop", "month"], formula="r * p", bindings=bindings)
    of_all = metric("of_all", ["shop", "month"], formula="paid / every", bindings={"paid": "paid", "every": Binding(input="paid", overall=("month",))})
    found = checked(SALES, [("1", "North", dt.date(2026, 8, 1), 30.0, 1), ("2", "North", dt.date(2026, 9, 1), 10.0, 1)])
    store = MetricStore(book([SALES], [SOLD], [PAID, PRICE, rent, cost, of_all]), {"sales": found}, {"price": price, "rent": rents}, at=AT)
    expected = {("North", "2026-08"): 20.0, ("North", "2026-09"): 30.0, ("South", "2026-08"): 40.0, ("South", "2026-09"): 60.0}
    assert expected == {(row.key["shop"], row.period): row.value for row in store.table("cost")}
    assert 0.25 == store.value("of_all", {"shop": "North"}, [SEP]).value


@pytest.mark.parametrize(("roll_up", "expected"), [("ratio_of_sums", 4.0), ("sum", 100 + 300 / 99), ("mean", (100 + 300 / 99) / 2)])
def test_a_formula_is_rolled_up_as_its_binding_says(roll_up: str, expected: float) -> None:
    """A sum over days would be a ratio of sums, or the other way about."""
    rolled = metric("rolled", ["shop", "month"], formula="x", bindings={"x": Binding(input="per_visit", roll_up=roll_up)})
    store = sales_store(TWO_DAYS, [PAID, VISITS, PER_VISIT, rolled])
    assert expected == pytest.approx(store.value("rolled", {"shop": "North"}, [SEP]).value, rel=1e-11)


def test_an_unknown_input_travels_with_its_reason_and_a_deciding_one_does_not() -> None:
    """A formula over a missing input would be a number, or hide which input is missing."""
    cautious = metric("cautious", ["shop", "day"], formula="coalesce(per_visit, 7)")
    store = sales_store([*TWO_DAYS, ("East", dt.date(2026, 9, 2), None, 3), ("West", dt.date(2026, 9, 2), 8.0, 0)], [PAID, VISITS, PER_VISIT, cautious])
    day = [parse_period("2026-09-02")]
    assert [("paid", "missing", "no value for shop=East, period=2026-09-02")] == causes(store.value("per_visit", {"shop": "East"}, day))
    assert ["undefined"] == [reason for _, reason, _ in causes(store.value("per_visit", {"shop": "West"}, day))]
    assert 7 == store.value("cautious", {"shop": "East"}, day).value


@pytest.mark.parametrize(("empty", "expected"), [(None, ("missing",)), (0.0, 0.0)])
def test_a_sum_over_no_rows_follows_its_null_policy(empty: float | None, expected: Any) -> None:
    """No spend rows would be no spend: a channel whose export failed would look free."""
    paid = attrs.evolve(PAID, measure=attrs.evolve(PAID.measure, empty=empty))  # type: ignore[misc]  # it has one
    store = sales_store([*TWO_DAYS, ("South", dt.date(2026, 9, 1), 1.0, 1)], [paid, attrs.evolve(VISITS, measure=Measure(fact="sold", aggregate="count"))])
    nowhere = store.value("paid", {"shop": "Nowhere"}, [SEP]).value
    assert expected == (nowhere.reasons if isinstance(nowhere, Unknown) else nowhere)
    assert 0 == store.value("visits", {"shop": "Nowhere"}, [SEP]).value
    for name in ("paid", "visits"):  # beyond the data nothing is known, whatever the policy
        assert [(name, "missing", "no rows in 2026-08")] == causes(store.value(name, {"shop": "North"}, [AUG]))


def test_numbers_are_brought_to_their_precision() -> None:
    """0.1 + 0.2 and 0.3 would be two values, and hash as two."""
    tenths = metric("tenths", ["month"], formula="paid / 10 + 0.2")
    two = metric("two", ["month"], formula="paid / 3", precision=2)
    store = sales_store([("North", FIRST, 1.0, 1)], [PAID, tenths, two])
    assert (0.3, 0.33) == (store.value("tenths", {}, [SEP]).value, store.value("two", {}, [SEP]).value)


# --- what contracts withhold ---------------------------------------------------------------------------------------------------------


def test_a_cohort_is_immature_until_its_time_has_passed() -> None:
    """A win rate of the last weeks would be low only because deals take longer than that."""
    young = attrs.evolve(PAID, maturity=dt.timedelta(days=6))
    month_ends = dt.datetime(2026, 10, 1, 4, tzinfo=dt.UTC)  # midnight in New York
    for at, known in ((month_ends + dt.timedelta(days=6) - dt.timedelta(seconds=1), False), (month_ends + dt.timedelta(days=6), True)):
        reading = sales_store(TWO_DAYS, [young], at=at).value("paid", {"shop": "North"}, [SEP])
        assert known == (reading.value == 400.0)
        if not known:
            assert [("paid", "immature", "2026-09 is mature on 2026-10-07")] == causes(reading)


def test_n_comes_from_the_metric_that_counts() -> None:
    """A ratio would be decided on without anybody asking of how many."""
    store = sales_store(TWO_DAYS, [PAID, VISITS, attrs.evolve(PER_VISIT, min_n=50)])
    enough, few = store.value("per_visit", {"shop": "North"}, [SEP]), store.value("per_visit", {"shop": "South"}, [SEP])
    assert (4.0, 100) == (enough.value, enough.n)
    assert [("per_visit", "too few", "n = 5, at least 50 wanted")] == causes(few)
    unsaid = sales_store(TWO_DAYS, [PAID, VISITS, attrs.evolve(PER_VISIT, min_n=50, n="")])
    assert [("per_visit", "too few", "its n is not known, at least 50 wanted")] == causes(unsaid.value("per_visit", {"shop": "North"}, [SEP]))


def test_a_value_outside_its_range_is_an_error() -> None:
    """A share of 1.3 would be decided on."""
    ranged = attrs.evolve(PER_VISIT, valid_range=compiled("value in [0, 3.5]"))
    store = sales_store(TWO_DAYS, [PAID, VISITS, ranged])
    assert [("per_visit", "error", "4.0 is outside its valid range")] == causes(store.value("per_visit", {"shop": "North"}, [SEP]))
    assert 1.0 == store.value("per_visit", {"shop": "South"}, [SEP]).value


@pytest.mark.parametrize("engine", ENGINES)
def test_a_blocked_row_blocks_its_key_and_what_is_worked_out_from_it(engine: str) -> None:
    """A line out of range would be left out and the rest published, or block every shop."""
    loose = [attrs.evolve(each, max_quarantined=1.0) for each in (PAID, VISITS, PER_VISIT)]
    store = sales_store(TWO_DAYS, loose, engine, blocked=[2], blocks=[RowTestBlock("paid_range")])
    blocked = store.value("per_visit", {"shop": "South"}, [SEP])
    assert ("paid", "blocked", "test `paid_range` failed for rows of `sales`") in causes(blocked)
    assert 4.0 == store.value("per_visit", {"shop": "North"}, [SEP]).value
    assert Block("per_visit", "shop=South, day=2026-09", "paid_range", ("sales", "paid", "per_visit")) in store.blocks
    assert not [block for block in store.blocks if "North" in block.key]
    whole = sales_store(TWO_DAYS, loose, engine, blocked=[2], blocks=[RowTestBlock("paid_range", "metric")])
    assert ["blocked"] == sorted({reason for _, reason, _ in causes(whole.value("paid", {"shop": "North"}, [SEP]))})


def test_a_test_of_scope_metric_blocks_every_key() -> None:
    """One shop far out of range would be dropped, although its contract says that then nothing may be published."""
    action = BreakAction(text="block_publish", block=True, scope="metric")
    store = sales_store(TWO_DAYS, [PAID, VISITS, attrs.evolve(PER_VISIT, qa_tests=(qa("sane", "per_visit < 50", action),))])
    assert [("per_visit", "blocked", "test `sane` failed, which blocks the whole metric")] == causes(store.value("per_visit", {"shop": "South"}, [SEP]))
    fine = sales_store(TWO_DAYS[1:], [PAID, VISITS, attrs.evolve(PER_VISIT, qa_tests=(qa("sane", "per_visit < 50", action),))])
    assert 1.0 == fine.value("per_visit", {"shop": "South"}, [SEP]).value


def test_a_test_that_only_notifies_lets_the_value_out_and_an_unknown_one_blocks_nothing() -> None:
    """A notice would withhold the value, or a missing input count as a failed test."""
    tell = BreakAction(text="notify_owner_and_open_incident", effects=("notify owner", "incident"))
    tested = attrs.evolve(PER_VISIT, owner="RevOps", qa_tests=(qa("high", "per_visit < 2", tell), qa("paid", "paid > 0")))
    store = sales_store([TWO_DAYS[0], ("East", FIRST, None, 3)], [PAID, VISITS, tested])
    assert 100.0 == store.value("per_visit", {"shop": "North"}, [SEP]).value
    assert ["missing"] == [reason for _, reason, _ in causes(store.value("per_visit", {"shop": "East"}, [SEP]))]
    assert [("notify", "RevOps"), ("incident", "per_visit")] == [(effect.kind, effect.target) for effect in store.effects]
    assert () == store.blocks


def test_a_stale_source_makes_everything_above_it_stale() -> None:
    """Yesterday's feed would be decided on because the number is still there."""
    why = Unknown.because(Reason.STALE, "", "sales_source was last loaded 31h ago, at most 24h allowed")
    store = sales_store(TWO_DAYS, [PAID, VISITS, PER_VISIT], stale={"sales_source": why}.get, loads={"sales_source": AT}.get)
    reading = store.value("per_visit", {"shop": "North"}, [SEP])
    detail = "sales_source was last loaded 31h ago, at most 24h allowed"
    assert [("paid", "stale", detail), ("visits", "stale", detail)] == causes(reading)
    assert AT == reading.loaded_at


def test_no_rows_and_no_readings_are_missing() -> None:
    """A metric that nobody supplies would be 0, or an error in the middle of a run."""
    churn = metric("churn", ["shop", "month"], reading=True)
    store = MetricStore(book([SALES], [SOLD], [PAID, VISITS, PER_VISIT, churn]), {}, at=AT)
    assert [("churn", "missing", "nobody supplied it")] == causes(store.value("churn", {"shop": "North"}, [SEP]))
    assert [("paid", "missing", "no rows were given for `sold`, and nobody supplied it")] == causes(store.value("paid", {}, [SEP]))
    assert ([], [], ()) == (store.keys("churn"), store.table("paid"), store.computed)
    assert not store.supplies("per_visit")
    assert ("paid", "visits", "per_visit") == sales_store(TWO_DAYS, [PAID, VISITS, PER_VISIT, churn]).computed


# --- baseline, sustained -------------------------------------------------------------------------------------------------------------


def weekly(values: Sequence[float], shop: str = "North", first: str = "2026-W28") -> list[tuple[str, dt.date, float, int]]:
    """One sale on the Monday and one on the Sunday of each week from the first on, 10 visits each."""
    start = parse_period(first).start
    return [(shop, start + dt.timedelta(weeks=week, days=day), value / 2, 10) for week, value in enumerate(values) for day in (0, 6)]


BASELINE = metric("per_visit_baseline", ["shop", "month"], baseline=Baseline(of="per_visit", trailing=8, grain="week"))
WEEKS = [100, 200, 300, 400, 500, 600, 700, 800, 10_000, 10_000]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_baseline_is_the_eight_mature_weeks_before_the_period(engine: str) -> None:
    """The period itself, or a week that is half in it, would be part of what it is compared with."""
    store = sales_store(weekly(WEEKS), [PAID, VISITS, PER_VISIT, BASELINE], engine)
    reading = store.value("per_visit_baseline", {"shop": "North"}, [SEP])
    assert (3600 / 160, "2026-W28..2026-W35") == (reading.value, reading.period)  # 6 July to 30 August


def test_a_baseline_waits_for_maturity() -> None:
    """Weeks whose deals are still open would pull the baseline down."""
    slow = attrs.evolve(VISITS, maturity=dt.timedelta(days=14))
    at = dt.datetime(2026, 9, 7, 12, tzinfo=dt.UTC)
    rows = weekly([50, *WEEKS], first="2026-W27")
    reading = sales_store(rows, [PAID, slow, PER_VISIT, BASELINE], at=at).value("per_visit_baseline", {"shop": "North"}, [SEP])
    assert (2850 / 160, "2026-W27..2026-W34") == (reading.value, reading.period)  # W35 ended on 31 August: mature on 14 September


def test_a_baseline_needs_all_of_its_history() -> None:
    """Two weeks of a new shop would pass for a baseline of eight."""
    rows = [*weekly(WEEKS), *weekly([100, 100, 100], "New", "2026-W34")]
    store = sales_store(rows, [PAID, VISITS, PER_VISIT, BASELINE])
    detail = "wants the 8 mature weeks 2026-W28..2026-W35, and its data begins in 2026-W34"
    assert [("per_visit_baseline", "missing", detail)] == causes(store.value("per_visit_baseline", {"shop": "New"}, [SEP]))
    unseen = causes(store.value("per_visit_baseline", {"shop": "Nowhere"}, [SEP]))
    assert ("per_visit_baseline", "missing", "wants the 8 mature weeks 2026-W28..2026-W35, and it has no data") in unseen


def test_a_baseline_by_months_steps_back_by_months() -> None:
    """Only weeks would be a baseline's periods."""
    by_month = metric("by_month", ["shop", "month"], baseline=Baseline(of="paid", trailing=2, grain="month"))
    store = sales_store([("North", dt.date(2026, month, 3), 10.0 * month, 1) for month in (6, 7, 8, 9)], [PAID, by_month])
    reading = store.value("by_month", {"shop": "North"}, [SEP])
    assert (150.0, "2026-07..2026-08") == (reading.value, reading.period)


def sustained_store(by_month: dict[int, float], periods: int = 2) -> MetricStore:
    held = metric("held", ["shop", "month"], sustained=Sustained(condition=compiled("per_visit >= 5"), periods=periods, grain="month"))
    rows = [("North", dt.date(2026, month, 3), value, 10) for month, value in by_month.items()]
    return sales_store(rows, [PAID, VISITS, PER_VISIT, held])


def test_sustained_means_in_each_period() -> None:
    """One good month would pass for two."""
    reading = sustained_store({8: 50.0, 9: 70.0}).value("held", {"shop": "North"}, [SEP])
    assert (True, "2026-08..2026-09", 10) == (reading.value, reading.period, reading.n)
    assert False is sustained_store({8: 49.0, 9: 70.0}).value("held", {"shop": "North"}, [SEP]).value


def test_too_little_history_is_unknown_unless_one_period_decides() -> None:
    """A segment in its first month would count as sustained, or as not."""
    short = causes(sustained_store({9: 70.0}).value("held", {"shop": "North"}, [SEP]))
    assert [("paid", "missing", "in 2026-08: no rows in 2026-08"), ("visits", "missing", "in 2026-08: no rows in 2026-08")] == short
    assert False is sustained_store({9: 1.0}).value("held", {"shop": "North"}, [SEP]).value


def test_a_monthly_condition_asked_for_a_week_takes_the_last_whole_month() -> None:
    """The month that has just begun would decide whether something was sustained."""
    reading = sustained_store({8: 50.0, 9: 70.0}).value("held", {"shop": "North"}, [parse_period("2026-W41")])
    assert (True, "2026-08..2026-09") == (reading.value, reading.period)


# --- gini ----------------------------------------------------------------------------------------------------------------------------

LEADS = entity("leads", "id", {"id": "identifier", "rep": "text", "received": "instant"})
REPS = entity("reps", "rep", {"rep": "text", "active": "boolean"})
FAIRNESS = metric("fairness", ["week"], measure=Measure(fact="routed", aggregate="gini", of="rep", members=("active_reps", "rep")))
ROUTED = [Fact(id="routed", entity="leads", time="received"), Fact(id="active_reps", entity="reps", filter=compiled("active"))]


@pytest.mark.parametrize("engine", ENGINES)
def test_gini_counts_active_members_with_nothing_and_adds_weeks(engine: str) -> None:
    """Two weeks would be the mean of two coefficients, or an idle representative nobody."""
    monday = dt.datetime(2026, 9, 28, 12, tzinfo=dt.UTC)
    got = [("Ana", 0, 3), ("Bo", 0, 1), ("Ana", 7, 1), ("Bo", 7, 3), (None, 0, 5)]
    leads = [(f"{rep}{days}{index}", rep, monday + dt.timedelta(days=days)) for rep, days, count in got for index in range(count)]
    reps = checked(REPS, [("Ana", True), ("Bo", True), ("Idle", True), ("Gone", False)], engine)
    store = MetricStore(book([LEADS, REPS], ROUTED, [FAIRNESS]), {"leads": checked(LEADS, leads, engine), "reps": reps}, at=AT)
    week = parse_period("2026-W40")
    reading = store.value("fairness", {}, [week])
    assert (0.5, 4) == (reading.value, reading.n)  # 0, 1, 3: (0*-2 + 1*0 + 3*2) / (3*4)
    assert pytest.approx(gini([0, 4, 4]), rel=1e-11) == store.value("fairness", {}, [week, week.next()]).value


@pytest.mark.parametrize("engine", ENGINES)
def test_distinct_counts_over_several_periods_are_counted_anew(engine: str) -> None:
    """Somebody seen in both weeks would count twice."""
    monday = dt.datetime(2026, 9, 28, 12, tzinfo=dt.UTC)
    leads = [(str(index), rep, monday + dt.timedelta(days=days)) for index, (rep, days) in enumerate([("Ana", 0), ("Bo", 0), ("Ana", 7)])]
    reps = metric("reps", ["week"], measure=Measure(fact="routed", aggregate="count_distinct", of="rep"))
    store = MetricStore(book([LEADS, REPS], ROUTED, [reps]), {"leads": checked(LEADS, leads, engine)}, at=AT)
    week = parse_period("2026-W40")
    assert (2, 1, 2) == tuple(store.value("reps", {}, periods).value for periods in ([week], [week.next()], [week, week.next()]))


# --- supplied ready-made -------------------------------------------------------------------------------------------------------------

CHURN = metric("churn", ["shop", "month"], label="Churn %", reading=True, source="mart")
PRICE = metric("price", ["month"], reading=True, source="mart")
LINK = metric("link", ["week"], reading=True, text=True)
MART = {"mart": Source(id="mart", max_age=dt.timedelta(hours=24))}


def supplied_store(supplied: Any, metrics: Sequence[Metric] = (CHURN, PRICE, LINK), **more: Any) -> MetricStore:
    return MetricStore(book(metrics=metrics, sources=MART), {}, supplied, **{"at": AT, **more})


@pytest.mark.parametrize("engine", [*ENGINES, "classic pandas"])
@pytest.mark.parametrize("typed", [True, False])
def test_a_frame_of_metrics_from_elsewhere(engine: str, typed: bool) -> None:
    """A dbt mart would have to be turned into readings by hand, or a CSV export parsed first."""
    columns: dict[str, list[Any]] = {
        "shop": ["North", "South", None],
        "period": ["2026-09", "2026-09", "2026-09"],
        "churn": [0.02, None, 0.5],
        "n": [120, 80, None],
        "loaded_at": [AT - dt.timedelta(hours=1)] * 3,
    }
    if not typed:
        columns = {name: [None if each is None else str(each) for each in values] for name, values in columns.items()}
    frame = pl.DataFrame(columns)
    given = frame.to_pandas() if engine == "classic pandas" else native(frame, engine)
    store = supplied_store({"churn": given})
    reading = store.value("churn", {"shop": "North"}, [SEP])
    assert (0.02, 120, "2026-09", AT - dt.timedelta(hours=1)) == (reading.value, reading.n, reading.period, reading.loaded_at)
    assert [("churn", "missing", "supplied without a value")] == causes(store.value("churn", {"shop": "South"}, [SEP]))
    assert 0.5 == store.value("churn", {"shop": None}, [SEP]).value
    assert [("churn", "missing", "no value for shop=West, month=2026-09")] == causes(store.value("churn", {"shop": "West"}, [SEP]))
    assert ["(none)", "North", "South"] == [row["shop"] for row in store.keys("churn", [SEP])]


def test_one_frame_for_many_metrics() -> None:
    """An export of readings would have to be split by metric first."""
    frame = pl.DataFrame(
        {
            "metric": ["churn", "price", "link"],
            "shop": ["North", None, None],
            "period": ["2026-09", "2026-09", "2026-W40"],
            "value": ["0.02", "40", "https://example.org/evidence"],
            "n": ["100", None, None],
            "valid_until": [None, "2026-12-31T23:59:59+00:00", None],
        }
    )
    for supplied in ({"metrics": frame}, frame):
        store = supplied_store(supplied)
        assert (0.02, 40.0, "https://example.org/evidence") == (
            store.value("churn", {"shop": "North"}, [SEP]).value,
            store.value("price", {"shop": "North"}, [SEP]).value,
            store.value("link", {}, [parse_period("2026-W40")]).value,
        )
        assert ("churn", "price", "link") == store.computed


def test_readings_of_a_metric_without_dimensions() -> None:
    """One number would need a frame around it."""
    store = supplied_store({"price": Reading(value=40, period="2026-09")})
    assert 40 == store.value("price", {}, [SEP]).value
    several = supplied_store({"price": [Reading(value=40, period="2026-08"), Reading(value=None, period="2026-09")]})
    assert 40 == several.value("price", {}, [AUG]).value
    assert [("price", "missing", "supplied without a value")] == causes(several.value("price", {}, [SEP]))


def test_supplied_values_go_before_computed_ones_and_past_the_same_contract() -> None:
    """A mart's number would be recomputed, or let through untested."""
    tested = attrs.evolve(PER_VISIT, min_n=30, n="", valid_range=compiled("value >= 0"), qa_tests=(qa("sane", "per_visit < 50"),))
    frame = pl.DataFrame(
        {"shop": ["North", "South", "East", "West"], "day": [dt.date(2026, 9, 1)] * 4, "value": [7.0, 60.0, 8.0, -1.0], "n": [30, 100, 29, 100]}
    )
    found = checked(SALES, [(str(index), *row) for index, row in enumerate(TWO_DAYS)])
    store = MetricStore(book([SALES], [SOLD], [PAID, VISITS, tested]), {"sales": found}, {"per_visit": frame}, at=AT)
    day = [parse_period("2026-09-01")]
    assert 7.0 == store.value("per_visit", {"shop": "North"}, day).value
    assert ["blocked", "too few", "error"] == [causes(store.value("per_visit", {"shop": shop}, day))[0][1] for shop in ("South", "East", "West")]
    assert 1 == store.value("visits", {"shop": "North"}, day).value


def test_what_is_too_old_is_stale() -> None:
    """An estimate past its date, or a mart that was not rebuilt, would be decided on."""

    def reading(**more: Any) -> Reading:
        return supplied_store({"price": Reading(value=40, period="2026-09", **more)}, stale={}.get).value("price", {}, [SEP])

    assert [("price", "stale", "valid until 2026-10-06T13:59:59+00:00")] == causes(reading(valid_until=AT - dt.timedelta(seconds=1)))
    assert [("price", "stale", "loaded at 2026-10-05T13:00:00+00:00, at most 24h old allowed")] == causes(reading(loaded_at=AT - dt.timedelta(hours=25)))
    assert [("price", "error", "loaded at 2026-10-06T15:00:00+00:00, which is yet to come")] == causes(reading(loaded_at=AT + dt.timedelta(hours=1)))
    assert 40 == reading(loaded_at=AT - dt.timedelta(hours=24), valid_until=AT).value
    by_source = supplied_store({"price": Reading(value=40, period="2026-09")}, stale=lambda source: Unknown.because(Reason.STALE, "", f"{source} is old"))
    assert [("price", "stale", "mart is old")] == causes(by_source.value("price", {}, [SEP]))


def test_supplied_values_taken_together() -> None:
    """Shares of two shops would be averaged, whatever their size."""
    frame = pl.DataFrame({"shop": ["North", "South"], "month": ["2026-09", "2026-09"], "value": [0.1, 0.4], "n": [300, 100]})
    assert (0.175, 400) == attrs.astuple(supplied_store({"churn": frame}).value("churn", {}, [SEP]))[0:5:4]
    without_n = supplied_store({"churn": frame.drop("n")})
    assert ["error"] == [reason for _, reason, _ in causes(without_n.value("churn", {}, [SEP]))]
    days = pl.DataFrame({"shop": ["North", "North"], "day": ["2026-09-01", "2026-09-30"], "value": [1.5, 2.5]})
    store = MetricStore(book([SALES], [SOLD], [PAID]), {}, {"paid": days}, at=AT)
    assert 4.0 == store.value("paid", {"shop": "North"}, [SEP]).value
    assert [("paid", "missing", "no value for shop=North, day=2026-08")] == causes(store.value("paid", {"shop": "North"}, [AUG, SEP]))
    assert 1.5 == store.value("paid", {"shop": "North"}, [parse_period("2026-W36")]).value
    finer = supplied_store({"churn": frame}).value("churn", {"shop": "North"}, [parse_period("2026-09-01")])
    assert [("churn", "error", "it is supplied by month, which does not add up to a day")] == causes(finer)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"churn": {"shop": ["N"], "month": ["2026-09"], "valeu": [1.0]}}, r"metric `churn` has no use for the column `valeu` \(did you mean `value`\?\)"),
        ({"churn": {"shop": ["N"], "month": ["2026-09"]}}, r"metric `churn` has no column `churn` or `value` \(there are shop, month\)"),
        ({"churn": {"month": ["2026-09"], "value": [1.0]}}, r"metric `churn` has no column `shop` \(there are month, value\)"),
        ({"churn": {"shop": ["N"], "value": [1.0]}}, r"metric `churn` has no column `month` or `period`"),
        (
            {"churn": {"shop": ["N", "S"], "month": ["2026-09"] * 2, "value": ["0.1", "lots"]}},
            r"metric `churn`, row 2: `lots` is a text where a number belongs",
        ),
        ({"churn": {"shop": ["N"], "month": ["Sept"], "value": [1.0]}}, r"metric `churn`, row 1: `Sept` is not a period"),
        ({"churn": {"shop": ["N"], "month": [None], "value": [1.0]}}, r"metric `churn`, row 1: the period is missing"),
        ({"churn": {"shop": ["N"], "month": ["2026-W36"], "value": [1.0]}}, r"row 1: `2026-W36` is a week, but its periods are months"),
        ({"churn": {"shop": ["N"], "month": ["2026-09"], "value": [1.0], "n": ["many"]}}, r"row 1: n is `many`, which is not a whole number"),
        ({"churn": {"shop": ["N"], "month": ["2026-09"], "value": [1.0], "loaded_at": ["noon"]}}, r"row 1: loaded_at is `noon`, which is not an instant"),
        ({"churn": {"shop": ["N", "N"], "month": ["2026-09"] * 2, "value": [1.0, 2.0]}}, r"metric `churn`, row 2: a second value for N, 2026-09"),
        ({"metrics": {"metric": ["churn"], "period": ["2026-09"]}}, r"`metrics` has no column `value`"),
        ({"metrics": {"metric": ["churn"], "value": [1.0], "shpo": ["N"]}}, r"`metrics` has a column `shpo`, which is no dimension of any metric"),
        ({"link": {"week": ["2026-W40"], "value": [3.0]}}, r"metric `link`, row 1: `3.0` is not a text"),
    ],
)
def test_a_frame_that_cannot_be_read_says_where(given: dict[str, dict[str, list[Any]]], message: str) -> None:
    """A misspelled column or a text where a number belongs would be a missing metric, or a stack of an engine's own words."""
    with pytest.raises(DataError, match=message):
        supplied_store({name: pl.DataFrame(columns) for name, columns in given.items()})


def test_what_is_supplied_wrongly_says_so() -> None:
    """A list of numbers, a metric that is none, or the same one twice would pass without a word."""
    with pytest.raises(NotFoundError, match=r"no metric `chrun` in the rule book \(did you mean `churn`\?\)"):
        supplied_store({"chrun": pl.DataFrame({"value": [1.0]})})
    with pytest.raises(DataError, match=r"metric `price` is a dict; give a dataframe, or a list of readings"):
        supplied_store({"price": {"2026-09": 40}})
    with pytest.raises(DataError, match=r"metric `churn` has the dimension `shop`, which a reading cannot say"):
        supplied_store({"churn": [Reading(value=0.1, period="2026-09")]})
    long = pl.DataFrame({"metric": ["price"], "period": ["2026-09"], "value": [40.0]})
    with pytest.raises(DataError, match=r"metric `price` is supplied twice"):
        supplied_store({"price": long.drop("metric"), "metrics": long})
    with pytest.raises(InputError, match="`at` is a time without a zone"):
        supplied_store({}, at=dt.datetime(2026, 10, 6))
    with pytest.raises(InputError, match="periods of several grains at once: month, week"):
        supplied_store({}).value("price", {}, [SEP, parse_period("2026-W40")])


# --- laws ----------------------------------------------------------------------------------------------------------------------------

ROW = st.tuples(
    st.sampled_from(["North", "South", "East", None]),
    st.dates(dt.date(2026, 7, 6), dt.date(2026, 9, 27)),
    st.integers(-5000, 500_000).map(lambda cents: cents / 100) | st.none(),
    st.integers(0, 50) | st.none(),
)


@settings(max_examples=8, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_every_engine_gives_the_same_table(rows: list[Any]) -> None:
    """The same rows would be decided on differently in a notebook and in a job."""
    metrics = [PAID, VISITS, PER_VISIT, metric("weekly", ["shop", "week"], formula="per_visit * 2", precision=3)]
    stores = [sales_store(rows, metrics, engine) for engine in ENGINES]
    for each in metrics:
        tables = [store.table(each.id) for store in stores]
        assert all(tables[0] == table for table in tables[1:])


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12))
def test_parts_add_up_to_the_whole(rows: list[Any]) -> None:
    """The shops of a month would not add up to the month, or its days to it."""
    store = sales_store(rows, [attrs.evolve(PAID, measure=attrs.evolve(PAID.measure, empty=0))])  # type: ignore[misc]  # it has one
    months: list[Period] = sorted({parse_period(f"{row[1]:%Y-%m}") for row in rows}, key=lambda period: period.start)
    exact = {month: round(sum(round(row[2] * 100) for row in rows if row[2] is not None and month.start <= row[1] < month.end)) / 100 for month in months}
    for month in months:
        by_shop = [store.value("paid", key, [month]).value for key in store.keys("paid", [month])]
        assert exact[month] == store.value("paid", {}, [month]).value
        assert exact[month] == pytest.approx(sum(by_shop), abs=1e-6)
    assert sum(exact.values()) == pytest.approx(store.value("paid", {}).value, abs=1e-6)


# --- a real funnel -------------------------------------------------------------------------------------------------------------------

OLIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "olist-funnel"
WON_OF_LEADS = {
    "organic_search": (271, 2296),
    "paid_search": (195, 1586),
    "social": (75, 1350),
    "direct_traffic": (56, 499),
    "email": (15, 493),
    "referral": (24, 284),
    "display": (6, 118),
    "other": (4, 150),
    "other_publicities": (3, 65),
    "unknown": (179, 1099),
    "(none)": (14, 60),
}


@pytest.mark.skipif(not OLIST.is_dir(), reason="the real funnel is not part of the project; see shared/data")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_real_funnel_gives_the_figures_counted_independently(engine: str) -> None:
    """Win rate by origin and Gini per representative would differ from a count by other means."""
    leads = entity("mqls", "mql_id", {"mql_id": "identifier", "first_contact_date": "date", "origin": "category"})
    won = entity("closed", "mql_id", {"mql_id": "identifier", "sr_id": "identifier", "sdr_id": "identifier"})
    facts = [Fact(id="funnel", entity="mqls", lookups={"closer": ("closed", "sr_id", "mql_id")}, time="first_contact_date"), Fact(id="deals", entity="closed")]
    rate = metric("rate", ["origin"], measure=Measure(fact="funnel", aggregate="share", condition=compiled("not is_missing(closer)")))
    fair = [metric(f"gini_{who}", [], measure=Measure(fact="deals", aggregate="gini", of=f"{who}_id")) for who in ("sr", "sdr")]
    lead_rows = pl.read_csv(OLIST / "marketing_qualified_leads.csv", try_parse_dates=True).select("mql_id", "first_contact_date", "origin").rows()
    won_rows = pl.read_csv(OLIST / "closed_deals.csv").select("mql_id", "sr_id", "sdr_id").rows()
    given = {"mqls": checked(leads, lead_rows, engine), "closed": checked(won, won_rows, engine)}
    store = MetricStore(book([leads, won], facts, [rate, *fair]), given, at=AT)
    readings = {row.key["origin"]: (row.value, row.n) for row in store.table("rate")}
    assert {origin: (float(f"{wins / total:.12g}"), total) for origin, (wins, total) in WON_OF_LEADS.items()} == readings
    assert [(0.45962, 842), (0.61773, 842)] == [(round(reading.value, 5), reading.n) for reading in (store.value(each.id, {}) for each in fair)]
