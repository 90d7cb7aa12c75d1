"""The log form of a decision: one flat entry, with the field names that decision logs are written with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import attrs

from decision_os.canonical import parse
from decision_os.errors import RecordError
from decision_os.readonly import read_only
from decision_os.record.codec import from_plain, to_plain

__all__ = ["LogEntry"]


@attrs.frozen(kw_only=True)
class LogEntry:
    """One line of a decision log. Only `node` has to be there: logs kept elsewhere lack some of the others.

    `selected_thresholds` holds texts or numbers, as they were written; `approvers` are the roles that have to approve.

    >>> LogEntry.from_json('{"node": "pricing.change", "action": "+8% list"}').chosen_action
    '+8% list'
    """

    timestamp: dt.datetime | None = None
    node: str
    version: str = ""
    subject: str = ""
    inputs_version: str = ""
    inputs_hash: str = ""
    selected_thresholds: Mapping[str, Any] = attrs.field(factory=dict, converter=read_only, hash=False)
    chosen_action: str | None = None
    owner: str = ""
    approvers: tuple[str, ...] = ()
    risk_notes: str = ""
    reversal_plan: str = ""
    reversal_outcome: str | None = None
    review_date: dt.datetime | None = None
    status: str = ""
    id: str = ""
    outcome: str = ""
    period: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-able data, its instants as ISO 8601 text."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LogEntry:
        """The entry that such data stands for; `action` is read as `chosen_action`. Raises `RecordError` with every field that is wrong."""
        if isinstance(data, Mapping) and "action" in data:
            if "chosen_action" in data:
                raise RecordError("not a log entry: it has both `action` and `chosen_action`; leave one out")
            data = {("chosen_action" if key == "action" else key): value for key, value in data.items()}
        return from_plain(data, cls, "a log entry")

    @classmethod
    def from_json(cls, text: str | bytes) -> LogEntry:
        """The entry that a JSON text stands for. Raises `RecordError`."""
        try:
            data = parse(text)
        except ValueError as error:
            raise RecordError(f"not a log entry: {error}") from None
        return cls.from_dict(data)
