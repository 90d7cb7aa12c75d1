"""Proofs on the reference rule book and on small ones: what is asked, what is answered, and what is left open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

import decision_os as dos
from decision_os.cli.app import app
from decision_os.engine import Engine
from decision_os.errors import InputError, RuleBookError, Severity
from tests.proofs.books import AT, book, calling, edited
from tests.proofs.corpus import FAULTY, SOUND, Case, write_book
from tests.small_book import write

pytest.importorskip("z3", reason="proofs need the extra `prove`")

from decision_os.proofs import difference, prove, shared_levers  # after the skip


def named(name: str) -> Case:
    """A case of the corpus."""
    return next(case for case in (*FAULTY, *SOUND) if case.name == name)


@pytest.mark.parametrize("node", ["pricing.change", "channel.invest", "icp.update", "routing.policy"])
def test_the_reference_rules_leave_nothing_open(engine: dos.Engine, node: str) -> None:
    """The rule book that people copy would ship a gap or an overlap that nobody meant."""
    proof = prove(engine, node)
    assert proof.complete
    assert () == proof.open
    assert all(finding.issue.severity is Severity.NOTE for finding in proof.findings)


def test_an_example_is_a_record_of_the_engine(engine: dos.Engine) -> None:
    """A witness would be the solver's opinion, not what the rules decide."""
    (overlap,) = [finding for finding in prove(engine, "channel.invest").findings if finding.kind == "overlap"]
    assert overlap.example is not None
    again = engine.decide("channel.invest", overlap.example.values, at=AT, choose=overlap.example.choose)
    assert ("act", "pause", [True, True]) == (again.outcome.value, again.branch, [branch.holds for branch in again.evidence.branches])


def test_no_time_is_a_third_answer(engine: dos.Engine) -> None:
    """A question nobody answered would pass for a proof."""
    proof = prove(engine, "pricing.change", seconds=0.0)
    assert not proof.complete
    assert {"not-proven"} == {finding.kind for finding in proof.findings}


def test_what_is_meant_names_what_is_there(tmp_path: Path) -> None:
    """A slip in `meant` would silence nothing, and nobody would know."""
    case = named("nothing exactly at 0.5")
    with pytest.raises(RuleBookError) as caught:
        book(tmp_path / "a", case, meant={"lwo & high": "why"})
    assert "`lwo & high` is neither `gap`, `zero-divisor` nor two branches" in str(caught.value)
    assert "did you mean `low`?" in str(caught.value)
    with pytest.raises(RuleBookError, match="`gap` says why it is meant, in words"):
        book(tmp_path / "b", case, meant={"gap": " "})


def with_gaps(folder: Path, *gaps: str) -> Engine:
    """Two zones with three gaps between and beside them, of which those are named as meant."""
    case = Case(name="zones", inputs={"x": ("share", "[0, 1]"), "y": ("share", "[0, 1]")}, branches={"low": "x < 20%", "high": "x > 80% and y >= 50%"})
    path = write_book(folder, case) / "node.yaml"
    told = "".join(f"    - {gap}\n" for gap in gaps)
    path.write_text(path.read_text(encoding="utf-8") + f"meant:\n  gap:\n{told}", encoding="utf-8")
    return Engine.load(folder)


BETWEEN = "{when: x >= 20% and x <= 80%, why: neither low nor high}"
UNSURE = "{when: x > 80% and y < 50%, why: high without y}"


def test_a_gap_that_is_named_covers_no_other(tmp_path: Path) -> None:
    """A gap that opens later would pass for the one that was meant."""
    both = prove(with_gaps(tmp_path / "both", BETWEEN, UNSURE), "node")
    assert [("gap", "neither low nor high"), ("gap", "high without y")] == [(finding.kind, finding.meant) for finding in both.findings]
    text = (tmp_path / "both" / "node.yaml").read_text(encoding="utf-8").splitlines()
    assert [BETWEEN, UNSURE] == [text[finding.where.line - 1].removeprefix("    - ") for finding in both.findings]
    one = prove(with_gaps(tmp_path / "one", BETWEEN), "node")
    (left,) = one.open
    assert left.example is not None
    assert ("gap", True, True) == (left.kind, left.example.values["x"] > 0.8, left.example.values["y"] < 0.5)


def test_a_gap_that_is_named_and_is_not_there_is_a_finding(tmp_path: Path) -> None:
    """A reason would stand in the rules for something that is no longer so."""
    proof = prove(with_gaps(tmp_path, BETWEEN, UNSURE, "{when: x < 10%, why: once it was so}"), "node")
    (gone,) = proof.open
    assert ("not-there", Severity.WARNING) == (gone.kind, gone.issue.severity)
    assert "a gap is meant where `x < 10%`, and none is there" == gone.message


