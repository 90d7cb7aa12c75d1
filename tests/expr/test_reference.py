"""The reference evaluator: what expressions mean, value by value, and how an answer is explained."""

from __future__ import annotations

import ast
import datetime as dt
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simpleeval import SimpleEval

from decision_os.errors import ExpressionError, InputError, UnknownTruthError
from decision_os.expr import Condition, Expression, Function, arithmetic, compile_threshold
from decision_os.expr import compile as compiled
from decision_os.expr.arithmetic import Context
from decision_os.expr.reference import Reference
from decision_os.expr.tree import NODE_TYPES
from decision_os.values import Cause, Reading, Reason, Unknown
from tests.named import plain

BOTH: Mapping[str, Callable[[Expression, Mapping[str, Any]], Any]] = {
    "compiled": lambda expression, values: expression.evaluate(values),
    "reference": lambda expression, values: expression.explain(values).value,
}
both = pytest.mark.parametrize("run", BOTH.values(), ids=BOTH)
Run = Callable[[Expression, Mapping[str, Any]], Any]

NEW_YORK = ZoneInfo("America/New_York")


@both
@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a >= b + 2pp", {"a": 0.29, "b": 0.27}, True),
        ("a > b + 2pp", {"a": 0.29, "b": 0.27}, False),
        ("x - b >= 2pp", {"x": 1_000_000.02, "b": 1_000_000.0}, True),
        ("x - b > 2pp", {"x": 1_000_000.02, "b": 1_000_000.0}, False),
        ("x - b >= 2pp", {"x": 1_000_000.0199, "b": 1_000_000.0}, False),
        ("x == 0.3", {"x": Decimal("0.3")}, True),
        ("a/b == 1/3", {"a": 1, "b": 3}, True),
        ("a + b == 0.3", {"a": 0.1, "b": 0.2}, True),
        ("min(a, b) <= 0.1*3 <= max(a, b)", {"a": 0.3, "b": 0.3}, True),
        ("x in [0.1, 0.3]", {"x": 0.1 + 0.2}, True),
        ("y in [0.1, a + b]", {"y": 0.3, "a": 0.1, "b": 0.2}, True),
        ("y in [0.1, a + b)", {"y": 0.3, "a": 0.1, "b": 0.2}, False),
        ("x in t ± 5%", {"x": 1.05, "t": 1}, True),
        ("x in t ± 5%", {"x": -1.0500001, "t": -1}, False),
        ("x not in {0.1, 0.3}", {"x": 0.3}, False),
        ("clip(x, 0, 1) == 1 and abs(-x) == x", {"x": 5}, True),
        ("cac <= min(baseline, cap)", {"cac": 150, "baseline": 100, "cap": 1e18}, False),
        ("rate >= min(floor, cap)", {"rate": 0.2499999, "floor": 0.25, "cap": 1e9}, False),
        ("rate >= max(floor, low)", {"rate": 0.2, "floor": 0.25, "low": -1e15}, False),
        ("cac <= clip(baseline, 0, cap)", {"cac": 100.0000001, "baseline": 100, "cap": 1e18}, False),
        ("x <= min(a + b, cap)", {"x": 0.3, "a": 0.1, "b": 0.2, "cap": 1e18}, True),
        ("100 / min(x, 1e300) > 5", {"x": 1}, True),
        ('stage in {"won", "lost"}', {"stage": "won"}, True),
        ('stage == "won"', {"stage": "Won"}, False),
        ("done == True", {"done": True}, True),
        ("closed >= opened", {"closed": dt.date(2026, 1, 2), "opened": dt.date(2026, 1, 2)}, True),
        ("d in [a, b)", {"d": dt.date(2026, 1, 2), "a": dt.date(2026, 1, 1), "b": dt.date(2026, 1, 2)}, False),
    ],
)
def test_meaning(run: Run, text: str, values: Mapping[str, Any], expected: bool) -> None:
    """A comparison would fire, or not, otherwise than it does on paper."""
    assert expected is run(compiled(text), values)


