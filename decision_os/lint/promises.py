"""Promises that can never be met or say nothing, alerts that can never fire, samples too small for what is asked: all known without data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction

from decision_os.errors import Issue, Severity
from decision_os.model import Playbook, RuleBook, Slo, Source
from decision_os.slo import BurnAlert, spell_duration
from decision_os.support import asked_of

__all__ = ["promises"]

_SECOND = dt.timedelta(seconds=1)


def promises(book: RuleBook) -> Iterator[Issue]:
    """What cannot come out as it is meant to."""
    for slo in book.slos.values():
        yield from _objective(slo)
        for alert in slo.objective.alerts:
            yield from _alert(slo, alert)
        for name in slo.covers:
            source = book.sources.get(name)
            if source is not None and source.loaded_every:
                yield from _loaded(slo, source, source.loaded_every)
    for source in book.sources.values():
        if source.max_age is not None and source.loaded_every is not None and source.max_age < source.loaded_every:
            message = f"source `{source.id}` is loaded every {_said(source.loaded_every)} and stale after {_said(source.max_age)}: it is stale before each load"
            yield Issue("always-stale", message, source.where, Severity.WARNING, "allow it to be older, or load it more often")
    for playbook in book.playbooks.values():
        yield from _samples(book, playbook)
        yield from _monotonic(book, playbook)


def _said(duration: dt.timedelta) -> str:
    return spell_duration(duration)


def _objective(slo: Slo) -> Iterator[Issue]:
    objective, what = slo.objective, f"freshness SLO `{slo.id}`"
    if objective.objective == 1:
        message = f"{what} promises 100%: one late load breaks it for {_said(objective.window)}, and no alert can come before"
        yield Issue("no-budget", message, slo.where, Severity.WARNING, "promise a little less, as in `≥0.99`")
    if objective.window < objective.bound:
        message = f"{what} looks at {_said(objective.window)}, less than the age of {_said(objective.bound)} it allows: it forgets a late load before the next"
        yield Issue("short-window", message, slo.where, Severity.WARNING, "look at several loads, as in `window: 30d`")


def _alert(slo: Slo, alert: BurnAlert) -> Iterator[Issue]:
    objective, what = slo.objective, f"alert `{alert.name}` of freshness SLO `{slo.id}`"
    fastest = objective.fastest_burn
    if fastest is not None and alert.burn > fastest:
        message = f"{what} waits for a burn rate of {float(alert.burn):g}, and with nothing fresh at all it is {float(fastest):g}: it can never fire"
        yield Issue("alert-never-fires", message, slo.where, Severity.WARNING, f"give a burn rate of at most {float(fastest):g}")
    elif alert.burn * (alert.over // _SECOND) > objective.window // _SECOND:
        message = (
            f"{what} fires when the budget of {_said(objective.window)} is spent already: {float(alert.burn):g} over {_said(alert.over)} is more than all of it"
        )
        yield Issue("late-alert", message, slo.where, Severity.WARNING, "give a lower burn rate, or a shorter `over`")


def _loaded(slo: Slo, source: Source, every: dt.timedelta) -> Iterator[Issue]:
    """What becomes of a promise while the source is loaded just as it is meant to be."""
    objective, what = slo.objective, f"freshness SLO `{slo.id}`"
    share = min(Fraction(1), Fraction(objective.bound // _SECOND, every // _SECOND)) if every >= _SECOND else Fraction(1)
    said = f"source `{source.id}` is loaded every {_said(every)}"
    if share < objective.objective:
        message = f"{what} can never be met: {said}, so it is younger than {_said(objective.bound)} for {float(share):.1%} of the time at best"
        yield Issue("never-met", message, slo.where, Severity.WARNING, f"allow an age of {_said(every)} or more, or load it more often")
        return
    budget = (1 - objective.objective) * (objective.window // _SECOND)
    missed = max(0, (2 * every - objective.bound) // _SECOND)
    if missed > budget and objective.objective < 1:
        loads = objective.window // every
        message = (
            f"{what} cannot miss one of the {loads:,} loads in {_said(objective.window)}: {said}, "
            f"a missed one costs {_said(missed * _SECOND)}, and the budget is {_said(int(budget) * _SECOND)}"
        )
        yield Issue("cannot-miss-one", message, slo.where, Severity.NOTE, "load it more often, allow a longer age, or promise less")
    for alert in objective.alerts:
        if share < 1 and 1 - share >= alert.burn * (1 - objective.objective) and alert.over >= every:
            message = (
                f"alert `{alert.name}` of {what} fires all the time: {said}, which burns at {float((1 - share) / (1 - objective.objective)):.2g} by itself"
            )
            yield Issue("alert-always-fires", message, slo.where, Severity.WARNING, "give a higher burn rate, or load it more often")


def _samples(book: RuleBook, playbook: Playbook) -> Iterator[Issue]:
    """Thresholds on shares that one case decides at the smallest n their contract lets through."""
    for asked in asked_of(playbook, book.metrics):
        use = playbook.inputs[asked.name]
        metric = book.metrics[use.metric]
        said = asked.short(metric.min_n) if metric.min_n is not None and not asked.gini else ""
        if said:
            message = f"playbook `{playbook.id}`: {said}, and metric `{metric.id}` lets n = {metric.min_n} through"
            yield Issue("small-sample", message, metric.where, Severity.NOTE, f"write `min_n: {asked.smallest_n}`, or read each decision with its n")


def _monotonic(book: RuleBook, playbook: Playbook) -> Iterator[Issue]:
    """Promises of raising an input that has no order, or that nothing asks about."""
    conditions = [check.condition for check in playbook.pre_checks] + [branch.condition for branch in playbook.branches]
    read = {name for condition in conditions for name in condition.names}
    for promise in playbook.monotonic:
        key = "improves" if promise.improves else "worsens"
        use = playbook.inputs.get(promise.input)
        metric = book.metrics.get(use.metric) if use is not None else None
        if metric is not None and metric.text:
            message = f"`{key}` of playbook `{playbook.id}` names `{promise.input}`, which is a text: it cannot be raised"
            yield Issue("not-ordered", message, promise.where, Severity.ERROR, "leave it out")
        elif promise.input not in read:
            message = f"`{key}` of playbook `{playbook.id}` names `{promise.input}`, which no condition reads: whatever it is, the decision is the same"
            yield Issue("idle-promise", message, promise.where, Severity.NOTE, "leave it out")
