"""Promises of what raising an input does: proven for all inputs, or broken by two sets of inputs that the engine decided."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import decision_os as dos
from decision_os.cli.app import app
from tests.proofs.corpus import MONEY, RATIO, SHARE, Case, write_book

pytest.importorskip("z3", reason="proofs need the extra `prove`")

from decision_os.proofs import Finding, prove  # after the skip

GAP = {"gap": "in between nothing is done"}
ZONES = {"pause": "cac >= base * 1.2", "invest": "cac <= base * 0.9"}
ORDER = "order: [do_pause, hold, do_invest]\n"


def broken(folder: Path, inputs: dict[str, tuple[str, str]], branches: dict[str, str], promises: str, policy: str = "first", **more: object) -> list[Finding]:
    """What is found of the promises of a small rule book."""
    case = Case(name="it", inputs=inputs, branches=branches, promises=promises, policy=policy, meant=GAP, **more)  # type: ignore[arg-type]  # as in a case
    return [finding for finding in prove(dos.Engine.load(write_book(folder, case)), "node").findings if finding.kind in ("not-monotone", "not-proven")]


KEPT = {
    "zones in order": ({"cac": MONEY, "base": MONEY}, ZONES, f"{ORDER}worsens: [cac]\nimproves: [base]", "first"),
    "zones of a unique policy": ({"cac": MONEY, "base": MONEY}, ZONES, f"{ORDER}worsens: [cac]", "collect"),
    "one action": ({"x": SHARE}, {"act": "x >= 0.3"}, "improves: [x]", "first"),
    "a truth": ({"sure": ("flag", ""), "x": SHARE}, {"act": "sure and x >= 0.3"}, "improves: [sure, x]", "first"),
    "an action aside": (
        {"x": SHARE, "y": SHARE},
        {"act": "x >= 0.3", "gate": "x < 0.1 and y > 0.5"},
        "order: [hold, do_act]\nimproves: [x]",
        "collect",
    ),
    "a quotient of what is above zero": ({"cm": ("USD", "[1, 1000]"), "cac": MONEY}, {"act": "cac / cm <= 12"}, "worsens: [cac]\nimproves: [cm]", "first"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_promise_that_holds_is_proven(name: str, tmp_path: Path) -> None:
    """A true promise would be called broken, or left open."""
    assert [] == broken(tmp_path, *KEPT[name])


BROKEN = {
    "the wrong way round": ({"cac": MONEY, "base": MONEY}, ZONES, f"{ORDER}improves: [cac]", "first"),
    "an island": ({"x": SHARE}, {"act": "x >= 0.3 and x not in [0.5, 0.6]"}, "improves: [x]", "first"),
    "an interval": ({"x": SHARE}, {"act": "x in [0.2, 0.4]"}, "improves: [x]", "first"),
    "better comes first": ({"x": SHARE}, {"small": "x > 0.6", "large": "x > 0.3"}, "order: [hold, do_small, do_large]\nimproves: [x]", "first"),
    "two at once": ({"x": SHARE}, {"bad": "x > 0.6", "good": "x > 0.3"}, "order: [do_bad, hold, do_good]\nimproves: [x]", "collect"),
    "a pole": ({"cm": RATIO, "cac": MONEY}, {"act": "cac / cm <= 12"}, "improves: [cm]", "first"),
    "a truth turned round": ({"sure": ("flag", ""), "x": SHARE}, {"act": "not sure and x >= 0.3"}, "improves: [sure]", "first"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_promise_that_does_not_hold_is_shown(name: str, tmp_path: Path) -> None:
    """A false promise would pass for proven."""
    (finding,) = broken(tmp_path, *BROKEN[name])
    assert finding.kind == "not-monotone"
    assert finding.example is not None
    assert finding.where.file.endswith("node.yaml")
    assert "is promised to" in finding.message


def test_a_pre_check_counts_as_doing_nothing(tmp_path: Path) -> None:
    """Blocking would count neither as better nor as worse, and a promise about a pre-check's input say nothing."""
    found = broken(tmp_path, {"x": SHARE, "y": SHARE}, {"act": "x >= 0.3"}, "improves: [y]", checks={"low": "y <= 0.5"})
    assert ["not-monotone"] == [finding.kind for finding in found]


def test_lint_says_which_promise_is_broken_and_by_what(tmp_path: Path) -> None:
    """A broken promise would pass in CI, or be told without the inputs that break it."""
    case = Case(name="it", inputs={"x": SHARE}, branches={"act": "x in [20%, 40%]"}, policy="first", meant=GAP, promises="improves: [x]")
    done = CliRunner().invoke(app, ["lint", str(write_book(tmp_path, case)), "--prove"])
    assert done.exit_code == 1
    assert "not-monotone `x` is promised to improve the decision, and raising it from" in " ".join(done.output.split())
    assert "worsens it: do act → hold" in " ".join(done.output.split())
