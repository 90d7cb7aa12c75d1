"""What an expression means, by exact fractions over the decimal text of the inputs and by the frozen truth table.

Nothing here is shared with the evaluators but the tree. Where two sides differ by so little that float64 may not tell them apart, or a
magnitude leaves the range where its rounding is relative, the oracle has no opinion and raises `TooClose`.

A tree becomes a chain of closures, so that a soak can ask it millions of times. A number is (numerator, denominator, error): two integers
that are never reduced (exact, and several times as fast as `Fraction`), and how far float64 may be from their quotient.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache, reduce
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
_UNIT = 2.0**-52  # twice the rounding of one operation: the oracle speaks only where it is sure


class TooClose(Exception):  # noqa: N818 - having no opinion is no error
    """The oracle has no opinion here."""


@attrs.frozen
class Exact:
    """A number as it is on paper, and how far float64 may be from it."""

    value: Fraction
    error: float


Ratio: TypeAlias = tuple[int, int, float]
"""Numerator, denominator (above zero) and error."""

Answer: TypeAlias = Ratio | bool | str | None
"""None is unknown."""

Values: TypeAlias = Mapping[str, Any]
Ask: TypeAlias = Callable[[Values], Any]


def table() -> dict[tuple[str, bool | None, bool | None], bool | None]:
    """The frozen truth table; the right side of `not` is None."""
    with (Path(__file__).parent / "truth_table.csv").open(encoding="utf-8") as file:
        return {(row["op"], _WORDS[row["left"]], _WORDS.get(row["right"])): _WORDS[row["result"]] for row in csv.DictReader(file)}


TABLE = table()


def answer(node: Node, values: Values) -> Exact | bool | str | None:
    """What the tree means over these values."""
    return shown(compiled(node)(values))


def shown(found: Answer) -> Exact | bool | str | None:
    """An answer to read: a number as a fraction."""
    return Exact(Fraction(found[0], found[1]), found[2]) if isinstance(found, tuple) else found


def compiled(node: Node) -> Callable[[Values], Answer]:  # noqa: C901 - one case for each type of node
    """The function that says what the tree means over values."""
    match node:
        case Number():
            literal = (node.exact.numerator, node.exact.denominator)
            return lambda _: _rounded(*literal)
        case Text() | Truth():
            return lambda _: node.value
        case Name():
            return _name(node)
        case Defined():
            return compiled(node.body)
        case Negative():
            operand = _number(node.operand)

            def negative(values: Values) -> Answer:
                found = operand(values)
                return None if found is None else (-found[0], found[1], found[2])

            return negative
        case Arithmetic():
            operation, left, right = _OPERATIONS[node.op], _number(node.left), _number(node.right)

            def arithmetic(values: Values) -> Answer:
                a, b = left(values), right(values)
                return None if a is None or b is None else operation(*a, *b)

            return arithmetic
        case Call():
            return _call(node)
        case Choice():
            condition, then, otherwise = _truth(node.condition), compiled(node.then), compiled(node.otherwise)

            def choice(values: Values) -> Answer:
                found = condition(values)
                return None if found is None else then(values) if found else otherwise(values)

            return choice
        case Not():
            truth = _truth(node.operand)
            return lambda values: TABLE["not", truth(values), None]
        case Logic():
            return _joined(node.op, [_truth(operand) for operand in node.operands])
        case Comparison():
            sides = [compiled(side) for side in (node.first, *node.rest)]
            return _joined("and", [_compared(op, sides[i], sides[i + 1]) for i, op in enumerate(node.ops)])
        case Membership():
            inside = _within(compiled(node.operand), node.where)
            return (lambda values: TABLE["not", inside(values), None]) if node.negated else inside
    raise AssertionError(node)


def _joined(op: str, parts: Sequence[Callable[[Values], bool | None]]) -> Callable[[Values], bool | None]:
    """`and` or `or` of the parts by the table; a part that is too close to call does not matter where every answer to it gives one result."""

    def joined(values: Values) -> bool | None:
        known: list[bool | None] = []
        open_parts = 0
        for part in parts:
            try:
                known.append(part(values))
            except TooClose:
                open_parts += 1
        results = {reduce(lambda left, right: TABLE[op, left, right], known)} if known else {True, False, None}
        if open_parts:
            results = {TABLE[op, left, right] for left in results for right in (True, False, None)}
        if len(results) > 1:
            raise TooClose
        return results.pop()

    return joined


@lru_cache(maxsize=1 << 16)
def _as_written(raw: float) -> tuple[int, int]:
    exact = Fraction(repr(raw))
    return exact.numerator, exact.denominator


def _name(node: Name) -> Ask:
    name, scale, up, down = node.name, node.scale != 1, node.scale.numerator, node.scale.denominator

    def given(values: Values) -> Answer:
        raw = values.get(name)
        if raw is None or isinstance(raw, bool | str):
            return raw
        top, bottom = _as_written(raw)
        if not scale:
            return _rounded(top, bottom)
        return _rounded(top * up, bottom * down, 3)

    return given


def _number(node: Node) -> Callable[[Values], Ratio | None]:
    run = compiled(node)

    def number(values: Values) -> Ratio | None:
        found = run(values)
        assert found is None or isinstance(found, tuple)
        return found

    return number


def _truth(node: Node) -> Callable[[Values], bool | None]:
    run = compiled(node)

    def truth(values: Values) -> bool | None:
        found = run(values)
        assert found is None or isinstance(found, bool)
        return found

    return truth


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _size(top: int, bottom: int) -> float:
    """The magnitude of a quotient, where it lies where the rounding of floats is relative."""
    if not top:
        return 0.0
    try:
        size = abs(top) / bottom
    except OverflowError:
        raise TooClose from None
    if 1e-250 < size <= 1e300:
        return size
    raise TooClose


def _rounded(top: int, bottom: int, roundings: int = 1) -> Ratio:
    return top, bottom, roundings * _size(top, bottom) * _UNIT


def _sized(top: int, bottom: int, error: float) -> Ratio:
    """The result of an operation whose operands were off by enough for `error`, with the rounding of its own."""
    error += _UNIT * (_size(top, bottom) + error)
    if error and not 1e-270 < error <= 1e300:
        raise TooClose
    return top, bottom, error


def _beyond(top: int, bottom: int, *operands: tuple[float, float]) -> bool:
    """Whether a product or quotient is so large that no float holds it, whatever its operands were rounded to."""
    return abs(top) > bottom * 10**309 and all(2 * error <= size for size, error in operands)


def _add(a: int, p: int, ea: float, b: int, q: int, eb: float) -> Ratio:
    return _sized(a * q + b * p, p * q, ea + eb)


def _subtract(a: int, p: int, ea: float, b: int, q: int, eb: float) -> Ratio:
    return _sized(a * q - b * p, p * q, ea + eb)


def _multiply(a: int, p: int, ea: float, b: int, q: int, eb: float) -> Ratio | None:
    left, right = _size(a, p), _size(b, q)
    if _beyond(a * b, p * q, (left, ea), (right, eb)):
        return None
    return _sized(a * b, p * q, left * eb + right * ea + ea * eb)


def _divide(a: int, p: int, ea: float, b: int, q: int, eb: float) -> Ratio | None:
    if b == 0:
        return None
    size = _size(b, q)
    if size <= 2 * eb:
        raise TooClose
    top, bottom = (a * q, p * b) if b > 0 else (-a * q, -p * b)
    if _beyond(top, bottom, (_size(a, p), ea), (size, eb)):
        return None
    return _sized(top, bottom, (ea + _size(top, bottom) * eb) / (size - eb))


_OPERATIONS: Mapping[str, Callable[..., Ratio | None]] = {"+": _add, "-": _subtract, "*": _multiply, "/": _divide}


def _less(left: Ratio, right: Ratio) -> bool:
    return left[0] * right[1] < right[0] * left[1]


def _call(node: Call) -> Ask:
    if node.function == "is_missing":
        tested = compiled(node.arguments[0])
        return lambda values: tested(values) is None
    if node.function == "coalesce":
        arguments = [compiled(argument) for argument in node.arguments]
        return lambda values: next((found for found in (argument(values) for argument in arguments) if found is not None), None)
    numbers = [_number(argument) for argument in node.arguments]

    def smallest(terms: Sequence[Ratio]) -> Ratio:
        return _with_rivals(reduce(lambda left, right: right if _less(right, left) else left, terms), terms)

    def largest(terms: Sequence[Ratio]) -> Ratio:
        return _with_rivals(reduce(lambda left, right: right if _less(left, right) else left, terms), terms)

    pick: Callable[[Sequence[Ratio]], Ratio] = {
        "abs": lambda terms: (abs(terms[0][0]), *terms[0][1:]),
        "min": smallest,
        "max": largest,
        "clip": lambda terms: smallest((largest(terms[:2]), terms[2])),
    }[node.function]

    def called(values: Values) -> Answer:
        found = [number(values) for number in numbers]
        terms = [item for item in found if item is not None]
        if len(terms) < len(found):
            return None
        return pick(terms)

    return called


def _with_rivals(chosen: Ratio, terms: Sequence[Ratio]) -> Ratio:
    """The one that was picked; float64 may have picked another that is as near to it as the two are uncertain, and be as far off as that one is."""
    value = chosen[0] / chosen[1]
    rivals = [term[2] for term in terms if abs(term[0] / term[1] - value) <= (term[2] + chosen[2]) * 2]
    return chosen[0], chosen[1], max(chosen[2], *rivals)


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _compared(op: str, left: Ask, right: Ask) -> Callable[[Values], bool | None]:
    holds = _HOLDS[op]

    def compared(values: Values) -> bool | None:
        a, b = left(values), right(values)
        if a is None or b is None:
            return None
        if isinstance(a, tuple) and isinstance(b, tuple):
            difference, bottom, bound = a[0] * b[1] - b[0] * a[1], a[1] * b[1], a[2] + b[2]
            if difference:
                try:
                    if abs(difference) / bottom <= 2 * bound:
                        raise TooClose
                except OverflowError:
                    pass  # a difference beyond any bound
            return holds(difference, 0)
        return holds(a, b)

    return compared


def _within(operand: Ask, where: Node) -> Callable[[Values], bool | None]:
    match where:
        case Defined():
            return _within(operand, where.body)
        case Interval():
            low = _compared(">=" if where.low_closed else ">", operand, compiled(where.low))
            high = _compared("<=" if where.high_closed else "<", operand, compiled(where.high))
            return _joined("and", [low, high])
        case Around():
            return _within(operand, where.interval)
        case SetOf():
            return _joined("or", [_compared("==", operand, compiled(item)) for item in where.items])
    raise AssertionError(where)
