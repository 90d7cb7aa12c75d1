"""The compiled evaluator: a tree becomes one Python function, and a chain of closures for what that function leaves alone.

The function (`source.py` writes it) answers when every value it meets is plain and every comparison is decided by more than rounding
can have caused. Anything else (an unknown, an equality to the last bit, a zero divisor, a date, a value to be refused) goes to the closures,
which compute with the operations of `arithmetic.py`. Both must give what the reference evaluator gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any, NamedTuple, NoReturn, TypeAlias

import attrs

from decision_os.errors import ExpressionError, InputError
from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import ROUNDING, Bounded, Context, Function, Refusal, Term
from decision_os.expr.source import write
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
from decision_os.values import Reason, Scalar, Unknown

__all__ = ["Functions", "exact", "functions"]

Values: TypeAlias = Mapping[str, Any]
Evaluate: TypeAlias = Callable[[Values], Scalar | Unknown]
Run: TypeAlias = Callable[[Values], Term]
Test: TypeAlias = Callable[[Values], bool | Unknown]
Inside: TypeAlias = Callable[[Values, Term], bool | Unknown]
"""Whether a term lies in a range."""

_OPERATIONS: Mapping[str, Callable[[Bounded, Bounded], Bounded | Unknown]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
}


class Functions(NamedTuple):
    """The two functions of an expression: over raw values, as callers give them, and over what `values.settle` gives."""

    evaluate: Evaluate
    evaluate_settled: Evaluate


def functions(tree: Node, context: Context) -> Functions:
    """Make a tree ready to run.

    >>> from fractions import Fraction
    >>> made = functions(Comparison(Name("n"), (">=",), (Number(3.0, Fraction(3)),)), Context(text="n >= 3"))
    >>> made.evaluate({"n": 3}), made.evaluate_settled({"n": 2})
    (True, False)
    """
    source = write(tree)

    def made(*, settled: bool) -> Evaluate:
        slow = exact(tree, context, settled=settled)
        return (source and source.function(slow, lambda node: exact(node, context, settled=settled))) or slow

    return Functions(made(settled=False), made(settled=True))


def exact(tree: Node, context: Context, *, settled: bool = False) -> Evaluate:
    """The function of closures for a tree: every case, at the pace of an interpreter."""
    run = _Closures(context, settled).node(tree, context.text)

    def evaluate(values: Values) -> Scalar | Unknown:
        if type(values) is not dict:
            arithmetic.readable(values)
        return arithmetic.plain(run(values))

    return evaluate


@attrs.frozen
class _Closures:
    """Makes one closure for each node; `text` is what the node's span points into."""

    context: Context
    settled: bool

    def node(self, node: Node, text: str) -> Run:
        match node:
            case Number():
                return _always(arithmetic.literal(node))
            case Text() | Truth():
                return _always(node.value)
            case Name():
                return self.input(node, text)
            case Defined():
                return self.node(node.body, self.context.texts.get(node.name, ""))
            case Negative() | Arithmetic():
                return self.arithmetic(node, text)
            case Call():
                return self.call(node, text)
            case Choice():
                return self.choice(node, text)
            case Comparison() | Membership() | Logic() | Not():
                return self.condition(node, text)
            case Interval() | Around() | SetOf():
                return _refuses("a range or a set has no single value: it stands to the right of `in`", text)

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def input(self, node: Name, text: str) -> Run:
        name, unit, settled, as_given = node.name, self.context.units.get(node.name), self.settled, node.scale == 1
        missing = Unknown.because(Reason.MISSING, name)

        def run(values: Values) -> Term:
            raw = arithmetic.looked_up(values, name)
            if raw is None:
                return missing
            if type(raw) is float and as_given and -inf < raw < inf:  # most are
                return raw, ROUNDING * abs(raw)
            try:
                return arithmetic.read(raw, node, unit, settled=settled)
            except (Refusal, InputError) as refusal:
                raise arithmetic.refused(refusal, text, node) from None

        return run

    def number(self, node: Node, text: str) -> Callable[[Values], Bounded | Unknown]:
        run = self.node(node, text)

        def checked(values: Values) -> Bounded | Unknown:
            term = run(values)
            if type(term) is tuple or type(term) is Unknown:
                return term
            try:
                return arithmetic.number(term, node)
            except Refusal as refusal:
                raise arithmetic.refused(refusal, text, node) from None

        return checked

    def arithmetic(self, node: Negative | Arithmetic, text: str) -> Run:
        if isinstance(node, Negative):
            operand = self.number(node.operand, text)

            def negative(values: Values) -> Term:
                term = operand(values)
                return term if isinstance(term, Unknown) else arithmetic.negate(term)

            return negative
        first, second, operation = self.number(node.left, text), self.number(node.right, text), _OPERATIONS[node.op]

        def run(values: Values) -> Term:
            left, right = first(values), second(values)
            if isinstance(left, Unknown):
                return Unknown.merged((left, right)) if isinstance(right, Unknown) else left
            return right if isinstance(right, Unknown) else operation(left, right)

        return run

    def call(self, node: Call, text: str) -> Run:
        if node.function == "is_missing":
            tested = self.node(node.arguments[0], text)
            return lambda values: isinstance(tested(values), Unknown)
        if node.function == "coalesce":
            return _first_known([self.node(argument, text) for argument in node.arguments])
        operands = [self.number(argument, text) for argument in node.arguments]
        if node.function in FUNCTIONS:
            function = _FUNCTIONS[node.function]

            def run(values: Values) -> Term:
                terms = [operand(values) for operand in operands]
                unknowns = [term for term in terms if isinstance(term, Unknown)]
                return _merged(unknowns) if unknowns else function(terms)

            return run
        registered = self.context.functions.get(node.function)
        if registered is None:
            return _refuses(f"unknown function `{node.function}`", text)
        return _registered(registered, node.function, operands)

    def choice(self, node: Choice, text: str) -> Run:
        test = self.truth(node.condition, text)
        then, otherwise = self.node(node.then, text), self.node(node.otherwise, text)

        def run(values: Values) -> Term:
            condition = test(values)
            if isinstance(condition, Unknown):
                return condition
            return then(values) if condition else otherwise(values)

        return run

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def truth(self, node: Node, text: str) -> Test:
        run = self.node(node, text)

        def checked(values: Values) -> bool | Unknown:
            term = run(values)
            if term is True or term is False:
                return term
            try:
                return arithmetic.truth(term, node)
            except Refusal as refusal:
                raise arithmetic.refused(refusal, text, node) from None

        return checked

    def condition(self, node: Comparison | Membership | Logic | Not, text: str) -> Test:
        match node:
            case Comparison():
                return self.comparison(node, text)
            case Membership():
                operand, inside = self.node(node.operand, text), self.inside(node.operand, node.where, text, text)
                member: Test = lambda values: inside(values, operand(values))  # noqa: E731 - named for `_opposite`, no more
                return _opposite(member) if node.negated else member
            case Logic():
                return _kleene(node.op == "or", [self.truth(operand, text) for operand in node.operands])
            case Not():
                return _opposite(self.truth(node.operand, text))

    def comparison(self, node: Comparison, text: str) -> Test:
        first, operands = self.node(node.first, text), [self.node(operand, text) for operand in node.rest]
        if len(operands) == 1:
            op, second, left_node, right_node = node.ops[0], operands[0], node.first, node.rest[0]
            return lambda values: _compared(op, first(values), second(values), text, left_node, right_node)
        links = list(zip(node.ops, operands, (node.first, *node.rest[:-1]), node.rest, strict=True))

        def run(values: Values) -> bool | Unknown:
            return _decided(False, answers(values))

        def answers(values: Values) -> Iterator[bool | Unknown]:
            left = first(values)
            for op, operand, left_node, right_node in links:
                right = operand(values)
                yield _compared(op, left, right, text, left_node, right_node)
                left = right

        return run

    def inside(self, operand: Node, where: Node, text: str, where_text: str) -> Inside:
        """`text` belongs to the operand, `where_text` to the range: a definition's stands elsewhere."""
        match where:
            case Defined():
                return self.inside(operand, where.body, text, self.context.texts.get(where.name, ""))
            case Around():
                return self.inside(operand, where.interval, text, where_text)
            case Interval():
                ends = ((">=" if where.low_closed else ">", where.low), ("<=" if where.high_closed else "<", where.high))
                decider = False
            case SetOf():
                ends = tuple(("==", item) for item in where.items)  # type: ignore[assignment]  # as many as there are
                decider = True
            case _:
                return _refuses("`in` needs an interval or a set", text)
        links = [(op, self.node(end, where_text), end if where_text == text else operand) for op, end in ends]

        def run(values: Values, term: Term) -> bool | Unknown:
            return _decided(decider, (_compared(op, term, end(values), text, operand, node) for op, end, node in links))

        return run


