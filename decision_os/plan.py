"""A playbook made ready to decide: everything that can be known at load is worked out here, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import cached_property

import attrs

from decision_os.calendars import ReviewClock
from decision_os.errors import InputError, nearest
from decision_os.expr import Expression
from decision_os.graph import sources_of
from decision_os.model import Combine, InputUse, Metric, Monitor, Playbook, ReviewCadence, Role, RuleBook
from decision_os.record import MonitorPlan, ReversalKind, ReversalPlan, Terms
from decision_os.support import Asked, asked_of, is_share
from decision_os.units import format_value
from decision_os.values import settle
from decision_os.wire import DEMAND_RATIO, FEEDS

__all__ = ["Condition", "Plan", "PlannedInput", "filled", "max_age", "plans"]


@attrs.frozen(kw_only=True)
class PlannedInput:
    """One input: its metric, the age its sources allow, and whether it fans out over finer keys."""

    use: InputUse
    metric: Metric
    max_age: dt.timedelta | None
    source: str
    unit: str
    """The metric's unit, as it goes on records."""
    fans: bool
    """Whether a condition over it is asked for each finer key."""
    share: bool = False
    """Whether it is a share of cases: with its n, it has an interval."""

    @cached_property
    def valid(self) -> Expression | None:
        """The condition that its value lies in the metric's valid range, under the input's own name."""
        found = self.metric.valid_range
        return found.renamed({"value": self.use.name}) if found is not None else None

    @property
    def valid_range(self) -> str:
        """The valid range as written."""
        return self.metric.valid_range.text.removeprefix("value in ") if self.metric.valid_range is not None else ""


@attrs.frozen(kw_only=True)
class Condition:
    """A pre-check or a branch: what it asks, and the fanning inputs it reads."""

    id: str
    label: str
    expression: Expression
    action: str = ""
    fanned: tuple[str, ...] = ()
    every: bool = True
    """Over the finer keys: all must hold, or any."""


@attrs.frozen(kw_only=True)
class Plan:
    """A playbook, resolved."""

    playbook: Playbook
    inputs: Mapping[str, PlannedInput]
    feeds: tuple[str, ...]
    """The feeds that its pre-checks and branches read."""
    aliases: Mapping[str, str]
    """Other names a caller may use for an input: the metric's id and its label."""
    metrics: frozenset[str]
    """The ids and labels of all metrics of the rule book, those included that this playbook does not read; one set for all plans."""
    pre_checks: tuple[Condition, ...]
    branches: tuple[Condition, ...]
    defaults: Mapping[str, float]
    thresholds: Mapping[str, str]
    lever_units: Mapping[str, str]
    """The unit of each action's lever, as it goes on records."""
    reversal: ReversalPlan
    monitoring: tuple[MonitorPlan, ...]
    terms: Terms
    freezes: bool
    """Whether its acts wait while a freshness budget is spent."""
    asked: tuple[Asked, ...]
    """What its conditions ask of shares and Ginis: whether their n can carry that is said on the record."""
    review: ReviewCadence | None
    clock: ReviewClock | None

    @property
    def fanning(self) -> int:
        """How many of its conditions are looked at key by key: they can disagree at that many finer keys, and at no more."""
        return sum(bool(condition.fanned) for condition in (*self.pre_checks, *self.branches))

    def accepts(self, name: str) -> bool:
        """Whether a caller may pass the name without a word: an input, an alias, a feed, a subject key, or a metric that this playbook does not read."""
        return name in self.inputs or name in self.aliases or name in self.metrics or name in FEEDS or name in self.playbook.subject.keys

    def shown(self, chosen: Mapping[str, float]) -> dict[str, str]:
        """Chosen parameters, as people write them."""
        return {name: format_value(chosen[name], parameter.unit) for name, parameter in self.playbook.parameters.items()}

    def choices(self, choose: Mapping[str, float] | None) -> dict[str, float]:
        """The parameter values decided with: the defaults, and what was chosen instead.

        Raises `InputError` for a parameter that does not exist and for a value outside its range.
        """
        chosen = dict(self.defaults)
        handed: object = choose  # whatever the caller's type checker did not see
        if handed is not None and not isinstance(handed, Mapping):
            hint = f"write it as in `choose={{'{next(iter(self.defaults), 'step')}': 0.05}}`"
            raise InputError(f"`choose` is a mapping of parameters to numbers, not a {type(handed).__name__}", name="choose", hint=hint)
        for name, given in (choose or {}).items():
            parameter = self.playbook.parameters.get(name)
            if parameter is None:
                hint = nearest(str(name), self.defaults) or f"known: {', '.join(sorted(self.defaults)) or 'none'}"
                raise InputError(f"`{self.playbook.id}` has no parameter `{name}`", name=name, hint=hint)
            value = settle(given, name)
            if type(value) not in (int, float) or parameter.range.evaluate({"value": value}) is not True:
                allowed = parameter.range.text.removeprefix("value in ")
                raise InputError(f"`{name}` = {given!r} is outside its range {allowed}", name=name, hint=f"choose a value in {allowed}")
            chosen[name] = float(value)  # type: ignore[arg-type]  # tested
        return chosen


