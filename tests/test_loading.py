"""Reading a rules folder: every mistake of every kind is reported with its place, all of them at once, and nothing is evaluated."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_os.engine import Engine
from decision_os.errors import Issue, RuleBookError, Severity
from decision_os.expr.reference import Reference
from decision_os.lint import check
from decision_os.reference import reference_rules
from decision_os.wire import read_book, rule_files
from decision_os.wire.nodes import LARGEST_FILE, read_nodes
from tests.small_book import BOOK, FILES, METRICS, PLAYBOOK, changed, findings, line_of, write

# ruff: noqa: E501  # findings stand in the table as they are printed, each on its line

WHEN = "when: deal_size ≥ size_min and sales > floor"

# What is changed into what in the small rule book, and everything that is then found.
CASES: list[tuple[str, str, list[str]]] = [
    (
        "deal_size: deal_size",
        "deal_size: deal_sise",
        [
            "playbooks/budget.yaml:12:14 unknown-metric input `deal_size` of playbook `budget` reads `deal_sise`, which is no metric (did you mean `deal_size`?)",
        ],
    ),
    (
        "inputs: [sales, deals_won]",
        "inputs: [sales, deals_one]",
        [
            "metrics.yaml:22:21 unknown-metric metric `deal_size` reads `deals_one`, which is no metric (did you mean `deals_won`?)",
        ],
    ),
    (
        "source: crm",
        "source: cmr",
        [
            "book.yaml:13:13 unknown-source entity `deals` reads the source `cmr`, which is not declared (did you mean `crm`?)",
        ],
    ),
    (
        "covers: [crm]",
        "covers: [hubspot]",
        [
            "book.yaml:8:61 unknown-source freshness SLO `metric_age` covers `hubspot`, which is no source",
            "playbooks/budget.yaml:1:1 uncovered-source playbook `budget` rests on `crm`, which no freshness SLO covers: old data there stops nothing (add it to `covers` of a freshness SLO)",
        ],
    ),
    (
        "{entity: deals, time: closed}",
        "{entity: deal, time: closed}",
        [
            "book.yaml:23:17 unknown-entity fact `won` reads the entity `deal`, which is not declared (did you mean `deals`?)",
        ],
    ),
    (
        "fact: won, aggregate: sum",
        "fact: one, aggregate: sum",
        [
            "metrics.yaml:8:21 unknown-fact the measure of metric `sales` reads the fact `one`, which is not declared (did you mean `won`?)",
        ],
    ),
    (
        "of: amount}",
        "of: amont}",
        [
            "metrics.yaml:8:46 unknown-column the measure of metric `sales` takes `amont`, which is no column of the fact (did you mean `amount`?)",
        ],
    ),
    (
        "key: [id]",
        "key: [ID]",
        [
            "book.yaml:14:11 unknown-column `key` of entity `deals` names `ID`, which is no column (did you mean `id`?)",
        ],
    ),
    (
        "action: raise\n",
        "action: rise\n",
        [
            "playbooks/budget.yaml:23:13 unknown-action branch `more` takes the action `rise`, which is not declared (did you mean `raise`?)",
            "playbooks/budget.yaml:26:5 unused-action no branch of playbook `budget` takes the action `raise`",
        ],
    ),
    (
        "cadence: weekly",
        "cadence: weakly",
        [
            "playbooks/budget.yaml:9:10 unknown-cadence `weakly` is no review cadence (did you mean `weekly`?)",
        ],
    ),
    (
        "slos: [metric_age]",
        "slos: [metrics_age]",
        [
            "playbooks/budget.yaml:10:8 unknown-slo playbook `budget` rests on `metrics_age`, which is no freshness SLO (did you mean `metric_age`?)",
        ],
    ),
    (
        "approvers: [Sales Ops]",
        "approvers: [SalesOp]",
        [
            "playbooks/budget.yaml:6:13 unknown-role playbook `budget` names `SalesOp`, who is no role (did you mean `SalesOps`?)",
        ],
    ),
    (
        "owner: finance}",
        "owner: finanse}",
        [
            "book.yaml:10:8 unknown-role source `crm` names `finanse`, who is no role (did you mean `Finance`?)",
        ],
    ),
    (
        "reversibility: high",
        "reversability: high",
        [
            "playbooks/budget.yaml:1:1 missing-key playbook `budget` lacks the key `reversibility`",
            "playbooks/budget.yaml:7:1 unknown-key playbook `budget` has no key `reversability` (did you mean `reversibility`?)",
        ],
    ),
    (
        "owner: Finance\napprovers",
        "owner: Finance\nowner: Sales Ops\napprovers",
        [
            "playbooks/budget.yaml:6:1 duplicate-key the key `owner` a second time (first at line 5)",
        ],
    ),
    (
        "facts:\n",
        "fakts:\n",
        [
            "book.yaml:22:1 unknown-key `fakts` is no section of a rule file (did you mean `facts`?)",
            "metrics.yaml:8:21 unknown-fact the measure of metric `sales` reads the fact `won`, which is not declared",
            "metrics.yaml:15:21 unknown-fact the measure of metric `deals_won` reads the fact `won`, which is not declared",
        ],
    ),
    (
        "  deals_won:\n    label",
        "  sales:\n    label",
        [
            "metrics.yaml:9:3 duplicate-key the key `sales` a second time (first at line 2)",
            "metrics.yaml:22:21 unknown-metric metric `deal_size` reads `deals_won`, which is no metric",
        ],
    ),
    (
        "definition: Deals won\n",
        "\n",
        [
            "metrics.yaml:10:5 missing-key metric `deals_won` lacks the key `definition`",
        ],
    ),
    (
        "cadence: weekly\n",
        "cadence:\n",
        [
            "playbooks/budget.yaml:9:9 missing-value `cadence` of playbook `budget` is empty",
        ],
    ),
    (
        'when: "Tue 10:00 ET"',
        'when: "Tue 25:00 ET"',
        [
            "book.yaml:6:23 bad-expression `25:00` is not a time of day (write it on 24 hours, as in `09:30` or `13:00`)",
        ],
    ),
    (
        "approvers: [Sales Ops]",
        "approvers: {who: Sales Ops}",
        [
            "playbooks/budget.yaml:6:12 wrong-type `approvers` of playbook `budget` is a list, not a mapping",
        ],
    ),
    (
        "subject: {id: channel, keys: [channel]}",
        "subject: channel",
        [
            "playbooks/budget.yaml:3:10 wrong-type the subject of playbook `budget` is a mapping of keys to values",
        ],
    ),
    (
        "owner: Finance\napprovers",
        "owner: [Finance]\napprovers",
        [
            "playbooks/budget.yaml:5:8 wrong-type `owner` of playbook `budget` is one text, not a list",
        ],
    ),
    (
        "period: month",
        "period: fortnight",
        [
            "playbooks/budget.yaml:4:9 unknown-word `fortnight` is not a `period` of playbook `budget` (one of day, week, month, quarter, year)",
        ],
    ),
    (
        "currency: USD}",
        "currency: USD, fiscal_year_start: 13}",
        [
            "book.yaml:1:97 wrong-type `fiscal_year_start` of the rule book is a whole number from 1 to 12, not `13`",
        ],
    ),
    (
        "currency: USD}",
        "currency: USD, holidays: [2026-11-26, 2026-02-30]}",
        [
            "book.yaml:1:101 bad-date `2026-02-30` is not a date of the calendar (write it as in `2026-11-26`)",
        ],
    ),
    (
        "currency: USD}",
        "currency: Dollar}",
        [
            "book.yaml:1:73 unknown-currency `Dollar` is no currency (write its code of ISO 4217, as in `USD`, `EUR`)",
        ],
    ),
    (
        "zone: America/New_York",
        "zone: America/NewYork",
        [
            "book.yaml:1:45 unknown-zone `America/NewYork` is no time zone (as in `America/New_York`)",
        ],
    ),
    (
        "label: CRM,",
        "label: CRM, max_age: 1.5 moons,",
        [
            "book.yaml:10:30 wrong-type `max_age` of source `crm` is a duration, not `1.5 moons` (write it as in `24h`, `14d`, `1h30m`)",
        ],
    ),
    (
        "unit: USD\n",
        "unit: USD//seat\n",
        [
            "metrics.yaml:5:11 bad-unit `USD//seat` is not a unit (write for example `USD/seat/month`)",
            "metrics.yaml:3:5 no-unit playbook `budget` compares `sales`, but metric `sales` declares no unit: nothing can check what it is compared with (give the metric a `unit`, as in `USD`, `share`, `count`)",
            "metrics.yaml:3:5 no-unit the formula of metric `deal_size` computes with `sales`, but metric `sales` declares no unit: nothing can check what it is computed with (give the metric a `unit`, as in `USD`, `share`, `count`)",
        ],
    ),
    (
        "measure: {fact: won, aggregate: count}",
        "measure: {fact: won, aggregate: count}\n    min_n: thirty",
        [
            "metrics.yaml:16:12 wrong-type `min_n` of metric `deals_won` is a whole number from 0 to 1000000000, not `thirty`",
        ],
    ),
    (
        "within: next cycle",
        "within: soon",
        [
            "playbooks/budget.yaml:28:52 wrong-type `within` of the reversal of playbook `budget` is a duration or `next cycle`, not `soon` (as in `1h`, `5m`)",
        ],
    ),
    (
        "break_action: quarantine_record}",
        "break_action: quarantine_records}",
        [
            "book.yaml:21:53 bad-break-action `quarantine_records` is not a break action (join any of quarantine_record, quarantine.<name>, block_publish, page_owner, notify_owner, open_incident, route_to_repair by `_and_`)",
        ],
    ),
    (
        WHEN,
        "when: deal_size ≥ size_min and and sales > floor",
        [
            "playbooks/budget.yaml:22:36 bad-expression a value is missing before `and`",
        ],
    ),
    (
        WHEN,
        "when: deal_size ≥ size_mn and sales > floor",
        [
            "playbooks/budget.yaml:19:3 unused-threshold threshold `size_min` of playbook `budget` is declared and never used",
            "playbooks/budget.yaml:22:23 unknown-name unknown name `size_mn` (did you mean `size_min`?)",
        ],
    ),
    (
        WHEN,
        "when: deal_size + size_min + sales * floor",
        [
            (
                "playbooks/budget.yaml:22:11 unit-mismatch cannot add `deal_size + size_min` (USD/count, as computed) and `sales * floor` (USD^2, as computed)"
                "; declared: `deal_size` at metrics.yaml:19:11, `size_min` at playbooks/budget.yaml:19:3, `sales` at metrics.yaml:5:11, `floor` at book.yaml:25:3"
            ),
        ],
    ),
    (
        WHEN,
        "when: deal_size ≥ size_min and sales > floor and sales < 5 months",
        [
            "playbooks/budget.yaml:22:54 unit-mismatch cannot compare `sales` (USD, as declared) and `5 months` (months, as written); declared: `sales` at metrics.yaml:5:11",
        ],
    ),
    (
        "assert: amount ≥ $0",
        "assert: amount",
        [
            "book.yaml:21:26 not-a-condition `amount` is not true or false (compare it, as in `amount > 0`)",
        ],
    ),
    (
        "formula: sales / deals_won",
        "formula: sales / (deals_won",
        [
            "metrics.yaml:23:32 bad-expression the parenthesis is not closed: expected `)`, but the expression ends",
        ],
    ),
    (
        "size_min: $100",
        "size_min: $100 and up",
        [
            "playbooks/budget.yaml:19:22 unknown-name unknown name `up`",
        ],
    ),
    (
        'range: "[5%, 10%]"',
        'range: "[9%, 10%]"',
        [
            "playbooks/budget.yaml:17:10 default-out-of-range the default of parameter `shift` lies outside its range",
        ],
    ),
    (
        "    formula: sales / deals_won\n",
        "",
        [
            "metrics.yaml:17:5 no-contract metric `deal_size` has no contract: nothing says where its values come from (give one of measure, formula, baseline, sustained, reading)",
        ],
    ),
    (
        "measure: {fact: won, aggregate: count}",
        "measure: {fact: won, aggregate: count}\n    reading: true",
        [
            "metrics.yaml:10:5 two-contracts metric `deals_won` says twice where its values come from: measure and reading",
        ],
    ),
    (
        "approvers: [Sales Ops]",
        "approvers: [Sales Ops, SalesOps]",
        [
            (
                "playbooks/budget.yaml:6:24 approver-twice playbook `budget` names the approver `Sales Ops` twice (an approval by the role counts once: "
                "name another role where two persons should approve)"
            ),
        ],
    ),
    (
        "within: next cycle",
        "within: 0h",
        [
            "playbooks/budget.yaml:28:52 wrong-type nothing is undone within `0h`: every reversal would be late (give a duration above zero)",
        ],
    ),
    (
        "approvers: [Sales Ops]",
        "approvers: []",
        [
            "playbooks/budget.yaml:6:1 no-approvers playbook `budget` names no approvers (a decision nobody approves cannot be executed: name a role)",
        ],
    ),
    (
        "approvers: [Sales Ops]\n",
        "approvers:\n",
        [
            "playbooks/budget.yaml:6:1 no-approvers playbook `budget` names no approvers (a decision nobody approves cannot be executed: name a role)",
        ],
    ),
    (
        "approvers: [Sales Ops]\n",
        "",
        [
            "playbooks/budget.yaml:1:1 no-approvers playbook `budget` names no approvers (a decision nobody approves cannot be executed: name a role)",
        ],
    ),
    (
        "sales > floor",
        "sales > $1",
        [
            "book.yaml:25:3 unused-threshold the shared threshold `floor` is declared and never used",
        ],
    ),
    (
        "deal_size ≥ size_min and",
        "",
        [
            "playbooks/budget.yaml:19:3 unused-threshold threshold `size_min` of playbook `budget` is declared and never used",
        ],
    ),
    (
        "size_min: $100",
        "sales: $100",
        [
            "playbooks/budget.yaml:19:3 name-twice playbook `budget` gives the name `sales` to two things (it is one of the inputs already)",
            "playbooks/budget.yaml:22:23 unknown-name unknown name `size_min`",
        ],
    ),
    (
        "size_min: $100",
        "floor: $100",
        [
            "playbooks/budget.yaml:19:3 name-twice playbook `budget` gives the name `floor` to two things (it is a threshold shared by all playbooks already)",
            "playbooks/budget.yaml:22:23 unknown-name unknown name `size_min`",
        ],
    ),
    (
        "inputs: [sales, deals_won]\n    formula: sales / deals_won",
        "inputs: [deal_size, sales]\n    formula: sales / deal_size",
        [
            "metrics.yaml:23:5 unit-mismatch metric `deal_size` is declared in `USD/count`, but its formula gives `count`",
            "metrics.yaml:17:5 cycle metrics that rest on themselves: deal_size → deal_size (take one of them out of another's inputs)",
        ],
    ),
    (
        "of: amount}",
        "of: amount}\n    n: deal_size",
        [
            "metrics.yaml:18:5 cycle metrics that rest on themselves: deal_size → sales → deal_size (take one of them out of another's inputs)",
        ],
    ),
    (
        "grain: [channel, month]\n    owner: Finance\n    inputs",
        "grain: [segment, month]\n    owner: Finance\n    inputs",
        [
            "metrics.yaml:17:5 grains-do-not-meet metric `deal_size` is by `segment` and `month`, its input `deals_won` by `channel` and `month`: they do not meet at `segment` (write on the binding of `deals_won` one of `allocate: {segment: same}`, `overall: [segment]`, `dimensions: {segment: <its column>}`)",
            "metrics.yaml:17:5 grains-do-not-meet metric `deal_size` is by `segment` and `month`, its input `sales` by `channel` and `month`: they do not meet at `segment` (write on the binding of `sales` one of `allocate: {segment: same}`, `overall: [segment]`, `dimensions: {segment: <its column>}`)",
            "playbooks/budget.yaml:12:3 grains-do-not-meet input `deal_size` is by `segment`, but playbook `budget` decides for each `channel` (read a metric by `channel`, or write `overall: true` to take all together)",
        ],
    ),
    (
        "grain: [channel, month]\n    owner: Finance\n    inputs",
        "grain: [channel, region, month]\n    owner: Finance\n    inputs",
        [
            "metrics.yaml:17:5 grains-do-not-meet metric `deal_size` is by `channel`, `region` and `month`, its input `deals_won` by `channel` and `month`: they do not meet at `region` (write on the binding of `deals_won` one of `allocate: {region: same}`, `overall: [region]`, `dimensions: {region: <its column>}`)",
            "metrics.yaml:17:5 grains-do-not-meet metric `deal_size` is by `channel`, `region` and `month`, its input `sales` by `channel` and `month`: they do not meet at `region` (write on the binding of `sales` one of `allocate: {region: same}`, `overall: [region]`, `dimensions: {region: <its column>}`)",
        ],
    ),
    (
        WHEN,
        "when: >5",
        [
            "playbooks/budget.yaml:22:11 empty-block `>` begins a block in YAML, so nothing of this expression is left (put the expression in quotes)",
        ],
    ),
    (
        WHEN,
        "when: |\n",
        [
            "playbooks/budget.yaml:22:11 empty-block `|` begins a block in YAML, so nothing of this expression is left (put the expression in quotes)",
        ],
    ),
    (
        WHEN,
        "when: deal_size ≥ size_min and sales > #floor",
        [
            "playbooks/budget.yaml:22:11 comment-in-expression `#floor` is a comment to YAML, not part of the expression (put the expression in quotes)",
            "playbooks/budget.yaml:22:43 bad-expression a value is missing after `>` (YAML takes `#floor` for a comment: quote the expression if it is part of it)",
        ],
    ),
    (
        WHEN,
        "when: deal_size ≥ size_min and sales > floor #2",
        [
            "playbooks/budget.yaml:22:11 comment-in-expression `#2` is a comment to YAML, not part of the expression (put the expression in quotes)",
        ],
    ),
    (
        "within: next cycle",
        "within: &slow next cycle",
        [
            "playbooks/budget.yaml:28:52 anchor an anchor (`&slow`) (rule files have no anchors and aliases)",
        ],
    ),
    (
        "within: next cycle",
        "within: *slow",
        [
            "playbooks/budget.yaml:28:52 alias an alias (`*slow`) (write the value out: a rule is read where it stands)",
        ],
    ),
    (
        "within: next cycle",
        "within: !!str next cycle",
        [
            "playbooks/budget.yaml:28:52 tag a tag (`tag:yaml.org,2002:str`) (leave it out: the field's own type decides)",
        ],
    ),
    (
        "period: month\n",
        "period: month\n<<: {owner: Finance}\n",
        [
            "playbooks/budget.yaml:5:1 merge-key a merge key (`<<`) (write the keys out)",
        ],
    ),
    (
        "period: month\n",
        "period: month\n[a, b]: c\n",
        [
            "playbooks/budget.yaml:5:1 bad-key a key that is not a plain text",
        ],
    ),
    (
        "period: month\n",
        "period: month\n---\nplaybook: other\n",
        [
            "playbooks/budget.yaml:5:1 several-documents a second YAML document (`---`) in one file (put it in a file of its own)",
        ],
    ),
    (
        "note: small}",
        "note: [[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]}",
        [
            "playbooks/budget.yaml:8:45 too-deep nesting deeper than 20 levels",
        ],
    ),
    (
        "note: small}",
        "note: sm\x07all}",
        [
            "playbooks/budget.yaml:8:28 bad-yaml a character that YAML does not allow: U+0007 (control characters cannot stand in a rule file)",
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[f"{number:02}-{new.strip()[:30]}" for number, (_, new, _) in enumerate(CASES)])
def test_a_mistake_is_reported_at_its_place_and_alone(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    """An author would be sent to the wrong place, told something else, or buried under what follows from the mistake."""
    folder = write(tmp_path, changed(old, new))
    assert expected == findings(folder, Severity.ERROR, Severity.WARNING)


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        (WHEN, "when: > 5", "playbooks/budget.yaml:22", "put the text in quotes: YAML gives `>` at its start a meaning of its own"),
        ("period: month\n", "period: month\n\tcadence: weekly\n", "playbooks/budget.yaml:5", "indent with spaces, not tabs"),
        ("slos: [metric_age]", "slos: [metric_age", "playbooks/budget.yaml:10", "close the bracket"),
        ("note: small}", "note: small: tiny}", "playbooks/budget.yaml:8", "put a text that has a bracket, a comma or a colon in quotes"),
        ("note: small}", "note: small}\ntitle: Budget: more", "playbooks/budget.yaml:9", "put a text that contains `: ` in quotes"),
    ],
)
def test_what_yaml_cannot_read_is_placed_and_explained(tmp_path: Path, old: str, new: str, place: str, hint: str) -> None:
    """An author would only see the parser's own words, which do not say what to write."""
    (found,) = findings(write(tmp_path, changed(old, new)), Severity.ERROR)
    assert (place, "bad-yaml") == (found.split(" ")[0].rpartition(":")[0], found.split(" ")[1])
    assert hint in found


