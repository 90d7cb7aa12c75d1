"""A caller's frame → its columns as the names of a plan: what each holds, in words of this library, or an error that names column and engine."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs
import narwhals.stable.v2 as nw

from decision_os.errors import DataError, InputError, nearest
from decision_os.expr.columns import Stage, kind_of
from decision_os.expr.truths import as_column, inverse
from decision_os.plan import Plan
from decision_os.values import Reading, Reason, Unknown, settle

__all__ = ["INTERNAL", "Intake", "Table", "intake", "read"]

INTERNAL: Final = "__decision_os_"
"""How the columns begin that live only as long as a frame is decided."""

_ALMOST = 0.85  # how alike two names are before one is taken for a misspelling of the other; `win_rate_old` is not `win_rate`
_ENGINES: Final = {"pandas": "pandas", "polars": "Polars", "pyarrow": "PyArrow", "duckdb": "DuckDB", "pyspark": "PySpark", "ibis": "Ibis"}


@attrs.frozen
class Table:
    """A frame with the types of its columns. `engine` is its engine's name, as people write it."""

    frame: Any
    schema: Mapping[str, Any]
    engine: str


@attrs.frozen
class Intake:
    """A frame made ready: it has all columns of the caller's, and what stands in for some; `kinds` and `inputs` are by the names of the plan."""

    frame: Any
    kinds: Mapping[str, Any]
    inputs: Mapping[str, Any]
    """An expression, or a plain value that is the same for all rows."""


def read(frame: Any) -> Table:
    """The frame with its types.

    Raises `DataError` for what is no frame, a name that is no text, and a name that is there twice.
    """
    table: Any = None
    names: list[Any] | None = None
    try:
        names = _names(frame)
        table = nw.from_native(frame)
    except TypeError:
        names = None
    except nw.exceptions.DuplicateError:
        pass  # it is named below
    if names is None:
        raise DataError(f"a {type(frame).__name__} is no dataframe (give one of pandas, Polars, PyArrow, DuckDB, PySpark, Ibis)")
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise DataError(f"the frame has a column named {odd[0]!r}, which is not a text (rename it)")
    twice = _twice(names)
    if twice or table is None:
        raise DataError(f"the frame has two columns named `{twice}` (rename one of them)")
    engine = table.implementation.value
    if isinstance(table, nw.LazyFrame) and engine != "polars":
        folded = _twice([name.casefold() for name in names])
        if folded:
            both = " and ".join(f"`{name}`" for name in names if name.casefold() == folded)
            raise DataError(f"the frame has the columns {both}, and {_word(engine)} does not tell capitals from small letters (rename one of them)")
    return Table(table, dict(table.collect_schema()), _word(engine))


def _word(engine: str) -> str:
    return _ENGINES.get(engine, engine)


def _is_polars(frame: Any) -> bool:
    return type(frame).__module__.partition(".")[0] == "polars"


def _names(frame: Any) -> list[Any] | None:
    if _is_polars(frame):
        return list(frame.collect_schema()) if hasattr(frame, "collect_schema") else None
    found = getattr(frame, "column_names", None)
    if found is None:
        found = getattr(frame, "columns", None)
    return list(found) if isinstance(found, Iterable) and not isinstance(found, str) else None


def _twice(names: Sequence[str]) -> str:
    return next((name for place, name in enumerate(names) if name in names[:place]), "") if len(set(names)) < len(names) else ""


def intake(plan: Plan, table: Table, constants: Mapping[str, Any]) -> Intake:
    """The names of a plan over a frame: its own columns, constants given for all rows, and nothing for what is absent.

    Raises `DataError` for a constant that nobody reads, a name that is almost that of an absent input, and a column of a kind that does not fit.
    """
    for name in constants:
        if name not in plan.inputs and name not in plan.feeds and name not in plan.defaults:
            known = [*plan.inputs, *plan.feeds]
            raise DataError(f"`{plan.playbook.id}` reads no input `{name}` ({nearest(name, known) or 'known: ' + ', '.join(known)})")
    columns = columns_of(plan, table.schema, constants)
    typed = _typed(table, list(columns.values()))
    kinds: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    for name in (*plan.inputs, *plan.feeds, *plan.defaults):
        if name in constants:
            inputs[name] = constant = _constant(plan, name, constants[name])
            kinds[name] = _constant_kind(constant)
        elif name in columns:
            column = columns[name]
            stand_in, kinds[name] = typed.found[column]
            if _fitting(plan, name, column, kinds[name], table, typed.empty) == "missing":
                kinds[name] = "missing"
            inputs[name] = nw.col(stand_in)
        else:
            kinds[name] = "missing"
    guarded, frame = _guarded(plan, typed.frame, kinds, inputs)
    return Intake(frame, kinds, {**inputs, **guarded})


