"""Whether a decision can depend on how large money is, and inputs with all their money scaled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from decision_os.expr import Expression
from decision_os.expr.tree import Call, Defined, Name, Node, Number, children
from decision_os.testing.subject import Subject

__all__ = ["amounts", "scaled"]


def amounts(subject: Subject) -> tuple[str, ...]:
    """What in a decision's conditions is money of its own, or may be, in words; where there is nothing, only ratios of money decide."""
    found: list[str] = []
    numbers = {place.own for place in subject.ground.places.values() if place.kind == "number"}
    for condition in (*subject.plan.pre_checks, *subject.plan.branches):
        found += [f"{what} (in `{condition.id}`)" for what in _amounts(condition.expression, condition.expression.tree, "", numbers)]
    return tuple(dict.fromkeys(found))


def _amounts(expression: Expression, node: Node, under: str, numbers: Collection[str]) -> Iterator[str]:
    match node:
        case Number(unit=unit) if unit is not None and unit.currency:
            yield f"threshold `{under}` is an amount of money" if under else "an amount of money stands in the condition"
        case Name(name=name) if name in numbers and name not in expression.context.units:
            yield f"`{name}` has no unit, so it may be money"
        case Call(function=name) if name in expression.context.functions:
            yield f"what `{name}` does with money is not known"
        case _:
            for child in children(node):
                yield from _amounts(expression, child, node.name if isinstance(node, Defined) else under, numbers)


def scaled(subject: Subject, values: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """The same inputs with every amount of money times a factor: a price and a cost, and not what is per dollar (which is divided)."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        planned = subject.plan.inputs.get(name)
        unit = planned.metric.unit if planned is not None else None
        power = next((power for atom, power in unit.factors if atom == subject.engine.book.currency), 0) if unit is not None else 0
        found[name] = _times(value, factor**power) if power else value
    return found


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, Mapping):
        return {key: _times(item, factor) for key, item in value.items()}
    return value * factor if isinstance(value, int | float) else value
