"""The sample exports hold what `STORIES` promises: every figure is counted again from the written files with plain csv code."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from decision_os.samples import SAMPLE_AT, STORIES, write_exports

Rows = list[dict[str, str]]

PERIOD = "2026-09"
MONTHS = ("2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09")
STAGES = {"Prospecting", "Qualified", "Proposal", "Negotiation", "Closed Won", "Closed Lost"}
BASELINE = (dt.date(2026, 7, 6), dt.date(2026, 8, 30))
SEPTEMBER = (dt.date(2026, 9, 1), dt.date(2026, 9, 30))


def rows_of(path: Path, *, above: int = 0) -> Rows:
    """The data rows of a file, without titles, totals and footers."""
    text = path.read_text(encoding="utf-8-sig")
    table = list(csv.reader(io.StringIO(text)))[above:]
    return [dict(zip(table[0], row, strict=True)) for row in table[1:] if len(row) == len(table[0]) and not row[0].startswith("Total:")]


@cache
def day_of(text: str) -> dt.date | None:
    """A date in either form; None where blank or impossible."""
    try:
        if "/" in text:
            month, day, year = (int(part) for part in text.split("/"))
            return dt.date(year, month, day)
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        return None


def money(text: str) -> Decimal:
    return Decimal(text.removeprefix("USD ").replace("$", "").replace(",", "")) if text not in ("", "--") else Decimal(0)


def gini(counts: list[int]) -> float:
    """Mean absolute difference over twice the mean, straight from the definition."""
    total = sum(abs(a - b) for a in counts for b in counts)
    return total / (2 * len(counts) * sum(counts))


@pytest.fixture(scope="module", params=[20, 7], ids=["seed 20", "seed 7"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of the default seed and of another: stories may not depend on luck."""
    path = tmp_path_factory.mktemp("exports")
    write_exports(path, seed=request.param)
    return path


@pytest.fixture(scope="module")
def opportunities(folder: Path) -> Rows:
    return rows_of(folder / "salesforce_opportunities.csv")


@pytest.fixture(scope="module", params=["all rows", "passed rows"])
def counted(request: pytest.FixtureRequest, opportunities: Rows) -> Rows:
    """The opportunities as a story may be counted: all, or those that a contract lets pass."""
    if request.param == "all rows":
        return opportunities
    keys = Counter(row["Opportunity ID"] for row in opportunities)
    return [
        row
        for row in opportunities
        if row["Opportunity Owner"]
        and row["Stage"] in STAGES
        and keys[row["Opportunity ID"]] == 1
        and money(row["Amount"]) >= 0
        and day_of(row["Created Date"]) is not None
    ]


@pytest.fixture(scope="module")
def spend(folder: Path) -> dict[tuple[str, dt.date], Decimal]:
    """Spend by channel and day, from both files."""
    result: dict[tuple[str, dt.date], Decimal] = defaultdict(Decimal)
    for row in rows_of(folder / "google_ads_campaigns.csv", above=2):
        result["Google Ads", dt.date.fromisoformat(row["Day"])] += money(row["Cost"])
    for row in rows_of(folder / "channel_spend.csv"):
        result[row["Channel"], dt.date.fromisoformat(row["Day"])] += money(row["Spend (USD)"])
    return result


def within(day: dt.date | None, span: tuple[dt.date, dt.date]) -> bool:
    return day is not None and span[0] <= day <= span[1]


def decided(rows: Rows, span: tuple[dt.date, dt.date], **where: str) -> tuple[int, int]:
    """How many were won, and how many decided."""
    stages = Counter(
        row["Stage"] for row in rows if within(day_of(row["Close Date"]), span) and all(row[key.replace("_", " ")] == value for key, value in where.items())
    )
    return stages["Closed Won"], stages["Closed Won"] + stages["Closed Lost"]


def win_rate(rows: Rows, span: tuple[dt.date, dt.date], **where: str) -> float:
    won, count = decided(rows, span, **where)
    return won / count


