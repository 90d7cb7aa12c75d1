"""The sections about data: sources, entities with their tests, facts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from decision_os.errors import nearest
from decision_os.expr import Expression, Function
from decision_os.model import BreakAction, Column, Entity, Fact, RowTest, Source
from decision_os.units import Unit, parse_unit
from decision_os.wire.fields import Fields, Report
from decision_os.wire.nodes import MapNode, Node
from decision_os.wire.scope import ON_COLUMNS, Scope, column_units

__all__ = ["COLUMN_TYPES", "read_break_action", "read_entity", "read_fact", "read_source"]

COLUMN_TYPES: Final = ("identifier", "text", "category", "integer", "number", "money", "share", "date", "instant", "month", "boolean")

_BREAK_FORMS: Final = "quarantine_record, quarantine.<name>, block_publish, page_owner, notify_owner, open_incident, route_to_repair"


def read_source(name: str, node: Node, report: Report) -> Source:
    """A source."""
    fields = Fields(node, f"source `{name}`", report)
    source = Source(
        id=name,
        label=fields.text("label", name),
        owner=fields.text("owner"),
        max_age=fields.duration("max_age", above_zero=True),
        loaded_every=fields.duration("loaded_every", above_zero=True),
        dbt=fields.texts("dbt"),
        where=fields.where,
    )
    fields.close()
    return source


def read_break_action(fields: Fields, key: str = "break_action", scope: str = "key") -> BreakAction:
    """What a failed test does, from words joined by `_and_`, as in `block_publish_and_page_owner`."""
    node = fields.scalar(key)
    if node is None:
        return BreakAction(text="", quarantine="")
    quarantine: str | None = None
    block = False
    effects: list[str] = []
    for word in node.text.split("_and_"):
        if word == "quarantine_record":
            quarantine = ""
        elif word.startswith("quarantine.") and re.fullmatch(r"[a-z][a-z0-9_]*", word.removeprefix("quarantine.")):
            quarantine = word.removeprefix("quarantine.")
        elif word == "block_publish":
            block = True
        elif found := re.fullmatch(r"(page|notify)_([a-z][a-z0-9_]*)", word):
            effects.append(f"{found.group(1)} {found.group(2)}")
        elif word == "open_incident":
            effects.append("incident")
        elif word == "route_to_repair":
            effects.append("repair")
        else:
            fields.report.error("bad-break-action", f"`{word}` is not a break action", node.where, f"join any of {_BREAK_FORMS} by `_and_`")
    return BreakAction(text=node.text, quarantine=quarantine, block=block, scope=scope, effects=tuple(effects))


def read_entity(
    name: str,
    node: Node,
    sources: Mapping[str, Source],
    report: Report,
    *,
    currency: str,
    functions: Mapping[str, Function],
    others: Collection[str],
) -> Entity:
    """An entity, its typed columns and its row tests; `others` are the entities there are."""
    fields = Fields(node, f"entity `{name}`", report)
    source = fields.scalar("source", required=True)
    if source is not None and source.text not in sources:
        report.error("unknown-source", f"entity `{name}` reads the source `{source.text}`, which is not declared", source.where, nearest(source.text, sources))
    columns = {key.text: _column(key.text, value, report) for key, value in fields.mapping("columns")}
    if not columns:
        report.error("missing-key", f"entity `{name}` declares no columns", fields.where)
    entity = Entity(
        id=name,
        source=source.text if source else "",
        file=fields.text("file"),
        key=_columns(fields, "key", columns, required=True),
        columns=columns,
        where=fields.where,
    )
    scope = Scope(units=column_units(entity, currency), currency=currency, functions=functions, uncalled=ON_COLUMNS)
    tests = tuple(_row_test(key.text, value, entity, scope, report, others=others) for key, value in fields.mapping("tests"))
    fields.close()
    return Entity(id=entity.id, source=entity.source, file=entity.file, key=entity.key, columns=columns, tests=tests, where=entity.where)


def _column(name: str, node: Node, report: Report) -> Column:
    if not isinstance(node, MapNode):
        node = MapNode({}, node.at)
        report.error("wrong-type", f"column `{name}` is a mapping such as {{from: Amount, type: money}}", node.where)
    fields = Fields(node, f"column `{name}`", report)
    column = Column(
        id=name,
        source_name=fields.text("from", name),
        type=fields.one_of("type", COLUMN_TYPES, "text", required=True),
        enum=fields.texts("enum"),
        blanks=fields.texts("blanks") or ("--",),
        formats=fields.texts("formats"),
        where=fields.where,
    )
    fields.close()
    return column


def _columns(fields: Fields, key: str, known: Mapping[str, object], *, required: bool = False) -> tuple[str, ...]:
    if required:
        fields.raw(key, required=True)
    names = []
    for item in fields.items(key):
        if item.text in known:
            names.append(item.text)
        else:
            fields.report.error("unknown-column", f"`{key}` of {fields.what} names `{item.text}`, which is no column", item.where, nearest(item.text, known))
    return tuple(names)


def _row_test(name: str, node: Node, entity: Entity, scope: Scope, report: Report, *, others: Collection[str]) -> RowTest:
    fields = Fields(node, f"test `{name}`", report)
    kinds = [kind for kind in ("enum", "assert", "required", "unique", "reference") if kind in fields]
    kind = kinds[0] if kinds else fields.one_of("kind", ("schema",), "schema")
    if len(kinds) > 1:
        report.error("two-tests", f"test `{name}` is of two kinds, {' and '.join(kinds)}", fields.where, "make two tests of it")
    if not kinds and "kind" not in fields:
        report.error("missing-key", f"test `{name}` does not say what it tests", fields.where, "one of enum, assert, required, unique, reference")
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    assertion: Expression | None = None
    other = ""
    if kind == "enum":
        columns = _columns(fields, "enum", entity.columns)
        values = fields.texts("values", required=True)
    elif kind in ("required", "unique"):
        columns = _columns(fields, kind, entity.columns)
    elif kind == "reference":
        columns = _columns(fields, "reference", entity.columns)
        target = fields.scalar("entity", required=True)
        other = target.text if target else ""
        if target is not None and other not in others:
            report.error("unknown-entity", f"test `{name}` refers to the entity `{other}`, which is not declared", target.where, nearest(other, others))
    elif kind == "assert":
        assertion = fields.condition("assert", scope.analyse, required=True)
    test = RowTest(
        id=name, kind=kind, columns=columns, values=values, assertion=assertion, entity=other, break_action=read_break_action(fields), where=fields.where
    )
    fields.close()
    return test


def read_fact(
    name: str, node: Node, entities: Mapping[str, Entity], report: Report, *, currency: str, functions: Mapping[str, Function]
) -> tuple[Fact, dict[str, Unit | None]]:
    """A fact, and the unit of each of its columns."""
    fields = Fields(node, f"fact `{name}`", report)
    target = fields.scalar("entity", required=True)
    entity = entities.get(target.text) if target else None
    if target is not None and entity is None:
        report.error("unknown-entity", f"fact `{name}` reads the entity `{target.text}`, which is not declared", target.where, nearest(target.text, entities))
    units: dict[str, Unit | None] = column_units(entity, currency) if entity else {}
    lookups: dict[str, tuple[str, str, str]] = {}
    for key, value in fields.mapping("lookups"):
        inner = Fields(value, f"lookup `{key.text}`", report)
        other = inner.text("entity", required=True)
        column = inner.text("column", required=True)
        through = inner.text("by", required=True)
        if entity is not None and through and through not in units:
            message = f"lookup `{key.text}` goes by `{through}`, which is no column of fact `{name}`"
            report.error("unknown-column", message, inner.where, nearest(through, units))
        if other not in entities:
            report.error("unknown-entity", f"lookup `{key.text}` reads the entity `{other}`, which is not declared", inner.where, nearest(other, entities))
        elif column not in entities[other].columns:
            report.error("unknown-column", f"entity `{other}` has no column `{column}`", inner.where, nearest(column, entities[other].columns))
        else:
            units[key.text] = column_units(entities[other], currency)[column]
        inner.close()
        lookups[key.text] = (other, column, through)
    elapsed: dict[str, tuple[str, str]] = {}
    for key, value in fields.mapping("elapsed"):
        inner = Fields(MapNode({key.text: (key, value)}, value.at), f"fact `{name}`", report)
        ends = _columns(inner, key.text, units) if entity is not None else inner.texts(key.text)
        if len(ends) == 2:
            elapsed[key.text] = (ends[0], ends[1])
        else:
            report.error("wrong-type", f"`{key.text}` is a list of two instants: from, to", value.where)
        units[key.text] = parse_unit("seconds")
    scope = Scope(units=units, currency=currency, functions=functions, uncalled=ON_COLUMNS, open=entity is None)
    derive: dict[str, Expression] = {}
    for key, value in fields.mapping("derive"):
        found = fields.compiled(value, scope.analyse)
        if found is not None:
            derive[key.text] = found
        units[key.text] = found.unit if found else None
        scope = scope.naming([key.text], units[key.text])
    time = fields.scalar("time")
    if entity is not None and time is not None and time.text not in units:
        report.error("unknown-column", f"fact `{name}` counts periods by `{time.text}`, which is no column", time.where, nearest(time.text, units))
    fact = Fact(
        id=name,
        entity=target.text if target else "",
        filter=fields.condition("where", scope.analyse),
        lookups=lookups,
        elapsed=elapsed,
        derive=derive,
        time=time.text if time else "",
        where=fields.where,
    )
    fields.close()
    return fact, units