@both
def test_exactly_at_ninety_per_cent_never_fires(run: Run) -> None:
    """A channel exactly at its bound would be paused: plain floats do that for 1,997 of these 10,000 baselines."""
    below, at_most = compiled("x < baseline*0.9"), compiled("x <= baseline*0.9")
    step = 1 if run is BOTH["compiled"] else 37
    fired = [base for base in range(1, 10_001, step) if run(below, {"x": base * 9 / 10, "baseline": base})]
    held = [base for base in range(1, 10_001, step) if not run(at_most, {"x": base * 9 / 10, "baseline": base})]
    assert ([], []) == (fired, held)


@both
def test_both_folds_are_different_instants(run: Run) -> None:
    """An hour would be lost when the clocks go back."""
    first, second = (dt.datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    assert run(compiled("a < b"), {"a": first, "b": second}) is True


# ── unknowns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize("missing", [{}, {"cac": None}, {"cac": math.nan}, {"cac": Reading(value=None)}])
def test_missing_is_unknown_through_not(run: Run, missing: Mapping[str, Any]) -> None:
    """A missing value would fire `not (cac > 0)`."""
    assert Unknown.because(Reason.MISSING, "cac") == run(compiled("not (cac > 0)"), missing)


@both
@pytest.mark.parametrize(
    ("text", "values", "causes"),
    [
        ("ltv/cac >= 3", {"ltv": 0, "cac": 0}, (Cause("", "undefined", "division by zero"),)),
        ("1/(a - b) > 0", {"a": 0.3, "b": 0.1 + 0.2}, (Cause("", "undefined", "division by zero"),)),
        ("a*a*a*a > 1", {"a": 1e100}, (Cause("", "undefined", "overflow"),)),
        ("a > 1", {"a": math.inf}, (Cause("a", "undefined", "not finite"),)),
        ("a + b > 1", {}, (Cause("a", "missing"), Cause("b", "missing"))),
        ("a > 1 and b > 1", {"b": 2}, (Cause("a", "missing"),)),
        ("1 < a < b", {"a": 2}, (Cause("b", "missing"),)),
        ("3 if a else 4", {}, (Cause("a", "missing"),)),
        ("coalesce(a, b) > 1", {}, (Cause("a", "missing"), Cause("b", "missing"))),
        ("x in [a, 3]", {"x": 2}, (Cause("a", "missing"),)),
        ("a > 1", {"a": Unknown.because(Reason.TOO_FEW, "", "n = 9")}, (Cause("a", "too few", "n = 9"),)),
    ],
)
def test_unknown_and_why(run: Run, text: str, values: Mapping[str, Any], causes: tuple[Cause, ...]) -> None:
    """An answer that nobody can know would be given, or blamed on the wrong input."""
    assert Unknown(causes) == run(compiled(text), values)


@both
@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a > 1 and b > 1", {"b": 0}, False),
        ("a > 1 or b > 1", {"b": 2}, True),
        ("a < b < 3", {"b": 5}, False),
        ("x in [a, 3]", {"x": 4}, False),
        ("is_missing(a)", {}, True),
        ("is_missing(a/b)", {"a": 1, "b": 0}, True),
        ("is_missing(a)", {"a": "text"}, False),
        ("coalesce(a, 2) > 1", {"a": math.nan}, True),
        ("b if True else a", {"b": True}, True),
    ],
)
def test_what_decides_decides(run: Run, text: str, values: Mapping[str, Any], expected: bool) -> None:
    """An unknown that cannot matter would leave the answer open."""
    assert expected is run(compiled(text), values)


