"""What one run came to."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs

from decision_os.contracts import Checked
from decision_os.freshness import FreshnessReport
from decision_os.metrics import MetricStore, TableRow
from decision_os.readonly import read_only
from decision_os.record import DecisionRecord, Effect

__all__ = ["MetricTables", "RunResult", "Shift", "shifts"]


@attrs.frozen(kw_only=True)
class Shift:
    """The net movement of one lever over all decisions of a run, such as the channel budget.

    `freed` is what decisions take away (a positive amount), `wanted` what they add. It is `unfunded` where more is wanted than freed.
    """

    node: str
    lever: str
    unit: str
    freed: float
    wanted: float

    @property
    def net(self) -> float:
        """What is wanted less what is freed."""
        return self.wanted - self.freed

    @property
    def unfunded(self) -> bool:
        """Whether the shift needs money that no decision of this run frees."""
        return self.net > 0


def shifts(records: Iterable[DecisionRecord], shared: Collection[str]) -> tuple[Shift, ...]:
    """The net shift of every lever that the subjects of a decision share: those of the nodes in `shared`."""
    freed: Counter[tuple[str, str, str]] = Counter()
    wanted: Counter[tuple[str, str, str]] = Counter()
    for record in records:
        for action in record.actions:
            if action.delta is None or record.node not in shared:
                continue
            lever = (record.node, action.lever, action.unit)
            (wanted if action.delta > 0 else freed)[lever] += abs(action.delta)  # type: ignore[assignment]  # amounts, not counts
    return tuple(
        Shift(node=node, lever=lever, unit=unit, freed=freed[node, lever, unit], wanted=wanted[node, lever, unit])
        for node, lever, unit in sorted({*freed, *wanted})
    )


class MetricTables(Mapping[str, tuple[TableRow, ...]]):
    """The table of each metric that could be computed, by its id; each is worked out when first asked for."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def __getitem__(self, name: str) -> tuple[TableRow, ...]:
        if name not in self._store.computed:
            raise KeyError(name)
        return tuple(self._store.table(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.computed)

    def __len__(self) -> int:
        return len(self._store.computed)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RunResult:
    """The records of one run, and everything they rest on.

    `quarantine` has a frame for each entity that quarantined rows, of the type that came in. `metrics` has the table of each
    metric at its grain (key, period, value, why it is unknown, n), worked out when it is looked at. `effects` are what contracts and
    decisions ask the caller to do. `skipped` says which decisions were not taken and why.
    """

    at: dt.datetime
    records: tuple[DecisionRecord, ...]
    quarantine: Mapping[str, Any] = attrs.field(factory=dict, converter=read_only)
    checked: Mapping[str, Checked] = attrs.field(factory=dict, converter=read_only)
    metrics: Mapping[str, tuple[TableRow, ...]] = attrs.field(factory=dict)
    freshness: FreshnessReport | None = None
    effects: tuple[Effect, ...] = ()
    shifts: tuple[Shift, ...] = ()
    skipped: tuple[str, ...] = ()

    def record(self, node: str, subject: str | None = None) -> DecisionRecord:
        """The record of one decision. Raises `LookupError` where there is none, or several and no subject to tell them apart."""
        found = [record for record in self.records if record.node == node and subject in (None, record.subject)]
        if len(found) != 1:
            known = ", ".join(sorted({record.subject for record in self.records if record.node == node})) or "none"
            raise LookupError(f"{len(found)} records of `{node}`{f' for `{subject}`' if subject else ''} (subjects: {known})")
        return found[0]

    def __str__(self) -> str:
        counts = Counter(record.outcome.value for record in self.records)
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        lines = [f"{len(self.records)} decisions at {self.at:%Y-%m-%d %H:%M %Z}{f': {told}' if told else ''}"]
        for record in self.records:
            what = record.action or (f"needs {', '.join(record.unknowns)}" if record.unknowns else "; ".join(record.blocked_by))
            lines.append(f"  {record.node} · {record.subject} · {record.period}: {record.outcome.value}{f' ({what})' if what else ''}")
        for name, checked in self.checked.items():
            lines.append(f"  {name}: {checked.rows_in} rows in = {checked.rows_passed} passed + {checked.rows_quarantined} quarantined")
        lines += [f"  {shift.lever}: net {shift.net:+,.2f} {shift.unit}{' (unfunded)' if shift.unfunded else ''}" for shift in self.shifts]
        lines += [f"  skipped: {reason}" for reason in self.skipped]
        return "\n".join(lines)

    __repr__ = __str__  # a notebook shows the summary, not every record
