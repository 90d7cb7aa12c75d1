"""Rows → passed + quarantine: the contract tests of an entity over typed rows, every failed test of a row kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import narwhals.stable.v2 as nw

from decision_os.canonical import fingerprint
from decision_os.clocks import Clock, Micros, added
from decision_os.entities import ROW, UNREAD, Frame, read_entity
from decision_os.errors import DataError
from decision_os.model import BreakAction, Entity, RowTest
from decision_os.readonly import read_only
from decision_os.record import Effect

__all__ = ["BLOCKED", "FAILED", "QUARANTINED", "ROW_ID", "Block", "Checked", "check_entity", "contract_hash"]

ROW_ID: Final = "__row_id"
"""The row's key, joined by `|`; `line:<n>`, the number of the row, where part of the key is missing."""

QUARANTINED: Final = "__quarantined"
BLOCKED: Final = "__blocked"
FAILED: Final = "__failed"
"""The ids of the tests a row fails, joined by commas."""

_FAILS: Final = "__fails_"
_PASSED: Final = "__passed"
_FOUND: Final = "__found"
_CLOCK: Final = "__clock_of_"


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
    `__failed`. `quarantine` is a native frame of the type that came in, one row for each quarantined one: the typed columns, then
    `row_id`, `failed_tests`, `quarantine` (where it is put), `unreadable` (the cells that are not of their type, as they stood) and
    `contract_hash`. `counts` has the number of failing rows of each test.
    """

    entity: Entity
    every: Frame
    quarantine: Any
    counts: Mapping[str, int] = attrs.field(converter=read_only)
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
    or it is quarantined; a declared test of that kind says otherwise. `others` are the checked entities that `reference` tests look into:
    quarantined rows count there as well, for what is referred to exists. A key that occurs twice fails `unique` in each of its rows. A
    missing value fails `required` and nothing else, and an assertion only where it is known to be false.

    A lazy frame stays lazy: only the numbers of failing rows are collected. Raises `DataError` for rows that cannot be read as the
    entity, and for a reference to an entity that was not given.

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
    native = nw.to_native(frame, pass_through=True)
    planned = nw.dependencies.is_polars_dataframe(native)  # cheaper to check as one lazy plan, and comes back eager
    rows = read_entity(entity, native.lazy() if planned else native, zone=zone, currency=currency)
    tests = _all_tests(entity)
    for test in tests:
        if test.kind == "reference":
            rows = _with_found(rows, entity, test, others or {})
    schema = nw.Schema({name: kind for name, kind in rows.collect_schema().items() if name in entity.columns})
    rows = rows.with_columns(**{_FAILS + test.id: _fails(test, entity, schema) for test in tests})
    failing = {test.id: nw.col(_FAILS + test.id) for test in tests}
    clocks = {name: f"{_CLOCK}{name}" for name in entity.key if entity.columns[name].type == "instant"}
    if clocks:  # as text an instant is that of UTC, whatever zone an engine's session has
        rows = added(rows, {clock: Micros(name) for name, clock in clocks.items()})
        rows = added(rows, {clock: Clock(clock) for clock in clocks.values()})
    rows = rows.with_columns(
        _row_id(entity).alias(ROW_ID),
        _any([failing[test.id] for test in tests if _quarantines(test)]).alias(QUARANTINED),
        _any([failing[test.id] for test in tests if test.break_action.block]).alias(BLOCKED),
        _joined(failing).alias(FAILED),
    )
    if planned and isinstance(rows, nw.LazyFrame):
        rows = rows.collect()
    counts, total, quarantined = _counted(rows, tests)
    digest = contract_hash(entity)
    quarantine = rows.filter(nw.col(QUARANTINED)).select(
        *entity.columns,
        nw.col(ROW_ID).alias("row_id"),
        nw.col(FAILED).alias("failed_tests"),
        _joined(_places(entity, tests)).alias("quarantine"),
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
    """The declared tests with their columns filled in, and before them those of type, enum and key that no declared test covers."""
    enums = [column.id for column in entity.columns.values() if column.enum]
    defaults = {"schema": tuple(entity.columns), "enum": tuple(enums), "unique": entity.key}
    declared = [attrs.evolve(test, columns=test.columns or defaults.get(test.kind, ())) for test in entity.tests]
    implied = []
    for kind in ("schema", "enum"):
        covered = {name for test in declared if test.kind == kind for name in test.columns}
        columns = tuple(name for name in defaults[kind] if name not in covered)
        if columns:
            name = f"{kind}_of_the_rest" if any(test.id == kind for test in declared) else kind
            implied.append(RowTest(id=name, kind=kind, columns=columns, break_action=BreakAction(text="", quarantine="")))
    if not any(test.kind == "unique" and set(test.columns) <= set(entity.key) for test in declared):
        name = "unique_key" if any(test.id == "unique" for test in declared) else "unique"
        implied.append(RowTest(id=name, kind="unique", columns=entity.key, break_action=BreakAction(text="", quarantine="")))
    return (*implied, *declared)


def _quarantines(test: RowTest) -> bool:
    return test.break_action.block or test.break_action.quarantine is not None


# --- what fails --------------------------------------------------------------------------------------------------------------------


def _fails(test: RowTest, entity: Entity, schema: nw.Schema) -> nw.Expr:
    """Whether the row fails the test, never null."""
    given = _all([~nw.col(name).is_null() for name in test.columns])
    match test.kind:
        case "schema":
            return _any([~nw.col(UNREAD + name).is_null() for name in test.columns])
        case "enum":
            return _any([_outside(name, test.values or entity.columns[name].enum) for name in test.columns])
        case "required":
            return ~given
        case "unique":
            return given & (nw.len().over(*test.columns) > 1)
        case "reference":
            return given & nw.col(_FOUND + test.id).is_null()
        case "range" | "assert" if test.assertion is not None:
            known_false: nw.Expr = test.assertion.masks(schema)[1]
            return known_false
    raise DataError(f"test `{test.id}` of entity `{entity.id}` is of no known kind, or lacks what its kind needs (it is `{test.kind}`)")


def _outside(name: str, values: Sequence[str]) -> nw.Expr:
    """Whether the column holds a value that is none of these; null is none at all."""
    return (~nw.col(name).cast(nw.String).is_in(list(values))).fill_null(value=False)


def _with_found(rows: Frame, entity: Entity, test: RowTest, others: Mapping[str, Checked]) -> Frame:
    """With a column that is true where the row's reference is a key of the other entity, and null elsewhere."""
    needs = f"test `{test.id}` of entity `{entity.id}` looks into the entity `{test.entity}`"
    own = test.entity == entity.id
    if not own and test.entity not in others:
        raise DataError(f"{needs}, whose rows were not given (check that entity first, and pass it in `others`)")
    other, key = (rows, entity.key) if own else (others[test.entity].every, others[test.entity].entity.key)
    if len(key) != len(test.columns):
        raise DataError(f"{needs} with {len(test.columns)} columns, and its key has {len(key)}: {', '.join(f'`{name}`' for name in key)}")
    if rows.implementation is not other.implementation:
        raise DataError(f"{needs}, whose rows are in {other.implementation.value}, not in {rows.implementation.value} (give both to one engine)")
    kinds, other_kinds = rows.collect_schema(), other.collect_schema()
    for column, name in zip(test.columns, key, strict=True):
        if kinds[column] != other_kinds[name]:
            raise DataError(f"{needs}: `{column}` is {kinds[column]} and its `{name}` is {other_kinds[name]} (declare one type for both)")
    names = [f"{_FOUND}{test.id}__{name}" for name in key]
    keys: Any = other.select(nw.col(name).alias(temporary) for name, temporary in zip(key, names, strict=True)).drop_nulls().unique()
    if isinstance(rows, nw.LazyFrame):
        keys = keys.lazy()
    elif isinstance(keys, nw.LazyFrame):
        keys = keys.collect()
    keys = keys.with_columns(nw.lit(value=True).alias(_FOUND + test.id))
    found: Frame
    if isinstance(rows, nw.LazyFrame):
        found = rows.join(keys, left_on=list(test.columns), right_on=names, how="left")
    else:
        found = rows.join(keys, left_on=list(test.columns), right_on=names, how="left")
    ordered = isinstance(rows, nw.DataFrame) or rows.implementation.is_polars()
    return found.sort(ROW) if ordered else found  # a join may change the order, where rows have one