def test_whatever_else_is_meant_and_not_there_is_a_finding(tmp_path: Path) -> None:
    """As above, of a gap anywhere, an overlap and a divisor of zero."""
    case = Case(name="none", inputs={"x": ("share", "[0, 1]")}, branches={"low": "x < 20%", "high": "x >= 20%"})
    found = prove(book(tmp_path, case, meant={"gap": "a", "low & high": "b", "zero-divisor": "c"}), "node").open
    assert [
        "branches `low` and `high` are meant to overlap, and never both hold",
        "a gap is meant, and some branch always holds",
        "a divisor of zero is meant, and no divisor can be zero",
    ] == [finding.message for finding in found]


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        ("{when: z < 10%, why: because}", "unknown name `z`"),
        ("{when: slo_green, why: because}", "unknown name `slo_green`"),
        ("{when: x < 10%}", "a gap that is meant in playbook `node` lacks the key `why`"),
        ("x < 10%", "a gap that is meant in playbook `node` has `when` and `why`"),
    ],
)
def test_a_gap_that_is_named_wrong_is_refused(tmp_path: Path, gap: str, said: str) -> None:
    """A slip would silence nothing, and nobody would know."""
    with pytest.raises(RuleBookError) as caught:
        with_gaps(tmp_path, gap)
    assert said in str(caught.value)


def test_more_gaps_than_are_told_apart_are_said_to_be_there(tmp_path: Path) -> None:
    """A reader would take the list for all there is."""
    names = ["a", "b", "c", "d", "e"]
    case = Case(name="many", inputs=dict.fromkeys(names, ("share", "[0, 1]")), branches={"all": " and ".join(f"{name} > 50%" for name in names)})
    found = prove(book(tmp_path, case), "node").findings
    assert (17, "there are more kinds of gap than these 16 (`gaps`, or `--gaps`, tells more of them apart)") == (len(found), found[-1].message)
    every = prove(book(tmp_path, case), "node", gaps=100).findings
    assert (31, set()) == (len(every), {finding.message for finding in every if finding.example is None})


def test_a_finer_input_is_asked_at_two_keys(engine: dos.Engine) -> None:
    """A gap that two segments open together would be missed."""
    found = [finding for finding in prove(engine, "pricing.change").findings if finding.kind == "gap"]
    assert any(len(finding.example.values["payback"]) == 2 for finding in found if finding.example is not None)


def test_a_gap_at_no_round_number_is_told_once(tmp_path: Path) -> None:
    """Where no input can be rounded, one kind of gap would be told over and over, and the others not at all."""
    case = Case(name="", inputs={"y": ("ratio", "[0, 10]"), "x": ("ratio", "[0, 10]")}, branches={"on": "x * x < 2", "off": "x * x > 2"})
    (gap,) = prove(book(tmp_path, case), "node").findings
    assert "gap" == gap.kind
    assert gap.example is not None
    assert 2**0.5 == gap.example.values["x"]


def test_a_branch_behind_one_that_is_undefined_is_said_to_be(tmp_path: Path) -> None:
    """The one before would be said to hold, where it divides by zero and the decision is undetermined."""
    case = Case(name="", inputs={"x": ("ratio", "[0, 10]"), "y": ("ratio", "[0, 10]")}, branches={"high": "x / y > 5", "none": "y == 0"})
    finding = next(found for found in prove(book(tmp_path, case, policy="first"), "node").findings if found.kind == "masked")
    assert "branch `none` is never taken: wherever it holds, `high` holds before it or is unknown" == finding.message


# ── two decisions on one lever ───────────────────────────────────────────────────────────────────────────────────────────────────


def levered(folder: Path, second: str) -> Engine:
    """Two playbooks over the same share that both move the budget."""
    write_book(folder, Case(name="", inputs={"x": ("share", "[0, 1]")}, branches={"up": "x >= 50%"}))
    one = (folder / "node.yaml").read_text(encoding="utf-8")
    lever = "{text: do up, lever: {name: budget, before: x, after: x * 2}}"
    one = one.replace("{text: do up}", lever)
    (folder / "node.yaml").write_text(one, encoding="utf-8")
    other = one.replace("playbook: node", "playbook: other").replace("x >= 50%", second)
    (folder / "other.yaml").write_text(other, encoding="utf-8")
    return Engine.load(folder)


