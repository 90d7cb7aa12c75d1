"""A decision in plain words: what was decided, why, why not otherwise, what is unknown and what would settle it."""

from __future__ import annotations

import datetime as dt
import functools
import html
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from decision_os.errors import UnitError
from decision_os.expr import Condition
from decision_os.record.content import ActionTaken, Content, InputTaken, Outcome, Status
from decision_os.record.evidence import BranchEvidence, Shown
from decision_os.record.life import Event, WatchReport
from decision_os.units import Unit, format_value, parse_unit
from decision_os.values import Cause

__all__ = ["as_html", "condition_words", "event_words", "explain", "fate", "headline", "input_name", "lever", "moment", "remedy", "shown", "verdict"]

WIDTH: Final = 100

_REMEDIES: Final[dict[str, str]] = {
    "missing": "supply it",
    "stale": "load it again",
    "quarantined": "repair the quarantined rows, and load them again",
    "blocked": "repair what blocks it",
    "undefined": "it needs a divisor other than zero, and finite inputs",
    "too few": "wait for more of them, or decide on a longer period",
    "immature": "wait until the cohort is old enough",
    "error": "mend what computes it",
}
"""What would settle an unknown, by its reason."""

_HOLDS: Final = {True: "holds", False: "fails", None: "unknown"}


def headline(record: Content) -> str:
    """One line: what was decided for whom, for which period, and when."""
    about = f"{record.title or record.node} for {record.subject}, {record.period}"
    return f"{about}: {verdict(record)} (decided {moment(record.timestamp)})"


def verdict(record: Content) -> str:
    """The outcome, with what it comes to."""
    match record.outcome:
        case Outcome.ACT:
            tail = record.action or ""
        case Outcome.HOLD:
            tail = "no branch fired" if record.otherwise == "hold" else record.otherwise
        case Outcome.BLOCKED:
            tail = f"by {', '.join(record.blocked_by)}" if record.blocked_by else ""
        case Outcome.UNDETERMINED:
            tail = f"still needs {', '.join(record.unknowns)}" if record.unknowns else ""
    return f"{record.outcome.value.upper()}{f', {tail}' if tail else ''}"


def explain(record: Content) -> str:
    """The whole explanation, wrapped at about 100 columns."""
    sections = (
        ("", [f"Outcome {record.outcome.value}, status {record.status.value}.", *(f"Note: {note}" for note in record.notes)]),
        ("Action" if record.actions else "Judged at", _actions(record)),
        ("Why", _why(record)),
        ("Why not the other branches", _why_not(record)),
        ("Pre-checks", _pre_checks(record)),
        ("Unknown", _unknowns(record)),
        ("Projections", [_projection(item) for item in record.evidence.projections]),
        ("Thresholds", [f"{name} = {text}" for name, text in record.thresholds.items()]),
        ("Inputs", [_input(taken) for taken in record.inputs]),
        ("Who, and how to undo it", _governance(record)),
        ("Monitoring", list(_monitoring(record))),
        ("What happened since", [line for event in record.life for line in event_words(event)]),
        ("To do", [f"{effect.kind} {effect.target}: {effect.reason}" for effect in record.effects if _to_do(record)]),
        ("Where it comes from", _provenance(record)),
    )
    lines = [_wrapped(headline(record), "")]
    for title, body in sections:
        if body:
            lines += ["", title] if title else [""]
            lines += [_wrapped(line, "  " if title else "") for line in body]
    return "\n".join(lines)


def _to_do(record: Content) -> bool:
    """Whether what a decision asks for is still open: what it asks of approvers is not, once it is carried out or over."""
    return record.status in (Status.RECORDED, Status.PROPOSED)


def as_html(record: Content) -> str:
    """A small block for notebooks: the headline, the inputs, and the explanation folded away. No scripts, no styles but the browser's."""
    cells = ((html.escape(input_name(taken)), html.escape(shown(taken.value, taken.unit))) for taken in record.inputs)
    rows = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in cells)
    return (
        f"<div><p><strong>{html.escape(headline(record))}</strong></p>"
        f"<table><thead><tr><th>input</th><th>value</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<details><summary>Why</summary><pre>{html.escape(explain(record))}</pre></details></div>"
    )


# --- pieces ----------------------------------------------------------------------------------------------------------------


def _why(record: Content) -> list[str]:
    taken = [branch for branch in record.evidence.branches if branch.taken]
    if taken:
        return [line for branch in taken for line in (f"Branch `{branch.id}` fired: {branch.text}", *_conditions(branch.conditions))]
    if record.outcome is Outcome.BLOCKED:
        return [f"Blocked before any branch was looked at, by {', '.join(record.blocked_by) or 'a pre-check'}."]
    if record.outcome is Outcome.UNDETERMINED:
        return ["An unknown value decides: with it known, the outcome could be another one."]
    return [f"No branch fired, so the playbook says: {record.otherwise}."]


def _why_not(record: Content) -> list[str]:
    lines: list[str] = []
    for branch in record.evidence.branches:
        if not branch.taken:
            lines += _not_taken(branch, blocked=record.outcome is Outcome.BLOCKED)
    return lines


