"""Memos and diagrams: the template's headings, and nothing in a name that turns into markup."""

from __future__ import annotations

import re

import networkx as nx
import pytest

from decision_os.record import Outcome, Status
from decision_os.render import graph_mermaid, memo, memos
from decision_os.values import Cause
from tests.records import record, undecided

HEADINGS = [
    "Decision",
    "Context",
    "Options Considered",
    "Metrics & Contracts Referenced",
    "Decision & Thresholds",
    "Risk & Reversal",
    "Owners & Approvals",
    "Monitoring Plan (dashboards)",
]


def test_the_headings_of_the_template() -> None:
    """A memo would not follow the article's template."""
    assert HEADINGS == re.findall(r"^## (.*)$", memo(record()), re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [
        "# Pricing change for list-price, 2026-Q4",
        "| raise list price | E in E_range and cm_uplift >= cm_uplift_min | fired |",
        "| cut list price | E \\< -1 | was not tried, an earlier branch had decided |",
        "| hold | otherwise | not chosen |",
        "| E | -0.62 | elasticity | 2 | 2026-Q3 | 41 | 2026-10-06 14:00 UTC |",
        "- LAYER-0020-METRICS-v1, inputs sha256:1239",
        "| cm_uplift_min | $3 |",
        "- list_price: $40/seat → $43.20/seat (by $3.20/seat)",
        "- Reversal: price_card_rollback@v2025.10, within 1 hour, by RevOps",
        "- Still to approve: Finance, SalesOps",
        "| bookings | booking_rate | within ±5% of forecast |  | day | 14 days |",
    ],
)
def test_what_a_memo_says(words: str) -> None:
    """A part of the decision would be missing from its memo."""
    assert words in memo(record())


def test_a_hold_has_a_memo_too() -> None:
    """A decision not to act would have no memo, or one that names an action."""
    text = memo(undecided(monitoring=(), causes=(Cause("cac", "missing"),)))
    assert "| hold | otherwise | chosen |" in text
    assert "cac is missing. To settle it: supply it" in text
    assert "## Monitoring Plan (dashboards)\n\nNone.\n" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a|b", "a\\|b"),
        ("line\nbreak", "line break"),
        ("<b>", "\\<b>"),
        ("`x`", "\\`x\\`"),
        ("2*3*4", "2\\*3\\*4"),
        ("[link](javascript:x)", "\\[link](javascript:x)"),
        ("_slanted_ cac_per_sqo", "\\_slanted\\_ cac_per_sqo"),
        ("~~gone~~", "\\~\\~gone\\~\\~"),
        ("&lt;", "\\&lt;"),
        ("a\\|b", "a\\\\\\|b"),
        ("# head", "\\# head"),
        ("- item", "\\- item"),
        ("> quote", "\\> quote"),
        ("-0.62", "-0.62"),
    ],
)
def test_names_stay_text(name: str, expected: str) -> None:
    """A name from a rule or an export would break the table, or turn into markup."""
    row = next(line for line in memos([record(title=name)]).splitlines() if line.endswith("| raise list price +8% |  |"))
    assert f"| {expected} | list-price | 2026-Q4 | act | raise list price +8% |  |" == row


def test_one_document_for_all() -> None:
    """The table before the memos would miss a decision, or a memo would be missing after it."""
    blocked = undecided(subject="other", outcome=Outcome.BLOCKED, status=Status.RECORDED, causes=(Cause("cac", "missing"),))
    text = memos(iter([record(), blocked]))
    assert "| Pricing change | other | 2026-Q4 | blocked |  | cac |" in text
    assert ["# Decision memos"] == re.findall(r"^# .*$", text, re.MULTILINE)
    assert 2 == len(re.findall(r"^## Pricing change for", text, re.MULTILINE))
    assert HEADINGS * 2 == re.findall(r"^### (.*)$", text, re.MULTILINE)


def test_no_decisions() -> None:
    """An empty run would end in an exception instead of an empty document."""
    assert "# Decision memos\n\n| decision |" in memos([])


def test_a_graph() -> None:
    """An edge or a node would be missing from the diagram, or a kind would have two boxes."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node("metric:cac", kind="metric", label="CAC")
    graph.add_node("source:ads", kind="source", label="Ads")
    graph.add_node("metric:ltv", kind="metric")
    graph.add_node("x", kind="strange")
    graph.add_edge("source:ads", "metric:cac")
    expected = """\
flowchart LR
  subgraph source
    n1["Ads"]
  end
  subgraph metric
    n0["CAC"]
    n2["metric:ltv"]
  end
  subgraph strange
    n3["x"]
  end
  n1 --> n0
"""
    assert expected == graph_mermaid(graph)


def test_labels_cannot_leave_their_quotes() -> None:
    """A label with a quote or a bracket would break the diagram, or add to it."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node("a", kind="metric", label='x"] --> y["#quot;<b>\n`z`')
    line = graph_mermaid(graph).splitlines()[2]
    assert 'n0["x#34;#93; --#62; y#91;#34;#35;quot;#60;b#62; #96;z#96;"]' == line.strip()
