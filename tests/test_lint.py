"""What is known of a rule book without data: each finding with its code, its severity and its words."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import pytest

from decision_os.errors import Issue, Severity
from decision_os.expr import compile as compile_expression
from decision_os.lint import check
from decision_os.model import Binding, Metric, RuleBook
from decision_os.reference import reference_rules
from decision_os.wire import read_book
from tests.small_book import BOOK, FILES, METRICS, changed, write

# ruff: noqa: E501  # findings and rule files stand in the tests as they are written

ERROR, WARNING, NOTE = Severity

# More metrics for the small rule book, so that grains have something to meet with.
MORE = """\
  visits:
    label: Visits
    definition: Visits, counted elsewhere
    unit: count
    grain: [channel, week]
    owner: Finance
    reading: true
    source: crm
  region_cost:
    label: Region cost
    definition: Cost by region, kept elsewhere
    unit: USD
    grain: [region, month]
    owner: Finance
    reading: true
    source: crm
"""


def linted(folder: Path, files: dict[str, str]) -> list[Issue]:
    """What the linter alone finds; the files themselves have to be readable."""
    loaded = read_book(write(folder, files))
    assert [] == [str(issue) for issue in loaded.issues if issue.severity is ERROR]
    return list(check(loaded.book))


def with_metric(text: str, **edits: str) -> dict[str, str]:
    """The small rule book with `MORE`, and one more metric of these lines."""
    body = "\n".join(f"    {line}" for line in text.strip().splitlines())
    head = "    label: Extra\n    definition: Made up for a test\n    owner: Finance\n"
    return {**FILES, "metrics.yaml": METRICS + MORE + "  extra:\n" + head + body + "\n", **edits}


def found(issues: list[Issue], code: str) -> list[tuple[Severity, str]]:
    """The findings of one code, as severity and message."""
    return [(issue.severity, issue.message) for issue in issues if issue.code == code]


def test_the_small_rule_book_gives_the_linter_nothing_to_say(tmp_path: Path) -> None:
    """The findings below could come from the book they start from."""
    assert [] == linted(tmp_path, FILES)


@pytest.mark.parametrize(
    ("metric", "code", "message"),
    [
        (
            "grain: [channel, month]\nunit: USD\ninputs: [sales, region_cost]\nformula: sales - region_cost",
            "grains-do-not-meet",
            "metric `extra` is by `channel` and `month`, its input `region_cost` by `region` and `month`: they do not meet at `channel`",
        ),
        (
            "grain: [region, month]\nunit: USD\ninputs: [sales]\nformula: sales * 2",
            "grains-do-not-meet",
            "metric `extra` is by `region` and `month`, its input `sales` by `channel` and `month`: they do not meet at `region`",
        ),
        (
            "grain: [area, month]\nunit: USD\nbindings: {cost: {input: region_cost, dimensions: {area: zone}}}\nformula: cost * 2",
            "grains-do-not-meet",
            "metric `extra` is by `area` and `month`, its input `region_cost` by `region` and `month`: they do not meet at `area`, since `region_cost` has no `zone`",
        ),
        (
            "grain: [channel, month]\nunit: count\ninputs: [visits]\nformula: visits * 2",
            "grains-do-not-meet",
            "metric `extra` reads `visits` by month, but that is by `week`, which does not add up to that",
        ),
        (
            "grain: [channel, cohort_month]\nunit: USD\nbindings: {cost: {input: sales, dimensions: {cohort_month: opened}}}\nformula: cost * 2",
            "grains-do-not-meet",
            "`cost` of metric `extra` counts `cohort_month` by `opened`, which `sales` does not have",
        ),
        (
            "grain: [region, week]\nunit: USD\nbaseline: {of: region_cost, trailing: 4, grain: week}",
            "grains-do-not-meet",
            "metric `extra` reads `region_cost` by week, but that is by `month`, which does not add up to that",
        ),
        (
            "grain: [region, month]\nunit: USD\nmeasure: {fact: won, aggregate: sum, of: amount}",
            "grains-do-not-meet",
            "metric `extra` is by `region` and `month`, but the fact `won` it is taken from has no column `region`",
        ),
        (
            "grain: [channel, month]\nunit: USD\ninputs: [sales]\nformula: sales * 2\nn: region_cost",
            "grains-do-not-meet",
            "metric `extra` is by `channel` and `month`, but `region_cost`, which counts its n, is by `region` and `month`",
        ),
        (
            "grain: [channel, month]\nunit: USD\ninputs: [sales]\nformula: sales * 2\nn: visits",
            "grains-do-not-meet",
            "metric `extra` is by `month`, but `visits`, which counts its n, is by `week`",
        ),
        (
            "grain: [channel, month]\nunit: USD\nmeasure: {fact: won, aggregate: count, time: channel}",
            "no-time",
            "metric `extra` counts periods by `channel`, which is of type category",
        ),
        (
            "grain: [channel, month]\nunit: USD\nbindings: {cost: {input: sales, allocate: {segment: same}}}\nformula: cost * 2",
            "unknown-grain",
            "`allocate` of `cost` names `segment`, which is not in the grain of metric `extra`",
        ),
        (
            "grain: [month]\nunit: USD/count\nbindings: {size: {input: deal_size, roll_up: mean}}\nformula: size * 2",
            "averaged-ratio",
            "`size` of metric `extra` takes the mean of `deal_size`, which is a ratio: that is not the ratio of the whole",
        ),
        (
            "grain: [channel, month]\nlabel: Sales\nunit: USD\ninputs: [sales]\nformula: sales * 2",
            "label-twice",
            "`Sales` names the metric `extra` and the metric `sales`",
        ),
    ],
)
def test_metrics_that_cannot_be_computed_as_declared_are_errors(tmp_path: Path, metric: str, code: str, message: str) -> None:
    """The rule book would load, and the metric be unknown or silently wrong at run time."""
    files = with_metric(metric)
    if metric.count("label:"):
        files["metrics.yaml"] = files["metrics.yaml"].replace("    label: Extra\n", "")
    assert [(ERROR, message)] == found(linted(tmp_path, files), code)


@pytest.mark.parametrize(
    "metric",
    [
        "grain: [channel, region, month]\nbindings: {a: {input: sales, allocate: {region: same}}, b: {input: region_cost, allocate: {channel: same}}}\nformula: a - b",
        "grain: [region, month]\nbindings: {a: {input: sales, overall: [region]}, b: region_cost}\nformula: a - b",
        "grain: [area, month]\nbindings: {b: {input: region_cost, dimensions: {area: region}}}\nformula: b * 2",
        "grain: [channel, cohort_month]\nbindings: {a: {input: sales, dimensions: {cohort_month: closed}}}\nformula: a * 2",
        "grain: [channel, quarter]\ninputs: [sales, deals_won]\nformula: sales / deals_won",
        "grain: [channel, week]\ninputs: [sales, visits]\nformula: sales / visits",
        "grain: [channel, month]\nbaseline: {of: sales, trailing: 8, grain: week}",
        "grain: [month]\nbindings: {size: {input: deal_size, roll_up: ratio_of_sums}}\nformula: size * 2",
        "grain: [month]\nbindings: {a: {input: sales, roll_up: mean}}\nformula: a * 2",
        "grain: [channel, month]\nsustained: {condition: sales > $5 and deals_won > 2, periods: 2, grain: month}",
        "grain: [channel]\nmeasure: {fact: won, aggregate: count}",
    ],
)
def test_grains_that_meet_are_left_alone(tmp_path: Path, metric: str) -> None:
    """A metric that can be computed would be refused."""
    assert [] == [str(issue) for issue in linted(tmp_path, with_metric(metric)) if issue.severity is ERROR]


def test_a_metric_by_day_cannot_be_counted_by_a_column_of_months(tmp_path: Path) -> None:
    """A daily value would be asked of rows that only say the month."""
    files = changed("closed: {type: date}", "closed: {type: month}")
    files["metrics.yaml"] = files["metrics.yaml"].replace(
        "    grain: [channel, month]\n    owner: Finance\n    measure: {fact: won, aggregate: count}",
        "    grain: [channel, day]\n    owner: Finance\n    measure: {fact: won, aggregate: count}",
    )
    messages = [message for severity, message in found(linted(tmp_path, files), "grains-do-not-meet") if severity is ERROR]
    assert "metric `deals_won` is by `day`, but `closed` of the fact `won` only says the month" in messages


def test_a_fact_without_a_date_cannot_be_counted_by_period(tmp_path: Path) -> None:
    """Every period would silently get all rows, or none."""
    message = "metric `sales` is by `month`, but nothing says which date of the fact `won` counts"
    assert (ERROR, message) in found(linted(tmp_path, changed("{entity: deals, time: closed}", "{entity: deals}")), "no-time")


@pytest.mark.parametrize(
    ("use", "code", "severity", "message"),
    [
        ("region_cost", "grains-do-not-meet", ERROR, "input `extra` is by `region`, but playbook `budget` decides for each `channel`"),
        ("visits", "grains-do-not-meet", ERROR, "input `extra` is by `week`, which does not add up to the `month` that playbook `budget` decides by"),
        (
            "{metric: sales, combine: all, by: [chanel]}",
            "unknown-grain",
            ERROR,
            "`by` of input `extra` names `chanel`, which is not in the grain of metric `sales`",
        ),
    ],
)
def test_inputs_that_do_not_fit_the_subject_are_errors(tmp_path: Path, use: str, code: str, severity: Severity, message: str) -> None:
    """A decision would rest on a value of something else than its subject."""
    files = changed("  sales: sales\n", f"  sales: sales\n  extra: {use}\n")
    files["metrics.yaml"] += MORE
    assert [(severity, message)] == found(linted(tmp_path, files), code)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("region_cost", [("finer-input", ERROR)]),
        ("{metric: region_cost, combine: all}", []),
        ("{metric: region_cost, overall: true}", []),
        ("sales", [("taken-together", NOTE)]),
        ("{metric: sales, combine: worst}", []),
    ],
)
def test_an_input_of_a_finer_grain_is_combined_or_taken_together(tmp_path: Path, use: str, expected: list[tuple[str, Severity]]) -> None:
    """Ready-made values of several keys would reach one decision, or rows taken together would be called a mistake."""
    files = changed("subject: {id: channel, keys: [channel]}", "subject: {id: everything}")
    files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace(
        "  sales: sales\n", f"  sales: {{metric: sales, combine: all}}\n  extra: {use}\n", 1
    )
    files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace("deal_size: deal_size", "deal_size: {metric: deal_size, combine: all}")
    files["metrics.yaml"] += MORE
    issues = linted(tmp_path, files)
    assert expected == [(issue.code, issue.severity) for issue in issues if issue.code in ("finer-input", "taken-together")]


def test_a_subject_that_no_input_has_is_an_error(tmp_path: Path) -> None:
    """A run would take no decision at all, and say nothing."""
    files = changed("  deal_size: deal_size\n  sales: sales\n", "  deal_size: {metric: deal_size, overall: true}\n  sales: monthly\n")
    files["metrics.yaml"] += (
        "  monthly:\n    label: Monthly\n    definition: All sales\n    unit: USD\n    grain: [month]\n    owner: Finance\n    inputs: [sales]\n    formula: sales * 1\n"
    )
    message = "playbook `budget` decides for each `channel`, but no input is by that: nothing says which there are"
    assert [(ERROR, message)] == found(linted(tmp_path, files), "subject-not-read")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("owner: finance}", "owner: finanse}", "source `crm` names `finanse`, who is no role"),
        ("within: next cycle}", "within: next cycle, owner: Sale Ops}", "the reversal of playbook `budget` names `Sale Ops`, who is no role"),
        ("quarantine_record}", "quarantine_record_and_page_sre}", "test `positive` of entity `deals` names `sre`, who is no role"),
        ("block_publish_and_page_owner}", "block_publish_and_page_cfo}", "QA test `sane` of metric `deal_size` names `cfo`, who is no role"),
    ],
)
def test_a_role_that_nobody_declared_is_an_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A page would go to nobody."""
    assert [(ERROR, message)] == found(linted(tmp_path, changed(old, new)), "unknown-role")


