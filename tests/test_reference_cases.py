"""The reference rule book decides every case beside it as the case says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import yaml

import decision_os as dos

RULES = dos.reference_rules()
AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
CASES = [
    pytest.param(node, {**group["given"], **case.get("with", {})}, case, id=f"{node}: {case['name']}")
    for node, group in yaml.safe_load((RULES / "cases.yaml").read_text(encoding="utf-8")).items()
    for case in group["cases"]
]


@pytest.fixture(scope="module")
def engine() -> dos.Engine:
    return dos.Engine.load(RULES)


@pytest.mark.parametrize(("node", "given", "case"), CASES)
def test_case(engine: dos.Engine, node: str, given: dict[str, Any], case: dict[str, Any]) -> None:
    """A threshold of the article would decide otherwise than its case says."""
    record = engine.decide(node, given, at=AT, choose=case.get("choose"))
    assert case["expect"] == record.outcome, record.explain()
    assert tuple(case.get("unknowns", ())) == record.unknowns
    if "action" in case:
        assert case["action"] == record.action
    if "by" in case:
        assert tuple(case["by"]) == record.blocked_by


def test_every_decision_has_cases_of_every_outcome_it_can_come_to() -> None:
    """A decision whose cases never hold or never act would leave a threshold untested."""
    seen: dict[str, set[str]] = {}
    for param in CASES:
        node, _, case = param.values
        seen.setdefault(str(node), set()).add(case["expect"])  # type: ignore[index]  # the third value is the case
    every = {"act", "hold", "blocked", "undetermined"}
    assert {"pricing.change": every, "channel.invest": every, "icp.update": every, "routing.policy": every} == seen
