"""What is told of a playbook: how much it matters, where it stands, by which input, in how many words; the same by `lint`, by a proof and by a property."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import decision_os as dos
from decision_os import testing
from decision_os.cli.app import app
from decision_os.errors import InputError, NotFoundError
from tests.proofs.books import book, edited
from tests.proofs.corpus import RATIO, SHARE, Case, write_book

pytest.importorskip("z3", reason="proofs need the extra `prove`")

from decision_os.proofs import difference, prove, shared_levers  # after the skip

HOLE = Case(name="hole", inputs={"x": SHARE}, branches={"low": "x < 30%", "high": "x > 30%"})


def linted(folder: Path, *more: str) -> tuple[int, str]:
    """What `lint --prove` exits with and says."""
    done = CliRunner().invoke(app, ["lint", str(folder), "--prove", *more])
    return done.exit_code, done.output


@pytest.mark.parametrize(("policy", "left"), [("unique", True), ("first", False)])
def test_an_unmeant_gap_has_one_answer(tmp_path: Path, policy: str, left: bool) -> None:
    """CI would pass what the property and the proof call a hole."""
    engine = book(tmp_path, HOLE, policy=policy)
    code, said = linted(tmp_path)
    assert (left, left) == (bool(code), bool(prove(engine, "node").open))
    assert f"no branch holds, so hold (`low` by x < 30%; `high` by x > 30%): x = 0.3 [{'warning' if left else 'note'}]" in said
    if left:
        with pytest.raises(AssertionError, match="no branch holds"):
            testing.exactly_one_branch(testing.playbook(engine, "node"))()


def test_a_meant_gap_is_passed_by_all(tmp_path: Path) -> None:
    """What is on purpose would break the build."""
    engine = book(tmp_path, HOLE, meant={"gap": "at 30 % nothing is done"})
    assert (0, ()) == (linted(tmp_path)[0], prove(engine, "node").open)
    testing.exactly_one_branch(testing.playbook(engine, "node"))()


def test_findings_stand_where_their_rule_does(tmp_path: Path) -> None:
    """Everything would point at the first line of the file."""
    case = Case(
        name="places",
        inputs={"x": SHARE, "y": RATIO},
        checks={"sane": "x >= 0"},
        branches={"low": "x < 30%", "high": "x > 30% and 1 / y > 0"},
    )
    engine = book(tmp_path, case)
    lines = (tmp_path / "node.yaml").read_text("utf-8").splitlines()
    for finding in prove(engine, "node").findings:
        asked = {"always-true": "sane", "gap": "low", "zero-divisor": "high"}[finding.kind]
        assert lines[finding.where.line - 1].lstrip().startswith(f"{asked}:"), finding


def test_a_masked_branch_is_shown(tmp_path: Path) -> None:
    """A reader would have to find out where both hold."""
    engine = book(tmp_path, Case(name="masked", inputs={"x": SHARE}, branches={"a": "x > 20%", "b": "x > 50%"}, policy="first"))
    (found,) = [finding for finding in prove(engine, "node").findings if finding.kind == "masked"]
    assert found.example is not None
    assert ("a", [True, True]) == (found.example.record.branch, [branch.holds for branch in found.example.record.evidence.branches])


def test_a_branch_against_a_pre_check_is_shown(tmp_path: Path) -> None:
    """A reader would have to find out what blocks it."""
    engine = book(tmp_path, Case(name="against", inputs={"x": SHARE}, checks={"sane": "x <= 50%"}, branches={"a": "x > 60%"}))
    (found,) = [finding for finding in prove(engine, "node").findings if finding.kind == "contradicts-check"]
    assert found.example is not None
    assert ("blocked", ("sane",)) == (found.example.record.outcome, found.example.record.blocked_by)


def test_a_gap_between_many_branches_is_told_shortly(tmp_path: Path) -> None:
    """A hundred branches would fill pages, which nobody reads."""
    branches = {f"b{place:02}": f"x > {place} and x < {place + 1}" for place in range(40)}
    engine = book(tmp_path, Case(name="many", inputs={"x": ("ratio", "[0, 40]")}, branches=branches))
    gaps = [finding for finding in prove(engine, "node", gaps=2).findings if finding.kind == "gap"]
    assert 3 == len(gaps)
    for gap in gaps[:2]:
        assert len(gap.message) < 200
        assert gap.message.endswith("and 37 more branches)")


def test_the_command_line_tells_as_many_gaps_as_asked_for(tmp_path: Path) -> None:
    """Not every gap would be listed, and no option would list it."""
    write_book(tmp_path, Case(name="five", inputs=dict.fromkeys("abcde", SHARE), branches={"all": " and ".join(f"{name} > 50%" for name in "abcde")}))
    assert "there are more kinds of gap than these 16" in linted(tmp_path)[1]
    said = linted(tmp_path, "--gaps", "31")[1]
    assert (31, False) == (said.count(" gap no branch holds"), "more kinds of gap" in said)


def test_what_takes_too_much_work_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time would be called up at once, and the next machine would have another answer."""
    monkeypatch.setattr("decision_os.proofs.examples._UNITS", 0.001)
    engine = book(tmp_path, HOLE)
    said = {finding.message for proof in (prove(engine, "node", seconds=1000) for _ in range(2)) for finding in proof.findings}
    assert said
    assert all(message.endswith("(it takes more work than one question may)") for message in said), said