def test_the_small_rule_book_has_nothing_wrong_with_it(tmp_path: Path) -> None:
    """Every case above would prove nothing: it could be the book, not the mistake."""
    assert [] == findings(write(tmp_path, FILES), Severity.ERROR, Severity.WARNING)


def test_all_mistakes_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    """An author would fix one, load again, and be told the next."""
    files = {
        "book.yaml": BOOK.replace("source: crm", "source: cmr"),
        "metrics.yaml": METRICS.replace("    definition: Deals won\n", ""),
        "playbooks/budget.yaml": PLAYBOOK.replace("approvers: [Sales Ops]", "approvers: []").replace("size_min and sales", "size_min and sale"),
    }
    expected = [
        "book.yaml:13:13 unknown-source",
        "metrics.yaml:10:5 missing-key",
        "playbooks/budget.yaml:6:1 no-approvers",
        "playbooks/budget.yaml:22:36 unknown-name",
    ]
    found = findings(write(tmp_path, files), Severity.ERROR)
    assert expected == [" ".join(line.split(" ")[:2]) for line in found]
    with pytest.raises(RuleBookError) as raised:
        Engine.load(tmp_path)
    assert found == [line_of(issue, tmp_path) for issue in raised.value.issues]
    assert "4 problems in the rule book" == str(raised.value).splitlines()[0]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("label: CRM,", "label: CRM, max_age: 999999999999w,", "wrong-type"),
        ("label: CRM,", f"label: CRM, max_age: {'9' * 5000}d,", "wrong-type"),
        ("within: next cycle", "within: 999999999999w", "wrong-type"),
        ("of: amount}", "of: amount, empty: 1e999999999}", "wrong-type"),
        ("of: amount}", f"of: amount, empty: {'9' * 5000}}}", "wrong-type"),
        ("size_min: $100", "size_min: 1e999999999", "bad-expression"),
        ("<24h)", "<99999999999999999h)", "bad-expression"),
        ("Tue 10:00 ET", "Q-99999999999999999999d", "bad-expression"),
    ],
)
def test_a_number_too_large_to_hold_is_a_wrong_type(tmp_path: Path, old: str, new: str, code: str) -> None:
    """A slip of the keyboard would end in an OverflowError, or in a minute of arithmetic."""
    assert [code] == [line.split(" ")[1] for line in findings(write(tmp_path, changed(old, new)), Severity.ERROR)]