def test_a_circle_is_an_error_told_once(tmp_path: Path) -> None:
    """The rule book would load and the run never end; or every metric of the circle would tell of it."""
    files = with_metric("grain: [channel, month]\nunit: USD\ninputs: [sales, loop]\nformula: sales + loop")
    files["metrics.yaml"] += (
        METRICS.split("  deal_size:")[0]
        .removeprefix("metrics:\n")
        .split("  deals_won:")[0]
        .replace("  sales:", "  loop:")
        .replace("label: Sales", "label: Loop")
        .replace("measure: {fact: won, aggregate: sum, of: amount}", "inputs: [extra]\n    formula: extra * 2")
    )
    issues = linted(tmp_path, files)
    assert [(ERROR, "metrics that rest on themselves: extra → loop → extra")] == found(issues, "cycle")
    assert ["cycle"] == [issue.code for issue in issues if issue.severity is ERROR]


def test_a_comparison_nobody_can_check_is_a_warning(tmp_path: Path) -> None:
    """Months compared with dollars would pass for want of a unit."""
    lacks = "but metric `sales` declares no unit: nothing can check what it is"
    messages = [f"playbook `budget` compares `sales`, {lacks} compared with", f"the formula of metric `deal_size` computes with `sales`, {lacks} computed with"]
    issues = linted(tmp_path, changed("    unit: USD\n", ""))
    assert [(WARNING, message) for message in messages] == sorted(found(issues, "no-unit"), key=lambda each: each[1])
    assert {(3, 5)} == {(issue.where.line, issue.where.column) for issue in issues if issue.code == "no-unit"}


