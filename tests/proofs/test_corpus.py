"""Every planted fault is found, nothing else is, and each example was decided by the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_os.engine import Engine
from decision_os.proofs import Finding, prove
from tests.proofs.corpus import FAULTY, SOUND, Case, write_book

pytest.importorskip("z3", reason="proofs need the extra `prove`")


def found(folder: Path, case: Case) -> set[tuple[str, tuple[str, ...]]]:
    """Kind and branches of what is found and not marked as meant."""
    proof = prove(Engine.load(write_book(folder, case)), "node")
    return {(finding.kind, finding.branches) for finding in proof.open if _counts(finding)}


def _counts(finding: Finding) -> bool:
    assert finding.example is not None or finding.kind not in ("overlap", "gap", "zero-divisor")
    return True


@pytest.mark.parametrize("case", FAULTY, ids=lambda case: case.name)
def test_a_planted_fault_is_found(case: Case, tmp_path: Path) -> None:
    """An author would ship the fault with a proof that all is well, or be told of another one."""
    assert case.found == found(tmp_path, case)


@pytest.mark.parametrize("case", SOUND, ids=lambda case: case.name)
def test_no_false_alarm(case: Case, tmp_path: Path) -> None:
    """A sound rule book would be called faulty, and the next true finding be passed over."""
    assert set() == found(tmp_path, case)


def test_the_corpus_is_large_enough() -> None:
    """Fewer cases than promised would prove less than the page says."""
    assert 60 <= len({case.name for case in FAULTY})
    assert 60 <= len({case.name for case in SOUND})
