"""The reference rule book decides every case beside it as the case says."""

from __future__ import annotations

import pytest

import decision_os as dos
from decision_os.cases import Case, check, decided, given_of, read_cases
from decision_os.coverage import Coverage, report
from decision_os.mutation import try_mutants

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


def test_the_cases_try_every_condition_every_way() -> None:
    """A condition would never have been true, false or unknown where it alone decides: nobody would know that it works."""
    pytest.importorskip("z3")
    coverage = Coverage(ENGINE)
    with coverage.watching():
        for case in CASES:
            decided(ENGINE, case)
    found = report(coverage, given=given_of(CASES))
    assert ["`is_missing(improvement_evidence)` was never seen unknown"] == [str(each.lack) for each in found.missing]
    assert found.missing[0].never
    assert {"true": (28, 28), "false": (28, 28), "unknown": (27, 27), "MC/DC": (28, 28)} == found.seen


def test_the_cases_notice_every_mistake_in_a_threshold() -> None:
    """Somebody could shift a threshold of the article by a step, and every case would still pass."""
    score = try_mutants(ENGINE, CASES)
    assert [] == [str(verdict) for verdict in score.verdicts if verdict.status != "noticed"]
    assert len(score.verdicts) == 85