def test_a_projection_nobody_can_check_is_a_warning(tmp_path: Path) -> None:
    """A projection would add months to dollars for want of a unit; one without any unit in it is left alone."""
    files = changed("    unit: USD\n", "")
    files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace(
        "thresholds:\n", "projections:\n  more: sales + $5\n  twice: sales * 2\nthresholds:\n", 1
    )
    told = [message for _, message in found(linted(tmp_path, files), "no-unit") if "projection" in message]
    assert ["projection `more` of playbook `budget` computes with `sales`"] == [message.split(",")[0] for message in told]


def test_a_function_without_units_is_a_note(tmp_path: Path) -> None:
    """A function would be called with anything, and nobody would know that nothing looks."""
    files = {**FILES, "book.yaml": BOOK + "functions:\n  net: {takes: [USD, any], gives: any}\n"}
    message = "function `net` declares no unit of value 2 and of its result: nothing can check what that stands beside"
    assert [(NOTE, message)] == found(linted(tmp_path, files), "no-unit")


@pytest.mark.parametrize(
    "guard", ["max(deals_won, 1e-6)", "max(1e-6, deals_won)", "clip(deals_won, 0.1, 100)", "(2 * max(deals_won, 1e-6))", "-max(deals_won, 1)"]
)
def test_a_guard_under_a_division_is_told_of(tmp_path: Path, guard: str) -> None:
    """A metric over nothing would be a huge number that a decision believes."""
    call = guard[guard.index("max") if "max" in guard else 0 :].rstrip(")") + ")"
    message = f"`{call}` in metric `deal_size` hides a division by zero: at `deals_won` = 0 it gives a huge number, not unknown"
    files = changed("formula: sales / deals_won", f"formula: sales / {guard}")
    bounded = found(linted(tmp_path / "a", files), "hidden-zero")
    files["metrics.yaml"] = files["metrics.yaml"].split("    qa_tests:")[0]
    assert ([(NOTE, message)], [(WARNING, message)]) == (bounded, found(linted(tmp_path / "b", files), "hidden-zero"))


