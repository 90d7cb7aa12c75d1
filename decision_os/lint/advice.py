"""Warnings and notes: what a rule book says that is probably not meant, or that nobody will ever see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from decision_os.errors import Issue, Severity, Where, nearest
from decision_os.expr import Expression
from decision_os.expr.tree import Arithmetic, Call, Comparison, Defined, Membership, Name, Negative, Node, Number, SetOf, Text, Truth, children, walk
from decision_os.expr.unparse import unparse
from decision_os.lint.flow import Flow, bindings_of
from decision_os.model import BreakAction, Metric, Playbook, RuleBook
from decision_os.slo import BurnAlert

__all__ = ["advice"]

_SPARED: Final = ("owner",)
"""Whom a break action may name besides a role: the owner, whoever that is."""

_GIVE_A_UNIT: Final = "give the metric a `unit`, as in `USD`, `share`, `count`"


def advice(book: RuleBook, flow: Flow) -> Iterator[Issue]:
    """What is worth a second look."""
    yield from _roles(book)
    read = {use.metric for playbook in book.playbooks.values() for use in playbook.inputs.values()}
    read |= {monitor.metric for playbook in book.playbooks.values() for monitor in playbook.monitoring}
    for metric in book.metrics.values():
        read |= {metric.n, *(binding.input for _, binding in bindings_of(metric))}
    for metric in book.metrics.values():
        if metric.id not in read:
            yield Issue("unread-metric", f"no decision, monitor or other metric reads `{metric.id}`", metric.where, Severity.NOTE)
        yield from _guards(metric)
        if metric.formula is not None:
            bound = {name: book.metrics[binding.input] for name, binding in bindings_of(metric) if binding.input in book.metrics}
            yield from _beside_units(f"the formula of metric `{metric.id}`", metric.formula, bound)
    yield from _functions(book)
    for fact in book.facts.values():
        for name, expression in fact.derive.items():
            yield from _hidden(f"`{name}` of fact `{fact.id}`", expression, fact.where)
    for playbook in book.playbooks.values():
        yield from _playbook(book, flow, playbook)


def _playbook(book: RuleBook, flow: Flow, playbook: Playbook) -> Iterator[Issue]:
    what = f"playbook `{playbook.id}`"
    for monitor in playbook.monitoring:
        if monitor.metric not in book.metrics:
            message = f"monitor `{monitor.id}` of {what} watches `{monitor.metric}`, which is no metric: its readings come from elsewhere"
            yield Issue("unknown-monitor", message, monitor.where, Severity.NOTE, nearest(monitor.metric, book.metrics))
    covered = {source for slo in book.slos.values() for source in slo.covers}
    bare = sorted({source for use in playbook.inputs.values() for source in flow.of(use.metric).sources if source in book.sources} - covered)
    if bare:
        listed = ", ".join(f"`{source}`" for source in bare)
        message = f"{what} rests on {listed}, which no freshness SLO covers: old data there stops nothing"
        yield Issue("uncovered-source", message, playbook.where, Severity.WARNING, "add it to `covers` of a freshness SLO")
    for name, expression in playbook.projections.items():
        yield from _hidden(f"projection `{name}` of {what}", expression, playbook.where)
    yield from _units(book, playbook)
    yield from _computed(book, playbook)


def _units(book: RuleBook, playbook: Playbook) -> Iterator[Issue]:
    """Metrics that conditions compare although nobody said what they are measured in."""
    conditions = [check.condition for check in playbook.pre_checks] + [branch.condition for branch in playbook.branches]
    for name in dict.fromkeys(name for condition in conditions for node in walk(condition.tree) for name in _compared(node)):
        metric = book.metrics.get(playbook.inputs[name].metric) if name in playbook.inputs else None
        if metric is not None and metric.unit is None and not metric.text and metric.sustained is None:
            message = f"playbook `{playbook.id}` compares `{name}`, but metric `{metric.id}` declares no unit: nothing can check what it is compared with"
            yield Issue("no-unit", message, metric.where, Severity.WARNING, _GIVE_A_UNIT)


def _computed(book: RuleBook, playbook: Playbook) -> Iterator[Issue]:
    """The same for what projections and levers compute with, beside something that has a unit."""
    expressions = {f"projection `{name}`": expression for name, expression in playbook.projections.items()}
    for action in playbook.actions.values():
        if action.lever is not None:
            expressions |= {f"the lever of action `{action.id}`": action.lever.after}
    metrics = {name: book.metrics[use.metric] for name, use in playbook.inputs.items() if use.metric in book.metrics}
    for what, expression in expressions.items():
        yield from _beside_units(f"{what} of playbook `{playbook.id}`", expression, metrics)


def _beside_units(what: str, expression: Expression, metrics: Mapping[str, Metric]) -> Iterator[Issue]:
    """Metrics without a unit that an expression computes with, where another part of it has one."""
    read = {name: metrics[name] for name in expression.names if name in metrics and not metrics[name].text and metrics[name].sustained is None}
    literal = any(isinstance(node, Number) and node.unit is not None and not node.unit.dimensionless for node in walk(expression.tree))
    if not literal and all(metric.unit is None for metric in read.values()):
        return
    for name, metric in read.items():
        if metric.unit is None:
            message = f"{what} computes with `{name}`, but metric `{metric.id}` declares no unit: nothing can check what it is computed with"
            yield Issue("no-unit", message, metric.where, Severity.WARNING, _GIVE_A_UNIT)


def _functions(book: RuleBook) -> Iterator[Issue]:
    for each in book.functions.values():
        lacking = [str(place) for place, unit in enumerate(each.function.takes, 1) if unit is None]
        parts = [*([f"value {' and '.join(lacking)}"] if lacking else []), *(["its result"] if each.function.gives is None else [])]
        if parts:
            message = f"function `{each.name}` declares no unit of {' and of '.join(parts)}: nothing can check what that stands beside"
            yield Issue("no-unit", message, each.where, Severity.NOTE, "give it under `takes` and `gives`, as in `USD`, `share`, `count`")


def _compared(node: Node) -> Iterator[str]:
    """The names whose numbers a comparison or a range test compares."""
    if isinstance(node, Comparison):
        operands: tuple[Node, ...] = (node.first, *node.rest)
    elif isinstance(node, Membership):
        body = node.where.body if isinstance(node.where, Defined) else node.where
        operands = (node.operand, *(body.items if isinstance(body, SetOf) else ()))
    else:
        return
    if any(isinstance(operand, Text | Truth) for operand in operands):
        return
    waiting = list(operands)
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Name):
            yield inner.name
        elif not isinstance(inner, Comparison | Membership):
            waiting += children(inner)


def _guards(metric: Metric) -> Iterator[Issue]:
    if metric.formula is None:
        return
    result = {metric.id, metric.result} - {""}
    bounds = [test.name for test in metric.qa_tests if result & set(test.assertion.names)]
    yield from _hidden(f"metric `{metric.id}`", metric.formula, metric.where, bounds)


def _hidden(what: str, expression: Expression, where: Where, bounds: Iterable[str] = ()) -> Iterator[Issue]:
    """Guards such as `max(x, 1e-6)` under a division: with them a division by zero gives a huge number, without them an unknown."""
    caught = " and ".join(f"`{name}`" for name in bounds)
    for node in walk(expression.tree):
        if not (isinstance(node, Arithmetic) and node.op == "/"):
            continue
        for guard in _guarding(node.right):
            guarded = " or ".join(f"`{unparse(item)}`" for item in guard.arguments if not _literal(item))
            written = expression.text[slice(*guard.span)]
            shown = written if written.startswith(guard.function) else unparse(guard)  # the second where it is written in a definition
            message = f"`{shown}` in {what} hides a division by zero: at {guarded} = 0 it gives a huge number, not unknown"
            if caught:
                hint = f"only the QA test {caught} stands between that number and a decision; without the guard the value is unknown and says why"
                yield Issue("hidden-zero", message, where, Severity.NOTE, hint)
            else:
                hint = "leave the guard out, or add a QA test that bounds the result: a division by zero is unknown, with its reason"
                yield Issue("hidden-zero", message, where, Severity.WARNING, hint)


def _guarding(divisor: Node) -> Iterator[Call]:
    """The calls in a divisor that keep it from being zero."""
    waiting = [divisor]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call) and node.function in ("max", "clip"):
            floors = node.arguments if node.function == "max" else node.arguments[1:2]
            if any(isinstance(item, Number) and item.value > 0 for item in floors) and not all(_literal(item) for item in node.arguments):
                yield node
        elif isinstance(node, Arithmetic) and node.op == "*":
            waiting += [node.right, node.left]
        elif isinstance(node, Negative):
            waiting.append(node.operand)
        elif isinstance(node, Defined):
            waiting.append(node.body)


def _literal(node: Node) -> bool:
    return isinstance(node, Number)


def _roles(book: RuleBook) -> Iterator[Issue]:
    """Roles that somebody names and nobody declares, and the other way round."""
    ids = {name: role.id for role in book.roles.values() for name in (role.id, role.label, *role.aliases)}
    used: set[str] = set()
    for what, name, where in _named(book):
        if name in ids:
            used.add(ids[name])
        elif book.roles:
            yield Issue("unknown-role", f"{what} names `{name}`, who is no role", where, hint=nearest(name, ids) or f"known: {', '.join(sorted(book.roles))}")
    for playbook in book.playbooks.values():
        used |= {ids[name] for name in (playbook.owner, *playbook.approvers) if name in ids}
    used |= {ids[metric.owner] for metric in book.metrics.values() if metric.owner in ids}
    for role in book.roles.values():
        if role.id not in used:
            yield Issue("unused-role", f"nobody is asked, told or responsible as the role `{role.id}`", Where(book.folder), Severity.NOTE)


def _named(book: RuleBook) -> Iterator[tuple[str, str, Where]]:
    """Roles named in places that reading the files does not look at."""
    for source in book.sources.values():
        if source.owner:
            yield f"source `{source.id}`", source.owner, source.where
    for playbook in book.playbooks.values():
        if playbook.reversal.owner:
            yield f"the reversal of playbook `{playbook.id}`", playbook.reversal.owner, playbook.where
    for entity in book.entities.values():
        for test in entity.tests:
            for name in _told(test.break_action):
                yield f"test `{test.id}` of entity `{entity.id}`", name, test.where
    for metric in book.metrics.values():
        for qa in metric.qa_tests:
            for name in _told(qa.break_action):
                yield f"QA test `{qa.name}` of metric `{metric.id}`", name, qa.where
    for slo in book.slos.values():
        for alert in slo.objective.alerts:
            for name in _told(alert):
                yield f"alert `{alert.name}` of freshness SLO `{slo.id}`", name, slo.where


def _told(action: BreakAction | BurnAlert) -> list[str]:
    """The roles that a break action, or an alert, pages or notifies by name."""
    words = [effect.partition(" ")[2] for effect in action.effects]
    return [word for word in words if word and word not in _SPARED]
