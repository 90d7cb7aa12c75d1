"""A folder of export files → what a run takes. What is absent, and what was not read as data, is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import attrs

from decision_os.errors import DataError, NotFoundError, nearest
from decision_os.exports import Export, read_export, to_frame
from decision_os.model import Entity, RuleBook
from decision_os.readonly import read_only

__all__ = ["INCIDENTS", "LOADS", "READINGS", "Intake", "read_folder", "read_loads"]

READINGS: Final = "readings.csv"
"""Metrics computed elsewhere, one value a row: metric, dimensions, period, value, n, loaded_at, valid_until."""

LOADS: Final = "loads.csv"
"""The load log: source, loaded_at."""

INCIDENTS: Final = "incidents.csv"
"""Incidents: id, severity, opened_at, resolved_at, title."""

_LOAD_COLUMNS: Final = ("source", "loaded_at")
_INCIDENT_COLUMNS: Final = ("id", "severity", "opened_at", "resolved_at", "title")
_MOST_LINES: Final = 5
"""How many places a note names before it breaks off."""


def _nothing(_: str) -> None:
    """Tell nobody."""


@attrs.frozen(kw_only=True, eq=False)
class Intake:
    """What `Engine.run` is given, read from one folder.

    `sources` has a frame of texts for each entity, `metrics` the long frame of readings, `loads` and `incidents` the rows of those
    files; what has no file is None. `notes` says which files are absent and which lines were not taken for data; `files` are those read.
    """

    sources: Mapping[str, Any] = attrs.field(factory=dict, converter=read_only)
    metrics: Any = None
    loads: tuple[tuple[str, str], ...] | None = None
    incidents: tuple[Mapping[str, str | None], ...] | None = None
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def read_folder(book: RuleBook, folder: str | Path, backend: str = "polars", *, started: Callable[[str], None] = _nothing) -> Intake:
    """Read the exports that the entities of a rule book name, and beside them `readings.csv`, `loads.csv` and `incidents.csv`.

    `backend` is the dataframe engine, `polars` or `pandas`. `started` is told the name of each file before it is read.

    Raises `NotFoundError` where there is no such folder, or none of these files in it, and `DataError` with all that is wrong in any
    of them.
    """
    root = Path(folder)
    if not root.is_dir():
        what = "is a file, not a folder of exports" if root.exists() else "does not exist"
        raise NotFoundError(f"the data folder `{root}` {what}")
    reading = _Reading(root, backend, started)
    sources = {entity.id: frame for entity in book.entities.values() if entity.file and (frame := reading.entity(entity)) is not None}
    metrics = reading.readings(book)
    loads = reading.rows(LOADS, _LOAD_COLUMNS)
    incidents = reading.rows(INCIDENTS, _INCIDENT_COLUMNS)
    if not reading.files and not reading.problems:
        wanted = [entity.file for entity in book.entities.values() if entity.file]
        raise NotFoundError(f"`{root}` holds none of the files a run reads: {', '.join([*wanted, READINGS, LOADS, INCIDENTS])}")
    if reading.problems:
        raise DataError("\n".join(reading.problems))
    reading.strangers([entity.file for entity in book.entities.values()])
    return Intake(
        sources=sources,
        metrics=metrics,
        loads=None if loads is None else tuple((row["source"] or "", row["loaded_at"] or "") for row in loads),
        incidents=incidents,
        notes=tuple(reading.notes),
        files=tuple(reading.files),
    )


def read_loads(path: str | Path) -> tuple[tuple[str, str], ...]:
    """The load log in a file with the columns `source` and `loaded_at`. Raises as `read_export` does."""
    return tuple((row["source"] or "", row["loaded_at"] or "") for row in _rows(read_export(path, _LOAD_COLUMNS)))


class _Reading:
    """One pass over a folder; problems are gathered, so that all of them are said at once."""

    def __init__(self, root: Path, backend: str, started: Callable[[str], None]) -> None:
        self.root, self.backend, self.started = root, backend, started
        self.notes: list[str] = []
        self.problems: list[str] = []
        self.files: list[Path] = []

    def entity(self, entity: Entity) -> Any:
        """The rows of an entity's export as texts, or nothing."""
        wanted = [column.source_name for column in entity.columns.values()]
        export = self._export(entity.file, wanted, f"no rows of `{entity.id}`; what is computed from them is unknown unless `{READINGS}` has it")
        return None if export is None else to_frame(export, self.backend)

    def readings(self, book: RuleBook) -> Any:
        """The metrics computed elsewhere, in long form, or nothing."""
        export = self._export(READINGS, None, "no metrics computed elsewhere")
        if export is None:
            return None
        lacking = [f"{export.path} has no column `{column}`" for column in ("metric", "value") if column not in export.columns]
        self.problems += lacking or _misread(export, book)
        return to_frame(export, self.backend)

    def rows(self, name: str, columns: Sequence[str]) -> tuple[dict[str, str | None], ...] | None:
        """A small file, row by row, or nothing."""
        export = self._export(name, columns, "pre-checks that ask for it are unknown")
        return None if export is None else _rows(export)

    def strangers(self, known: Iterable[str]) -> None:
        """Note the CSV files that nobody reads: a misspelled name would otherwise look like an absent export."""
        wanted = [name for name in (*known, READINGS, LOADS, INCIDENTS) if name]
        for path in sorted(self.root.glob("*.csv")):
            if path.name not in wanted:
                hint = nearest(path.name, [name for name in wanted if self.root / name not in self.files])
                self.notes.append(f"{path.name} is not read: no entity names it" + (f" ({hint})" if hint else ""))

    def _export(self, name: str, columns: Sequence[str] | None, without: str) -> Export | None:
        path = self.root / name
        if not path.exists():
            self.notes.append(f"{name} is not there: {without}")
            return None
        self.started(name)
        try:
            export = read_export(path, columns)
        except DataError as error:
            self.problems.append(str(error))
            return None
        self.files.append(path)
        self.notes += _kept_out(export)
        return export


def _rows(export: Export) -> tuple[dict[str, str | None], ...]:
    return tuple(dict(zip(export.columns, row, strict=True)) for row in zip(*export.columns.values(), strict=True))


def _misread(export: Export, book: RuleBook) -> list[str]:
    """What is wrong with readings, by the line it stands on."""
    found = []
    for line, name, value in zip(export.first_line, export.columns["metric"], export.columns["value"], strict=True):
        try:
            metric = book.metric(name or "")
        except NotFoundError as error:
            found.append(f"{export.path}:{line} {error}")
            continue
        if value is not None and not metric.text and not _is_number(value):
            found.append(f"{export.path}:{line} the value of `{metric.id}` is `{value}`, a text where a number belongs (blank means not known)")
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _kept_out(export: Export) -> list[str]:
    """One note for each reason for which lines of a file are not data."""
    by_reason = groupby(sorted(export.skipped, key=lambda each: (each.why, each.line)), key=lambda each: each.why)
    notes = []
    for why, group in by_reason:
        lines = [each.line for each in group]
        notes.append(f"{export.path.name}: {why}, not data: {'line' if len(lines) == 1 else 'lines'} {_places(lines)}")
    return notes


def _places(lines: Sequence[int]) -> str:
    """Line numbers as ranges.

    >>> _places([1, 2, 3, 7])
    '1–3, 7'
    """
    ranges: list[list[int]] = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    shown = [f"{first}–{last}" if last > first else str(first) for first, last in ranges[:_MOST_LINES]]
    return ", ".join([*shown, *(["…"] if len(ranges) > _MOST_LINES else [])])
