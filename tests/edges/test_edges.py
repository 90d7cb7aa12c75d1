"""The values at which a decision tips, and inputs that reach everything there is to reach."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import decision_os as dos
from decision_os.edges import Corner, Ground, Target, Values, corners, targets
from tests.proofs.corpus import FAULTY, SOUND, Case, write_book

AT = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
REFERENCE = dos.Engine.load(dos.reference_rules())
KEYS = ("Enterprise", "SMB")


@cache
def searched(node: str) -> tuple[Ground, tuple[Target, ...]]:
    """What there is to reach of a reference playbook, searched for once."""
    ground = Ground(REFERENCE.plan(node), keys=KEYS)
    return ground, targets(ground)


def decided(engine: dos.Engine, ground: Ground, values: Values) -> dos.DecisionRecord:
    """What the engine says to a set of values."""
    return engine.decide(ground.plan.playbook.id, ground.mapping(values), at=AT)


def verdict(record: dos.DecisionRecord) -> tuple[Any, ...]:
    """What has to differ on the two sides of an edge: the outcome, the branches that hold, the pre-checks that fail."""
    return record.outcome, [branch.holds for branch in record.evidence.branches], record.blocked_by


def shown(target: Target, ground: Ground, record: dos.DecisionRecord) -> bool:
    """Whether a record is what a target says."""
    match target.kind:
        case "branch":
            return target.name in (record.branch or "").split(", ")
        case "overlap":
            return {target.name, target.beside} <= {branch.id for branch in record.evidence.branches if branch.holds is True}
        case "gap":
            return record.outcome is dos.Outcome.HOLD
        case _:
            return record.blocked_by == (target.name,)


@pytest.mark.parametrize("node", REFERENCE.nodes)
def test_everything_in_the_reference_rules_is_reached(node: str) -> None:
    """A strategy that rests on it would leave a branch, a gap, a pre-check or an edge untried, or say that it tried what it did not."""
    ground, found = searched(node)
    for target in found:
        assert target.reached or target.kind == "overlap", target.words(ground)
        for values in target.reached:
            assert target.kind == "edge" or shown(target, ground, decided(REFERENCE, ground, values)), target.words(ground)


@pytest.mark.parametrize("node", REFERENCE.nodes)
def test_the_decision_tips_at_every_corner(node: str) -> None:
    """What is called an edge would be none: the values on its two sides would be decided alike."""
    ground, found = searched(node)
    for corner in corners(ground, found):
        told = [verdict(decided(REFERENCE, ground, values)) for values in corner.each()]
        assert any(one != told[0] for one in told), corner.target.words(ground)


@pytest.mark.parametrize("case", [*FAULTY, *SOUND][::12], ids=lambda case: case.name)
def test_what_is_reached_is_what_the_engine_says(case: Case, tmp_path: Path) -> None:
    """In some rule book a set of values would be taken for one that reaches a branch, a gap or an edge, and the engine would say otherwise."""
    engine = dos.Engine.load(write_book(tmp_path, case))
    ground = Ground(engine.plan("node"))
    for target in targets(ground):
        for values in target.reached[:1]:
            assert target.kind == "edge" or shown(target, ground, decided(engine, ground, values)), target.words(ground)
    for corner in corners(ground):
        told = [verdict(decided(engine, ground, values)) for values in corner.each()]
        assert any(one != told[0] for one in told), corner.target.words(ground)


def test_a_corner_keeps_to_the_contract() -> None:
    """A value outside its valid range is unknown to the engine: it would say nothing about the threshold."""
    for node in REFERENCE.nodes:
        ground, found = searched(node)
        for corner in corners(ground, found):
            assert isinstance(corner, Corner)
            assert all(ground.places[corner.place].allows(value) for value in corner.around if value is not None)
