"""The feeds a run fills pre-checks from: freshness per decision, open incidents, and what is still being monitored."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from decision_os.errors import DataError
from decision_os.freshness import FreshnessReport, FreshnessStatus, LoadLog, report
from decision_os.graph import sources_of
from decision_os.model import Playbook, RuleBook
from decision_os.record import DecisionRecord, Outcome, Status
from decision_os.slo import spell_duration
from decision_os.values import Reason, Unknown, Value

__all__ = ["cooling", "freshness", "open_sev2", "slo_green"]

_SEVERITY = re.compile(r"(?:SEV|S)?\s*-?\s*([1-9])", re.IGNORECASE)
_WORST_THAT_PASSES = 2


def freshness(book: RuleBook, log: LoadLog, at: dt.datetime) -> FreshnessReport:
    """The report of every freshness SLO of the rule book over the sources it covers."""
    return report([slo.objective for slo in book.slos.values()], log, at, sources={slo.id: slo.covers for slo in book.slos.values()})


def slo_green(book: RuleBook, playbook: Playbook, found: FreshnessReport | None) -> tuple[Value, tuple[str, ...]]:
    """Whether every promise of freshness this decision rests on is kept.

    Those are the promises about the sources of its inputs: of the SLOs it names, or of all where it names none. An SLO it names that covers
    none of those sources (a forecast it is judged by) counts for every source it covers. With the answer comes each broken promise, in words.
    """
    if found is None:
        return Unknown.because(Reason.MISSING, "slo_green", "no load log was given: pass `loads=`"), ()
    sources = {source for use in playbook.inputs.values() for source in sources_of(book, use.metric)}
    broken: list[str] = []
    for name in playbook.slos or book.slos:
        covered = set(book.slos[name].covers)
        judged = covered & sources or (covered if playbook.slos else set())
        broken += [_told(status) for status in found.statuses if status.slo.name == name and status.source in judged and not status.green]
    return not broken, tuple(broken)


def _told(status: FreshnessStatus) -> str:
    """A broken promise in one line."""
    age = "never loaded" if status.age is None else f"loaded {spell_duration(status.age)} ago"
    share = f"{float(status.share):.1%} of the last {spell_duration(status.slo.window)}"
    return f"freshness of {status.source}: {age}; {status.slo.text} was kept {share}"


def open_sev2(incidents: Iterable[Mapping[str, Any]] | None, at: dt.datetime) -> Value:
    """How many incidents of severity 2 or worse are open at an instant.

    An incident has `severity` (`SEV2`, `2`), `opened_at` and `resolved_at` (empty while open). Raises `DataError` for a severity nobody can read.
    """
    if incidents is None:
        return Unknown.because(Reason.MISSING, "open_sev2_incidents", "no incidents were given: pass `incidents=`, an empty list where there are none")
    count = 0
    for number, incident in enumerate(incidents, start=1):
        found = _SEVERITY.fullmatch(str(incident.get("severity", "")).strip())
        if found is None:
            raise DataError(f"incident {incident.get('id', number)} has the severity `{incident.get('severity', '')}` (write it as `SEV2`)")
        opened, resolved = (_instant(incident.get(key), key, number) for key in ("opened_at", "resolved_at"))
        started = opened is None or opened <= at
        if int(found.group(1)) <= _WORST_THAT_PASSES and started and (resolved is None or resolved > at):
            count += 1
    return count


def _instant(raw: object, key: str, number: int) -> dt.datetime | None:
    if raw is None or raw == "":
        return None
    try:
        found = raw if isinstance(raw, dt.datetime) else dt.datetime.fromisoformat(str(raw))
    except ValueError:
        raise DataError(f"`{key}` of incident {number} is `{raw}`, not an instant (write it as `2026-10-06T14:00:00+00:00`)") from None
    if found.tzinfo is None:
        raise DataError(f"`{key}` of incident {number} has no zone: `{raw}` (write it as `2026-10-06T14:00:00+00:00`)")
    return found


def cooling(open_decisions: Iterable[DecisionRecord]) -> dict[tuple[str, str], DecisionRecord]:
    """The decisions whose action is still being watched, by node and subject.

    A record that has been proposed is watched from its execution until it is kept or reversed. One that has not is taken at the caller's word: the
    action was carried out elsewhere.
    """
    watched = (record for record in open_decisions if record.outcome is Outcome.ACT)
    return {(record.node, record.subject): record for record in watched if not record.life or record.status is Status.EXECUTED}