def filled(text: str, shown: Mapping[str, str]) -> str:
    """A text of an action with its parameters in place.

    >>> filled("+{step} list", {"step": "8%"})
    '+8% list'
    """
    for name, value in shown.items():
        text = text.replace("{" + name + "}", value)
    return text


def plans(book: RuleBook) -> dict[str, Plan]:
    """Every playbook of a rule book, resolved."""
    metrics = frozenset(name for metric in book.metrics.values() for name in (metric.id, metric.label))
    return {name: _plan(book, playbook, metrics) for name, playbook in book.playbooks.items()}


def _plan(book: RuleBook, playbook: Playbook, metrics: frozenset[str]) -> Plan:
    inputs = {use.name: _input(book, use) for use in playbook.inputs.values()}
    fanned = {name for name, planned in inputs.items() if planned.fans}
    checks = tuple(_condition(check.id, check.label, check.condition, "", inputs, fanned) for check in playbook.pre_checks)
    branches = tuple(_condition(branch.id, branch.id, branch.condition, branch.action, inputs, fanned) for branch in playbook.branches)
    aliases: dict[str, str] = {}
    for name, planned in inputs.items():
        aliases.setdefault(planned.metric.label, name)
    for name, planned in inputs.items():
        if planned.metric.id not in inputs and not planned.use.overall:
            aliases.setdefault(planned.metric.id, name)
    read = {name for condition in (*checks, *branches) for name in condition.expression.names}
    thresholds = {name: threshold.text for name, threshold in playbook.thresholds.items()}
    used = _shared(book, playbook)
    review = book.review_cadence.get(playbook.cadence)
    thresholds |= {name: book.thresholds[name].text for name in used}
    return Plan(
        playbook=playbook,
        inputs=inputs,
        feeds=tuple(name for name in FEEDS if name in read),
        aliases=aliases,
        metrics=metrics,
        pre_checks=checks,
        branches=branches,
        defaults={name: parameter.default for name, parameter in playbook.parameters.items()},
        thresholds=thresholds,
        lever_units={name: str(action.lever.unit) if action.lever and action.lever.unit else "" for name, action in playbook.actions.items()},
        reversal=ReversalPlan(
            plan=playbook.reversal.plan,
            steps=playbook.reversal.steps,
            within=playbook.reversal.within,
            owner=playbook.reversal.owner or playbook.owner,
            kind=ReversalKind(playbook.reversal.kind),
            flag=playbook.reversal.flag,
            to=playbook.reversal.to,
            replay=playbook.reversal.replay,
        ),
        monitoring=tuple(_monitor(book, playbook, monitor) for monitor in playbook.monitoring),
        terms=_terms(book, playbook),
        freezes=playbook.freeze == "when_spent" or (not playbook.freeze and playbook.risk.level in book.freeze.risk),
        asked=asked_of(playbook, book.metrics),
        review=review,
        clock=ReviewClock(review.when, book.fiscal_year_start, book.holidays) if review else None,
    )


