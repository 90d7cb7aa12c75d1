"""One rule, one answer: every engine against the reference evaluator, row by row. `make soak-frames` runs as much of it as one has time for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from decision_os.expr.tree import Node
from tests.engines import EAGER, IN_PROCESS, SPARK
from tests.expr import batches, trees


@pytest.mark.parametrize("engine", IN_PROCESS)
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rules=st.lists(trees.mixed(2, units=False), min_size=6, max_size=12), number=st.integers(0, 2**20))
def test_every_engine_is_reference(engine: str, rules: list[Node], number: int) -> None:
    """A rule would decide otherwise on this engine: by its nulls, its NaN, its division, or the order of its arithmetic."""
    some = batches.batch(rules, batches.pools(number), 150, number)
    assert [] == list(batches.disagreements(engine, some, [batches.expected(rule, some.rows) for rule in some.rules]))[:3]


@pytest.mark.parametrize("engine", [SPARK])
def test_spark_is_reference(engine: str) -> None:
    """As above; a plan of Spark's takes long to make and little to run, so there is one frame of more rows."""
    rules: list[Any] = []

    @seed(4)
    @settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
    @given(trees.mixed(2, units=False))
    def draw(tree: Node) -> None:
        rules.append(tree)

    draw()
    some = batches.batch(rules, batches.pools(4), 400, 4)
    assert [] == list(batches.disagreements(engine, some, [batches.expected(rule, some.rows) for rule in some.rules]))[:3]


@pytest.mark.parametrize("engine", EAGER)
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rules=st.lists(trees.boolean(2, units=False), min_size=6, max_size=12), number=st.integers(0, 2**20))
def test_what_is_clear_is_reference(engine: str, rules: list[Node], number: int) -> None:
    """The first pass over an eager frame would decide a row that its bound decides otherwise, or take a gap for a value."""
    some = batches.batch(rules, batches.pools(number), 150, number)
    assert [] == list(batches.unclear(engine, some, [batches.expected(rule, some.rows) for rule in some.rules]))[:3]
