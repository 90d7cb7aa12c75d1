"""Inputs that are not known, in every way that the engine tells apart, and those that only just are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from decision_os.plan import PlannedInput
from decision_os.testing.subject import AT, Subject
from decision_os.values import Reading, Reason, Unknown

__all__ = ["unknown_value", "with_unknown"]

_SECOND = dt.timedelta(seconds=1)


@st.composite
def with_unknown(draw: Callable[[st.SearchStrategy[Any]], Any], subject: Subject, values: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Drawn inputs, one or two of which are not known."""
    found = dict(draw(values))
    read = [name for name in subject.engine.needs(subject.node) if name in found]
    for name in draw(st.lists(st.sampled_from(read), min_size=1, max_size=2, unique=True)):
        given = found[name]
        if isinstance(given, dict):
            key = draw(st.sampled_from(sorted(given)))
            found[name] = {**given, key: draw(unknown_value(subject, name, given[key]))}
        else:
            found[name] = draw(unknown_value(subject, name, given))
            if found[name] is None and draw(st.booleans()):
                del found[name]
    return found


def unknown_value(subject: Subject, name: str, value: Any) -> st.SearchStrategy[Any]:
    """One input in a way that leaves it unknown, or that only just does not: `value` is what it would have been."""
    planned = subject.plan.inputs.get(name)
    plain: list[Any] = [None, *(Unknown.because(reason, name) for reason in Reason)]
    return st.sampled_from(plain + ([] if planned is None or value is None else list(_of_contract(subject, planned, name, value))))


def _of_contract(subject: Subject, planned: PlannedInput, name: str, value: Any) -> Iterator[Any]:
    """What the contract itself makes unknown: too old, too few, out of date, from the future, beyond its range; and what it just lets pass."""
    if isinstance(value, float):
        yield math.nan
    if planned.max_age is not None:
        yield Reading(value=value, loaded_at=AT - planned.max_age - _SECOND)
        yield Reading(value=value, loaded_at=AT - planned.max_age)
    if planned.metric.min_n is not None:
        yield Reading(value=value, n=planned.metric.min_n - 1)
        yield Reading(value=value, n=planned.metric.min_n)
    yield Reading(value=value, valid_until=AT - _SECOND)
    yield Reading(value=value, loaded_at=AT + _SECOND)
    place = next((place for place in subject.ground.places.values() if place.own == name), None)
    if place is not None and place.valid is not None:
        beyond = (place.written(place.low - place.step), place.written(place.high + place.step))
        yield from (number for number in beyond if not place.allows(number))