@pytest.mark.parametrize(
    "formula", ["sales / deals_won", "max(sales, 1) / deals_won", "sales / max(deals_won, 0)", "sales * max(deals_won, 1)", "sales / max(1, 2)"]
)
def test_what_hides_no_division_by_zero_is_left_alone(tmp_path: Path, formula: str) -> None:
    """A harmless maximum would be called a trap."""
    assert [] == found(linted(tmp_path, changed("formula: sales / deals_won", f"formula: {formula}")), "hidden-zero")


def test_a_guard_in_a_projection_is_told_of(tmp_path: Path) -> None:
    """The same trap one file further on would be missed."""
    files = changed("actions:\n", "projections:\n  ratio: sales / max(deal_size, $1)\nactions:\n")
    message = "`max(deal_size, $1)` in projection `ratio` of playbook `budget` hides a division by zero: at `deal_size` = 0 it gives a huge number, not unknown"
    assert [(WARNING, message)] == found(linted(tmp_path, files), "hidden-zero")


def test_the_guard_of_payback_is_told_of_and_so_is_the_test_behind_it() -> None:
    """The article's own guard would pass in silence: at CM = 0 only the QA test `bounds` keeps the number from a decision."""
    (guard,) = [issue for issue in check(read_book(reference_rules()).book) if issue.code == "hidden-zero"]
    assert "`max(Monthly_CM, 1e-6)` in metric `payback` hides a division by zero: at `Monthly_CM` = 0 it gives a huge number, not unknown" == guard.message
    assert (NOTE, True) == (guard.severity, "only the QA test `bounds` stands between" in guard.hint)


