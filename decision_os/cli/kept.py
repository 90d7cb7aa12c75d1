"""Records kept in a file, read for the commands that show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from decision_os.canonical import parse
from decision_os.errors import DataError, NotFoundError, RecordError
from decision_os.ledger import Ledger
from decision_os.lifecycle import current
from decision_os.record import DecisionRecord

__all__ = ["read_records"]


def read_records(path: Path) -> Iterator[DecisionRecord]:
    """The records of a file: JSON Lines, one record as JSON, or a ledger, of which each decision comes as far as its events have brought it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"no file `{path}`") from None
    except UnicodeDecodeError as error:
        raise DataError(f"`{path}` is not UTF-8 text: byte {error.start}") from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise DataError(f"`{path}` is empty: there is no record in it")
    try:
        first = parse(lines[0][1])
    except ValueError:
        yield _record(text, str(path))  # not a line of JSON Lines, so one record over several lines
        return
    if isinstance(first, dict) and first.get("kind") == "ledger":
        yield from current(Ledger(path, recover=False)).records.values()
        return
    for number, line in lines:
        yield _record(line, f"{path}:{number}")


def _record(text: str, where: str) -> DecisionRecord:
    try:
        return DecisionRecord.from_json(text)
    except RecordError as error:
        raise RecordError(f"{where} {error}") from error
