"""Reads an export file, warts and all, into columns of text. Nothing is typed here, and nothing is dropped silently."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

import attrs

from decision_os.errors import DataError, NotFoundError, nearest

__all__ = ["Export", "Skipped", "read_export", "to_frame"]

BLANK_LINE: Final = "blank line"
FOOTER: Final = "footer"
TITLE_ROW: Final = "title row"
TOTAL_ROW: Final = "total row"
WRONG_WIDTH: Final = "wrong number of fields"

_DELIMITERS: Final = (",", ";", "\t")
_BACKENDS: Final = ("pandas", "polars", "pyarrow")
_SEARCHED: Final = 50
"""How many rows from the top, blank ones not counted, may hold the header."""
_TOTAL: Final = re.compile(r"(grand\s+)?totals?\s*(:.*|\(.*\))?", re.IGNORECASE)
_NOTHING: Final = ' \t\r\n,;"\N{NO-BREAK SPACE}'
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOK_MARKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@attrs.frozen
class Skipped:
    """A line of the file that is not a row of data, why it was kept out, and its text."""

    line: int
    why: str
    text: str


@attrs.frozen
class Export:
    """An export as columns of text.

    `columns` holds one list per column, all of one length, None where the cell is blank; `first_line` the line of the file on which each
    row starts; `skipped` every other line below or above the header, in order.
    """

    columns: dict[str, list[str | None]]
    first_line: list[int]
    skipped: tuple[Skipped, ...]
    path: Path


class _Row(NamedTuple):
    line: int
    cells: list[str]

    @property
    def filled(self) -> int:
        return sum(1 for cell in self.cells if cell.strip())


def read_export(path: str | Path, columns: Sequence[str] | None = None) -> Export:
    r"""Read a delimited text export.

    `columns` are the declared headers: the header row is the first that holds them all, and only they are returned, in that order.
    Without them the header is the first row as wide as most rows are, and every headed column is returned. The encoding (UTF-8 with
    or without a mark, UTF-16 with one, else Windows-1252) and the delimiter (comma, semicolon, tab) are found out. Values stay as
    written: identifiers keep their case, and `--` its dashes; only blank cells become None. Title rows, blank lines, total rows,
    footers and rows with the wrong number of fields are kept out and listed in `skipped`.

    Raises `NotFoundError` where there is no such file, and `DataError` where it cannot be read, is empty, or lacks a declared column.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "spend.csv"
    >>> _ = file.write_text("Spend report\nDay,Cost\n2026-09-01,\"1,234.56\"\n2026-09-02,--\nTotal: Account,\"1,234.56\"\n")
    >>> export = read_export(file, ["Day", "Cost"])
    >>> export.columns["Cost"], export.first_line
    (['1,234.56', '--'], [3, 4])
    >>> [(each.line, each.why) for each in export.skipped]
    [(1, 'title row'), (5, 'total row')]
    """
    file = Path(path)
    text = _decoded(file)
    delimiter, header = _header(file, text, columns)
    names = [cell.strip() for cell in header.cells]
    _refuse_twins(file, header.line, names, columns)
    above: list[_Row] = []
    below: list[_Row] = []
    for row in _rows(file, text, delimiter):
        if row.line != header.line:
            (above if row.line < header.line else below).append(row)

    def skip(row: _Row, why: str) -> Skipped:
        return Skipped(row.line, why if row.filled else BLANK_LINE, delimiter.join(row.cells))

    body, tail = _body_and_tail(below, len(names))
    kept = [row for row in body if _has_width(row, len(names))]
    skipped = [skip(row, TITLE_ROW) for row in above]
    skipped += [skip(row, WRONG_WIDTH) for row in body if not _has_width(row, len(names))]
    skipped += [skip(row, why) for row, why in tail]
    wanted = [name for name in names if name] if columns is None else columns
    places = {name: names.index(name) for name in wanted}
    return Export(
        columns={name: [row.cells[at] if row.cells[at].strip() else None for row in kept] for name, at in places.items()},
        first_line=[row.line for row in kept],
        skipped=tuple(skipped),
        path=file,
    )


def to_frame(export: Export, backend: str) -> Any:
    r"""The columns as a native frame of strings; `backend` is `pandas`, `polars` or `pyarrow`.

    Raises `DataError` for another backend, or one that is not installed.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "reps.csv"
    >>> _ = file.write_text("Rep;Team\nAna;East\nBo;\n")
    >>> to_frame(read_export(file), "polars").rows()
    [('Ana', 'East'), ('Bo', None)]
    """
    if backend not in _BACKENDS:
        hint = nearest(backend, _BACKENDS) or f"one of {', '.join(f'`{name}`' for name in _BACKENDS)} is meant"
        raise DataError(f"no dataframe engine `{backend}` ({hint})")
    import narwhals.stable.v2 as nw  # noqa: PLC0415  # a frame library is loaded only when a frame is asked for

    schema = dict.fromkeys(export.columns, nw.String())
    engine = cast("Literal['pandas', 'polars', 'pyarrow']", backend)
    try:
        return nw.from_dict(export.columns, schema=schema, backend=engine).to_native()
    except ModuleNotFoundError as error:
        raise DataError(f"`{backend}` is not installed (install it, or choose another of {', '.join(_BACKENDS)})") from error


def _decoded(file: Path) -> str:
    try:
        raw = file.read_bytes()
    except FileNotFoundError as error:
        beside = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
        hint = nearest(file.name, beside)
        raise NotFoundError(f"no file `{file}`" + (f" ({hint})" if hint else "")) from error
    except IsADirectoryError as error:
        raise DataError(f"`{file}` is a folder; name the export file in it") from error
    except PermissionError as error:
        raise DataError(f"`{file}` may not be read: no permission") from error
    except OSError as error:
        raise DataError(f"`{file}` cannot be read: {error.strerror or error}") from error
    if raw.startswith(_WORKBOOK_MARKS):
        raise DataError(f"`{file}` is a workbook or an archive, not text; export it as CSV")
    try:
        text = raw.decode("utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise DataError(f"{file}:{line} is neither UTF-8 nor Windows-1252 text; export it as UTF-8 CSV") from error
    if "\0" in text:
        raise DataError(f"`{file}` is not a text file: it holds NUL characters; export it as UTF-8 CSV")
    if not text.strip(_NOTHING):
        raise DataError(f"`{file}` is empty: there is no header row and no data; export it again")
    return text


def _rows(file: Path, text: str, delimiter: str) -> Iterator[_Row]:
    """Each record with the line it starts on. Strict, because a lenient reader takes all that follows a stray quote for one cell."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{file}:{line} is not a well-formed row: {error} (is a quote not closed, or not doubled?)") from error
        yield _Row(line, cells)


