"""What a spent freshness budget does to the rows of a decided frame: the same as to one decision."""

from __future__ import annotations

from typing import Any

from decision_os.engine.freeze import GREEN, Standing
from decision_os.plan import Plan
from decision_os.record import Outcome

__all__ = ["as_it_stands", "held_rows"]


def as_it_stands(plan: Plan, frame: Any, stands: Standing) -> tuple[Any, dict[str, Any]]:
    """The frame without what it says of the promises itself, and what freshness says of them, for all rows."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415  # the dataframe layer, when it is used

    if GREEN not in plan.feeds:
        return frame, {}
    native = nw.from_native(frame)
    return (nw.to_native(native.drop(GREEN)) if GREEN in native.collect_schema().names() else frame), {GREEN: stands.green}


def held_rows(plan: Plan, decided: Any, stands: Standing) -> Any:
    """The decided frame with the rows that act held back, where a budget that freezes this decision is spent, or not known, and nobody overrides."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415  # the dataframe layer, when it is used

    if not (plan.freezes and (stands.broken or stands.lacking)):
        return decided
    held = nw.col("outcome") == Outcome.ACT.value
    absent = nw.lit(None, dtype=nw.String)
    rows = nw.from_native(decided).with_columns(
        outcome=nw.when(held).then(nw.lit(Outcome.BLOCKED.value)).otherwise(nw.col("outcome")),
        action=nw.when(held).then(absent).otherwise(nw.col("action")),
        branch=nw.when(held).then(absent).otherwise(nw.col("branch")),
    )
    return nw.to_native(rows)
