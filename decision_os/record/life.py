"""What happens to a decision after it was taken: its terms, and the events of its life. Pure data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import attrs

from decision_os.errors import RecordError
from decision_os.readonly import read_only
from decision_os.record.codec import from_plain, to_plain
from decision_os.values import Cause, zoned

__all__ = [
    "Breach",
    "Event",
    "EventKind",
    "LedgerProof",
    "MonitorReport",
    "ReversalKind",
    "ReversalOutcome",
    "ReversalRun",
    "Terms",
    "WatchReport",
    "WatchState",
    "zoned_if_any",
]

FORMAT: Final = "decision-os/1"
"""What an event in a ledger says it is, under `event`."""


def zoned_if_any(instant: dt.datetime | None) -> dt.datetime | None:
    """`zoned`, where there is one."""
    return None if instant is None else zoned(instant)


def _instant() -> Any:
    return attrs.field(converter=zoned)


class EventKind(StrEnum):
    """What happened. A reversal that did not undo everything is `reversal_failed`: the decision stays executed, and it may be tried again."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTED = "executed"
    MONITORED = "monitored"
    KEPT = "kept"
    REVERSED = "reversed"
    REVERSAL_FAILED = "reversal_failed"


class WatchState(StrEnum):
    """How a watched metric stands: three-valued, as everything that may be unknown."""

    WITHIN = "within"
    BREACHED = "breached"
    UNKNOWN = "unknown"


class ReversalKind(StrEnum):
    """By what means an action is undone; `manual` is by a person, step by step."""

    FEATURE_FLAG = "feature_flag"
    PRICE_CARD = "price_card"
    BUDGET_SPLIT = "budget_split"
    AUDIENCE_FILTER = "audience_filter"
    ROUTING_FLAG = "routing_flag"
    MANUAL = "manual"


class ReversalOutcome(StrEnum):
    """What a reversal came to."""

    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class Terms:
    """What the rule book says about a decision's life: it goes on the record, so that the record can live on without the rule book.

    `approver_names` maps each role that has to approve to the other names people use for it. `approvals_hold` is how long an approval holds (`7d`).
    `zone`, `fiscal_year_start` and `currency` are those that periods are cut by and amounts are read in.
    """

    approver_names: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, converter=read_only, hash=False)
    approvals_hold: str = "7d"
    zone: str = "UTC"
    fiscal_year_start: int = 1
    currency: str = "USD"


@attrs.frozen(kw_only=True)
class LedgerProof:
    """The receipt of the ledger entry that holds the approved record: its place, its hash, the ledger's id, and the hash of what it holds."""

    seq: int
    hash: str
    ledger: str
    content: str


@attrs.frozen(kw_only=True)
class WatchReport:
    """One watched metric over its window.

    `value` is the mean over the periods known, weighted by `n` where the readings carry it; `n` is then their sum. `expected` is the
    forecast kept on the record, or the baseline: the same metric over as many periods before the action. `known` of `due` periods had a value,
    of `periods` in all; `first` and `last` are the first and the last of the window.
    """

    id: str
    metric: str
    condition: str
    state: WatchState
    value: float | None = None
    n: int | None = None
    expected: float | None = None
    known: int = 0
    due: int = 0
    periods: int = 0
    first: str = ""
    last: str = ""
    causes: tuple[Cause, ...] = ()
    unit: str = ""

    @property
    def complete(self) -> bool:
        """Whether the whole window is over."""
        return self.due >= self.periods


@attrs.frozen(kw_only=True)
class Breach:
    """What a breach asks for: the reversal plan, who carries it out, and by when."""

    watches: tuple[str, ...]
    plan: str
    owner: str
    deadline: dt.datetime = _instant()


@attrs.frozen(kw_only=True)
class MonitorReport:
    """How everything watched stands: breached where anything is, else unknown where anything is, else within."""

    state: WatchState
    watches: tuple[WatchReport, ...]
    breach: Breach | None = None

    @property
    def complete(self) -> bool:
        """Whether every window is over."""
        return all(watch.complete for watch in self.watches)

    @property
    def settled(self) -> bool:
        """Whether every window is over and everything stayed within: only then is keeping the decision no matter of judgement."""
        return bool(self.watches) and self.complete and self.state is WatchState.WITHIN


@attrs.frozen(kw_only=True)
class ReversalRun:
    """One attempt to undo a decision: which steps were done, which are left, and whether it was in time."""

    key: str
    plan: str
    kind: ReversalKind
    outcome: ReversalOutcome
    started: dt.datetime = _instant()
    ended: dt.datetime = _instant()
    deadline: dt.datetime = _instant()
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    detail: str = ""

    @property
    def in_time(self) -> bool:
        """Whether all of it was undone by the deadline."""
        return self.outcome is ReversalOutcome.DONE and self.ended <= self.deadline


@attrs.frozen(kw_only=True)
class Event:
    """One step in the life of a decision, as the ledger appends it. `record` is the record's identity.

    `binds` is the hash of what was decided: an approval counts for that and for nothing else. `until` ends an approval. Which of the rest
    is there depends on `kind`.

    >>> at = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
    >>> event = Event(record="sha256:1d", kind=EventKind.REJECTED, at=at, person="ana", role="Finance", reason="not this quarter")
    >>> Event.from_dict(event.to_dict()) == event
    True
    """

    record: str
    kind: EventKind
    at: dt.datetime = _instant()
    person: str = ""
    role: str = ""
    binds: str = ""
    until: dt.datetime | None = attrs.field(default=None, converter=zoned_if_any)
    reason: str = ""
    receipt: LedgerProof | None = None
    report: MonitorReport | None = None
    reversal: ReversalRun | None = None

    def to_dict(self) -> dict[str, Any]:
        """The event as JSON-able data; what is empty is left out."""
        return {"event": FORMAT, **{key: value for key, value in to_plain(self).items() if value not in ("", None)}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Event:
        """The event that such data stands for. Raises `RecordError` with every field that is wrong."""
        tag = data.get("event") if isinstance(data, Mapping) else None
        if tag != FORMAT:
            raise RecordError(f"not an event in the life of a decision: `event` should be `{FORMAT}`")
        return from_plain({key: value for key, value in data.items() if key != "event"}, cls, "an event in the life of a decision")
