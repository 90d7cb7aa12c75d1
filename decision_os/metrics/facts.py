"""Entity rows → facts: all rows kept, each marked with whether it is quarantined, blocked, and inside the fact's filter.

Everything is a lazy expression of the engine the rows live in. Nothing is collected but one number per looked-up entity: how many
of its keys stand on several rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs
import narwhals.stable.v2 as nw

from decision_os.clocks import Micros, added
from decision_os.errors import DataError, nearest
from decision_os.expr import Expression
from decision_os.model import Fact, RuleBook

__all__ = ["BLOCKED", "INSIDE", "QUARANTINED", "CheckedRows", "FactRows", "FactTable", "RowBlock"]

QUARANTINED = "__quarantined"
BLOCKED = "__blocked"
INSIDE = "__inside"
_JOIN = "__lookup_key"
_LOOKED_AT = "_looked_at"


class RowBlock(Protocol):
    """A row test that blocks publishing: its id, and whether it blocks the failing keys or the whole metric."""

    @property
    def test(self) -> str:
        """The id of the row test."""

    @property
    def scope(self) -> str:
        """`key` or `metric`."""


class CheckedRows(Protocol):
    """The rows of an entity after its contract tests, as `contracts` hands them over."""

    @property
    def every(self) -> Any:
        """All rows, typed, with the boolean columns `__quarantined` and `__blocked`, never null."""

    @property
    def blocks(self) -> Sequence[RowBlock]:
        """The tests that block publishing."""


@attrs.frozen
class FactTable:
    """All rows of a fact's entity with its lookups and derived columns; `INSIDE` says which rows the fact's filter takes.

    `types` gives the declared type of each column that comes from an entity (`money`, `integer`…); a derived column has none.
    """

    fact: Fact
    frame: nw.LazyFrame[Any]
    schema: Mapping[str, Any]
    types: Mapping[str, str]
    entities: tuple[str, ...]
    """The entity and those looked up in: what the fact rests on."""

    def dtype(self, column: str, asker: str) -> Any:
        """The type of a column. Raises `DataError` naming the column, the fact and the metric that asks."""
        if column not in self.schema:
            known = [name for name in self.schema if not name.startswith("__")]
            hint = nearest(column, known) or f"it has {', '.join(known)}"
            raise DataError(f"fact `{self.fact.id}` has no column `{column}`, which `{asker}` asks for ({hint})")
        return self.schema[column]


class FactRows:
    """Prepares each fact once. Raises `DataError` where an entity was not given or a lookup would multiply rows."""

    def __init__(self, book: RuleBook, checked: Mapping[str, CheckedRows]) -> None:
        self._book = book
        self._checked = checked
        self._tables: dict[str, FactTable] = {}
        self._unique: set[tuple[str, str]] = set()

    def given(self, name: str) -> bool:
        """Whether the rows that a fact (or an entity) rests on were handed in."""
        fact = self._fact(name)
        return all(entity in self._checked for entity in (fact.entity, *(other for other, _, _ in fact.lookups.values())))

    def table(self, name: str) -> FactTable:
        """The fact of that name, or all rows of an entity as a fact without filter."""
        if name not in self._tables:
            self._tables[name] = self._prepare(self._fact(name))
        return self._tables[name]

    def _fact(self, name: str) -> Fact:
        return self._book.facts.get(name) or Fact(id=name, entity=name)

    def _rows(self, entity: str) -> nw.LazyFrame[Any]:
        if entity not in self._checked:
            raise DataError(f"no rows were given for the entity `{entity}`")
        every: nw.LazyFrame[Any] = nw.from_native(nw.to_native(self._checked[entity].every, pass_through=True)).lazy()
        return every

    def _prepare(self, fact: Fact) -> FactTable:
        frame = self._rows(fact.entity)
        types = {name: column.type for name, column in self._book.entities[fact.entity].columns.items()}
        entities = [fact.entity]
        for name, (other, column, through) in fact.lookups.items():
            frame = frame.join(self._looked_up(other, column, name, through, frame.collect_schema()), on=through, how="left")
            # A row that looks at a quarantined or blocked one is no better than that one.
            marks = {mark: nw.col(mark) | nw.col(mark + _LOOKED_AT).fill_null(value=False) for mark in (QUARANTINED, BLOCKED)}
            frame = frame.with_columns(**marks).drop(*(mark + _LOOKED_AT for mark in marks))
            types[name] = self._book.entities[other].columns[column].type
            entities.append(other)
        for name, (begin, end) in fact.elapsed.items():
            frame = added(frame, {f"__{name}_{side}": Micros(column) for side, column in (("begin", begin), ("end", end))})
            micros = nw.col(f"__{name}_end") - nw.col(f"__{name}_begin")
            frame = frame.with_columns((micros / (micros * 0 + 1_000_000)).alias(name))  # by a column: by a constant, Polars multiplies with the reciprocal
        for name, formula in fact.derive.items():
            frame = frame.with_columns(formula.columns(frame.collect_schema()).alias(name))
            types.pop(name, None)
        frame = frame.with_columns(known_true(fact.filter, frame.collect_schema()).alias(INSIDE))
        return FactTable(fact, frame, frame.collect_schema(), types, tuple(dict.fromkeys(entities)))

    def _looked_up(self, entity: str, column: str, name: str, through: str, into: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        """The other entity's rows as (key under the name of the column that refers to it, looked-up column, its marks), one row a key."""
        key = self._book.entities[entity].key
        if len(key) != 1:
            raise DataError(f"`{name}` is looked up in `{entity}`, whose key has {len(key)} columns; a lookup goes by one")
        if through not in into:
            raise DataError(f"`{name}` is looked up by `{through}`, which is no column ({nearest(through, into)})")
        rows = self._rows(entity).filter(~nw.col(QUARANTINED), ~nw.col(key[0]).is_null())
        if (entity, key[0]) not in self._unique:
            counts = rows.group_by(key[0]).agg(nw.len().alias(_JOIN)).filter(nw.col(_JOIN) > 1)
            repeated = counts.select(nw.len()).collect().item()
            if repeated:
                raise DataError(
                    f"`{name}` is looked up in `{entity}`, where {int(repeated):,} of the `{key[0]}` stand on several rows: a lookup never multiplies "
                    f"rows; add a test `unique: [{key[0]}]` to the entity"
                )
            self._unique.add((entity, key[0]))
        marks = [nw.col(mark).alias(mark + _LOOKED_AT) for mark in (QUARANTINED, BLOCKED)]
        wanted = (nw.col(key[0]).alias(through), nw.col(column).alias(name), *marks)
        out = self._rows(entity).filter(nw.col(QUARANTINED), ~nw.col(key[0]).is_null()).unique(subset=[key[0]], keep="any")
        only_out = out.join(rows.select(key[0]), on=key[0], how="anti")
        return nw.concat([rows.select(*wanted), only_out.select(*wanted)], how="vertical")


def known_true(condition: Expression | None, schema: Mapping[str, Any]) -> nw.Expr:
    """The rows of which a condition is known to hold; all of them where there is none."""
    return nw.lit(True) if condition is None else condition.masks(schema)[0]
