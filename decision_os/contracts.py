"""Rows → passed + quarantine: the contract tests of an entity over typed rows, every failed test of a row kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import attrs
import narwhals.stable.v2 as nw

from decision_os.canonical import fingerprint
from decision_os.entities import ROW, UNREAD, Frame, read_entity
from decision_os.errors import DataError
from decision_os.model import BreakAction, Entity, RowTest
from decision_os.record import Effect

__all__ = ["BLOCKED", "FAILED", "QUARANTINED", "ROW_ID", "Block", "Checked", "check_entity", "contract_hash"]

ROW_ID: Final = "__row_id"
"""The row's key, joined by `|`; `line:<n>`, the number of the row, where part of the key is missing."""

QUARANTINED: Final = "__quarantined"
BLOCKED: Final = "__blocked"
FAILED: Final = "__failed"
"""The ids of the tests a row fails, joined by commas."""

_FAILS: Final = "__fails_"
_UNREADABLE: Final = "__unreadable"
_FOUND: Final = "__found"


@attrs.frozen
class Block:
    """A failed test that blocks publishing: for the failing keys, or for every key (`scope` is `metric`)."""

    test: str
    entity: str
    rows: int
    scope: str


@attrs.frozen(kw_only=True, eq=False)
class Checked:
    """An entity's rows after its contract tests; rows in = rows passed + rows quarantined.

    `every` is a narwhals frame of all rows, typed, with the columns `__row_id`, `__quarantined`, `__blocked` (neither is ever null) and
    `__failed`. `quarantine` is a native frame of the type that came in, one row for each quarantined one: the typed columns, then `row_id`, `failed_tests`,
    `quarantine` (where it is put), `unreadable` (the cells that are not of their type, as they stood) and `contract_hash`. `counts` has the
    number of failing rows of each test.
    """

    entity: Entity
    every: Frame
    quarantine: Any
    counts: Mapping[str, int] = attrs.field(converter=lambda counts: MappingProxyType(dict(counts)))
    rows_in: int
    rows_passed: int
    rows_quarantined: int
    blocks: tuple[Block, ...] = ()
    effects: tuple[Effect, ...] = ()
    contract_hash: str = ""

    @property
    def passed(self) -> Frame:
        """The rows that are not quarantined."""
        return self.every.filter(~nw.col(QUARANTINED))


def check_entity(entity: Entity, frame: Any, *, zone: str, others: Mapping[str, Checked] | None = None, currency: str = "USD") -> Checked:
    """Read the rows of an entity (see `decision_os.entities.read_entity`) and put them to its contract tests.

    Beside the declared tests every row must be of its columns' types (`schema`) and, where a column has an `enum`, of its values (`enum`),
    or it is quarantined; a declared test of that kind says otherwise. `others` are the checked entities that `reference` tests look into. A key that
    occurs twice fails `unique` in each of its rows; a missing value fails `required` and nothing else.

    A lazy frame stays lazy: only the numbers of failing rows are collected. Raises `DataError` for rows that cannot be read as the entity, or a
    reference to an entity that was not given.

    >>> import polars as pl
    >>> from decision_os.model import Column
    >>> columns = [Column(id="id", source_name="ID", type="identifier"), Column(id="owner", source_name="Owner", type="text")]
    >>> repair = BreakAction(text="quarantine.missing_owner_and_route_to_repair", quarantine="missing_owner", effects=("repair",))
    >>> owned = RowTest(id="owned", kind="required", columns=("owner",), break_action=repair)
    >>> entity = Entity(id="deals", source="crm", key=("id",), columns={column.id: column for column in columns}, tests=(owned,))
    >>> checked = check_entity(entity, pl.DataFrame({"ID": ["a", "b"], "Owner": ["Ana", None]}), zone="ET")
    >>> checked.rows_in, checked.rows_passed, checked.quarantine.select("row_id", "failed_tests", "quarantine").rows()
    (2, 1, [('b', 'owned', 'missing_owner')])
    >>> checked.effects[0].kind, checked.effects[0].reason
    ('repair', 'test `owned` of `deals` fails for 1 of 2 rows')
    """
    rows = read_entity(entity, frame, zone=zone, currency=currency)
    tests = _all_tests(entity)
    for test in tests:
        if test.kind == "reference":
            rows = _with_found(rows, entity, test, others or {})
    schema = nw.Schema({name: kind for name, kind in rows.collect_schema().items() if name in entity.columns})
    rows = rows.with_columns(**{_FAILS + test.id: _fails(test, entity, schema) for test in tests})
    failing = {test.id: nw.col(_FAILS + test.id) for test in tests}
    rows = rows.with_columns(
        _row_id(entity).alias(ROW_ID),
        _any(failing[test.id] for test in tests if _quarantines(test)).alias(QUARANTINED),
        _any(failing[test.id] for test in tests if test.break_action.block).alias(BLOCKED),
        _joined({test.id: failing[test.id] for test in tests}).alias(FAILED),
    )
    counts, total, quarantined = _counted(rows, tests)
    digest = contract_hash(entity)
    quarantine = rows.filter(nw.col(QUARANTINED)).select(
        *entity.columns,
        nw.col(ROW_ID).alias("row_id"),
        nw.col(FAILED).alias("failed_tests"),
        _joined(_places(entity, tests, failing)).alias("quarantine"),
        _unreadable(entity).alias("unreadable"),
        nw.lit(digest).alias("contract_hash"),
    )
    broken = [test for test in tests if counts[test.id]]
    return Checked(
        entity=entity,
        every=rows.select(*entity.columns, ROW_ID, QUARANTINED, BLOCKED, FAILED),
        quarantine=quarantine.to_native(),
        counts=counts,
        rows_in=total,
        rows_passed=total - quarantined,
        rows_quarantined=quarantined,
        blocks=tuple(Block(test.id, entity.id, counts[test.id], test.break_action.scope) for test in broken if test.break_action.block),
        effects=tuple(effect for test in broken for effect in _effects(test, entity, counts[test.id], total)),
        contract_hash=digest,
    )


