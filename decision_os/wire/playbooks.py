"""Playbooks: inputs, pre-checks, named thresholds, branches, actions, and who answers for them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from typing import Final

import attrs

from decision_os.calendars import read_duration
from decision_os.errors import nearest
from decision_os.expr import Expression, Function
from decision_os.model import (
    REVERSAL_KINDS,
    TIME_GRAINS,
    Action,
    Branch,
    Combine,
    DemandForm,
    HitPolicy,
    InputUse,
    Lever,
    Monitor,
    NamedCheck,
    Parameter,
    Playbook,
    Reversal,
    Risk,
    Role,
    Subject,
    Threshold,
)
from decision_os.units import Unit, parse_unit
from decision_os.wire.fields import Fields, Report, expression_text
from decision_os.wire.meant import read_meant
from decision_os.wire.metrics import MetricHeads
from decision_os.wire.monotonic import read_monotonic
from decision_os.wire.nodes import MapNode, Node, ScalarNode
from decision_os.wire.scope import FEEDS, FROM_RECORDS, WHILE_READ, Scope

__all__ = ["DEMAND_RATIO", "LEVELS", "expressions_of", "read_playbook", "read_thresholds", "role_label"]

LEVELS: Final = ("low", "medium", "high")
_DAY: Final = dt.timedelta(days=1)
DEMAND_RATIO: Final = "demand_ratio"
_POWER: Final = "constant_elasticity"
"""A function of the library's own; called as the form is, so that whoever is told of it has written that word."""
_DEMAND: Final[Mapping[str, tuple[str, str]]] = {
    "linear": ("1 + {E} * {x}", "1 + {E} × {x}"),
    "constant_elasticity": (_POWER + "({x}, {E})", "(1 + {x}) ** {E}"),
}
"""The forms: as an expression, and as written in books. Constant elasticity is Q = a·P^E; linear is its first-order term, exact for small changes."""
_BRACED: Final = re.compile(r"\{([^{}]*)\}")


def read_thresholds(fields: Fields, scope: Scope) -> dict[str, Threshold]:
    """Named thresholds: their text as written, and their value. Of the scope they may only call the functions."""
    found = {}
    for key, value in fields.mapping("thresholds"):
        text = expression_text(value, fields.report)
        expression = fields.compiled(value, scope.analyse_threshold) if text is not None else None
        if text is not None and expression is not None:
            found[key.text] = Threshold(name=key.text, text=text.strip(), value=expression, where=key.where)
    return found


