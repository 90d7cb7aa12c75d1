"""What is still needed: the smallest set of unknown inputs that settles an answer, and the expression that is left once the known parts are folded away.

The set is worked out on the structure. Under the assumption that some inputs are known, whatever they are, each node has a set of standings:
a value (or true, or false), *open* (an input it waits for could still give it a value), or *stuck* (undefined, and no further input helps).
Two conditions are taken as able to come out either way, each by itself, so a set may be one input too large where two conditions on
the same input exclude one another; it is never too small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from functools import reduce
from itertools import combinations, product
from typing import Any, Final, Literal, TypeAlias

import attrs

from decision_os.errors import ExpressionError, InputError
from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import Context, Refusal, Term
from decision_os.expr.reference import Tracer
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
    children,
    walk,
)
from decision_os.expr.unparse import unparse
from decision_os.units import Unit
from decision_os.values import Cause, Unknown

__all__ = ["Residual", "Standing", "alternatives", "kleene", "residual", "smallest", "standings"]

_ALTERNATIVES: Final = 10
"""So many inputs that can stand in for one another are tried in every combination; more are left out one at a time."""


class Standing(Enum):
    """What can be said of a node when some inputs are known, whatever they are."""

    TRUE = "true"
    FALSE = "false"
    KNOWN = "known"
    OPEN = "open"
    STUCK = "stuck"


TRUE, FALSE, KNOWN, OPEN, STUCK = Standing.TRUE, Standing.FALSE, Standing.KNOWN, Standing.OPEN, Standing.STUCK
Standings: TypeAlias = frozenset[Standing]
_EITHER: Final = frozenset({TRUE, FALSE})
_OPPOSITE: Final = {TRUE: FALSE, FALSE: TRUE}


@attrs.frozen
class Residual:
    """What an answer still needs.

    `names` is the smallest set of unknown inputs which, once known, settle the answer whatever they turn out to be: in the order of
    their first appearance; empty where the answer is known, and where no input can help. `first` are those of them that the answer waits for now; the
    others may turn out not to be needed. `expression` is what is left of the expression, in canonical text, with the known parts folded away.
    `causes` says why the answer is unknown.
    """

    names: tuple[str, ...]
    first: tuple[str, ...]
    expression: str
    causes: tuple[Cause, ...] = ()

    def __str__(self) -> str:
        if not self.causes:
            return f"settled: {self.expression}"
        if not self.names:
            return f"no input settles {self.expression}: it stays undefined"
        later = tuple(name for name in self.names if name not in self.first)
        then = f", then as it turns out {_listed(later)}" if later else ""
        return f"needs {_listed(self.first)}{then}, to decide {self.expression}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def residual(tree: Node, values: Mapping[str, Any], context: Context) -> Residual:
    """What is still needed to settle the tree over these values. Raises `InputError` as evaluating does."""
    answer = Tracer(values, context).value(tree)
    if not isinstance(answer, Unknown):
        return Residual((), (), unparse(_Folder(values, context, frozenset()).folded(tree)))
    unknown = unknown_names(tree, values, context)
    waited = [name for name in unknown if name in answer.names]
    order = [*waited, *(name for name in unknown if name not in waited)]
    found = smallest(order, alternatives(tree), lambda known: OPEN not in standings(tree, values, context, known))
    names = tuple(name for name in unknown if name in found)
    first = tuple(name for name in names if name in waited)
    return Residual(names, first, unparse(_Folder(values, context, frozenset(names)).folded(tree)), answer.causes)


def unknown_names(tree: Node, values: Mapping[str, Any], context: Context) -> tuple[str, ...]:
    """The inputs of a tree that are unknown, in the order of their first appearance."""
    parts = _Parts(values, context)
    return tuple(dict.fromkeys(node.name for node in walk(tree) if isinstance(node, Name) and isinstance(parts.term(node), Unknown)))


def alternatives(tree: Node) -> frozenset[str]:
    """The inputs that another can stand in for: below `coalesce`, or asked for by `is_missing`. Knowing one more of them is not always better."""
    tests = (node for node in walk(tree) if isinstance(node, Call) and node.function in ("coalesce", "is_missing"))
    return frozenset(node.name for test in tests for node in walk(test) if isinstance(node, Name))


def smallest(names: Sequence[str], doubtful: Iterable[str], settles: Callable[[frozenset[str]], bool]) -> frozenset[str]:
    """The smallest set of names that settles; among several, that of the earliest names.

    Knowing more never unsettles, except of the `doubtful` names: those are tried in every combination, from the fewest on.
    """
    everything = frozenset(names)
    doubts = [name for name in names if name in set(doubtful)]
    if len(doubts) > _ALTERNATIVES:
        return _reduced(names, everything, settles)
    best: frozenset[str] | None = None
    plain = [name for name in names if name not in doubts]
    for size in range(len(doubts) + 1):
        for chosen in combinations(doubts, size):
            known = frozenset((*plain, *chosen))
            if best is not None and size >= len(best):
                return best
            if settles(known):
                found = _reduced(plain, known, settles)
                best = found if best is None or len(found) < len(best) else best
    return everything if best is None else best


def _reduced(removable: Sequence[str], known: frozenset[str], settles: Callable[[frozenset[str]], bool]) -> frozenset[str]:
    for name in reversed(removable):
        if settles(known - {name}):
            known -= {name}
    return known


def standings(tree: Node, values: Mapping[str, Any], context: Context, known: frozenset[str]) -> Standings:
    """What a condition can come to when these inputs are known, whatever they are, and the others stay as they are; a number or a text is `KNOWN`."""
    return _Standings(values, context, known).truth(tree)


def kleene(decider: Standing, several: Iterable[Standings]) -> Standings:
    """The standings of an `and` (the decider is `FALSE`) or an `or` (`TRUE`) of conditions with these standings."""

    def both(left: Standing, right: Standing) -> Standing:
        for standing in (decider, OPEN, STUCK):
            if standing in (left, right):
                return standing
        return _OPPOSITE[decider]

    start: Standings = frozenset({_OPPOSITE[decider]})
    return reduce(lambda left, right: frozenset(both(a, b) for a, b in product(left, right)), several, start)


@attrs.define
class _Parts:
    """What the parts of a tree come to now; what is refused counts as undefined, since nothing of it is known."""

    values: Mapping[str, Any]
    context: Context

    def term(self, node: Node) -> Term | None:
        """The term of a node; None where evaluating it is refused, or it is a range."""
        try:
            return Tracer(self.values, self.context).term(node)
        except (InputError, Refusal, ExpressionError):
            return None


@attrs.define
class _Standings(_Parts):
    """The standings of the nodes of one tree under one assumption."""

    known: frozenset[str]

    def settled(self, node: Node) -> Standing | None:
        """The standing of a node that the assumption does not touch, where it has a value now; nothing where it has to be looked into."""
        if self.touched(node):
            return None
        term = self.term(node)
        if term is None:
            return STUCK
        if isinstance(term, bool):
            return TRUE if term else FALSE
        return None if isinstance(term, Unknown) else KNOWN

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def truth(self, node: Node) -> Standings:
        match node:
            case Defined():
                return self.truth(node.body)
            case Logic():
                return kleene(TRUE if node.op == "or" else FALSE, map(self.truth, node.operands))
            case Not():
                return _opposite(self.truth(node.operand))
            case Choice():
                return self.choice(node, self.truth)
            case Comparison() if len(node.ops) > 1:
                return kleene(FALSE, map(self.truth, links(node)))
            case Membership() if isinstance(where := _range(node.where), Interval):
                inside = kleene(FALSE, map(self.truth, ends(node.operand, where)))
                return _opposite(inside) if node.negated else inside
        standing = self.settled(node)
        if standing is not None:
            return frozenset({standing})
        match node:
            case Name():
                return _EITHER if node.name in self.known else frozenset({OPEN})
            case Comparison():
                return _either(self.strict((node.first, node.rest[0])))
            case Membership():
                return _either(self.value(node.operand))
            case Call() if node.function == "is_missing":
                return frozenset(FALSE if standing is KNOWN else TRUE for standing in self.value(node.arguments[0]))
            case _:
                return _either(self.value(node))

    def choice(self, node: Choice, below: Callable[[Node], Standings]) -> Standings:
        found: set[Standing] = set()
        for standing in self.truth(node.condition):
            match standing:
                case Standing.TRUE:
                    found |= below(node.then)
                case Standing.FALSE:
                    found |= below(node.otherwise)
                case _:
                    found.add(standing)
        return frozenset(found)

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def value(self, node: Node) -> Standings:
        match node:
            case Defined():
                return self.value(node.body)
            case Choice():
                return self.choice(node, self.value)
            case Comparison() | Membership() | Logic() | Not():
                return frozenset(KNOWN if standing in _EITHER else standing for standing in self.truth(node))
        standing = self.settled(node)
        if standing is not None:
            return frozenset({KNOWN if standing in _EITHER else standing})
        match node:
            case Name():
                return frozenset({KNOWN if node.name in self.known else OPEN})
            case Call() if node.function == "coalesce":
                return self.first_known(node.arguments)
            case Call() if node.function == "is_missing":
                return frozenset({KNOWN})
            case Call() | Arithmetic() | Negative():
                return self.applied(node)
            case _:
                return frozenset({KNOWN})

    def first_known(self, nodes: Sequence[Node]) -> Standings:
        found: set[Standing] = set()
        lacking = {STUCK}
        for node in nodes:
            several = self.value(node)
            found |= several & {KNOWN}
            lacking = {OPEN if OPEN in (one, other) else STUCK for one in lacking for other in several - {KNOWN}}
        return frozenset(found | lacking)

    def strict(self, nodes: Sequence[Node]) -> Standings:
        """Of an operation that is unknown where an operand is, and undefined for good where one is that."""

        def both(left: Standing, right: Standing) -> Standing:
            return next((standing for standing in (STUCK, OPEN) if standing in (left, right)), KNOWN)

        several = [self.value(node) for node in nodes]
        return reduce(lambda left, right: frozenset(both(a, b) for a, b in product(left, right)), several)

    def applied(self, node: Arithmetic | Negative | Call) -> Standings:
        if self.by_zero(node):
            return frozenset({STUCK})
        found = self.strict(children(node))
        if KNOWN not in found:
            return found
        if not self.touched(node):
            return frozenset({STUCK})  # all of it is there, and it has no value
        fails = isinstance(node, Call) and node.function not in FUNCTIONS
        if isinstance(node, Arithmetic) and node.op == "/":
            fails = self.touched(node.right)
        return found | {STUCK} if fails else found

    def by_zero(self, node: Node) -> bool:
        """Whether this is a division by a known zero: undefined, whatever is divided."""
        if not isinstance(node, Arithmetic) or node.op != "/" or self.touched(node.right):
            return False
        divisor = self.term(node.right)
        return isinstance(divisor, tuple) and isinstance(arithmetic.divide((1.0, 0.0), divisor), Unknown)

    def touched(self, node: Node) -> bool:
        """Whether a node reads an input of the assumption."""
        return any(isinstance(part, Name) and part.name in self.known for part in walk(node))


def _either(values: Standings) -> Standings:
    return (values - {KNOWN}) | _EITHER if KNOWN in values else values


def _opposite(truths: Standings) -> Standings:
    return frozenset(_OPPOSITE.get(standing, standing) for standing in truths)


def _range(where: Node) -> Node:
    while isinstance(where, Defined):
        where = where.body
    return where.interval if isinstance(where, Around) else where


def links(node: Comparison) -> list[Comparison]:
    """A chain as its links."""
    nodes = (node.first, *node.rest)
    return [Comparison(nodes[index], (op,), (nodes[index + 1],), span=node.span) for index, op in enumerate(node.ops)]


def ends(operand: Node, where: Interval) -> tuple[Comparison, Comparison]:
    """What being in an interval asks of each end."""
    return (
        Comparison(operand, (">=" if where.low_closed else ">",), (where.low,)),
        Comparison(operand, ("<=" if where.high_closed else "<",), (where.high,)),
    )


# ── what is left of the expression ───────────────────────────────────────────────────────────────────────────────────────────────


@attrs.define
class _Folder(_Parts):
    """Folds away what is known, but for what the names still needed could change."""

    needed: frozenset[str]

    def folded(self, node: Node) -> Node:
        literal = self.literal(node)
        if literal is not None:
            return literal
        match node:
            case Defined():
                return self.folded(node.body)
            case Logic():
                return _joined(node.op, [self.folded(operand) for operand in node.operands])
            case Not():
                inner = self.folded(node.operand)
                return Truth(not inner.value) if isinstance(inner, Truth) else Not(inner)
            case Comparison():
                return self.comparison(node)
            case Membership():
                return self.membership(node)
            case Choice():
                condition = self.folded(node.condition)
                if isinstance(condition, Truth):
                    return self.folded(node.then if condition.value else node.otherwise)
                return Choice(condition, self.folded(node.then), self.folded(node.otherwise))
            case Negative():
                return Negative(self.folded(node.operand))
            case Arithmetic():
                return Arithmetic(node.op, self.folded(node.left), self.folded(node.right))
            case Call():
                return Call(node.function, tuple(map(self.folded, node.arguments)))
            case _:
                return node

    def literal(self, node: Node) -> Node | None:
        """A node that is known now and that nothing still needed can change, as a literal; nothing where it is not, or has no short decimal."""
        if isinstance(node, Number | Text | Truth | Interval | Around | SetOf):
            return None
        if any(isinstance(part, Name) and part.name in self.needed for part in walk(node)):
            return None
        term = self.term(node)
        match term:
            case bool():
                return Truth(term)
            case str():
                return Text(term)
            case tuple():
                found = on_paper(node, self)
                return None if found is None else Number(float(found), found, self.unit(node))
            case _:
                return None

    def unit(self, node: Node) -> Unit | None:
        """The unit of a folded input that can be written beside its number."""
        unit = self.context.units.get(node.name) if isinstance(node, Name) and node.scale == 1 else None
        return unit if unit is not None and (unit.duration or unit.factors == ((unit.currency, 1),)) else None

    def comparison(self, node: Comparison) -> Node:
        """A chain, broken where a link is known."""
        runs: list[Node] = []
        operands = [self.folded(operand) for operand in (node.first, *node.rest)]
        start: int | None = None
        for index, link in enumerate(links(node)):
            found = self.literal(link)
            if found == Truth(value=False):
                return found
            if found is None and start is None:
                start = index
            if start is not None and (found is not None or index == len(node.ops) - 1):
                stop = index if found is not None else index + 1
                runs.append(Comparison(operands[start], node.ops[start:stop], tuple(operands[start + 1 : stop + 1])))
                start = None
        return _joined("and", runs)

    def membership(self, node: Membership) -> Node:
        where = _range(node.where)
        if isinstance(where, Interval):
            open_ends = [end for end in ends(node.operand, where) if self.literal(end) is None]
            if len(open_ends) == 1:
                found = self.comparison(open_ends[0])
                return Not(found) if node.negated else found
            where = attrs.evolve(where, low=self.folded(where.low), high=self.folded(where.high))
            if _empty(where):  # which the language does not write as an interval
                found = Logic("and", ends(self.folded(node.operand), where))
                return Not(found) if node.negated else found
        return Membership(self.folded(node.operand), where, node.negated)


def _empty(where: Interval) -> bool:
    if not (isinstance(where.low, Number) and isinstance(where.high, Number)):
        return False
    return where.low.exact > where.high.exact or (where.low.exact == where.high.exact and not (where.low_closed and where.high_closed))


def _joined(op: Literal["and", "or"], operands: Sequence[Node]) -> Node:
    decider = Truth(op == "or")
    if decider in operands:
        return decider
    left: list[Node] = []
    for operand in operands:
        if not isinstance(operand, Truth):
            left += operand.operands if isinstance(operand, Logic) and operand.op == op else (operand,)
    if not left:
        return Truth(op == "and")
    return left[0] if len(left) == 1 else Logic(op, tuple(left))


def on_paper(node: Node, parts: _Parts) -> Fraction | None:
    """The number a known node comes to in exact arithmetic over the inputs as written; nothing where it has no decimal of at most 15 digits."""
    found = _exact(node, parts)
    if found is None:
        return None
    short = Fraction(repr(float(f"{float(found):.15g}")))
    return found if short == found else None


def _exact(node: Node, parts: _Parts) -> Fraction | None:  # one case for each type of node
    match node:
        case Number():
            return node.exact
        case Name():
            term = parts.term(attrs.evolve(node, scale=Fraction(1)))
            return Fraction(repr(term[0])) * node.scale if isinstance(term, tuple) else None
        case Defined():
            return _exact(node.body, parts)
        case Choice():
            chosen = parts.term(node.condition)
            return _exact(node.then if chosen is True else node.otherwise, parts) if isinstance(chosen, bool) else None
        case Call() if node.function == "coalesce":
            known = next((argument for argument in node.arguments if isinstance(parts.term(argument), tuple)), None)
            return None if known is None else _exact(known, parts)
        case Call() | Arithmetic() | Negative():
            numbers = [_exact(child, parts) for child in children(node)]
            known_numbers = [number for number in numbers if number is not None]
            if len(known_numbers) < len(numbers):
                return None
            return _applied(node, known_numbers)
        case _:
            return None


def _applied(node: Call | Arithmetic | Negative, numbers: Sequence[Fraction]) -> Fraction | None:
    match node:
        case Negative():
            return -numbers[0]
        case Arithmetic():
            left, right = numbers
            if node.op == "/":
                return left / right if right else None
            return left + right if node.op == "+" else left - right if node.op == "-" else left * right
        case Call():
            match node.function:
                case "abs":
                    return abs(numbers[0])
                case "min":
                    return min(numbers)
                case "max":
                    return max(numbers)
                case "clip":
                    return min(max(numbers[0], numbers[1]), numbers[2])
    return None