# --- what is said of it ------------------------------------------------------------------------------------------------------------


def _row_id(entity: Entity) -> nw.Expr:
    """The key as text, the same on every engine; the number of the row where part of the key is missing."""

    def spelled(name: str) -> nw.Expr:
        if entity.columns[name].type == "instant":
            return nw.col(_CLOCK + name).dt.to_string("%Y-%m-%dT%H:%M:%S").str.slice(0, 19)  # some engines write fractions after it
        return nw.col(name).cast(nw.String)

    key = nw.concat_str(*(spelled(name) for name in entity.key), separator="|")
    return nw.coalesce(key, nw.concat_str(nw.lit("line:"), nw.col(ROW).cast(nw.String)))


def _counted(rows: Frame, tests: Sequence[RowTest]) -> tuple[dict[str, int], int, int]:
    """The failing rows of each test, all rows and the quarantined ones: one row of sums, and that no row was lost or doubled on the way."""
    sums = {test.id: nw.col(_FAILS + test.id).cast(nw.Int64).sum() for test in tests}
    found = rows.select(
        nw.len().alias(ROW_ID),
        nw.col(ROW).max(),
        nw.col(QUARANTINED).cast(nw.Int64).sum(),
        (~nw.col(QUARANTINED)).cast(nw.Int64).sum().alias(_PASSED),
        **{_FAILS + name: total for name, total in sums.items()},
    )
    row = (found.collect() if isinstance(found, nw.LazyFrame) else found).rows(named=True)[0]
    numbers = {name: int(row[name] or 0) if row[name] == row[name] else 0 for name in row}  # an empty sum is 0, null or NaN
    total, quarantined = numbers[ROW_ID], numbers[QUARANTINED]
    if not total == numbers[ROW] == numbers[_PASSED] + quarantined:
        raise DataError(f"rows were lost: {numbers[ROW]} in, {numbers[_PASSED]} passed, {quarantined} quarantined")
    return {name: numbers[_FAILS + name] for name in sums}, total, quarantined


