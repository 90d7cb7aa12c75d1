"""What the search does not reach, cannot be reached: a solver says so."""

from __future__ import annotations

from pathlib import Path

import pytest

import decision_os as dos
from decision_os.edges import Ground, targets
from tests.proofs.corpus import FAULTY, SOUND, Case, write_book

pytest.importorskip("z3", reason="proofs need the extra `prove`")

from decision_os.proofs import Asker, Limit, Space  # after the skip

__all__ = ["missed"]


def missed(engine: dos.Engine, node: str) -> list[str]:
    """Branches and gaps that were not reached and are not proven out of reach."""
    plan = engine.plan(node)
    space = Space(plan)
    ask = Asker([space], Limit(20))
    left = [target for target in targets(Ground(plan, keys=("first", "second"))) if target.kind in ("branch", "gap") and not target.reached]
    return [target.name for target in left if ask.possible(space.taken(target.name) if target.kind == "branch" else space.free) is not False]


@pytest.mark.parametrize("case", [*FAULTY, *SOUND][2::12], ids=lambda case: case.name)
def test_what_is_not_reached_cannot_be(case: Case, tmp_path: Path) -> None:
    """A branch that can fire would never be tried, and nobody be told."""
    assert [] == missed(dos.Engine.load(write_book(tmp_path, case)), "node")
