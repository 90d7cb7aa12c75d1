"""The frozen truth table: every row on every evaluator, and on every dataframe engine."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest

from decision_os.expr import Expression
from decision_os.expr import compile as compiled
from decision_os.expr.compiler import exact
from decision_os.expr.reference import Reference
from decision_os.values import Unknown
from tests.expr import oracle

KINDS: Final = {**dict.fromkeys("abc", "number"), **dict.fromkeys("pqr", "bool"), **dict.fromkeys("st", "text")}
POLARS: Final = {"number": pl.Float64, "bool": pl.Boolean, "text": pl.String}
NULLABLE: Final = {"number": "Float64", "bool": "boolean", "text": "string"}
WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "unknown": None}


def read(word: str, kind: str) -> Any:
    """What a cell says: `unknown`, a truth, a number or a text."""
    if word in WORDS:
        return WORDS[word]
    return float(word) if kind == "number" else word


def table() -> tuple[tuple[str, Mapping[str, Any], bool | None], ...]:
    """The rows: an expression, the values of its inputs (None: unknown), and the answer."""
    with (Path(__file__).parent / "three_valued.csv").open(encoding="utf-8") as file:
        return tuple(
            (row["expression"], {name: read(row[name], kind) for name, kind in KINDS.items() if row[name]}, WORDS[row["answer"]])
            for row in csv.DictReader(file)
        )


TABLE: Final = table()
NUMBERS: Final = {expression: [number for number, row in enumerate(TABLE) if row[0] == expression] for expression, _, _ in TABLE}


# ── one mapping ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def known(answer: Any) -> Any:
    return None if isinstance(answer, Unknown) else answer


SCALAR: Final[Mapping[str, Callable[[Expression, Mapping[str, Any]], Any]]] = {
    "compiled": lambda rule, values: known(rule.evaluate(values)),
    "compiled, settled": lambda rule, values: known(rule.evaluate_settled({name: Unknown(()) if value is None else value for name, value in values.items()})),
    "closures": lambda rule, values: known(exact(rule.tree, rule.context)(values)),
    "reference": lambda rule, values: known(Reference(values, rule.context).value(rule.tree)),
    "explained": lambda rule, values: known(rule.explain(values).value),
    "oracle": lambda rule, values: oracle.answer(rule.tree, values),
}


@pytest.mark.parametrize("evaluator", SCALAR)
@pytest.mark.parametrize("expression", NUMBERS)
def test_rows_on_an_evaluator(expression: str, evaluator: str) -> None:
    """One evaluator would answer otherwise than the table, and so than the others."""
    rule = compiled(expression)
    for row in NUMBERS[expression]:
        _, values, answer = TABLE[row]
        assert answer is SCALAR[evaluator](rule, values), TABLE[row]


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def classic(column: pl.Series) -> pd.Series[Any]:
    """As people have it in pandas: NaN among numbers, None among objects."""
    return pd.Series(column.to_list(), dtype="float64" if column.dtype == pl.Float64 else "object")


DUCK: Final = duckdb.connect()


def on_duckdb(frame: pl.DataFrame) -> Any:
    """A table of a database: lazy, and worked out there."""
    return DUCK.from_arrow(frame.to_arrow())


FRAMES: Final[Mapping[str, Callable[[pl.DataFrame], Any]]] = {
    "pandas": lambda frame: pd.DataFrame({name: classic(frame[name]) for name in frame.columns}),
    "pandas nullable": lambda frame: pd.DataFrame(
        {name: pd.Series(frame[name].to_list(), dtype=NULLABLE[KINDS[name]] if name in KINDS else "int64") for name in frame.columns}
    ),
    "pandas arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "polars": lambda frame: frame,
    "polars lazy": lambda frame: frame.lazy(),
    "pyarrow": lambda frame: frame.to_arrow(),
    "duckdb": on_duckdb,
}


@cache
def expressions() -> Mapping[str, nw.Expr]:
    """The answer, known true and known false of every expression, named by their place; the same for all engines."""
    found: dict[str, nw.Expr] = {}
    for place, expression in enumerate(NUMBERS):
        rule = compiled(expression)
        both = rule.masks(KINDS)
        found |= {f"answer{place}": rule.columns(KINDS), f"true{place}": both.true, f"false{place}": both.false}
    return found


def decided(engine: str) -> Mapping[int, Mapping[str, Any]]:
    """Every expression over every row of the table, in one frame of an engine."""
    rows = [{"row": number, **values} for number, (_, values, _) in enumerate(TABLE)]
    frame = nw.from_native(FRAMES[engine](pl.DataFrame(rows, schema={"row": pl.Int64, **{name: POLARS[kind] for name, kind in KINDS.items()}})))
    out = frame.select("row", **expressions())
    return {each["row"]: each for each in (out.collect() if isinstance(out, nw.LazyFrame) else out).rows(named=True)}


def _none(cell: Any) -> bool | None:
    return None if cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)) else bool(cell)


@pytest.mark.parametrize("engine", FRAMES)
def test_rows_on_a_dataframe_engine(engine: str) -> None:
    """The engine's own idea of null would decide."""
    found = decided(engine)
    wrong = []
    for place, expression in enumerate(NUMBERS):
        for row in NUMBERS[expression]:
            answer, cells = TABLE[row][2], found[row]
            if (answer, answer is True, answer is False) != (_none(cells[f"answer{place}"]), cells[f"true{place}"], cells[f"false{place}"]):
                wrong.append(TABLE[row])
    assert [] == wrong


def test_the_table_is_complete() -> None:
    """A form could lose its rows, and with them its meaning on some engine."""
    forms = ("and", "or", "not", "<", "<=", ">", ">=", "==", "!=", "in [", "in (", "in {", "not in", "+/-", "is_missing", "coalesce", "if", "min", "max", "/")
    assert [] == [form for form in forms if not any(form in expression for expression, _, _ in TABLE)]
    for expression, _, _ in TABLE:
        names = compiled(expression).names
        unknown = {name for number in NUMBERS[expression] for name, value in TABLE[number][1].items() if value is None}
        assert set(names) == unknown | ({"a"} if expression.startswith("a / b > 1 ") else set()), expression


def test_the_logic_of_the_table_is_kleenes() -> None:
    """The rows of `and`, `or` and `not` would say something else than the table that the oracle reads."""
    found = {(op, values["p"], values["q"]): answer for expression, values, answer in TABLE for op in ("and", "or") if expression == f"p {op} q"}
    found |= {("not", values["p"], None): answer for expression, values, answer in TABLE if expression == "not p"}
    assert oracle.TABLE == found
