"""The compiled expression: its face, its fast path, and what the fast path must leave alone."""

from __future__ import annotations

import copy
import linecache
import pickle
from collections import ChainMap, defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import attrs
import pytest

from decision_os.errors import ExpressionError, Severity
from decision_os.expr import analyse, compile_threshold
from decision_os.expr import compile as compiled
from decision_os.expr.compiler import exact
from decision_os.expr.parser import MAX_TREE_DEPTH
from decision_os.expr.source import write
from decision_os.values import Reading, Reason, Unknown

CHANNEL = "cac_sqo <= base*0.9 and win >= base_win + 2pp"


class Slow(Exception):  # noqa: N818 - a signal of these tests
    """The fast path was left."""


def fast(text: str, values: Mapping[str, Any], **scope: Any) -> Any:
    """What the fast path alone says."""

    def slow(_: Mapping[str, Any]) -> Any:
        raise Slow

    source = write(compiled(text, **scope).tree)
    assert source is not None
    run = source.function(slow, lambda _: slow)
    assert run is not None
    return run(values)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        (CHANNEL, {"cac_sqo": 80.0, "base": 100.0, "win": 0.25, "base_win": 0.2}, True),
        (CHANNEL, {"cac_sqo": 80, "base": 100, "win": 0.21, "base_win": 0.2}, False),
        (CHANNEL, {"cac_sqo": 95.0, "base": 100.0}, False),
        ("x <= 0.3", {"x": 0.1 + 0.2}, True),
        ("0.3 == x", {"x": 0.1 + 0.2}, True),
        ("x > 0", {"x": 0}, False),
        ("x in [-1, -0.3]", {"x": -0.3}, True),
        ("x in (-1, -0.3)", {"x": -0.3}, False),
        ("x not in {1, 2}", {"x": 3}, True),
        ("ltv/cac >= 3", {"ltv": 9.5, "cac": 3.0}, True),
        ("profit/(revenue - cost) >= 3", {"profit": 4.0, "revenue": 3.0, "cost": 2.0}, True),
        ("x - y > 2", {"x": -3.0, "y": -6.0}, True),
        ("min(x, y) < max(x, y, 3)", {"x": 1, "y": 2}, True),
        ("abs(x) != 2 and -x < 4", {"x": -3}, True),
        ("coalesce(x, 1) + clip(x, 0, 1) > 1", {"x": 2.0}, True),
        ('stage in {"won"} or stage == "lost"', {"stage": "lost"}, True),
        ("flag and not other", {"flag": True, "other": False}, True),
        ("not is_missing(x)", {"x": 2.0}, True),
        ("a > 1 and b > 1 or b > 0", {"a": 0.0, "b": 1.0}, True),
        ("(a > 1 if flag else b > 1) or a > 0 and b > 0", {"a": 1.0, "b": 1.0, "flag": True}, True),
        ("x if flag else y*2", {"x": 2.0, "y": 4.0, "flag": False}, 8.0),
    ],
)
def test_fast_path_answers_the_common_case(text: str, values: Mapping[str, Any], expected: Any) -> None:
    """Everything would go the slow way, and nothing would say so."""
    found = fast(text, values)
    assert (type(expected), expected) == (type(found), found)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (CHANNEL, {"cac_sqo": 90.0, "base": 100.0, "win": 0.25, "base_win": 0.2}),
        (CHANNEL, {"cac_sqo": 80.0, "base": 100.0, "win": None, "base_win": 0.2}),
        (CHANNEL, {"cac_sqo": True, "base": 100.0}),
        (CHANNEL, {"cac_sqo": Fraction(1, 2), "base": 100.0}),
        (CHANNEL, {"cac_sqo": 2**60, "base": 100.0}),
        (CHANNEL, {"cac_sqo": float("-inf"), "base": 100.0}),
        (CHANNEL, {"cac_sqo": 80.0, "base": float("inf")}),
        (CHANNEL, {"cac_sqo": float("nan"), "base": 100.0}),
        (CHANNEL, {"cac_sqo": Reading(value=80.0), "base": 100.0}),
        ("x <= 3", {"x": float("-inf")}),
        ("x <= 3", {"x": True}),
        ("x != 3", {"x": float("nan")}),
        ("is_missing(x)", {"x": float("nan")}),
        ("1/x > 0", {"x": 1e308}),
        ("1/x >= -1", {"x": float("inf")}),
        ("1/(x*y) >= -1", {"x": 1e200, "y": 1e200}),
        ("-(x + y) < -(z + w)", {"x": 0.1, "y": 0.2, "z": 0.15, "w": 0.15}),
        ("x/y > 1", {"x": 1.0, "y": 0.0}),
        ("x/(y - z) > 1", {"x": 1.0, "y": 0.3, "z": 0.1 + 0.2}),
        ("min(x, y) < 3", {"x": 1.0, "y": float("inf")}),
        ("x + y", {"x": 1e308, "y": 1e308}),
        ("flag", {"flag": 1}),
        ('s == "1"', {"s": 1}),
        ("x > y", defaultdict(float, x=1.0)),
        ("x > y", ChainMap({"x": 3.0}, {"y": 1.0})),
    ],
)
def test_fast_path_leaves_the_rest_alone(text: str, values: Mapping[str, Any]) -> None:
    """A value that needs care would be answered without it."""
    if text == "flag":  # a name alone may be of any kind
        text = "flag and True"
    with pytest.raises(Slow):
        fast(text, values)