def span_of(month: str) -> tuple[dt.date, dt.date]:
    first = dt.date.fromisoformat(f"{month}-01")
    return first, (first + dt.timedelta(31)).replace(day=1) - dt.timedelta(1)


def cost_per_sqo(rows: Rows, spend: dict[tuple[str, dt.date], Decimal], channel: str, span: tuple[dt.date, dt.date]) -> float:
    sqos = sum(1 for row in rows if row["Lead Source"] == channel and within(day_of(row["SQO Date"]), span))
    return float(sum(cents for (name, day), cents in spend.items() if name == channel and within(day, span)) / sqos)


def test_every_file_is_written_and_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A demo that changes from run to run could not be compared with its documentation."""
    first = write_exports(tmp_path / "a", scale=0.2)
    second = write_exports(tmp_path / "b", scale=0.2)
    assert [path.name for path in first] == [path.name for path in second]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(path.name for path in first)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    """A seed that changed nothing would be a parameter that lies."""
    first = write_exports(tmp_path / "a", seed=1, scale=0.2)
    second = write_exports(tmp_path / "b", seed=2, scale=0.2)
    assert first[0].read_bytes() != second[0].read_bytes()


@pytest.mark.parametrize("scale", [0.05, 0.5, 2.0])
def test_the_scale_multiplies_the_rows(tmp_path: Path, scale: float) -> None:
    """A benchmark asks for ten times the rows, a quick test for a twentieth; both must get them."""
    paths = {path.name: path for path in write_exports(tmp_path, scale=scale)}
    assert pytest.approx(6000 * scale, rel=0.05) == len(rows_of(paths["hubspot_contacts.csv"]))
    assert pytest.approx(10_000 * scale, rel=0.05) == len(rows_of(paths["routing_log.csv"]))
    assert pytest.approx(2600 * scale, rel=0.7) == len(rows_of(paths["salesforce_opportunities.csv"]))


def test_the_smallest_scale_still_writes_every_file(tmp_path: Path) -> None:
    """A scale that is allowed would crash for want of a row to plant a wart in."""
    for seed in range(5):
        assert len(write_exports(tmp_path / str(seed), seed=seed, scale=0.01)) == 10


@pytest.mark.parametrize("scale", [0, -1, 0.009, 1001, float("nan")])
def test_a_scale_of_nothing_is_refused(tmp_path: Path, scale: float) -> None:
    """An empty sample would show no decision and say no reason."""
    with pytest.raises(ValueError, match="scale"):
        write_exports(tmp_path, scale=scale)


def test_now_is_the_weekly_review() -> None:
    """The demo decides at the weekly operations review: Tuesday, 10:00 in New York."""
    assert dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC) == SAMPLE_AT
    assert SAMPLE_AT.isoweekday() == 2


def test_the_stories_are_told() -> None:
    """The demo prints these; an empty one would print nothing."""
    assert len(STORIES) >= 20
    assert all(STORIES.values())


# --- channels -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "low", "high"),
    [
        ("Google Ads", 0.72, 0.88),
        ("Webinar", 0.97, 1.12),
        ("Content Syndication", 1.25, 1.45),
        ("Partner", 0.70, 0.95),
    ],
)
def test_cost_per_sqo_stands_where_the_story_puts_it(counted: Rows, spend: dict[tuple[str, dt.date], Decimal], channel: str, low: float, high: float) -> None:
    """A channel on the wrong side of 0.9 or 1.2 of its baseline would get another decision."""
    ratio = cost_per_sqo(counted, spend, channel, SEPTEMBER) / cost_per_sqo(counted, spend, channel, BASELINE)
    assert low <= ratio <= high


def test_google_ads_wins_more_than_its_baseline(counted: Rows) -> None:
    """Below +2pp nobody would invest in it."""
    lift = win_rate(counted, SEPTEMBER, Lead_Source="Google Ads") - win_rate(counted, BASELINE, Lead_Source="Google Ads")
    assert 0.03 <= lift <= 0.05


def test_linkedin_is_too_small_and_the_others_are_not(counted: Rows) -> None:
    """Three wins of nine must be unknown, and 30 or more must not be."""
    assert decided(counted, SEPTEMBER, Lead_Source="LinkedIn") == (3, 9)
    for channel in ("Google Ads", "Webinar", "Content Syndication", "Partner"):
        for month in MONTHS:
            assert decided(counted, span_of(month), Lead_Source=channel)[1] >= 30


@pytest.mark.parametrize("date", ["Created Date", "SQO Date", "Close Date"])
def test_only_partner_lacks_valid_attribution(counted: Rows, date: str) -> None:
    """The channel must be paused and the node not blocked, by whichever date the rule book counts."""
    verified: dict[str, list[bool]] = defaultdict(list)
    for row in counted:
        if within(day_of(row[date]), SEPTEMBER):
            verified[row["Lead Source"]].append(row["Attribution Status"] == "Verified")
    shares = {channel: sum(each) / len(each) for channel, each in verified.items()}
    together = [each for all_ in verified.values() for each in all_]
    assert 0.96 <= shares.pop("Partner") <= 0.98
    assert set(shares.values()) == {1.0}
    assert 0.995 <= sum(together) / len(together) < 1


# --- segments -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("month", ["2026-08", "2026-09"])
def test_segments_win_as_the_story_says(counted: Rows, month: str) -> None:
    """One segment must be added, one is weak, and a third must not slip over a threshold by chance."""
    span = span_of(month)
    overall = win_rate(counted, span)
    differences = {segment: win_rate(counted, span, Segment=segment) - overall for segment in {row["Segment"] for row in counted}}
    assert decided(counted, span, Segment="SaaS 200-999")[1] >= 60
    assert differences.pop("SaaS 200-999") >= 0.07
    assert -0.10 <= differences.pop("Retail 50-199") <= -0.06
    assert len(differences) == 3
    assert all(abs(each) < 0.035 for each in differences.values())


def test_the_best_segment_is_new(counted: Rows) -> None:
    """`Sustained for two months` would be no test if the lead were older than that."""
    for month in ("2026-05", "2026-06", "2026-07"):
        span = span_of(month)
        assert win_rate(counted, span, Segment="SaaS 200-999") - win_rate(counted, span) < 0.05


# --- billing and payback --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def billing(folder: Path) -> Rows:
    return rows_of(folder / "billing.csv")


def margin(row: dict[str, str]) -> Decimal:
    return money(row["Revenue"]) - money(row["Cost of Service"])


def paybacks(counted: Rows, spend: dict[tuple[str, dt.date], Decimal], billing: Rows) -> dict[tuple[str, str, str], float | None]:
    """CAC of the channel in the month over CM per account and month of the cohort; None where CM is 0."""
    cohorts: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for row in billing:
        if row["Acquired Month"] in MONTHS:
            cohorts[row["Segment"], row["Channel"], row["Acquired Month"]].append(margin(row))
    result: dict[tuple[str, str, str], float | None] = {}
    cac = {}
    for channel, month in {(channel, month) for _, channel, month in cohorts}:
        cost = sum((each for (name, day), each in spend.items() if name == channel and within(day, span_of(month))), Decimal(0))
        cac[channel, month] = cost / decided(counted, span_of(month), Lead_Source=channel)[0]
    for (segment, channel, month), margins in cohorts.items():
        monthly = sum(margins, Decimal(0)) / len(margins)
        result[segment, channel, month] = float(cac[channel, month] / monthly) if monthly else None
    return result


def test_payback_is_plausible_but_for_one_cohort_without_margin(counted: Rows, spend: dict[tuple[str, dt.date], Decimal], billing: Rows) -> None:
    """Another broken key, or a payback beyond the contract's 36 months, would block more than the story says."""
    found = paybacks(counted, spend, billing)
    assert [key for key, months in found.items() if months is None] == [("Public Sector", "Partner", "2026-07")]
    known = [months for months in found.values() if months is not None]
    assert 3 <= min(known)
    assert max(known) <= 20


