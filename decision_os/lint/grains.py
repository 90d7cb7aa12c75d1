"""Errors: metrics in a circle, grains that do not meet, ratios that are averaged, inputs that do not fit the subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from decision_os.errors import Issue, Severity, Where, nearest
from decision_os.lint.flow import Flow, bindings_of, time_type
from decision_os.model import Binding, InputUse, Metric, Playbook, RuleBook, time_grain

__all__ = ["grains"]

_COUNTABLE: Final = ("date", "instant", "month", "")
_DO_NOT_MEET: Final = "grains-do-not-meet"


def grains(book: RuleBook, flow: Flow) -> Iterator[Issue]:
    """What is wrong with how metrics and playbooks feed on each other."""
    for circle in flow.circles:
        path = " → ".join(circle)
        where = book.metrics[circle[0]].where
        yield Issue("cycle", f"metrics that rest on themselves: {path}", where, hint="take one of them out of another's inputs")
    yield from _labels(book)
    for metric in book.metrics.values():
        yield from _measured(book, metric) if metric.measure is not None else _derived(book, flow, metric)
        if metric.n in book.metrics:
            yield from _counted(book, flow, metric)
    for playbook in book.playbooks.values():
        yield from _subject(book, playbook)
        for use in playbook.inputs.values():
            if use.metric in book.metrics:
                yield from _input(book.metrics[use.metric], flow, playbook, use)


def _labels(book: RuleBook) -> Iterator[Issue]:
    seen: dict[str, str] = {}
    for metric in book.metrics.values():
        for name in dict.fromkeys((metric.id, metric.label)):
            if name in seen:
                message = f"`{name}` names the metric `{metric.id}` and the metric `{seen[name]}`"
                yield Issue("label-twice", message, metric.where, hint="give one of them another label")
            seen.setdefault(name, metric.id)


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted) or "nothing"


def _measured(book: RuleBook, metric: Metric) -> Iterator[Issue]:
    measure = metric.measure
    fact = book.facts.get(measure.fact) if measure is not None else None
    if measure is None or fact is None or fact.entity not in book.entities:
        return
    columns = {*book.entities[fact.entity].columns, *fact.lookups, *fact.elapsed, *fact.derive}
    for entry in metric.dimensions:
        if entry not in columns:
            message = f"metric `{metric.id}` is by {_listed(metric.grain)}, but the fact `{fact.id}` it is taken from has no column `{entry}`"
            hint = nearest(entry, columns) or f"add `{entry}` to the fact by `lookups` or `derive`, or leave it out of the grain"
            yield Issue(_DO_NOT_MEET, message, metric.where, hint=hint)
    if not metric.period:
        return
    time = measure.time or fact.time
    kind = time_type(book, fact, time)
    if kind is None:
        message = f"metric `{metric.id}` is by `{metric.period}`, but nothing says which date of the fact `{fact.id}` counts"
        yield Issue("no-time", message, metric.where, hint=f"give `time: <column>` to the fact `{fact.id}`, or to the measure")
    elif kind not in _COUNTABLE:
        message = f"metric `{metric.id}` counts periods by `{time}`, which is of type {kind}"
        yield Issue("no-time", message, metric.where, hint="name a column of type date, instant or month")
    elif kind == "month" and time_grain(metric.period) in ("day", "week"):
        message = f"metric `{metric.id}` is by `{metric.period}`, but `{time}` of the fact `{fact.id}` only says the month"
        yield Issue(_DO_NOT_MEET, message, metric.where, hint="make it a metric by month")


def _derived(book: RuleBook, flow: Flow, metric: Metric) -> Iterator[Issue]:
    for name, binding in bindings_of(metric):
        yield from _entries(metric, name, binding)
        target = book.metrics.get(binding.input)
        if target is None:
            continue
        yield from _dimensions(flow, metric, name, binding, target)
        yield from _periods(flow, metric, name, binding, target)
        if binding.roll_up in ("mean", "sum") and flow.of(target.id).ratio:
            message = f"`{name}` of metric `{metric.id}` takes the {binding.roll_up} of `{target.id}`, which is a ratio: that is not the ratio of the whole"
            yield Issue("averaged-ratio", message, binding.where, hint="write `roll_up: ratio_of_sums`")


def _entries(metric: Metric, name: str, binding: Binding) -> Iterator[Issue]:
    for key, entries in (("dimensions", binding.dimensions), ("allocate", binding.allocate), ("overall", binding.overall)):
        for entry in entries:
            if entry not in metric.grain:
                message = f"`{key}` of `{name}` names `{entry}`, which is not in the grain of metric `{metric.id}`"
                yield Issue("unknown-grain", message, binding.where, hint=nearest(entry, metric.grain) or f"it is by {_listed(metric.grain)}")


def _dimensions(flow: Flow, metric: Metric, name: str, binding: Binding, target: Metric) -> Iterator[Issue]:
    reach = flow.of(target.id)
    for entry in metric.dimensions:
        wanted = binding.dimensions.get(entry, entry)
        if entry in binding.allocate or entry in binding.overall or reach.has(wanted):
            continue
        message = f"metric `{metric.id}` is by {_listed(metric.grain)}, its input `{target.id}` by {_listed(target.grain)}: they do not meet at `{entry}`"
        if wanted != entry:
            message = f"{message}, since `{target.id}` has no `{wanted}`"
        hint = f"leave `{entry}` out of the grain, or make a formula of it first, which can say how it is spread"
        if metric.formula is not None:
            hint = f"write on the binding of `{name}` one of `allocate: {{{entry}: same}}`, `overall: [{entry}]`, `dimensions: {{{entry}: <its column>}}`"
        yield Issue(_DO_NOT_MEET, message, _place(metric, binding), hint=hint)


def _periods(flow: Flow, metric: Metric, name: str, binding: Binding, target: Metric) -> Iterator[Issue]:
    entry = metric.period
    if not entry or not target.period or entry in binding.allocate or entry in binding.overall:
        return
    reach = flow.of(target.id)
    renamed = binding.dimensions.get(entry, "")
    if renamed and renamed != target.period:
        if not reach.has(renamed):
            message = f"`{name}` of metric `{metric.id}` counts `{entry}` by `{renamed}`, which `{target.id}` does not have"
            yield Issue(_DO_NOT_MEET, message, _place(metric, binding), hint=nearest(renamed, reach.names or ()) or "name a date or month of its rows")
        return
    asked = metric.baseline.grain if metric.baseline else metric.sustained.grain if metric.sustained else time_grain(entry)
    if not reach.spans(asked):
        message = f"metric `{metric.id}` reads `{target.id}` by {asked}, but that is by `{target.period}`, which does not add up to that"
        yield Issue(_DO_NOT_MEET, message, _place(metric, binding), hint="read both by the same period, or by one that is made up of whole ones of the other")


def _place(metric: Metric, binding: Binding) -> Where:
    return binding.where if binding.where.line else metric.where


def _counted(book: RuleBook, flow: Flow, metric: Metric) -> Iterator[Issue]:
    counter = book.metrics[metric.n]
    for entry in metric.dimensions:
        if not flow.of(counter.id).has(entry):
            message = f"metric `{metric.id}` is by {_listed(metric.grain)}, but `{counter.id}`, which counts its n, is by {_listed(counter.grain)}"
            yield Issue(_DO_NOT_MEET, message, metric.where, hint=f"give `n` a metric that has `{entry}`")
    if not flow.of(counter.id).spans(time_grain(metric.period)):
        message = f"metric `{metric.id}` is by `{metric.period}`, but `{counter.id}`, which counts its n, is by `{counter.period}`"
        yield Issue(_DO_NOT_MEET, message, metric.where, hint="give `n` a metric by the same period")


def _subject(book: RuleBook, playbook: Playbook) -> Iterator[Issue]:
    keys = set(playbook.subject.keys)
    uses = [use for use in playbook.inputs.values() if not use.overall]
    if not keys or not uses or any(use.metric not in book.metrics or keys <= set(book.metrics[use.metric].dimensions) for use in uses):
        return
    message = f"playbook `{playbook.id}` decides for each {_listed(playbook.subject.keys)}, but no input is by that: nothing says which there are"
    yield Issue("subject-not-read", message, playbook.where, hint="read one input that has the subject's keys")


def _input(metric: Metric, flow: Flow, playbook: Playbook, use: InputUse) -> Iterator[Issue]:
    reach = flow.of(metric.id)
    if metric.period and not reach.spans(playbook.period):
        message = f"input `{use.name}` is by `{metric.period}`, which does not add up to the `{playbook.period}` that playbook `{playbook.id}` decides by"
        yield Issue(_DO_NOT_MEET, message, use.where, hint=f"decide by {time_grain(metric.period)}, or supply the metric by {playbook.period}")
    for entry in use.by:
        if entry not in metric.dimensions:
            message = f"`by` of input `{use.name}` names `{entry}`, which is not in the grain of metric `{metric.id}`"
            yield Issue("unknown-grain", message, use.where, hint=nearest(entry, metric.dimensions) or f"it is by {_listed(metric.grain)}")
    keys = playbook.subject.keys
    extra = [entry for entry in metric.dimensions if entry not in keys]
    if not extra or use.combine is not None or use.overall:
        return
    lacking = [key for key in keys if key not in metric.dimensions]
    if lacking:
        message = f"input `{use.name}` is by {_listed(extra)}, but playbook `{playbook.id}` decides for each {_listed(keys)}"
        yield Issue(_DO_NOT_MEET, message, use.where, hint=f"read a metric by {_listed(lacking)}, or write `overall: true` to take all together")
    elif not reach.from_rows:
        message = f"input `{use.name}` has a value for each {_listed(extra)}, playbook `{playbook.id}` takes one decision for all of them"
        yield Issue("finer-input", message, use.where, hint="write `combine: all`, `any` or `worst`")
    else:
        message = f"input `{use.name}` is also by {_listed(extra)}: it is taken over all of them together"
        yield Issue("taken-together", message, use.where, Severity.NOTE, "write `combine: all`, `any` or `worst` to look at each")
