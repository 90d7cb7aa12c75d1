"""Conditions over finer keys: as many keys are looked at as conditions can disagree at."""

from __future__ import annotations

from pathlib import Path

import decision_os as dos
from decision_os.proofs import difference, prove
from tests.proofs.corpus import Case, write_book

RATIO = ("ratio", "[-100, 100]")
AT_THREE = {"x": {"p": 1, "q": 2, "s": 3}}


def fanned(folder: Path, combine: str, branches: dict[str, str], checks: dict[str, str] | None = None) -> dos.Engine:
    """A book whose one input is given for each segment."""
    written = write_book(folder, Case(name="finer keys", inputs={"x": RATIO}, branches=branches, checks=checks or {}, policy="first"))
    for file, old, new in (
        ("metrics.yaml", "grain: [month]", "grain: [segment, month]"),
        ("node.yaml", "x: x", f"x: {{metric: x, combine: {combine}, by: [segment]}}"),
    ):
        path = written / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return dos.Engine.load(written)


def kinds(engine: dos.Engine) -> set[str]:
    """What is found, each finding with an example that the engine decided."""
    proof = prove(engine, "node")
    assert proof.complete
    return {str(finding.kind) for finding in proof.findings}


def test_a_gap_that_takes_three_keys_is_found(tmp_path: Path) -> None:
    """At two keys one of three conditions over all keys would always hold."""
    engine = fanned(tmp_path, "all", {"a": "x != 1", "b": "x != 2", "c": "x != 3"})
    assert dos.Outcome.HOLD is engine.decide("node", AT_THREE).outcome
    assert "gap" in kinds(engine)


def test_an_overlap_behind_a_check_is_found(tmp_path: Path) -> None:
    """At two keys a check and two branches over any key could not hold together."""
    engine = fanned(tmp_path, "any", {"a": "x == 1", "b": "x == 2"}, {"c": "x == 3"})
    assert "overlap" in kinds(engine)


def test_a_branch_behind_two_checks_can_fire(tmp_path: Path) -> None:
    """A branch that acts would be said to contradict its pre-checks."""
    engine = fanned(tmp_path, "any", {"a": "x == 1"}, {"c": "x == 3", "d": "x == 2"})
    assert dos.Outcome.ACT is engine.decide("node", AT_THREE).outcome
    assert "contradicts-check" not in kinds(engine)


def test_books_that_differ_at_three_keys_differ(tmp_path: Path) -> None:
    """Two orders of the same branches would be called equivalent."""
    one = fanned(tmp_path / "one", "any", {"a": "x == 1", "b": "x == 2"}, {"c": "x == 3"})
    other = fanned(tmp_path / "other", "any", {"b": "x == 2", "a": "x == 1"}, {"c": "x == 3"})
    (found,) = difference(one, other)
    assert "incomparable" == found.relation
