"""What Python code hands in beside the text: scopes, functions, unknowns and rows of its own making. What is none of that is a typed error."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import decision_os as dos
from decision_os.errors import InputError
from decision_os.expr import analyse, analyse_threshold, compile_threshold
from decision_os.expr.arithmetic import Context
from decision_os.expr.reference import Reference
from decision_os.values import Cause, Reason, Unknown

LIMIT = dos.compile("y > 3")

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"names": 5}, "names"),
    ({"names": "xyz"}, "names"),
    ({"names": b"x"}, "names"),
    ({"names": [1, "x"]}, "names"),
    ({"units": ["x"]}, "units"),
    ({"units": {"x": 3}}, "x"),
    ({"units": {5: "USD"}}, "units"),
    ({"labels": "x"}, "labels"),
    ({"labels": {"GM%": 3}}, "GM%"),
    ({"labels": {3: "x"}}, "labels"),
    ({"definitions": [LIMIT]}, "definitions"),
    ({"definitions": {"x": "3"}}, "x"),
    ({"definitions": {3: LIMIT}}, "definitions"),
    ({"functions": [abs]}, "functions"),
    ({"functions": {"root": math.sqrt}}, "root"),
    ({"functions": {5: dos.Function(math.sqrt, 1)}}, "functions"),
]


@pytest.mark.parametrize("read", [dos.compile, compile_threshold, analyse, analyse_threshold], ids=lambda read: read.__name__)
@pytest.mark.parametrize(("scope", "name"), [pytest.param(scope, name, id=f"{next(iter(scope))}-{number}") for number, (scope, name) in enumerate(WRONG)])
def test_a_scope_that_is_none_is_refused(read: Callable[..., object], scope: dict[str, Any], name: str) -> None:
    with pytest.raises(InputError) as refused:
        read("x > 3", **scope)
    assert refused.value.name == name


@pytest.mark.parametrize(
    "names", [["x"], ("x",), {"x"}, {"x": 1}, {"x": 1}.keys(), iter(["x"]), (name for name in "x")], ids=lambda names: type(names).__name__
)
def test_names_are_listed_by_anything(names: Any) -> None:
    assert dos.compile("x > 3", names=names).names == ("x",)


@pytest.mark.parametrize(
    ("call", "takes", "gives"),
    [
        ("notcallable", 1, None),
        (5, 1, None),
        (math.sqrt, 0, None),
        (math.sqrt, -1, None),
        (math.sqrt, True, None),
        (math.sqrt, 1.5, None),
        (math.sqrt, None, None),
        (math.sqrt, [3], None),
        (math.sqrt, 10**9, None),
        (math.sqrt, 2, None),
        (lambda: 1.0, 1, None),
        (lambda x, y: x + y, ["USD"], "USD"),
        (math.sqrt, 1, 5),
    ],
)
def test_a_function_that_can_never_answer_is_refused(call: Any, takes: Any, gives: Any) -> None:
    with pytest.raises(InputError):
        dos.Function(call, takes, gives)


@pytest.mark.parametrize(("call", "takes"), [(math.sqrt, 1), (max, 3), (print, 2), (lambda *values: sum(values), 4), (lambda x, y=1.0: x + y, 1), (None, 2)])
def test_a_function_that_may_answer_is_taken(call: Any, takes: int) -> None:
    assert dos.Function(call, takes).arity == takes


def test_a_function_that_would_end_the_program_fails() -> None:
    """It is the rule book's function; the program is its caller's."""
    expression = dos.compile("f(x) > 1", functions={"f": dos.Function(lambda _: sys.exit("no licence"), 1)})
    assert str(expression.evaluate({"x": 1})) == "unknown (error: `f` failed: no licence)"
    assert expression.explain({"x": 1}).value == expression.evaluate({"x": 1})


def test_a_function_that_is_interrupted_is_interrupted() -> None:
    def f(_: float) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dos.compile("f(x) > 1", functions={"f": dos.Function(f, 1)}).evaluate({"x": 1})


@pytest.mark.parametrize("value", [-0.0, 0.0, -3, 3, -1e-320], ids=str)
@pytest.mark.parametrize("text", ["abs(x)", "abs(x*1)", "abs(x) + abs(-x)", "abs(abs(x))"])
def test_abs_has_no_sign_in_either_evaluator(text: str, value: float) -> None:
    expression = dos.compile(text)
    compiled = expression.evaluate({"x": value})
    assert isinstance(compiled, float)
    assert math.copysign(1, compiled) == 1
    assert repr(compiled) == repr(Reference({"x": value}, Context(text=text)).value(expression.tree))


# --- unknowns --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("causes", ["q", ("q",), 5, None, {"q": 1}, [None]], ids=repr)
def test_an_unknown_is_made_of_causes(causes: Any) -> None:
    with pytest.raises(InputError, match=r"the causes of an Unknown are `Cause`s"):
        Unknown(causes)


def test_a_cause_is_made_of_texts() -> None:
    assert Cause("cac", Reason.STALE) == Cause("cac", "stale")
    assert Unknown([Cause(7, "stale")]).names == ("7",)  # type: ignore[arg-type]
    for wrong in (1.5, None, ["stale"]):
        for fields in ((wrong, "stale", ""), ("cac", wrong, ""), ("cac", "stale", wrong)):
            with pytest.raises(InputError, match="is a text"):
                Cause(*fields)


def test_causes_come_from_anything_once_and_sorted() -> None:
    one, other = Cause("b", "stale"), Cause("a", "missing")
    assert Unknown(cause for cause in (one, other, one)).causes == (other, one)
    assert Unknown((one, one)).causes == (one,)


# --- rows of one's own making ----------------------------------------------------------------------------------------------


class Row:
    """A row of a frame, whose keys fail."""

    def keys(self) -> list[str]:
        raise ValueError("k")

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> object:
        return 4


class Torn(dict[str, object]):
    """A row of which one value cannot be fetched."""

    def __getitem__(self, name: str) -> object:
        if name == "y":
            raise ConnectionError
        return 4

    def __iter__(self) -> Iterator[str]:
        raise ConnectionError


def test_a_row_is_asked_for_what_is_read_and_nothing_else() -> None:
    expression, row = dos.compile("x > 3"), Row()
    known = {"x": 4}
    assert expression.evaluate(row) is True  # type: ignore[arg-type]
    assert str(expression.explain(row)) == str(expression.explain(known))  # type: ignore[arg-type]
    assert expression.residual(row) == expression.residual(known)  # type: ignore[arg-type]


def test_a_value_that_cannot_be_fetched_is_told_where_it_is_needed() -> None:
    row = Torn(x=1, y=2)
    needed = dos.compile("x > 3 and y > 3")
    for ask in (needed.evaluate, needed.explain, needed.residual):
        with pytest.raises(InputError, match="the mapping that `y` is read from fails: ConnectionError"):
            ask(row)
    spared = dos.compile("x < 3 and y > 3")
    assert spared.evaluate(row) is False
    assert "not" not in str(spared.explain(row).value)
    assert [flip.name for flip in spared.explain(row).flips] == []


# --- overrides -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: value} for name in ("role", "person", "reason") for value in (None, 1.5, "", " ")),
        *({"expires": value} for value in (None, "2026-10-07", dt.date(2026, 10, 7), dt.datetime(2026, 10, 7))),
        *({"slos": value} for value in ("metric_age", 5, [None])),
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_override_says_who_and_until_when(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"role": "CRO", "person": "Ann", "reason": "late", "expires": dt.datetime(2026, 10, 7, tzinfo=dt.UTC), "slos": ["metric_age"]}
    assert dos.Override(**right).slos == ("metric_age",)
    with pytest.raises(InputError):
        dos.Override(**{**right, **wrong})
