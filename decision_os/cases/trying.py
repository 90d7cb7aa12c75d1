"""Inputs worth trying where nothing solves for them: at and beside every edge of a decision, and with each input unknown; and one of them, near given ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from decision_os.edges import Ground, corners
from decision_os.plan import Plan

__all__ = ["Inputs", "kept_near", "worth_trying"]

Inputs: TypeAlias = dict[str, Any]


def worth_trying(plan: Plan, given: Mapping[str, Any]) -> Iterator[Inputs]:
    """The given inputs, those at and beside each edge that was found, and all of these with each input unknown."""
    yield dict(given)
    for name in (*plan.inputs, *plan.feeds):
        yield {**given, name: None}
    for corner in corners(Ground(plan, keys=_keys(plan, given))):
        for values in corner.each():
            yield _inputs(values)
        last = _inputs(corner.values)
        yield from ({**last, name: None} for name in last)


def _keys(plan: Plan, given: Mapping[str, Any]) -> list[str]:
    """The finer keys of the given values, and as many more as conditions can disagree at; two at least."""
    found = sorted({str(key) for value in given.values() if isinstance(value, Mapping) for key in value})
    found = found if len(found) > 1 else []
    return [*found, *(f"key {place + 1}" for place in range(len(found), max(plan.fanning, 2)))]


def kept_near(inputs: Inputs, given: Mapping[str, Any], shows: Callable[[Inputs], bool]) -> Inputs:
    """The inputs with as many at their given values as still show what these do, looked at one by one."""
    found = dict(inputs)
    for name in inputs:
        nearer = {**found, name: given.get(name)}
        if found[name] != nearer[name] and shows(nearer):
            found = nearer
    return found


def _inputs(values: Mapping[str, Any]) -> Inputs:
    """Values by place, those of a finer grain together under the name of their input."""
    found: Inputs = {}
    for place, value in values.items():
        name, _, key = place.partition("@")
        plain = int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
        if key:
            found.setdefault(name, {})[key] = plain
        else:
            found[name] = plain
    return found
