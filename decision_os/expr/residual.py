"""What is still needed: the smallest set of unknown inputs that settles an answer, and the expression that is left once the known parts are folded away.

The set is worked out on the structure. Under the assumption that some inputs are known, whatever they are, each node has a set of standings:
a value (or true, or false), *open* (an input it waits for could still give it a value), or *stuck* (undefined, and no further input helps).
Two conditions are taken as able to come out either way, each by itself, so a set may be one input too large where two conditions on
the same input exclude one another; it is never too small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from functools import partial, reduce
from itertools import combinations, product
from typing import Any, Final, TypeAlias

import attrs

from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import Context
from decision_os.expr.folding import folded
from decision_os.expr.parts import Parts, ends, links
from decision_os.expr.reference import Reference
from decision_os.expr.tree import (
    FUNCTIONS,
    Arithmetic,
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
    children,
    range_of,
    walk,
)
from decision_os.expr.work import Spent, Work
from decision_os.values import Cause, Unknown

__all__ = ["STEPS", "Residual", "Standing", "alternatives", "kleene", "residual", "smallest", "standings"]

_ALTERNATIVES: Final = 10
"""So many inputs that can stand in for one another are tried in every combination; more are left out one at a time."""

STEPS: Final = 200_000
"""Nodes looked at, of about two microseconds each, after which not every combination is tried."""


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
    others may turn out not to be needed. `expression` is what is left of the expression, in canonical text, with the known parts folded away; read in
    the scope of the whole it gives the same answer. What no text can say of a known part stays in it as the name of the input.
    `causes` says why the answer is unknown. `least` is false where the search for the smallest set was given up: `names` settle the answer, and fewer may.
    """

    names: tuple[str, ...]
    first: tuple[str, ...]
    expression: str
    causes: tuple[Cause, ...] = ()
    least: bool = attrs.field(default=True, repr=False)

    def __str__(self) -> str:
        if not self.causes:
            return f"settled: {self.expression}"
        if not self.names:
            return f"no input settles {self.expression}: it stays undefined"
        later = tuple(name for name in self.names if name not in self.first)
        then = f", then as it turns out {_listed(later)}" if later else ""
        fewer = "" if self.least else " (fewer may do: not every set was tried)"
        return f"needs {_listed(self.first)}{then}, to decide {self.expression}{fewer}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def residual(tree: Node, values: Mapping[str, Any], context: Context) -> Residual:
    """What is still needed to settle the tree over these values. Raises `InputError` as evaluating does."""
    answer = Reference(values, context).value(tree)
    if not isinstance(answer, Unknown):
        return Residual((), (), folded(tree, values, context, frozenset()))
    unknown = unknown_names(tree, values, context)
    waited = [name for name in unknown if name in answer.names]
    order = [*waited, *(name for name in unknown if name not in waited)]
    work = Work(STEPS)
    ask = standings(tree, values, context, work)
    found, least = smallest(order, alternatives(tree), lambda known: OPEN not in ask(known), work)
    names = tuple(name for name in unknown if name in found)
    first = tuple(name for name in names if name in waited)
    return Residual(names, first, folded(tree, values, context, frozenset(names)), answer.causes, least)


def unknown_names(tree: Node, values: Mapping[str, Any], context: Context) -> tuple[str, ...]:
    """The inputs of a tree that are unknown, in the order of their first appearance."""
    parts = Parts(values, context)
    return tuple(dict.fromkeys(node.name for node in walk(tree) if isinstance(node, Name) and isinstance(parts.term(node), Unknown)))


def alternatives(tree: Node) -> frozenset[str]:
    """The inputs that another can stand in for: below `coalesce`, or asked for by `is_missing`. Knowing one more of them is not always better."""
    tests = (node for node in walk(tree) if isinstance(node, Call) and node.function in ("coalesce", "is_missing"))
    return frozenset(node.name for test in tests for node in walk(test) if isinstance(node, Name))