TEST = "positive: {assert: amount ≥ $0, break_action: quarantine_record}"
FACT = "won: {entity: deals, time: closed}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (TEST, "listed: {enum: channel, values: [Ads, Mail]}", []),
        (TEST, "filled: {required: [id, channel]}", []),
        (TEST, "once: {unique: [id]}", []),
        (TEST, "known: {reference: [channel], entity: deals}", []),
        (TEST, "typed: {kind: schema}", []),
        (TEST, "filled: {required: [id, chanel]}", ["unknown-column `required` of test `filled` names `chanel`, which is no column"]),
        (TEST, "known: {reference: [channel], entity: deal}", ["unknown-entity test `known` refers to the entity `deal`, which is not declared"]),
        (
            TEST,
            "both: {unique: [id], required: [id]}",
            ["two-tests test `both` is of two kinds, required and unique", "unknown-key test `both` has no key `unique`"],
        ),
        (TEST, "none: {break_action: quarantine_record}", ["missing-key test `none` does not say what it tests"]),
        (FACT, "won: {entity: deals, time: closed, lookups: {size: {entity: deals, column: amount, by: id}}}", []),
        (FACT, "won: {entity: deals, time: closed, derive: {half: amount / 2}, where: half > $1}", []),
        (FACT, "won: {entity: deals, time: closed, elapsed: {wait: [closed, closed]}, where: wait < 2h}", []),
        (
            FACT,
            "won: {entity: deals, time: closed, lookups: {size: {entity: deals, column: amont, by: ID}}}",
            ["unknown-column lookup `size` goes by `ID`, which is no column of fact `won`", "unknown-column entity `deals` has no column `amont`"],
        ),
        (FACT, "won: {entity: deals, time: closed, elapsed: {wait: [closed]}}", ["wrong-type `wait` is a list of two instants: from, to"]),
        (FACT, "won: {entity: deals, time: open}", ["unknown-column fact `won` counts periods by `open`, which is no column"]),
        (FACT, "won: {entity: deals, time: closed, where: amount * 2}", ["not-a-condition `amount * 2` is not true or false"]),
        (FACT, "won: {entity: deals, time: closed, where: chanel == 'x'}", ["unknown-name unknown name `chanel`"]),
    ],
)
def test_row_tests_and_facts_are_checked_against_their_columns(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    """A contract test or a lookup would name a column that is not there, and be found out in the middle of a run."""
    found = findings(write(tmp_path, changed(old, new)), Severity.ERROR)
    assert sorted(expected) == sorted(line.split(" ", 1)[1].partition(" (")[0] for line in found)


def test_a_bad_expression_is_shown_with_a_caret(tmp_path: Path) -> None:
    """An author would have to count columns."""
    loaded = read_book(write(tmp_path, changed(WHEN, "when: deal_size ≥ size_min and and sales > floor")))
    (found,) = [issue for issue in loaded.issues if issue.code == "bad-expression"]
    assert ["    deal_size ≥ size_min and and sales > floor", " " * 29 + "^^^"] == found.excerpt.splitlines()


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (WHEN, 'when: "deal_size ≥ size_min and oops > floor and sales > 1"', 37),
        (WHEN, "when: 'deal_size ≥ size_min and oops > floor and sales > 1'", 37),
        (WHEN, "when: deal_size ≥ size_min and oops > floor and sales > 1", 36),
    ],
)
def test_the_place_is_true_in_quotes_too(tmp_path: Path, old: str, new: str, column: int) -> None:
    """The place would be off by the quote, or counted in bytes."""
    (found,) = findings(write(tmp_path, changed(old, new)), Severity.ERROR)
    assert f"playbooks/budget.yaml:22:{column} unknown-name" == " ".join(found.split(" ")[:2])