def read_playbook(
    name: str, node: Node, heads: MetricHeads, report: Report, *, cadences: Collection[str], slos: Collection[str]
) -> tuple[Playbook, frozenset[str]]:
    """A playbook, and the names of the shared thresholds it uses; `cadences` and `slos` are the names there are of those."""
    fields = Fields(node, f"playbook `{name}`", report)
    fields.text("playbook")
    inputs = {key.text: _input(key, value, heads, fields) for key, value in fields.mapping("inputs")}
    if not inputs:
        report.error("missing-key", f"playbook `{name}` reads no inputs", fields.where)
    parameters = {key.text: parameter for key, value in fields.mapping("parameters") if (parameter := _parameter(key.text, value, heads, report))}
    units: dict[str, Unit | None] = {use.name: heads.units.get(use.metric) for use in inputs.values()}
    units |= {feed: parse_unit(unit) if unit else None for feed, unit in FEEDS.items()}
    units |= {parameter.name: parameter.unit for parameter in parameters.values()}
    labels = {label: use.name for use in inputs.values() for label in heads.labels_of.get(use.metric, ())}
    thresholds = read_thresholds(fields, heads.scope({}))
    scope = attrs.evolve(heads.scope(units), labels=labels, definitions=heads.definitions)
    scope = scope.defining({key: threshold.value for key, threshold in thresholds.items()})
    declared = {use.name: heads.declared[use.metric] for use in inputs.values() if use.metric in heads.declared}
    declared |= {key: parameter.where for key, parameter in parameters.items()} | {key: threshold.where for key, threshold in thresholds.items()}
    scope = attrs.evolve(scope, declared={**scope.declared, **declared})
    for section, read in (("parameters", parameters), ("thresholds", thresholds)):
        scope = scope.naming(key.text for key in fields.keys(section) if key.text not in read)  # reported; its uses are no second mistake
    demand = _demand(fields, scope)
    if demand is not None:
        scope = scope.defining({DEMAND_RATIO: demand.ratio})
    elif "demand" in fields:
        scope = scope.naming([DEMAND_RATIO])  # reported; its uses are no second mistake
    projections: dict[str, Expression] = {}
    for key, value in fields.mapping("projections"):
        found = fields.compiled(value, scope.analyse)
        if found is not None:
            projections[key.text] = found
        scope = scope.defining({key.text: found}) if found is not None else scope.naming([key.text])
    _names_once(fields, heads)
    pre_checks = tuple(check for key, value in fields.mapping("pre_checks") if (check := _check(key.text, value, scope, fields)))
    actions = {key.text: _action(key.text, value, scope, [name.text for name in fields.keys("parameters")], report) for key, value in fields.mapping("actions")}
    branches = tuple(branch for key, value in fields.mapping("branches") if (branch := _branch(key.text, value, scope, actions, fields)))
    if not fields.keys("branches"):
        report.error("missing-key", f"playbook `{name}` has no branches", fields.where)
    cadence = fields.scalar("cadence", required=True)
    if cadence is not None and cadence.text not in cadences:
        report.error("unknown-cadence", f"`{cadence.text}` is no review cadence", cadence.where, nearest(cadence.text, cadences))
    owner = fields.scalar("owner", required=True)
    meant, gaps = read_meant(fields, [key.text for key in fields.keys("branches")], scope)
    playbook = Playbook(
        id=name,
        version=fields.text("version", required=True),
        title=fields.text("title", name),
        subject=_subject(fields),
        period=fields.one_of("period", TIME_GRAINS, "month", required=True),
        inputs=inputs,
        pre_checks=pre_checks,
        parameters=parameters,
        projections=projections,
        thresholds=thresholds,
        hit_policy=HitPolicy(fields.one_of("hit_policy", [policy.value for policy in HitPolicy], "first")),
        branches=branches,
        otherwise=fields.one_of("otherwise", ("hold",), "hold"),
        actions=actions,
        owner=role_label(owner, heads.roles, fields) if owner else "",
        approvers=_approvers(fields, heads.roles),
        risk=_risk(fields),
        reversibility=fields.one_of("reversibility", LEVELS, "low", required=True),
        reversal=_reversal(fields),
        monitoring=tuple(_monitor(key.text, value, scope, heads, fields) for key, value in fields.mapping("monitoring")),
        demand=demand,
        cadence=cadence.text if cadence else "",
        slos=tuple(_slo(item, slos, fields) for item in fields.items("slos")),
        freeze=fields.one_of("freeze", ("when_spent", "never")),
        meant=meant,
        meant_gaps=gaps,
        monotonic=read_monotonic(fields, inputs, actions),
        units=units,
        where=fields.where,
    )
    fields.close()
    return playbook, _report_unused(playbook, heads, fields)


def _report_unused(playbook: Playbook, heads: MetricHeads, fields: Fields) -> frozenset[str]:
    used: set[str] = set()
    read: set[str] = set()
    for expression in expressions_of(playbook):
        used |= set(expression.uses)
        read |= set(expression.names)
    report = fields.report
    for name, threshold in playbook.thresholds.items():
        if report.surely_unused(name, used):
            report.error("unused-threshold", f"threshold `{name}` of {fields.what} is declared and never used", threshold.where)
    for name, parameter in playbook.parameters.items():
        if report.surely_unused(name, read):
            message = f"no condition, projection or lever of {fields.what} reads the parameter `{name}`: choosing it changes nothing"
            report.warning("unused-parameter", message, parameter.where)
    taken = {getattr(value.get("action"), "text", "") for _, value in fields.mapping("branches") if isinstance(value, MapNode)}
    for name, action in playbook.actions.items():
        if name not in taken:
            report.warning("unused-action", f"no branch of {fields.what} takes the action `{name}`", action.where)
    return frozenset(used & set(heads.thresholds))