def columns_of(plan: Plan, present: Collection[str], constants: Collection[str] = ()) -> dict[str, str]:
    """The column that each name of a plan is read from, where there is one. Raises `DataError` for what looks like a slip."""
    columns: dict[str, str] = {}
    for name in (*plan.inputs, *plan.feeds, *plan.defaults):
        if name in constants:
            continue
        written = [name, *(alias for alias, target in plan.aliases.items() if target == name)]
        found = next((column for column in written if column in present), None)
        if found is not None:
            columns[name] = found
    absent = [name for name in (*plan.inputs, *plan.feeds) if name not in columns and name not in constants]
    words = [*absent, *(written for written, name in plan.aliases.items() if name in absent)]
    for column in present if words else ():
        if plan.accepts(column):
            continue
        hint = nearest(column, words, cutoff=_ALMOST)
        if hint:
            raise DataError(f"`{plan.playbook.id}` has no use for the column `{column}`, and lacks one that is almost called so ({hint})")
    return columns


# ── constants ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _constant(plan: Plan, name: str, given: Any) -> Any:
    """The one value of all rows; nothing where it is unknown, or outside the valid range of its metric."""
    value = settle(given.value if isinstance(given, Reading) else given, name)
    planned = plan.inputs.get(name)
    if isinstance(value, Unknown) or (planned is not None and planned.valid is not None and planned.valid.evaluate_settled({name: value}) is False):
        return None
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return nw.lit(value.astimezone(dt.UTC))
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _constant_kind(value: Any) -> Any:
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "bool"),
        (str, "text"),
        (float, "number"),
        (dt.datetime, "naive"),
        (dt.date, "date"),
        (dt.timedelta, "duration"),
    )
    if value is None:
        return "missing"
    return next((word for kind, word in kinds if isinstance(value, kind)), nw.Datetime("us", "UTC"))


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@attrs.frozen
class _Typed:
    """The frame with its stand-ins; for each column the one to read and its type; and how to ask whether a column has gaps alone."""

    frame: Any
    found: Mapping[str, tuple[str, Any]]
    empty: Callable[[str], bool]


def _typed(table: Table, columns: Sequence[str]) -> _Typed:
    """Columns whose own type does not say what they hold get a stand-in that does."""
    native = nw.to_native(table.frame)
    stand_in = _STAND_INS.get(table.engine, _no_stand_in)
    found: dict[str, tuple[str, Any]] = {}
    made: dict[str, Any] = {}
    for place, column in enumerate(dict.fromkeys(columns)):
        dtype = table.schema[column]
        series = stand_in(native, column, dtype)
        if series is not None:
            name = f"{INTERNAL}typed_{place}"
            made[name] = series
            found[column] = name, None
        elif dtype == nw.Unknown and not _holds_nothing(native, column, table.engine):
            raise _unreadable(column, _native_type(native, column, table.engine), table.engine)
        elif isinstance(dtype, nw.Duration) and table.engine == "Ibis":
            raise _unreadable(column, "durations", table.engine, "make it a number, of hours or days")
        else:
            found[column] = column, "missing" if dtype == nw.Unknown else dtype
    frame = table.frame
    if made:
        frame = nw.from_native(native.assign(**made) if table.engine == "pandas" else _appended(native, made))
        schema = frame.schema
        found = {column: (name, schema[name] if dtype is None else dtype) for column, (name, dtype) in found.items()}
    empty: Callable[[str], bool] = (lambda column: bool(native[column].isna().all())) if table.engine == "pandas" else (lambda _: False)
    return _Typed(frame, found, empty)


def _appended(native: Any, made: Mapping[str, Any]) -> Any:
    for name, column in made.items():
        native = native.append_column(name, column)
    return native


def _unreadable(column: str, what: object, engine: str, hint: str = "cast it to numbers, texts, dates or truth values") -> DataError:
    return DataError(f"the column `{column}` holds {what}, which no rule can read on {engine} ({hint})")


def _no_stand_in(_native: Any, _column: str, _dtype: Any) -> Any:
    return None


def _in_pandas(native: Any, column: str, dtype: Any) -> Any:
    """Of what classic pandas keeps as objects or as categories the type its values have; an instant in UTC."""
    series = native[column]
    if getattr(series.dtype, "tz", None) is not None and dtype == nw.Unknown:
        return series.dt.tz_convert("UTC")
    categories = getattr(series.dtype, "categories", None)
    numbered = categories is not None and str(categories.dtype) not in ("object", "str", "string")
    coded = dtype == nw.Categorical and categories is None and "string" not in str(series.dtype)  # a dictionary of Arrow's own
    if series.dtype != object and not numbered and not coded:
        return None
    if bool(series.isna().all()):
        return None
    found = series.astype(object).convert_dtypes()
    return found if found.dtype != object else _by_arrow(series, column)