@pytest.mark.parametrize(
    ("new", "place"),
    [
        ("when: |\n      deal_size ≥ size_min and\n      oops > floor and\n      sales > 1", "24:7"),
        ("when: >-\n      deal_size ≥ size_min and\n\n      oops > floor and sales > 1", "25:7"),
        ("when: deal_size ≥ size_min and\n      sales > 1 and oops > floor", "23:21"),
        ('when: "deal_size \\u2265 size_min and\n      oops > floor"', "23:7"),
        ('when: "deal_size \\u2265 size_min and oops > floor"', "22:42"),
        ("when: 'deal_size ≥ size_min and is_missing(''a'') or oops > floor'", "22:58"),
    ],
)
def test_the_place_is_true_over_several_lines_and_behind_escapes(tmp_path: Path, new: str, place: str) -> None:
    """A mistake in the third line of a condition would be reported at its first."""
    found = findings(write(tmp_path, changed(WHEN, new)), Severity.ERROR)
    assert f"playbooks/budget.yaml:{place} unknown-name" in [" ".join(line.split(" ")[:2]) for line in found]


def test_a_scalar_becomes_what_its_field_says(tmp_path: Path) -> None:
    """YAML's guesses would reach a rule: `no` as False, `1e-6` as a text, `12:30` as 750, `0x10` as 16, `1.10` as 1.1."""
    files = {
        "book.yaml": BOOK.replace("label: CRM", "label: no").replace('version: "1.0"', "version: 1.10").replace("Tue 10:00 ET", "Tue 12:30 ET"),
        "metrics.yaml": METRICS.replace("of: amount}", "of: amount, empty: 1e-6}\n    version: 0x10\n    max_quarantined: 2.5%"),
        "playbooks/budget.yaml": PLAYBOOK.replace("note: small", "note: null").replace("size_min: $100", "size_min: 1e-6"),
    }
    loaded = read_book(write(tmp_path, files))
    assert [] == [str(issue) for issue in loaded.issues if issue.severity is Severity.ERROR]
    book = loaded.book
    assert ("no", "1.10", "null") == (book.sources["crm"].label, book.version, book.playbooks["budget"].risk.note)
    sales = book.metrics["sales"]
    assert (1e-6, "0x10", 0.025) == (sales.measure.empty if sales.measure else None, sales.version, sales.max_quarantined)
    assert 1e-6 == book.playbooks["budget"].thresholds["size_min"].value.evaluate({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[−1.0, −0.3]", "[−1.0, −0.3]"),
        ("[-1.0, -0.3]", "[-1.0, -0.3]"),
        ('"[0, 1)"', "[0, 1)"),
    ],
)
def test_an_interval_may_be_written_without_quotes(tmp_path: Path, text: str, expected: str) -> None:
    """`E_range: [-1.0, -0.3]`, which YAML takes for a list, would be refused."""
    files = changed(WHEN, "when: deal_size ≥ size_min and sales > floor and shift in E_range")
    files["playbooks/budget.yaml"] = files["playbooks/budget.yaml"].replace("size_min: $100", f"size_min: $100\n  E_range: {text}")
    loaded = read_book(write(tmp_path, files))
    assert [] == [str(issue) for issue in loaded.issues if issue.severity is Severity.ERROR]
    assert expected == loaded.book.playbooks["budget"].thresholds["E_range"].text


