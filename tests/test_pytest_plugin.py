"""The pytest plugin on real files: right ones, wrong ones, none at all, on several workers, and what it costs where there are no rules."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import decision_os as dos
from pytest_decision_os.finding import rules_of
from tests.small_book import FILES, write

pytest_plugins = ["pytester"]

ROOT = Path(dos.__file__).parent.parent
RULES = dos.reference_rules()
CASE = 'name: "a cent less is not", with: {list_price: 37.4}, expect: hold'


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other plugin, and this one once, whether the environment has it installed or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the reference rule book in `rules/`."""
    shutil.copytree(RULES, pytester.path / "rules")
    return pytester


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """pytest, with the plugin."""
    return pytester.runpytest_inprocess("-p", "pytest_decision_os", "-p", "no:cacheprovider", *arguments)


def edit(pytester: pytest.Pytester, name: str, old: str, new: str) -> None:
    """Replace what stands in a file once."""
    path = pytester.path / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_each_case_is_a_test_with_a_name_that_can_be_read(project: pytest.Pytester) -> None:
    """Cases would not run, or a report would call them `case17`."""
    result = run(project, "-v", "-k", "pricing.change and step")
    result.stdout.fnmatch_lines(["rules/cases.yaml::pricing.change: the default step is 8 % PASSED*"])
    result.assert_outcomes(passed=1, deselected=run(project, "-q").parseoutcomes()["passed"] - 1)


