"""Mistakes put into rules: which there are, that each is told apart by its witness, that none is called equivalent that is not, and who notices."""

from __future__ import annotations

import datetime as dt
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import decision_os as dos
from decision_os.cases import check, read_cases
from decision_os.cli.app import app
from decision_os.errors import DataError
from decision_os.mutation import Mutant, PytestRun, mutants, try_mutants
from tests.proofs.corpus import FAULTY, SOUND, Case, write_book
from tests.small_book import FILES, PLAYBOOK, write

AT = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
CONDITION = "deal_size ≥ size_min and sales > floor"
CASES = """\
budget:
  given: {slo_green: true, deal_size: $100, sales: $5.01}
  cases:
    - {name: just enough, expect: act}
    - {name: a cent too small, with: {deal_size: $99.99}, expect: hold}
    - {name: five is not enough, with: {sales: $5}, expect: hold}
"""


@pytest.fixture
def no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra `prove` is not installed."""
    monkeypatch.setitem(sys.modules, "z3", None)
    for name in [
        name for name in sys.modules if name.startswith("decision_os.proofs") or name in ("decision_os.mutation.solving", "decision_os.coverage.proposing")
    ]:
        monkeypatch.delitem(sys.modules, name)


def engine_of(folder: Path, condition: str = CONDITION, **more: str) -> dos.Engine:
    """The small rule book with another condition, and other texts replaced besides."""
    playbook = PLAYBOOK.replace(CONDITION, condition)
    for old, new in more.items():
        playbook = playbook.replace(old.replace("_", " "), new)
    return dos.Engine.load(write(folder, {**FILES, "playbooks/budget.yaml": playbook}))


def told(engine: dos.Engine, *kinds: str) -> list[str]:
    return [mutant.words for mutant in mutants(engine, "budget") if mutant.kind in kinds]


def test_thresholds_are_shifted_by_a_step_in_their_unit_both_ways(tmp_path: Path) -> None:
    """A shift nobody would notice, or one anybody would, says nothing about the cases."""
    assert ["`size_min: $100` → `$101`", "`size_min: $100` → `$99`", "`floor: $5` → `$5.01`", "`floor: $5` → `$4.99`"] == told(engine_of(tmp_path), "shift")


@pytest.mark.parametrize(
    ("unit", "condition", "shifted"),
    [
        ("count", "x ≥ 10", ["11", "9"]),
        ("seat", "x ≥ 10", ["11", "9"]),
        ("seats", "x ≥ 10", ["11", "9"]),
        ("lead", "x + y ≥ 10", ["11", "9"]),
        ("lead", "max(x, y) ≥ 10", ["11", "9"]),
        ("lead", "x / y ≥ 10", ["10.1", "9.9"]),
        ("lead", "score(x) ≥ 10", ["10.1", "9.9"]),
        ("lead/seat", "x ≥ 10", ["10.1", "9.9"]),
        ("day", "x ≥ 10 days", ["10.1d", "9.9d"]),
    ],
)
def test_thresholds_of_what_is_counted_are_shifted_by_one(tmp_path: Path, unit: str, condition: str, shifted: list[str]) -> None:
    """9.9 seats are 10 seats: the mistakes that people make, 9 and 11, would not be tried; and for a quotient one would be far too much."""
    case = Case(name="counted", inputs={"x": (unit, ""), "y": (unit, "")}, branches={"a": condition})
    folder = write_book(tmp_path, case)
    with (folder / "book.yaml").open("a", encoding="utf-8") as file:
        file.write("functions: {score: {takes: [UNIT], gives: ratio}}\n".replace("UNIT", unit))
    engine = dos.Engine.load(folder, functions={"score": lambda x: x / 2})
    found = [mutant.words for mutant in mutants(engine, "node") if mutant.kind == "shift"]
    assert shifted == [words.removesuffix("`").rpartition(">= ")[2] for words in found]


@pytest.mark.parametrize(
    ("condition", "kind", "words"),
    [
        ("deal_size ≥ size_min and sales < floor", "compare", ["`deal_size ≥ size_min` → `deal_size > size_min`", "`sales < floor` → `sales <= floor`"]),
        ("floor < sales <= size_min × 2 ≠ $7", "compare", ["<=", "<", "=="]),
        (
            "sales ∈ [floor, size_min) and deal_size ≥ $1",
            "end",
            ["`sales ∈ [floor, size_min)` → `sales in (floor, size_min)`", "`sales ∈ [floor, size_min)` → `sales in [floor, size_min]`"],
        ),
        ("sales > floor and deal_size ≥ size_min and deal_size < $1k", "drop", ["sales > floor", "deal_size ≥ size_min", "deal_size < $1k"]),
        ("not (sales > floor or deal_size ≥ size_min)", "drop", ["sales > floor", "deal_size ≥ size_min"]),
    ],
)
def test_each_mistake_is_made_once_and_said_in_the_authors_words(tmp_path: Path, condition: str, kind: str, words: list[str]) -> None:
    """A kind of slip would never be tried, or be told in words that its author never wrote."""
    found = told(engine_of(tmp_path, condition), kind)
    assert len(words) == len(found)
    assert all(word in each for word, each in zip(words, found, strict=True)), found


def test_points_are_taken_for_a_per_cent(tmp_path: Path) -> None:
    """The slip of `%` for `pp` would go untried: +2pp on 27 % is 29 %, +2 % of it is 27.54 %."""
    engine = dos.Engine.load(dos.reference_rules())
    (mutant,) = (each for each in mutants(engine, "channel.invest") if each.kind == "points")
    assert "`win_rate_baseline + invest_win_uplift` as if its points were a per cent of `win_rate_baseline`" == mutant.words
    changed_engine = mutant.engine(engine)
    values = {"cac_per_sqo": 90, "cac_per_sqo_baseline": 100, "win_rate": 0.2754, "win_rate_baseline": 0.27}
    values |= {"attribution_validity": 1, "attribution_validity_overall": 1, "slo_green": True}
    assert ("hold", "act") == (engine.decide("channel.invest", values).outcome, changed_engine.decide("channel.invest", values).outcome)


def test_a_mistake_stands_where_the_author_finds_it(tmp_path: Path) -> None:
    """A survivor would be looked for in the wrong line."""
    engine = engine_of(tmp_path)
    lines = {mutant.words: mutant.where for mutant in mutants(engine, "budget")}
    text = (tmp_path / "playbooks" / "budget.yaml").read_text(encoding="utf-8").splitlines()
    for words, looked_for in (("`sales > floor` is dropped", "sales > floor"), ("`size_min: $100` → `$101`", "$100")):
        where = lines[words]
        assert looked_for == text[where.line - 1][where.column - 1 :][: len(looked_for)]
    assert "book.yaml" == Path(lines["`floor: $5` → `$5.01`"].file).name


def test_names_of_mistakes_last_and_differ(tmp_path: Path) -> None:
    """Another process would put another mistake into the rules than the one that is on trial."""
    one, other = ([mutant.id for mutant in mutants(engine_of(tmp_path), "budget")] for _ in range(2))
    assert one == other
    assert len(set(one)) == len(one)


@pytest.mark.parametrize("node", ["channel.invest", "routing.policy"])
def test_every_mistake_has_a_witness_that_its_rule_passes_and_it_does_not(node: str, tmp_path: Path) -> None:
    """A witness would be pasted as a case and notice nothing."""
    engine = dos.Engine.load(dos.reference_rules())
    score = try_mutants(engine, (), nodes=[node])
    assert {"survives"} == {verdict.status for verdict in score.verdicts}
    for verdict in score.verdicts:
        assert verdict.witness is not None, verdict.mutant
        path = tmp_path / "cases.yaml"
        path.write_text(f"{node}:\n  cases:\n    {verdict.witness.case}\n", encoding="utf-8")
        (case,) = read_cases(path, engine)
        assert "" == check(engine, case)
        assert "" != check(verdict.mutant.engine(engine), case)


def test_without_a_solver_witnesses_are_looked_for_and_nothing_is_called_equivalent(no_solver: None, tmp_path: Path) -> None:
    """Without the extra a survivor would be told without the case it needs, or a guess be called a proof."""
    engine = dos.Engine.load(dos.reference_rules())
    score = try_mutants(engine, (), nodes=["channel.invest"])
    assert (False, len(score.verdicts)) == (score.solver, score.count("survives"))
    assert [] == [verdict.mutant.words for verdict in score.verdicts if verdict.witness is None]
    assert "decision-os[prove]" in str(score)
    unproven = try_mutants(engine_of(tmp_path, EQUIVALENT), ())
    assert (0, 4) == (unproven.count("equivalent"), sum(verdict.witness is None for verdict in unproven.verdicts))


EQUIVALENT = "deal_size ≥ size_min and sales > floor and deal_size > $50"
SIZES = st.none() | st.sampled_from([0, 49, 50, 50.1, 50.5, 51, 99, 99.99, 100, 100.01, 101]) | st.floats(0, 1e6)


def test_what_no_input_can_tell_is_proven_and_does_not_count(tmp_path: Path) -> None:
    """A score would never be full, or what could be noticed be called impossible."""
    engine = engine_of(tmp_path, EQUIVALENT)
    score = try_mutants(engine, ())
    assert [
        "`deal_size > $50` is dropped",
        "`deal_size > $50` → `deal_size >= $50`",
        "`deal_size > $50` → `deal_size > $50.1`",
        "`deal_size > $50` → `deal_size > $49.9`",
    ] == [verdict.mutant.words for verdict in score.verdicts if verdict.status == "equivalent"]
    assert (0, 0.0) == (score.count("noticed"), score.percent)


@settings(max_examples=100)
@given(SIZES, st.none() | st.floats(0, 100), st.booleans() | st.none())
def test_equivalent_mistakes_decide_alike(tmp_path_factory: pytest.TempPathFactory, size: float | None, sales: float | None, green: bool | None) -> None:
    """A mistake that changes decisions would be left out of the score as impossible to notice."""
    engine, equivalent = _equivalent(tmp_path_factory)
    values = {"deal_size": size, "sales": sales, "slo_green": green}
    one = engine.decide("budget", values, at=AT)
    for other in (changed_engine.decide("budget", values, at=AT) for changed_engine in equivalent):
        assert (one.outcome, one.action, one.blocked_by, one.unknowns) == (other.outcome, other.action, other.blocked_by, other.unknowns)


_made: list[Any] = []


def _equivalent(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if not _made:
        engine = engine_of(tmp_path_factory.mktemp("rules"), EQUIVALENT)
        verdicts = try_mutants(engine, ()).verdicts
        _made.append((engine, [verdict.mutant.engine(engine) for verdict in verdicts if verdict.status == "equivalent"]))
    return _made[0]


def test_cases_notice_what_they_stand_beside(tmp_path: Path) -> None:
    """The score would be of other cases than those in the file."""
    engine = engine_of(tmp_path)
    (tmp_path / "cases.yaml").write_text(CASES, encoding="utf-8")
    score = try_mutants(engine, read_cases(tmp_path / "cases.yaml", engine))
    survivors = {verdict.mutant.words for verdict in score.verdicts if verdict.status == "survives"}
    assert {"`floor: $5` → `$5.01`", "`size_min: $100` → `$99`"} >= survivors
    by = {verdict.mutant.words: verdict.by for verdict in score.verdicts}
    assert "the case `five is not enough`" == by["`sales > floor` → `sales >= floor`"]


def test_under_first_the_order_of_branches_is_swapped_and_under_unique_it_is_not(tmp_path: Path) -> None:
    """Two branches in the wrong order would go unnoticed where the first one wins."""
    two = "branches:\n  less:\n    when: sales < $1\n    action: lower\n  more:"
    more = PLAYBOOK.replace("branches:\n  more:", two).replace("actions:\n", "actions:\n  lower: {text: less budget}\n")
    first = dos.Engine.load(write(tmp_path / "first", {**FILES, "playbooks/budget.yaml": more}))
    unique = dos.Engine.load(write(tmp_path / "unique", {**FILES, "playbooks/budget.yaml": more + "hit_policy: unique\n"}))
    both = ["branch `more` goes before `less`", "branches `less` and `more` take each other's action"]
    assert both == told(first, "swap")
    assert both[1:] == told(unique, "swap")
    order = next(verdict for verdict in try_mutants(first, ()).verdicts if verdict.mutant.words == both[0])
    assert "equivalent" == order.status  # the two never hold together


def test_tests_of_ones_own_notice_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Properties would not count, and mistakes they catch be reported as survivors."""
    root = Path(dos.__file__).parent.parent
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    engine = engine_of(tmp_path / "rules")
    test = tmp_path / "test_size.py"
    test.write_text(
        f"import decision_os as dos\n\nENGINE = dos.Engine.load({str(tmp_path / 'rules')!r})\n\n\ndef test_a_dollar_below():\n"
        "    assert ENGINE.decide('budget', {'slo_green': True, 'deal_size': 99, 'sales': 6}).outcome == 'hold'\n",
        encoding="utf-8",
    )
    tests = PytestRun(engine, [str(test)])
    by_words: dict[str, Mutant] = {mutant.words: mutant for mutant in mutants(engine, "budget")}
    assert (True, False) == (tests(by_words["`size_min: $100` → `$99`"]), tests(by_words["`size_min: $100` → `$101`"]))
    test.write_text("def test_fails():\n    assert False\n", encoding="utf-8")
    with pytest.raises(DataError, match="fail without any mistake in the rules"):
        PytestRun(engine, [str(test)])


