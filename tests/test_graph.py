"""The graph of a rule book: what rests on what."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.errors import NotFoundError
from decision_os.expr import compile as compile_expression
from decision_os.graph import KINDS, blocked_by, build, cycles, impact, lineage, order, paths, sources_of
from decision_os.model import Metric, RuleBook
from decision_os.reference import reference_rules
from decision_os.wire import read_book

BOOK = read_book(reference_rules()).book
GRAPH = build(BOOK)


def book_of(feeds: dict[str, list[str]]) -> RuleBook:
    """A rule book of formulas alone: each metric adds up those it reads."""
    metrics = {name: Metric(id=name, label=name, inputs=tuple(reads), formula=compile_expression(" + ".join(reads) or "1")) for name, reads in feeds.items()}
    return RuleBook(id="test", version="1", zone="UTC", metrics=metrics)


def test_data_flows_through_every_kind_of_node_in_order() -> None:
    """A kind of node would be left out, or an edge would point against the flow."""
    assert set(KINDS) == {GRAPH.nodes[node]["kind"] for node in GRAPH}
    backwards = [(a, b) for a, b in GRAPH.edges if KINDS.index(GRAPH.nodes[a]["kind"]) > KINDS.index(GRAPH.nodes[b]["kind"])]
    assert [] == backwards


def test_everything_of_the_rule_book_is_in_the_graph_once() -> None:
    """A metric or decision would be missing from `graph`, or a node would stand for something that does not exist."""
    expected = {
        *(f"source:{name}" for name in BOOK.sources),
        *(f"entity:{name}" for name in BOOK.entities),
        *(f"test:{name}" for name, entity in BOOK.entities.items() if entity.tests),
        *(f"fact:{name}" for name in BOOK.facts),
        *(f"metric:{name}" for name in BOOK.metrics),
        *(f"decision:{name}" for name in BOOK.playbooks),
    }
    assert expected == set(GRAPH)


def test_an_entity_with_tests_feeds_facts_only_through_them() -> None:
    """A failed contract test would not stand between the rows and what is computed from them."""
    assert [["entity:opportunities", "test:opportunities", "fact:won"]] == paths(GRAPH, "entity:opportunities", "fact:won")


def test_the_order_puts_what_feeds_first_and_is_the_same_every_time() -> None:
    """A metric would be computed before its inputs, or two runs in different orders."""
    places = {node: place for place, node in enumerate(order(GRAPH))}
    assert set(GRAPH) == set(places)
    assert [] == [(a, b) for a, b in GRAPH.edges if places[a] > places[b]]
    assert order(GRAPH) == order(build(read_book(reference_rules()).book))


def test_lineage_of_payback_goes_back_to_the_exports() -> None:
    """Somebody asking where Payback comes from would miss a source."""
    found = lineage(GRAPH, "Payback")
    places = [found.index(node) for node in ("source:salesforce", "entity:opportunities", "metric:new_customers", "metric:cac_by_channel_daily")]
    assert sorted(places) == places
    assert ["source:billing", "source:finance", "source:google_ads", "source:salesforce"] == sorted(node for node in found if node.startswith("source:"))
    assert "metric:payback" not in found


def test_impact_names_the_decisions_that_read_cac_and_every_path() -> None:
    """The question `which decisions read CAC, by which paths` would be answered wrongly."""
    expected = {
        "decision:icp.update": [["metric:cac_by_channel_daily", "metric:payback", "decision:icp.update"]],
        "decision:pricing.change": [["metric:cac_by_channel_daily", "metric:payback", "decision:pricing.change"]],
    }
    assert expected == impact(GRAPH, "CAC")
    assert {} == impact(GRAPH, "metric:unassigned_opportunities")


def test_a_break_blocks_what_is_below_it_and_nothing_else() -> None:
    """A broken routing log would block pricing, or leave routing decided on bad rows."""
    found = blocked_by(GRAPH, ["test:routes"])
    assert ["decision:routing.policy"] == [node for node in found if node.startswith("decision:")]
    assert "test:routes" not in found
    assert {"fact:routed", "metric:fairness_gini", "metric:shadow_match"} < set(found)
    assert set(found) < set(blocked_by(GRAPH, ["test:routes", "test:billing_lines"]))


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("payback", ("billing", "finance", "google_ads", "salesforce")), ("fairness_gini", ("routing",)), ("elasticity", ("readings",)), ("none", ())],
)
def test_sources_of_a_metric(metric: str, expected: tuple[str, ...]) -> None:
    """Staleness of a source would not reach a metric that rests on it."""
    assert expected == sources_of(BOOK, metric)


def test_sources_by_themselves_and_by_the_graph_agree() -> None:
    """The short way to a metric's sources would forget an edge that the graph has."""
    for name in BOOK.metrics:
        above = sorted(lineage(GRAPH, f"metric:{name}"))
        assert tuple(node.removeprefix("source:") for node in above if node.startswith("source:")) == sources_of(BOOK, name)


def test_a_name_that_is_not_there_is_answered_with_the_nearest() -> None:
    """A misspelled metric would raise a bare KeyError of the graph library."""
    with pytest.raises(NotFoundError) as raised:
        lineage(GRAPH, "metric:paybck")
    assert "nothing in the rule book is called `metric:paybck`" in str(raised.value)
    with pytest.raises(NotFoundError) as raised:
        impact(GRAPH, "Paybak")
    assert "nothing in the rule book is called `Paybak` (did you mean `Payback`?)" == str(raised.value)


def test_a_name_of_two_things_asks_which() -> None:
    """`opportunities`, an entity and its tests, would silently be taken for one of them."""
    with pytest.raises(NotFoundError) as raised:
        lineage(GRAPH, "opportunities")
    assert "`opportunities` may be `entity:opportunities` or `test:opportunities`: name the kind" == str(raised.value)


def test_a_circle_is_found_and_told_as_a_path() -> None:
    """A rule book that cannot be computed would load."""
    graph = build(book_of({"c": ["b"], "a": ["c", "x"], "b": ["a"], "x": [], "own": ["own"]}))
    assert [["metric:a", "metric:b", "metric:c", "metric:a"], ["metric:own", "metric:own"]] == cycles(graph)
    assert [] == cycles(GRAPH)


def test_a_knot_with_very_many_circles_is_told_by_one_of_them() -> None:
    """Forty metrics that all read each other would take longer than the universe has."""
    names = [f"m{i:02}" for i in range(40)]
    (found,) = cycles(build(book_of({name: [other for other in names if other != name] for name in names})))
    assert ("metric:m00", "metric:m00") == (found[0], found[-1])


def test_a_ladder_with_very_many_paths_is_told_by_a_thousand() -> None:
    """Asking for paths through thirty diamonds would never return."""
    feeds: dict[str, list[str]] = {"m00": []}
    for step in range(30):
        feeds |= {f"l{step:02}": [f"m{step:02}"], f"r{step:02}": [f"m{step:02}"], f"m{step + 1:02}": [f"l{step:02}", f"r{step:02}"]}
    assert 1000 == len(paths(build(book_of(feeds)), "m00", "m30"))


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=3, unique=True), min_size=1))
def test_circles_are_found_exactly_where_there_is_no_order(feeds: dict[str, list[str]]) -> None:
    """A circle would be missed, or told of a graph that has an order; or what is told would not be a circle."""
    graph = build(book_of(feeds))
    found = cycles(graph)
    assert nx.is_directed_acyclic_graph(graph) is (found == [])
    for around in found:
        assert around[0] == around[-1] == min(around)
        assert len(set(around)) == len(around) - 1
        assert all(graph.has_edge(a, b) for a, b in pairwise(around))