def _demand(fields: Fields, scope: Scope) -> DemandForm | None:
    """The demand form, as a ratio of demand after a change to demand before."""
    node = fields.raw("demand")
    if node is None:
        return None
    inner = Fields(node, f"the demand form of {fields.what}", fields.report)
    form = inner.one_of("form", list(_DEMAND), "linear", required=True)
    elasticity, change = (inner.scalar(key, required=True) for key in ("elasticity", "change"))
    source = inner.text("source", required=True)
    inner.close()
    if elasticity is None or change is None:
        return None
    text, written = (each.format(E=elasticity.text, x=change.text) for each in _DEMAND[form])
    scope = attrs.evolve(scope, functions={**scope.functions, _POWER: Function(_power, 2)})
    ratio = fields.compiled(attrs.evolve(elasticity, text=text), scope.analyse)
    return DemandForm(form=form, ratio=ratio, text=written, source=source) if ratio is not None else None


def _power(change: float, elasticity: float) -> float:
    return float((1 + change) ** elasticity)


def expressions_of(playbook: Playbook) -> list[Expression]:
    """What its pre-checks, branches, projections and levers ask."""
    found = [check.condition for check in playbook.pre_checks] + [branch.condition for branch in playbook.branches]
    found += playbook.projections.values()
    found += [monitor.forecast for monitor in playbook.monitoring if monitor.forecast is not None]
    for action in playbook.actions.values():
        found += [action.lever.before, action.lever.after] if action.lever else []
    return found


def _names_once(fields: Fields, heads: MetricHeads) -> None:
    """A name stands for one thing in all expressions of a playbook: neither two of its own, nor one of its own and one that is shared."""
    seen = {
        **dict.fromkeys(FEEDS, "a name that pre-checks may read"),
        **dict.fromkeys(heads.thresholds, "a threshold shared by all playbooks"),
        **dict.fromkeys(heads.functions, "a function"),
    }
    for section in ("inputs", "parameters", "thresholds", "projections"):
        for key in fields.keys(section):
            if key.text in seen:
                fields.report.error("name-twice", f"{fields.what} gives the name `{key.text}` to two things", key.where, f"it is {seen[key.text]} already")
            seen[key.text] = f"one of the {section}"


def _input(key: ScalarNode, value: Node, heads: MetricHeads, fields: Fields) -> InputUse:
    what = f"input `{key.text}` of {fields.what}"
    if isinstance(value, ScalarNode):
        metric = _metric(value, heads, what, fields)
        return InputUse(name=key.text, metric=metric, where=key.where)
    inner = Fields(value, what, fields.report)
    node = inner.scalar("metric", required=True)
    combine = inner.one_of("combine", [item.value for item in Combine], "")
    use = InputUse(
        name=key.text,
        metric=_metric(node, heads, what, fields) if node else "",
        combine=Combine(combine) if combine else None,
        by=inner.texts("by"),
        worst=inner.one_of("worst", ("max", "min"), "max") if combine == "worst" else "",
        overall=inner.flag("overall"),
        lag=inner.integer("lag", 0, high=120) or 0,
        where=key.where,
    )
    inner.close()
    return use


def _metric(node: ScalarNode, heads: MetricHeads, what: str, fields: Fields) -> str:
    name = node.text if node.text in heads.units else heads.labels.get(node.text, node.text)
    if name not in heads.units:
        fields.report.error("unknown-metric", f"{what} reads `{node.text}`, which is no metric", node.where, nearest(node.text, [*heads.units, *heads.labels]))
    return name