def test_unknown_has_no_truth() -> None:
    """`if expression.evaluate(...)` would fire on a missing value."""
    with pytest.raises(UnknownTruthError, match="cac is missing"):
        bool(compiled("cac > 0").evaluate({}))


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize(
    ("text", "values", "message", "column"),
    [
        ("1 < 2 and x > 1", {"x": [1]}, "a list for `x` is not a value a rule can read", 11),
        ("x > 1", {"x": b"1"}, "a bytes for `x` is not a value a rule can read", 1),
        ("x > 1", {"x": 2**53 + 1}, "an integer beyond 2**53 for `x` cannot be compared exactly", 1),
        ("2 + x > 1", {"x": "3"}, "`x` is the text '3' where a number is needed", 5),
        ("-x > 1", {"x": True}, "`x` is true or false where a number is needed", 2),
        ("1 < x", {"x": True}, "`x`: a number does not compare with true or false", 5),
        ("x > 1", {"x": "3"}, "`x`: the text '3' does not compare with a number", 1),
        ("x in {1, 2}", {"x": "1"}, "`x`: the text '1' does not compare with a number", 1),
        ("x in [0, 1]", {"x": "1"}, "`x`: the text '1' does not compare with a number", 1),
        ("x < y", {"x": "a", "y": "b"}, "`x`: a text has no order: only `==`, `!=` and a set are meant for it", 1),
        ("x and y", {"x": True, "y": 1}, "`y` is a number where a condition is needed", 7),
        ("not s", {"s": "yes"}, "`s` is a text where a condition is needed", 5),
        ("x > y", {"x": dt.date(2026, 1, 1), "y": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "`x`: a date does not compare with an instant", 1),
        ("x > y", {"x": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "y": dt.datetime(2026, 1, 1)}, "`y`: an instant without a zone cannot be compared", 5),
        ("x > 1", {"x": dt.timedelta(hours=1)}, "`x` has no unit, so a duration cannot be read for it", 1),
    ],
)
def test_refused_with_its_place(run: Run, text: str, values: Mapping[str, Any], message: str, column: int) -> None:
    """A value of the wrong kind would be evaluated, or its author would not find it."""
    with pytest.raises(InputError) as caught:
        run(compiled(text), values)
    assert (message, text, 1, column) == (caught.value.message, caught.value.text, caught.value.line, caught.value.column)
    assert isinstance(caught.value, TypeError)


@both
def test_refusal_inside_a_definition_points_into_its_text(run: Run) -> None:
    """The place would be that of a different text."""
    uplift = compiled("price *\n step")
    with pytest.raises(InputError) as caught:
        run(compiled("uplift > 3 and True", definitions={"uplift": uplift}), {"price": 1, "step": "8%"})
    assert ("price *\n step", 2, 2, "step") == (caught.value.text, caught.value.line, caught.value.column, caught.value.name)


@both
def test_what_is_not_reached_is_not_seen(run: Run) -> None:
    """A value that cannot matter would stop a decision."""
    assert run(compiled("a > 1 and b > 1"), {"a": 0, "b": [1]}) is False


@both
def test_durations_come_in_the_unit_of_the_name(run: Run) -> None:
    """A timedelta would be compared as if it were a number of another unit."""
    expression = compiled("age < 2d", units={"age": "hours"})
    assert [True, False] == [run(expression, {"age": dt.timedelta(hours=hours)}) for hours in (47, 48)]


# ── the table of nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_language_is_in_the_table() -> None:
    """A Python node could be evaluated, by simpleeval's own handlers."""
    tracer = Reference({}, Context(text=""))
    assert isinstance(tracer, SimpleEval)
    assert set(NODE_TYPES) == set(tracer.nodes)
    with pytest.raises(ExpressionError, match="Attribute is not part of an expression"):
        tracer.value(ast.parse("a.b").body[0].value)  # type: ignore[attr-defined]  # the wrong kind of node is the point
    with pytest.raises(ExpressionError, match="takes a tree"):
        tracer.eval("1 + 1")


# ── registered functions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


FUNCTIONS = {
    "root": Function(math.sqrt, 1),
    "grade": Function(lambda score: "good" if score > 1 else "bad", 1),
    "lost": Function(lambda x, y: [x, y], 2),
    "nothing": Function(lambda x: math.nan * x, 1),
}


@both
@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("root(x) == 3", {"x": 9}, True),
        ('grade(x) == "good"', {"x": 9}, True),
        ("root(x) > 0", {"x": -1}, Unknown((Cause("", "error", "`root` failed: math domain error"),))),
        ("lost(x, x) > 0", {"x": 1}, Unknown((Cause("", "error", "`lost` failed: a list is not a value a rule can read"),))),
        ("nothing(x) > 0", {"x": 1}, Unknown((Cause("", "undefined", "`nothing` gave no value"),))),
        ("root(x) > 0", {}, Unknown((Cause("x", "missing"),))),
    ],
)
def test_registered_functions(run: Run, text: str, values: Mapping[str, Any], expected: Any) -> None:
    """A rule book's own function would take an evaluation down, or be called with what is not there."""
    found = run(compiled(text, functions=FUNCTIONS), values)
    if isinstance(expected, Unknown) and expected.reasons == ("error",):
        assert isinstance(found, Unknown)
        assert found.causes[0].detail.startswith(expected.causes[0].detail)
    else:
        assert expected == found


