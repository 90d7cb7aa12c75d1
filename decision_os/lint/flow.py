"""What each metric can be asked for, worked out in one pass in the order data flows: by which columns, by which periods, from which sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import networkx as nx

from decision_os.expr import Expression
from decision_os.expr.tree import Arithmetic, Name, Node, children, walk
from decision_os.graph import build, cycles
from decision_os.model import TIME_GRAINS, Binding, Fact, Metric, RuleBook, time_grain

__all__ = ["NESTED", "Flow", "Reach", "bindings_of", "time_type"]

NESTED: Final = {
    "day": frozenset(TIME_GRAINS),
    "week": frozenset({"week"}),
    "month": frozenset({"month", "quarter", "year"}),
    "quarter": frozenset({"quarter", "year"}),
    "year": frozenset({"year"}),
}
"""The periods that whole periods of each grain make up: weeks make up no months."""

_TIME_TYPES: Final = {"date": "day", "instant": "day", "month": "month"}
_RATIOS: Final = ("share", "mean", "gini")


@attrs.frozen(kw_only=True)
class Reach:
    """What a metric can be asked for.

    `names` are the columns it can be split by and `grains` the periods it can be taken over, None where that cannot be known (it rests on
    something the files got wrong, which is reported already). `from_rows` says that it is computed from rows, so that leaving out a dimension takes
    its members together; `ratio` that sums and means of its values mean nothing.
    """

    names: frozenset[str] | None = None
    grains: frozenset[str] | None = None
    sources: frozenset[str] = frozenset()
    from_rows: bool = True
    ratio: bool = False

    def has(self, name: str) -> bool:
        """Whether it can be split by that column."""
        return self.names is None or name in self.names

    def spans(self, grain: str | None) -> bool:
        """Whether it can be taken over periods of that grain."""
        return self.grains is None or grain is None or grain in self.grains


_ANYTHING: Final = Reach()


class Flow:
    """The metrics of a rule book in the order data flows. `circles` are those that feed themselves, one for each knot of them."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        graph = build(book)
        metrics = graph.subgraph([name for name, data in graph.nodes(data=True) if data["kind"] == "metric"])
        self.circles = [[_id(node) for node in circle] for circle in cycles(metrics)]
        self.reach: dict[str, Reach] = {}
        for knot in reversed(list(nx.strongly_connected_components(metrics))):  # Tarjan's order reversed: what feeds comes first
            first = min(knot)
            if len(knot) == 1 and not metrics.has_edge(first, first):
                self.reach[_id(first)] = self._of(book.metrics[_id(first)])

    def of(self, metric: str) -> Reach:
        """The reach of a metric; of one that does not exist, anything."""
        return self.reach.get(metric, _ANYTHING)

    def _of(self, metric: Metric) -> Reach:
        if metric.measure is not None:
            return self._measured(metric)
        if metric.reading:
            own = time_grain(metric.period)
            return Reach(
                names=frozenset(metric.dimensions),
                grains=NESTED[own] if own else None,
                sources=frozenset({metric.source} - {""}),
                from_rows=False,
            )
        return self._derived(metric)

    def _measured(self, metric: Metric) -> Reach:
        measure = metric.measure
        fact = self.book.facts.get(measure.fact) if measure else None
        if measure is None or fact is None or fact.entity not in self.book.entities:
            return _ANYTHING
        members = self.book.facts.get(measure.members[0]) if measure.members else None
        return Reach(
            names=frozenset({*self.book.entities[fact.entity].columns, *fact.lookups, *fact.elapsed, *fact.derive}),
            grains=_counted_by(time_type(self.book, fact, measure.time or fact.time)),
            sources=frozenset({*self._sources(fact), *(self._sources(members) if members else ())}),
            ratio=measure.aggregate in _RATIOS,
        )

    def _sources(self, fact: Fact) -> Iterator[str]:
        for name in (fact.entity, *(entity for entity, _, _ in fact.lookups.values())):
            if name in self.book.entities:
                yield self.book.entities[name].source

    def _derived(self, metric: Metric) -> Reach:
        inputs = [(binding, self.of(binding.input)) for _, binding in bindings_of(metric)]
        if not inputs:
            return _ANYTHING
        known = [(binding, reach) for binding, reach in inputs if reach.names is not None]
        offered = {name for binding, reach in known for name in (*(reach.names or ()), *binding.dimensions, *binding.allocate, *binding.overall)}
        names = frozenset(name for name in offered if all(_carries(binding, reach, name) for binding, reach in known))
        grains = frozenset(TIME_GRAINS)
        if metric.formula is not None:
            for binding, reach in inputs:
                if reach.grains is not None and metric.period not in (*binding.allocate, *binding.overall, *binding.dimensions) and self._timed(binding):
                    grains &= reach.grains
        return Reach(
            names=names if known else None,
            grains=grains,
            sources=frozenset({*({metric.source} - {""}), *(source for _, reach in inputs for source in reach.sources)}),
            from_rows=all(reach.from_rows for _, reach in inputs),
            ratio=any(reach.ratio for _, reach in inputs) or (metric.formula is not None and _divides(metric.formula)),
        )

    def _timed(self, binding: Binding) -> bool:
        return bool(binding.input in self.book.metrics and self.book.metrics[binding.input].period)


def bindings_of(metric: Metric) -> tuple[tuple[str, Binding], ...]:
    """What a derived metric reads, by the name it reads it under; a name without a binding is a metric's id."""
    if metric.baseline is not None:
        return (("of", Binding(input=metric.baseline.of)),)
    expression = metric.formula or (metric.sustained.condition if metric.sustained else None)
    names = dict.fromkeys([*(expression.names if expression is not None else ()), *metric.bindings])
    return tuple((name, metric.bindings.get(name) or Binding(input=name)) for name in names)


def time_type(book: RuleBook, fact: Fact, column: str) -> str | None:
    """The type of the column that periods are counted by; empty where the fact works it out, None where there is none."""
    if not column:
        return None
    if column in fact.lookups:
        entity, column, _ = fact.lookups[column]
    elif column in fact.derive or column in fact.elapsed:
        return ""
    else:
        entity = fact.entity
    columns = book.entities[entity].columns if entity in book.entities else {}
    return columns[column].type if column in columns else ""


def _counted_by(kind: str | None) -> frozenset[str] | None:
    if kind is None:
        return frozenset()
    return NESTED[_TIME_TYPES[kind]] if kind in _TIME_TYPES else None


def _carries(binding: Binding, reach: Reach, name: str) -> bool:
    return name in binding.allocate or name in binding.overall or reach.has(binding.dimensions.get(name, name))


def _divides(expression: Expression) -> bool:
    return any(isinstance(node, Arithmetic) and node.op == "/" and _reads(node.right) for node in walk(expression.tree))


def _reads(tree: Node) -> bool:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Name):
            return True
        waiting += children(node)
    return False


def _id(node: str) -> str:
    """The id behind the name of a metric's node."""
    return node.removeprefix("metric:")