def test_the_cohort_without_margin_has_none_in_each_month(billing: Rows) -> None:
    """A single month with a margin would make payback a number again."""
    ours = [row for row in billing if (row["Segment"], row["Channel"], row["Acquired Month"]) == ("Public Sector", "Partner", "2026-07")]
    assert {row["Month"] for row in ours} == {"2026-07", "2026-08", "2026-09"}
    assert {margin(row) for row in ours} == {Decimal(0)}
    assert sum(1 for row in billing if margin(row) <= 0) == len(ours)


def test_payback_of_the_best_segment_improves_by_more_than_a_month(counted: Rows, spend: dict[tuple[str, dt.date], Decimal], billing: Rows) -> None:
    """Without it the segment wins more and still may not be added; and no other segment may qualify by chance."""
    found = paybacks(counted, spend, billing)

    def mean(segment: str, months: tuple[str, ...]) -> float:
        values = [value for (name, _, month), value in found.items() if name == segment and month in months and value is not None]
        return sum(values) / len(values)

    before = ("2026-05", "2026-06", "2026-07")
    gains = {segment: mean(segment, before) - mean(segment, ("2026-08",)) for segment, _, _ in found}
    assert gains.pop("SaaS 200-999") > 1.3
    assert len(gains) == 4
    assert all(gain < 0.9 for gain in gains.values())
    for channel in ("Google Ads", "Webinar", "Content Syndication"):
        values = [found["SaaS 200-999", channel, month] or 0.0 for month in (*before, "2026-08")]
        assert min(values[:3]) - values[3] > 1


