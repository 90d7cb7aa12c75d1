"""What the search does not reach, cannot be reached: a solver says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import decision_os as dos
from decision_os.edges import Ground, Target, targets
from tests.proofs.corpus import FAULTY, SOUND, Case, write_book

pytest.importorskip("z3", reason="proofs need the extra `prove`")

from decision_os.proofs import Asker, Limit, Space  # after the skip
from decision_os.proofs.terms import both

__all__ = ["missed"]


def missed(engine: dos.Engine, node: str) -> list[str]:
    """Branches, overlaps and gaps that were not reached and are not proven out of reach."""
    plan = engine.plan(node)
    space = Space(plan)
    ask = Asker([space], Limit(20))
    kinds = ("branch", "overlap", "gap")
    left = [target for target in targets(Ground(plan, keys=("first", "second"))) if target.kind in kinds and not target.reached]
    return [target.words(Ground(plan)) for target in left if ask.possible(_meant(space, target)) is not False]


def _meant(space: Space, target: Target) -> Any:
    """What a target says, as a term."""
    match target.kind:
        case "branch":
            return space.taken(target.name)
        case "overlap":
            return both([space.passed, space.branches[target.name].true, space.branches[target.beside].true])
        case _:
            return space.free


@pytest.mark.parametrize("case", [*FAULTY, *SOUND][2::12], ids=lambda case: case.name)
def test_what_is_not_reached_cannot_be(case: Case, tmp_path: Path) -> None:
    """A branch that can fire would never be tried, and nobody be told."""
    assert [] == missed(dos.Engine.load(write_book(tmp_path, case)), "node")