def test_two_decisions_on_one_lever(tmp_path: Path) -> None:
    """Two owners would raise and cut the same budget in one week, and nobody would have been told."""
    (finding,) = shared_levers(levered(tmp_path, "x <= 50%"))
    assert ("overlap", ("up", "up")) == (finding.kind, finding.branches)
    assert "can both move `budget` at once" in finding.message
    assert finding.example is not None
    assert 0.5 == finding.example.values["x"]


def test_two_decisions_apart_on_one_lever(tmp_path: Path) -> None:
    """A pair that can never act together would be reported."""
    assert () == shared_levers(levered(tmp_path, "x < 50%"))


def test_two_decisions_on_one_lever_have_one_value_or_none(tmp_path: Path) -> None:
    """What one decision takes for missing and the other for known is no input of both; the one shown makes both act."""
    assert () == shared_levers(levered(tmp_path / "apart", "is_missing(x)"))
    engine = levered(tmp_path / "at once", "is_missing(x) or x <= 50%")
    (finding,) = shared_levers(engine)
    assert finding.example is not None
    for decision in ("node", "other"):
        assert "act" == engine.decide(decision, finding.example.values, at=AT, subject="a", period="2026-10").outcome


# ── two rule books ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "relation"),
    [
        ({}, "equivalent"),
        ({"high": "x > 60%"}, "stricter"),
        ({"high": "x > 40%"}, "looser"),
        ({"high": "x > 60% or x < 10%"}, "incomparable"),
        ({"high": "not x <= 50%"}, "equivalent"),
        ({"high": "x > 0.5 or (x > 60% and x < 70%)"}, "equivalent"),
    ],
)
def test_how_two_rule_books_differ(tmp_path: Path, change: Mapping[str, str], relation: str) -> None:
    """A change that acts more often would pass for one that acts less, or a rewording for a change."""
    case = Case(name="", inputs={"x": ("share", "[0, 1]")}, branches={"high": "x > 50%"})
    (found,) = difference(book(tmp_path / "old", case), book(tmp_path / "new", case, branches={**case.branches, **change}))
    assert relation == found.relation
    assert (found.less is not None, found.more is not None) == (relation in ("stricter", "incomparable"), relation in ("looser", "incomparable"))
    if change:
        assert (f"branch `high`: x > 50% → {change['high']}",) == found.words


def test_a_threshold_changed_is_told_in_words(tmp_path: Path) -> None:
    """A reviewer would see that something changed, and not what."""
    case = Case(name="", inputs={"x": ("USD", "[0, 100]")}, thresholds={"least": "$3"}, branches={"high": "x >= least"})
    (found,) = difference(book(tmp_path / "old", case), book(tmp_path / "new", case, thresholds={"least": "$4"}))
    assert ("stricter", ("threshold `least`: $3 → $4",)) == (found.relation, found.words)
    assert found.less is not None
    assert 3 <= found.less.values["x"] < 4


def test_another_action_is_no_equivalent_one(tmp_path: Path) -> None:
    """The same inputs acted on otherwise would count as no change."""
    case = Case(name="", inputs={"x": ("share", "[0, 1]")}, branches={"high": "x > 50%"})
    old = book(tmp_path / "old", case)
    folder = write_book(tmp_path / "new", case)
    path = folder / "node.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("{text: do high}", "{text: do more}"), encoding="utf-8")
    (found,) = difference(old, Engine.load(folder))
    assert "incomparable" == found.relation
    assert ("action of branch `high`: do high → do more",) == found.words


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [
        ("[0, 1]", "[0, 2]", "looser"),
        ("[0, 2]", "[0, 1]", "stricter"),
        ("[0, 1]", "[0.75, 2]", "incomparable"),
        ("[0, 1]", "", "looser"),
        ("[0, 1]", "[-1, 1]", "equivalent"),
    ],
)
def test_an_input_valid_under_one_contract_alone_counts(tmp_path: Path, old: str, new: str, relation: str) -> None:
    """Values that the old contract refused, and the new one lets act, would be no change."""
    case = Case(name="", inputs={"x": ("ratio", old)}, branches={"a": "x >= 0.5"})
    before, after = book(tmp_path / "old", case), book(tmp_path / "new", case, inputs={"x": ("ratio", new)})
    (found,) = difference(before, after)
    assert (relation, (f"valid range of `x`: {old} → {new or 'any'}",)) == (found.relation, found.words)
    for example, acting, other in ((found.less, before, after), (found.more, after, before)):
        if example is not None:
            assert ("act", "undetermined") == tuple(engine.decide("node", example.values).outcome.value for engine in (acting, other))