def _parameter(name: str, node: Node, heads: MetricHeads, report: Report) -> Parameter | None:
    inner = Fields(node, f"parameter `{name}`", report)
    raw = inner.raw("range", required=True)
    text = expression_text(raw, report) if raw is not None else None
    label = inner.text("label", name)
    scope = attrs.evolve(heads.scope({}), uncalled=WHILE_READ)
    value = inner.expression("default", scope.analyse_threshold, required=True)
    inner.close()
    if raw is None or text is None or value is None or inner.compiled(raw, scope.analyse_threshold) is None:
        return None
    unit = value.unit
    check = scope.range_check(text, unit)()
    default = value.evaluate({})
    if check is None or isinstance(default, bool) or not isinstance(default, int | float):
        report.error("wrong-type", f"parameter `{name}` needs a range and a number in it", inner.where, 'as in `{range: "[5%, 10%]", default: "8%"}`')
        return None
    if check.evaluate({"value": default}) is not True:
        report.error("default-out-of-range", f"the default of parameter `{name}` lies outside its range", inner.where)
    return Parameter(name=name, range=check, default=float(default), unit=unit, label=label, where=inner.where)


def _check(name: str, node: Node, scope: Scope, fields: Fields) -> NamedCheck | None:
    if isinstance(node, ScalarNode):
        condition = fields.compiled_condition(node, scope.analyse)
        return NamedCheck(id=name, condition=condition, label=name, where=node.where) if condition else None
    inner = Fields(node, f"pre-check `{name}` of {fields.what}", fields.report)
    condition = inner.condition("when", scope.analyse, required=True)
    label = inner.text("label", name)
    inner.close()
    return NamedCheck(id=name, condition=condition, label=label, where=inner.where) if condition else None


def _branch(name: str, node: Node, scope: Scope, actions: Mapping[str, Action], fields: Fields) -> Branch | None:
    inner = Fields(node, f"branch `{name}` of {fields.what}", fields.report)
    condition = inner.condition("when", scope.analyse, required=True)
    action = inner.scalar("action", required=True)
    if action is not None and action.text not in actions:
        message = f"branch `{name}` takes the action `{action.text}`, which is not declared"
        fields.report.error("unknown-action", message, action.where, nearest(action.text, actions))
    inner.close()
    return Branch(id=name, condition=condition, action=action.text, where=inner.where) if condition and action else None


def _action(name: str, node: Node, scope: Scope, parameters: Collection[str], report: Report) -> Action:
    inner = Fields(node, f"action `{name}`", report)
    text = inner.text("text", required=True)
    parts = inner.texts("parts")
    for piece in (text, *parts):
        for word in _BRACED.findall(piece):
            if word not in parameters:
                report.error("unknown-parameter", f"action `{name}` shows `{{{word}}}`, which is no parameter", inner.where, nearest(word, parameters))
    lever = None
    if "lever" in inner:
        deep = Fields(inner.raw("lever"), f"the lever of action `{name}`", report)
        before = deep.expression("before", scope.analyse, required=True)
        after = deep.expression("after", scope.analyse, required=True)
        label = deep.text("name", required=True)
        deep.close()
        if before is not None and after is not None:
            lever = Lever(name=label, before=before, after=after, unit=before.unit)
    inner.close()
    return Action(id=name, text=text, parts=parts, lever=lever, where=inner.where)


def _subject(fields: Fields) -> Subject:
    inner = Fields(fields.raw("subject", required=True), f"the subject of {fields.what}", fields.report)
    subject = Subject(id=inner.text("id", "subject"), label=inner.text("label"), keys=inner.texts("keys"))
    inner.close()
    return subject


def role_label(node: ScalarNode, roles: Mapping[str, Role], fields: Fields) -> str:
    """The label of the role that a text names by id, label or alias; one that is none is reported."""
    for role in roles.values():
        if node.text in (role.id, role.label, *role.aliases):
            return role.label
    known = [name for role in roles.values() for name in (role.label, *role.aliases)]
    fields.report.error("unknown-role", f"{fields.what} names `{node.text}`, who is no role", node.where, nearest(node.text, known))
    return node.text


def _approvers(fields: Fields, roles: Mapping[str, Role]) -> tuple[str, ...]:
    named = fields.items("approvers")
    found = tuple(role_label(item, roles, fields) for item in named)
    for place, (role, item) in enumerate(zip(found, named, strict=True)):
        if role in found[:place]:
            hint = "an approval by the role counts once: name another role where two persons should approve"
            fields.report.error("approver-twice", f"{fields.what} names the approver `{role}` twice", item.where, hint)
    if not found and not isinstance(fields.node.get("approvers"), MapNode):
        hint = "a decision nobody approves cannot be executed: name a role"
        fields.report.error("no-approvers", f"{fields.what} names no approvers", fields.key_where("approvers"), hint)
    return found