def test_margins_and_seats(billing: Rows) -> None:
    """The pricing decision projects from these: $40 a seat on the list, about $28 left of it."""
    for month in MONTHS:
        rows = [row for row in billing if row["Month"] == month]
        cm, revenue = sum(margin(row) for row in rows), sum(money(row["Revenue"]) for row in rows)
        assert float(cm / revenue) == pytest.approx(0.78, abs=0.005)
        assert float(cm / sum(int(row["Seats"]) for row in rows)) == pytest.approx(28, abs=0.3)


def test_every_won_opportunity_pays(opportunities: Rows, billing: Rows) -> None:
    """An account that was won and never billed would make CM per account of its cohort a different thing from its CAC."""
    won = {row["Account ID"] for row in opportunities if row["Stage"] == "Closed Won" and within(day_of(row["Close Date"]), span_of(PERIOD))}
    assert won == {row["Account ID"] for row in billing if row["Acquired Month"] == PERIOD}


# --- routing --------------------------------------------------------------------------------------------------------------------


def test_routing_week(folder: Path) -> None:
    """The routing decision stands on these shares, in the decided week and in the four before it."""
    reps = {row["Rep"] for row in rows_of(folder / "reps.csv") if row["Active"] == "TRUE"}
    weeks: dict[str, Rows] = defaultdict(list)
    for row in rows_of(folder / "routing_log.csv"):
        weeks[dt.datetime.fromisoformat(row["Received At"]).strftime("%G-W%V")].append(row)
    assert sorted(weeks) == ["2026-W36", "2026-W37", "2026-W38", "2026-W39", "2026-W40"]
    for rows in weeks.values():
        routed = [row for row in rows if row["Routed At"]]
        waits = [dt.datetime.fromisoformat(row["Routed At"]) - dt.datetime.fromisoformat(row["Received At"]) for row in routed]
        assert len(rows) == 2000
        assert sum(1 for wait in waits if dt.timedelta(0) <= wait < dt.timedelta(minutes=2)) == 1940
        assert sum(1 for row in rows if not row["Rep"]) == 6
        assert len(routed) == 1994
        assert sum(1 for row in rows if row["Rep"] == row["Candidate Rep"]) == 1993
        candidate = Counter(row["Candidate Rep"] for row in rows)
        assert set(candidate) < reps
        counts = [candidate[rep] for rep in reps]
        assert counts.count(0) == 1
        assert gini(counts) == pytest.approx(0.15, abs=0.01)