# ── differences ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_where_both_act_otherwise_both_actions_are_told(tmp_path: Path) -> None:
    """The same input would be shown twice, without what is done about it."""
    case = Case(name="both", inputs={"x": SHARE}, branches={"down": "x < 30%", "up": "x >= 30%"}, policy="first")
    old, new = book(tmp_path / "old", case), book(tmp_path / "new", case, branches={"down": "x <= 30%", "up": "x >= 30%"})
    (found,) = difference(old, new)
    assert str(found).splitlines() == ["node: incomparable", "  branch `down`: x < 30% → x <= 30%", "  at x = 0.3: do up → do down"]
    told = CliRunner().invoke(app, ["diff", str(tmp_path / "old"), str(tmp_path / "new"), "--format", "json"]).output
    assert ('"before": "do up"' in told, '"now": "do down"' in told) == (True, True)


@pytest.mark.parametrize(
    ("written", "instead", "word"),
    [
        ("approvers: [Finance]", "approvers: [Ops, Finance]", "approvers: Finance → Ops, Finance"),
        ("within: 1h", "within: 2h", "reversal: undo within 1h, by Ops, manual, undo it → undo within 2h, by Ops, manual, undo it"),
        ("steps: [undo it]", "steps: [undo it, say so]", "reversal: undo within 1h, by Ops, manual, undo it → undo within 1h, by Ops, manual, undo it; say so"),
        ("lasts: 4w", "lasts: 5w", "monitor `level`: keep x >= 10%, of x, every 1w, for 4w → keep x >= 10%, of x, every 1w, for 5w"),
        ("note: small", "note: large", "risk: low (small) → low (large)"),
    ],
)
def test_who_watches_and_how_it_is_undone_is_compared(tmp_path: Path, written: str, instead: str, word: str) -> None:
    """What the conditions do not say would change without a word."""
    watched = ("reversal:", "monitoring: {level: {metric: x, keep: x >= 10%, every: 1w, lasts: 4w}}\nreversal:")
    case = Case(name="head", inputs={"x": SHARE}, branches={"a": "x < 30%"}, policy="first")
    (found,) = difference(edited(tmp_path / "old", case, watched), edited(tmp_path / "new", case, watched, (written, instead)))
    assert ("equivalent", (word,)) == (found.relation, found.words)


# ── what no question is asked with ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda engine, _: prove(engine, "channel.invest", seconds=math.inf), "`seconds` is a number from 0"),
        (lambda engine, _: prove(engine, "channel.invest", seconds=math.nan), "`seconds` is a number from 0"),
        (lambda engine, _: prove(engine, "channel.invest", seconds="a"), "`seconds` is a number from 0"),  # type: ignore[arg-type]
        (lambda engine, _: prove(engine, "channel.invest", seconds=-1), "`seconds` is a number from 0"),
        (lambda engine, _: prove(engine, "channel.invest", gaps=0), "`gaps` is how many kinds of gap"),
        (lambda _, __: prove(3, "node"), "`prove` takes an engine, not a int"),  # type: ignore[arg-type]
        (lambda engine, _: difference(engine, 3), "`difference` takes two engines, not a int"),  # type: ignore[arg-type]
        (lambda _, __: shared_levers(3), "`shared_levers` takes an engine, not a int"),  # type: ignore[arg-type]
        (lambda _, playbook: testing.stable(playbook, noise="a"), "`noise` is a share between 0 and 1, not 'a'"),  # type: ignore[arg-type]
        (lambda _, playbook: testing.stable(playbook, within=math.nan), "`within` is a share between 0 and 1, not nan"),
        (lambda _, playbook: testing.stable(playbook, settings=3), "`settings` are Hypothesis' own, not a int"),  # type: ignore[arg-type]
        (lambda _, playbook: testing.frames(playbook, rows=0), "`rows` is a whole number from 1 on, not 0"),
        (lambda _, playbook: testing.frames(playbook, 3), "`3` is no dataframe engine"),  # type: ignore[arg-type]
        (lambda _, playbook: testing.frame_agrees(playbook, rows=0), "`rows` is a whole number from 1 on, not 0"),
        (lambda _, playbook: testing.inputs(playbook, unknowns="no"), "`unknowns` is True or False, not 'no'"),  # type: ignore[arg-type]
    ],
)
def test_an_argument_that_fits_nothing_is_refused(engine: dos.Engine, call: Callable[[Any, Any], object], said: str) -> None:
    """Something deep inside would complain of something else."""
    with pytest.raises(InputError, match=said):
        call(engine, testing.playbook(engine, "channel.invest"))


def test_a_name_that_is_no_text_is_not_found(engine: dos.Engine) -> None:
    """The search for what was meant would fail on it."""
    for call in (lambda: prove(engine, None), lambda: testing.inputs_for(testing.playbook(engine, "channel.invest"), None)):  # type: ignore[arg-type]
        with pytest.raises(NotFoundError, match=r"no playbook `None`|no branch `None`"):
            call()
