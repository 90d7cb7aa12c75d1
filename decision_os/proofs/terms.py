"""A tree as terms of a solver: exact real arithmetic, and for each node when it is known.

A number is a pair (value, known): a real term, and the condition under which it is known; a condition is a pair (true, false), of which at
most one holds. These are the meanings that every evaluator has (`expr/arithmetic.py`), with the rounding of floats left out: the language's
answers are those of exact arithmetic wherever two sides are equal or differ by more than rounding can have caused.

A quotient is a new unknown q with q × divisor = dividend, and is known where the divisor is not zero. What a rule book's own Python function
does is not known to the solver: its value, and whether it has one, are uninterpreted functions of its arguments, and `opaque` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, TypeAlias, TypeVar

import attrs
import z3

from decision_os.expr import Function
from decision_os.expr.tree import (
    FUNCTIONS,
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

__all__ = ["Division", "Input", "Kleene", "Quantity", "Terms", "both", "either", "real"]

_T = TypeVar("_T")

Bool: TypeAlias = Any  # z3 has no useful types: a boolean term
Real: TypeAlias = Any  # a real term

_TRUE: Final = z3.BoolVal(True)
_FALSE: Final = z3.BoolVal(False)


@attrs.frozen
class Input:
    """One input as the solver sees it: its kind, its value of that kind, and whether it is known."""

    name: str
    kind: str
    """`number`, `bool` or `text`."""
    value: Any
    known: Bool


@attrs.frozen
class Quantity:
    """A number, or a text as its code: the value, and when it is known."""

    value: Real
    known: Bool
    kind: str = "number"


@attrs.frozen
class _Undeclared(Quantity):
    """What a Python function gives that declares no kind of result: a number, unless it stands where a condition or a text does."""

    as_truth: Kleene | None = None
    as_text: Quantity | None = None

    def beside(self, other: Term) -> Term:
        """The same as what it stands beside."""
        if isinstance(other, Kleene) and self.as_truth is not None:
            return self.as_truth
        return self.as_text if other.kind == "text" and self.as_text is not None else self  # type: ignore[union-attr]  # a Kleene was met above


@attrs.frozen
class Kleene:
    """A condition: when it is true, when it is false; otherwise it is unknown."""

    true: Bool
    false: Bool

    def __invert__(self) -> Kleene:
        return Kleene(self.false, self.true)


Term: TypeAlias = Quantity | Kleene


@attrs.frozen
class Division:
    """A quotient on the way: its node, its divisor, and when its dividend and divisor are known and what it comes to matters."""

    node: Arithmetic
    divisor: Real
    known: Bool


def real(exact: Fraction | int) -> Real:
    """A number as a term, exactly."""
    return z3.RealVal(f"{exact.numerator}/{exact.denominator}")


def both(parts: Sequence[Bool]) -> Bool:
    """All of them."""
    kept = [part for part in parts if not z3.is_true(part)]
    if any(z3.is_false(part) for part in kept):
        return _FALSE
    return z3.And(kept) if len(kept) > 1 else kept[0] if kept else _TRUE


def either(parts: Sequence[Bool]) -> Bool:
    """Any of them."""
    kept = [part for part in parts if not z3.is_false(part)]
    if any(z3.is_true(part) for part in kept):
        return _TRUE
    return z3.Or(kept) if len(kept) > 1 else kept[0] if kept else _FALSE


def _negated(part: Bool) -> Bool:
    if z3.is_true(part) or z3.is_false(part):
        return z3.BoolVal(z3.is_false(part))
    return z3.Not(part)


class Terms:
    """Makes the terms of trees over inputs that are found by name. `codes` are the numbers that stand for texts; two that are compared share them.
    `functions` are the Python functions that the trees call.

    `sides` are the equations that quotients stand for: they hold in every question. `divisions` are the quotients met, `opaque` the functions
    whose values nobody but Python knows.
    """

    def __init__(self, find: Callable[[str], Input], prefix: str, codes: dict[str, int], functions: Mapping[str, Function] | None = None) -> None:
        self.find = find
        self.functions = functions or {}
        self.prefix = prefix
        self.codes = codes
        self.sides: list[Bool] = []
        self.divisions: list[Division] = []
        self.opaque: set[str] = set()
        self._quotients: dict[tuple[int, int], Real] = {}
        self._count = 0

    # ── entry ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, node: Node, at: Mapping[str, str] | None = None) -> Kleene:
        """The condition a tree stands for; `at` gives other names to some inputs (the value at one finer key)."""
        term = self._term(node, at or {})
        if isinstance(term, _Undeclared) and term.as_truth is not None:
            return term.as_truth
        if isinstance(term, Quantity):
            raise TypeError(f"{type(node).__name__} is no condition")
        return term

    def number(self, node: Node, at: Mapping[str, str] | None = None) -> Quantity:
        """The number or text a tree stands for."""
        term = self._term(node, at or {})
        if isinstance(term, Kleene):
            raise TypeError(f"{type(node).__name__} is no number")
        return term

    def text(self, code: int) -> str:
        """The text that a code stands for; one that no rule names, for a code of its own."""
        return next((text for text, known in self.codes.items() if known == code), f"other-{abs(code)}")

    # ── nodes ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _term(self, node: Node, at: Mapping[str, str]) -> Term:  # noqa: C901  # one case for each type of node
        match node:
            case Number():
                return Quantity(real(node.exact), _TRUE)
            case Text():
                return Quantity(z3.IntVal(self.codes.setdefault(node.value, len(self.codes))), _TRUE, "text")
            case Truth():
                return Kleene(z3.BoolVal(node.value), z3.BoolVal(not node.value))
            case Name():
                return self._input(node, at)
            case Defined():
                return self._term(node.body, at)
            case Negative():
                inner = self.number(node.operand, at)
                return Quantity(-inner.value, inner.known)
            case Arithmetic():
                return self._arithmetic(node, at)
            case Choice():
                return self._choice(node, at)
            case Call():
                return self._call(node, at)
            case Comparison():
                return self._comparison(node, at)
            case Membership():
                inside = self._within(self._term(node.operand, at), node.where, at)
                return ~inside if node.negated else inside
            case Logic():
                return self._logic(node, at)
            case Not():
                return ~self.condition(node.operand, at)
            case Interval() | Around() | SetOf():
                raise TypeError("a range has no value of its own")

    def _input(self, node: Name, at: Mapping[str, str]) -> Term:
        found = self.find(at.get(node.name, node.name))
        if found.kind == "bool":
            return Kleene(both([found.known, found.value]), both([found.known, _negated(found.value)]))
        value = found.value if node.scale == 1 else found.value * real(node.scale)
        return Quantity(value, found.known, found.kind)

    def _arithmetic(self, node: Arithmetic, at: Mapping[str, str]) -> Quantity:
        left, right = self.number(node.left, at), self.number(node.right, at)
        known = both([left.known, right.known])
        match node.op:
            case "+":
                return Quantity(left.value + right.value, known)
            case "-":
                return Quantity(left.value - right.value, known)
            case "*":
                return Quantity(left.value * right.value, known)
            case _:
                return self._quotient(node, left, right, known)

    def _quotient(self, node: Arithmetic, left: Quantity, right: Quantity, known: Bool) -> Quantity:
        if z3.is_rational_value(right.value):
            if right.value.numerator_as_long() == 0:
                self.divisions.append(Division(node, right.value, known))
                return Quantity(real(0), _FALSE)
            return Quantity(left.value / right.value, known)
        self.divisions.append(Division(node, right.value, known))
        key = (left.value.get_id(), right.value.get_id())
        if key not in self._quotients:
            self._count += 1
            quotient = z3.Real(f"{self.prefix}quotient!{self._count}")
            self._quotients[key] = quotient
            self.sides.append(z3.Or(right.value == 0, quotient * right.value == left.value))
        return Quantity(self._quotients[key], both([known, right.value != 0]))

    def _logic(self, node: Logic, at: Mapping[str, str]) -> Kleene:
        parts = self._beside(node.operands, lambda part: self.condition(part, at), lambda part: part.false if node.op == "and" else part.true)
        return _all(parts) if node.op == "and" else _any(parts)

    def _beside(self, nodes: Sequence[Node], term: Callable[[Node], _T], decides: Callable[[_T], Bool]) -> list[_T]:
        """The terms of nodes of which one may decide without the others: what another one decides leaves nothing undefined."""
        began, terms = [len(self.divisions)], []
        for node in nodes:
            terms.append(term(node))
            began.append(len(self.divisions))
        for place in range(len(terms)):
            self._guard(began[place], began[place + 1], [_negated(decides(other)) for other in (*terms[:place], *terms[place + 1 :])])
        return terms

    def _guard(self, start: int, stop: int, guards: Sequence[Bool]) -> None:
        """The divisions met there matter only where these hold."""
        for place in range(start, stop):
            division = self.divisions[place]
            self.divisions[place] = attrs.evolve(division, known=both([division.known, *guards]))

    def _choice(self, node: Choice, at: Mapping[str, str]) -> Term:
        asked = self.condition(node.condition, at)
        start = len(self.divisions)
        chosen = self._term(node.then, at)
        middle = len(self.divisions)
        then, otherwise = _alike(chosen, self._term(node.otherwise, at))
        self._guard(start, middle, [asked.true])
        self._guard(middle, len(self.divisions), [asked.false])
        if isinstance(then, Kleene) and isinstance(otherwise, Kleene):
            return Kleene(
                either([both([asked.true, then.true]), both([asked.false, otherwise.true])]),
                either([both([asked.true, then.false]), both([asked.false, otherwise.false])]),
            )
        if isinstance(then, Quantity) and isinstance(otherwise, Quantity):
            known = either([both([asked.true, then.known]), both([asked.false, otherwise.known])])
            return Quantity(z3.If(asked.true, then.value, otherwise.value), known, then.kind)
        raise TypeError("both sides of a choice are of one kind")

    def _call(self, node: Call, at: Mapping[str, str]) -> Term:
        if node.function == "is_missing":
            start = len(self.divisions)
            known = _known(self._term(node.arguments[0], at))
            self._guard(start, len(self.divisions), [_FALSE])  # it has an answer, whatever its value comes to
            return Kleene(_negated(known), known)
        if node.function == "coalesce":
            return self._coalesce(self._beside(node.arguments, lambda argument: self._term(argument, at), _known))
        numbers = [self.number(argument, at) for argument in node.arguments]
        known = both([number.known for number in numbers])
        values = [number.value for number in numbers]
        if node.function not in FUNCTIONS:
            return self._opaque(node.function, values, known)
        return Quantity(_PICKS[node.function](values), known)

    def _opaque(self, name: str, values: Sequence[Real], known: Bool) -> Term:
        self.opaque.add(name)
        takes = [z3.RealSort()] * len(values)
        known = both([known, z3.Not(z3.Function(f"fails!{name}", *takes, z3.BoolSort())(*values))])
        holds = z3.Function(f"truth!{name}", *takes, z3.BoolSort())(*values)
        truth = Kleene(both([known, holds]), both([known, z3.Not(holds)]))
        text = Quantity(z3.Function(f"text!{name}", *takes, z3.IntSort())(*values), known, "text")
        number = z3.Function(f"function!{name}", *takes, z3.RealSort())(*values)
        function = self.functions.get(name)
        if function is None or function.gives is None:
            return _Undeclared(number, known, as_truth=truth, as_text=text)
        return truth if function.gives == "truth" else text if function.gives == "text" else Quantity(number, known)

    def _coalesce(self, terms: Sequence[Term]) -> Term:
        last = terms[-1]
        for first in reversed(terms[:-1]):
            term, last = _alike(first, last)
            if isinstance(term, Kleene) and isinstance(last, Kleene):
                doubt = both([_negated(term.true), _negated(term.false)])
                last = Kleene(either([term.true, both([doubt, last.true])]), either([term.false, both([doubt, last.false])]))
            elif isinstance(term, Quantity) and isinstance(last, Quantity):
                last = Quantity(z3.If(term.known, term.value, last.value), either([term.known, last.known]), term.kind)
            else:
                raise TypeError("the values of `coalesce` are of one kind")
        return last

    def _comparison(self, node: Comparison, at: Mapping[str, str]) -> Kleene:
        terms = [self._term(operand, at) for operand in (node.first, *node.rest)]
        return _all([_compared(op, left, right) for op, left, right in zip(node.ops, terms[:-1], terms[1:], strict=True)])

    def _within(self, operand: Term, where: Node, at: Mapping[str, str]) -> Kleene:
        match where:
            case Defined():
                return self._within(operand, where.body, at)
            case Around():
                return self._within(operand, where.interval, at)
            case Interval():
                low = _compared(">=" if where.low_closed else ">", operand, self._term(where.low, at))
                return _all([low, _compared("<=" if where.high_closed else "<", operand, self._term(where.high, at))])
            case SetOf():
                return _any([_compared("==", operand, self._term(item, at)) for item in where.items])
            case _:
                raise TypeError("`in` needs an interval or a set")


def _known(term: Term) -> Bool:
    return term.known if isinstance(term, Quantity) else either([term.true, term.false])


def _all(parts: Sequence[Kleene]) -> Kleene:
    return Kleene(both([part.true for part in parts]), either([part.false for part in parts]))


def _any(parts: Sequence[Kleene]) -> Kleene:
    return Kleene(either([part.true for part in parts]), both([part.false for part in parts]))


def _alike(left: Term, right: Term) -> tuple[Term, Term]:
    """Two that are of one kind, as far as one of them says which."""
    return (
        left.beside(right) if isinstance(left, _Undeclared) else left,
        right.beside(left) if isinstance(right, _Undeclared) else right,
    )


def _compared(op: str, left: Term, right: Term) -> Kleene:
    left, right = _alike(left, right)
    if isinstance(left, Kleene) and isinstance(right, Kleene):
        same = Kleene(
            either([both([left.true, right.true]), both([left.false, right.false])]),
            either([both([left.true, right.false]), both([left.false, right.true])]),
        )
        return same if op == "==" else ~same
    if isinstance(left, Kleene) or isinstance(right, Kleene) or left.kind != right.kind:
        raise TypeError("two kinds do not compare")
    known = both([left.known, right.known])
    holds = _COMPARISONS[op](left.value, right.value)
    return Kleene(both([known, holds]), both([known, z3.Not(holds)]))


def _least(values: Sequence[Real]) -> Real:
    found = values[0]
    for value in values[1:]:
        found = z3.If(value < found, value, found)
    return found


def _greatest(values: Sequence[Real]) -> Real:
    found = values[0]
    for value in values[1:]:
        found = z3.If(value > found, value, found)
    return found


_PICKS: Final[Mapping[str, Callable[[Sequence[Real]], Real]]] = {
    "abs": lambda values: z3.If(values[0] < 0, -values[0], values[0]),
    "min": _least,
    "max": _greatest,
    "clip": lambda values: _least([_greatest(values[:2]), values[2]]),
}
_COMPARISONS: Final[Mapping[str, Callable[[Real, Real], Bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
