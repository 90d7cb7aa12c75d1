"""Decision records to test with: the article's pricing change, decided and not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs

from decision_os.expr import Condition
from decision_os.record import (
    ActionTaken,
    BranchEvidence,
    CheckEvidence,
    DecisionRecord,
    Effect,
    Evidence,
    InputTaken,
    MonitorPlan,
    Outcome,
    ReversalPlan,
    Shown,
    Status,
)
from decision_os.values import Cause

AT = dt.datetime(2026, 10, 6, 14, 0, tzinfo=dt.UTC)

E_HOLDS = Condition(text="E in E_range", holds=True, left=-0.62, op="in", margin=0.32, values=(("E", -0.62),), needs="E below -1 or above -0.3")
UPLIFT_HOLDS = Condition(
    text="cm_uplift >= cm_uplift_min",
    holds=True,
    left=3.2,
    op=">=",
    right=3.0,
    margin=0.2,
    unit="USD/seat",
    values=(("cm_uplift", 3.2), ("cm_uplift_min", 3.0)),
    needs="cm_uplift below $3/seat",
)
UPLIFT_FAILS = attrs.evolve(UPLIFT_HOLDS, holds=False, left=2.0, margin=-1.0, values=(("cm_uplift", 2.0),), needs="cm_uplift at least $3/seat")
UPLIFT_UNKNOWN = attrs.evolve(UPLIFT_HOLDS, holds=None, left=None, margin=None, values=(), causes=(Cause("cm_uplift", "stale", "loaded 3 days ago"),), needs="")

EVIDENCE = Evidence(
    pre_checks=(CheckEvidence(id="slo_health", label="SLO health green", text="slo_health >= 0.99", holds=True),),
    branches=(
        BranchEvidence(
            id="raise", action="raise list price", text="E in E_range and cm_uplift >= cm_uplift_min", holds=True, taken=True,
            conditions=(E_HOLDS, UPLIFT_HOLDS),
        ),
        BranchEvidence(id="cut", action="cut list price", text="E < -1", holds=False, taken=False, reached=False),
    ),
    projections=(Shown(name="cm_uplift", text="$3.20/seat", formula="list_price * step"),),
)  # fmt: skip


def record(**changes: Any) -> DecisionRecord:
    """The article's pricing change at +8 %, with anything changed that a test wants to be otherwise."""
    fields: dict[str, Any] = {
        "id": "sha256:1d",
        "node": "pricing.change",
        "version": "1.0",
        "title": "Pricing change",
        "subject": "list-price",
        "period": "2026-Q4",
        "timestamp": AT,
        "rule_book": "reference 1",
        "rule_book_hash": "sha256:b00c",
        "inputs_version": "LAYER-0020-METRICS-v1",
        "inputs_hash": "sha256:1239",
        "inputs": (
            InputTaken(name="E", metric="elasticity", value=-0.62, n=41, period="2026-Q3", loaded_at=AT, valid_until=AT, version="2"),
            InputTaken(name="payback", key="segment=SMB", value=11, unit="months"),
        ),
        "outcome": Outcome.ACT,
        "status": Status.PROPOSED,
        "branch": "raise",
        "action": "raise list price +8%",
        "actions": (
            ActionTaken(
                id="raise_list", text="raise list price +8%", parts=("hold discount ladders",), lever="list_price",
                before=40.0, after=43.2, delta=3.2, unit="USD/seat",
            ),
        ),
        "recommended": {"list_price_step": 0.08},
        "chosen": {"list_price_step": 0.08},
        "thresholds": {"E_range": "[-1.0, -0.3]", "cm_uplift_min": "$3"},
        "owner": "CRO",
        "approvers": ("Finance", "SalesOps"),
        "risk_level": "high",
        "risk_notes": "demand dip if elasticity misestimated",
        "reversibility": "high",
        "reversal_plan": ReversalPlan(plan="price_card_rollback@v2025.10", steps=("flip the price card flag",), within="1 hour", owner="RevOps"),
        "monitoring": (MonitorPlan(id="bookings", metric="booking_rate", condition="within ±5% of forecast", every="day", lasts="14 days"),),
        "review_date": AT,
        "review_agenda": "monthly business review",
        "effects": (Effect(kind="notify", target="Finance", reason="approve pricing.change", key="sha256:1d:Finance"),),
        "notes": ("one price card for all segments",),
        "evidence": EVIDENCE,
    }  # fmt: skip
    return DecisionRecord(**{**fields, **changes})


def undecided(**changes: Any) -> DecisionRecord:
    """The same decision with another evidence: the only branch did not fire."""
    branch = BranchEvidence(
        id="raise", action="raise list price", text="E in E_range and cm_uplift >= cm_uplift_min", holds=False, taken=False,
        conditions=(E_HOLDS, UPLIFT_FAILS),
    )  # fmt: skip
    fields = {"outcome": Outcome.HOLD, "status": Status.RECORDED, "branch": None, "action": None, "actions": (), "effects": ()}
    return record(**{**fields, "evidence": Evidence(branches=(branch,)), **changes})
