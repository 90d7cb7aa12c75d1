"""Writes the Python function that answers a tree in the common case; see `compiler.py` for what it leaves to the closures.

The source holds generated names and numbers only: the author's names and texts are default arguments, so they cannot become code. It
is one expression; `bail()` inside it gives the case up, and a comparison too close for its tests is asked of the closures alone. A part of
a condition is evaluated when the closures would evaluate it, and never more often than once on one path.

**Why its answers are those of `arithmetic.py`.** Let u be `ROUNDING`. Every number x of the tree has a bound on its magnitude M(x) and a
small count k(x) with error(x) <= k u M(x), by the recurrence: M of an input or a literal is its magnitude and k at most 1; a sum adds the
Ms, a product multiplies them, a quotient divides by the divisor; each operation adds 1 to the larger k, or to their sum. A comparison of
l with r is decided by d = l - r alone when |d| > u (k(l) + k(r)) (M(l) + M(r)). Every test asks for four times as much, which covers
second-order terms and the rounding of the test itself. The first test is for positive terms, where M is the value: one side must
exceed the other by a factor a hair above 1. (An input times a literal has that factor in its literal: as many roundings as without.) The
second, for any signs, compares squares, which need no `abs`; where one side is a product of inputs its M is at most |d| + M of the other
side, and is left out. Both tests fail for NaN and for infinities. Where
numbers are multiplied, divided or picked by `min` and `max`, every input must be 0 or within 1e-30 … 1e30 and a product has at most six
factors, so that nothing overflows or underflows unseen.

An input against a literal is decided by one comparison with the last float for which `arithmetic.compare` says yes.
"""

from __future__ import annotations

import hashlib
import linecache
import math
import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any, Final, Literal, NoReturn, TypeAlias

import attrs

from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import ROUNDING, Bounded
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
    body_of,
    children,
)
from decision_os.values import EXACT_INTEGER, Unknown

__all__ = ["Source", "write"]

Op: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]

_SMALLEST, _LARGEST = 1e-30, 1e30
_MOST_FACTORS: Final = 6
_LOOSEST: Final = 2.0**40


class _Unfit(Exception):  # noqa: N818 - a tree without a fast path is no error
    """The tree is left to the closures."""


class _Bail(Exception):  # noqa: N818 - as above, for these values
    """The values are left to the closures."""


def _bail() -> NoReturn:
    raise _Bail


def _number(raw: object) -> float:
    """An int as a float, with a float's rounding; a large one, which is exact, and anything else are not for the fast path."""
    if type(raw) is int and -EXACT_INTEGER < raw < EXACT_INTEGER:
        return float(raw)
    raise _Bail


def _within_range(raw: object) -> float:
    """The same where inputs are multiplied: zero, a negative number or an int, of a magnitude that cannot overflow."""
    value = raw if type(raw) is float else _number(raw)
    if value == 0.0 or _SMALLEST < abs(value) < _LARGEST:
        return value
    raise _Bail


_GLOBALS: Final[Mapping[str, object]] = {
    "T": type,
    "D": dict,
    "F": float,
    "S": str,
    "B": bool,
    "I": inf,
    "N": -inf,
    "number": _number,
    "ranged": _within_range,
    "bail": _bail,
}


def _settling(node: Comparison, exact: Callable[[Comparison], Callable[[Mapping[str, Any]], Any]]) -> Callable[[Mapping[str, Any]], bool]:
    """Settles one comparison by its rounding bound; made when it is first that close."""
    test: Callable[[Mapping[str, Any]], Any] | None = None

    def settle(values: Mapping[str, Any]) -> bool:
        nonlocal test
        if test is None:
            test = exact(node)
        answer = test(values)
        if answer is True or answer is False:
            return answer
        raise _Bail

    return settle


_QUICK: Final = ("T", "D", "F", "I", "N")
"""What is looked up on the common way; the others, and what is seldom asked, are globals of the function."""