def test_the_reference_rule_book_loads_without_a_word() -> None:
    """What a new user copies would greet them with errors or warnings."""
    assert [] == findings(reference_rules(), Severity.ERROR, Severity.WARNING)


def test_the_notes_about_the_reference_rule_book_are_these() -> None:
    """A note would come or go unseen: each of these is meant, and the files say why."""
    loaded = read_book(reference_rules())
    notes = {issue.code for issue in (*loaded.issues, *check(loaded.book)) if issue.severity is Severity.NOTE}
    assert notes <= {"bare-number", "hidden-zero", "money-per-thing", "small-sample", "taken-together", "unknown-monitor", "unread-metric", "unused-role"}
    assert "hidden-zero" in notes


def test_nothing_of_a_metric_or_a_decision_is_evaluated_at_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a rule book would run what is in it: only literals, thresholds and defaults, are ever worked out."""
    seen: list[object] = []
    original = Reference.__init__

    def spy(self: Reference, values: object, *args: object, **kwargs: object) -> None:
        seen.append(values)
        original(self, values, *args, **kwargs)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(Reference, "__init__", spy)
    read_book(reference_rules())
    assert [] == [values for values in seen if isinstance(values, dict) and set(values) - {"value"}]


def test_the_hash_is_of_the_meaning_not_the_layout(tmp_path: Path) -> None:
    """A comment or another order of files would make every decision a new one; or a changed threshold would not."""
    first = read_book(write(tmp_path / "a", FILES)).book
    moved = {"z.yaml": "# a comment\n" + BOOK, "a.yaml": METRICS, "b/c.yml": PLAYBOOK.replace("keys: [channel]}", "keys:   [ channel ]}")}
    same = read_book(write(tmp_path / "b", moved)).book
    other = read_book(write(tmp_path / "c", changed("size_min: $100", "size_min: $101"))).book
    assert first.hash == same.hash
    assert first.hash != other.hash


def test_a_name_in_two_files_is_reported_with_both_places(tmp_path: Path) -> None:
    """The file read last would win without a word."""
    folder = write(tmp_path, {**FILES, "zz.yaml": "sources:\n  crm: {label: Another}\n"})
    (found,) = findings(folder, Severity.ERROR)
    assert "zz.yaml:2:3 duplicate-key `crm` stands in `sources` a second time (first at book.yaml:10:3)" == found


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("damage", ["roles: [", "\x00", "---\n---\n", "a: " + "[" * 30])
def test_a_file_that_cannot_be_read_is_the_only_finding(tmp_path: Path, name: str, damage: str) -> None:
    """One open bracket in the file of metrics would be buried under a hundred metrics that nobody can find."""
    found = findings(write(tmp_path, {**FILES, name: damage + "\n" + FILES[name]}), Severity.ERROR)
    assert 1 == len(found)
    assert found[0].startswith(f"{name}:")


@pytest.mark.parametrize("case", ["missing", "a file", "empty", "unreadable", "not UTF-8", "too large", "a list", "an empty file"])
def test_a_folder_that_cannot_be_read_says_so(tmp_path: Path, case: str) -> None:
    """A wrong path would raise an OSError, or load as an empty rule book."""
    folder, words = tmp_path / "rules", ""
    if case == "missing":
        words = "no-rules the rules folder"
    elif case == "a file":
        folder.write_text("x")
        words = "is a file, not a folder"
    elif case == "empty":
        folder.mkdir()
        words = "there is no rule file (`*.yaml`)"
    else:
        write(folder, FILES)
        bad = folder / "bad.yaml"
        if case == "unreadable":
            bad.mkdir()
            words = "bad.yaml unreadable cannot be read"
        elif case == "not UTF-8":
            bad.write_bytes("a: é".encode("latin-1"))
            words = "bad.yaml:1:1 bad-encoding not UTF-8: byte 3 (save the file as UTF-8)"
        elif case == "too large":
            bad.write_text("#" * (LARGEST_FILE + 1))
            words = "bad.yaml:1:1 too-large a rule file of 2,000,001 characters"
        elif case == "a list":
            bad.write_text("- a\n- b\n")
            words = "bad.yaml:1:1 wrong-type a rule file is a mapping of sections"
        else:
            bad.write_text("\n# nothing yet\n")
    found = findings(folder, Severity.ERROR)
    assert (1 if words else 0) == len(found)
    assert words in "".join(found)


def test_a_byte_order_mark_and_other_line_ends_change_nothing(tmp_path: Path) -> None:
    """A file saved on Windows would be refused, or its places would be wrong."""
    files = changed("deal_size: deal_size", "deal_size: deal_sise")
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (found,) = findings(tmp_path, Severity.ERROR)
    assert "playbooks/budget.yaml:12:14 unknown-metric" == " ".join(found.split(" ")[:2])


def test_cases_and_hidden_files_are_no_rule_files(tmp_path: Path) -> None:
    """The cases beside the rules, or an editor's backup, would be read as rules."""
    folder = write(tmp_path, {"a.yaml": "", "cases.yaml": "", ".hidden.yaml": "", ".git/b.yaml": "", "more/c.yml": "", "notes.md": ""})
    assert ["a.yaml", "more/c.yml"] == [path.relative_to(folder).as_posix() for path in rule_files(folder)]


