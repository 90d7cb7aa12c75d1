"""Drawn inputs: where they lie, what they keep to, and what they shrink to."""

from __future__ import annotations

import collections
import math
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import decision_os as dos
from decision_os import testing
from decision_os.testing.unknowns import with_unknown
from decision_os.values import Reading, Unknown
from tests.proofs.corpus import COUNT, MONEY, RATIO, SHARE, Case, write_book

ENGINE = dos.Engine.load(dos.reference_rules())
SUBJECTS = {node: testing.playbook(ENGINE, node) for node in ENGINE.nodes}
ONCE = settings(max_examples=200, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
FIND = settings(max_examples=2000, database=None, derandomize=True)


def drawn(strategy: Any, examples: int = 200) -> list[dict[str, Any]]:
    """So many examples of a strategy."""
    found: list[dict[str, Any]] = []

    @settings(ONCE, max_examples=examples)
    @given(strategy)
    def keep(values: dict[str, Any]) -> None:
        found.append(values)

    keep()
    return found


@cache
def known(node: str) -> list[dict[str, Any]]:
    """Two hundred examples of the known inputs of a decision, drawn once for all tests."""
    return drawn(testing.inputs(SUBJECTS[node], unknowns=False))


def plain(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The values one by one, those at finer keys too."""
    return [(name, item) for name, value in values.items() for item in (value.values() if isinstance(value, Mapping) else [value])]


@pytest.mark.parametrize("node", ENGINE.nodes)
def test_every_branch_gap_and_pre_check_has_its_share(node: str) -> None:
    """A branch would go untried although a thousand examples were drawn: of 200 each gets at least four."""
    subject = SUBJECTS[node]
    met = collections.Counter[str]()
    for values in known(node):
        record = subject.decide(values)
        met.update((record.branch or record.outcome.value).split(", ") if not record.blocked_by else record.blocked_by)
    wanted = {*subject.ground.branches, "hold", *subject.ground.checks}
    assert {} == {name: met[name] for name in wanted if met[name] < 4}
    assert (0 if node != "pricing.change" else met["undetermined"]) == met["undetermined"]  # there a divisor of zero is an edge, too


@pytest.mark.parametrize("node", ENGINE.nodes)
def test_two_examples_in_three_lie_at_an_edge(node: str) -> None:
    """Most examples would say nothing about a threshold."""
    subject = SUBJECTS[node]
    at_edge = 0
    for values in known(node):
        evidence = subject.decide(values).evidence
        conditions = [condition for asked in evidence.pre_checks for condition in asked.conditions]
        conditions += [condition for asked in evidence.branches for condition in asked.conditions]
        at_edge += any(condition.margin is None or abs(condition.margin) <= 1.0001 * max(0.01, 1.0 * ("count" in condition.unit)) for condition in conditions)
    assert at_edge >= 133


@pytest.mark.parametrize("node", ENGINE.nodes)
def test_values_keep_to_their_contracts(node: str) -> None:
    """An example would be refused by its own contract, or say 30.7 leads."""
    ground = SUBJECTS[node].ground
    by_name = {place.own: place for place in ground.places.values()}
    for values in known(node):
        for name, value in plain(values):
            place = by_name[name]
            assert value is None or attrs.evolve(place, name=place.own, valid=place.valid and place.valid.renamed({place.name: place.own})).allows(value)
            assert isinstance(value, int) or not place.whole
            assert not isinstance(value, float) or (math.isfinite(value) and (value == 0 or abs(value) > 1e-13))


@pytest.mark.parametrize("node", ENGINE.nodes)
def test_unknowns_come_in_every_kind(node: str) -> None:
    """The engine would be tried with None alone, and a stale or a thin reading never."""
    kinds = collections.Counter[str]()
    subject = SUBJECTS[node]
    for values in drawn(with_unknown(subject, st.just(known(node)[0])), 150):
        for _, value in plain(values):
            kinds.update(value.reasons if isinstance(value, Unknown) else ["reading"] if isinstance(value, Reading) else ["null"] if value is None else [])
        kinds["absent"] += len(values) < len(ENGINE.needs(node))
    assert {*(reason.value for reason in dos.Reason), "null", "absent", "reading"} <= {kind for kind, count in kinds.items() if count}


@pytest.mark.parametrize(("node", "branch"), [(node, branch) for node in ENGINE.nodes for branch in SUBJECTS[node].ground.branches])
def test_inputs_for_a_branch_take_it(node: str, branch: str) -> None:
    """A test of one branch would be run on inputs of another."""
    subject = SUBJECTS[node]
    for values in drawn(testing.inputs_for(subject, branch), 40):
        assert branch in (subject.decide(values).branch or "").split(", ")


def test_a_choice_of_parameters_moves_the_edges() -> None:
    """The edge of `list_price × step ≥ $3` would be looked for at the default step, and the decision taken at another one."""
    at_five = testing.playbook(ENGINE, "pricing.change", choose={"list_price_step": 0.05})
    prices = {values["list_price"] for values in drawn(testing.inputs(at_five, unknowns=False), 120)}
    assert 60.0 in prices
    assert 37.5 not in prices


@pytest.mark.parametrize(
    ("inputs", "when"),
    [
        ({"x": SHARE}, "x >= 0.25"),
        ({"x": MONEY}, "x > 1200"),
        ({"n": COUNT}, "n >= 30"),
        ({"cac": MONEY, "baseline": MONEY}, "cac <= baseline * 0.9 and baseline > 0"),
    ],
    ids=["a share", "money", "a count", "two of money"],
)
def test_examples_shrink_to_round_numbers(inputs: dict[str, tuple[str, str]], when: str, tmp_path: Path) -> None:
    """A failing example would be told in sixteen digits, or as 1e-308."""
    engine = dos.Engine.load(write_book(tmp_path, Case(name="it", inputs=inputs, branches={"act": when}, policy="first", meant={"gap": "so"})))
    subject = testing.playbook(engine, "node")
    smallest = find(testing.inputs(subject), lambda values: subject.decide(values).outcome is dos.Outcome.ACT, settings=FIND)
    assert all(float(f"{value:.6g}") == value for value in smallest.values()), smallest


def test_what_is_handed_in_wrong_says_what_to_write() -> None:
    """The first thing a user gets wrong would end in an AttributeError."""
    for wrong in (ENGINE.book.playbooks["channel.invest"], "channel.invest", ENGINE):
        with pytest.raises(dos.InputError, match=r"takes a playbook under test.*testing.playbook\(engine, \"channel.invest\"\)"):
            testing.inputs(wrong)  # type: ignore[arg-type]  # the point
    with pytest.raises(dos.InputError, match="takes an engine, not a RuleBook"):
        testing.playbook(ENGINE.book, "channel.invest")  # type: ignore[arg-type]  # the point
    with pytest.raises(dos.NotFoundError, match=r"no decision `channel.invst`"):
        testing.playbook(ENGINE, "channel.invst")
    with pytest.raises(dos.NotFoundError, match=r"no branch `invst` \(did you mean `invest`\?\)"):
        testing.inputs_for(SUBJECTS["channel.invest"], "invst")
    with pytest.raises(dos.InputError, match="outside its range"):
        testing.playbook(ENGINE, "pricing.change", choose={"list_price_step": 0.5})
    with pytest.raises(dos.InputError, match="`panda` is no dataframe engine"):
        testing.frames(SUBJECTS["channel.invest"], engine="panda")
    with pytest.raises(dos.InputError, match="takes a freshness objective, not a str"):
        testing.load_logs("metric_age")  # type: ignore[arg-type]  # the point


def test_a_branch_that_cannot_fire_is_said(tmp_path: Path) -> None:
    """Its strategy would draw nothing for ever."""
    case = Case(name="it", inputs={"x": SHARE}, branches={"never": "x > 0.5 and x < 0.2", "other": "x > 0.3"}, policy="first")
    subject = testing.playbook(dos.Engine.load(write_book(tmp_path, case)), "node")
    assert "branch `never`" in subject.unreached
    with pytest.raises(dos.InputError, match="no inputs were found for which branch `never`"):
        testing.inputs_for(subject, "never")
    with pytest.raises(dos.InputError, match="no inputs were found for which branch `never`"):
        testing.reversible(subject)


@pytest.mark.parametrize("slo", sorted(ENGINE.book.slos))
def test_load_logs_lie_on_both_sides_of_the_promise(slo: str) -> None:
    """The objective would be tried where it is kept by far, or broken by far."""
    kept = collections.Counter[str]()

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(testing.load_logs(ENGINE.book.slos[slo]))
    def look(log: list[tuple[str, Any]]) -> None:
        report = ENGINE.freshness(log, at=testing.AT)
        for status in report.statuses:
            if status.slo.name == ENGINE.book.slos[slo].objective.name:
                spent = status.spent - status.budget
                kept["met" if status.met else "broken"] += 1
                kept["just"] += abs(spent).total_seconds() <= 3600
                kept["never"] += status.loaded_at is None

    look()
    assert all(kept[word] >= 3 for word in ("met", "broken", "just")), kept
    assert kept["never"]


def test_who_lacks_hypothesis_is_told_what_to_install() -> None:
    """The first line of a user's test would end in an error about a module that is not ours."""
    script = "import sys; sys.modules['hypothesis'] = None\nfrom decision_os import testing"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith('property tests need Hypothesis: pip install "decision-os[testing]"')


@pytest.mark.parametrize(
    "when",
    ["x + y == 10 and x - y == 4", "x * y == 1 and x - y == 1.5", "x + y in [9.9, 10] and x - y in [4, 4.1] and x + 2 * y <= 13.1"],
)
def test_a_branch_that_takes_several_inputs_at_once_is_reached(tmp_path: Path, when: str) -> None:
    """No input alone can be set to it: the branch would never be tried, without a word."""
    pytest.importorskip("z3", reason="solved for where the extra `prove` is installed")
    engine = dos.Engine.load(write_book(tmp_path, Case(name="together", inputs={"x": RATIO, "y": RATIO}, branches={"a": when}, policy="first")))
    playbook = testing.playbook(engine, "node")
    taken = [playbook.decide(values).branch for values in drawn(testing.inputs(playbook, unknowns=False), 100)]
    assert taken.count("a") >= 5
    assert {"a"} == {playbook.decide(values).branch for values in drawn(testing.inputs_for(playbook, "a"), 10)}


def test_what_is_not_reached_without_a_solver_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`No inputs were found` would leave the reader with a rule that can well fire."""
    monkeypatch.setattr("decision_os.testing.subject.installed", lambda: False)
    engine = dos.Engine.load(
        write_book(tmp_path, Case(name="", inputs={"x": RATIO, "y": RATIO}, branches={"a": "x * y == 1 and x - y == 1.5"}, policy="first"))
    )
    with pytest.raises(dos.InputError, match=r"pip install \"decision-os\[prove\]\""):
        testing.inputs_for(testing.playbook(engine, "node"), "a")


@pytest.mark.parametrize("when", ["x + y == 10 and x - y == 4", "x == 3 * y and y == 10 - x", "x + y == 10 and x - y == 4 and z >= x"])
def test_two_linear_equations_are_solved_without_a_solver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Who has not installed the solver would have the branch untried."""
    monkeypatch.setattr("decision_os.testing.subject.installed", lambda: False)
    engine = dos.Engine.load(write_book(tmp_path, Case(name="", inputs=dict.fromkeys("xyz", RATIO), branches={"a": when}, policy="first")))
    playbook = testing.playbook(engine, "node")
    assert {"a"} == {playbook.decide(values).branch for values in drawn(testing.inputs_for(playbook, "a"), 10)}