def _not_taken(branch: BranchEvidence, *, blocked: bool) -> list[str]:
    lacking = [condition for condition in branch.conditions if condition.holds is not True]
    holding = len(branch.conditions) - len(lacking)
    rest = [f"  ({holding} other condition{'s hold' if holding > 1 else ' holds'})"] if holding and lacking else []
    return [f"Branch `{branch.id}` {fate(branch, blocked=blocked)}: {branch.text}", *_conditions(lacking), *rest]


def fate(branch: BranchEvidence, *, blocked: bool) -> str:
    """What became of a branch, in words."""
    if branch.taken:
        words = "fired"
    elif blocked:
        words = "was not tried, a pre-check stands before it"
    elif not branch.reached:
        words = "was not tried, an earlier branch had decided"
    elif branch.holds is None:
        words = "cannot be told, something it needs is unknown"
    else:
        words = "holds, and was not taken" if branch.holds else "did not fire"
    return words


def _pre_checks(record: Content) -> list[str]:
    lines: list[str] = []
    for check in record.evidence.pre_checks:
        lines.append(f"{_HOLDS[check.holds]}: {check.label or check.id}{f' ({check.text})' if check.text else ''}")
        if check.holds is not True:
            lines += _conditions(condition for condition in check.conditions if condition.holds is not True)
    return lines


def _conditions(conditions: Iterable[Condition]) -> list[str]:
    return [f"  {condition_words(condition)}" for condition in conditions]


def condition_words(condition: Condition) -> str:
    """One condition in words: how it came out, the values in it, by how much, and what would flip it."""
    parts = [f"{_HOLDS[condition.holds]}: {condition.text}"]
    values = ", ".join(f"{name} = {words}" for name, words in condition.told_values(shown))
    if values:
        parts.append(values)
    if condition.room:
        parts.append(condition.room)
    if condition.holds is None:
        parts += [str(cause) for cause in condition.causes]
    if condition.needs and condition.holds is not True:
        parts.append(f"needs {condition.needs}")
    return "; ".join(parts)


def remedy(cause: Cause) -> str:
    """What would settle an unknown.

    >>> remedy(Cause("cac", "stale", "loaded 3 days ago"))
    'load it again'
    """
    return _REMEDIES.get(cause.reason, "find out why")


def _unknowns(record: Content) -> list[str]:
    lines = [_unknown(cause) for cause in record.causes]
    needed = record.evidence.residual
    if needed:
        lines.append(f"Known, {', '.join(needed)} would settle the decision, whatever {'it is' if len(needed) == 1 else 'they are'}.")
    elif lines:
        lines.append("No input that is still unknown would settle it.")
    return lines


def _unknown(cause: Cause) -> str:
    return f"{cause}. To settle it: {remedy(cause)}."


def _projection(item: Shown) -> str:
    return f"{item.name}: {item.text}{f' ({item.formula})' if item.formula else ''}"


def _actions(record: Content) -> list[str]:
    lines: list[str] = []
    for action in record.actions:
        lines.append(action.text)
        lines += [f"  {part}" for part in action.parts]
        if action.lever:
            lines.append(f"  {lever(action)}")
    for name, value in record.chosen.items():
        advised = record.recommended.get(name)
        lines.append(f"{name} chosen: {shown(value)}" + ("" if advised is None else f", recommended: {shown(advised)}"))
    return lines


def lever(action: ActionTaken) -> str:
    """What an action moves, from where to where."""
    moved = [shown(value, action.unit) for value in (action.before, action.after) if value is not None]
    by = "" if action.delta is None else f" (by {shown(action.delta, action.unit)})"
    return f"{action.lever}: {' → '.join(moved)}{by}" if moved else f"{action.lever}{by}"


def input_name(taken: InputTaken) -> str:
    """An input's name, with its finer key where it has one."""
    return f"{taken.name} [{taken.key}]" if taken.key else taken.name


def _input(taken: InputTaken) -> str:
    facts = [
        f"metric {taken.metric}" if taken.metric and taken.metric != taken.name else "",
        taken.period or "",
        "" if taken.n is None else f"n = {taken.n:,}" + (f" over {taken.members:,} members" if taken.members is not None else ""),
        "" if taken.interval is None else f"95% interval {taken.interval[0]:.1%} to {taken.interval[1]:.1%}",
        "age asserted by the caller" if taken.loaded_at is None else f"loaded {moment(taken.loaded_at)}",
        "" if taken.valid_until is None else f"valid until {moment(taken.valid_until)}",
        f"version {taken.version}" if taken.version else "",
    ]
    return f"{input_name(taken)} = {shown(taken.value, taken.unit)} ({', '.join(filter(None, facts))})"


