"""Load logs that lie at the edges of a freshness objective: loads just in time and just too late, budgets just kept and just overspent."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from decision_os.errors import InputError
from decision_os.model import Slo
from decision_os.testing.subject import AT

__all__ = ["load_logs"]

_TICK: Final = dt.timedelta(microseconds=1)
_MANY: Final = 100
_AWAY: Final = (dt.timedelta(0), -_TICK, _TICK, dt.timedelta(hours=-1), dt.timedelta(hours=1))


def load_logs(slo: Slo) -> st.SearchStrategy[list[tuple[str, dt.datetime]]]:
    """Load logs for the sources that an objective covers, as `Engine.freshness` and `Engine.run` take them, up to `AT`.

    Each source is loaded regularly, at most the bound apart, all through the window. Some have one outage: longer than the bound by as much as the budget,
    or by a microsecond or an hour more or less, so that the promise is just kept or just broken. The last load is as old as the bound at `AT`, a microsecond
    older or younger, or recent. Some sources were never loaded. An objective is `engine.book.slos["metric_age"]`; anything else raises `InputError`.

    >>> import decision_os as dos
    >>> from decision_os import testing
    >>> from hypothesis import given
    >>> engine = dos.Engine.load(dos.reference_rules())
    >>> @given(testing.load_logs(engine.book.slos["attribution_age"]))
    ... def test_a_source_that_is_fresh_was_loaded_within_a_day(log):
    ...     for status in engine.freshness(log, at=testing.AT).statuses:
    ...         if status.slo.name == "AttributionAge" and status.fresh:
    ...             assert any(source == status.source and testing.AT - loaded < dt.timedelta(hours=24) for source, loaded in log)
    >>> test_a_source_that_is_fresh_was_loaded_within_a_day()
    """
    given: object = slo
    if not isinstance(given, Slo):
        hint = 'give one of the rule book, as in `engine.book.slos["metric_age"]`'
        raise InputError(f"`load_logs` takes a freshness objective, not a {type(given).__name__}", name="slo", hint=hint)
    return _logs(given)


@st.composite
def _logs(draw: Callable[[st.SearchStrategy[Any]], Any], slo: Slo) -> list[tuple[str, dt.datetime]]:
    return [(source, loaded) for source in slo.covers for loaded in draw(_loads(slo))]


@st.composite
def _loads(draw: Callable[[st.SearchStrategy[Any]], Any], slo: Slo) -> list[dt.datetime]:
    objective = slo.objective
    if draw(st.integers(0, 9)) == 9:  # one source in ten was never loaded
        return []
    bound, window = objective.bound, objective.window
    every = bound / draw(st.sampled_from((1, 2, 3) if window // bound <= _MANY else (1,)))
    last = draw(st.sampled_from((every / 2, bound, bound - _TICK, bound + _TICK)))
    outage = dt.timedelta(0)
    if draw(st.booleans()):
        budget = math.floor((1 - objective.objective) * (window // _TICK)) * _TICK
        outage = max(dt.timedelta(0), budget + draw(st.sampled_from(_AWAY)))
    loads = [AT - last]
    before = draw(st.integers(1, max(1, min(20, window // every - 2))))
    while loads[-1] > AT - window:
        gap = bound + outage if outage and len(loads) == before else every
        loads.append(loads[-1] - gap)
    return loads[::-1]
