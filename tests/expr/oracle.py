"""What an expression means, by exact fractions over the decimal text of the inputs and by the frozen truth table.

Nothing here is shared with the evaluators but the tree. Where two sides differ by so little that float64 may not tell them apart, or a
magnitude leaves the range where its rounding is relative, the oracle has no opinion and raises `TooClose`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from decision_os.expr.tree import (
    Arithmetic,
    Around,
    Call,
    Choice,
    Comparison,
    Defined,
    Interval,
    Logic,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Number,
    SetOf,
    Text,
    Truth,
)

_WORDS = {"true": True, "false": False, "unknown": None}
_UNIT = Fraction(1, 2**52)  # twice the rounding of one operation: the oracle speaks only where it is sure


class TooClose(Exception):  # noqa: N818 - having no opinion is no error
    """The oracle has no opinion here."""


@attrs.frozen
class Exact:
    """A number as it is on paper, and how far float64 may be from it."""

    value: Fraction
    error: Fraction


Answer: TypeAlias = Exact | bool | str | None
"""None is unknown."""


def table() -> dict[tuple[str, bool | None, bool | None], bool | None]:
    """The frozen truth table; the right side of `not` is None."""
    with (Path(__file__).parent / "truth_table.csv").open(encoding="utf-8") as file:
        return {(row["op"], _WORDS[row["left"]], _WORDS.get(row["right"])): _WORDS[row["result"]] for row in csv.DictReader(file)}


TABLE = table()


def answer(node: Node, values: Mapping[str, Any]) -> Answer:
    """What the tree means over these values."""
    match node:
        case Number():
            return _sized(node.exact, abs(node.exact) * _UNIT)
        case Text() | Truth():
            return node.value
        case Name():
            return _given(values.get(node.name), node.scale)
        case Defined():
            return answer(node.body, values)
        case Negative():
            inner = _number(node.operand, values)
            return None if inner is None else Exact(-inner.value, inner.error)
        case Arithmetic():
            return _arithmetic(node.op, _number(node.left, values), _number(node.right, values))
        case Call():
            return _call(node, values)
        case Choice():
            condition = answer(node.condition, values)
            return None if condition is None else answer(node.then if condition else node.otherwise, values)
        case Not():
            return TABLE["not", _truth(node.operand, values), None]
        case Logic():
            return reduce(lambda left, right: TABLE[node.op, left, right], [_truth(operand, values) for operand in node.operands])
        case Comparison():
            nodes = (node.first, *node.rest)
            links = [_compare(op, answer(nodes[i], values), answer(nodes[i + 1], values)) for i, op in enumerate(node.ops)]
            return reduce(lambda left, right: TABLE["and", left, right], links)
        case Membership():
            inside = _within(answer(node.operand, values), node.where, values)
            return TABLE["not", inside, None] if node.negated else inside
    raise AssertionError(node)


def _given(raw: Any, scale: Fraction) -> Answer:
    if raw is None or isinstance(raw, bool | str):
        return raw
    exact = Fraction(repr(raw))
    if scale == 1:
        return _sized(exact, abs(exact) * _UNIT)
    return _sized(exact * scale, 3 * abs(exact * scale) * _UNIT)


def _number(node: Node, values: Mapping[str, Any]) -> Exact | None:
    found = answer(node, values)
    assert found is None or isinstance(found, Exact)
    return found


def _truth(node: Node, values: Mapping[str, Any]) -> bool | None:
    found = answer(node, values)
    assert found is None or isinstance(found, bool)
    return found


def _sized(value: Fraction, error: Fraction) -> Exact:
    for magnitude in (abs(value), error):
        if magnitude and not Fraction(1, 10**250) < magnitude < 10**250:
            raise TooClose
    return Exact(value, error)


def _arithmetic(op: str, left: Exact | None, right: Exact | None) -> Answer:
    if left is None or right is None:
        return None
    a, ea, b, eb = left.value, left.error, right.value, right.error
    if op in "+-":
        value = a + b if op == "+" else a - b
        return _sized(value, (ea + eb) + _UNIT * (abs(value) + ea + eb))
    if op == "*":
        error = abs(a) * eb + abs(b) * ea + ea * eb
        return _sized(a * b, error + _UNIT * (abs(a * b) + error))
    if b == 0:
        return None
    if abs(b) <= 2 * eb:
        raise TooClose
    error = (ea + abs(a / b) * eb) / (abs(b) - eb)
    return _sized(a / b, error + _UNIT * (abs(a / b) + error))


def _call(node: Call, values: Mapping[str, Any]) -> Answer:
    if node.function == "is_missing":
        return answer(node.arguments[0], values) is None
    if node.function == "coalesce":
        return next((found for found in (answer(argument, values) for argument in node.arguments) if found is not None), None)
    found = [_number(argument, values) for argument in node.arguments]
    known = [item for item in found if item is not None]
    if len(known) < len(found):
        return None
    worst = max(item.error for item in known)
    numbers = [item.value for item in known]
    match node.function:
        case "abs":
            return Exact(abs(numbers[0]), worst)
        case "min":
            return Exact(min(numbers), worst)
        case "max":
            return Exact(max(numbers), worst)
        case "clip":
            return Exact(min(max(numbers[0], numbers[1]), numbers[2]), worst)
    raise AssertionError(node.function)


def _compare(op: str, left: Answer, right: Answer) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, Exact) and isinstance(right, Exact):
        difference, bound = left.value - right.value, left.error + right.error
        if 0 < abs(difference) <= 2 * bound:
            raise TooClose
        left, right = difference, Fraction(0)  # type: ignore[assignment]  # compared as plain numbers below
    a: Any = left
    b: Any = right
    return bool({"<": a.__lt__, "<=": a.__le__, ">": a.__gt__, ">=": a.__ge__, "==": a.__eq__, "!=": a.__ne__}[op](b))


def _within(operand: Answer, where: Node, values: Mapping[str, Any]) -> bool | None:
    match where:
        case Defined():
            return _within(operand, where.body, values)
        case Interval():
            low = _compare(">=" if where.low_closed else ">", operand, answer(where.low, values))
            high = _compare("<=" if where.high_closed else "<", operand, answer(where.high, values))
            return TABLE["and", low, high]
        case Around():
            return _within(operand, where.interval, values)
        case SetOf():
            return reduce(lambda left, right: TABLE["or", left, right], [_compare("==", operand, answer(item, values)) for item in where.items])
    raise AssertionError(where)
