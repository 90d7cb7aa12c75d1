"""What a decision record holds: its parts, and all its fields. Pure data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, SupportsIndex

import attrs

from decision_os.readonly import read_only
from decision_os.record.evidence import Evidence, EvidenceSource
from decision_os.record.life import Event, ReversalKind, Terms, zoned_if_any
from decision_os.record.override import Override
from decision_os.values import Cause, Unknown, Value, zoned

__all__ = ["ActionTaken", "Content", "Effect", "InputTaken", "MonitorPlan", "Outcome", "ReversalPlan", "Status"]


def _zoned_value(value: Value) -> Value:
    return zoned(value) if isinstance(value, dt.datetime) else value


class Outcome(StrEnum):
    """What a decision came to."""

    ACT = "act"
    HOLD = "hold"
    BLOCKED = "blocked"
    UNDETERMINED = "undetermined"


class Status(StrEnum):
    """Where a record stands in its life. Only `act` enters it; everything else is `recorded`."""

    RECORDED = "recorded"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXECUTED = "executed"
    KEPT = "kept"
    REVERSED = "reversed"


@attrs.frozen(kw_only=True)
class InputTaken:
    """One input as the decision read it.

    `key` is the finer key of an input that has several (`segment=SMB`), `age` is `asserted` for a bare number, `measured` where a load
    time was known. `n` is how many cases it rests on; a share with its n has a Wilson `interval` (95 %), a Gini the number of `members` among whom
    its n is dealt.
    """

    name: str
    value: Value = attrs.field(converter=_zoned_value)
    metric: str = ""
    key: str = ""
    unit: str = ""
    period: str | None = None
    loaded_at: dt.datetime | None = attrs.field(default=None, converter=zoned_if_any)
    valid_until: dt.datetime | None = attrs.field(default=None, converter=zoned_if_any)
    n: int | None = None
    version: str | None = None
    age: str = "asserted"
    interval: tuple[float, float] | None = None
    members: int | None = None


@attrs.frozen(kw_only=True)
class ActionTaken:
    """An action in all its parts, with the lever it moves where the playbook states one."""

    id: str
    text: str
    parts: tuple[str, ...] = ()
    lever: str = ""
    before: float | None = None
    after: float | None = None
    delta: float | None = None
    unit: str = ""


@attrs.frozen(kw_only=True)
class ReversalPlan:
    """How the action is undone: the plan's reference, its steps, the deadline and who does it.

    `kind` says by what means. `flag` is the feature flag to set and `to` what to set it to (the variant, the version of the price card); `replay` names
    the queue whose held-back messages are sent again afterwards.
    """

    plan: str
    steps: tuple[str, ...]
    within: str
    owner: str
    kind: ReversalKind = ReversalKind.MANUAL
    flag: str = ""
    to: str = ""
    replay: str = ""


@attrs.frozen(kw_only=True)
class MonitorPlan:
    """What is watched after acting: a condition over the metric and, where it names them, its `forecast` or its `baseline`.

    `forecast` is what was expected when it was decided, by `formula` and on the `basis` of a demand form; None where the condition needs none.
    Fewer than `min_n` are too few to judge by; `unit` is that of the metric.
    """

    id: str
    metric: str
    condition: str
    every: str = ""
    lasts: str = ""
    formula: str = ""
    basis: str = ""
    forecast: float | Unknown | None = None
    min_n: int | None = None
    unit: str = ""


@attrs.frozen(kw_only=True)
class Effect:
    """Something the caller should do: page, notify, incident, repair. `key` makes doing it twice harmless."""

    kind: str
    target: str
    reason: str
    key: str


@attrs.frozen(kw_only=True)
class Content:
    """The fields of a decision record.

    `id` is the record's identity: node, subject, period, rule-book hash and inputs; the same again is the same proposal. `thresholds`
    are those the decision compared against, as written. `evidence` is worked out when first asked for and stored in the full form.
    """

    id: str
    node: str
    version: str
    title: str = ""
    subject: str
    period: str
    timestamp: dt.datetime = attrs.field(converter=zoned)
    rule_book: str
    rule_book_hash: str
    inputs_version: str
    inputs_hash: str
    inputs: tuple[InputTaken, ...]
    outcome: Outcome
    status: Status
    branch: str | None = None
    action: str | None = None
    actions: tuple[ActionTaken, ...] = ()
    otherwise: str = "hold"
    recommended: Mapping[str, float] = attrs.field(factory=dict, converter=read_only, hash=False)
    chosen: Mapping[str, float] = attrs.field(factory=dict, converter=read_only, hash=False)
    thresholds: Mapping[str, str] = attrs.field(factory=dict, converter=read_only, hash=False)
    causes: tuple[Cause, ...] = ()
    """Why the outcome is blocked or undetermined: the inputs, each with its reason."""
    blocked_by: tuple[str, ...] = ()
    """The pre-checks (by id) that failed or are unknown, and the paths of blocked inputs."""
    owner: str
    approvers: tuple[str, ...]
    risk_level: str = ""
    risk_notes: str = ""
    reversibility: str = ""
    reversal_plan: ReversalPlan
    reversal_outcome: str | None = None
    monitoring: tuple[MonitorPlan, ...] = ()
    review_date: dt.datetime | None = attrs.field(default=None, converter=zoned_if_any)
    review_agenda: str = ""
    effects: tuple[Effect, ...] = ()
    notes: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    """Who let it through although a freshness budget is spent."""
    terms: Terms = Terms()
    life: tuple[Event, ...] = ()
    """What happened to the decision since it was taken, oldest first."""
    _evidence: EvidenceSource = attrs.field(factory=Evidence, eq=False, repr=False, hash=False)

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The names of the inputs that are still needed, sorted."""
        return tuple(sorted({cause.name for cause in self.causes if cause.name}))

    @property
    def evidence(self) -> Evidence:
        """Every pre-check and branch with its conditions, values and margins, those that did not fire included."""
        found = self._evidence
        if callable(found):
            found = found()
            object.__setattr__(self, "_evidence", found)  # a cache on a frozen class: the same evidence, kept
        return found

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """A copy, or what a pickle restores, has its evidence worked out: how to work it out rests on a whole rule book."""
        self.evidence  # noqa: B018 - worked out here, and kept
        return super().__reduce_ex__(protocol)