def smallest(names: Sequence[str], doubtful: Iterable[str], settles: Callable[[frozenset[str]], bool], work: Work) -> tuple[frozenset[str], bool]:
    """The smallest set of names that settles, among several that of the earliest names; and whether it is certain that none is smaller.

    Knowing more never unsettles, except of the `doubtful` names: those are tried in every combination, from the fewest on. Of very many doubtful names, and
    where the `work` that `settles` spends is used up, one after the other is left out instead, which may leave a set that is larger than need be.
    """
    steps = work.left
    doubts = [name for name in names if name in set(doubtful)]
    if len(doubts) <= _ALTERNATIVES:
        try:
            return _smallest(names, doubts, settles), True
        except Spent:
            work.left = steps
    found = frozenset(names)
    with suppress(Spent):
        for fewer in _reductions(names, found, settles):
            found = fewer
    return found, False


def _smallest(names: Sequence[str], doubts: Sequence[str], settles: Callable[[frozenset[str]], bool]) -> frozenset[str]:
    best: frozenset[str] | None = None
    plain = [name for name in names if name not in doubts]
    for size in range(len(doubts) + 1):
        for chosen in combinations(doubts, size):
            known = frozenset((*plain, *chosen))
            if best is not None and size >= len(best):
                return best
            if settles(known):
                *_, found = _reductions(plain, known, settles)
                best = found if best is None or len(found) < len(best) else best
    return frozenset(names) if best is None else best


def _reductions(removable: Sequence[str], known: frozenset[str], settles: Callable[[frozenset[str]], bool]) -> Iterator[frozenset[str]]:
    """The set with one name after the other left out that it settles without, the last first; each of them settles."""
    yield known
    for name in reversed(removable):
        if settles(known - {name}):
            known -= {name}
            yield known


def standings(tree: Node, values: Mapping[str, Any], context: Context, work: Work) -> Callable[[frozenset[str]], Standings]:
    """What a condition can come to when some inputs are known, whatever they are, and the others stay as they are; a number or a text is `KNOWN`.

    What was found of a part is kept for the next question. Asking spends `work`, and raises `Spent` where none is left.
    """
    return partial(_Standings(values, context, work).of, tree)


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
class _Standings(Parts):
    """The standings of the nodes of one tree under one assumption after the other; what does not touch a node leaves its standings as they were."""

    work: Work
    known: frozenset[str] = frozenset()
    _found: dict[tuple[int, bool, frozenset[str]], Standings] = attrs.field(factory=dict, init=False, repr=False)
    _split: dict[int, tuple[Comparison, ...]] = attrs.field(factory=dict, init=False, repr=False)

    def of(self, tree: Node, known: frozenset[str]) -> Standings:
        """What a condition can come to when these inputs are known, whatever they are."""
        self.known = known
        return self.truth(tree)

    def once(self, node: Node, look: Callable[[Node], Standings], *, truth: bool) -> Standings:
        """What looking at a node gives, looked up where the same of its inputs were known before."""
        self.work.spend(1)
        key = (id(node), truth, self.known & self.reads(node))
        if key not in self._found:
            self._found[key] = look(node)
        return self._found[key]

    def split(self, node: Comparison | Membership, where: Interval | None = None) -> tuple[Comparison, ...]:
        """The links of a chain, or the two ends of an interval."""
        if id(node) not in self._split:
            self._split[id(node)] = tuple(links(node) if isinstance(node, Comparison) else ends(node.operand, where) if where is not None else ())
        return self._split[id(node)]

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
        return self.once(node, self._truth, truth=True)

    def _truth(self, node: Node) -> Standings:
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
                return kleene(FALSE, map(self.truth, self.split(node)))
            case Membership() if isinstance(where := range_of(node.where), Interval):
                inside = kleene(FALSE, map(self.truth, self.split(node, where)))
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
        return self.once(node, self._value, truth=False)

    def _value(self, node: Node) -> Standings:
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
        return not self.known.isdisjoint(self.reads(node))


def _either(values: Standings) -> Standings:
    return (values - {KNOWN}) | _EITHER if KNOWN in values else values


def _opposite(truths: Standings) -> Standings:
    return frozenset(_OPPOSITE.get(standing, standing) for standing in truths)
