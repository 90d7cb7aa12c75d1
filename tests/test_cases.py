"""`cases.yaml`: what is read from it, what is refused and where, and how a case is written."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

import decision_os as dos
from decision_os.cases import Case, as_case, cases_files, check, decided, given_of, read_cases
from decision_os.cli.app import app
from decision_os.errors import CasesError
from tests.small_book import FILES, write

RULES = dos.reference_rules()
ENGINE = dos.Engine.load(RULES)


def read(folder: Path, text: str) -> tuple[Case, ...]:
    """The cases of a text."""
    path = folder / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return read_cases(path, ENGINE)


def refused(folder: Path, text: str) -> list[str]:
    """What is said of a text that is refused, without the folder."""
    with pytest.raises(CasesError) as caught:
        read(folder, text)
    return [str(issue).removeprefix(f"{folder}/") for issue in caught.value.issues]


def test_values_are_read_as_they_are_written_in_a_playbook(tmp_path: Path) -> None:
    """A case would decide on another number than its author wrote, or on a text."""
    (case,) = read(
        tmp_path,
        """
pricing.change:
  given: {elasticity: −0.62, list_price: $40, gross_margin: 78%, cm_per_seat: "28", slo_green: yes, open_sev2_incidents: 0}
  cases:
    - name: everything
      with: {payback: {SMB: 12.5, Enterprise: null}, gross_margin: {value: 0.78, n: 340, loaded_at: 2026-01-01T06:00:00Z}}
      choose: {list_price_step: 8%}
      expect: undetermined
      unknowns: [payback]
""",
    )
    reading = dos.Reading(value=0.78, n=340, loaded_at=dt.datetime(2026, 1, 1, 6, tzinfo=dt.UTC))
    assert {
        "elasticity": -0.62,
        "list_price": 40,
        "gross_margin": reading,
        "cm_per_seat": 28,
        "payback": {"SMB": 12.5, "Enterprise": None},
        "slo_green": True,
        "open_sev2_incidents": 0,
    } == case.values
    assert ({"list_price_step": 0.08}, ("payback", "gross_margin")) == (case.choose, case.changed)
    assert check(ENGINE, case) == ""


def test_a_label_names_its_input_and_a_text_stays_a_text(tmp_path: Path) -> None:
    """A link to evidence that reads like a number would become one, and a metric's label would be no name."""
    (case,) = read(tmp_path, 'routing.policy: {cases: [{name: a, with: {Shadow match: 99%, improvement_evidence: "7"}, expect: blocked}]}')
    assert {"shadow_match": 0.99, "improvement_evidence": "7"} == case.values


def test_every_mistake_is_told_at_its_place_at_once(tmp_path: Path) -> None:
    """An author would find one mistake a run, or have to look for where it is."""
    assert [
        "cases.yaml:2:1 unknown-decision no decision `pricing.chang` in the rule book (did you mean `pricing.change`?)",
        "cases.yaml:5:11 unknown-input `channel.invest` reads no input `win_rte` (did you mean `win_rate`?)",
        "cases.yaml:5:38 wrong-type `cac_per_sqo` is a number, not `many` (as in `0.27`, `29%`, `$40`; write `null` where it is not known)",
        "cases.yaml:5:55 wrong-type `slo_green` is true or false, not `green` (write `null` where it is not known)",
        "cases.yaml:7:27 unknown-word `hodl` is not a `expect` of the case `one` (did you mean `hold`?)",
        "cases.yaml:8:8 name-twice two cases of `channel.invest` are called `one` (the first is at " + f"{tmp_path}/cases.yaml:7:8)",
        "cases.yaml:8:28 bad-choice `budget_shift` = 0.5 is outside its range [20%, 20%] (choose a value in [20%, 20%])",
        "cases.yaml:9:7 missing-key the case `three` lacks the key `expect`",
        "cases.yaml:9:21 unknown-key the case `three` has no key `expected` (did you mean `expect`?)",
        "cases.yaml:10:34 contradiction the case `four` expects `hold` and names an action (only `act` has one; leave `action` out, or write `expect: act`)",
        "cases.yaml:11:42 unknown-pre-check `slo` in `by` of the case `five` is no pre-check of `channel.invest` (known: slo_health, attribution)",
    ] == refused(
        tmp_path,
        """
pricing.chang: {cases: []}

channel.invest:
  given: {win_rte: 29%, cac_per_sqo: many, slo_green: green}
  cases:
    - {name: one, expect: hodl}
    - {name: one, choose: {budget_shift: 50%}, expect: act}
    - {name: three, expected: act}
    - {name: four, expect: hold, action: pause channel}
    - {name: five, expect: blocked, by: [slo]}
""",
    )


