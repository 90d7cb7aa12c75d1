"""The command line: what each command prints, how it exits, and what it answers to a mistake."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import click
import pytest
from click.testing import CliRunner, Result

from decision_os import lifecycle
from decision_os.cli.app import app
from decision_os.cli.console import Steps
from decision_os.cli.options import read_value
from decision_os.ledger import Ledger
from decision_os.record import DecisionRecord
from decision_os.reference import reference_rules
from decision_os.samples import SAMPLE_AT, write_exports

RULES = str(reference_rules())
AT = SAMPLE_AT.isoformat()
QUICK = ("--node", "routing.policy")
"""One decision is enough where the data is what matters."""
PRICING = {
    "elasticity": "-0.62",
    "list_price": "$40",
    "gross_margin": "78%",
    "cm_per_seat": "28",
    "payback": "6",
    "slo_green": "true",
    "open_sev2_incidents": "0",
}


def call(*arguments: str | Path) -> Result:
    """Run one command in this process; an exception that nobody turned into words fails the test."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def pricing(*more: str | Path, **inputs: str) -> Result:
    """Decide on the price card, with some inputs replaced."""
    pairs = [item for name, value in {**PRICING, **inputs}.items() for item in ("--input", f"{name}={value}")]
    return call("decide", RULES, "pricing.change", *pairs, "--at", AT, *more)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small sample exports. Nobody changes it: tests that need another take a copy."""
    folder = tmp_path_factory.mktemp("exports")
    write_exports(folder, scale=0.1)
    return folder


@pytest.fixture(scope="module")
def finished(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that one run wrote its results and its ledger into."""
    out = tmp_path_factory.mktemp("results")
    result = call("run", RULES, "--data", exports, "--at", AT, "--out", out, "--ledger", out / "ledger.jsonl")
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the reference rule book, to be broken."""
    folder = tmp_path / "rules"
    shutil.copytree(reference_rules(), folder)
    return folder


@pytest.fixture
def damaged(exports: Path, tmp_path: Path) -> Callable[[str, Callable[[str], str]], Path]:
    """A copy of the exports with the text of one file changed."""

    def damage(name: str, change: Callable[[str], str]) -> Path:
        folder = tmp_path / "exports"
        if not folder.exists():
            shutil.copytree(exports, folder)
        path = folder / name
        path.write_text(change(path.read_text(encoding="utf-8-sig")), encoding="utf-8")
        return folder

    return damage


def replace_in(path: Path, old: str, new: str) -> None:
    """Change a rule file in one place, which has to be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# --- the group ----------------------------------------------------------------------------------------------------------------


def test_every_promised_command_is_there_and_explains_itself() -> None:
    """A command of the README would be missing, or its help would fail."""
    expected = ["decide", "demo", "diff", "explain", "graph", "init", "ledger", "lint", "mutate", "reviews", "run", "slo", "test"]
    assert expected == sorted(app.commands)
    for name in expected:
        shown = call(name, "--help")
        assert shown.exit_code == 0
        assert app.commands[name].get_short_help_str(200) in shown.output


def test_an_unknown_option_is_misuse() -> None:
    """A typing mistake in a job would look like a finding."""
    assert call("lint", RULES, "--fromat", "json").exit_code == 2


