"""The rows of a frame one by one, as mappings that `Engine.decide` takes, read from the engine as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import narwhals.stable.v2 as nw

from decision_os.frames.intake import columns_of, read
from decision_os.plan import Plan

__all__ = ["rows"]

_AT_A_TIME: Final = 4096


def rows(plan: Plan, frame: Any, given: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """What each row says of a plan's inputs, in the frame's order, with what is `given` for all of them.

    A lazy frame is run when the first row is asked for; the frame itself is looked at before that.

    Raises `DataError` as `decide_frame` does for names.
    """
    constants = dict(given or {})
    table = read(frame)
    columns = columns_of(plan, table.schema, constants)
    keys = [key for key in plan.playbook.subject.keys if key in table.schema and key not in columns]
    wanted = {**columns, **{key: key for key in keys}}
    return _read(table.frame, table.engine, wanted, constants)


def _read(frame: Any, engine: str, wanted: Mapping[str, str], constants: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    selected = frame.select(*dict.fromkeys(wanted.values())) if wanted else frame
    names = list(wanted)
    places = {column: place for place, column in enumerate(dict.fromkeys(wanted.values()))}
    for row in _READERS.get(engine, _collected)(selected):
        yield {**{name: row[places[wanted[name]]] for name in names}, **constants}


def _eager(frame: Any) -> Iterator[Any]:
    yield from frame.iter_rows(buffer_size=_AT_A_TIME)


def _collected(frame: Any) -> Iterator[Any]:
    yield from _eager(frame.collect() if isinstance(frame, nw.LazyFrame) else frame)


def _in_polars(frame: Any) -> Iterator[Any]:
    if isinstance(frame, nw.DataFrame) or not hasattr(native := nw.to_native(frame), "collect_batches"):
        yield from _collected(frame)
        return
    for batch in native.collect_batches(chunk_size=_AT_A_TIME, maintain_order=True):
        yield from batch.iter_rows()


def _in_duckdb(frame: Any) -> Iterator[Any]:
    native = nw.to_native(frame)
    read = native.to_arrow_reader if hasattr(native, "to_arrow_reader") else native.fetch_record_batch  # as DuckDB before 1.4 calls it
    return _from_batches(read(_AT_A_TIME))


def _in_spark(frame: Any) -> Iterator[Any]:
    yield from nw.to_native(frame).toLocalIterator()


def _in_ibis(frame: Any) -> Iterator[Any]:
    native = nw.to_native(frame)
    if native.get_backend().name == "duckdb":  # Ibis 12 asks DuckDB 2 for batches by a name it no longer has
        yield from _from_batches(native.to_pyarrow().to_batches(_AT_A_TIME))
    else:
        yield from _from_batches(native.to_pyarrow_batches(chunk_size=_AT_A_TIME))


def _from_batches(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


_READERS: Final[Mapping[str, Callable[[Any], Iterator[Any]]]] = {
    "Polars": _in_polars,
    "DuckDB": _in_duckdb,
    "PySpark": _in_spark,
    "Ibis": _in_ibis,
}
