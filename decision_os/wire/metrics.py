"""Metric contracts: first what each metric is called and measured in, then, with all of them known, what their formulas say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

import attrs

from decision_os.errors import Where, nearest
from decision_os.expr import Analysis, Expression, Function, Readings
from decision_os.model import TIME_GRAINS, Baseline, Binding, Entity, Fact, Measure, Metric, QaTest, Role, Source, Sustained, Threshold
from decision_os.units import Unit
from decision_os.wire.data import read_break_action
from decision_os.wire.fields import Fields, Report, expression_text
from decision_os.wire.nodes import MapNode, Node, ScalarNode
from decision_os.wire.scope import ON_COLUMNS, Scope, split_result

__all__ = ["MetricHeads", "read_metric"]

AGGREGATES = ("sum", "mean", "min", "max", "count", "count_distinct", "share", "gini")
KINDS = ("measure", "formula", "baseline", "sustained", "reading")


@attrs.frozen(kw_only=True)
class MetricHeads:
    """What the other metrics and the facts are called and measured in: enough to read one metric."""

    units: Mapping[str, Unit | None]
    declared: Mapping[str, Where]
    """Where each metric says its unit."""
    labels: Mapping[str, str]
    facts: Mapping[str, Fact]
    fact_units: Mapping[str, Mapping[str, Unit | None]]
    entities: Mapping[str, Entity]
    sources: Mapping[str, Source]
    roles: Mapping[str, Role]
    thresholds: Mapping[str, Threshold]
    functions: Mapping[str, Function]
    currency: str
    readings: Readings

    @cached_property
    def labels_of(self) -> Mapping[str, tuple[str, ...]]:
        """The labels of each metric, by its id."""
        found: dict[str, tuple[str, ...]] = {}
        for label, name in self.labels.items():
            found[name] = (*found.get(name, ()), label)
        return found

    def labels_for(self, names: Iterable[str]) -> dict[str, str]:
        """The labels of metrics under their own names."""
        return {label: name for name in names for label in self.labels_of.get(name, ())}

    @cached_property
    def every_metric(self) -> Scope:
        """What an expression over any metrics may say."""
        return attrs.evolve(self.scope(self.units), labels=self.labels, definitions=self.definitions)

    @cached_property
    def definitions(self) -> dict[str, Expression]:
        """The shared thresholds, as definitions for expressions."""
        return {name: threshold.value for name, threshold in self.thresholds.items()}

    def declared_for(self, names: Iterable[str]) -> dict[str, Where]:
        """Where the units of metrics under their own names, and the shared thresholds, are written."""
        found = {name: self.declared[name] for name in names if name in self.declared}
        return found | {name: threshold.where for name, threshold in self.thresholds.items()}

    def scope(self, units: Mapping[str, Unit | None], *, over_columns: bool = False, open: bool = False) -> Scope:  # noqa: A002 - the scope's own word
        """What an expression over these names may say, apart from labels and definitions."""
        uncalled = ON_COLUMNS if over_columns else None
        return Scope(
            units=units,
            declared=self.declared_for(units),
            functions=self.functions,
            currency=self.currency,
            uncalled=uncalled,
            open=open,
            readings=self.readings,
        )


def read_metric(name: str, node: Node, heads: MetricHeads, report: Report) -> Metric:
    """A metric contract, in the article's keys and this library's."""
    fields = Fields(node, f"metric `{name}`", report)
    fields.text("metric")
    fields.text("id")
    label = fields.text("label") or (fields.text("metric") if "metric" in fields else name)
    kinds = [kind for kind in KINDS if kind in fields]
    if not kinds:
        message = f"metric `{name}` has no contract: nothing says where its values come from"
        report.error("no-contract", message, fields.where, f"give one of {', '.join(KINDS)}")
    elif len(kinds) > 1:
        report.error("two-contracts", f"metric `{name}` says twice where its values come from: {' and '.join(kinds)}", fields.where)
    owner = fields.scalar("owner", required=True)
    if owner is not None and heads.roles and not _known_role(heads.roles, owner.text):
        report.error("unknown-role", f"metric `{name}` is owned by `{owner.text}`, who is no role", owner.where, nearest(owner.text, _role_names(heads.roles)))
    unit = heads.units.get(name)
    fields.unit("unit") if unit is None else fields.raw("unit")
    grain = fields.texts("grain", required=True)
    inputs = _metric_names(fields, "inputs", heads)
    bindings = _bindings(fields, heads, report)
    bound: dict[str, Unit | None] = {item: heads.units.get(item) for item in inputs} if not bindings else {}
    bound |= {alias: heads.units.get(binding.input) for alias, binding in bindings.items()}
    formula, result = _formula(fields, bound, inputs, heads)
    metric = Metric(
        id=name,
        label=label,
        definition=fields.text("definition", required=True),
        unit=unit,
        grain=grain,
        owner=owner.text if owner else "",
        inputs=inputs,
        measure=_measure(fields, heads, report),
        formula=formula,
        result=result,
        bindings=bindings,
        baseline=_baseline(fields, heads),
        sustained=_sustained(fields, heads),
        reading=fields.flag("reading"),
        text=fields.flag("text"),
        source=_source(fields, heads),
        n=_metric_name(fields, "n", heads),
        min_n=fields.integer("min_n"),
        maturity=fields.duration("maturity"),
        max_quarantined=_or(fields.number("max_quarantined"), 0.01),
        precision=fields.integer("precision", high=12),
        valid_range=_valid_range(fields, unit, heads),
        qa_tests=_qa_tests(fields, {**bound, **({result: unit} if result else {}), name: unit}, heads),
        version=fields.text("version", "1"),
        where=fields.where,
    )
    if metric.formula is not None and unit is not None and metric.formula.unit is not None and not _agree(unit, metric.formula.unit):
        where = fields.key_where("formula")
        report.warning("unit-mismatch", f"metric `{name}` is declared in `{unit}`, but its formula gives `{metric.formula.unit}`", where)
    fields.close()
    return metric


def _agree(declared: Unit, found: Unit) -> bool:
    """Whether a formula's unit is the declared one. A count is a plain number, and so is any ratio of two like things."""
    return _without_count(declared) == _without_count(found)