def _monitor(book: RuleBook, playbook: Playbook, monitor: Monitor) -> MonitorPlan:
    """What is watched, as far as it is the same for every decision."""
    known = book.metrics.get(monitor.metric)
    demand = playbook.demand
    rests = demand is not None and monitor.forecast is not None and DEMAND_RATIO in monitor.forecast.uses
    return MonitorPlan(
        id=monitor.id,
        metric=monitor.metric,
        condition=monitor.condition,
        every=monitor.every,
        lasts=monitor.lasts,
        formula=monitor.forecast.text.strip() if monitor.forecast is not None else "",
        basis=f"{demand.form.replace('_', ' ')} demand, {demand.text}: {demand.source}" if demand is not None and rests else "",
        min_n=monitor.min_n if monitor.min_n is not None or known is None else known.min_n,
        unit=str(known.unit) if known is not None and known.unit is not None else "",
    )


def _terms(book: RuleBook, playbook: Playbook) -> Terms:
    """What every record of this playbook carries of the rule book, to live on without it."""
    names = {label: tuple(name for name in (role.id, *role.aliases) if name != label) for label in playbook.approvers if (role := _role(book, label))}
    return Terms(
        approver_names=names,
        approvals_hold=book.approvals_hold[playbook.reversibility][playbook.risk.level],
        zone=book.zone,
        fiscal_year_start=book.fiscal_year_start,
        currency=book.currency,
    )


def _role(book: RuleBook, label: str) -> Role | None:
    return next((role for role in book.roles.values() if role.label == label), None)


def _shared(book: RuleBook, playbook: Playbook) -> tuple[str, ...]:
    """The shared thresholds a playbook rests on: used in its own conditions, or in a metric it reads directly."""
    used: set[str] = set()
    expressions: list[Expression] = [branch.condition for branch in playbook.branches]
    expressions += [check.condition for check in playbook.pre_checks]
    for use in playbook.inputs.values():
        sustained = book.metrics[use.metric].sustained
        if sustained is not None:
            expressions.append(sustained.condition)
    for expression in expressions:
        used |= set(expression.uses)
    return tuple(name for name in book.thresholds if name in used)


def _input(book: RuleBook, use: InputUse) -> PlannedInput:
    metric = book.metrics[use.metric]
    ages = [(age, source) for source in sources_of(book, metric.id) if (age := max_age(book, source)) is not None]
    # A reading says one load time, not which of several sources it is of: the loosest bound, so that nothing is called stale that is not.
    age, source = max(ages, default=(None, ""))
    unit = str(metric.unit) if metric.unit is not None else ""
    fans = use.combine in (Combine.ALL, Combine.ANY)
    return PlannedInput(use=use, metric=metric, max_age=age, source=source, unit=unit, fans=fans, share=is_share(metric))


def max_age(book: RuleBook, source: str) -> dt.timedelta | None:
    """How old a source's last load may be: its own bound, else the tightest of the SLOs that cover it."""
    declared = book.sources[source].max_age if source in book.sources else None
    if declared is not None:
        return declared
    return min((slo.objective.bound for slo in book.slos.values() if source in slo.covers), default=None)


def _condition(name: str, label: str, expression: Expression, action: str, inputs: Mapping[str, PlannedInput], fanned: Iterable[str]) -> Condition:
    over = tuple(item for item in expression.names if item in set(fanned))
    every = all(inputs[item].use.combine is Combine.ALL for item in over)
    return Condition(id=name, label=label, expression=expression, action=action, fanned=over, every=every)