def test_a_case_that_fails_says_where_it_stands_what_came_and_why(project: pytest.Pytester) -> None:
    """An author would see a traceback into the library, and nothing of the threshold that decided."""
    edit(project, "rules/cases.yaml", CASE, CASE.replace("hold", "act, action: +8% list"))
    line = (project.path / "rules/cases.yaml").read_text(encoding="utf-8").partition(CASE.partition(",")[0])[0].count("\n") + 1
    result = run(project)
    result.stdout.fnmatch_lines(
        [
            f"rules/cases.yaml:{line}:7 pricing.change: a cent less is not",
            "  outcome",
            "    - expected  act",
            "    + got       hold",
            "  action",
            "    - expected  +8% list",
            "    + got       none",
            "*fails: cm_uplift ≥ cm_uplift_min; cm_uplift = $2.992/seat, cm_uplift_min = $3;*",
            "FAILED rules/cases.yaml::pricing.change: a cent less is not*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert 1 == result.parseoutcomes()["failed"]


def test_mistakes_in_the_cases_are_told_at_once_and_fail_the_run(project: pytest.Pytester) -> None:
    """A mistyped name would leave a case deciding without its input, and passing."""
    edit(project, "rules/cases.yaml", CASE, CASE.replace("list_price", "list_prise").replace("hold", "hodl"))
    result = run(project)
    result.stdout.fnmatch_lines(
        [
            "2 problems in the cases",
            "rules/cases.yaml:11:43 unknown-input `pricing.change` reads no input `list_prise` (did you mean `list_price`?)",
            "rules/cases.yaml:11:70 unknown-word `hodl` is not a `expect` of the case `a cent less is not` (did you mean `hold`?)",
        ]
    )
    assert pytest.ExitCode.INTERRUPTED == result.ret


def test_rules_that_cannot_be_loaded_fail_the_run(project: pytest.Pytester) -> None:
    """Cases would be passed over while the rules are broken."""
    edit(project, "rules/playbooks/pricing.change.yaml", "cm_uplift ≥ cm_uplift_min", "cm_uplift ≥ cm_uplft_min")
    result = run(project)
    result.stdout.fnmatch_lines(["rules/playbooks/pricing.change.yaml:*cm_uplft_min*did you mean `cm_uplift_min`*"])
    assert pytest.ExitCode.INTERRUPTED == result.ret


def test_a_file_of_cases_without_a_rule_book_is_left_alone(pytester: pytest.Pytester) -> None:
    """Somebody else's `cases.yaml` would break their test run."""
    pytester.makefile(".yaml", cases="- {not: ours}")
    pytester.makepyfile("import sys\n\n\ndef test_one():\n    assert 'decision_os' not in sys.modules")
    pytester.runpytest_subprocess("-p", "pytest_decision_os", "-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.fixture
def small(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the small rule book of the tests, and two cases."""
    given = "budget:\n  given: {slo_green: true, deal_size: $100, sales: $6}\n"
    cases = given + "  cases:\n    - {name: a, expect: act}\n    - {name: b, with: {sales: $5}, expect: hold}\n"
    write(pytester.path / "rules", {**FILES, "cases.yaml": cases})
    return pytester


def test_a_file_of_cases_finds_its_rule_book(tmp_path: Path) -> None:
    """Cases in a folder of their own would find no rules, or somebody's other `cases.yaml` would be taken for ours."""
    rules = tmp_path / "a" / "rules"
    write(rules, {"rule_book.yaml": "rule_book:\n  id: x\n", "cases.yaml": "", "playbooks/pricing_cases.yaml": "", "broken.yaml": "\0"})
    write(tmp_path, {"cases.yaml": "", "b/cases.yaml": ""})
    assert rules == rules_of(rules / "cases.yaml", tmp_path) == rules_of(rules / "playbooks" / "pricing_cases.yaml", tmp_path)
    assert rules == rules_of(rules / "cases.yaml", tmp_path / "b")
    assert [None, None] == [rules_of(tmp_path / name, tmp_path) for name in ("cases.yaml", "b/cases.yaml")]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("rule_book:\n  id: x\n", True),
        ("rule_book: {id: x}\n", True),
        ("a: 1\nrule_book: # ours\n\n  # the head\n  id: x\n", True),
        ("rule_book: &head\n  id: x\n", True),
        ("rule_book:\n", True),
        ("rule_book:\nplaybook: x\n", True),
        ("rule_book: chess\n", False),
        ("rule_book: 'a: b'\n", False),
        ("rule_book: [chess]\n", False),
        ("rule_book:\n  chess\n", False),
        ("rule_book:\n- chess: 1\n", False),
        ("rule_book:chess\n", False),
    ],
    ids=[
        "a block",
        "in one line",
        "after remarks",
        "an anchor",
        "nothing yet",
        "nothing in it",
        "a text",
        "a quoted text",
        "a list",
        "a text below",
        "a list below",
        "no key",
    ],
)
def test_only_a_mapping_is_a_rule_book(text: str, ours: bool, tmp_path: Path) -> None:
    """A file of somebody's own with the word in it would break off their test run."""
    write(tmp_path, {"game.yaml": text, "cases.yaml": "[1, 2]"})
    assert (tmp_path if ours else None) == rules_of(tmp_path / "cases.yaml", tmp_path)


@pytest.mark.parametrize("percent", ["nan", "inf", "101", "-1", "most"])
def test_a_coverage_that_is_no_percentage_is_refused(percent: str, pytester: pytest.Pytester) -> None:
    """A run with everything covered would fail for ever, or one with nothing covered pass."""
    result = run(pytester, f"--rules-coverage-fail-under={percent}")
    result.stderr.fnmatch_lines([f"*--rules-coverage-fail-under: `{percent}` is no number from 0 to 100"])
    assert pytest.ExitCode.USAGE_ERROR == result.ret


def test_coverage_says_what_is_lacking_with_a_case_and_fails_below_what_is_asked(small: pytest.Pytester) -> None:
    """A threshold nobody tries on its other side would be called tested."""
    result = run(small, "-q", "--rules-coverage-fail-under", "60")
    result.stdout.fnmatch_lines(
        [
            "rules coverage of rules",
            "*budget, branch `more`: 2 conditions, seen true 2, false 1, unknown 0, MC/DC 1",
            "*rules/playbooks/budget.yaml:22:5 `deal_size ≥ size_min` was never false where that alone decides",
            "*- {name: *, with: {deal_size: *}, expect: hold}",
            "  rules coverage 41.6 % of 3 conditions: true 3 of 3, false 1 of 3, unknown 0 of 3, MC/DC 1 of 3",
            "rules coverage of at least 60 % is asked for: not reached",
        ]
    )
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert pytest.ExitCode.OK == run(small, "-q", "--rules-coverage-fail-under", "40").ret


def test_decisions_of_the_tests_themselves_count(small: pytest.Pytester) -> None:
    """A property test would try a threshold, and the report would say that nobody did."""
    small.makepyfile(
        """
        import decision_os as dos

        ENGINE = dos.Engine.load("rules")

        def test_red():
            assert [ENGINE.decide("budget", {"slo_green": green}).outcome for green in (False, None)] == ["blocked", "blocked"]
            assert ENGINE.decide_many("budget", [{"slo_green": True}])[0].outcome == "undetermined"
        """
    )
    result = run(small, "test_decisions_of_the_tests_themselves_count.py", "--rules-coverage")
    result.stdout.fnmatch_lines(["*budget, pre-check `slo`: 1 condition, seen true 1, false 1, unknown 1, MC/DC 1"])
    result.assert_outcomes(passed=1)


def test_coverage_is_put_together_from_several_workers(small: pytest.Pytester) -> None:
    """On two workers each would have seen half, and neither half is the coverage."""
    pytest.importorskip("xdist")
    alone = run(small, "-q", "--rules-coverage")
    together = small.runpytest_subprocess("-q", "-p", "xdist.plugin", "-p", "pytest_decision_os", "-p", "no:cacheprovider", "-n", "2", "--rules-coverage")
    assert [line for line in alone.outlines if "condition" in line] == [line for line in together.outlines if "condition" in line] != []


def test_rules_that_call_functions_are_handed_them(small: pytest.Pytester) -> None:
    """A rule book that declares Python functions could have no cases."""
    edit(small, "rules/book.yaml", "thresholds:\n", "functions:\n  half: {takes: [USD/count], gives: USD/count}\nthresholds:\n")
    edit(small, "rules/playbooks/budget.yaml", "deal_size ≥ size_min", "half(deal_size) × 2 ≥ size_min")
    small.makepyfile(sums="def half(size: float) -> float:\n    return size / 2")
    run(small).stdout.fnmatch_lines(["*the function `half` *"])
    run(small, "--rules-functions", "sums:half").assert_outcomes(passed=2)
    small.makeini("[pytest]\nrules_functions = sums\n")
    run(small).assert_outcomes(passed=2)
    small.makeini("[pytest]\nrules_functions = sum\n")
    run(small).stdout.fnmatch_lines(["`sum` cannot be imported: *"])


def test_a_run_without_rules_imports_nothing_of_the_library(pytester: pytest.Pytester) -> None:
    """Every test run of an environment that has the library would pay for it."""
    pytester.makepyfile("import sys\n\n\ndef test_one():\n    assert not [name for name in sys.modules if name.split('.')[0] in ('decision_os', 'z3')]")
    pytester.runpytest_subprocess("-p", "pytest_decision_os", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    done = subprocess.run(
        [sys.executable, "-c", "import sys, pytest_decision_os; print('decision_os' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert "False\n" == done.stdout


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    """Users would have to name the plugin to have their cases run; and who does, as `-p pytest_decision_os`, would load it twice under two names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {"pytest_decision_os": "pytest_decision_os"} == project["project"]["entry-points"]["pytest11"]
    assert "pytest_decision_os" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