def _without_count(unit: Unit) -> tuple[tuple[str, int], ...]:
    return tuple(factor for factor in unit.factors if factor[0] != "count")


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _role_names(roles: Mapping[str, Role]) -> list[str]:
    return [name for role in roles.values() for name in (role.id, role.label, *role.aliases)]


def _known_role(roles: Mapping[str, Role], name: str) -> bool:
    return name in _role_names(roles)


def _resolve(heads: MetricHeads, written: str) -> str:
    """The id behind an id or a label."""
    return written if written in heads.units else heads.labels.get(written, written)


def _check_metric(fields: Fields, written: str, where: Where, heads: MetricHeads) -> str:
    name = _resolve(heads, written)
    if name not in heads.units:
        hint = nearest(written, [*heads.units, *heads.labels])
        fields.report.error("unknown-metric", f"{fields.what} reads `{written}`, which is no metric", where, hint)
    return name


def _metric_names(fields: Fields, key: str, heads: MetricHeads) -> tuple[str, ...]:
    return tuple(_check_metric(fields, item.text, item.where, heads) for item in fields.items(key))


def _metric_name(fields: Fields, key: str, heads: MetricHeads) -> str:
    node = fields.scalar(key)
    return _check_metric(fields, node.text, node.where, heads) if node else ""


def _source(fields: Fields, heads: MetricHeads) -> str:
    node = fields.scalar("source")
    if node is not None and node.text not in heads.sources:
        fields.report.error("unknown-source", f"{fields.what} comes from `{node.text}`, which is no source", node.where, nearest(node.text, heads.sources))
    return node.text if node else ""


def _measure(fields: Fields, heads: MetricHeads, report: Report) -> Measure | None:
    node = fields.raw("measure")
    if node is None:
        return None
    inner = Fields(node, f"the measure of {fields.what}", report)
    fact = inner.scalar("fact", required=True)
    units = dict(heads.fact_units.get(fact.text, {})) if fact else {}
    if fact is not None and fact.text not in heads.facts:
        report.error("unknown-fact", f"{inner.what} reads the fact `{fact.text}`, which is not declared", fact.where, nearest(fact.text, heads.facts))
    aggregate = inner.one_of("aggregate", AGGREGATES, "count", required=True)
    of = inner.scalar("of", required=aggregate not in ("count", "share"))
    if of is not None and units and of.text not in units:
        report.error("unknown-column", f"{inner.what} takes `{of.text}`, which is no column of the fact", of.where, nearest(of.text, units))
    condition = inner.condition("condition", heads.scope(units, over_columns=True, open=not units).analyse, required=aggregate == "share")
    time = inner.scalar("time")
    if time is not None and units and time.text not in units:
        report.error("unknown-column", f"{inner.what} counts periods by `{time.text}`, which is no column", time.where, nearest(time.text, units))
    measure = Measure(
        fact=fact.text if fact else "",
        aggregate=aggregate,
        of=of.text if of else "",
        condition=condition,
        members=_members(inner, heads),
        rows=inner.one_of("rows", ("passed", "all"), "passed"),
        time=time.text if time else "",
        empty=inner.number("empty"),
    )
    inner.close()
    return measure


def _members(fields: Fields, heads: MetricHeads) -> tuple[str, str] | None:
    node = fields.scalar("members")
    if node is None:
        return None
    fact, _, column = node.text.partition(".")
    if fact not in heads.facts or column not in heads.fact_units.get(fact, {}):
        fields.report.error("unknown-column", f"`members` of {fields.what} is `fact.column`, not `{node.text}`", node.where, nearest(fact, heads.facts))
        return None
    return fact, column