@pytest.mark.parametrize(("old", "new", "relation"), [("[5%, 10%]", "[1%, 10%]", "looser"), ("[1%, 10%]", "[5%, 10%]", "stricter")])
def test_a_parameter_that_may_be_chosen_in_one_alone_counts(tmp_path: Path, old: str, new: str, relation: str) -> None:
    """A choice that one of them refuses would be no change."""
    case = Case(name="", inputs={"x": ("ratio", "[-100, 100]")}, branches={"a": "x >= s"})
    wide = [("branches:", f'parameters: {{s: {{range: "{each}", default: "5%"}}}}\nbranches:') for each in (old, new)]
    engines = [edited(tmp_path / name, case, edit) for name, edit in zip(("old", "new"), wide, strict=True)]
    (found,) = difference(engines[0], engines[1])
    assert (relation, (f"parameter `s`: {old}, default 0.05 → {new}, default 0.05",)) == (found.relation, found.words)
    example, engine = (found.more, engines[0]) if relation == "looser" else (found.less, engines[1])
    assert example is not None
    with pytest.raises(InputError, match="outside its range"):
        engine.decide("node", example.values, choose=example.choose)


@pytest.mark.parametrize(
    ("old", "new", "relation", "words"),
    [
        (
            "text: do a, lever: {name: l, before: x, after: x * 1.2}",
            "text: do a, lever: {name: l, before: x, after: x * 5}",
            "incomparable",
            ("lever of branch `a`: l from x to x * 1.2 → l from x to x * 5",),
        ),
        ("inputs: {x: x, z: z}", "inputs: {x: z, z: z}", "not-proven", ("input `x`: x, in ratio → z, in ratio",)),
        (
            "owner: Ops, reading: true, source: crm}\n  z",
            "owner: Ops, min_n: 30, reading: true, source: crm}\n  z",
            "not-proven",
            ("metric `x` is written otherwise",),
        ),
        ("label: x, definition: given", "label: X, definition: as given", "equivalent", ()),
        ("{x: x, z: z}", "{x: {metric: x, lag: 3}, z: z}", "not-proven", ("input `x`: x, in ratio → x, in ratio, 3 periods back",)),
        ("reversal:", "order: [hold, do_a]\nimproves: [x]\nreversal:", "not-proven", ("promise on `x` is new: improves hold, do_a",)),
    ],
    ids=["a lever", "another metric", "a sample size", "a label", "a lag", "a promise"],
)
def test_what_is_not_asked_of_the_solver_is_not_called_equivalent(tmp_path: Path, old: str, new: str, relation: str, words: tuple[str, ...]) -> None:
    """The same conditions would hide that something else is done, read or promised."""
    ratio = ("ratio", "[-100, 100]")
    case = Case(name="", inputs={"x": ratio, "z": ratio}, branches={"a": "x >= 1"})
    engine = edited(tmp_path / "old", case, *([(("text: do a"), old)] if "lever" in old else []))
    changed = edited(tmp_path / "new", case, ("text: do a" if "lever" in old else old, new))
    assert [(relation, words)] == [(change.relation, change.words) for change in difference(engine, changed)]
    assert [("equivalent", ())] == [(change.relation, change.words) for change in difference(changed, changed)]


@pytest.mark.parametrize("condition", ["x >= s", "x >= s and x < 50%"])
def test_another_default_is_not_passed_over(tmp_path: Path, condition: str) -> None:
    """Whatever is chosen decides alike or less, and who chooses nothing would act where nobody did."""
    case = Case(name="", inputs={"x": ("share", "[0, 1]")}, branches={"a": "x >= s"})
    with_default = [("branches:", f'parameters: {{s: {{range: "[1%, 10%]", default: "{each}"}}}}\nbranches:') for each in ("5%", "2%")]
    old = edited(tmp_path / "old", case, with_default[0])
    (found,) = difference(old, edited(tmp_path / "new", attrs.evolve(case, branches={"a": condition}), with_default[1]))
    assert "not-proven" == found.relation
    assert "parameter `s`: [1%, 10%], default 0.05 → [1%, 10%], default 0.02" in found.words


def test_a_value_for_what_is_missing_counts_in_both_directions(tmp_path: Path) -> None:
    """Taking back `coalesce` would be left unproven, where giving it is found."""
    case = Case(name="", inputs={"x": ("ratio", "[-100, 100]")}, branches={"a": "coalesce(x, 5) >= 1"})
    one, other = book(tmp_path / "one", case), book(tmp_path / "other", case, branches={"a": "x >= 1"})
    assert ["stricter", "looser"] == [change.relation for change in (*difference(one, other), *difference(other, one))]


