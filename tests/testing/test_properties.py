"""The ready properties: each holds of the reference rules, and fails of a rule book with the fault it is for, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings

import decision_os as dos
from decision_os import testing
from tests.proofs.corpus import MONEY, RATIO, SHARE, Case, write_book

ENGINE = dos.Engine.load(dos.reference_rules())
TRIED = settings(max_examples=15, deadline=None, database=None, derandomize=True)
FOUND = settings(max_examples=200, deadline=None, database=None, derandomize=True, phases=[Phase.generate])  # shrinking takes ten times as long
FEW = settings(max_examples=2, deadline=None, database=None, derandomize=True)
GAP = {"gap": "in between nothing is done"}

PROPERTIES: dict[str, Callable[..., Callable[[], None]]] = {
    name: getattr(testing, name)
    for name in ("exactly_one_branch", "never_acts_on_an_unknown", "keeps_its_promises", "scales_with_money", "stable", "reversible")
}
NOT_FOR = {"exactly_one_branch": set(ENGINE.nodes), "scales_with_money": {"pricing.change"}}
HOLDS = [(name, node) for name in PROPERTIES for node in ENGINE.nodes if node not in NOT_FOR.get(name, set())]


@pytest.mark.parametrize(("name", "node"), HOLDS)
def test_the_reference_rules_have_the_property(name: str, node: str) -> None:
    """The rule book that people copy would break a promise that every rule book should keep."""
    PROPERTIES[name](testing.playbook(ENGINE, node), settings=TRIED)()


@pytest.mark.parametrize(
    ("node", "engine"),
    [*((node, "polars") for node in ENGINE.nodes), *(("channel.invest", engine) for engine in ("polars-lazy", "pandas", "pyarrow", "duckdb"))],
)
def test_a_frame_gives_what_the_mapping_gives(node: str, engine: str) -> None:
    """The same rule would decide otherwise over columns."""
    testing.frame_agrees(testing.playbook(ENGINE, node), engine, settings=FEW)()


def subject(folder: Path, **case: Any) -> testing.Subject:
    """The decision of a small rule book."""
    return testing.playbook(dos.Engine.load(write_book(folder, Case(name="it", **{"policy": "first", "meant": GAP, **case}))), "node")


FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "two branches at the edge": (
        "exactly_one_branch",
        {"inputs": {"x": SHARE}, "branches": {"low": "x <= 0.3", "high": "x >= 0.3"}, "policy": "unique", "meant": {}},
        "node: `low` and `high` both hold, and the hit policy is unique\n  inputs: x = 0.3\n",
    ),
    "none at the edge": (
        "exactly_one_branch",
        {"inputs": {"x": SHARE}, "branches": {"low": "x < 0.3", "high": "x > 0.3"}, "policy": "unique", "meant": {}},
        "node: no branch holds\n  inputs: x = 0.3\n    → hold\n",
    ),
    "a default for what is missing": (
        "never_acts_on_an_unknown",
        {"inputs": {"win": SHARE, "x": SHARE}, "branches": {"act": "coalesce(win, 0.5) >= 0.3 and x > 0.1"}},
        "node: it acts although `win` is not known, and would not if it were",
    ),
    "missing counts as fine": (
        "never_acts_on_an_unknown",
        {"inputs": {"win": SHARE}, "branches": {"act": "is_missing(win) or win >= 0.3"}},
        "node: it acts although `win` is not known",
    ),
    "a zone the wrong way round": (
        "keeps_its_promises",
        {
            "inputs": {"cac": MONEY, "base": MONEY},
            "branches": {"pause": "cac >= base * 1.2", "invest": "cac <= base * 0.9 or cac > base * 2"},
            "promises": "order: [do_pause, hold, do_invest]\nworsens: [cac]",
            "policy": "collect",
        },
        "node: raising `cac`, which `worsens` lists, makes the decision better",
    ),
    "an island": (
        "keeps_its_promises",
        {"inputs": {"x": SHARE}, "branches": {"act": "x >= 0.3 and x not in [0.5, 0.5]"}, "promises": "improves: [x]"},
        "node: raising `x`, which `improves` lists, makes the decision worse: do act (branch act) → hold",
    ),
    "money against a plain number": (
        "scales_with_money",
        {"inputs": {"cac": MONEY, "base": MONEY}, "branches": {"act": "cac <= base * 0.9 and cac < 500"}},
        "the decision is another one",
    ),
    "a number without a name": (
        "stable",
        {"inputs": {"x": SHARE}, "branches": {"act": "x >= 0.31"}},
        "from a number without a name in `x >= 0.31`",
    ),
    "a small difference as a divisor": (
        "stable",
        {"inputs": {"a": RATIO, "b": RATIO}, "branches": {"act": "1 / (a - b) >= least"}, "thresholds": {"least": "5"}},
        "noise of 1e-06 flips the decision",
    ),
}


TEXT = ("text", "")
TWO = {"x": RATIO, "y": RATIO}
OVERLAPS: dict[str, tuple[dict[str, tuple[str, str]], dict[str, str], str]] = {
    "a corner of two inputs": (TWO, {"a": "x >= 1", "b": "x < 1 or y >= 1"}, ""),
    "all but two points": ({"x": RATIO}, {"a": "x != 1", "b": "x != 2"}, ""),
    "at two keys": ({"x": RATIO}, {"a": "x >= 1", "b": "x < 1"}, "any"),
    "on a line": (TWO, {"a": "x >= 1 and x < 5", "b": "x < 1 or x >= 5 or y == 7"}, ""),
    "on a short line": (TWO, {"a": "x >= 1 and x < 5", "b": "x < 1 or x >= 5 or (x > 3 and x < 3.5 and y == 7)"}, ""),
    "a sliver beside a text": ({"x": TEXT, "y": RATIO}, {"a": "x == 'a' and y > 0", "b": "x != 'a' or y < 0.001"}, ""),
    "at all of three keys": ({"x": RATIO}, {"a": "x != 1", "b": "x != 2", "c": "x != 3"}, "all"),
}


def at_keys(folder: Path, combine: str, inputs: dict[str, tuple[str, str]], branches: dict[str, str], **more: Any) -> testing.Subject:
    """The decision of a small rule book whose input `x` is given for each segment, where it says how the segments are combined."""
    written = write_book(folder, Case(name="it", inputs=inputs, branches=branches, **{"policy": "unique", **more}))
    fanned = (
        ("metrics.yaml", "grain: [month]", "grain: [segment, month]"),
        ("node.yaml", "x: x", f"x: {{metric: x, combine: {combine}, by: [segment]}}"),
    )
    for file, old, new in fanned if combine else ():
        text = (written / file).read_text(encoding="utf-8")
        assert old in text
        (written / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return testing.playbook(dos.Engine.load(written), "node")


@pytest.mark.parametrize("name", OVERLAPS)
def test_branches_that_overlap_are_not_called_one(name: str, tmp_path: Path) -> None:
    """A thousand examples would all lie where only one of the branches holds."""
    inputs, branches, combine = OVERLAPS[name]
    with pytest.raises(AssertionError, match=r"hold, and the hit policy is unique|no branch holds"):
        testing.exactly_one_branch(at_keys(tmp_path, combine, inputs, branches), settings=FOUND)()


def test_three_conditions_are_tried_at_three_keys(tmp_path: Path) -> None:
    """At two keys one of three conditions over all keys always holds: neither the gap would be drawn, nor all three at once."""
    tested = at_keys(tmp_path, "all", {"x": RATIO}, {"a": "x != 1", "b": "x != 2", "c": "x != 3"})
    assert ("segment 1", "segment 2", "segment 3") == tested.keys
    assert () == tested.unreached
    met = set()

    @FOUND
    @given(testing.inputs(tested, unknowns=False))
    def look(values: dict[str, Any]) -> None:
        met.add(tuple(branch.holds for branch in tested.decide(values).evidence.branches))

    look()
    assert {(True, True, True), (False, False, False)} <= met


@pytest.mark.parametrize("policy", ["first", "collect"])
def test_overlaps_are_drawn_under_every_hit_policy(policy: str, tmp_path: Path) -> None:
    """What comes of two branches that both hold would be tried under none of the policies that allow it."""
    tested = at_keys(tmp_path, "", TWO, {"a": "x >= 1", "b": "x < 1 or (y == 7 and x < 50)"}, policy=policy)
    assert any(target.kind == "overlap" and target.reached for target in tested.targets)
    met = set()

    @FOUND
    @given(testing.inputs(tested, unknowns=False))
    def look(values: dict[str, Any]) -> None:
        met.add(values["y"] == 7 and 1 <= values["x"] < 50)

    look()
    assert True in met


@pytest.mark.parametrize("combine", ["any", "all", "worst, worst: max"])
def test_noise_at_one_key_is_near_the_threshold_of_that_key(combine: str, tmp_path: Path) -> None:
    """A sound rule would be called unstable by how far another key is from its threshold."""
    tested = at_keys(tmp_path, combine, {"x": RATIO}, {"a": "x >= q"}, thresholds={"q": "1"}, policy="first", meant=GAP)
    testing.stable(tested, settings=FOUND)()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_the_property_that_is_for_it(fault: str, tmp_path: Path) -> None:
    """The property would pass whatever the rules say, or fail without saying what to do."""
    name, case, said = FAULTS[fault]
    with pytest.raises(AssertionError) as failure:
        PROPERTIES[name](subject(tmp_path, **case), settings=FOUND)()
    message = str(failure.value)
    assert said in message
    assert "\n  what to do: " in message
    assert "\n  to see it again: engine.decide('node', {" in message


SOUND: dict[str, tuple[str, dict[str, Any]]] = {
    "one branch everywhere": (
        "exactly_one_branch",
        {"inputs": {"x": SHARE}, "branches": {"low": "x < 0.3", "high": "x >= 0.3"}, "policy": "unique", "meant": {}},
    ),
    "a gap that is meant": ("exactly_one_branch", {"inputs": {"x": SHARE}, "branches": {"low": "x < 0.3", "high": "x > 0.3"}, "policy": "unique"}),
    "it acts whatever it is": ("never_acts_on_an_unknown", {"inputs": {"x": SHARE, "y": SHARE}, "branches": {"act": "x >= 0.3 or y >= 0.5"}}),
    "zones in order": (
        "keeps_its_promises",
        {
            "inputs": {"cac": MONEY, "base": MONEY},
            "branches": {"pause": "cac >= base * 1.2", "invest": "cac <= base * 0.9"},
            "promises": "order: [do_pause, hold, do_invest]\nworsens: [cac]\nimproves: [base]",
        },
    ),
    "money against money": ("scales_with_money", {"inputs": {"cac": MONEY, "base": MONEY}, "branches": {"act": "cac <= base * 0.9"}}),
    "a named threshold": ("stable", {"inputs": {"x": SHARE}, "branches": {"act": "x >= least"}, "thresholds": {"least": "31%"}}),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_rule_book_has_the_property(name: str, tmp_path: Path) -> None:
    """A property that cries wolf is switched off."""
    prop, case = SOUND[name]
    PROPERTIES[prop](subject(tmp_path, **case), settings=TRIED)()


def test_a_property_that_is_not_for_a_playbook_says_why(tmp_path: Path) -> None:
    """It would pass, and its user think that something was shown."""
    with pytest.raises(dos.InputError, match=r"decided by `first`.*this property is for `hit_policy: unique`"):
        testing.exactly_one_branch(testing.playbook(ENGINE, "channel.invest"))
    with pytest.raises(dos.InputError, match="threshold `cm_uplift_min` is an amount of money"):
        testing.scales_with_money(testing.playbook(ENGINE, "pricing.change"))
    with pytest.raises(dos.InputError, match="declares neither `improves` nor `worsens`"):
        testing.keeps_its_promises(subject(tmp_path, inputs={"x": SHARE}, branches={"act": "x > 0.5"}))
    with pytest.raises(dos.InputError, match="cannot be told from"):
        testing.stable(testing.playbook(ENGINE, "channel.invest"), noise=0.5)


def test_an_irreversible_action_is_found(tmp_path: Path) -> None:
    """What a lever was before would be unknown when it is to be put back."""
    folder = write_book(tmp_path, Case(name="it", inputs={"x": SHARE, "spend": MONEY}, branches={"act": "x > 0.5"}, policy="first", meant=GAP))
    node = folder / "node.yaml"
    lever = "{text: do act, lever: {name: budget, before: spend / (1 - x), after: spend}}"
    node.write_text(node.read_text(encoding="utf-8").replace("{text: do act}", lever), encoding="utf-8")
    with pytest.raises(AssertionError, match="`do act` moves `budget`, and what that was before is not known"):
        testing.reversible(testing.playbook(dos.Engine.load(folder), "node"), settings=settings(FOUND, max_examples=500))()