def _bindings(fields: Fields, heads: MetricHeads, report: Report) -> dict[str, Binding]:
    found = {}
    for key, value in fields.mapping("bindings"):
        if isinstance(value, ScalarNode):
            found[key.text] = Binding(input=_check_metric(fields, value.text, value.where, heads), where=value.where)
            continue
        inner = Fields(value, f"binding `{key.text}` of {fields.what}", report)
        found[key.text] = Binding(
            input=_metric_name(inner, "input", heads),
            roll_up=inner.one_of("roll_up", ("ratio_of_sums", "sum", "mean"), ""),
            dimensions={name.text: getattr(target, "text", "") for name, target in inner.mapping("dimensions")},
            allocate={name.text: getattr(target, "text", "") for name, target in inner.mapping("allocate")},
            overall=inner.texts("overall"),
            where=inner.where,
        )
        for name, target in inner.mapping("allocate"):
            if (way := getattr(target, "text", "")) != "same":
                report.error("unknown-word", f"`{way}` is no way to allocate `{name.text}`", target.where, "`same` gives each finer key the coarser value")
        inner.close()
    return found


def _formula(fields: Fields, bound: Mapping[str, Unit | None], inputs: Collection[str], heads: MetricHeads) -> tuple[Expression | None, str]:
    node = fields.raw("formula")
    if node is None:
        return None, ""
    known = all(name in heads.units for name in inputs)
    scope = attrs.evolve(heads.scope(bound), labels=heads.labels_for(bound), definitions=heads.definitions, open=not known)
    text = expression_text(node, Report())
    result = split_result(text)[0] if text is not None else ""

    def analyse(text: str) -> Analysis:
        return scope.analyse(split_result(text)[1])

    return fields.compiled(node, analyse), result


def _baseline(fields: Fields, heads: MetricHeads) -> Baseline | None:
    node = fields.raw("baseline")
    if node is None:
        return None
    inner = Fields(node, f"the baseline of {fields.what}", fields.report)
    baseline = Baseline(
        of=_metric_name(inner, "of", heads), trailing=inner.integer("trailing", 8, low=1, high=520) or 8, grain=inner.one_of("grain", TIME_GRAINS, "week")
    )
    inner.close()
    return baseline


def _sustained(fields: Fields, heads: MetricHeads) -> Sustained | None:
    node = fields.raw("sustained")
    if node is None:
        return None
    inner = Fields(node, f"the condition of {fields.what}", fields.report)
    condition = inner.condition("condition", heads.every_metric.analyse, required=True)
    periods = inner.scalar("periods", required=True)
    count = 1
    if periods is not None and periods.text in heads.thresholds:
        threshold = heads.thresholds[periods.text].value
        value = None if threshold.calls else threshold.evaluate({})  # a literal: read, not worked out
        count = int(value) if isinstance(value, int | float) and value in range(1, 521) else 0
        if not count:
            fields.report.error("wrong-type", f"the shared threshold `{periods.text}` is no number of periods", periods.where, "a whole number from 1 to 520")
    elif periods is not None:
        count = inner.integer("periods", 1, low=1, high=520) or 1
    grain = inner.one_of("grain", TIME_GRAINS, "month")
    inner.close()
    return Sustained(condition=condition, periods=count, grain=grain) if condition is not None else None


def _valid_range(fields: Fields, unit: Unit | None, heads: MetricHeads) -> Expression | None:
    node = fields.raw("valid_range")
    text = expression_text(node, fields.report) if node is not None else None
    if node is None or text is None:
        return None
    if fields.compiled(node, heads.scope({}, over_columns=True).analyse_threshold) is None:
        return None
    found = heads.scope({}, over_columns=True).range_check(text, unit)()
    if found is None:
        fields.report.error("wrong-type", f"`valid_range` of {fields.what} is a range, not `{text}`", node.where, "write it as in `[0, 1]`")
    return found


def _qa_tests(fields: Fields, names: Mapping[str, Unit | None], heads: MetricHeads) -> tuple[QaTest, ...]:
    shared = read_break_action(fields)
    node = fields.raw("qa_tests")
    if node is None:
        return ()
    if isinstance(node, ScalarNode | MapNode):
        fields.report.error("wrong-type", f"`qa_tests` of {fields.what} is a list", node.where)
        return ()
    scope = attrs.evolve(heads.scope(names), labels=heads.labels_for(names), definitions=heads.definitions)
    tests = []
    for item in node.items:
        inner = Fields(item, f"a QA test of {fields.what}", fields.report)
        name = inner.text("name", required=True)
        assertion = inner.condition("assert", scope.analyse, required=True)
        which = inner.one_of("scope", ("key", "metric"), "key")
        own = read_break_action(inner, scope=which) if "break_action" in inner else attrs.evolve(shared, scope=which)
        inner.close()
        if assertion is not None:
            tests.append(QaTest(name=name, assertion=assertion, break_action=own, where=inner.where))
    return tuple(tests)