def test_what_came_and_what_went(tmp_path: Path) -> None:
    """A decision that is gone would be passed over."""
    case = Case(name="", inputs={"x": ("share", "[0, 1]")}, branches={"high": "x > 50%"})
    old = book(tmp_path / "old", case)
    folder = write_book(tmp_path / "new", case)
    path = folder / "node.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("playbook: node", "playbook: other"), encoding="utf-8")
    assert [("other", "added"), ("node", "removed")] == [(change.playbook, change.relation) for change in difference(old, Engine.load(folder))]


# ── Python functions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

SURE = {"never-fires", "contradicts-check", "masked", "always-true", "never-true"}
"""What is said of a condition whatever the inputs are."""


@pytest.mark.parametrize(
    ("gives", "when"),
    [
        ("truth", "f(sales) and sales > floor"),
        ("truth", "(f(sales) if sales > floor else sales > $2)"),
        ("truth", "coalesce(f(sales), true) and sales > floor"),
        ("text", 'f(sales) == "good" and sales > floor'),
        ("text", 'f(sales) in {"good", "best"} and sales > floor'),
        ("USD", "f(sales) > $3 and sales > floor"),
        ("any", "f(sales) and sales > floor"),
        ("any", 'f(sales) == "good" and sales > floor'),
        ("any", '(f(sales) if sales > floor else "bad") == "good" and sales > floor'),
        ("any", "f(sales) == (sales > $9) and sales > floor"),
        ("any", "f(sales) + sales > floor"),
    ],
)
def test_a_function_of_each_kind_is_asked_about(tmp_path: Path, gives: str, when: str) -> None:
    """A rule that calls a function would end the proofs of the whole rule book in an exception."""
    results = {"truth": True, "text": "good", "USD": 5.0}
    result = results.get(gives, 5.0 if "+" in when else "good" if '"' in when else True)
    engine = calling(tmp_path, gives, when, lambda _: result)
    kinds = {finding.kind for finding in prove(engine, "budget").findings}
    assert set() == kinds & SURE


def test_a_function_may_fail(tmp_path: Path) -> None:
    """A branch for the case that a function fails would be proven never to fire, and be deleted."""

    def failing(_: float) -> float:
        raise ValueError

    engine = calling(tmp_path, "USD", "is_missing(f(sales)) and sales > floor", failing)
    assert "act" == engine.decide("budget", {"sales": 9.0, "deal_size": 1.0, "slo_green": True}, at=AT).outcome
    assert set() == {finding.kind for finding in prove(engine, "budget").findings} & SURE


def test_rules_with_functions_are_compared_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`diff` would refuse every rule book that declares a function."""
    monkeypatch.chdir(tmp_path)
    for name, floor in (("old", "sales > floor"), ("new", "sales > floor and sales > $6")):
        calling(tmp_path / name, "truth", f"f(sales) and {floor}", lambda _: True)
    write(tmp_path, {"functions_of_diff.py": "def f(sales): return True\n"})
    refused = CliRunner().invoke(app, ["diff", "old", "new"])
    assert (2, True) == (refused.exit_code, "function-not-handed-in" in refused.output)
    told = CliRunner().invoke(app, ["diff", "old", "new", "--functions", "functions_of_diff"])
    assert 1 == told.exit_code, told.output
    assert "budget: stricter" in told.output


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(x / y if y > 0 else 0) >= 2", False),
        ("y > 0 and x / y >= 2", False),
        ("x / y >= 2 and y > 0", False),
        ("y <= 0 or x / y >= 2", False),
        ("y >= 0 and x / y >= 2", True),
        ("y > 0 or x / y >= 2", True),
        ("(x / y if y > 0 else x / y) >= 2", True),
        ("(y > 0 and x / y >= 2) or x / y < -1", True),
        ("coalesce(x / y, 0) >= 2", False),
        ("coalesce(x / y, y / x, 0) >= 2", False),
        ("coalesce(x / y, y / x) >= 2", True),
        ("is_missing(x / y) or x > 3", False),
        ("not is_missing(x / y) and x / y > 3", False),
    ],
)
def test_a_guarded_division_leaves_nothing_undefined(tmp_path: Path, text: str, found: bool) -> None:
    """A division that matters only where its divisor is no zero would be reported, or one that is guarded in another place not be."""
    ratio = ("ratio", "[-100, 100]")
    proof = prove(book(tmp_path, Case(name="", inputs={"x": ratio, "y": ratio}, branches={"a": text})), "node")
    assert proof.complete
    assert found is ("zero-divisor" in {str(finding.kind) for finding in proof.findings})
