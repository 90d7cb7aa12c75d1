"""The frame as it comes in: its declared columns found, numbered and read."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import narwhals.stable.v2 as nw

from decision_os.calendars import zone_of
from decision_os.clocks import added
from decision_os.entities.cells import UNREAD, raw_name, read_column
from decision_os.errors import DataError, nearest
from decision_os.model import Column, Entity

__all__ = ["ROW", "Frame", "read_entity"]

Frame: TypeAlias = nw.DataFrame[Any] | nw.LazyFrame[Any]

ROW: Final = "__row"
"""The number of the row, counted from 1."""

_SHOWN: Final = 20
"""How many of a frame's columns a message lists."""


def read_entity(entity: Entity, frame: Any, *, zone: str, currency: str = "USD") -> Frame:
    """The entity's columns, typed and named by their ids, with `ROW` and one `UNREAD` column for each beside them.

    `frame` is any eager or lazy frame whose columns have the export's names (or the ids), of text or typed already. The result is a
    narwhals frame of the same kind; a pandas frame becomes Arrow-backed, so that a missing value is null and nothing else. Empty text
    and the column's `blanks` are null. What is not of the declared type is null too, and its text stands in the `UNREAD` column:

    - identifier, text, category: trimmed, case kept;
    - money: separators, the currency's sign or code, parentheses for a negative amount; to the nearest cent. Other currencies are not read;
    - integer, number, share (`12.5%` is 0.125): never a boolean, never an integer beyond what float64 holds exactly;
    - boolean: true, false, yes, no, 1, 0 in any case;
    - date, month, instant: by the first of `formats` that fits (`%Y-%m-%d` and `%m/%d/%Y` unless said). A date drops the time beside it,
      a month the day too. An instant without an offset is what clocks in `zone` showed, unread where they showed it twice or never.

    Raises `DataError` where there is no dataframe, where a column is missing (with the nearest name), there twice (to DuckDB, Spark and Ibis in
    other capitals too) or of nested values, and for a date form that cannot be read; `NotFoundError` for a zone that is none.

    >>> import polars as pl
    >>> columns = [Column(id="id", source_name="Deal ID", type="identifier"), Column(id="amount", source_name="Amount", type="money")]
    >>> entity = Entity(id="deals", source="crm", key=("id",), columns={column.id: column for column in columns})
    >>> rows = read_entity(entity, pl.DataFrame({"Deal ID": ["a", "b"], "Amount": ["USD 1,200.50", "lots"]}), zone="ET")
    >>> rows.to_native().select("id", "amount", "__unread_amount").rows()
    [('a', 1200.5, None), ('b', None, 'lots')]
    """
    place = zone_of(zone).key
    raw = _opened(entity, frame)
    kinds = raw.collect_schema()
    columns = entity.columns.values()
    for column in columns:
        _refuse_nested(entity, column, kinds[raw_name(column)])
    rows = _numbered(raw)
    readers = [read_column(column, kinds[raw_name(column)], place, currency, strips=not raw.implementation.is_ibis()) for column in columns]
    while steps := [step for reader in readers if (step := next(reader, None))]:  # all columns go one step at a time
        rows = added(rows, {name: found for step in steps for name, found in step.items()})
    return rows.select(ROW, *(name for column in columns for name in (column.id, UNREAD + column.id)))


def _opened(entity: Entity, frame: Any) -> Frame:
    """The declared columns alone, under their temporary names."""
    columns = entity.columns.values()
    native = nw.to_native(frame, pass_through=True)
    if nw.dependencies.is_pandas_dataframe(native):
        headers = list(native.columns)
        places = {raw_name(column): headers.index(_header(entity, column, headers)) for column in columns}
        return _arrow_backed(native, places)
    if nw.dependencies.is_pyarrow_table(native):  # by their places: another name may be there twice
        headers = native.column_names
        places = {raw_name(column): headers.index(_header(entity, column, headers)) for column in columns}
        chosen: Frame = nw.from_native(native.select(list(places.values())).rename_columns(list(places)))
        return chosen
    try:
        rows: Frame = nw.from_native(native)
    except TypeError:
        hint = "read a file with `read_export` and `to_frame`"
        raise DataError(f"the rows of entity `{entity.id}` are a {type(native).__name__}, not a dataframe ({hint})") from None
    if isinstance(rows, nw.LazyFrame) and not rows.implementation.is_polars():
        headers = list(native.columns)  # a schema has a name once
        _refuse_capitals(entity, headers)
    else:
        headers = rows.collect_schema().names()
    if rows.implementation.is_pyspark():  # to which a point in a name is a path into it
        quoted = {raw_name(column): _header(entity, column, headers).replace("`", "``") for column in columns}
        spark: Frame = nw.from_native(native.selectExpr(*(f"`{header}` AS `{name}`" for name, header in quoted.items())))
        return spark
    return rows.select(*(nw.col(_header(entity, column, headers)).alias(raw_name(column)) for column in columns))


