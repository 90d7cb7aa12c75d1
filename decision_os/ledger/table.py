"""Entries → a frame, one row each: what an analyst asks a ledger for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, get_args

from decision_os.canonical import canonical, rfc8785
from decision_os.errors import DataError, InputError, RecordError, nearest
from decision_os.ledger.entries import Entry
from decision_os.record import DecisionRecord, LogEntry

if TYPE_CHECKING:
    from narwhals.stable.v2.dtypes import DType

__all__ = ["Rows", "frame"]

Rows: TypeAlias = Literal["decisions", "events"]

_BACKENDS: Final = ("pandas", "polars", "pyarrow")

_INSTANTS: Final = frozenset({"at", "timestamp", "review_date"})
_DECISIONS: Final = (
    "seq",
    "at",
    "id",
    "node",
    "version",
    "subject",
    "period",
    "timestamp",
    "outcome",
    "status",
    "branch",
    "chosen_action",
    "unknowns",
    "selected_thresholds",
    "owner",
    "approvers",
    "risk_notes",
    "reversal_plan",
    "reversal_outcome",
    "review_date",
    "inputs_version",
    "inputs_hash",
    "rule_book_hash",
    "hash",
)
_EVENTS: Final = ("seq", "at", "body", "hash")


def frame(entries: Iterable[Entry], of: Rows, backend: str) -> Any:
    """The rows as a native frame; see `Ledger.frame`."""
    if of not in get_args(Rows):
        raise InputError(f"a ledger has no rows `{of}`", hint=nearest(of, get_args(Rows)) or "write `decisions` or `events`")
    if backend not in _BACKENDS:
        hint = nearest(backend, _BACKENDS) or f"one of {', '.join(f'`{name}`' for name in _BACKENDS)} is meant"
        raise DataError(f"no dataframe engine `{backend}` ({hint})")
    import narwhals.stable.v2 as nw  # noqa: PLC0415  # a frame library is loaded only when a frame is asked for

    names = _DECISIONS if of == "decisions" else _EVENTS
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for entry in entries:
        if (entry.kind == "event") is (of == "events"):
            row = _event(entry) if of == "events" else _decision(entry)
            for name, column in columns.items():
                column.append(row[name])
    schema: dict[str, DType] = {name: nw.String() for name in names}
    schema |= {name: nw.Datetime("us", "UTC") for name in names if name in _INSTANTS} | {"seq": nw.Int64()}
    engine = cast("Literal['pandas', 'polars', 'pyarrow']", backend)
    try:
        return nw.from_dict(columns, schema=schema, backend=engine).to_native()
    except ModuleNotFoundError as error:
        raise DataError(f"`{backend}` is not installed (install it, or choose another of {', '.join(_BACKENDS)})") from error


def _event(entry: Entry) -> dict[str, Any]:
    return {"seq": entry.seq, "at": entry.at, "body": canonical(entry.body).decode(), "hash": entry.hash}


def _decision(entry: Entry) -> dict[str, Any]:
    if entry.kind == "record":
        record = DecisionRecord.from_dict(entry.body)
        found: Mapping[str, Any] = record.log_entry()
        more: dict[str, Any] = {"branch": record.branch, "unknowns": ", ".join(record.unknowns) or None, "rule_book_hash": record.rule_book_hash}
    elif entry.kind == "log":
        found, more = LogEntry.from_dict(entry.body).to_dict(), {"branch": None, "unknowns": None, "rule_book_hash": None}
    else:
        raise RecordError(f"entry {entry.seq} is of the kind `{entry.kind}`, which is no decision")
    return {
        **found,
        **more,
        "seq": entry.seq,
        "at": entry.at,
        "timestamp": _instant(found["timestamp"]),
        "review_date": _instant(found["review_date"]),
        "approvers": ", ".join(found["approvers"]),
        "selected_thresholds": rfc8785(found["selected_thresholds"]).decode(),
        "hash": entry.hash,
    }


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text).astimezone(dt.UTC)