@pytest.mark.parametrize(
    ("node", "text", "said"),
    [
        ("channel.invest", "with: {win_rate: $29}", "48 unit-mismatch cannot compare `win_rate` (share, as declared) and `$29` (USD, as written)"),
        ("channel.invest", "with: {channel: [a]}", "47 wrong-type `channel` is a text (write `null` where it is not known)"),
        ("pricing.change", "choose: {list_price_step: $1}", "57 unit-mismatch cannot compare `list_price_step`"),
        ("pricing.change", "with: {open_sev2_incidents: 1%}", "59 unit-mismatch cannot compare `open_sev2_incidents`"),
        ("pricing.change", "with: {payback: {SMB: $1}}", "53 unit-mismatch cannot compare `payback`"),
    ],
)
def test_a_value_in_another_unit_is_refused_at_its_place(tmp_path: Path, node: str, text: str, said: str) -> None:
    """A slip that no playbook could have would be read as a number, and the case would test another one."""
    (issue,) = refused(tmp_path, f"{node}:\n  cases:\n    - {{name: a, expect: hold, {text}}}\n")
    assert issue.startswith(f"cases.yaml:3:{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- one\n", "cases.yaml:1:1 wrong-type a file of cases is a mapping from decisions to `given` and `cases`"),
        ("channel.invest: {given: {}}\n", "cases.yaml:1:17 missing-key the cases of `channel.invest` lacks the key `cases`"),
        (
            "channel.invest: {cases: []}\n",
            "cases.yaml:1:25 wrong-type the cases of `channel.invest` are a list of at least one case (begin each with `- {name: …, expect: …}`)",
        ),
        (
            "channel.invest: {cases: [{name: a, at: 2026-01-01, expect: hold}]}\n",
            "cases.yaml:1:40 bad-date `2026-01-01` is no instant with a zone (write it as in `2026-10-06T14:00:00Z`)",
        ),
        (
            "channel.invest: {cases: [{name: a, with: {win_rate: {a: 1}}, expect: hold}]}\n",
            "cases.yaml:1:53 wrong-type `win_rate` is one value, not one for each of several keys (give one number, or `{value: 0.27, n: 340}`)",
        ),
        (
            "channel.invest: {cases: [{name: a, expect: act, branch: paus}]}\n",
            "cases.yaml:1:49 unknown-branch the case `a` expects the branch `paus`, which there is not (did you mean `pause`?)",
        ),
    ],
)
def test_a_mistake_of_shape_is_told(tmp_path: Path, text: str, said: str) -> None:
    """A file of another shape would be read as a file without cases, and nothing would be tested."""
    assert [said] == refused(tmp_path, text)


def test_what_is_not_expected_is_not_looked_at_and_what_is_differs_in_words(tmp_path: Path) -> None:
    """A case would pass with another branch or reason than it names, or fail for one it does not name."""
    text = "channel.invest: {given: {slo_green: false}, cases: [{name: a, expect: blocked}, {name: b, expect: blocked, by: [attribution], unknowns: []}]}"
    first, second = read(tmp_path, text)
    assert check(ENGINE, first) == ""
    said = check(ENGINE, second).splitlines()
    assert [
        f"{tmp_path}/cases.yaml:1:81 channel.invest: b",
        "  unknowns",
        "    - expected  none",
        "    + got       attribution_validity_overall",
        "  blocked by",
        "    - expected  attribution",
        "    + got       slo_health, attribution",
        "",
    ] == said[:8]
    assert said[8].startswith("Channel investment for channel")


def test_every_file_of_cases_below_the_rules_is_found(tmp_path: Path) -> None:
    """Cases beside one playbook would not be decided."""
    write(tmp_path, {"cases.yaml": "", "playbooks/pricing_cases.yaml": "", ".old/cases.yaml": "", "playbooks/pricing.yaml": ""})
    assert (tmp_path / "cases.yaml", tmp_path / "playbooks" / "pricing_cases.yaml") == cases_files(tmp_path)


