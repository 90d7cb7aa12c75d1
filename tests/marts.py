"""Metrics as a mart hands them over: frames of the reference rule book's metrics, and what a run needs beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

import decision_os as dos
from decision_os.record import DecisionRecord

__all__ = ["AT", "CHANNEL", "LOADS", "PRICING", "ROUTING", "cell", "channel_frames", "pricing_frames", "the_record"]

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
"""A Tuesday, 10:00 in New York: September is the last complete month, W40 the last complete week."""

LOADS = {
    source: [AT - dt.timedelta(hours=hours) for hours in range(2, 40 * 24, 3)]
    for source in ("salesforce", "hubspot", "google_ads", "finance", "billing", "routing", "readings", "forecasts")
}
"""Every source loaded every three hours for forty days, the last time two hours ago."""

PRICING: Mapping[str, Any] = {
    "elasticity": -0.62,
    "list_price": 40.0,
    "gross_margin": 0.78,
    "cm_per_seat": 28.0,
    "payback": {"Enterprise": 9.5, "SMB": 12.0},
    "booking_rate": 0.3,
    "slo_green": True,
    "open_sev2_incidents": 0,
}
CHANNEL: Mapping[str, Any] = {
    "cac_per_sqo": 90.0,
    "cac_per_sqo_baseline": 100.0,
    "sql_rate": 0.2,
    "win_rate": 0.29,
    "win_rate_baseline": 0.27,
    "attribution_validity": 0.998,
    "attribution_validity_overall": 0.998,
    "channel_spend": 50_000.0,
    "slo_green": True,
}
ROUTING: Mapping[str, Any] = {
    "p_route_2m": 0.97,
    "availability": 0.998,
    "unassigned_rate": 0.003,
    "fairness_gini": 0.15,
    "shadow_match": 0.9965,
    "improvement_evidence": None,
    "slo_green": True,
}


def cell(value: Any, period: str = "2026-09", n: int | None = 400, **key: str) -> dict[str, Any]:
    """One row of a mart."""
    return {**key, "period": period, "value": value, "n": n}


def channel_frames(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, pl.DataFrame]:
    """The metrics of `channel.invest`, from its inputs for each channel."""
    named = {"channel_spend": "spend"}
    found: dict[str, list[dict[str, Any]]] = {}
    for channel, inputs in rows.items():
        for name, value in inputs.items():
            if name not in ("slo_green", "attribution_validity_overall"):
                found.setdefault(named.get(name, name), []).append(cell(value, channel=channel))
    period = {"spend": "2026-09-30"}  # its grain is the day
    return {name: pl.DataFrame([{**row, "period": period.get(name, row["period"])} for row in cells]) for name, cells in found.items()}


def pricing_frames(inputs: Mapping[str, Any] = PRICING) -> dict[str, pl.DataFrame]:
    """The metrics of `pricing.change`. Payback is by segment and channel; one channel each."""
    single = {name: pl.DataFrame([cell(inputs[name])]) for name in ("elasticity", "list_price", "gross_margin", "cm_per_seat", "booking_rate")}
    by_segment = [cell(value, period="2026-08", segment=segment, channel="Ads") for segment, value in inputs["payback"].items()]
    return {**single, "payback": pl.DataFrame(by_segment)}


def the_record(records: Sequence[DecisionRecord], subject: str) -> dos.DecisionRecord:
    """The one record of a subject."""
    (found,) = [record for record in records if record.subject == subject]
    return found
