"""The decision record: the immutable, typed result of one decision for one subject and period."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from decision_os.canonical import parse
from decision_os.errors import RecordError
from decision_os.record import explanation
from decision_os.record.codec import from_plain, to_plain
from decision_os.record.content import ActionTaken, Content, Effect, InputTaken, MonitorPlan, Outcome, ReversalPlan, Status
from decision_os.record.log import LogEntry

__all__ = ["FORMAT", "ActionTaken", "DecisionRecord", "Effect", "InputTaken", "MonitorPlan", "Outcome", "ReversalPlan", "Status"]

FORMAT: Final = "decision-os/1"
"""What the full form says it is, under `record`."""


@attrs.frozen(kw_only=True)
class DecisionRecord(Content):
    """The immutable result of one decision.

    Two records are equal when all their fields are; the evidence, which follows from them and the rule book, is not compared.
    """

    def to_dict(self) -> dict[str, Any]:
        """The full form as JSON-able data: everything needed to explain the decision and to replay it.

        Instants are ISO 8601 text; an input that JSON cannot hold is in its typed form, `{"$unknown": …}` for one.
        """
        self.evidence  # noqa: B018 - worked out once here, and kept
        return {"record": FORMAT, **to_plain(self)}

    def to_json(self, *, indent: int | None = None) -> str:
        """The full form as JSON text; `from_json` gives the same record back."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DecisionRecord:
        """The record that a full form stands for. Raises `RecordError` with the JSON path of every field that is wrong."""
        tag = data.get("record") if isinstance(data, Mapping) else None
        if tag != FORMAT:
            said = f"it says `{tag}`" if tag else "it does not say so"
            raise RecordError(f"not a decision record: `record` should be `{FORMAT}`, and {said}")
        return from_plain({key: value for key, value in data.items() if key != "record"}, cls, "a decision record")

    @classmethod
    def from_json(cls, text: str | bytes) -> DecisionRecord:
        """The record that a JSON text stands for. Raises `RecordError`."""
        try:
            data = parse(text)
        except ValueError as error:
            raise RecordError(f"not a decision record: {error}") from None
        return cls.from_dict(data)

    def log_entry(self) -> dict[str, Any]:
        """The log form: one flat, JSON-able entry with the field names of a decision log."""
        return LogEntry(
            timestamp=self.timestamp,
            node=self.node,
            version=self.version,
            subject=self.subject,
            inputs_version=self.inputs_version,
            inputs_hash=self.inputs_hash,
            selected_thresholds=self.thresholds,
            chosen_action=self.action,
            owner=self.owner,
            approvers=self.approvers,
            risk_notes=self.risk_notes,
            reversal_plan=self.reversal_plan.plan,
            reversal_outcome=self.reversal_outcome,
            review_date=self.review_date,
            status=self.status.value,
            id=self.id,
            outcome=self.outcome.value,
            period=self.period,
        ).to_dict()

    def explain(self) -> str:
        """The decision in plain words, wrapped at about 100 columns.

        What was decided for whom and when; the branch that fired, with each condition's values and margin; why each other branch did
        not; the pre-checks; what is unknown, why, and what would settle it; and who owns, approves, watches and undoes it.
        """
        return explanation.explain(self)

    def __str__(self) -> str:
        return explanation.headline(self)

    def _repr_html_(self) -> str:
        return explanation.as_html(self)
