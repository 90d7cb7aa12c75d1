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
        engine.run(metrics=pd.DataFrame({"chanel": ["a"], "cost": [1]}), at=AT)