def test_the_command_reports_survivors_with_their_case_and_exits_by_the_score(tmp_path: Path) -> None:
    """CI would pass with rules nobody tests, or a survivor not say how to notice it."""
    rules = write(tmp_path / "rules", {**FILES, "cases.yaml": CASES.replace("    - {name: five is not enough, with: {sales: $5}, expect: hold}\n", "")})
    result = CliRunner().invoke(app, ["mutate", str(rules), "--fail-under", "95"])
    assert 1 == result.exit_code
    assert re.search(r"budget\.yaml:22:\d+ `sales > floor` is dropped: survives; it is hold, and would be act \(\+8% budget\)\n +- \{name: ", result.output), (
        result.output
    )
    share = re.search(r"mutation score ([\d.]+) %", result.output)
    assert share is not None
    assert 0 == CliRunner().invoke(app, ["mutate", str(rules), "--fail-under", share[1]]).exit_code
    (rules / "cases.yaml").write_text(CASES.replace("act", "hold"), encoding="utf-8")
    wrong = CliRunner().invoke(app, ["mutate", str(rules)])
    assert (2, True) == (wrong.exit_code, "1 of 3 cases fail without any mistake in the rules" in wrong.output)


@pytest.mark.parametrize("case", (*FAULTY, *SOUND)[::31], ids=lambda case: case.name)
def test_over_rules_of_every_kind_witnesses_differ_and_equivalents_do_not(case: Case, tmp_path: Path) -> None:
    """Sets, texts, truths, unknowns or another hit policy would be told apart by what does not, or be called alike when they are not."""
    engine = dos.Engine.load(write_book(tmp_path, case))
    dice = random.Random(case.name)
    for verdict in try_mutants(engine, ()).verdicts:
        other = verdict.mutant.engine(engine)
        if verdict.status == "equivalent":
            rows = [{name: dice.choice(SOME[unit if unit in SOME else "number"]) for name, (unit, _) in case.inputs.items()} for _ in range(40)]
            assert [seen(engine, row) for row in rows] == [seen(other, row) for row in rows]
            continue
        assert verdict.witness is not None
        (tmp_path / "cases.yaml").write_text(f"node:\n  cases:\n    {verdict.witness.case}\n", encoding="utf-8")
        (own,) = read_cases(tmp_path / "cases.yaml", engine)
        assert ("", True) == (check(engine, own), check(other, own) != "")


SOME: dict[str, list[Any]] = {
    "text": [None, "a", "b", "won", "lost"],
    "flag": [None, True, False],
    "number": [None, -1, 0, 0.1, 0.28, 0.29, 0.3, 0.4999, 0.5, 0.5001, 1, 2, 3, 5, 10, 100],
}


def seen(engine: dos.Engine, values: dict[str, Any]) -> tuple[Any, ...]:
    record = engine.decide("node", values, at=AT)
    return record.outcome, record.branch, record.action, record.blocked_by