def test_arity_is_checked_at_load() -> None:
    """A call with too many values would be found out at a decision."""
    with pytest.raises(ExpressionError, match="`root` takes 1 value, not 2") as caught:
        compiled("1 < root(x, y)", functions=FUNCTIONS)
    assert 5 == caught.value.column


# ── explanations ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


RANGE = compile_threshold("[−1.0, −0.3]")
LEAST = compile_threshold("$3")
UPLIFT = compiled("price * step", units={"price": "USD/seat", "step": "share"})
DEFINED = {"E_range": RANGE, "cm_uplift_min": LEAST, "cm_uplift": UPLIFT}


def conditions(text: str, values: Mapping[str, Any], **scope: Any) -> tuple[Condition, ...]:
    return compiled(text, **scope).explain(values).conditions


def test_every_condition_is_told_also_those_not_needed() -> None:
    """A branch that did not fire would name its first failure only."""
    found = conditions("E ∈ E_range and cm_uplift ≥ cm_uplift_min", {"E": -0.05, "price": 25, "step": 0.08}, definitions=DEFINED)
    assert (
        Condition(
            text="E ∈ E_range", holds=False, left=-0.05, op="in", right="[-1, -0.3]", margin=-0.25,
            values=(("E", -0.05), ("E_range", "[−1.0, −0.3]")), needs="E at most -0.3",
        ),
        Condition(
            text="cm_uplift ≥ cm_uplift_min", holds=False, left=2.0, op=">=", right=3.0, margin=-1.0, unit=found[1].unit,
            values=(("cm_uplift", 2.0), ("cm_uplift_min", 3.0)), needs="cm_uplift at least $3/seat", units=("USD/seat", "USD"),
        ),
    ) == found  # fmt: skip
    assert found[1].unit.startswith("USD")


@pytest.mark.parametrize(
    ("text", "values", "holds", "margin", "needs"),
    [
        ("x < 3", {"x": 2}, True, 1.0, "x at least 3"),
        ("x < 3", {"x": 3}, False, 0.0, "x below 3"),
        ("3 >= x", {"x": 5}, False, -2.0, "x at most 3"),
        ("x == 3", {"x": 5}, False, -2.0, "x equal to 3"),
        ("x != 3", {"x": 3}, False, 0.0, "x other than 3"),
        ("a >= b + 2pp", {"a": 0.29, "b": 0.27}, True, 0.0, "a below 29%"),
        ("not (x < 3)", {"x": 5}, True, 2.0, "x below 3"),
        ("x in [1, 3)", {"x": 1.5}, True, 0.5, "x below 1 or at least 3"),
        ("x in (1, 3)", {"x": 1}, False, 0.0, "x above 1"),
        ("x not in [1, 3]", {"x": 4}, True, 1.0, "x at most 3"),
        ("x in [1, 3]", {}, None, None, "x at least 1 and at most 3"),
        ("x > y", {"y": 2}, None, None, "x above 2"),
        ("x > y", {"x": 2}, None, None, "y below 2"),
        ("x > y", {}, None, None, ""),
        ('s == "won"', {"s": "lost"}, False, None, 's equal to "won"'),
        ('s in {"a", "b"}', {"s": "c"}, False, None, 's one of {"a", "b"}'),
        ('s in {"a", "b"}', {"s": "a"}, True, None, 's none of {"a", "b"}'),
        ("x not in {1, 2}", {"x": 1}, False, None, "x none of {1, 2}"),
        ("flag and True", {"flag": False}, False, None, "flag true"),
        ("not flag", {"flag": True}, False, None, "flag false"),
        ("is_missing(x)", {"x": 1}, False, None, "x missing"),
        ("a < b", {"a": dt.date(2026, 1, 1), "b": dt.date(2026, 1, 5)}, True, 4.0, "a at least 2026-01-05"),
    ],
)
def test_margin_and_what_would_flip_it(text: str, values: Mapping[str, Any], holds: bool | None, margin: float | None, needs: str) -> None:
    """A reader would be told the wrong distance, or to change the wrong thing."""
    (found,) = conditions(text, values, units={"a": "share", "b": "share"} if "pp" in text else None)
    assert (holds, needs) == (found.holds, found.needs)
    assert margin == (None if found.margin is None else pytest.approx(found.margin))