def _header(entity: Entity, column: Column, headers: Sequence[Any]) -> str:
    """What the column is called in the frame: its name in the export, or its id."""
    for name in (column.source_name, column.id):
        if headers.count(name) > 1:
            raise DataError(f"the rows of entity `{entity.id}` have the column `{name}` more than once (rename all but one)")
        if name in headers:
            return name
    hint = nearest(column.source_name, (header for header in headers if isinstance(header, str)))
    if not hint:
        shown = ", ".join(f"`{header}`" for header in headers[:_SHOWN])
        hint = f"the columns are {shown}{', …' if len(headers) > _SHOWN else ''}" if headers else "there are no columns at all"
    raise DataError(f"the rows of entity `{entity.id}` have no column `{column.source_name}`, from which `{column.id}` is read ({hint})")


def _refuse_capitals(entity: Entity, headers: Sequence[str]) -> None:
    """Engines asked by queries take names that differ by capitals for one, and would hand over the first of them."""
    for column in entity.columns.values():
        for name in (column.source_name, column.id):
            alike = dict.fromkeys(header for header in headers if header.casefold() == name.casefold())
            if name in alike and len(alike) > 1:
                both = " and ".join(f"`{header}`" for header in alike)
                raise DataError(f"the rows of entity `{entity.id}` have the columns {both}, which their engine takes for one (rename all but one)")


def _refuse_nested(entity: Entity, column: Column, kind: Any) -> None:
    if kind.is_nested() or kind in (nw.Binary, nw.Duration, nw.Time):
        name = f"the column `{column.source_name}` of entity `{entity.id}`"
        raise DataError(f"{name} holds {kind}, from which no {column.type} is read (give text, or values of the type itself)")


def _arrow_backed(native: Any, places: Mapping[str, int]) -> Frame:
    """Some columns of a pandas frame with Arrow's types: there a missing value is null, and an integer beside one stays an integer."""
    try:
        arrow = importlib.import_module("pyarrow")
    except ModuleNotFoundError:
        raise DataError("pandas frames are read through pyarrow, which is not installed (install `decision-os[pandas]`)") from None
    pandas = importlib.import_module("pandas")

    def series(values: Any) -> Any:
        try:
            found = arrow.array(values, from_pandas=True)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError):  # a column of Python objects of several types
            found = arrow.array(values.map(str, na_action="ignore"), from_pandas=True)
        if isinstance(found, arrow.ChunkedArray):
            found = found.combine_chunks()
        if arrow.types.is_dictionary(found.type):
            found = found.dictionary_decode()
        if arrow.types.is_null(found.type):
            found = found.cast(arrow.string())
        return pandas.Series(pandas.arrays.ArrowExtensionArray(found))

    rows: Frame = nw.from_native(pandas.DataFrame({name: series(native.iloc[:, at]) for name, at in places.items()}))
    return rows


def _numbered(rows: Frame) -> Frame:
    """With `ROW`, in the order the rows come in; by their content where an engine's rows have no order."""
    found: Frame
    if isinstance(rows, nw.DataFrame):
        found = rows.with_row_index(ROW)
    elif rows.implementation.is_polars():
        found = nw.from_native(rows.to_native().with_row_index(ROW))
    else:
        found = rows.with_row_index(ROW, order_by=rows.collect_schema().names())
    return found.with_columns(nw.col(ROW).cast(nw.Int64) + 1)
