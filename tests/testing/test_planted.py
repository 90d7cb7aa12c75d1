"""A slice of the planted boundary faults: all are found within 200 examples, and no sound rule is called faulty. `make soak-strategies` runs all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.faults import FAULTS, RULES, Fault, Rule
from tests.testing.planted import ARMS, arms, examples_until_found, subject

EXAMPLES = 200


@pytest.mark.parametrize("fault", FAULTS[::14], ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    """A threshold that is off by a digit, or includes its end where it should not, would pass a property that says so."""
    tested = subject(tmp_path, fault.rule, fault.when)
    assert examples_until_found(fault.rule, tested, arms(fault.rule, tested)[ARMS[0]], EXAMPLES, 1) is not None


@pytest.mark.parametrize("rule", RULES[::8], ids=lambda rule: rule.name)
def test_a_sound_rule_is_not_called_faulty(rule: Rule, tmp_path: Path) -> None:
    """What is found would be a fault of the measurement."""
    tested = subject(tmp_path, rule, rule.when)
    assert examples_until_found(rule, tested, arms(rule, tested)[ARMS[0]], EXAMPLES, 1) is None


def test_there_are_as_many_as_is_said() -> None:
    """The page would speak of 200 faults and count fewer, or some of them twice."""
    assert 200 == len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert 48 == len(RULES)