_values = st.fixed_dictionaries(
    {
        "p_route_2m": st.none() | st.floats(0, 1, allow_subnormal=False),
        "availability": st.floats(0, 1, allow_subnormal=False),
        "fairness_gini": st.integers(0, 1),
        "improvement_evidence": st.none() | st.text(),
        "slo_green": st.booleans() | st.none(),
    }
)


@settings(max_examples=60)
@given(_values, st.sampled_from(["plain", 'a "quoted" name: with, commas', "yes", "back\\slash", "- dash", "two\nlines", "\x7f\u2028a"]))
def test_a_case_that_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any], name: str) -> None:
    """A proposed case, pasted, would be refused or decide on other inputs."""
    record = ENGINE.decide("routing.policy", values, at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    line = as_case(name, ENGINE.plan("routing.policy"), {"availability": 0.998}, values, {}, record)
    (case,) = read(tmp_path_factory.mktemp("case"), f"routing.policy:\n  given: {{availability: 0.998}}\n  cases:\n    {line}\n")
    assert name == case.name
    assert {key: value for key, value in values.items() if value is not None} == {key: value for key, value in case.values.items() if value is not None}
    assert check(ENGINE, case) == ""
    assert record.inputs_hash == decided(ENGINE, case).inputs_hash


def test_what_cases_share_is_what_none_of_them_changes(tmp_path: Path) -> None:
    """A proposed case would repeat what all cases are given."""
    cases = read(tmp_path, "channel.invest: {given: {win_rate: 1%}, cases: [{name: a, with: {sql_rate: 2%}, expect: blocked}]}")
    assert {"channel.invest": {"win_rate": 0.01}} == given_of(cases)


SMALL = "budget:\n  given: {slo_green: true, deal_size: $100, sales: $6}\n  cases:\n    - {name: enough, expect: act}\n"


def command(folder: Path, cases: str, *options: str) -> Result:
    """`decision-os test` on the small rule book with these cases."""
    rules = write(folder / "rules", {**FILES, "cases.yaml": cases})
    return CliRunner().invoke(app, ["test", str(rules), *options])


def test_the_command_exits_by_what_the_cases_come_to(tmp_path: Path) -> None:
    """CI would pass with cases that fail, or fail with cases that pass."""
    fine = command(tmp_path, SMALL)
    assert (0, "1 case: 1 as expected, 0 not\n") == (fine.exit_code, fine.output)
    wrong = command(tmp_path, SMALL.replace("act", "hold"))
    assert (1, True) == (wrong.exit_code, "cases.yaml:4:7 budget: enough\n  outcome\n    - expected  hold\n    + got       act\n" in wrong.output)
    slip = command(tmp_path, SMALL.replace("deal_size", "deal_sise"))
    assert (2, True) == (slip.exit_code, "did you mean `deal_size`?" in slip.output)
    none = command(tmp_path, "")
    assert (2, True) == (none.exit_code, "there are no cases in" in none.output)


def test_cases_of_two_files_are_kept_apart(tmp_path: Path) -> None:
    """Two cases of one name would be counted as one, and one failure hide the other."""
    write(tmp_path / "rules", {"more_cases.yaml": SMALL.replace("act", "hold")})
    assert "2 cases: 0 as expected, 2 not\n" in command(tmp_path, SMALL.replace("act", "hold")).output


def test_the_command_asks_for_as_much_coverage_as_it_is_told(tmp_path: Path) -> None:
    """CI would pass with rules that no case tries."""
    found = command(tmp_path, SMALL, "--fail-under", "80", "--format", "json")
    data = json.loads(found.output)
    assert (1, 0, 3) == (found.exit_code, data["failed"], data["coverage"]["conditions"])
    assert data["coverage"]["percent"] < 80
    assert {"budget"} == {each["decision"] for each in data["coverage"]["missing"]}
    assert 0 == command(tmp_path, SMALL, "--fail-under", "10").exit_code


def test_the_command_annotates_what_fails(tmp_path: Path) -> None:
    """A reviewer would have to look for the case that fails."""
    found = command(tmp_path, SMALL.replace("act", "hold"), "--format", "github")
    assert found.output.startswith(f"::error file={tmp_path}/rules/cases.yaml,line=4,col=7,title=case-failed::")
    assert found.output.count("\n") == 1