_FUNCTIONS: Mapping[str, Callable[[Any], Term]] = {
    "abs": lambda terms: arithmetic.absolute(terms[0]),
    "min": arithmetic.least,
    "max": arithmetic.greatest,
    "clip": lambda terms: arithmetic.least((arithmetic.greatest(terms[:2]), terms[2])),
}


def _merged(unknowns: list[Unknown]) -> Unknown:
    return unknowns[0] if len(unknowns) == 1 else Unknown.merged(unknowns)


def _always(term: Term) -> Run:
    return lambda values: term  # noqa: ARG005 - a constant reads nothing


def _refuses(message: str, text: str) -> Callable[..., NoReturn]:
    def run(*values: object) -> NoReturn:  # noqa: ARG001 - it refuses before it reads
        raise ExpressionError(message, text=text)

    return run


def _first_known(operands: list[Run]) -> Run:
    def run(values: Values) -> Term:
        unknowns = []
        for operand in operands:
            term = operand(values)
            if not isinstance(term, Unknown):
                return term
            unknowns.append(term)
        return Unknown.merged(unknowns)

    return run


def _registered(function: Function, name: str, operands: list[Callable[[Values], Bounded | Unknown]]) -> Run:
    return lambda values: function.apply(name, [operand(values) for operand in operands])


def _compared(op: str, left: Term, right: Term, text: str, left_node: Node, right_node: Node) -> bool | Unknown:
    try:
        return arithmetic.compare(op, left, right)
    except Refusal as refusal:
        raise arithmetic.refused(refusal, text, left_node, right_node) from None


def _decided(decider: bool, answers: Iterator[bool | Unknown]) -> bool | Unknown:
    """The first answer that decides; otherwise unknown by the unknown ones, or the opposite where there are none."""
    unknowns = []
    for answer in answers:
        if isinstance(answer, Unknown):
            unknowns.append(answer)
        elif answer is decider:
            return decider
    return _merged(unknowns) if unknowns else not decider


def _kleene(decider: bool, tests: list[Test]) -> Test:
    """As `_decided`, over tests."""

    def run(values: Values) -> bool | Unknown:
        unknowns = []
        for test in tests:
            answer = test(values)
            if answer is decider:
                return decider
            if isinstance(answer, Unknown):
                unknowns.append(answer)
        return _merged(unknowns) if unknowns else not decider

    return run


def _opposite(test: Test) -> Test:
    def run(values: Values) -> bool | Unknown:
        answer = test(values)
        return answer if isinstance(answer, Unknown) else not answer

    return run