def _header(file: Path, text: str, columns: Sequence[str] | None) -> tuple[str, _Row]:
    """The delimiter and the header row, by which more of the declared columns are found, or failing those by which rows are wider."""
    tops: dict[str, list[_Row]] = {}
    problem: DataError | None = None
    for delimiter in _DELIMITERS:
        try:
            tops[delimiter] = list(islice((row for row in _rows(file, text, delimiter) if row.filled), _SEARCHED))
        except DataError as error:  # most often only the wrong delimiter
            problem = problem or error
    if problem and not any(len(row.cells) > 1 for rows in tops.values() for row in rows):
        raise problem  # no other delimiter splits a line, so the one that failed was the right one
    widest = _widest(tops)
    if columns is None:
        return widest
    found, delimiter, header = 0, "", _Row(1, [])
    for each, rows in tops.items():
        for row in rows:
            held = len(set(columns).intersection(cell.strip() for cell in row.cells))
            if held > found:
                found, delimiter, header = held, each, row
    if found == len(set(columns)):
        return delimiter, header
    raise DataError(_missing_columns(file, columns, header if found else widest[1]))


def _widest(tops: dict[str, list[_Row]]) -> tuple[str, _Row]:
    """The delimiter whose usual row has most fields, and the first row of that width."""

    def usual_width(rows: list[_Row]) -> int:
        widths = [len(row.cells) for row in rows]
        return max(widths, key=lambda width: (widths.count(width), width))

    delimiter = max(tops, key=lambda each: usual_width(tops[each]))
    width = usual_width(tops[delimiter])
    return delimiter, next(row for row in tops[delimiter] if len(row.cells) == width)


def _missing_columns(file: Path, columns: Sequence[str], header: _Row) -> str:
    headers = [cell.strip() for cell in header.cells if cell.strip()]
    lines = []
    for column in columns:
        if column not in headers:
            hint = nearest(column, headers) or f"the headers are {', '.join(f'`{name}`' for name in headers)}"
            lines.append(f"{file}:{header.line} has no column `{column}` ({hint})")
    return "\n".join(lines)


def _refuse_twins(file: Path, line: int, names: list[str], columns: Sequence[str] | None) -> None:
    twins = sorted({name for name in names if name and names.count(name) > 1 and (columns is None or name in columns)})
    if twins:
        raise DataError(f"{file}:{line} has the column {', '.join(f'`{name}`' for name in twins)} more than once; rename all but one")


def _has_width(row: _Row, width: int) -> bool:
    """Whether the row fits the header; blank cells beyond it, as spreadsheets leave them, do no harm."""
    if not row.filled:
        return False
    return len(row.cells) == width or (len(row.cells) > width and not any(cell.strip() for cell in row.cells[width:]))


def _body_and_tail(rows: list[_Row], width: int) -> tuple[list[_Row], list[tuple[_Row, str]]]:
    """Split off what ends the file: total rows and, after a blank line, footer lines that cannot be data.

    Only at the end: a customer may be called `Total`, and a short row in the middle is a mistake to report as one.
    """
    end = len(rows)
    for at in range(len(rows) - 1, -1, -1):
        row = rows[at]
        if not row.filled:
            end = at
        elif width == 1 or (_has_width(row, width) and row.filled > 1):
            break
    body = rows[:end]
    tail = [(row, FOOTER) for row in rows[end:]]
    while body and (not body[-1].filled or _is_total(body[-1])):
        tail.insert(0, (body.pop(), TOTAL_ROW))
    return body, tail


def _is_total(row: _Row) -> bool:
    first = next(cell for cell in row.cells if cell.strip())
    return _TOTAL.fullmatch(first.strip()) is not None
