"""The life of one decision, told: proposed, approved by both roles, executed, watched, breached, reversed within the hour, in the ledger."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from structlog.testing import capture_logs

from decision_os import lifecycle
from decision_os.ledger import Ledger
from decision_os.record import DecisionRecord, Event
from decision_os.render import event_words, memo
from decision_os.reversal import FlagFile, carry_out
from decision_os.values import Reading

__all__ = ["FLAGS", "MEMO", "live", "tell"]

FLAGS: Final = "flags.json"
MEMO: Final = "pricing-memo.md"

_HOUR: Final = dt.timedelta(hours=1)
_DAYS: Final = 5
_FALL: Final = 0.88
"""What bookings come to in the story, of what was forecast: demand answered more than the elasticity said."""


def live(record: DecisionRecord, ledger: Ledger, folder: Path) -> tuple[DecisionRecord, int]:
    """The record at the end of its life, and how many entries the ledger gained; a life that is in the ledger already is not lived again.

    The observations are made up, and so are the persons; the ledger, the flag file and the memo are real.
    """
    known = lifecycle.current(ledger).records.get(record.id, record)
    if known.life:
        return known, 0
    before = ledger.verify().entries
    now = _lived(record, ledger, folder / FLAGS)
    (folder / MEMO).write_text(memo(now), encoding="utf-8", newline="\n")
    return now, ledger.verify().entries - before


def _lived(record: DecisionRecord, ledger: Ledger, flags: Path) -> DecisionRecord:
    at = record.timestamp

    def kept(step: tuple[DecisionRecord, Event]) -> DecisionRecord:
        ledger.append(step[1], at=step[1].at)
        return step[0]

    now = kept(lifecycle.propose(record, person="pricing job", at=at))
    now = kept(lifecycle.approve(now, person="Ana (Finance)", role="Finance", at=at + 2 * _HOUR))
    now = kept(lifecycle.approve(now, person="Bo (Sales Ops)", role="SalesOps", at=at + 20 * _HOUR))
    receipt = ledger.append(now, at=at + 21 * _HOUR)
    _write_flags(flags, now)
    now = kept(lifecycle.execute(now, person="Cy (price desk)", receipt=receipt, at=at + 22 * _HOUR))
    looked = at + dt.timedelta(days=_DAYS + 2)
    now = kept(lifecycle.monitor(now, _observed(now), at=looked))
    times: Iterator[dt.datetime] = iter((looked + 20 * _HOUR / 60, looked + 21 * _HOUR / 60))
    with capture_logs():  # the story itself tells what is logged
        return kept(carry_out(now, FlagFile(flags), person="Cy (price desk)", reason="bookings fell below the forecast's band", clock=lambda: next(times)))


def _write_flags(path: Path, record: DecisionRecord) -> None:
    """The flags of the price service, with the new card switched on, beside one that is nobody's business here."""
    plan = record.reversal_plan
    new = f"v{record.period}"
    card = {"state": "ENABLED", "variants": {plan.to: f"card {plan.to}", new: f"card {new}"}, "defaultVariant": new}
    banner = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    whole = {"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": {"new-welcome-banner": banner, plan.flag: card}}
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8", newline="\n")


def _observed(record: DecisionRecord) -> dict[str, list[Reading]]:
    """Five days of readings, made up: bookings below what was forecast, CM/seat as it was."""
    executed = lifecycle.executed_at(record) or record.timestamp
    days = [str((executed + dt.timedelta(days=day)).date()) for day in range(1, _DAYS + 1)]
    falls = {"booking_rate": (_FALL, 300), "cm_per_seat": (1.0, 120)}
    observed = {}
    for plan in record.monitoring:
        share, n = falls[plan.id]
        if isinstance(plan.forecast, float):
            observed[plan.id] = [Reading(value=round(plan.forecast * share, 4), period=day, n=n) for day in days]
    return observed


def tell(record: DecisionRecord) -> str:
    """The life of a record, a line an event."""
    return "\n".join(f"  {line}" for event in record.life for line in event_words(event))