def test_a_deep_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Fifty thousand brackets would end in a RecursionError, or in a crash."""
    folder = write(tmp_path, {**FILES, "deep.yaml": "a: " + "[" * 50_000})
    (found,) = findings(folder, Severity.ERROR)
    assert re.fullmatch(r"deep\.yaml:1:\d+ too-deep nesting deeper than 20 levels", found)  # the column is that of the cap met first, ours or PyYAML's


SOURCES = tuple(FILES.items())
SNIPPETS = (
    "[",
    "]",
    "{",
    "}",
    ":",
    " ",
    "\n",
    "\t",
    "#",
    '"',
    "'",
    "&a ",
    "*a",
    "!!int ",
    "---\n",
    "%",
    ">",
    "|",
    "\x00",
    "\u2028",
    "\x85",
    "é",
    "∈",
    "`",
    "- ",
    "1e999",
    "no",
)


@st.composite
def edits(draw: st.DrawFn) -> dict[str, bytes]:
    """The small rule book with some bytes of one file dropped, doubled, or replaced by what means something to YAML."""
    files = {name: text.encode() for name, text in SOURCES}
    name = draw(st.sampled_from(sorted(files)))
    data = files[name]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 30)))
        data = data[:start] + draw(st.one_of(st.sampled_from(SNIPPETS).map(str.encode), st.binary(max_size=6), st.just(data[start:end] * 2))) + data[end:]
    return {**files, name: data}


def problems(folder: Path, files: dict[str, bytes]) -> Iterator[Issue]:
    """Everything found in a folder of these bytes."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    loaded = read_book(folder)
    yield from loaded.issues
    yield from check(loaded.book)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits())