def test_former_representatives_get_nothing(folder: Path) -> None:
    """A Gini over them would count people who cannot be given a lead."""
    former = {row["Rep"] for row in rows_of(folder / "reps.csv") if row["Active"] == "FALSE"}
    named = {row[column] for row in rows_of(folder / "routing_log.csv") for column in ("Rep", "Candidate Rep")}
    assert len(former) == 2
    assert not former & named


# --- contacts, readings, loads, incidents ---------------------------------------------------------------------------------------


def test_disqualification_reasons_cover_98_percent(folder: Path) -> None:
    """A cell below 98 % would shut the gate that the story leaves open; without a gap there would be nothing to measure."""
    rows = [row for row in rows_of(folder / "hubspot_contacts.csv") if row["Lifecycle Stage"] == "Disqualified"]
    blank = [row for row in rows if not row["Disqualification Reason"]]
    assert 0.015 < len(blank) / len(rows) < 0.02
    for cell in (lambda row: row["Segment"], lambda row: (row["Segment"], row["Create Date"][:7])):
        counts, gaps = Counter(map(cell, rows)), Counter(map(cell, blank))
        assert all(gaps[key] / counts[key] < 0.02 for key in counts)


def test_contacts_are_a_hubspot_export(folder: Path) -> None:
    """The byte order mark, the line ends and the dates are what a reader has to cope with."""
    raw = (folder / "hubspot_contacts.csv").read_bytes()
    rows = rows_of(folder / "hubspot_contacts.csv")
    assert raw.startswith(b"\xef\xbb\xbfRecord ID,")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 6001
    assert len({row["Record ID"] for row in rows}) == len({row["Email"] for row in rows}) == 6000
    assert any(not row["Contact owner"] for row in rows)
    sales_ready = {"SQL", "Opportunity", "Customer"}
    assert all((row["Lifecycle Stage"] in sales_ready) == bool(row["Became SQL Date"]) for row in rows)
    assert all(row["Create Date"] <= row["Became SQL Date"] <= "2026-10-05 23:59" for row in rows if row["Became SQL Date"])


def test_readings(folder: Path) -> None:
    """The figures the article's pricing case is worked with; one segment churns too fast."""
    rows = {(row["metric"], row["segment"], row["period"]): row for row in rows_of(folder / "readings.csv")}
    churn = {segment: float(row["value"]) for (metric, segment, period), row in rows.items() if (metric, period) == ("churn_rate", PERIOD)}
    elasticity = rows["elasticity", "", PERIOD]
    assert ("-0.62", "420", "2026-12-31") == (elasticity["value"], elasticity["n"], elasticity["valid_until"][:10])
    assert rows["list_price", "", PERIOD]["value"] == "40"
    assert rows["availability", "", "2026-W40"]["value"] == "0.9987"
    assert churn.pop("Public Sector") == 0.041
    assert len(churn) == 4
    assert max(churn.values()) < 0.02
    assert float(rows["routing_capacity", "", PERIOD]["value"]) > 2000 * 30 / 7
    assert all(SAMPLE_AT - dt.timedelta(hours=24) < dt.datetime.fromisoformat(row["loaded_at"]) <= SAMPLE_AT for row in rows.values())


def test_every_source_meets_its_freshness_objective(folder: Path) -> None:
    """A red source would block all four decisions, and a log without one late load would show no budget spent."""
    loads: dict[str, list[dt.datetime]] = defaultdict(list)
    for row in rows_of(folder / "loads.csv"):
        loads[row["source"]].append(dt.datetime.fromisoformat(row["loaded_at"]))
    start = SAMPLE_AT - dt.timedelta(days=30)
    shares = {}
    for source, times in loads.items():
        bound = dt.timedelta(hours=4 if source == "forecasts" else 24)
        assert times == sorted(times)
        assert times[0] <= start - bound
        assert times[-1] <= SAMPLE_AT
        stale = dt.timedelta(0)
        for this, following in zip(times, [*times[1:], SAMPLE_AT], strict=True):
            stale += max(dt.timedelta(0), following - max(this + bound, start))
        shares[source] = 1 - stale / dt.timedelta(days=30)
    assert set(shares) == {"salesforce", "hubspot", "google_ads", "finance", "billing", "routing", "readings", "forecasts"}
    assert 0.99 < shares.pop("hubspot") < 1
    assert set(shares.values()) == {1.0}


