"""How many of the planted faults are found, by strategies solved from the rule and by plain floats: `python -m tests.testing.planted`.

For each fault inputs are drawn until what the faulty rule decides is not what is meant, at most so many times. Plain floats are `st.floats()` without NaN and
infinities, and `st.floats()` between the ends of each contract's range (whole numbers for counts).
"""

from __future__ import annotations

import argparse
import collections
import random
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

import decision_os as dos
from decision_os import testing
from tests.proofs.corpus import Case, write_book
from tests.testing.faults import COUNT, FAULTS, FLAG, RULES, Fault, Rule

__all__ = ["ARMS", "arms", "examples_until_found", "subject"]

ARMS = ("solved from the rule", "st.floats()", "st.floats() in range")


def subject(folder: Path, rule: Rule, when: str) -> testing.Subject:
    """A rule book of one rule, as it is written."""
    case = Case(name=rule.name, inputs=rule.inputs, branches={"act": when}, policy="first", meant={"gap": "nothing is done"})
    return testing.playbook(dos.Engine.load(write_book(folder, case)), "node")


def arms(rule: Rule, tested: testing.Subject) -> Mapping[str, st.SearchStrategy[dict[str, Any]]]:
    """The strategies that are compared."""

    def plain(kind: tuple[str, str], *, within: bool) -> st.SearchStrategy[Any]:
        if kind == FLAG:
            return st.booleans()
        if not within:
            return st.floats(allow_nan=False, allow_infinity=False)
        low, high = (float(end) for end in kind[1].strip("[]").split(","))
        return st.integers(int(low), int(high)) if kind == COUNT else st.floats(low, high)

    return dict(
        zip(
            ARMS,
            (
                testing.inputs(tested, unknowns=False),
                st.fixed_dictionaries({name: plain(kind, within=False) for name, kind in rule.inputs.items()}),
                st.fixed_dictionaries({name: plain(kind, within=True) for name, kind in rule.inputs.items()}),
            ),
            strict=True,
        )
    )


def examples_until_found(rule: Rule, tested: testing.Subject, strategy: st.SearchStrategy[dict[str, Any]], most: int, seed: int) -> int | None:
    """How many examples it takes to see a difference to what is meant; None where none of so many shows it."""
    drawn = 0
    first: list[int] = []

    def differs(values: dict[str, Any]) -> bool:
        nonlocal drawn
        drawn += 1
        record = tested.decide(values)
        if record.outcome not in (dos.Outcome.ACT, dos.Outcome.HOLD):
            return False
        meant = rule.meant(values)
        if meant is None or meant is (record.outcome is dos.Outcome.ACT):
            return False
        first.append(drawn)
        return True

    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    tried = settings(max_examples=most, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=checks)
    try:
        find(strategy, differs, settings=tried, random=random.Random(seed))
    except NoSuchExample:
        return None
    return first[0]


def measured(faults: tuple[Fault, ...], most: int, seed: int) -> Iterator[tuple[Fault, dict[str, int | None]]]:
    """For each fault how many examples each arm took."""
    for fault in faults:
        with tempfile.TemporaryDirectory() as folder:
            tested = subject(Path(folder), fault.rule, fault.when)
            yield fault, {arm: examples_until_found(fault.rule, tested, strategy, most, seed) for arm, strategy in arms(fault.rule, tested).items()}


def reached(node: str, examples: int) -> Mapping[str, int]:
    """How many examples of a reference playbook come to each branch, to a hold, to each pre-check alone, and to something undefined."""
    tested = testing.playbook(dos.Engine.load(dos.reference_rules()), node)
    met = collections.Counter[str]()

    @settings(max_examples=examples, database=None, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(testing.inputs(tested, unknowns=False))
    def count(values: dict[str, Any]) -> None:
        record = tested.decide(values)
        met.update([", ".join(f"blocked by {check}" for check in record.blocked_by) or record.branch or record.outcome.value])

    count()
    return met


def main() -> int:
    """Measure, print the table, and exit 1 where a fault was missed or a sound rule called faulty."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    missed = 0
    print(f"{len(FAULTS)} faults, {given.examples} examples each")
    print("| seed | strategy | found | examples until found, median | most |")
    print("|---|---|---|---|---|")
    for seed in range(1, given.seeds + 1):
        found = list(measured(FAULTS, given.examples, seed))
        for arm in ARMS:
            counts = [taken[arm] for _, taken in found if taken[arm] is not None]
            numbers = [count for count in counts if count is not None]
            print(f"| {seed} | {arm} | {len(numbers)} | {statistics.median(numbers):g} | {max(numbers)} |", flush=True)
        lost = [fault.name for fault, taken in found if taken[ARMS[0]] is None]
        missed += len(lost)
        for name in lost:
            print(f"missed: {name}")
    alarms = 0
    for rule in RULES:
        with tempfile.TemporaryDirectory() as folder:
            tested = subject(Path(folder), rule, rule.when)
            if examples_until_found(rule, tested, arms(rule, tested)[ARMS[0]], given.examples, 1) is not None:
                alarms += 1
                print(f"false alarm: {rule.name}")
    print(f"{len(RULES)} sound rules, {alarms} false alarms")
    print("| playbook | what 1,000 examples reach |")
    print("|---|---|")
    for node in dos.Engine.load(dos.reference_rules()).nodes:
        print(f"| {node} | {', '.join(f'{name} {count}' for name, count in sorted(reached(node, 1000).items()))} |")
    return int(bool(missed or alarms))


if __name__ == "__main__":
    raise SystemExit(main())