@attrs.frozen
class Source:
    """The text of a function, the constants it takes as default arguments, and the comparisons it asks about where rounding could decide."""

    code: str
    constants: Mapping[str, object]
    close: Mapping[str, Comparison]
    aside: Mapping[str, str]
    """Functions for what is seldom reached: in line they would make the common way longer than its jumps reach cheaply."""

    def function(
        self, slow: Callable[[Mapping[str, Any]], Any], exact: Callable[[Comparison], Callable[[Mapping[str, Any]], Any]]
    ) -> Callable[[Mapping[str, Any]], Any] | None:
        """The function, falling back on `slow`, and for a comparison too close to call on `exact`; nothing where Python's parser finds it nested too deep."""
        constants = {**_GLOBALS, **self.constants, **{name: _settling(node, exact) for name, node in self.close.items()}, "slow": slow}
        arguments = ", ".join(f"{name}={name}" for name in (*_QUICK, *self.constants))
        lines = [
            *self.aside.values(),
            f"def expression(m, {arguments}):",
            "    if T(m) is D:",
            "        try:",
            f"            return {self.code}",
            "        except Exception:",
            "            pass",
            "    return slow(m)",
        ]
        text = "\n".join(lines) + "\n"
        file = f"<decision_os expression {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
        try:
            code = compile(text, file, "exec")
        except (SyntaxError, RecursionError, MemoryError):
            return None
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        namespace: dict[str, Any] = dict(constants)
        exec(code, namespace)  # noqa: S102 - the text is written here, of generated names and numbers alone
        found: Callable[[Mapping[str, Any]], Any] = namespace["expression"]
        weakref.finalize(found, linecache.cache.pop, file, None).atexit = False  # a service that reads texts for ever keeps none of them
        return found


def write(tree: Node) -> Source | None:
    """The source for a tree; nothing where no part of it gains by one."""
    writer = _Writer(ranged=_multiplies(tree))
    try:
        code = writer.answer(tree)
    except _Unfit:
        return None
    return Source(code, writer.constants, writer.close, writer.aside)


@attrs.frozen
class _Part:
    """A number in the source.

    `code` computes it, once; `var` is its value after that. `square` bounds M² / `loose`, by values computed before. `count` is k.
    """

    code: str
    var: str
    square: str
    count: float
    factors: int
    loose: float = 1.0
    sharp: bool = True
    """M is the magnitude of the number itself."""
    constant: Bounded | None = None
    plain: bool = False
    """It is an input as it comes."""
    terms: tuple[str, ...] | None = ()
    """The variables that must be positive, beside the number itself, for M to be its value; None where that is not enough."""
    scaled: tuple[_Part, float] | None = None
    """It is an input times a positive literal, and `code` multiplies the two."""

    @property
    def again(self) -> _Part:
        return attrs.evolve(self, code=self.var, scaled=None)


