"""Freshness inside a run: staleness along the graph, a source's own bound, alerts, and what the rule files say about them."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import decision_os as dos
from decision_os.engine.result import RunResult
from decision_os.errors import Severity
from decision_os.slo import BurnAlert
from tests.marts import AT
from tests.small_book import FILES, changed, findings, write

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
DEALS = pl.DataFrame({"id": ["a", "b"], "channel": ["Ads", "Ads"], "amount": ["150", "70"], "closed": ["2026-09-03", "2026-09-20"]})
SLO = 'metric_age: {objective: "P(MetricAge<24h)≥0.98", covers: [crm]}'


def nightly(hours: float, missing: int | None = None) -> list[dt.datetime]:
    """A load each night for 40 nights, the last so many hours ago; one of them left out, counted from the latest."""
    return [AT - hours * HOUR - night * DAY for night in range(40) if night != missing]


def run(folder: Path, files: dict[str, str], loads: Any, **more: Any) -> RunResult:
    """The small rule book, decided on two deals."""
    return dos.Engine.load(write(folder, files)).run(sources={"deals": DEALS}, loads=loads, at=AT, **more)


def test_a_metric_is_stale_by_the_source_it_rests_on_and_says_by_which_path(tmp_path: Path) -> None:
    """Whoever reads that a ratio is stale would not know what to load."""
    record = run(tmp_path, FILES, {"crm": nightly(31)}).records[0]
    size = next(item for item in record.inputs if item.name == "deal_size")
    assert isinstance(size.value, dos.Unknown)
    told = [(cause.name, cause.reason, cause.detail) for cause in size.value.causes]
    path = "crm → deals → won"
    assert {
        ("deal_size", "stale", f"sales: crm loaded 31h ago, at most 24h allowed ({path} → deals_won → deal_size)"),
        ("deal_size", "stale", f"deals_won: crm loaded 31h ago, at most 24h allowed ({path} → deals_won → deal_size)"),
    } == set(told)


def test_a_value_supplied_without_a_load_time_is_as_old_as_what_it_rests_on(tmp_path: Path) -> None:
    """A mart of stale data would be taken as fresh, because nobody wrote a load time into it."""
    engine = dos.Engine.load(write(tmp_path, FILES))
    mart = pl.DataFrame({"channel": ["Ads"], "month": ["2026-09"], "sales": [220.0], "deal_size": [110.0]})
    late, timely = (engine.run(metrics=mart, loads={"crm": nightly(hours)}, at=AT).records[0] for hours in (31, 2))
    assert ["stale", "measured"] == [late.inputs[0].value.reasons[0], timely.inputs[0].age]  # type: ignore[union-attr]  # unknown, by the first
    assert AT - 2 * HOUR == timely.inputs[0].loaded_at
    own = engine.run(metrics=mart.with_columns(loaded_at=pl.lit(AT - HOUR)), loads={"crm": nightly(31)}, at=AT).records[0]
    assert (110.0, AT - HOUR) == (own.inputs[0].value, own.inputs[0].loaded_at)


def test_a_monthly_table_is_not_stale_on_the_fourteenth(tmp_path: Path) -> None:
    """Each source has its own bound; what a value covers, when it was loaded and how long it holds are three things."""
    files = changed("  crm: {label: CRM, owner: finance}", "  crm: {label: CRM, owner: finance}\n  ledger: {label: Ledger, max_age: 35d}")
    files["metrics.yaml"] = files["metrics.yaml"].replace("    measure: {fact: won, aggregate: count}", "    reading: true\n    source: ledger")
    engine = dos.Engine.load(write(tmp_path, files))
    mart = pl.DataFrame({"channel": ["Ads"], "month": ["2026-09"], "value": [2.0]})

    def deal_size(loads: dict[str, Any], frame: pl.DataFrame = mart) -> Any:
        record = engine.run(sources={"deals": DEALS}, metrics={"deals_won": frame}, loads=loads, at=AT).records[0]
        return next(item.value for item in record.inputs if item.name == "deal_size")

    assert 110.0 == deal_size({"crm": nightly(2), "ledger": AT - 14 * DAY})
    assert ("stale",) == deal_size({"crm": nightly(31), "ledger": AT - 14 * DAY}).reasons
    assert "ledger loaded 36d ago, at most 35d allowed" in str(deal_size({"crm": nightly(2), "ledger": AT - 36 * DAY}))
    ended = mart.with_columns(valid_until=pl.lit(AT - DAY))
    assert "valid until" in str(deal_size({"crm": nightly(2), "ledger": AT - 14 * DAY}, ended))


def test_ages_are_elapsed_time_over_both_changes_of_daylight_saving(tmp_path: Path) -> None:
    """In the spring night data of 23 hours would be called a day old, in the autumn night data of 25 hours fresh."""
    engine = dos.Engine.load(write(tmp_path, FILES))
    for evening, at, stale in (
        ("2026-03-07T20:00", dt.datetime(2026, 3, 9, 0, 0, tzinfo=dt.UTC), False),  # 20:00 on the wall, 23 hours later
        ("2026-10-31T20:00", dt.datetime(2026, 11, 2, 1, 0, tzinfo=dt.UTC), True),  # 20:00 on the wall, 25 hours later
    ):
        month = at.date().replace(day=1) - DAY
        deals = DEALS.with_columns(closed=pl.lit(month.isoformat()))
        record = engine.run(sources={"deals": deals}, loads=[("crm", evening)], at=at).records[0]
        assert stale == any(isinstance(item.value, dos.Unknown) for item in record.inputs if item.metric)


def test_naive_load_times_are_read_by_the_clock_of_the_rule_book(tmp_path: Path) -> None:
    """Local times of New York would be taken for UTC, and four hours of age be lost."""
    result = run(tmp_path, FILES, [("crm", "2026-10-06T06:00")])
    assert result.freshness is not None
    assert 4 * HOUR == result.freshness.statuses[0].age


# --- alerts in the rule book ---


def with_alerts(text: str, more: str = "") -> dict[str, str]:
    """The small rule book with alerts on its objective."""
    return changed(SLO, f'metric_age: {{objective: "P(MetricAge<24h)≥0.98", covers: [crm], {more}alerts: {text}}}')


def test_alerts_and_windows_are_data_of_the_rule_book(tmp_path: Path) -> None:
    """The windows of a team that loads once a week would be those of a web service."""
    files = with_alerts(
        "{fast: {burn: 14.4, over: 1h, then: page_owner_and_open_incident}, slow: {burn: 1, over: 3d, and_over: 6h}}", "burn_windows: [1h, 7d], "
    )
    objective = dos.Engine.load(write(tmp_path, files)).book.slos["metric_age"].objective
    fast = BurnAlert(name="fast", burn=Fraction("14.4"), over=HOUR, and_over=HOUR / 12, effects=("page owner", "incident"))
    assert (fast, BurnAlert(name="slow", burn=1, over=3 * DAY, and_over=6 * HOUR)) == objective.alerts
    assert (HOUR, 7 * DAY) == objective.burn_windows


def test_an_alert_that_fires_asks_for_its_effects_once(tmp_path: Path) -> None:
    """An owner would be paged by each run of the same outage, or not at all."""
    files = with_alerts("{fast: {burn: 14.4, over: 1h, then: page_owner_and_notify_sales_ops}}")
    burning = run(tmp_path, files, {"crm": nightly(25)}).effects
    assert [("page", "Finance"), ("notify", "sales_ops")] == [(effect.kind, effect.target) for effect in burning]
    assert "freshness of crm burns the budget of `metric_age` at 14.4 or more over 1h" == burning[0].reason
    assert [effect.key for effect in burning] == [effect.key for effect in run(tmp_path, files, {"crm": nightly(25, missing=3)}).effects]
    assert burning[0].key != run(tmp_path, files, {"crm": nightly(26)}).effects[0].key
    assert "page" not in {effect.kind for effect in run(tmp_path, files, {"crm": nightly(2)}).effects}


@pytest.mark.parametrize(
    ("alert", "message"),
    [
        ("{over: 1h}", "wrong lacks the key `burn`"),
        ("{burn: 2}", "lacks the key `over`"),
        ("{burn: 0, over: 1h}", "an alert at that rate never ends"),
        ("{burn: 2, over: 1h, and_over: 2h}", "the second window of an alert"),
        ("{burn: 2, over: 1h, then: block_publish}", "can tell somebody, not withhold data"),
        ("{burn: 2, over: 1h, than: page_owner}", "has no key `than`"),
        ("{burn: fast, over: 1h}", "is a number, not `fast`"),
    ],
)
def test_an_alert_that_cannot_be_read_is_answered_at_its_place(tmp_path: Path, alert: str, message: str) -> None:
    """A mistake in an alert would be found on the day it does not fire."""
    found = findings(write(tmp_path, with_alerts(f"{{wrong: {alert}}}")), Severity.ERROR)
    assert 1 == len(found)
    assert message.removeprefix("wrong ") in found[0]
    assert found[0].startswith("book.yaml:8:")