def test_a_source_without_an_slo_is_a_warning(tmp_path: Path) -> None:
    """Data a month old would be decided on, and nothing would have promised otherwise."""
    files = changed("crm: {label: CRM, owner: finance}", "crm: {label: CRM, owner: finance}\n  other: {label: Other}")
    files["book.yaml"] = files["book.yaml"].replace("covers: [crm]", "covers: [other]")
    message = "playbook `budget` rests on `crm`, which no freshness SLO covers: old data there stops nothing"
    assert [(WARNING, message)] == found(linted(tmp_path, files), "uncovered-source")


def test_what_nobody_reads_watches_or_is_is_noted(tmp_path: Path) -> None:
    """A metric, a monitor or a role left over from an edit would stay for ever."""
    files = with_metric("grain: [channel, month]\nunit: USD\ninputs: [sales]\nformula: sales * 2")
    files["book.yaml"] = files["book.yaml"].replace("roles:\n", "roles:\n  legal: {label: Legal}\n")
    files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace("{metric: sales, keep", "{metric: saless, keep")
    issues = linted(tmp_path, files)
    assert (NOTE, "no decision, monitor or other metric reads `extra`") in found(issues, "unread-metric")
    watched = "monitor `sales` of playbook `budget` watches `saless`, which is no metric: its readings come from elsewhere"
    assert [(NOTE, watched)] == found(issues, "unknown-monitor")
    assert [(NOTE, "nobody is asked, told or responsible as the role `legal`")] == found(issues, "unused-role")


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        (
            "sales * (1 + shift)",
            "sales * 1.1",
            "unused-parameter",
            "no condition, projection or lever of playbook `budget` reads the parameter `shift`: choosing it changes nothing",
        ),
        ("actions:\n", "actions:\n  lower: {text: lower}\n", "unused-action", "no branch of playbook `budget` takes the action `lower`"),
    ],
)
def test_what_a_playbook_declares_and_never_takes_is_a_warning(tmp_path: Path, old: str, new: str, code: str, message: str) -> None:
    """A person would choose a parameter, or wait for an action, that changes nothing."""
    issues = list(read_book(write(tmp_path, changed(old, new))).issues)
    assert [(WARNING, message)] == found(issues, code)


def test_findings_come_in_the_order_of_their_places_and_once() -> None:
    """Two runs of the linter would differ, or say a thing twice."""
    book = read_book(reference_rules()).book
    issues = check(book)
    assert list(issues) == sorted(set(issues), key=lambda issue: (issue.where, issue.code, issue.message))
    assert issues == check(attrs.evolve(book, metrics=dict(reversed(list(book.metrics.items())))))


def chain(length: int) -> RuleBook:
    """A rule book of formulas, each over the two before it."""
    metrics = {"m0": Metric(id="m0", label="m0", grain=("month",), reading=True)}
    for number in range(1, length):
        reads = dict.fromkeys((f"m{number - 1}", f"m{max(0, number - 2)}"))
        bindings = {f"x{place}": Binding(input=name) for place, name in enumerate(reads)}
        formula = compile_expression(" + ".join(bindings))
        metrics[f"m{number}"] = Metric(id=f"m{number}", label=f"m{number}", grain=("month",), formula=formula, bindings=bindings)
    return RuleBook(id="chain", version="1", zone="UTC", metrics=metrics)


def test_a_long_chain_of_metrics_is_walked_once() -> None:
    """A rule book of thousands of metrics would take minutes, or end in a RecursionError."""
    small, large = chain(250), chain(2000)
    assert {"unread-metric"} == {issue.code for issue in check(large)}

    def seconds(book: RuleBook) -> float:
        took = []
        for _ in range(3):
            start = time.perf_counter()
            check(book)
            took.append(time.perf_counter() - start)
        return min(took)

    assert seconds(large) < 30 * seconds(small)