@pytest.mark.parametrize(
    ("text", "units", "unit"),
    [
        ("x >= $3", {}, "USD"),
        ("x >= base + 2pp", {"x": "share", "base": "share"}, "pp"),
        ("age < 2d", {"age": "hours"}, "hours"),
        ("x/y >= 3", {"x": "USD", "y": "USD"}, "ratio"),
        ("x >= 3", {}, ""),
    ],
)
def test_margin_unit(text: str, units: Mapping[str, str], unit: str) -> None:
    """A margin would be printed in another unit than it is in."""
    (found,) = conditions(text, {"x": 0.5, "y": 1, "base": 0.1, "age": 1}, units=units)
    assert unit == found.unit


def test_chain_is_told_link_by_link_and_choice_by_its_condition() -> None:
    """Which end of a chain failed would not be said."""
    assert [("0 < x", True), ("x <= y", False)] == [(found.text, found.holds) for found in conditions("0 < x <= y", {"x": 2, "y": 1})]
    assert [("c > 1", True), ("x > 2", False)] == [(found.text, found.holds) for found in conditions("x > 2 if c > 1 else y > 2", {"x": 1, "c": 2})]


def test_a_refused_value_that_was_not_needed_is_told() -> None:
    """An explanation would fail where the decision did not."""
    found = conditions("a > 1 and b > 1", {"a": 0, "b": "much"})
    assert (False, None) == (found[0].holds, found[1].holds)
    assert "error" == found[1].causes[0].reason


def test_steps_are_an_outline_of_what_was_evaluated() -> None:
    """A reader could not follow how a number came about."""
    explanation = compiled("a + b*2 > 3 and c > 0").explain({"a": 1, "b": 1, "c": 5})
    needed = [("a + b*2 > 3 and c > 0", False, 0), ("a + b*2 > 3", False, 1), ("a + b*2", 3.0, 2), ("a", 1.0, 3), ("b*2", 2.0, 3), ("b", 1.0, 4)]
    aside = [("c > 0", True, 1), ("c", 5.0, 2)]
    assert needed == [(step.text, step.value, step.depth) for step in explanation.steps if step.needed]
    assert aside == [(step.text, step.value, step.depth) for step in explanation.steps if not step.needed]
    (step,) = [step for step in compiled("x > 1").explain({}).steps if step.text == "x"]
    assert ("x is missing",) == step.unknowns


STEPS: list[tuple[str, Mapping[str, Any], list[str]]] = [
    ("arr > mrr", {"arr": 1200, "mrr": 200}, ["arr > mrr = False", "  arr = $1,200/year", "  mrr = $200/month (= $2,400/year)"]),
    ("cac <= 0.9 * base", {"cac": 1200, "base": 1000}, ["cac <= 0.9 * base = False", "  cac = $1,200", "  0.9 * base = $900", "    base = $1,000"]),
    ("rate - low >= 2pp", {"rate": 0.29, "low": 0.27}, ["rate - low >= 2pp = True", "  rate - low = +2.0pp", "    rate = 29%", "    low = 27%"]),
    (
        "a < b < c",
        {"a": 1, "b": 0, "c": 3},
        ["a < b < c = False", "  a < b = False", "    a = 1", "    b = 0", "  b < c = True (not needed)", "    c = 3"],
    ),
    (
        "x in target ± 5%",
        {"x": 110, "target": 100},
        [
            "x in target ± 5% = False",
            "  x = 110",
            "  low end of target ± 5% = 95",
            "    centre target = 100",
            "    half width of target ± 5% = 5",
            "  high end of target ± 5% = 105",
        ],
    ),
    (
        "x in 10 ± slack",
        {"x": 2, "slack": 3},
        ["x in 10 ± slack = False", "  x = 2", "  low end of 10 ± slack = 7", "    half width slack = 3", "  high end of 10 ± slack = 13 (not needed)"],
    ),
    (
        "a if c > 0 else b + 1",
        {"a": 1, "b": 2, "c": 3},
        ["a if c > 0 else b + 1 = 1", "  c > 0 = True", "    c = 3", "  a = 1", "  b + 1 = 3 (not needed)", "    b = 2"],
    ),
    ("coalesce(a, b)", {"a": 1, "b": 2}, ["coalesce(a, b) = 1", "  a = 1", "  b = 2 (not needed)"]),
    (
        "a > 1 or b > 1",
        {"a": 2, "b": "much"},
        [
            "a > 1 or b > 1 = True",
            "  a > 1 = True",
            "    a = 2",
            "  b > 1 = unknown (error: `b`: the text 'much' does not compare with a number) (not needed)",
            "    b = much",
        ],
    ),
]


