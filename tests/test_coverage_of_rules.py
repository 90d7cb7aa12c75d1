"""Coverage of rules: the logic of conditions, MC/DC against its definition, what is proposed and what is proven never to be seen."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decision_os as dos
from decision_os.cases import read_cases
from decision_os.coverage import Asked, Coverage, report
from decision_os.expr import Expression
from decision_os.expr import compile as compiled
from decision_os.expr.structure import structure
from decision_os.expr.unparse import unparse
from decision_os.plan import Condition
from decision_os.values import Unknown, settle
from tests.expr.trees import boolean, inputs
from tests.proofs.corpus import SHARE, Case, write_book
from tests.small_book import FILES, PLAYBOOK, changed, write

SOME = {"slo_green": True, "deal_size": 100, "sales": 6}


def known(answer: object) -> object:
    return None if isinstance(answer, Unknown) else answer


@settings(max_examples=150)
@given(boolean(units=False), inputs())
def test_the_logic_of_a_condition_comes_to_what_the_condition_does(tree: Any, values: dict[str, Any]) -> None:
    """Coverage would be counted of another rule than the one that decides."""
    try:
        rule = compiled(unparse(tree))
        at = {name: settle(value, name) for name, value in values.items()}
        answer = rule.evaluate_settled(at)
    except dos.ExpressionError:
        return  # not of one kind: refused before it decides
    asked = structure(rule)
    try:
        assert known(answer) is asked.value(asked.answers(at))
    except dos.ExpressionError:
        assert len(asked.leaves) > 1  # what decides may stand before a part that refuses its values


RULES = (
    "p",
    "p and q",
    "p or q and not r",
    "p if q else r",
    "(p or q) and (p or r)",
    "not (p and (q or r)) or q",
    "p and q or not p and r",
    "p or True",
    "p and not p",
)
REFERENCE = dos.Engine.load(dos.reference_rules())
answers = st.fixed_dictionaries(dict.fromkeys("pqr", st.sampled_from([True, False, None])))


def asked_of(rule: Expression) -> Asked:
    return Asked("node", "branch", Condition(id="b", label="b", expression=rule), dos.Where(), structure(rule))


def seen(asked: Asked, values: Mapping[str, Any]) -> None:
    asked.seen.add((asked.structure.answers({name: settle(value, name) for name, value in values.items()}),))


@settings(max_examples=200)
@given(st.sampled_from(RULES), st.lists(answers, max_size=6))
def test_a_condition_is_covered_exactly_where_two_inputs_show_its_effect(text: str, tried: list[dict[str, Any]]) -> None:
    """A condition that changes nothing would count as tested, or one that was tested would not."""
    rule = compiled(text)
    asked = asked_of(rule)
    for values in tried:
        seen(asked, values)
    for leaf, name in enumerate(each.words for each in asked.structure.leaves):
        turns = {(values[name], known(rule.evaluate(values))) for values in tried if values[name] is not None and _swings(rule, values, name)}
        shown = any(one is not other and outcome is not its for (one, outcome), (other, its) in product(turns, turns))
        assert shown is asked.effect(leaf)
        assert shown is (asked.had(leaf, "decides true") and asked.had(leaf, "decides false"))


def _swings(rule: Expression, values: Mapping[str, Any], name: str) -> bool:
    outcomes = [known(rule.evaluate({**values, name: answer})) for answer in (True, False)]
    return None not in outcomes and outcomes[0] is not outcomes[1]


@settings(max_examples=30)
@given(st.lists(answers, max_size=5), st.integers(0, 5))
def test_what_two_processes_saw_is_what_one_would_have(tried: list[dict[str, Any]], cut: int) -> None:
    """A run on several workers would lose or invent what was seen."""
    whole, one, other = (Coverage(REFERENCE) for _ in range(3))
    for coverage, part in ((whole, tried), (one, tried[:cut]), (other, tried[cut:])):
        rows = [{"slo_green": values["p"], "unassigned_rate": 0.001 if values["q"] else None} for values in part]
        coverage.decide("routing.policy", rows)
    one.add(other.data())
    assert whole.data() == one.data()


@pytest.fixture
def engine(tmp_path: Path) -> dos.Engine:
    return dos.Engine.load(write(tmp_path, FILES))


def test_each_thing_lacking_comes_with_a_case_that_shows_it(engine: dos.Engine, tmp_path: Path) -> None:
    """A proposal would be pasted and nothing would be covered by it."""
    pytest.importorskip("z3")
    coverage = Coverage(engine)
    found = report(coverage, given={"budget": SOME})
    proposed = "\n".join(dict.fromkeys(f"    {each.case}" for each in found.missing))
    (tmp_path / "cases.yaml").write_text(f"budget:\n  given: {{slo_green: true, deal_size: 100, sales: 6}}\n  cases:\n{proposed}\n", encoding="utf-8")
    assert found.percent == 0
    with coverage.watching():
        for case in read_cases(tmp_path / "cases.yaml", engine):
            record = engine.decide(case.node, case.values, choose=case.choose)
            assert case.outcome is record.outcome
    assert ((), 100.0) == (report(coverage).missing, report(coverage).percent)


def test_what_can_never_be_seen_is_proven_and_does_not_count(tmp_path: Path) -> None:
    """Coverage could never be full, or a gap in the cases would be called impossible."""
    pytest.importorskip("z3")
    engine = dos.Engine.load(write(tmp_path, changed("deal_size ≥ size_min and sales > floor", "deal_size ≥ size_min and sales > floor and deal_size ≥ $50")))
    coverage = Coverage(engine)
    coverage.decide("budget", [SOME, {**SOME, "deal_size": 99}, {**SOME, "sales": 5}, {**SOME, "slo_green": False}, {**SOME, "deal_size": 1}, {}])
    coverage.decide("budget", [{"slo_green": True}])
    found = report(coverage, given={"budget": SOME})
    assert ["`deal_size ≥ $50` was never false where that alone decides"] == [str(each.lack) for each in found.missing if each.never]
    assert [] == [str(each.lack) for each in found.missing if not each.never]
    assert (100.0, (3, 3)) == (found.percent, found.seen["MC/DC"])


def test_without_a_solver_cases_are_looked_for_and_nothing_is_called_impossible(engine: dos.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra a reader would be told what is lacking and not what to write, or a guess be called a proof."""
    monkeypatch.setitem(sys.modules, "z3", None)
    for name in [name for name in sys.modules if name.startswith("decision_os.proofs") or name == "decision_os.coverage.proposing"]:
        monkeypatch.delitem(sys.modules, name)
    found = report(Coverage(engine), given={"budget": SOME})
    assert (False, [], []) == (
        found.solver,
        [str(each.lack) for each in found.missing if each.never],
        [str(each.lack) for each in found.missing if not each.case],
    )


