"""What a run came to, in plain text for a person and as plain data for a program."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import attrs

from decision_os.engine.result import RunResult, Shift
from decision_os.expr import Condition
from decision_os.freshness import FreshnessReport
from decision_os.record import DecisionRecord, Effect, Outcome
from decision_os.record.explanation import remedy, shown

__all__ = ["decisions", "freshness", "intended", "needs", "quality", "shifts", "statuses", "summary", "to_plain"]

_WIDTH: Final = 110
_NARROWEST: Final = 30
"""The last column of a table is never squeezed below this."""


def summary(result: RunResult, notes: Sequence[str] = (), quarantine: Mapping[str, Path] | None = None) -> str:
    """The whole account of a run: data quality, freshness, decisions, what is needed, effects, shifts."""
    sections = (
        ("Data", quality(result, notes, quarantine)),
        ("Freshness", freshness(result.freshness)),
        ("Decisions", decisions(result.records)),
        ("Still needed", needs(result.records)),
        ("Intended effects", intended(result.effects)),
        ("Net shifts", shifts(result.shifts)),
        ("Not decided", "\n".join(f"  {reason}" for reason in result.skipped)),
    )
    return "\n\n".join(f"{title}\n{body}" for title, body in sections if body)


def quality(result: RunResult, notes: Sequence[str] = (), quarantine: Mapping[str, Path] | None = None) -> str:
    """For each entity: rows in = passed + quarantined, by which tests, and where the quarantined rows went."""
    lines = []
    for entity, checked in result.checked.items():
        lines.append(f"  {entity}: {checked.rows_in:,} rows in = {checked.rows_passed:,} passed + {checked.rows_quarantined:,} quarantined")
        failed = ", ".join(f"{test} {count:,}" for test, count in checked.counts.items() if count)
        if failed:
            lines.append(f"    failed: {failed}")
        if quarantine and entity in quarantine:
            lines.append(f"    quarantined rows: {quarantine[entity]}")
    lines += [_folded(f"note: {note}", "  ") for note in notes]
    return "\n".join(lines)


def freshness(report: FreshnessReport | None) -> str:
    """One line for each promise on each source, broken ones first."""
    if report is None:
        return ""
    worst_first = sorted(report.statuses, key=lambda status: status.green)
    lines = [f"  {str(status).splitlines()[0]}" for status in worst_first]
    return "\n".join([*lines, *(f"  note: {issue.message}" for issue in report.issues)])


def decisions(records: Iterable[DecisionRecord]) -> str:
    """A table for each kind of decision: subject, outcome, action, and why in a few words."""
    blocks = []
    for (title, node, period), group in groupby(records, key=lambda record: (record.title, record.node, record.period)):
        rows = [(record.subject, record.outcome.value.upper(), record.action or "–", _reason(record)) for record in group]
        blocks.append("\n".join([f"  {title or node} ({node}), {period}", *_table(("subject", "outcome", "action", "why"), rows)]))
    return "\n\n".join(blocks)


def needs(records: Iterable[DecisionRecord]) -> str:
    """For each decision that is blocked or undetermined, what it waits for, and what would settle it."""
    lines = []
    for record in records:
        waiting = [f"{cause}: {remedy(cause)}" for cause in record.causes]
        if record.outcome is Outcome.BLOCKED and not waiting:
            waiting = [_reason(record)]
        if record.outcome in (Outcome.BLOCKED, Outcome.UNDETERMINED):
            lines.append(f"  {record.node} · {record.subject}: {record.outcome.value}")
            lines += [_folded(f"- {item}", "    ") for item in waiting]
    return "\n".join(lines)


def intended(effects: Iterable[Effect]) -> str:
    """What the caller is asked to do. The same thing asked for several subjects is one line."""
    counted = Counter((effect.kind, effect.target, effect.reason) for effect in effects)
    return "\n".join(_folded(f"{kind} {target}: {reason}" + (f" (×{count})" if count > 1 else ""), "  ") for (kind, target, reason), count in counted.items())


def shifts(moved: Iterable[Shift]) -> str:
    """The net movement of each lever, and whether it is funded."""
    return "\n".join(
        f"  {shift.lever} ({shift.node}): {shown(shift.wanted, shift.unit)} wanted, {shown(shift.freed, shift.unit)} freed, "
        f"net {shown(shift.net, shift.unit)}{', unfunded' if shift.unfunded else ''}"
        for shift in moved
    )


def to_plain(result: RunResult, notes: Sequence[str] = (), files: Iterable[Path] = ()) -> dict[str, Any]:
    """The run as JSON-able data; records in full form."""
    return {
        "at": result.at.isoformat(),
        "records": [record.to_dict() for record in result.records],
        "data": {
            entity: {
                "rows_in": item.rows_in,
                "rows_passed": item.rows_passed,
                "rows_quarantined": item.rows_quarantined,
                "failed": dict(item.counts),
            }
            for entity, item in result.checked.items()
        },
        "freshness": None if result.freshness is None else statuses(result.freshness),
        "effects": [attrs.asdict(effect) for effect in result.effects],
        "shifts": [{**attrs.asdict(shift), "net": shift.net, "unfunded": shift.unfunded} for shift in result.shifts],
        "skipped": list(result.skipped),
        "notes": list(notes),
        "files": [str(path) for path in files],
    }


def statuses(report: FreshnessReport) -> list[dict[str, Any]]:
    """Each promise on each source as JSON-able data; shares as numbers, times in seconds; a burn rate of infinity is null."""
    return [
        {
            "slo": status.slo.name,
            "source": status.source,
            "share": float(status.share),
            "objective": float(status.slo.objective),
            "green": status.green,
            "fresh": status.fresh,
            "loaded_at": None if status.loaded_at is None else status.loaded_at.isoformat(),
            "oldest_part": status.part,
            "budget_seconds": status.budget.total_seconds(),
            "budget_left_seconds": status.left.total_seconds(),
            "exhausted_in_seconds": None if status.exhausted_in is None else status.exhausted_in.total_seconds(),
            "back_at": None if status.back_at is None else status.back_at.isoformat(),
            "burn": [
                {"window_seconds": burn.window.total_seconds(), "share": float(burn.share), "rate": burn.rate if math.isfinite(burn.rate) else None}
                for burn in status.burns
            ],
            "alerts": [alert.name for alert in status.alerts],
        }
        for status in report.statuses
    ]


# --- why, in a few words -------------------------------------------------------------------------------------------------------


def _reason(record: DecisionRecord) -> str:
    branches = record.evidence.branches
    match record.outcome:
        case Outcome.ACT:
            return "; ".join(f"{branch.id}: {_few(branch.conditions, holding=True)}" for branch in branches if branch.taken)
        case Outcome.UNDETERMINED:
            return "; ".join(str(cause) for cause in record.causes)
        case Outcome.BLOCKED:
            failed = [check for check in record.evidence.pre_checks if check.id in record.blocked_by]
            if not failed:
                return "; ".join(record.notes or record.blocked_by)
            return "; ".join(f"{check.label or check.id}: {_few(check.conditions, holding=False)}" for check in failed)
        case Outcome.HOLD:
            return "; ".join(f"not {branch.id}: {_few(branch.conditions, holding=False)}" for branch in branches if not branch.taken)


def _few(conditions: Sequence[Condition], *, holding: bool) -> str:
    """The first condition that decided, and how many more there are."""
    deciding = [condition for condition in conditions if (condition.holds is True) is holding]
    if not deciding:
        return "see its explanation"
    first = deciding[0]
    if first.holds is None:
        told = "; ".join(str(cause) for cause in first.causes)
    elif first.margin is None:
        told = first.text if holding else f"{first.text} fails"
    else:
        room = shown(abs(first.margin), first.unit).removeprefix("+")
        told = f"{first.text}, {room} {'to spare' if holding else 'short'}"
    return told + (f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else "")


# --- layout -------------------------------------------------------------------------------------------------------------------


def _folded(text: str, indent: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need to be; the last one is wrapped."""
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head) - 1)]
    left = 4 + sum(width + 2 for width in widths)
    room = max(_NARROWEST, _WIDTH - left)
    for row in (head, *rows):
        first, *more = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
        cells = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        yield f"    {cells}{first}".rstrip()
        yield from (" " * left + line for line in more)
