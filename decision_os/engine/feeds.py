"""The feeds a run fills pre-checks from: freshness per decision, open incidents, and what is still being monitored."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from decision_os.errors import DataError, InputError, NotFoundError, nearest
from decision_os.freshness import FreshnessReport, LoadLog, report
from decision_os.model import RuleBook
from decision_os.record import DecisionRecord, Effect, Outcome, Status
from decision_os.slo import spell_duration
from decision_os.values import Reason, Unknown, Value, zoned

__all__ = ["alerted", "cooling", "freshness", "load_log", "open_sev2"]

_SEVERITY = re.compile(r"(?:SEV|S)?\s*-?\s*([1-9])", re.IGNORECASE)
_WORST_THAT_PASSES = 2


def load_log(book: RuleBook, loads: Any) -> LoadLog:
    """The load log of a rule book's sources, from whatever `LoadLog.of` reads; dbt's tables are found by the names the sources give.

    Raises `NotFoundError` for a source that the rule book does not have, and as `LoadLog.of` does.
    """
    log = LoadLog.of(loads, zone=book.zone, dbt={source.id: source.dbt or (source.id,) for source in book.sources.values()})
    for source in log.sources:
        if source not in book.sources:
            hint = nearest(source, book.sources) or f"known: {', '.join(book.sources)}"
            raise NotFoundError(f"`loads` has loads of `{source}`, which is no source of the rule book ({hint})")
    return log


def alerted(book: RuleBook, found: FreshnessReport) -> tuple[Effect, ...]:
    """What the alerts that fire ask for: one effect for each alert, source and kind, the same until the source is loaded again."""
    effects = []
    for status in found.statuses:
        since = "never loaded" if status.loaded_at is None else status.loaded_at.isoformat()
        for alert in status.alerts:
            reason = f"freshness of {status.source} burns the budget of `{status.slo.name}` at {float(alert.burn):g} or more over {spell_duration(alert.over)}"
            for kind in alert.effects:
                verb, _, whom = kind.partition(" ")
                owner = book.sources[status.source].owner if status.source in book.sources else ""
                owner = book.role(owner).label if owner and book.roles else owner
                target = (owner if whom == "owner" else whom) or status.source
                effects.append(Effect(kind=verb, target=target, reason=reason, key=f"{status.slo.name}:{status.source}:{alert.name}:{kind}:{since}"))
    return tuple(effects)


def freshness(book: RuleBook, log: LoadLog, at: dt.datetime) -> FreshnessReport:
    """The report of every freshness SLO of the rule book over the sources it covers."""
    return report([slo.objective for slo in book.slos.values()], log, at, sources={slo.id: slo.covers for slo in book.slos.values()})


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
    if found.utcoffset() is None:
        raise DataError(f"`{key}` of incident {number} has no zone: `{raw}` (write it as `2026-10-06T14:00:00+00:00`)")
    return zoned(found)


def decisions(given: Iterable[DecisionRecord], name: str) -> tuple[DecisionRecord, ...]:
    """The records that a caller hands in. Raises `InputError` for what is none, such as the entry of a ledger."""
    handed: object = given  # whatever the caller's type checker did not see
    found: list[DecisionRecord] = []
    for each in handed if isinstance(handed, Iterable) else (handed,):
        if not isinstance(each, DecisionRecord):
            hint = "from a ledger: `lifecycle.current(ledger).records.values()`"
            raise InputError(f"`{name}` are decision records, not a {type(each).__name__}", name=name, hint=hint)
        found.append(each)
    return tuple(found)


def cooling(open_decisions: Iterable[DecisionRecord]) -> dict[tuple[str, str], DecisionRecord]:
    """The decisions whose action is still being watched, by node and subject.

    A record that has been proposed is watched from its execution until it is kept or reversed. One that has not is taken at the caller's word: the
    action was carried out elsewhere.
    """
    watched = (record for record in open_decisions if record.outcome is Outcome.ACT)
    return {(record.node, record.subject): record for record in watched if not record.life or record.status is Status.EXECUTED}