def _risk(fields: Fields) -> Risk:
    inner = Fields(fields.raw("risk", required=True), f"the risk of {fields.what}", fields.report)
    risk = Risk(level=inner.one_of("level", LEVELS, "high", required=True), note=inner.text("note"))
    inner.close()
    return risk


def _reversal(fields: Fields) -> Reversal:
    inner = Fields(fields.raw("reversal", required=True), f"the reversal of {fields.what}", fields.report)
    within = inner.scalar("within", required=True)
    if within is not None and within.text != "next cycle" and read_duration(within.text) is None:
        fields.report.error("wrong-type", f"`within` of {inner.what} is a duration or `next cycle`, not `{within.text}`", within.where, "as in `1h`, `5m`")
    elif within is not None and read_duration(within.text) == dt.timedelta(0):
        fields.report.error("wrong-type", f"nothing is undone within `{within.text}`: every reversal would be late", within.where, "give a duration above zero")
    kind = inner.one_of("kind", list(REVERSAL_KINDS), "manual")
    for key in REVERSAL_KINDS[kind]:
        if key not in inner:
            fields.report.error("missing-key", f"{inner.what} is of the kind `{kind}` and lacks the key `{key}`", inner.where)
    reversal = Reversal(
        plan=inner.text("plan", required=True),
        steps=inner.texts("steps", required=True),
        within=within.text if within else "",
        owner=inner.text("owner"),
        kind=kind,
        flag=inner.text("flag"),
        to=inner.text("to"),
        replay=inner.text("replay"),
    )
    inner.close()
    return reversal


def _monitor(name: str, node: Node, scope: Scope, heads: MetricHeads, fields: Fields) -> Monitor:
    inner = Fields(node, f"monitor `{name}` of {fields.what}", fields.report)
    metric = inner.text("metric", name)
    unit = heads.units.get(metric)
    labels = dict.fromkeys(heads.labels_of.get(metric, ()), metric)
    watched = attrs.evolve(heads.scope({metric: unit, name: unit, "forecast": unit, "baseline": unit}), labels=labels, uncalled=FROM_RECORDS)
    keep = inner.condition("keep", watched.analyse, required=True)
    forecast = inner.expression("forecast", scope.analyse)
    if keep is not None and "forecast" in keep.names and "forecast" not in inner:
        hint = "give `forecast:` a formula over what the playbook decides on, or compare with `baseline`"
        fields.report.error("missing-key", f"{inner.what} compares with a forecast and does not say what it is", inner.where, hint)
    if keep is not None and "forecast" not in keep.names and forecast is not None:
        fields.report.warning("unused-forecast", f"the condition of {inner.what} does not read its `forecast`", inner.where)
    every, lasts = inner.duration("every"), inner.duration("lasts")
    whole = every is None or every in (_DAY, 7 * _DAY)
    if not whole or (lasts is not None and (lasts < (every or _DAY) or lasts % (every or _DAY))):
        message = f"{inner.what} watches every `{inner.text('every')}` for `{inner.text('lasts')}`: that is no number of whole days or weeks"
        fields.report.error("wrong-type", message, inner.where, "write `every: 1d` or `1w`, and a multiple of it, as in `lasts: 14d`")
    monitor = Monitor(
        id=name,
        metric=metric,
        condition=keep.text.strip() if keep else "",
        every=inner.text("every"),
        lasts=inner.text("lasts"),
        forecast=forecast,
        min_n=inner.integer("min_n"),
        where=inner.where,
    )
    inner.close()
    return monitor


def _slo(item: ScalarNode, slos: Collection[str], fields: Fields) -> str:
    if item.text not in slos:
        fields.report.error("unknown-slo", f"{fields.what} rests on `{item.text}`, which is no freshness SLO", item.where, nearest(item.text, slos))
    return item.text
