"""The graph of a rule book (networkx): what feeds what, in which order, what an outage or a break reaches, and by which paths.

A node is named `kind:id`, as in `metric:payback`; its kind is one of source, entity, test, fact, metric, decision. The contract tests of an
entity are one node, the gate its rows pass. An edge points the way data flows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import networkx as nx

from decision_os.errors import NotFoundError, nearest
from decision_os.model import Metric, RuleBook

__all__ = ["KINDS", "blocked_by", "build", "cycles", "impact", "lineage", "order", "paths", "sources_of"]

KINDS: Final = ("source", "entity", "test", "fact", "metric", "decision")
_MOST_PATHS: Final = 1000


def build(book: RuleBook) -> nx.DiGraph[str]:
    """The whole graph of a rule book. Each node has `kind`, `id` and `label`; things that do not exist are left out."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for kind, name, label in _nodes(book):
        graph.add_node(f"{kind}:{name}", kind=kind, id=name, label=label)
    for start, end in _edges(book):
        if start in graph and end in graph:
            graph.add_edge(start, end)
    return graph


def _nodes(book: RuleBook) -> Iterator[tuple[str, str, str]]:
    for source in book.sources.values():
        yield "source", source.id, source.label or source.id
    for entity in book.entities.values():
        yield "entity", entity.id, entity.id
        if entity.tests:
            yield "test", entity.id, f"{entity.id}: {', '.join(test.id for test in entity.tests)}"
    for fact in book.facts.values():
        yield "fact", fact.id, fact.id
    for metric in book.metrics.values():
        yield "metric", metric.id, metric.label
    for playbook in book.playbooks.values():
        yield "decision", playbook.id, playbook.title or playbook.id


def _edges(book: RuleBook) -> Iterator[tuple[str, str]]:
    for entity in book.entities.values():
        yield f"source:{entity.source}", f"entity:{entity.id}"
        yield f"entity:{entity.id}", f"test:{entity.id}"
        for test in entity.tests:
            if test.entity:
                yield f"entity:{test.entity}", f"test:{entity.id}"
    for fact in book.facts.values():
        for name in sorted({fact.entity, *(entity for entity, _, _ in fact.lookups.values())}):
            tested = name in book.entities and book.entities[name].tests
            yield f"{'test' if tested else 'entity'}:{name}", f"fact:{fact.id}"
    for metric in book.metrics.values():
        for start in _feeds(metric):
            yield start, f"metric:{metric.id}"
    for playbook in book.playbooks.values():
        for use in playbook.inputs.values():
            yield f"metric:{use.metric}", f"decision:{playbook.id}"


def _feeds(metric: Metric) -> Iterator[str]:
    if metric.measure is not None:
        yield f"fact:{metric.measure.fact}"
        if metric.measure.members is not None:
            yield f"fact:{metric.measure.members[0]}"
    if metric.source:
        yield f"source:{metric.source}"
    names: set[str] = {*metric.inputs, *(binding.input for binding in metric.bindings.values())}
    if metric.baseline is not None:
        names.add(metric.baseline.of)
    if metric.sustained is not None:
        names |= set(metric.sustained.condition.names)
    if metric.n:
        names.add(metric.n)
    for name in sorted(names):
        yield f"metric:{name}"


def cycles(graph: nx.DiGraph[str]) -> list[list[str]]:
    """One circle for each knot of things that feed themselves, as the names along it, the first by name again at the end.

    A rule book with one cannot be computed. (All circles of a knot can be more than anybody can list.)
    """
    knots = [sorted(knot) for knot in nx.strongly_connected_components(graph)]
    found = []
    for knot in sorted(knots):
        if len(knot) > 1 or graph.has_edge(knot[0], knot[0]):
            around = [str(edge[0]) for edge in nx.find_cycle(graph.subgraph(knot), source=knot[0])]
            start = around.index(min(around))
            found.append([*around[start:], *around[:start], around[start]])
    return found


def order(graph: nx.DiGraph[str]) -> list[str]:
    """The nodes so that each comes after what feeds it; the same graph always gives the same order.

    Raises `networkx.NetworkXUnfeasible` for a graph with `cycles`, which no checked rule book has.
    """
    return list(nx.lexicographical_topological_sort(graph))


def lineage(graph: nx.DiGraph[str], name: str) -> list[str]:
    """Everything a node rests on, in the order data flows. Raises `NotFoundError` for a name the graph does not have."""
    node = _find(graph, name)
    above = nx.ancestors(graph, node)
    return [item for item in order(graph) if item in above]


def impact(graph: nx.DiGraph[str], name: str) -> dict[str, list[list[str]]]:
    """Which decisions rest on a node, each with every path by which it reaches them."""
    node = _find(graph, name)
    below = nx.descendants(graph, node)
    decisions = [item for item in order(graph) if item in below and graph.nodes[item]["kind"] == "decision"]
    return {decision: paths(graph, node, decision) for decision in decisions}


def paths(graph: nx.DiGraph[str], start: str, end: str) -> list[list[str]]:
    """Every path from one node to another, the shortest first; of very many, a thousand."""
    first, last = _find(graph, start), _find(graph, end)
    below: set[str] = nx.descendants(graph, first)
    above: set[str] = nx.ancestors(graph, last)
    found = nx.all_simple_paths(graph.subgraph([first, *(below & above), last]), first, last)  # without dead ends to search
    return sorted(islice(found, _MOST_PATHS), key=lambda path: (len(path), path))


def blocked_by(graph: nx.DiGraph[str], names: Iterable[str]) -> list[str]:
    """What a break of these nodes blocks: everything below them, in the order data flows."""
    broken = [_find(graph, name) for name in names]
    below = {item for node in broken for item in nx.descendants(graph, node)}
    return [item for item in order(graph) if item in below]


def sources_of(book: RuleBook, metric: str) -> tuple[str, ...]:
    """The sources a metric rests on, sorted, without building the whole graph."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [metric]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in book.metrics:
            continue
        seen.add(name)
        for start in _feeds(book.metrics[name]):
            kind, _, item = start.partition(":")
            if kind == "metric":
                waiting.append(item)
            elif kind == "source":
                found.add(item)
            elif item in book.facts:
                fact = book.facts[item]
                entities = {fact.entity, *(entity for entity, _, _ in fact.lookups.values())}
                found |= {book.entities[entity].source for entity in entities if entity in book.entities}
    return tuple(sorted(found))


def _find(graph: nx.DiGraph[str], name: str) -> str:
    """A node by its full name, or by its id or label where only one node has it."""
    if name in graph:
        return name
    matches = [node for node, data in graph.nodes(data=True) if name in (data["id"], data["label"])]
    if len(matches) == 1:
        return str(matches[0])
    if matches:
        raise NotFoundError(f"`{name}` may be {' or '.join(f'`{match}`' for match in sorted(matches))}: name the kind")
    known = [str(data[key]) for _, data in graph.nodes(data=True) for key in ("id", "label")]
    raise NotFoundError(f"nothing in the rule book is called `{name}` ({nearest(name, known) or 'see `decision-os graph`'})")