def test_no_edit_of_a_rule_file_raises_anything(tmp_path: Path, files: dict[str, bytes]) -> None:
    """A typing slip would show a traceback of the parser instead of a finding with its place."""
    for issue in problems(tmp_path, files):
        assert issue.code
        assert issue.message
        if issue.where.line:
            lines = Path(issue.where.file).read_bytes().decode("utf-8", "replace").splitlines()
            assert issue.where.line <= len(lines) + 1


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.integers(0, 10**6).map(lambda seed: "".join(random.Random(seed).choices(SNIPPETS, k=12))))
def test_no_text_makes_the_yaml_reader_raise(text: str) -> None:
    """Some character, or some order of brackets, would escape as an exception of the YAML library."""
    node, issues = read_nodes(text, "x.yaml")
    assert node is not None or issues or not text.strip() or all(line.lstrip().startswith(("#", "%")) or not line.strip() for line in text.splitlines())


def test_an_empty_rule_file_is_told(tmp_path: Path) -> None:
    """A file saved empty by mistake would take its decisions along without a word."""
    (tmp_path / "playbooks.yaml").write_text("", encoding="utf-8")
    found = [issue for issue in read_book(tmp_path).issues if issue.code == "empty-file"]
    assert ["an empty rule file"] == [issue.message for issue in found]