@pytest.mark.parametrize(("text", "values", "lines"), STEPS, ids=[plain(text) for text, _, _ in STEPS])
def test_every_sub_value_is_a_step_in_its_unit(text: str, values: Mapping[str, Any], lines: list[str]) -> None:
    """A number would stand without what it counts, or what did not decide would be missing, or pass for what did."""
    units = {"arr": "USD/year", "mrr": "USD/month", "cac": "USD", "base": "USD", "rate": "share", "low": "share"}
    assert lines == [line.removeprefix("    ") for line in str(compiled(text, units=units).explain(values)).partition("  step by step:\n")[2].splitlines()]


def test_what_a_definition_is_refused_for_aside_is_refused_where_it_is_needed() -> None:
    """A definition first met where it decides nothing would count as unknown where it decides."""
    twice = compiled("(a or d) and d", definitions={"d": compiled("b > 1")})
    with pytest.raises(InputError):
        twice.evaluate({"a": True, "b": "much"})
    with pytest.raises(InputError):
        twice.explain({"a": True, "b": "much"})


def test_explanation_reads() -> None:
    """The text form would lack the value, the room or the way out."""
    text = str(compiled("cac <= baseline*0.9").explain({"cac": 95, "baseline": 100}))
    assert text.startswith("False\n  fails: cac <= baseline*0.9; cac = 95, baseline = 100; 5 short; flips with cac at most 90\n")


# ── the bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def bounded() -> st.SearchStrategy[tuple[float, float]]:
    """A number with a bound between nothing and a third of itself."""
    size = st.floats(1e-9, 1e9) | st.floats(-1e9, -1e-9)
    return st.builds(lambda value, share: (value, abs(value) * share), size, st.sampled_from((0.0, 1e-16, 1e-12, 1e-3, 0.3)))


@pytest.mark.parametrize(
    ("bound", "operation"),
    [
        (arithmetic.add, lambda a, b: a + b),
        (arithmetic.subtract, lambda a, b: a - b),
        (arithmetic.multiply, lambda a, b: a * b),
        (arithmetic.divide, lambda a, b: a / b),
        (lambda a, b: arithmetic.least((a, b)), min),
        (lambda a, b: arithmetic.greatest((a, b)), max),
    ],
)
@given(left=bounded(), right=bounded())
def test_bound_holds_for_every_operand_within_its_own(
    bound: Callable[[Any, Any], Any], operation: Callable[[Any, Any], Any], left: tuple[float, float], right: tuple[float, float]
) -> None:
    """Two sides that are equal on paper would be told apart, or the other way round."""
    value, error = bound(left, right)
    corners = [operation(Fraction(left[0]) + x * Fraction(left[1]), Fraction(right[0]) + y * Fraction(right[1])) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    worst = max(abs(corner - Fraction(value)) for corner in corners)
    assert worst <= Fraction(error) * (1 + Fraction(1, 10**12))
    assert Fraction(error) <= 2 * worst + 4 * Fraction(arithmetic.ROUNDING) * abs(Fraction(value))


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308])
def test_a_number_near_the_end_of_the_floats_is_explained(value: float) -> None:
    """The shortest text that rounding cannot tell from `1.7e308` would begin with 2e308, which is no number."""
    rule = compiled("x * 1 + y > 0")
    told = str(rule.explain({"x": value, "y": 0}))
    assert told.splitlines()[0] == str(rule.evaluate({"x": value, "y": 0}))