def _places(entity: Entity, tests: Iterable[RowTest]) -> dict[str, nw.Expr]:
    """Where rows are put, and which go there."""
    places: dict[str, list[nw.Expr]] = {}
    for test in tests:
        if _quarantines(test):
            places.setdefault(test.break_action.quarantine or entity.id, []).append(nw.col(_FAILS + test.id))
    return {place: _any(failing) for place, failing in places.items()}


def _unreadable(entity: Entity) -> nw.Expr:
    """The cells that are not of their column's type, as they stood: `created_date=9/31/2026`."""
    cells = ((name, nw.col(UNREAD + name)) for name in entity.columns)
    shown = (nw.when(~cell.is_null()).then(nw.concat_str(nw.lit(f"{name}="), cell)) for name, cell in cells)
    return nw.concat_str(*shown, separator="; ", ignore_nulls=True)


def _effects(test: RowTest, entity: Entity, failing: int, total: int) -> tuple[Effect, ...]:
    """One effect of each kind for all failing rows; the key is the same for as long as the same number of rows fails."""
    reason = f"test `{test.id}` of `{entity.id}` fails for {failing:,} of {total:,} rows"
    found = []
    for effect in test.break_action.effects:
        kind, _, target = effect.partition(" ")
        key = f"contract/{entity.id}/{test.id}/{effect.replace(' ', '/')}/{failing}-of-{total}"
        found.append(Effect(kind=kind, target=target or entity.id, reason=reason, key=key))
    return tuple(found)


def _joined(named: Mapping[str, nw.Expr]) -> nw.Expr:
    """The names whose condition holds, joined by commas."""
    return nw.concat_str(*(nw.when(holds).then(nw.lit(name)) for name, holds in named.items()), separator=",", ignore_nulls=True)


def _any(conditions: Sequence[nw.Expr]) -> nw.Expr:
    return nw.any_horizontal(*conditions, ignore_nulls=True) if conditions else nw.lit(value=False)


def _all(conditions: Sequence[nw.Expr]) -> nw.Expr:
    return nw.all_horizontal(*conditions, ignore_nulls=True) if conditions else nw.lit(value=True)
