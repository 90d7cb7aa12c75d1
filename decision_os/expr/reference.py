"""The reference evaluator: a `simpleeval` on the allow-listed tree.

It is written to be read and checked, one method per node; `compiler.py` must give the same answers, faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, TypeAlias

from simpleeval import FeatureNotAvailable, SimpleEval

from decision_os.errors import ExpressionError, InputError
from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import Bounded, Context, Refusal, Term
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

__all__ = ["Part", "Reference"]

Part: TypeAlias = Callable[[], bool | Unknown]
"""One operand of several that are joined: evaluated when it is asked for."""


class Reference(SimpleEval):  # type: ignore[misc]  # simpleeval is untyped
    """Evaluates one tree over one mapping.

    Of simpleeval it keeps the walk: a table from exact node type to handler, operators and functions by name, and a refusal of
    everything that is not in the table. The tables hold this language's nodes and its bounded arithmetic, nothing of Python's.
    `settled` says that the values went through `values.settle` already.

    >>> from fractions import Fraction
    >>> tree = Comparison(Name("n"), (">=",), (Number(3.0, Fraction(3)),))
    >>> Reference({"n": 2}, Context(text="n >= 3")).value(tree)
    False
    """

    def __init__(self, values: Mapping[str, object], context: Context, *, settled: bool = False) -> None:
        arithmetic.readable(values)
        super().__init__(
            operators={
                "+": arithmetic.add,
                "-": arithmetic.subtract,
                "*": arithmetic.multiply,
                "/": arithmetic.divide,
                "negative": arithmetic.negate,
            },
            functions={
                "abs": lambda terms: arithmetic.absolute(terms[0]),
                "min": arithmetic.least,
                "max": arithmetic.greatest,
                "clip": lambda terms: arithmetic.least((arithmetic.greatest(terms[:2]), terms[2])),
            },
            names=values,
        )
        self.nodes: dict[type, Callable[[Any], Term]] = {
            Number: arithmetic.literal,
            Text: lambda node: node.value,
            Truth: lambda node: node.value,
            Name: self._input,
            Defined: self._defined,
            Negative: self._negative,
            Arithmetic: self._arithmetic,
            Comparison: self._comparison,
            Membership: self._membership,
            Logic: self._logic,
            Not: self._not,
            Choice: self._choice,
            Call: self._call,
            Interval: self._range,
            Around: self._range,
            SetOf: self._range,
        }
        self.context = context
        self.settled = settled
        self.text = context.text
        """The text that spans point into just now: the whole expression, or a definition of it."""
        self._terms: dict[int, Term] = {}

    def value(self, tree: Node) -> Scalar | Unknown:
        """What the tree comes to. Raises `InputError` for a value an operation refuses, with its place."""
        return arithmetic.plain(self.term(tree))

    def term(self, tree: Node) -> Term:
        """The same, with the rounding bound of a number."""
        term: Term = self.eval(self.text, tree)
        return term

    @staticmethod
    def parse(expr: str) -> NoReturn:
        """Refuse to read text: trees are made by the parser alone."""
        raise ExpressionError("the reference evaluator takes a tree, not a text", text=expr)

    def _eval(self, node: Node) -> Term:
        try:
            term: Term = super()._eval(node)
        except FeatureNotAvailable:
            raise ExpressionError(f"a {type(node).__name__} is not part of an expression", text=self.text) from None
        return term

    # ── leaves ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _input(self, node: Name) -> Term:
        raw = arithmetic.looked_up(self.names, node.name)
        if raw is None:
            return Unknown.because(Reason.MISSING, node.name)
        try:
            return arithmetic.read(raw, node, self.context.units.get(node.name), settled=self.settled)
        except (Refusal, InputError) as refusal:
            raise arithmetic.refused(refusal, self.text, node) from None

    def _defined(self, node: Defined) -> Term:
        key = id(node.body)
        if key not in self._terms:
            with self._inside(node):
                self._terms[key] = self._eval(node.body)
        return self._terms[key]

    @contextmanager
    def _inside(self, node: Defined) -> Iterator[None]:
        """Spans point into the text of a definition while its tree is evaluated."""
        outer, self.text = self.text, self.context.texts.get(node.name, "")
        try:
            yield
        finally:
            self.text = outer

    def _range(self, _: Node) -> NoReturn:
        raise ExpressionError("a range or a set has no single value: it stands to the right of `in`", text=self.text)

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _number(self, node: Node) -> Bounded | Unknown:
        try:
            return arithmetic.number(self._eval(node), node)
        except Refusal as refusal:
            raise arithmetic.refused(refusal, self.text, node) from None

    def _apply(self, operation: Callable[..., Term], nodes: Sequence[Node], *, spread: bool = True) -> Term:
        terms = [self._number(node) for node in nodes]
        unknowns = [term for term in terms if isinstance(term, Unknown)]
        if unknowns:
            return Unknown.merged(unknowns)
        return operation(*terms) if spread else operation(terms)

    def _negative(self, node: Negative) -> Term:
        return self._apply(self.operators["negative"], (node.operand,))

    def _arithmetic(self, node: Arithmetic) -> Term:
        return self._apply(self.operators[node.op], (node.left, node.right))

    def _call(self, node: Call) -> Term:
        if node.function == "is_missing":
            return isinstance(self._eval(node.arguments[0]), Unknown)
        if node.function == "coalesce":
            return self._first_known(iter(node.arguments))
        if node.function in FUNCTIONS:
            return self._apply(self.functions[node.function], node.arguments, spread=False)
        function = self.context.functions.get(node.function)
        if function is None:
            raise ExpressionError(f"unknown function `{node.function}`", text=self.text)
        return function.apply(node.function, [self._number(argument) for argument in node.arguments])

    def _first_known(self, arguments: Iterator[Node]) -> Term:
        unknowns = []
        for argument in arguments:
            term = self._eval(argument)
            if not isinstance(term, Unknown):
                return term
            unknowns.append(term)
        return Unknown.merged(unknowns)

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _truth(self, node: Node) -> bool | Unknown:
        try:
            return arithmetic.truth(self._eval(node), node)
        except Refusal as refusal:
            raise arithmetic.refused(refusal, self.text, node) from None

    def _compare(self, op: str, left: tuple[Term, Node], right: tuple[Term, Node], text: str) -> bool | Unknown:
        try:
            return arithmetic.compare(op, left[0], right[0])
        except Refusal as refusal:
            raise arithmetic.refused(refusal, text, left[1], right[1]) from None

    def _kleene(self, decider: bool, parts: Iterator[Part]) -> bool | Unknown:
        """The first answer that decides; otherwise unknown by the unknown ones, or the opposite where there are none."""
        unknowns = []
        for part in parts:
            answer = part()
            if isinstance(answer, Unknown):
                unknowns.append(answer)
            elif answer is decider:
                return decider
        return Unknown.merged(unknowns) if unknowns else not decider

    def _comparison(self, node: Comparison) -> Term:
        operands = (node.first, *node.rest)
        terms: dict[int, tuple[Term, Node]] = {}

        def side(place: int) -> tuple[Term, Node]:
            if place not in terms:
                terms[place] = self._eval(operands[place]), operands[place]
            return terms[place]

        def link(place: int) -> bool | Unknown:
            return self._compare(node.ops[place], side(place), side(place + 1), self.text)

        return self._kleene(False, (partial(self._link, node, place, partial(link, place)) for place in range(len(node.ops))))

    def _link(self, _: Comparison, __: int, part: Part) -> bool | Unknown:
        """One link of a chain."""
        return part()

    def _membership(self, node: Membership) -> Term:
        operand = (self._eval(node.operand), node.operand)
        answer = self._within(operand, node.where, self.text)
        return answer if isinstance(answer, Unknown) else answer is not node.negated

    def _within(self, operand: tuple[Term, Node], where: Node, text: str) -> bool | Unknown:
        """`text` is what the operand's span points into; a definition's range stands in another."""

        def compared(op: str, end: Node) -> bool | Unknown:
            return self._compare(op, operand, (self._eval(end), end if self.text == text else operand[1]), text)

        match where:
            case Defined():
                with self._inside(where):
                    return self._within(operand, where.body, text)
            case Around():
                return self._within(operand, self._interval(where), text)
            case Interval():
                ends = ((">=" if where.low_closed else ">", where.low), ("<=" if where.high_closed else "<", where.high))
                return self._kleene(False, (partial(compared, op, end) for op, end in ends))
            case SetOf():
                return self._kleene(True, (partial(compared, "==", item) for item in where.items))
            case _:
                raise ExpressionError("`in` needs an interval or a set", text=text)

    def _interval(self, node: Around) -> Interval:
        return node.interval

    def _logic(self, node: Logic) -> Term:
        return self._kleene(node.op == "or", (partial(self._truth, operand) for operand in node.operands))

    def _not(self, node: Not) -> Term:
        answer = self._truth(node.operand)
        return answer if isinstance(answer, Unknown) else not answer

    def _choice(self, node: Choice) -> Term:
        chosen = self._chosen(node)
        return chosen if isinstance(chosen, Unknown) else self._eval(chosen)

    def _chosen(self, node: Choice) -> Node | Unknown:
        condition = self._truth(node.condition)
        if isinstance(condition, Unknown):
            return condition
        return node.then if condition else node.otherwise