class _Writer:
    def __init__(self, *, ranged: bool) -> None:
        self.ranged = ranged
        self.constants: dict[str, object] = {}
        self.close: dict[str, Comparison] = {}
        self.aside: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.ready: set[str] = set()
        """The variables that have their value wherever the code now being written is reached."""
        self.temporaries = 0

    # ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def temporary(self) -> str:
        self.temporaries += 1
        return f"t{self.temporaries}"

    def constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def load(self, node: Name, prefix: str, template: str) -> tuple[str, str]:
        """Code and variable of an input, read where it is first needed; `{x}` is the variable, `{m}` the look-up."""
        if node.name not in self.names:
            self.names[node.name] = self.constant(node.name)
        key = self.names[node.name]
        variable = f"{prefix}{key}"
        if variable in self.ready:
            return variable, variable
        self.ready.add(variable)
        return template.format(x=variable, m=f"({variable} := m[{key}])"), variable

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Code that may not be reached: what it reads is not ready after it."""
        before = set(self.ready)
        yield
        self.ready = before

    # ── what the whole comes to ──────────────────────────────────────────────────────────────────────────────────────────────────

    def answer(self, node: Node) -> str:
        match node:
            case Defined():
                return self.answer(node.body)
            case Choice():
                condition = self.condition(node.condition)
                with self.perhaps():
                    then = self.answer(node.then)
                with self.perhaps():
                    otherwise = self.answer(node.otherwise)
                return f"({then} if {condition} else {otherwise})"
            case Text():
                return self.constant(node.value)
            case Comparison() | Membership() | Logic() | Not() | Truth() | Call("is_missing"):
                return self.condition(node)
            case _:
                return self.known(self.number(node))

    def known(self, part: _Part) -> str:
        """The value of a part, given up where it is not finite."""
        return f"({part.var} if N < {part.code} < I else bail())"

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self, node: Node) -> _Part:
        folded = _folded(node)
        if folded is not None:
            return _literal(folded)
        match node:
            case Defined():
                return self.number(node.body)
            case Name():
                return self.input(node)
            case Negative():
                part, name = self.number(node.operand), self.temporary()
                if part.constant is not None:
                    return _literal(arithmetic.negate(part.constant))
                terms = part.terms if part.sharp else None
                return attrs.evolve(part, code=f"({name} := -{part.code})", var=name, plain=False, terms=terms, scaled=None)
            case Arithmetic("+" | "-"):
                return self.sum(node.op, self.number(node.left), self.number(node.right))
            case Arithmetic("*"):
                return self.product(self.number(node.left), self.number(node.right))
            case Arithmetic():
                return self.quotient(self.number(node.left), self.number(node.right))
            case Call():
                return self.call(node)
            case _:
                raise _Unfit

    def input(self, node: Name) -> _Part:
        if self.ranged:
            template = f"({{x}} if T{{m}} is F and {_SMALLEST!r} < {{x}} < {_LARGEST!r} else ({{x}} := ranged({{x}})))"
        else:
            template = "({x} if T{m} is F else ({x} := number({x})))"
        code, variable = self.load(node, "x", template)
        part = _Part(code, variable, f"{variable}*{variable}", count=1, factors=1, plain=True)
        return part if node.scale == 1 else self.product(part, _literal(arithmetic.constant(node.scale)))

    def made(self, code: str, *, square: str, count: float, factors: int, loose: float, sharp: bool, terms: tuple[str, ...] | None = None) -> _Part:
        """A part computed of others; `{t}` in `square` is its variable."""
        if factors > _MOST_FACTORS or loose > _LOOSEST or count > _LOOSEST:
            raise _Unfit
        name = self.temporary()
        square = f"{name}*{name}" if sharp else square.format(t=name)
        return _Part(f"({name} := {code})", name, square, count, factors, 1.0 if sharp else loose, sharp, terms=() if sharp else terms)

    def sum(self, op: str, left: _Part, right: _Part) -> _Part:
        return self.made(
            f"{left.code} {op} {right.code}",
            square=f"({left.square} + {right.square})",
            count=max(left.count, right.count) + 1,
            factors=max(left.factors, right.factors),
            loose=2 * max(left.loose, right.loose),
            sharp=False,
            terms=_added(_positives(left), _positives(right)) if op == "+" else None,
        )

    def product(self, left: _Part, right: _Part) -> _Part:
        made = self.made(
            f"{left.code} * {right.code}",
            square=f"{left.square}*{right.square}",
            count=left.count + right.count + 1,
            factors=left.factors + right.factors,
            loose=left.loose * right.loose,
            sharp=left.sharp and right.sharp,
        )
        for part, literal in ((left, right.constant), (right, left.constant)):
            if part.plain and literal is not None and literal[0] > 0.0:
                return attrs.evolve(made, scaled=(part, literal[0]))
        return made

    def quotient(self, left: _Part, right: _Part) -> _Part:
        count, factors = 2 * (left.count + right.count + 1), left.factors + right.factors
        if right.sharp:  # never zero unseen: Python raises, and the closures say why it is unknown
            return self.made(
                f"{left.code} / {right.code}",
                square=f"{left.square}/({right.var}*{right.var})",
                count=count,
                factors=factors,
                loose=left.loose,
                sharp=left.sharp,
            )
        apart = (4 * right.count * ROUNDING) ** 2 * right.loose  # the divisor is at least four times its error
        divisor = f"({right.var} if I > {right.code}*{right.var} > {apart!r}*{right.square} else bail())"
        return self.made(
            f"{left.code} / {divisor}",
            square=f"(({left.square} + {{t}}*{{t}}*{right.square})/({right.var}*{right.var}))",
            count=count,
            factors=factors,
            loose=2 * max(left.loose, right.loose),
            sharp=False,
        )

    def call(self, node: Call) -> _Part:
        match node.function:
            case "abs":
                part, name = self.number(node.arguments[0]), self.temporary()
                if part.constant is not None:
                    return _literal(arithmetic.absolute(part.constant))
                code = f"({name} := ({part.var} if {part.code} > 0.0 else 0.0 - {part.var}))"
                return attrs.evolve(part, code=code, var=name, plain=False, scaled=None)
            case "min" | "max":
                first, *others = [self.number(argument) for argument in node.arguments]
                for other in others:
                    first = self.picked("<=" if node.function == "min" else ">=", first, other)
                return first
            case "clip":
                value, low, high = (self.number(argument) for argument in node.arguments)
                return self.picked("<=", self.picked(">=", value, low), high)
            case "coalesce":  # where the first is not known the fast path is left anyway
                return self.number(node.arguments[0])
            case _:
                raise _Unfit

    def picked(self, op: str, left: _Part, right: _Part) -> _Part:
        return self.made(
            f"({left.var} if {left.code} {op} {right.code} else {right.var})",
            square=f"({left.square} + {right.square})",
            count=max(left.count, right.count),
            factors=max(left.factors, right.factors),
            loose=2 * max(left.loose, right.loose),
            sharp=False,
        )

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, node: Node) -> str:
        match node:
            case Truth():
                return str(node.value)
            case Defined():
                return self.condition(node.body)
            case Name():
                return self.load(node, "b", "({x} if T{m} is B else bail())")[0]
            case Not():
                return f"(not {self.condition(node.operand)})"
            case Logic():
                return self.joined(node.op, [partial(self.condition, part) for part in node.operands])
            case Choice():
                return self.answer_condition(node)
            case Comparison():
                return self.comparison(node)
            case Membership():
                inside = self.membership(node.operand, node.where)
                return f"(not {inside})" if node.negated else inside
            case Call("is_missing"):
                part = self.number(node.arguments[0])
                return f"(False if N < {part.code} < I else bail())"
            case _:
                raise _Unfit

    def joined(self, op: str, parts: list[Callable[[], str]]) -> str:
        """Operands of `and` or `or`: each is reached only where those before it were evaluated, and did not decide."""
        first = parts[0]()
        with self.perhaps():
            codes = [first, *(part() for part in parts[1:])]
        return f"({f' {op} '.join(codes)})"

    def answer_condition(self, node: Choice) -> str:
        condition = self.condition(node.condition)
        with self.perhaps():
            then = self.condition(node.then)
        with self.perhaps():
            otherwise = self.condition(node.otherwise)
        return f"({then} if {condition} else {otherwise})"

    def comparison(self, node: Comparison) -> str:
        if any(isinstance(body_of(part), Text) for part in (node.first, *node.rest)):
            return self.text_comparison(node)
        left = self.number(node.first)
        links: list[Callable[[], str]] = []
        for place, (op, before, operand) in enumerate(zip(node.ops, (node.first, *node.rest[:-1]), node.rest, strict=True), 1):

            def link(op: Op = op, before: Node = before, operand: Node = operand, *, last: bool = place == len(node.ops)) -> str:
                nonlocal left
                right = self.number(operand)
                node = Comparison(before, (op,), (operand,))
                code = self.compared(node, left, right if last else attrs.evolve(right, scaled=None))  # the next link needs its value
                left = right.again
                return code

            links.append(link)
        return self.joined("and", links)

    def text_comparison(self, node: Comparison) -> str:
        if len(node.ops) != 1 or node.ops[0] not in ("==", "!="):
            raise _Unfit
        return f"({self.text(node.first)} {node.ops[0]} {self.text(node.rest[0])})"

    def text(self, node: Node) -> str:
        body = body_of(node)
        if isinstance(body, Text):
            return self.constant(body.value)
        if isinstance(body, Name):
            return self.load(body, "s", "({x} if T{m} is S else bail())")[0]
        raise _Unfit

    def membership(self, operand: Node, where: Node) -> str:
        where = body_of(where)
        match where:
            case Around():
                return self.membership(operand, where.interval)
            case Interval():
                return self.interval(operand, where)
            case SetOf() if where.items and all(isinstance(item, Text) for item in where.items):
                words = frozenset(item.value for item in where.items if isinstance(item, Text))
                return f"({self.text(operand)} in {self.constant(words)})"
            case SetOf() if where.items:
                part = self.number(operand)
                tests = [Comparison(operand, ("==",), (item,)) for item in where.items]
                first = self.compared(tests[0], part, self.number(where.items[0]))
                rest = [self.compared(test, part.again, self.number(test.rest[0])) for test in tests[1:]]
                return f"({' or '.join([first, *rest])})"
            case _:
                raise _Unfit

    def interval(self, operand: Node, where: Interval) -> str:
        part = self.number(operand)
        low_op: Op = ">=" if where.low_closed else ">"
        high_op: Op = "<=" if where.high_closed else "<"
        low, high = _folded(where.low), _folded(where.high)
        if part.plain and low is not None and high is not None:
            from_low, to_high = _boundary(low_op, low), _boundary(high_op, high)
            test = f"{from_low} {'<=' if where.low_closed else '<'} {part.var} {high_op} {to_high}"
            return self.guarded(test, part)
        return self.joined(
            "and",
            [
                lambda: self.compared(Comparison(operand, (low_op,), (where.low,)), part, self.number(where.low)),
                lambda: self.compared(Comparison(operand, (high_op,), (where.high,)), part.again, self.number(where.high)),
            ],
        )

    def guarded(self, test: str, part: _Part) -> str:
        return f"({test} if N < {part.code} < I else bail())"

    def compared(self, node: Comparison, left: _Part, right: _Part) -> str:
        """A comparison of two; `node` is that comparison alone, for where it is too close to call."""
        op: str = node.ops[0]
        if left.constant is not None and right.constant is not None:
            return str(arithmetic.compare(op, left.constant, right.constant))
        if left.plain and right.constant is not None:
            return self.against_literal(op, left, right.constant)
        if right.plain and left.constant is not None:
            return self.against_literal(_MIRRORED[op], right, left.constant)
        less, greater = str(op in ("<", "<=", "!=")), str(op in (">", ">=", "!="))
        positives = _positives(left), _positives(right)
        if positives[0] is None or positives[1] is None:
            return self.by_squares(node, less, greater, left, right)
        hair = 8 * (left.count + right.count) * ROUNDING
        if right.scaled is not None:  # the hair goes into the literal: one product for each test, and one rounding less
            part, factor = right.scaled
            low, high = f"{part.code}*{factor * (1 - hair)!r}", f"{part.var}*{factor * (1 + hair)!r}"
            squares = self.by_squares(node, less, greater, left.again, attrs.evolve(right, code=f"({right.var} := {part.var} * {factor!r})"))
            positives = positives[0], (part.var,)
        else:
            low = repr(right.constant[0] * (1 - hair)) if right.constant is not None else f"{right.code}*{1 - hair!r}"
            high = repr(right.constant[0] * (1 + hair)) if right.constant is not None else f"{right.var}*{1 + hair!r}"
            squares = self.by_squares(node, less, greater, left.again, right.again)
        squares = self.put_aside(squares)
        # the greater side is positive where the smaller one is; a sum asks for its terms all the same
        below = _all_positive(positives[0], right.terms)
        above = _all_positive(positives[1], left.terms)
        return f"({less} if {left.code} < {low} < I{below} else {greater} if {high} < {left.var} < I{above} else {squares})"

    def put_aside(self, code: str) -> str:
        """The call of a function of its own for code that reads nothing anew."""
        name = f"q{len(self.aside)}"
        made = set(re.findall(r"(\w+) :=", code))
        read = [variable for variable in dict.fromkeys(re.findall(r"\b(?:xk|t)\d+\b", code)) if variable not in made]
        parameters = ", ".join([*read, "m"])
        self.aside[name] = f"def {name}({parameters}): return {code}"
        return f"{name}({parameters})"

    def by_squares(self, node: Comparison, less: str, greater: str, left: _Part, right: _Part) -> str:
        name = self.temporary()
        dropped = next((part for part in (left, right) if part.sharp and part.constant is None), right if right.sharp else None)
        if dropped is None:
            square, loose = f"({left.square} + {right.square})", 2 * max(left.loose, right.loose)
            kept = None
        else:
            kept = right if dropped is left else left
            square, loose = kept.square, kept.loose
        factor = (4 * (left.count + right.count) * ROUNDING) ** 2 * loose
        fixed = kept.constant if kept is not None else None
        least = f"{factor!r}*{square}" if fixed is None else repr(factor * fixed[0] * fixed[0])
        result = less if less == greater else f"{name} {'<' if less == 'True' else '>'} 0.0"
        close = f"c{len(self.close)}"
        self.close[close] = node
        return f"({result} if I > ({name} := {left.code} - {right.code})*{name} > {least} else {close}(m))"

    def against_literal(self, op: str, part: _Part, constant: Bounded) -> str:
        if op in ("==", "!="):
            test = f"{_boundary('>=', constant)} <= {part.var} <= {_boundary('<=', constant)}"
            return self.guarded(f"({test}) is {op == '=='}", part)
        return self.guarded(f"{part.var} {op} {_boundary(op, constant)}", part)


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _positives(part: _Part) -> tuple[str, ...] | None:
    """The variables that must be positive for M to be the value of a part; None where that is not enough."""
    if part.constant is not None:
        return () if part.constant[0] > 0.0 else None
    return (part.var,) if part.sharp else part.terms


def _added(left: tuple[str, ...] | None, right: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if left is None or right is None else (*left, *right)


def _all_positive(*names: tuple[str, ...] | None) -> str:
    return "".join(f" and {name} > 0.0" for name in dict.fromkeys(name for some in names for name in some or ()))


def _literal(constant: Bounded) -> _Part:
    value, error = constant
    if value == 0.0:
        if error:
            raise _Unfit
        return _Part("0.0", "0.0", "0.0", count=0, factors=0, constant=constant)
    if not _SMALLEST <= abs(value) <= _LARGEST:
        raise _Unfit
    return _Part(repr(value), repr(value), repr(value * value), count=error / (ROUNDING * abs(value)), factors=0, constant=constant)


def _folded(node: Node) -> Bounded | None:
    """The number that a tree without inputs comes to; nothing for a tree with inputs."""
    match node:
        case Number():
            found: Bounded | Unknown | None = arithmetic.literal(node)
        case Defined():
            found = _folded(node.body)
        case Negative():
            inner = _folded(node.operand)
            found = None if inner is None else arithmetic.negate(inner)
        case Arithmetic():
            left, right = _folded(node.left), _folded(node.right)
            if left is None or right is None:
                return None
            found = {"+": arithmetic.add, "-": arithmetic.subtract, "*": arithmetic.multiply, "/": arithmetic.divide}[node.op](left, right)
        case _:
            return None
    if isinstance(found, Unknown):
        raise _Unfit
    return found


def _boundary(op: str, constant: Bounded) -> str:
    """The float that decides `x op constant`: x compares with it as floats do just where `arithmetic.compare` says yes."""
    yes, towards = ("<=", inf) if op in ("<=", ">") else (">=", -inf)
    found = constant[0]
    for _ in range(64):
        beyond = math.nextafter(found, towards)
        if arithmetic.compare(yes, arithmetic.given(beyond), constant) is not True:
            return repr(found)
        found = beyond
    raise _Unfit


def _multiplies(node: Node) -> bool:
    """Whether inputs are multiplied with each other, divided by, or picked by `min` and `max`."""
    match node:
        case Arithmetic("*"):
            here = _reads(node.left) and _reads(node.right)
        case Arithmetic("/"):
            here = _reads(node.right)
        case Call("min" | "max" | "clip"):
            here = True
        case _:
            here = False
    return here or any(_multiplies(child) for child in children(node))


def _reads(node: Node) -> bool:
    return isinstance(node, Name) or any(_reads(child) for child in children(node))
