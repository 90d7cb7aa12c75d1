"""The reference rule book decides every case beside it as the case says."""

from __future__ import annotations

import pytest

import decision_os as dos
from decision_os.cases import Case, check, read_cases

RULES = dos.reference_rules()
ENGINE = dos.Engine.load(RULES)
CASES = read_cases(RULES / "cases.yaml", ENGINE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    """A threshold of the article would decide otherwise than its case says."""
    assert check(ENGINE, case) == ""


def test_every_decision_has_cases_of_every_outcome_it_can_come_to() -> None:
    """A decision whose cases never hold or never act would leave a threshold untested."""
    seen: dict[str, set[str]] = {}
    for case in CASES:
        seen.setdefault(case.node, set()).add(case.outcome.value)
    every = {"act", "hold", "blocked", "undetermined"}
    assert {"pricing.change": every, "channel.invest": every, "icp.update": every, "routing.policy": every} == seen


def test_unknown_answers_name_what_is_unknown() -> None:
    """A case of an unknown would pass whichever input the decision misses."""
    assert [] == [case.id for case in CASES if case.outcome is dos.Outcome.UNDETERMINED and not case.unknowns]
