"""Documents made of records and graphs: decision memos in Markdown, and diagrams in Mermaid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from decision_os.record import DecisionRecord, Outcome, Status
from decision_os.record.explanation import condition_words, event_words, fate, headline, input_name, lever, moment, remedy, shown, verdict

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["event_words", "graph_mermaid", "memo", "memos"]

# What Markdown would read as something else: anywhere, at an edge of a word, or at the start.
_MARKDOWN: Final = re.compile(r"[\\`*\[<|~&]|(?<![^\W_])_|_(?![^\W_])|^>|^[#+=-]+(?=\s|$)")
_MERMAID: Final = {ord(ch): f"#{ord(ch)};" for ch in "#\"'`<>&|[](){}\\"} | {ord("\n"): " ", ord("\r"): " "}
_KINDS: Final = ("source", "entity", "test", "fact", "metric", "decision")


def memo(record: DecisionRecord) -> str:
    """The decision memo of one record, in Markdown; whatever the rule book or the data say stays text, in tables too.

    The headings are those of the memo template: Decision, Context, Options Considered, Metrics & Contracts Referenced, Decision &
    Thresholds, Risk & Reversal, Owners & Approvals, Monitoring Plan (dashboards).
    """
    return "\n".join(_memo(record, "#")) + "\n"


def memos(records: Iterable[DecisionRecord]) -> str:
    """One Markdown document: a table of all the decisions, then the memo of each."""
    kept = tuple(records)
    rows = [(r.title or r.node, r.subject, r.period, r.outcome.value, r.action or "", ", ".join(r.unknowns)) for r in kept]
    lines = ["# Decision memos", "", *_table(("decision", "subject", "period", "outcome", "action", "unknown"), rows)]
    for record in kept:
        lines += ["", *_memo(record, "##")]
    return "\n".join(lines) + "\n"


def _memo(record: DecisionRecord, level: str) -> Iterator[str]:
    yield f"{level} {_text(f'{record.title or record.node} for {record.subject}, {record.period}')}"
    for title, body in (
        ("Decision", [_text(headline(record))]),
        ("Context", _context(record)),
        ("Options Considered", _options(record)),
        ("Metrics & Contracts Referenced", _metrics(record)),
        ("Decision & Thresholds", _thresholds(record)),
        ("Risk & Reversal", _risk(record)),
        ("Owners & Approvals", _owners(record)),
        ("Monitoring Plan (dashboards)", _monitoring(record)),
    ):
        yield from ("", f"{level}# {title}", "", *(body or ["None."]))


def _context(record: DecisionRecord) -> list[str]:
    checks = [(check.label or check.id, check.text, _held(check.holds)) for check in record.evidence.pre_checks]
    facts = _list(
        f"Playbook {record.node} {record.version}, rule book {record.rule_book} ({record.rule_book_hash})",
        f"Decided {moment(record.timestamp)}; status {record.status.value}; record {record.id}",
        *record.notes,
        *(f"{cause}. To settle it: {remedy(cause)}" for cause in record.causes),
    )
    return [*facts, *(["", *_table(("pre-check", "asks", "answer"), checks)] if checks else [])]


def _options(record: DecisionRecord) -> list[str]:
    blocked = record.outcome is Outcome.BLOCKED
    rows = [
        (
            branch.action or branch.id,
            branch.text,
            fate(branch, blocked=blocked),
            ". ".join(condition_words(condition) for condition in branch.conditions if branch.taken or condition.holds is not True),
        )
        for branch in record.evidence.branches
    ]
    otherwise = (record.otherwise, "otherwise", "chosen" if record.outcome is Outcome.HOLD else "not chosen", "")
    return _table(("option", "when", "result", "why"), [*rows, otherwise])


def _metrics(record: DecisionRecord) -> list[str]:
    rows = [
        (
            input_name(taken),
            shown(taken.value, taken.unit),
            taken.metric,
            taken.version or "",
            taken.period or "",
            "" if taken.n is None else str(taken.n),
            taken.age if taken.loaded_at is None else moment(taken.loaded_at),
        )
        for taken in record.inputs
    ]
    where = _list(f"{record.inputs_version}, inputs {record.inputs_hash}")
    return [*where, "", *_table(("input", "value", "metric", "version", "period", "n", "loaded"), rows)]


def _thresholds(record: DecisionRecord) -> list[str]:
    named = [(name, text) for name, text in record.thresholds.items()]
    facts = _list(
        verdict(record),
        *(lever(action) for action in record.actions if action.lever),
        *(part for action in record.actions for part in action.parts),
        *(f"{name}: chosen {shown(value)}, recommended {shown(record.recommended.get(name))}" for name, value in record.chosen.items()),
        *(f"{item.name}: {item.text}" for item in record.evidence.projections),
    )
    return [*facts, *(["", *_table(("threshold", "value"), named)] if named else [])]


def _risk(record: DecisionRecord) -> list[str]:
    plan = record.reversal_plan
    return _list(
        f"Risk: {record.risk_notes or 'none stated'}{f' ({record.risk_level})' if record.risk_level else ''}",
        f"Reversibility: {record.reversibility}" if record.reversibility else "",
        f"Reversal: {plan.plan}, within {plan.within}, by {plan.owner}",
        *plan.steps,
        f"Reversal outcome: {record.reversal_outcome}" if record.reversal_outcome else "",
        *(line for event in record.life if event.reversal is not None for line in event_words(event)),
    )


def _owners(record: DecisionRecord) -> list[str]:
    review = "" if record.review_date is None else f"Review: {moment(record.review_date)} {record.review_agenda}"
    awaited = "Still to approve" if record.status is Status.PROPOSED else "Approvers"
    steps = [line for event in record.life if event.report is None and event.reversal is None for line in event_words(event)]
    return _list(f"Owner: {record.owner}", f"{awaited}: {', '.join(record.approvers)}", review, *steps)


def _monitoring(record: DecisionRecord) -> list[str]:
    if not record.monitoring:
        return []
    rows = [
        (plan.id, plan.metric, plan.condition, "" if plan.forecast is None else shown(plan.forecast, plan.unit), plan.every, plan.lasts)
        for plan in record.monitoring
    ]
    table = _table(("watch", "metric", "within", "forecast", "every", "for"), rows)
    basis = _list(*dict.fromkeys(plan.basis for plan in record.monitoring))
    seen = _list(*(line for event in record.life if event.report is not None for line in event_words(event)))
    return [*table, *(["", *basis] if basis else []), *(["", *seen] if seen else [])]


def _held(holds: bool | None) -> str:
    return "unknown" if holds is None else "yes" if holds else "no"


def _list(*items: str) -> list[str]:
    return [f"- {_text(item)}" for item in items if item]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *([_text(cell) for cell in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines]


def _text(words: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(words.split()))


def graph_mermaid(graph: nx.DiGraph[str]) -> str:
    """A graph as a Mermaid flow chart, one box of nodes for each `kind`; the label is the node's `label`, or its name.

    >>> import networkx as nx
    >>> graph = nx.DiGraph()
    >>> graph.add_node("metric:cac", kind="metric", label="CAC")
    >>> print(graph_mermaid(graph))
    flowchart LR
      subgraph metric
        n0["CAC"]
      end
    <BLANKLINE>
    """
    ids = {node: f"n{number}" for number, node in enumerate(graph)}
    by_kind: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for node, data in graph.nodes(data=True):
        label = str(data.get("label") or node).translate(_MERMAID)
        by_kind.setdefault(str(data.get("kind", "other")), []).append(f'    {ids[node]}["{label}"]')
    lines = ["flowchart LR"]
    for kind, nodes in by_kind.items():
        if nodes:
            lines += [f"  subgraph {kind.translate(_MERMAID)}", *nodes, "  end"]
    lines += [f"  {ids[start]} --> {ids[end]}" for start, end in graph.edges]
    return "\n".join(lines) + "\n"