def _governance(record: Content) -> list[str]:
    roles = ", ".join(record.approvers)
    plan = record.reversal_plan
    awaited = record.status is Status.PROPOSED
    lines = [
        f"Owner: {record.owner}. {'Still to approve' if awaited else 'Approvers'}: {roles}.",
        f"Risk{f' ({record.risk_level})' if record.risk_level else ''}: {record.risk_notes}" if record.risk_notes else "",
        f"Reversibility: {record.reversibility}" if record.reversibility else "",
        f"Reversal: {plan.plan}, within {plan.within}, by {plan.owner}.",
        *(f"  {number}. {step}" for number, step in enumerate(plan.steps, 1)),
        f"Reversal outcome: {record.reversal_outcome}" if record.reversal_outcome else "",
        *(f"Override: {each}, until {moment(each.expires)}: {each.reason}" for each in record.overrides),
    ]
    if record.review_date is not None:
        lines.append(f"Review: {moment(record.review_date)}{f', {record.review_agenda}' if record.review_agenda else ''}")
    return [line for line in lines if line]


def _monitoring(record: Content) -> Iterator[str]:
    for plan in record.monitoring:
        rhythm = ", ".join(filter(None, (f"every {plan.every}" if plan.every else "", f"for {plan.lasts}" if plan.lasts else "")))
        yield f"{plan.metric}: {plan.condition}{f' ({rhythm})' if rhythm else ''}"
        if plan.forecast is not None:
            yield f"  forecast {shown(plan.forecast, plan.unit)} = {plan.formula}{f', {plan.basis}' if plan.basis else ''}"


def event_words(event: Event) -> list[str]:
    """An event in the life of a decision, in words; what a report says follows below it.

    >>> when = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
    >>> from decision_os.record.life import EventKind
    >>> event_words(Event(record="sha256:1d", kind=EventKind.APPROVED, at=when, person="ana", role="Finance", until=when + dt.timedelta(days=7)))
    ['2026-10-06 14:00 UTC approved as Finance by ana, until 2026-10-13 14:00 UTC']
    """
    by = f"{f' as {event.role}' if event.role else ''}{f' by {event.person}' if event.person else ''}"
    until = f", until {moment(event.until)}" if event.until is not None else ""
    entry = f", on entry {event.receipt.seq} of the ledger" if event.receipt is not None else ""
    state = f": {event.report.state.value}" if event.report is not None else ""
    reason = f": {event.reason}" if event.reason else ""
    lines = [f"{moment(event.at)} {event.kind.value.replace('_', ' ')}{by}{until}{entry}{state}{reason}"]
    if event.report is not None:
        lines += [f"  {_watched(watch)}" for watch in event.report.watches]
        breach = event.report.breach
        lines += [f"  to reverse by {breach.plan}, {breach.owner}, until {moment(breach.deadline)}"] if breach is not None else []
    if event.reversal is not None:
        run = event.reversal
        lines += [f"  {run.kind.value.replace('_', ' ')}, {run.plan}: {run.outcome.value}{'' if run.in_time else ' (not in time)'}, due {moment(run.deadline)}"]
        lines += [f"  {part}" for part in (*run.done, *(f"left: {step}" for step in run.left), *filter(None, [run.detail]))]
    return lines


def _watched(watch: WatchReport) -> str:
    expected = "" if watch.expected is None else f", expected {shown(watch.expected, watch.unit)}"
    value = "no value" if watch.value is None else f"{shown(watch.value, watch.unit)}{'' if watch.n is None else f' (n = {watch.n:,})'}"
    causes = f"; {'; '.join(map(str, watch.causes))}" if watch.causes else ""
    return f"{watch.id} {watch.state.value}: {value}{expected}; {watch.condition}; {watch.known} of {watch.periods} periods{causes}"


def _provenance(record: Content) -> list[str]:
    return [
        f"Playbook {record.node} {record.version}, rule book {record.rule_book} ({record.rule_book_hash})",
        f"Inputs {record.inputs_version} ({record.inputs_hash})",
        f"Record {record.id}",
    ]


# --- words -----------------------------------------------------------------------------------------------------------------


def shown(value: object, unit: str = "") -> str:
    """A value for people, in its unit.

    >>> shown(3.2, "USD/seat"), shown(0.975, "share"), shown(None), shown(True), shown(1234567.0)
    ('$3.20/seat', '97.5%', '–', 'true', '1,234,567')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        known = _unit(unit)
        return format_value(value, known) if known or not unit else f"{format_value(value, None)} {unit}"
    if isinstance(value, dt.datetime):
        return moment(value)
    if value is None:
        return "–"
    return str(value)


def moment(instant: dt.datetime) -> str:
    """An instant to the minute, with its offset.

    >>> moment(dt.datetime(2026, 10, 6, 14, 0, tzinfo=dt.UTC))
    '2026-10-06 14:00 UTC'
    """
    return f"{instant:%Y-%m-%d %H:%M} {instant.tzname()}"


@functools.lru_cache(maxsize=256)
def _unit(text: str) -> Unit | None:
    try:
        return parse_unit(text) if text else None
    except UnitError:
        return None


def _wrapped(line: str, indent: str) -> str:
    lead = indent + line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line.strip(), WIDTH, initial_indent=lead, subsequent_indent=f"{lead}    ", break_long_words=False, break_on_hyphens=False)
