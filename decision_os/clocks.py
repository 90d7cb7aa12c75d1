"""Instants and the clocks of a zone as whole numbers, on every engine: microseconds since the start of 1970, and back.

Where narwhals has words for these, they are its own. DuckDB, Spark and Ibis have no such words in narwhals, or let the session's zone decide; there each
is said in the engine's own, over whole columns, and by the zone that is named and no other.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs
import narwhals.stable.v2 as nw

from decision_os.errors import DataError

__all__ = ["Clock", "Instant", "Micros", "Shown", "Word", "added"]


@attrs.frozen
class Micros:
    """The microseconds of a column of dates, local times or instants; of local times and dates as if they were in UTC."""

    column: str


@attrs.frozen
class Instant:
    """The instant of a column of microseconds."""

    column: str


@attrs.frozen
class Clock:
    """The local time, without a zone, of a column of microseconds."""

    column: str


@attrs.frozen
class Shown:
    """What clocks in a zone show at instants given in microseconds: microseconds too, as if that were in UTC."""

    column: str
    zone: str


Word: TypeAlias = Micros | Instant | Clock | Shown


def added(frame: Any, columns: Mapping[str, Any]) -> Any:
    """The frame with these columns, each a narwhals expression or a `Word`, none reading another.

    Raises `DataError` for words that the engine, or the backend of Ibis, does not know.

    >>> import polars as pl
    >>> frame = nw.from_native(pl.DataFrame({"at": [1_790_000_000_000_000]}))
    >>> added(frame, {"shown": Shown("at", "America/New_York")})["shown"].to_list()
    [1789985600000000]
    """
    words = {name: word for name, word in columns.items() if isinstance(word, Word)}
    speak = _NATIVE.get(str(frame.implementation.value)) if words else None
    if speak is None:
        return frame.with_columns(**{name: _expression(word) if isinstance(word, Word) else word for name, word in columns.items()})
    schema = frame.collect_schema()
    made = {f"__clock_{place}": word for place, word in enumerate(words.values())}
    spoken = nw.from_native(speak(nw.to_native(frame), made, schema))
    others = {name: column for name, column in columns.items() if name not in words}
    return spoken.with_columns(**{name: nw.col(temporary) for name, temporary in zip(words, made, strict=True)}, **others).drop(*made)


def _expression(word: Word) -> nw.Expr:
    column = nw.col(word.column)
    match word:
        case Micros():
            return column.cast(nw.Datetime("us")).dt.timestamp("us")
        case Instant():
            return _instant(column)
        case Clock():
            return column.cast(nw.Datetime("us"))
        case Shown():
            return _instant(column).dt.convert_time_zone(word.zone).dt.replace_time_zone(None).dt.timestamp("us")


def _instant(micros: nw.Expr) -> nw.Expr:
    return micros.cast(nw.Datetime("us")).dt.replace_time_zone("UTC")


# ── in the engine's own words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_duckdb(native: Any, made: Mapping[str, Word], _schema: Mapping[str, Any]) -> Any:
    def said(word: Word) -> str:
        column = '"' + word.column.replace('"', '""') + '"'
        match word:
            case Micros():
                return f"epoch_us({column})"
            case Instant():
                return f"make_timestamptz({column})"
            case Clock():
                return f"make_timestamp({column})"
            case Shown():
                return f"epoch_us(timezone('{word.zone}', make_timestamptz({column})))"

    return native.project(", ".join(["*", *(f'{said(word)} AS "{name}"' for name, word in made.items())]))


def _in_spark(native: Any, made: Mapping[str, Word], schema: Mapping[str, Any]) -> Any:
    def said(word: Word) -> str:
        column = "`" + word.column.replace("`", "``") + "`"
        match word:
            case Micros():
                dtype = schema[word.column]
                if dtype == nw.Date:
                    return f"unix_date({column}) * 86400000000"
                zoned = isinstance(dtype, nw.Datetime) and dtype.time_zone is not None
                return f"unix_micros({column})" if zoned else f"timestampdiff(MICROSECOND, TIMESTAMP_NTZ '1970-01-01 00:00:00', {column})"
            case Instant():
                return f"timestamp_micros({column})"
            case Clock():
                return f"TIMESTAMP_NTZ '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, CAST({column} / 1000000BD AS DECIMAL(18, 6)))"
            case Shown():
                return f"unix_micros(from_utc_timestamp(timestamp_micros({column}), '{word.zone}'))"

    return native.selectExpr("*", *(f"{said(word)} AS `{name}`" for name, word in made.items()))


def _in_ibis(native: Any, made: Mapping[str, Word], _schema: Mapping[str, Any]) -> Any:
    backend = native.get_backend().name
    if backend != "duckdb":
        column = next(iter(made.values())).column.strip("_").partition("__")[0]
        raise DataError(f"the times of `{column}` are not read on {backend} through Ibis (cast them to dates there, or give texts)")
    builtin = importlib.import_module("ibis").udf.scalar.builtin

    def one(given: Any) -> None: ...

    def two(zone: Any, given: Any) -> None: ...

    def call(name: str, takes: tuple[Any, ...], gives: Any, *arguments: Any) -> Any:
        return builtin(one if len(takes) == 1 else two, name=name, signature=(takes, gives))(*arguments)

    def said(word: Word) -> Any:
        column = native[word.column]
        match word:
            case Micros():
                return call("epoch_us", (column.type(),), "int64", column)
            case Instant():
                return call("make_timestamptz", ("int64",), "timestamp('UTC')", column)
            case Clock():
                return call("make_timestamp", ("int64",), "timestamp", column)
            case Shown():
                instant = call("make_timestamptz", ("int64",), "timestamp('UTC')", column)
                return call("epoch_us", ("timestamp",), "int64", call("timezone", ("string", "timestamp('UTC')"), "timestamp", word.zone, instant))

    return native.mutate(**{name: said(word) for name, word in made.items()})


_NATIVE: Final[Mapping[str, Callable[[Any, Mapping[str, Word], Mapping[str, Any]], Any]]] = {"duckdb": _in_duckdb, "pyspark": _in_spark, "ibis": _in_ibis}