def test_default_dict_does_not_invent_a_value() -> None:
    """A name that is absent would be 0, and the mapping would grow."""
    values: defaultdict[str, float] = defaultdict(float, x=1.0)
    assert Unknown.because(Reason.MISSING, "y") == compiled("x > y").evaluate(values)
    assert {"x": 1.0} == values


def test_names_and_texts_never_enter_the_source() -> None:
    """An author's text could become code."""
    hostile = '`__import__("os")` > 1 and s == "\\"); import os; (\\""'
    expression = compiled(hostile, labels={'__import__("os")': "secret_name"})
    source = write(expression.tree)
    assert source is not None
    assert not [word for word in ("import", "os", "secret", '"', "'") if word in source.code]
    assert {"secret_name", "s", '"); import os; ("'} == {constant for constant in source.constants.values() if isinstance(constant, str)}
    assert expression.evaluate({"secret_name": 2, "s": '"); import os; ("'}) is True


def test_generated_source_is_visible_to_a_debugger() -> None:
    """A traceback through a rule would show nothing."""
    source = write(compiled(CHANNEL).tree)
    assert source is not None
    run: Any = source.function(lambda values: values, lambda _: bool)
    assert linecache.getline(run.__code__.co_filename, run.__code__.co_firstlineno).startswith("def expression(m")


def test_deepest_tree_still_runs() -> None:
    """An expression that the parser lets through would not evaluate."""
    text = "a" + " + a" * (MAX_TREE_DEPTH - 2) + " > 1"
    expression = compiled(text)
    assert expression.evaluate({"a": 1}) is True
    assert expression.explain({"a": 1}).value is True
    assert exact(expression.tree, expression.context)({"a": 1}) is True


# ── the face ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_an_expression_tells_of_itself() -> None:
    """A loader or a planner would read the wrong inputs, or the wrong thresholds."""
    least = compile_threshold("$3")
    uplift = compiled("price * step", units={"price": "USD/seat", "step": "share"})
    gate = compiled("E ≥ −1 and uplift ≥ least and price > 0", definitions={"uplift": uplift, "least": least}, units={"price": "USD/seat"})
    assert ("E", "price", "step") == gate.names
    assert ("uplift", "least") == gate.uses
    assert gate.is_condition
    assert not gate.is_range
    assert "E >= -1 and uplift >= least and price > 0" == gate.canonical
    assert "USD/seat" == str(uplift.unit)
    twice = compiled("gate or x > 1", definitions={"gate": gate})
    assert ("gate", "uplift", "least") == twice.uses
    assert twice.evaluate({"E": 0, "price": 40, "step": 0.08, "x": 0}) is True


def test_equal_expressions_are_equal() -> None:
    """Two loads of one rule book would differ."""
    assert compiled("x > 1") == compiled("x > 1")
    assert compiled("x > 1") != compiled("x > 2")
    assert hash(compiled("x > 1")) == hash(compiled("x > 1"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        compiled("x > 1").text = "x > 2"  # type: ignore[misc]  # what is frozen is the point


def test_copies_and_pickles_evaluate() -> None:
    """An expression could not be sent to another process, or a copy would hold another's functions."""
    expression = compiled("x > 1")
    assert expression.evaluate({"x": 2}) is True
    for copied in (copy.deepcopy(expression), pickle.loads(pickle.dumps(expression)), attrs.evolve(expression, text="x  > 1")):
        assert copied.evaluate({"x": 2}) is True
        assert copied.evaluate_settled({"x": 1}) is False
    with pytest.raises(AttributeError, match="no attribute `evalute`"):
        expression.evalute  # type: ignore[attr-defined]  # noqa: B018 - the slip is the point


def test_a_range_has_no_value_of_its_own() -> None:
    """A threshold that is a range would be taken for a number."""
    expression = compile_threshold("[−1, 0)")
    assert expression.is_range
    with pytest.raises(ExpressionError, match="no single value"):
        expression.evaluate({})
    with pytest.raises(ExpressionError, match="no single value"):
        expression.explain({})


def test_settled_values_are_not_settled_again() -> None:
    """The engine would pay for it at each branch."""
    expression = compiled("x >= 1 and y > 0")
    assert expression.evaluate_settled({"x": 1, "y": 2.0}) is True
    assert Unknown.because(Reason.STALE, "x") == expression.evaluate_settled({"x": Unknown.because(Reason.STALE, "x"), "y": 2.0})


def test_first_error_is_raised_with_its_place() -> None:
    """A unit error would pass, or point nowhere."""
    with pytest.raises(ExpressionError) as caught:
        compiled("x > 0 and price + payback > 0", units={"price": "USD", "payback": "months"})
    assert (1, 11, 15) == (caught.value.line, caught.value.column, caught.value.width)


def test_analysis_reports_and_never_raises() -> None:
    """A loader would stop at the first bad expression."""
    bad = analyse("price > 2h and price > 3d", units={"price": "USD"})
    assert bad.expression is None
    assert [1, 16] == [issue.where.column for issue in bad.issues]
    broken = analyse("price >")
    assert broken.expression is None
    assert (1, Severity.ERROR) == (len(broken.issues), broken.issues[0].severity)
    good = analyse("price > 0")
    assert good.expression is not None
    assert () == good.issues