def contract_hash(entity: Entity) -> str:
    """`sha256:` and the hex digest of what the entity declares: its key, its columns and its tests."""
    return fingerprint(
        {
            "entity": entity.id,
            "key": entity.key,
            "columns": [attrs.asdict(column, filter=attrs.filters.exclude("where")) for column in entity.columns.values()],
            "tests": [
                {
                    "id": test.id,
                    "kind": test.kind,
                    "columns": test.columns,
                    "values": test.values,
                    "assertion": test.assertion.text if test.assertion else None,
                    "entity": test.entity,
                    "break_action": attrs.asdict(test.break_action),
                }
                for test in entity.tests
            ],
        }
    )


# --- which tests -------------------------------------------------------------------------------------------------------------------


def _all_tests(entity: Entity) -> tuple[RowTest, ...]:
    """The declared tests with their columns filled in, and before them those of type and enum that no declared test covers."""
    enums = [column.id for column in entity.columns.values() if column.enum]
    defaults = {"schema": tuple(entity.columns), "enum": tuple(enums), "unique": entity.key}
    declared = [attrs.evolve(test, columns=test.columns or defaults.get(test.kind, ())) for test in entity.tests]
    implied = []
    for kind in ("schema", "enum"):
        covered = {name for test in declared if test.kind == kind for name in test.columns}
        columns = tuple(name for name in defaults[kind] if name not in covered)
        if columns:
            taken = {test.id for test in declared}
            name = next(name for name in (kind, f"{kind}_of_columns", f"__{kind}") if name not in taken)
            implied.append(RowTest(id=name, kind=kind, columns=columns, break_action=BreakAction(text="", quarantine="")))
    return (*implied, *declared)


def _quarantines(test: RowTest) -> bool:
    return test.break_action.block or test.break_action.quarantine is not None


# --- what fails --------------------------------------------------------------------------------------------------------------------


def _fails(test: RowTest, entity: Entity, schema: nw.Schema) -> nw.Expr:
    """Whether the row fails the test, never null."""
    columns = [nw.col(name) for name in test.columns]
    match test.kind:
        case "schema":
            return _any(~nw.col(UNREAD + name).is_null() for name in test.columns)
        case "enum":
            return _any(_outside(name, test.values or entity.columns[name].enum) for name in test.columns)
        case "required":
            return _any(column.is_null() for column in columns)
        case "unique":
            return _all(~column.is_null() for column in columns) & (nw.len().over(*test.columns) > 1)
        case "reference":
            return _all(~column.is_null() for column in columns) & nw.col(_FOUND + test.id).is_null()
        case _:
            if test.assertion is None:
                raise DataError(f"test `{test.id}` of entity `{entity.id}` asserts nothing (give it an `assert`)")
            return test.assertion.masks(schema)[1]


def _outside(name: str, values: Sequence[str]) -> nw.Expr:
    return ~nw.col(name).is_null() & ~nw.col(name).cast(nw.String).is_in(list(values))


def _with_found(rows: Frame, entity: Entity, test: RowTest, others: Mapping[str, Checked]) -> Frame:
    """With a column that is true where the row's reference is a key of the other entity, and null elsewhere."""
    if test.entity not in others:
        needs = f"test `{test.id}` of entity `{entity.id}` looks into the entity `{test.entity}`"
        raise DataError(f"{needs}, whose rows were not given (give them, and check that entity first)")
    return rows
