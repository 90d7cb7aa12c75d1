"""A small rule book for tests, with one of each thing and nothing wrong with it, and ways to break it."""

from __future__ import annotations

import os
from pathlib import Path

from decision_os.errors import Issue, Severity
from decision_os.lint import check
from decision_os.wire import read_book

__all__ = ["BOOK", "FILES", "METRICS", "PLAYBOOK", "changed", "findings", "line_of", "write"]

BOOK = """\
rule_book: {id: TEST, version: "1.0", zone: America/New_York, currency: USD}
roles:
  finance: {label: Finance}
  sales_ops: {label: Sales Ops, aliases: [SalesOps]}
review_cadence:
  weekly: {when: "Tue 10:00 ET", agenda: [routing]}
freshness_slos:
  metric_age: {objective: "P(MetricAge<24h)≥0.98", covers: [crm]}
sources:
  crm: {label: CRM, owner: finance}
entities:
  deals:
    source: crm
    key: [id]
    columns:
      id: {type: identifier}
      channel: {type: category}
      amount: {type: money}
      closed: {type: date}
    tests:
      positive: {assert: amount ≥ $0, break_action: quarantine_record}
facts:
  won: {entity: deals, time: closed}
thresholds:
  floor: $5
"""

METRICS = """\
metrics:
  sales:
    label: Sales
    definition: Money won
    unit: USD
    grain: [channel, month]
    owner: Finance
    measure: {fact: won, aggregate: sum, of: amount}
  deals_won:
    label: Deals
    definition: Deals won
    unit: count
    grain: [channel, month]
    owner: Finance
    measure: {fact: won, aggregate: count}
  deal_size:
    label: Deal size
    definition: Sales over deals
    unit: USD/count
    grain: [channel, month]
    owner: Finance
    inputs: [sales, deals_won]
    formula: sales / deals_won
    qa_tests:
      - {name: sane, assert: deal_size < $1M, break_action: block_publish_and_page_owner}
"""

PLAYBOOK = """\
playbook: budget
version: "1.0"
subject: {id: channel, keys: [channel]}
period: month
owner: Finance
approvers: [Sales Ops]
reversibility: high
risk: {level: low, note: small}
cadence: weekly
slos: [metric_age]
inputs:
  deal_size: deal_size
  sales: sales
pre_checks:
  slo: {when: slo_green}
parameters:
  shift: {range: "[5%, 10%]", default: "8%"}
thresholds:
  size_min: $100
branches:
  more:
    when: deal_size ≥ size_min and sales > floor
    action: raise
actions:
  raise:
    text: +{shift} budget
    lever: {name: budget, before: sales, after: sales * (1 + shift)}
reversal: {plan: revert, steps: [restore], within: next cycle}
monitoring:
  sales: {metric: sales, keep: sales ≥ baseline, every: 1w, lasts: 4w}
"""

FILES = {"book.yaml": BOOK, "metrics.yaml": METRICS, "playbooks/budget.yaml": PLAYBOOK}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Those files, in that folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def findings(folder: Path, *severities: Severity) -> list[str]:
    """What reading and linting a folder find, each as its line, without the folder's own name."""
    loaded = read_book(folder)
    issues = [issue for issue in (*loaded.issues, *check(loaded.book)) if issue.severity in severities]
    return [line_of(issue, folder) for issue in issues]


def line_of(issue: Issue, folder: Path) -> str:
    """One finding as people see it, without the excerpt below it."""
    return str(issue).splitlines()[0].replace(f"{folder}{os.sep}", "").replace(str(folder), "rules").replace(os.sep, "/")


def changed(old: str, new: str) -> dict[str, str]:
    """The small rule book with one text changed: it has to stand in one place of one file."""
    hits = [name for name, text in FILES.items() if old in text]
    assert [1] == [FILES[name].count(old) for name in hits], old
    return {name: text.replace(old, new) for name, text in FILES.items()}
