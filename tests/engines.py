"""Every dataframe engine the tests run on: rows or an Arrow table in, the engine's own frame out, and back."""

from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final

import duckdb
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

__all__ = ["ALL", "EAGER", "IN_PROCESS", "LAZY", "SPARK", "arrow_of", "frame_of", "loaded", "taken"]

EAGER: Final = ("pandas", "pandas nullable", "pandas Arrow", "polars", "pyarrow")
LAZY: Final = ("polars lazy", "duckdb", "ibis")
IN_PROCESS: Final = (*EAGER, *LAZY)
SPARK: Final = pytest.param(
    "spark",
    marks=[
        pytest.mark.xdist_group("spark"),
        pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
        pytest.mark.skipif(find_spec("pyspark") is None, reason="PySpark is not installed"),
    ],
)
"""All Spark tests of a run go to one worker: the session takes its time to start."""
ALL: Final = (*IN_PROCESS, SPARK)

_NULLABLE: Final = {
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
    pa.large_string(): pd.StringDtype(),
}


@functools.cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """One for all tables: those of two connections do not join."""
    return duckdb.connect()


@functools.cache
def _ibis() -> Any:
    return ibis.duckdb.connect()


_NUMBERS: Final = itertools.count()


@functools.cache
def spark() -> Any:
    """One small session for all tests of a process; plans over a few rows are walked, not compiled, which takes longer than all else."""
    from pyspark.sql import SparkSession

    options = {
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]").appName("decision-os tests")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def frame_of(rows: Sequence[Any], engine: str) -> Any:
    """The rows in a frame, typed as the engine itself takes them: a column of gaps alone has whatever type it gives that."""
    match engine:
        case "pandas":
            return pd.DataFrame(list(rows), index=[f"row {number}" for number in range(len(rows))])
        case "pandas Arrow":
            return pa.Table.from_pylist(list(rows)).to_pandas(types_mapper=pd.ArrowDtype)
        case "polars":
            return pl.DataFrame(list(rows), infer_schema_length=None)
        case "polars lazy":
            return pl.DataFrame(list(rows), infer_schema_length=None).lazy()
        case _:
            return loaded(pa.Table.from_pylist(list(rows)), engine)


def loaded(table: pa.Table, engine: str) -> Any:
    """An Arrow table as a frame of the engine."""
    match engine:
        case "pandas":
            return table.to_pandas()
        case "pandas nullable":
            return table.to_pandas(types_mapper=_NULLABLE.get)
        case "pandas Arrow":
            return table.to_pandas(types_mapper=pd.ArrowDtype)
        case "polars":
            return pl.from_arrow(table)
        case "polars lazy":
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            return frame.lazy()
        case "pyarrow":
            return table
        case "duckdb":
            return _duckdb().from_arrow(table)
        case "ibis":
            name = f"given_{next(_NUMBERS)}"
            _ibis().con.register(name, table)  # `create_table` does not get along with every sqlglot
            return _ibis().table(name)
        case "spark":
            return spark().createDataFrame(table)
    raise AssertionError(engine)


def taken(frame: Any, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The columns of any engine's frame, row by row, as Python's own values; what is missing is None."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame.select(names).rows()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        return frame.select(*(f'"{name}"' for name in names)).fetchall()
    if isinstance(frame, ibis.Table):
        frame = frame.select(*names).to_pyarrow()
    elif isinstance(frame, pd.DataFrame):
        frame = pa.Table.from_pandas(frame[list(names)], preserve_index=False)
    elif not isinstance(frame, pa.Table):
        return [tuple(row) for row in frame.select(*(f"`{name}`" for name in names)).collect()]
    return list(zip(*(frame[name].to_pylist() for name in names), strict=True))


def arrow_of(frame: Any, names: Sequence[str]) -> pa.Table:
    """The columns of any engine's frame as an Arrow table; of classic pandas a NaN is a gap."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame.select(names).to_arrow()
    if isinstance(frame, duckdb.DuckDBPyRelation):
        return frame.to_arrow_table().select(list(names))
    if isinstance(frame, ibis.Table):
        return frame.select(*names).to_pyarrow()
    if isinstance(frame, pd.DataFrame):
        return pa.Table.from_pandas(frame[list(names)], preserve_index=False)
    return frame.select(list(names)) if isinstance(frame, pa.Table) else frame.select(*(f"`{name}`" for name in names)).toArrow()