def test_the_module_runs_as_a_program() -> None:
    """`python -m decision_os` would not be the command line."""
    done = python("-m", "decision_os", "lint", RULES)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[note]" in done.stdout or "no findings" in done.stdout


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_a_missing_extra_is_said_in_one_line(missing: str) -> None:
    """Somebody who installed only the library would see a traceback instead of what to install."""
    done = python("-c", f"import sys; sys.modules['{missing}'] = None; from decision_os.cli import main; sys.exit(main())")
    expected = 'decision-os: the command line needs click and rich: pip install "decision-os[cli]"\n'
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`decision-os graph rules | head -1` would end in a traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "decision_os", "graph", RULES, "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_a_console_without_the_signs_shows_others() -> None:
    """A Windows console of an old code page would crash on `≥`."""
    done = python("-m", "decision_os", "graph", RULES, environment={"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "decision:pricing.change ? " in done.stdout  # it has no `←`


def python(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, **(environment or {})},
    )


# --- lint, graph, init -----------------------------------------------------------------------------------------------------------


def test_lint_of_the_reference_rules_finds_no_error() -> None:
    """The rules that ship would not pass their own check."""
    result = call("lint", RULES)
    assert result.exit_code == 0
    assert " error" not in result.output


def test_lint_says_where_an_expression_is_wrong(rules: Path) -> None:
    """A syntax error in a rule file would be reported without its place, or would not fail the check."""
    path = rules / "playbooks" / "routing.policy.yaml"
    replace_in(path, "availability ≥ availability_min", "availability ≥≥ availability_min")
    result = call("lint", rules)
    assert result.exit_code == 1
    line = next(line for line in result.output.splitlines() if "bad-expression" in line)
    number = next(at for at, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "≥≥" in text)
    assert line.startswith(f"{path}:{number}:")
    assert "^" in result.output


def test_lint_reports_all_problems_at_once_as_data(rules: Path) -> None:
    """A second problem would stay hidden until the first is mended, or a program could not read the findings."""
    replace_in(rules / "playbooks" / "routing.policy.yaml", "owner: RevOps\napprovers", "ownr: RevOps\napprovers")
    replace_in(rules / "metrics.yaml", "inputs: [spend, sqo_count]", "inputs: [spend, sqo_cuont]")
    result = call("lint", rules, "--format", "json")
    found = [issue for issue in json.loads(result.output) if issue["severity"] == "error"]
    assert result.exit_code == 1
    assert {"metrics.yaml", "routing.policy.yaml"} <= {Path(issue["file"]).name for issue in found}
    assert all(issue["line"] and issue["column"] and issue["code"] and issue["message"] for issue in found)


def test_lint_annotates_for_github(rules: Path) -> None:
    """A finding would not show beside the line of the pull request."""
    path = rules / "metrics.yaml"
    replace_in(path, "inputs: [spend, sqo_count]", "inputs: [spend, sqo_cuont]")
    result = call("lint", rules, "--format", "github")
    assert result.exit_code == 1
    assert any(line.startswith(f"::error file={path},line=") and ",col=" in line and "title=" in line for line in result.output.splitlines())


@pytest.mark.parametrize("command", [("lint",), ("graph",), ("run", "--data", "."), ("decide", "pricing.change")])
def test_a_rules_folder_that_does_not_exist_is_said(command: tuple[str, ...], tmp_path: Path) -> None:
    """A mistyped folder would look like findings, or like an empty rule book."""
    nowhere = tmp_path / "rulse"
    result = call(command[0], nowhere, *command[1:])
    assert result.exit_code == 2
    assert f"the rules folder `{nowhere}` does not exist" in result.output
    assert "decision-os init" in result.output


def test_graph_says_which_decisions_rest_on_a_metric() -> None:
    """Nobody would see what a change of CAC reaches, and by which path."""
    result = call("graph", RULES, "--impact", "cac_per_sqo")
    assert result.exit_code == 0
    assert "decision:channel.invest\n  metric:cac_per_sqo → decision:channel.invest\n" in result.output
    assert "  metric:cac_per_sqo → metric:cac_per_sqo_baseline → decision:channel.invest" in result.output


def test_graph_says_what_a_decision_rests_on() -> None:
    """An outage of a source could not be traced to a decision."""
    above = json.loads(call("graph", RULES, "--lineage", "routing.policy", "--format", "json").output)
    assert "source:routing" in above
    assert above.index("source:routing") < above.index("metric:fairness_gini")
    assert "source:billing" not in above


def test_graph_draws_itself() -> None:
    """The diagram would not be one that Mermaid reads, or would draw everything where a part is asked for."""
    whole = call("graph", RULES, "--format", "mermaid").output
    part = call("graph", RULES, "--format", "mermaid", "--lineage", "routing.policy").output
    assert whole.startswith("flowchart")
    assert part.startswith("flowchart")
    assert '["Routing policy"]' in part
    assert '["Pricing change"]' in whole
    assert '["Pricing change"]' not in part


def test_graph_names_the_nearest_when_there_is_no_such_name() -> None:
    """A misspelled metric would get a traceback, or an empty answer."""
    result = call("graph", RULES, "--impact", "cac_per_sqoo")
    assert result.exit_code == 2
    assert "did you mean `cac_per_sqo`?" in result.stderr


def test_two_questions_to_the_graph_are_misuse() -> None:
    """One of the two would be answered, and the other dropped silently."""
    assert call("graph", RULES, "--impact", "spend", "--lineage", "spend").exit_code == 2


def test_init_writes_a_rule_book_that_passes(tmp_path: Path) -> None:
    """A new user would begin with rules that do not load."""
    folder = tmp_path / "my" / "rules"
    result = call("init", folder)
    assert result.exit_code == 0
    assert str(folder / "rule_book.yaml") in result.output
    assert call("lint", folder).exit_code == 0


def test_init_leaves_a_folder_with_something_in_it_alone(tmp_path: Path) -> None:
    """Somebody's edited rules would be overwritten."""
    (tmp_path / "rule_book.yaml").write_text("mine", encoding="utf-8")
    result = call("init", tmp_path)
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["mine"]


# --- decide ---------------------------------------------------------------------------------------------------------------------


def test_decide_acts_on_the_recommended_step() -> None:
    """$40 a seat at +8 % gives +$3.20 and must act; the explanation would not say so."""
    result = pricing()
    assert result.exit_code == 0
    assert "ACT" in result.output
    assert "+8% list" in result.output
    assert "$40/seat → $43.20/seat" in result.output


def test_decide_holds_at_a_smaller_step() -> None:
    """$40 a seat at +5 % gives +$2.00, under the $3 wanted; it would act all the same."""
    record = DecisionRecord.from_json(pricing("--choose", "list_price_step=5%", "--format", "json").output)
    assert (record.outcome.value, dict(record.chosen)) == ("hold", {"list_price_step": 0.05})


def test_decide_prints_a_record_that_reads_back() -> None:
    """A job could not keep what the command line decided."""
    record = DecisionRecord.from_json(pricing("--subject", "card-eu", "--period", "2026-08", "--format", "json").output)
    assert (record.node, record.subject, record.period, record.timestamp) == ("pricing.change", "card-eu", "2026-08", SAMPLE_AT)


def test_a_choice_outside_its_range_is_refused() -> None:
    """A price step of 20 % would be decided on."""
    result = pricing("--choose", "list_price_step=20%")
    assert result.exit_code == 2
    assert "outside its range" in result.stderr


def test_a_choice_that_is_no_number_is_refused() -> None:
    """A text would reach the range check."""
    result = pricing("--choose", "list_price_step=lots")
    assert result.exit_code == 2
    assert "`--choose list_price_step=lots` is not a number" in result.stderr


def test_a_misspelled_input_is_answered_with_the_nearest() -> None:
    """A typing mistake would leave the input unknown without a word."""
    pairs = [item for name, value in PRICING.items() if name != "elasticity" for item in ("--input", f"{name}={value}")]
    result = call("decide", RULES, "pricing.change", *pairs, "--input", "elasticty=-0.5", "--at", AT)
    assert result.exit_code == 2
    assert "elasticty" in result.stderr
    assert "did you mean `elasticity`?" in result.stderr


def test_a_text_where_a_number_belongs_is_refused() -> None:
    """`elasticity=high` would be compared, or be taken for missing."""
    result = pricing(elasticity="high")
    assert result.exit_code == 2
    assert "`elasticity`" in result.stderr
    assert "'high'" in result.stderr


def test_a_metric_that_nobody_supplies_is_named() -> None:
    """A decision would fire, or hold silently, without the elasticity."""
    result = pricing(elasticity="null")
    assert result.exit_code == 0
    assert "UNDETERMINED" in result.output
    assert "elasticity is missing" in result.output


def test_an_unknown_decision_is_answered_with_the_nearest() -> None:
    """A misspelled decision would get a traceback."""
    result = call("decide", RULES, "pricing.chnage", "--at", AT)
    assert result.exit_code == 2
    assert "did you mean `pricing.change`?" in result.stderr


def test_an_input_without_a_value_is_misuse() -> None:
    """`--input elasticity -0.6` would be read as something else."""
    result = call("decide", RULES, "pricing.change", "--input", "elasticity")
    assert result.exit_code == 2
    assert "write `--input name=value`" in result.stderr


def test_an_input_given_twice_is_misuse() -> None:
    """One of two values would be dropped silently."""
    result = pricing("--input", "elasticity=-0.5")
    assert result.exit_code == 2
    assert "`--input elasticity=…` is given twice" in result.stderr


@pytest.mark.parametrize("at", ["2026-10-06T14:00:00", "2026-10-06", "yesterday"])
def test_an_instant_needs_its_zone(at: str) -> None:
    """A decision would be dated by the clock of whoever runs it."""
    result = call("decide", RULES, "pricing.change", "--at", at)
    assert result.exit_code == 2
    assert "2026-10-06T14:00:00Z" in result.stderr


def test_inputs_come_from_a_file_too(tmp_path: Path) -> None:
    """Readings with their age, and inputs of a finer grain, could not be given on the command line."""
    path = tmp_path / "inputs.json"
    given = {
        "elasticity": {"value": -0.62, "n": 420, "loaded_at": "2026-10-06T12:00:00Z", "period": "2026-09"},
        "payback": {"SMB": 6.1, "Retail": {"value": 7.5, "loaded_at": "2026-10-06T12:00:00Z"}},
    }
    path.write_text(json.dumps(given), encoding="utf-8")
    rest = [item for name, value in PRICING.items() if name not in given for item in ("--input", f"{name}={value}")]
    record = DecisionRecord.from_json(call("decide", RULES, "pricing.change", "--inputs", path, *rest, "--at", AT, "--format", "json").output)
    assert record.outcome.value == "act"
    read = {(taken.name, taken.key): (taken.value, taken.n, taken.age) for taken in record.inputs}
    assert read["elasticity", ""] == (-0.62, 420, "measured")
    assert (read["payback", "SMB"][0], read["payback", "Retail"][2]) == (6.1, "measured")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1]", "holds no inputs"),
        ('{"a": 1, "a": 2}', "the key `a` is there twice"),
        ('{"elasticity": [1]}', "`elasticity` is a list"),
        ('{"elasticity": {"value": 1, "n": "many"}}', "`n` is 'many', not a whole number"),
        ('{"elasticity": {"value": 1, "loaded_at": "2026-10-06"}}', "`loaded_at` is '2026-10-06', not an instant"),
    ],
)
def test_an_inputs_file_that_cannot_be_read_says_why(text: str, said: str, tmp_path: Path) -> None:
    """A broken file would decide on nothing, or end in a traceback."""
    path = tmp_path / "inputs.json"
    path.write_text(text, encoding="utf-8")
    result = call("decide", RULES, "pricing.change", "--inputs", path)
    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert said in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.27", 0.27),
        ("-3", -3.0),
        ("−0.62", -0.62),
        ("5%", 0.05),
        ("+2pp", 0.02),
        ("$40", 40.0),
        ("$10k", 10_000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("won", "won"),
        ("https://example.com/x=1", "https://example.com/x=1"),
        ("24h", "24h"),
        ("1,000", "1,000"),
        ("2 + 2", "2 + 2"),
        ('"7"', "7"),
        ("", ""),
    ],
)
def test_a_typed_value_is_read_as_people_write_it(text: str, expected: object) -> None:
    """`5%` would be a text, or a duration would be taken for a bare number of something else."""
    found = read_value(text)
    assert (expected, type(expected)) == (found, type(found))