def test_incidents(folder: Path) -> None:
    """An open SEV2 would block everything; a resolved one and an open SEV3 must not."""
    rows = rows_of(folder / "incidents.csv")
    assert [("SEV2", True), ("SEV3", False)] == [(row["severity"], bool(row["resolved_at"])) for row in rows]
    assert all(dt.datetime.fromisoformat(row["opened_at"]) < SAMPLE_AT for row in rows)


# --- warts ----------------------------------------------------------------------------------------------------------------------


def test_three_percent_have_no_owner(opportunities: Rows) -> None:
    """30 of 1,000 without owner is an unassigned rate of exactly 3 %."""
    missing = sum(1 for row in opportunities if not row["Opportunity Owner"])
    assert missing * 100 == 3 * len(opportunities)


def test_mistakes_are_in_the_opportunities(opportunities: Rows) -> None:
    """Quarantine with nothing to catch would prove nothing; each wart is there as often as told."""
    keys = Counter(row["Opportunity ID"] for row in opportunities)
    twice = [key for key, count in keys.items() if count > 1]
    twins = [row for row in opportunities if row["Opportunity ID"] in twice]
    assert [2] == [count for count in keys.values() if count > 1]
    assert twins[0] != twins[1]
    assert Counter({"closed won": 2, "Closed - Won?": 1}) == Counter(row["Stage"] for row in opportunities if row["Stage"] not in STAGES)
    assert [row["Amount"] for row in opportunities if money(row["Amount"]) < 0] == ["USD -4,200.00"]
    impossible = [row[column] for row in opportunities for column in row if column.endswith("Date") and row[column] and not day_of(row[column])]
    assert impossible == ["9/31/2026"]


def test_identifiers_that_differ_in_case_only_are_two(opportunities: Rows) -> None:
    """A reader that folds case would take hundreds of opportunities for identifiers used twice."""
    keys = {row["Opportunity ID"] for row in opportunities}
    assert len(keys) == len(opportunities) - 1
    assert len({key.casefold() for key in keys}) < len(keys) - 100
    assert {len(key) for key in keys} == {15}
    assert {len(row["Account ID"]) for row in opportunities} == {18}


def test_opportunities_mix_forms(opportunities: Rows, folder: Path) -> None:
    """One form only would leave the other untried."""
    assert {"USD", "$"} == {"USD" if row["Amount"].startswith("USD ") else row["Amount"][0] for row in opportunities if row["Amount"]}
    assert any(not row["Amount"] for row in opportunities)
    assert {"/", "-"} == {"/" if "/" in row["Created Date"] else "-" for row in opportunities}
    assert all(bool(row["Close Date"]) == (row["Stage"].casefold().startswith("closed")) for row in opportunities)
    last = (folder / "salesforce_opportunities.csv").read_text(encoding="utf-8").splitlines()[-5:]
    assert last[0] == ""
    assert last[-1].startswith('"Generated By:')


def test_dates_run_forward_and_end_on_the_last_day(opportunities: Rows) -> None:
    """An opportunity decided before it was created, or tomorrow, would be a wart nobody planted."""
    for row in opportunities:
        days = [day for column in ("Created Date", "SQL Date", "SQO Date", "Close Date") if (day := day_of(row[column])) is not None]
        assert days == sorted(days)
        assert all(day <= dt.date(2026, 10, 5) for day in days)


def test_google_ads_export_has_titles_blanks_and_totals_that_add_up(folder: Path) -> None:
    """Totals read as data would double the spend."""
    path = folder / "google_ads_campaigns.csv"
    table = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert table[:2] == [["Campaign performance"], ["April 1, 2026 - October 5, 2026"]]
    assert [row[0] for row in table[-2:]] == ["Total: Campaigns", "Total: Account"]
    assert any(row[3] == "--" for row in table[3:-2])
    assert sum(money(row[3]) for row in table[3:-2]) == money(table[-1][3])