def test_branches_that_were_not_reached_are_not_seen(engine: dos.Engine) -> None:
    """A branch behind a pre-check that always fails would count as tested."""
    coverage = Coverage(engine)
    coverage.decide("budget", [{**SOME, "slo_green": False}])
    check, branch = coverage.asked["budget"]
    assert (1, 0) == (len(check.seen), len(branch.seen))


def test_over_finer_keys_a_condition_decides_where_the_others_let_it() -> None:
    """One segment's Payback would be called decisive while another segment decides."""
    coverage = Coverage(REFERENCE)
    base = {"elasticity": -1.0, "list_price": 50, "gross_margin": 0.78, "cm_per_seat": 95, "slo_green": True, "open_sev2_incidents": 0}
    branch = coverage.asked["pricing.change"][-1]
    payback = [leaf.words for leaf in branch.structure.leaves].index("payback_change ≤ payback_worsening_max")
    coverage.decide("pricing.change", [{**base, "payback": {"a": 30, "b": 30}}], choose={"list_price_step": 0.1})
    assert (True, False) == (branch.had(payback, "false"), branch.had(payback, "decides false"))
    coverage.decide("pricing.change", [{**base, "payback": {"a": 30, "b": 1}}], choose={"list_price_step": 0.1})
    assert branch.had(payback, "decides false")
    elastic = branch.structure.leaves.index(next(leaf for leaf in branch.structure.leaves if "lower end" in leaf.words))
    coverage.decide("pricing.change", [{**base, "elasticity": -1.1, "payback": {"a": 1, "b": 1}}])
    assert branch.had(elastic, "decides false")


def test_the_small_playbook_is_the_one_these_tests_speak_of() -> None:
    """The counts above would be of another rule."""
    assert "when: deal_size ≥ size_min and sales > floor" in PLAYBOOK


@pytest.mark.parametrize(
    ("branches", "dead"),
    [
        ({"a": "x > 20%", "b": "x > 50%"}, ["b"]),
        ({"a": "x > 20% and x < 10%", "b": "x > 50%"}, ["a"]),
        ({"a": "x > 50%", "b": "x > 20%"}, []),
    ],
)
def test_a_branch_that_is_never_taken_is_called_dead(tmp_path: Path, branches: Mapping[str, str], dead: list[str]) -> None:
    """It would leave the coverage at 100 %, without a word: what can never be seen does not count."""
    pytest.importorskip("z3", reason="proven by the extra `prove`")
    engine = dos.Engine.load(write_book(tmp_path, Case(name="dead", inputs={"x": SHARE}, branches=branches, policy="first")))
    coverage = Coverage(engine)
    coverage.decide("node", [{"x": x} for x in (0.05, 0.15, 0.3, 0.6, None)])
    found = report(coverage)
    assert (dead, dead) == ([asked.condition.id for asked in found.dead], [each["branch"] for each in found.to_dict()["dead"]])
    told = str(found)
    assert all(f"branch `{name}` is dead: it is never taken (proven)" in told for name in dead)
    assert bool(dead) == ("it cannot be where that branch is reached (proven)" in told)