# --- run ----------------------------------------------------------------------------------------------------------------------------


def test_run_tells_what_came_of_the_data_and_the_decisions(exports: Path) -> None:
    """A section of the account would be missing, or a file read without a word about what was kept out."""
    result = call("run", RULES, "--data", exports, "--at", AT)
    assert result.exit_code == 0
    for title in ("Data", "Freshness", "Decisions", "Still needed", "Intended effects"):
        assert f"\n{title}\n" in f"\n{result.output}"
    assert "google_ads_campaigns.csv: title row, not data: lines 1–2" in result.output
    assert "pricing.change" in result.output


def test_run_writes_its_results(finished: Path) -> None:
    """What the run decided, kept out and asks for would be nowhere to be found."""
    records = [DecisionRecord.from_json(line) for line in (finished / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {record.node for record in records} == {"pricing.change", "channel.invest", "icp.update", "routing.policy"}
    assert (finished / "memo.md").read_text(encoding="utf-8").startswith("# Decision memos")
    assert all(json.loads(line)["key"] for line in (finished / "effects.jsonl").read_text(encoding="utf-8").splitlines())
    with (finished / "quarantine" / "opportunities.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert all(row["failed_tests"] for row in rows)
    assert [record.id for record in Ledger(finished / "ledger.jsonl").records()] == [record.id for record in records]


def test_run_prints_data_for_programs(exports: Path) -> None:
    """A job could not read the outcome of a run."""
    result = call("run", RULES, "--data", exports, "--at", AT, *QUICK, "--format", "json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [record["node"] for record in told["records"]] == ["routing.policy"]
    assert all(rows["rows_in"] == rows["rows_passed"] + rows["rows_quarantined"] for rows in told["data"].values())
    assert told["at"] == SAMPLE_AT.isoformat()


def test_a_run_repeated_adds_nothing_to_its_ledger(exports: Path, finished: Path, tmp_path: Path) -> None:
    """The same proposal would be made twice."""
    ledger = tmp_path / "ledger.jsonl"
    shutil.copy(finished / "ledger.jsonl", ledger)
    before = ledger.read_bytes()
    result = call("run", RULES, "--data", exports, "--at", AT, *QUICK, "--ledger", ledger)
    assert "0 records appended, 1 were in it already" in result.output
    assert before == ledger.read_bytes()


def test_run_of_an_unknown_decision_names_the_nearest(exports: Path) -> None:
    """A misspelled `--node` would decide nothing and look fine."""
    result = call("run", RULES, "--data", exports, "--at", AT, "--node", "routing.polcy")
    assert result.exit_code == 2
    assert "did you mean `routing.policy`?" in result.stderr


def test_a_column_that_is_not_there_is_named_with_its_file(damaged: Callable[..., Path]) -> None:
    """A renamed column would be read as missing values."""
    folder = damaged("salesforce_opportunities.csv", lambda text: text.replace("Opportunity Owner", "Owner Name", 1))
    result = call("run", RULES, "--data", folder, "--at", AT)
    assert result.exit_code == 2
    assert f"{folder / 'salesforce_opportunities.csv'}:1 has no column `Opportunity Owner`" in result.stderr


def test_all_broken_files_are_named_at_once(damaged: Callable[..., Path]) -> None:
    """A second broken export would stay hidden until the first is mended."""
    damaged("billing.csv", lambda _: "")
    folder = damaged("reps.csv", lambda text: text.replace("Active", "Is active", 1))
    result = call("run", RULES, "--data", folder, "--at", AT)
    assert result.exit_code == 2
    assert f"`{folder / 'billing.csv'}` is empty" in result.stderr
    assert f"{folder / 'reps.csv'}:1 has no column `Active`" in result.stderr


def test_a_text_where_a_number_belongs_in_a_row_is_quarantined(damaged: Callable[..., Path]) -> None:
    """One bad cell would stop the run, or be counted as zero."""
    folder = damaged("billing.csv", lambda text: text.replace("$", "lots ", 1))
    result = call("run", RULES, "--data", folder, "--at", AT, *QUICK)
    assert result.exit_code == 0
    account = result.output.split("billing_lines: ", 1)[1]
    assert account.splitlines()[0].endswith(" + 1 quarantined")
    assert "schema 1" in account.splitlines()[1]


def test_a_text_where_a_number_belongs_in_a_reading_is_refused_with_its_line(damaged: Callable[..., Path]) -> None:
    """An elasticity of `n/a` would be taken for missing, or the message would not say where it stands."""
    folder = damaged("readings.csv", lambda text: text.replace("-0.62", "n/a", 1))
    lines = (folder / "readings.csv").read_text(encoding="utf-8").splitlines()
    number = next(at for at, line in enumerate(lines, 1) if ",n/a," in line)
    result = call("run", RULES, "--data", folder, "--at", AT)
    assert result.exit_code == 2
    assert f"{folder / 'readings.csv'}:{number} the value of `elasticity` is `n/a`, a text where a number belongs" in result.stderr


def test_a_misspelled_metric_in_the_readings_is_refused_with_its_line(damaged: Callable[..., Path]) -> None:
    """A misspelled metric would leave the real one unknown without a word."""
    folder = damaged("readings.csv", lambda text: text.replace("elasticity", "elasticty", 1))
    result = call("run", RULES, "--data", folder, "--at", AT)
    assert result.exit_code == 2
    assert "readings.csv:2 " in result.stderr
    assert "did you mean `elasticity`?" in result.stderr


def test_a_metric_nobody_supplies_leaves_its_decision_undetermined(damaged: Callable[..., Path]) -> None:
    """Without an elasticity the price card would be decided anyway."""
    folder = damaged("readings.csv", lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("elasticity")) + "\n")
    told = json.loads(call("run", RULES, "--data", folder, "--at", AT, "--node", "pricing.change", "--format", "json").stdout)
    record = DecisionRecord.from_dict(told["records"][0])
    assert record.outcome.value in {"undetermined", "blocked"}
    assert "elasticity" in {taken.name for taken in record.inputs if taken.value.__class__.__name__ == "Unknown"}


def test_a_misnamed_export_is_noted(damaged: Callable[..., Path]) -> None:
    """A file saved under a slightly different name would look like an absent export."""
    folder = damaged("reps.csv", lambda text: text)
    (folder / "reps.csv").rename(folder / "rep.csv")
    result = call("run", RULES, "--data", folder, "--at", AT, *QUICK)
    assert result.exit_code == 0
    assert "reps.csv is not there: no rows of `reps`" in result.output
    assert "rep.csv is not read: no entity names it (did you mean `reps.csv`?)" in result.output


def test_a_data_folder_that_does_not_exist_or_holds_nothing_is_said(tmp_path: Path) -> None:
    """A mistyped folder would look like decisions without data."""
    nowhere = call("run", RULES, "--data", tmp_path / "dta", "--at", AT)
    empty = call("run", RULES, "--data", tmp_path, "--at", AT)
    assert (nowhere.exit_code, empty.exit_code) == (2, 2)
    assert f"the data folder `{tmp_path / 'dta'}` does not exist" in nowhere.stderr
    assert "holds none of the files a run reads: salesforce_opportunities.csv" in empty.stderr


def test_a_folder_that_cannot_be_written_is_said_before_the_work(exports: Path, tmp_path: Path) -> None:
    """A long run would end in a traceback, its results lost."""
    blocker = tmp_path / "file"
    blocker.write_text("", encoding="utf-8")
    result = call("run", RULES, "--data", exports, "--at", AT, "--out", blocker / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"decision-os: `{blocker / 'out'}` cannot be used: ")


def test_a_ledger_that_cannot_be_written_is_said_before_the_work(exports: Path, tmp_path: Path) -> None:
    """A long run would end without its records."""
    blocker = tmp_path / "file"
    blocker.write_text("", encoding="utf-8")
    result = call("run", RULES, "--data", exports, "--at", AT, *QUICK, "--ledger", blocker / "ledger.jsonl")
    assert result.exit_code == 2
    assert str(blocker / "ledger.jsonl") in result.stderr


# --- explain, ledger, slo --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["records.jsonl", "ledger.jsonl"])
def test_explain_lists_and_explains_what_a_run_wrote(name: str, finished: Path) -> None:
    """Nobody could ask later why a decision was taken."""
    path = finished / name
    lines = path.read_text(encoding="utf-8").splitlines()
    records = list(Ledger(path).records()) if name == "ledger.jsonl" else [DecisionRecord.from_json(line) for line in lines]
    listed = call("explain", path)
    assert listed.exit_code == 0
    assert f"{len(records)} records" in listed.output
    for record in records[:2]:
        identity = record.id.removeprefix("sha256:")[:12]
        assert f"{identity}  {record}" in listed.output
        assert f"{record.explain()}\n" == call("explain", path, identity).output
    assert f"{records[0].explain()}\n" == call("explain", path, records[0].id).output


def test_explain_finds_a_record_by_its_subject_or_its_decision(finished: Path) -> None:
    """Only somebody who knows the hash could ask."""
    by_node = call("explain", finished / "records.jsonl", "routing.policy", "--format", "json").output
    by_subject = call("explain", finished / "records.jsonl", "candidate-rule-set", "--format", "json").output
    assert by_node == by_subject
    assert DecisionRecord.from_json(by_node).node == "routing.policy"


def test_explain_reads_one_record_over_several_lines(tmp_path: Path) -> None:
    """What `decide --format json` printed could not be explained later."""
    path = tmp_path / "record.json"
    path.write_text(pricing("--format", "json").output, encoding="utf-8")
    assert pricing().output == call("explain", path).output


def test_explain_names_the_nearest_when_there_is_no_such_record(finished: Path) -> None:
    """A misspelled subject would get an empty answer."""
    result = call("explain", finished / "records.jsonl", "routing.polcy")
    assert result.exit_code == 2
    assert "did you mean `routing.policy`?" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ('{"a": 1}\n', ":1 not a decision record"),
        ("Opportunity ID,Stage\n1,won\n", "not a decision record: not JSON"),
        ("\x00\udce4", "is not UTF-8 text"),
    ],
)
def test_explain_of_another_file_says_what_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    """A CSV or an empty file would end in a traceback."""
    path = tmp_path / "other"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    result = call("explain", path)
    assert result.exit_code == 2
    assert said in result.stderr
    assert str(path) in result.stderr


def test_explain_of_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """A mistyped path would end in a traceback."""
    result = call("explain", tmp_path / "nothing.jsonl")
    assert (result.exit_code, result.stderr) == (2, f"decision-os: no file `{tmp_path / 'nothing.jsonl'}`\n")


def test_a_ledger_that_is_whole_verifies(finished: Path) -> None:
    """A sound ledger would be suspected, or a program could not read the answer."""
    told = call("ledger", "verify", finished / "ledger.jsonl")
    data = json.loads(call("ledger", "verify", finished / "ledger.jsonl", "--format", "json").output)
    assert told.exit_code == 0
    assert f"verified: {data['entries']} entries" in told.output
    assert data["ok"] is True


def test_a_ledger_that_was_changed_does_not_verify(finished: Path, tmp_path: Path) -> None:
    """A changed outcome would pass, or would not be located."""
    path = tmp_path / "ledger.jsonl"
    lines = (finished / "ledger.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    lines[2] = lines[2].replace('"owner":"', '"owner":"X', 1)
    path.write_text("".join(lines), encoding="utf-8")
    result = call("ledger", "verify", path)
    assert result.exit_code == 1
    assert f"{path}:3: " in result.output


def test_a_torn_ledger_is_reported_and_left_as_it_is(finished: Path, tmp_path: Path) -> None:
    """Checking a file would change what is checked, and a cut inside its last line would pass for verified."""
    path = tmp_path / "ledger.jsonl"
    torn = (finished / "ledger.jsonl").read_bytes()[:-40]
    path.write_bytes(torn)
    result = call("ledger", "verify", path)
    assert result.exit_code == 1
    last = len(torn.splitlines())
    assert f"{path}:{last}: is torn: it has no end" in result.output
    assert (torn, [path]) == (path.read_bytes(), list(tmp_path.iterdir()))


def test_a_ledger_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    """A mistyped path would verify."""
    assert call("ledger", "verify", tmp_path / "none.jsonl").exit_code == 2


def test_slo_reports_how_fresh_the_sources_are(exports: Path) -> None:
    """Kept promises would not be told from broken ones by the exit code."""
    kept = call("slo", RULES, "--loads", exports / "loads.csv", "--at", AT)
    broken = call("slo", RULES, "--loads", exports / "loads.csv", "--at", "2026-10-20T14:00:00Z", "--format", "json")
    assert (kept.exit_code, broken.exit_code) == (0, 1)
    assert "GREEN  salesforce: younger than 24h" in kept.output
    assert json.loads(broken.output)["green"] is False


def test_slo_reads_what_dbt_leaves(tmp_path: Path) -> None:
    """A team with dbt would have to write a load log before it could ask."""
    metadata = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}
    sources = ("salesforce", "hubspot", "google_ads", "finance", "billing", "routing", "readings", "forecasts")
    for day in range(1, 32):
        results = [
            {"unique_id": f"source.shop.{source}.{table}", "max_loaded_at": f"2026-10-{day:02}T06:00:00Z", "snapshotted_at": f"2026-10-{day:02}T07:00:00Z"}
            for source in sources
            for table in ("one", "two")
        ]
        (tmp_path / f"2026-10-{day:02}.json").write_text(json.dumps({"metadata": metadata, "results": results}), encoding="utf-8")
    found = call("slo", RULES, "--loads", tmp_path, "--at", "2026-10-31T12:00:00Z", "--format", "json")
    told = json.loads(found.output)
    assert (1, {"metric_age": True, "forecast_age": False, "attribution_age": True}) == (
        found.exit_code,
        {status["slo"]: status["green"] for status in told["statuses"]},
    )
    one = call("slo", RULES, "--loads", tmp_path / "2026-10-31.json", "--at", "2026-10-31T12:00:00Z")
    assert "RED  salesforce" in one.output
    assert "the log has no load in the first 29d 18h of the window" in one.output


def test_slo_says_what_is_wrong_with_a_load_log(tmp_path: Path) -> None:
    """A broken log would be reported as a broken promise."""
    path = tmp_path / "loads.csv"
    path.write_text("source,loaded_at\nsalesforce,yesterday\n", encoding="utf-8")
    result = call("slo", RULES, "--loads", path, "--at", AT)
    assert result.exit_code == 2
    assert "`yesterday`" in result.stderr


# --- demo, progress ----------------------------------------------------------------------------------------------------------------------


def test_demo_into_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A newcomer's first command would end in a traceback."""
    blocker = tmp_path / "file"
    blocker.write_text("", encoding="utf-8")
    result = call("demo", "--out", blocker / "out")
    assert result.exit_code == 2
    assert str(blocker) in result.stderr


def test_progress_is_silent_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """A job's log would fill with control characters."""
    with Steps(2) as started:
        started("one")
        started("two")
    captured = capfd.readouterr()
    assert not captured.out
    assert not captured.err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
@pytest.mark.parametrize(("patience", "shown"), [(0, True), (600, False)])
def test_progress_shows_on_a_terminal_once_the_work_takes_long(patience: float, shown: bool) -> None:
    """Nobody would see that a long run is alive, or a short one would flicker."""
    code = f"""
import time
from decision_os.cli.console import Steps
with Steps(2, patience={patience}) as started:
    started("reading billing.csv")
    deadline = time.monotonic() + 20
    while {shown} and not started.shown and time.monotonic() < deadline:
        time.sleep(0.01)
"""
    assert shown == ("reading billing.csv" in on_terminal("-c", code))


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_an_outcome_is_coloured_on_a_terminal_only() -> None:
    """A file would fill with control characters, or a terminal show none."""
    arguments = ("-m", "decision_os", "decide", RULES, "routing.policy", "--at", AT)
    assert "\x1b[1;31mBLOCKED" in on_terminal(*arguments)
    assert "\x1b" not in python(*arguments).stdout


def on_terminal(*arguments: str) -> str:
    """What Python writes when stdout and stderr are a terminal."""
    reader, writer = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen([sys.executable, *arguments], stdout=writer, stderr=writer, stdin=subprocess.DEVNULL, env=environment):
        os.close(writer)
        written = b""
        try:
            while piece := os.read(reader, 65536):
                written += piece
        except OSError:  # how Linux says that the other side has gone
            pass
    os.close(reader)
    return written.decode()


def test_an_error_ends_the_progress_bar() -> None:
    """The terminal would be left with a running bar, or the process would wait for it."""
    with pytest.raises(click.UsageError), Steps(1) as started:
        started("one")
        raise click.UsageError("stop")


# --- what becomes of decisions ------------------------------------------------------------------------------------------------


@pytest.fixture
def rejected(finished: Path, tmp_path: Path) -> tuple[Path, DecisionRecord]:
    """A ledger in which a decision was proposed and rejected, and that decision."""
    path = tmp_path / "lived.jsonl"
    shutil.copy(finished / "ledger.jsonl", path)
    kept = Ledger(path)
    start = next(record for record in kept.records() if record.status == "proposed")
    record, event = lifecycle.propose(start, person="job", at=SAMPLE_AT)
    kept.append(event)
    kept.append(lifecycle.reject(record, person="ana", role=record.owner, at=SAMPLE_AT, reason="not now")[1])
    return path, start


def test_explain_tells_a_decision_of_a_ledger_as_far_as_it_has_come(rejected: tuple[Path, DecisionRecord]) -> None:
    """A decision with a life would be told as if nothing had happened, or be two that cannot be told apart."""
    path, record = rejected
    told = call("explain", path, record.id)
    assert 0 == told.exit_code
    assert f"rejected as {record.owner} by ana: not now" in told.output
    assert 1 == call("explain", path).output.count(", rejected\n")


def test_reviews_are_listed_with_what_waits(finished: Path, rejected: tuple[Path, DecisionRecord]) -> None:
    """What was settled would come before the next meeting, or what waits for it would be missing."""
    path, record = rejected
    assert ["monthly_business_review", "weekly_ops", "quarterly_plan"] == [
        line.partition(",")[0] for line in call("reviews", RULES, "--at", AT).output.splitlines()
    ]
    waiting = call("reviews", RULES, "--at", AT, "--records", finished / "ledger.jsonl").output
    settled = call("reviews", RULES, "--at", AT, "--records", path).output
    assert (True, False) == (str(record) in waiting, str(record) in settled)


def test_a_checkpoint_shows_that_a_tail_was_cut_off(finished: Path, tmp_path: Path) -> None:
    """The one thing that a chain cannot show could not be shown at the command line either."""
    path = tmp_path / "ledger.jsonl"
    lines = (finished / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines))
    kept = call("ledger", "checkpoint", path).output.strip()
    assert 0 == call("ledger", "verify", path, "--checkpoint", kept).exit_code
    path.write_bytes(b"".join(lines[:-1]))
    assert 0 == call("ledger", "verify", path).exit_code
    cut = call("ledger", "verify", path, "--checkpoint", kept)
    assert (1, True) == (cut.exit_code, "was cut off" in cut.output)
    wrong = call("ledger", "verify", path, "--checkpoint", "yesterday")
    assert (2, True) == (wrong.exit_code, "`yesterday` is no checkpoint" in wrong.stderr)


def test_what_a_ledger_still_watches_is_in_cooldown(exports: Path, finished: Path, tmp_path: Path) -> None:
    """A nightly job would act on a subject again before anybody can see what the last action did."""
    acts = next(record for record in Ledger(finished / "ledger.jsonl").records() if record.status == "proposed")
    ledger = Ledger(tmp_path / "ledger.jsonl")
    now = attrs.evolve(acts, id=f"sha256:{'0' * 64}", period="2026-08")
    ledger.append(now)
    now, event = lifecycle.propose(now, person="job", at=SAMPLE_AT)
    ledger.append(event)
    for role in now.approvers:
        now, event = lifecycle.approve(now, person=f"ana as {role}", role=role, at=SAMPLE_AT)
        ledger.append(event)
    ledger.append(lifecycle.execute(now, person="ops", receipt=ledger.append(now), at=SAMPLE_AT)[1])
    assert 0 == call("run", RULES, "--data", exports, "--at", AT, "--node", acts.node, "--ledger", ledger.path).exit_code
    newest = [record for record in ledger.records() if record.subject == acts.subject][-1]
    assert (("cooldown",), True) == (newest.blocked_by, newest.id not in (acts.id, now.id))