def _by_arrow(series: Any, column: str) -> Any:
    """Dates, instants and durations kept as Python objects, and numbers among which there are decimals."""
    import pandas as pd  # noqa: PLC0415 - the caller's own engine
    import pyarrow as pa  # noqa: PLC0415 - comes with pandas' own types

    present = [(row, value) for row, value in enumerate(series, 1) if not pd.isna(value)]
    if all(isinstance(value, Decimal | int | float) and not isinstance(value, bool) for _, value in present):
        return _as_floats(series, column)
    if len({type(value) for _, value in present}) == 1:
        with contextlib.suppress(pa.ArrowException, OverflowError, TypeError):
            return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(series, from_pandas=True)), index=series.index)
    odd = next(((row, value) for row, value in present if not isinstance(value, int | float | Decimal)), present[0])
    row, value = odd
    raise DataError(f"the column `{column}` mixes kinds: row {row} has {value!r} (make it one kind, as with `pd.to_numeric(..., errors='coerce')`)")


def _as_floats(series: Any, column: str) -> Any:
    """Decimals among numbers, each as the float that `decide` reads it as."""
    found = []
    for row, value in enumerate(series, 1):
        try:
            settled = settle(value, column)
        except InputError as error:
            raise DataError(f"the column `{column}` cannot be read in row {row}: {error.message} ({error.hint})") from None
        missing = isinstance(settled, Unknown) and Reason.MISSING.value in settled.reasons
        found.append(float("nan") if missing else float(value))
    return type(series)(found, index=series.index, dtype="float64")


def _in_arrow(native: Any, column: str, dtype: Any) -> Any:
    """A dictionary of what is no text, written out."""
    if dtype != nw.Categorical:
        return None
    chunks = native[column]
    words = str(chunks.type.value_type)
    return None if "string" in words else chunks.cast(chunks.type.value_type)


_STAND_INS: Final[Mapping[str, Callable[[Any, str, Any], Any]]] = {"pandas": _in_pandas, "PyArrow": _in_arrow}


def _native_type(native: Any, column: str, engine: str) -> str:
    match engine:
        case "pandas":
            return str(native[column].dtype)
        case "PyArrow" | "Ibis":
            schema = native.schema() if callable(native.schema) else native.schema
            return str(schema.field(column).type if engine == "PyArrow" else schema[column])
        case "DuckDB":
            return str(native.types[native.columns.index(column)])
        case "PySpark":
            return str(native.schema[column].dataType.simpleString())
        case _:
            return str(native.collect_schema()[column]) if hasattr(native, "collect_schema") else "something"


def _holds_nothing(native: Any, column: str, engine: str) -> bool:
    """Whether the type of a column is that of nulls."""
    if engine == "pandas" and bool(native[column].isna().all()):
        return True
    found = _native_type(native, column, engine).strip('"').lower()
    return found in ("null", "void", "null[pyarrow]") or 'kind="null"' in found  # the last is Ibis' word for a null of DuckDB


def _fitting(plan: Plan, name: str, column: str, dtype: Any, table: Table, empty: Callable[[str], bool]) -> str:
    """The kind of a column, where it is the kind that its input is; a column of gaps alone is missing, whatever its type."""
    kind = kind_of(dtype, column) if not (isinstance(dtype, nw.List | nw.Struct | nw.Array | nw.Object | nw.Binary | nw.Time)) else "odd"
    wanted = "number"
    if name in plan.inputs:
        metric = plan.inputs[name].metric
        wanted = "text" if metric.text else "bool" if metric.sustained is not None else "number"
    if kind == "missing":
        return kind
    wrong = name in plan.inputs and kind != wanted and not (wanted == "number" and kind not in ("text", "bool"))
    if (wrong or kind == "odd" or name in plan.feeds) and empty(column):
        return "missing"
    if kind == "odd":
        raise _unreadable(column, dtype, table.engine)
    if wrong:
        words = {"text": "texts", "bool": "truth values", "number": "numbers"}
        raise DataError(f"the column `{column}` holds {words.get(kind, kind + 's')}, where `{name}` takes {words[wanted]} (convert it first)")
    return kind


def _guarded(plan: Plan, frame: Any, kinds: Mapping[str, Any], inputs: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Inputs with a valid range, null where they lie outside of it."""
    made: dict[str, Any] = {}
    guarded: dict[str, Any] = {}
    for name, planned in plan.inputs.items():
        if planned.valid is not None and isinstance(inputs.get(name), nw.Expr) and kind_of(kinds[name], name) == "number":
            outside = planned.valid.masks(kinds, Stage(inputs, flat=True))[1]
            label = f"{INTERNAL}valid_{len(made)}"
            made[label] = nw.when(as_column(inverse(outside))).then(inputs[name])
            guarded[name] = nw.col(label)
    return guarded, frame.with_columns(**made) if made else frame
