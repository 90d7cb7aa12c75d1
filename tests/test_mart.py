"""Metrics computed elsewhere, in the shape a mart has: one frame, a column for each metric."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import polars as pl
import pytest

import decision_os as dos

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
MART = {
    "channel": ["Google Ads", "Webinar", "Partner", "LinkedIn"],
    "month": ["2026-09"] * 4,
    "cac_per_sqo": [90.0, 105.0, 85.0, 85.0],
    "cac_per_sqo_baseline": [100.0] * 4,
    "SQL→Win": [0.29, 0.25, 0.31, None],
    "win_rate_n": [150, 100, 34, 9],
    "win_rate_baseline": [0.27, 0.25, 0.29, 0.3],
    "attribution_validity": [1.0, 1.0, 0.97, 1.0],
    "attribution_validity_n": [1500, 900, 100, 50],
    "refreshed_by": ["dbt"] * 4,
}
LOADS = {source: [AT - dt.timedelta(hours=12 * half) for half in range(64)] for source in ("salesforce", "google_ads", "finance", "hubspot")}
EXPECTED = {"Google Ads": ("act", "+20% budget"), "Webinar": ("hold", None), "Partner": ("act", "pause channel"), "LinkedIn": ("undetermined", None)}


@pytest.fixture(scope="module")
def engine() -> dos.Engine:
    return dos.Engine.load(dos.reference_rules())


@pytest.mark.parametrize("frame", [pd.DataFrame(MART), pl.DataFrame(MART), pl.LazyFrame(MART)], ids=["pandas", "polars", "polars lazy"])
def test_a_wide_mart_goes_straight_in(engine: dos.Engine, frame: Any) -> None:
    """Most users start from a mart; they would have to melt it first, or one metric would shadow the others."""
    result = engine.run(metrics=frame, loads=LOADS, incidents=[], at=AT, nodes=["channel.invest"])
    assert {record.subject: (record.outcome.value, record.action) for record in result.records} == EXPECTED


def test_a_mart_under_several_names_is_the_same(engine: dos.Engine) -> None:
    """`metrics={id: mart}` would refuse the mart for its other columns."""
    frame = pd.DataFrame(MART)
    names = ["cac_per_sqo", "cac_per_sqo_baseline", "SQL→Win", "win_rate_baseline", "attribution_validity"]
    one = engine.run(metrics=frame, loads=LOADS, incidents=[], at=AT, nodes=["channel.invest"])
    many = engine.run(metrics=dict.fromkeys(names, frame), loads=LOADS, incidents=[], at=AT, nodes=["channel.invest"])
    assert [record.id for record in one.records] == [record.id for record in many.records]


def test_a_frame_without_any_metric_says_what_is_there(engine: dos.Engine) -> None:
    """A frame with misspelled columns would be taken for one without values."""
    with pytest.raises(dos.DataError, match="neither a column `metric` nor one named as a metric is"):
        engine.run(metrics=pd.DataFrame({"shop": ["a"], "footfall": [1]}), at=AT)


def test_a_misspelled_metric_column_is_refused(engine: dos.Engine) -> None:
    """The metric would be missing in every row, and nobody would know that it was given."""
    frame = pd.DataFrame(MART).rename(columns={"cac_per_sqo": "cac_per_sq"})
    with pytest.raises(dos.DataError, match="did you mean `cac_per_sqo`"):
        engine.run(metrics=frame, at=AT)


def test_a_mart_for_another_month_says_that_nothing_was_decided(engine: dos.Engine) -> None:
    """An empty answer would look like one without findings."""
    result = engine.run(metrics=pd.DataFrame(MART).assign(month="2026-05"), at=AT, nodes=["channel.invest"])
    assert () == result.records
    assert ("channel.invest: no channel has a value for the last complete month before 2026-10-06",) == result.skipped


def test_a_per_cent_given_as_a_whole_number_does_not_act(engine: dos.Engine) -> None:
    """29 for 29 % would beat every threshold, by every way in."""
    row = {"cac_per_sqo": 90.0, "cac_per_sqo_baseline": 100.0, "win_rate": 29.0, "win_rate_baseline": 0.27, "attribution_validity": 1.0}
    shared = {"slo_green": True, "attribution_validity_overall": 1.0}
    record = engine.decide("channel.invest", {**row, **shared}, at=AT)
    frame = engine.decide_frame("channel.invest", pl.DataFrame([row]), given=shared)
    assert ("undetermined", ("win_rate",)) == (record.outcome, record.unknowns)
    assert ("undetermined", "win_rate", 29.0) == (frame["outcome"][0], frame["unknowns"][0], frame["win_rate"][0])
