"""Small rule books and checked rows, made by hand, for the tests of the metric layer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
import narwhals.stable.v2 as nw
import polars as pl

from decision_os.expr import compile as compiled
from decision_os.model import Binding, BreakAction, Column, Entity, Fact, Metric, QaTest, RuleBook, Source
from tests.engines import loaded

ENGINES = ("polars", "polars lazy", "pandas", "pyarrow", "duckdb")
AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
BLOCK_AND_PAGE = BreakAction(text="block_publish_and_page_owner", block=True, effects=("page owner",))

_TYPES: dict[str, Any] = {
    "identifier": pl.String,
    "text": pl.String,
    "category": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "money": pl.Float64,
    "share": pl.Float64,
    "date": pl.Date,
    "month": pl.Date,
    "instant": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean,
}


@attrs.frozen
class RowTestBlock:
    test: str
    scope: str = "key"


@attrs.frozen
class Rows:
    """Checked rows as the metric layer asks for them."""

    every: Any
    blocks: Sequence[RowTestBlock] = ()


def native(frame: pl.DataFrame, engine: str) -> Any:
    """The same rows in another engine's frame."""
    match engine:
        case "polars":
            return frame
        case "polars lazy":
            return frame.lazy()
        case "pandas":  # Arrow-backed, as the contract tests hand rows over
            return frame.to_pandas(use_pyarrow_extension_array=True)
        case _:
            return loaded(frame.to_arrow(), engine)


def entity(name: str, key: str, types: Mapping[str, str]) -> Entity:
    columns = {column: Column(id=column, source_name=column, type=kind) for column, kind in types.items()}
    return Entity(id=name, source=f"{name}_source", key=(key,), columns=columns)


def checked(
    of: Entity,
    rows: Sequence[Sequence[Any]],
    engine: str = "polars",
    *,
    quarantined: Collection[int] = (),
    blocked: Collection[int] = (),
    blocks: Sequence[RowTestBlock] = (),
) -> Rows:
    """Rows of an entity, those of the given numbers marked as quarantined or blocked."""
    frame = pl.DataFrame(list(rows), schema={name: _TYPES[column.type] for name, column in of.columns.items()}, orient="row")
    frame = frame.with_columns(
        pl.Series("__quarantined", [index in quarantined or index in blocked for index in range(len(rows))], dtype=pl.Boolean),
        pl.Series("__blocked", [index in blocked for index in range(len(rows))], dtype=pl.Boolean),
    )
    return Rows(nw.from_native(native(frame, engine)), blocks)


def book(entities: Sequence[Entity] = (), facts: Sequence[Fact] = (), metrics: Sequence[Metric] = (), **more: Any) -> RuleBook:
    sources = {each.source: Source(id=each.source) for each in entities}
    return RuleBook(
        id="test",
        version="1",
        zone="America/New_York",
        sources={**sources, **more.pop("sources", {})},
        entities={each.id: each for each in entities},
        facts={each.id: each for each in facts},
        metrics={each.id: each for each in metrics},
        **more,
    )


def metric(name: str, grain: Sequence[str], **more: Any) -> Metric:
    formula = more.pop("formula", None)
    bindings = {key: value if isinstance(value, Binding) else Binding(input=value) for key, value in more.pop("bindings", {}).items()}
    return Metric(id=name, label=more.pop("label", name), grain=tuple(grain), bindings=bindings, formula=compiled(formula) if formula else None, **more)


def qa(name: str, assertion: str, action: BreakAction = BLOCK_AND_PAGE) -> QaTest:
    return QaTest(name=name, assertion=compiled(assertion), break_action=action)
