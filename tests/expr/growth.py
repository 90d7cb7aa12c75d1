"""Random trees and inputs by a seed, many a second, for soaks; what they are made of is in `trees`.

Inputs are heavy with boundaries: for a comparison of the tree one input is solved for, by exact fractions, and then given at the point
where the two sides are equal, a few floats to either side of it, and as the decimals next to it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import attrs

from decision_os.expr.tree import (
    NODE_TYPES,
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
)
from decision_os.units import PERCENT, PP
from tests.expr import oracle
from tests.expr.trees import AWKWARD, BOUNDARIES, DAYS, HOURS, MONEY, MONTHS, NUMBER_NAMES, TEXT_NAME, TEXTS, TRUTH_NAME, interval, literal

DEFINED = "part"
"""The name that a definition of a grown tree has."""

_FLOATS = tuple(float(text) for text in BOUNDARIES)
_UP, _DOWN = ("<", "<=", "==", "!="), (">", ">=", "==", "!=")
_SPREADS = ("0.05", "0", "0.1", "3")


@attrs.frozen
class Grower:
    """Trees like those of `trees.mixed`, one a call."""

    rng: random.Random

    def tree(self, depth: int = 3) -> Node:
        """A condition two times in three, otherwise a number; one in six has a part that is a definition."""
        tree = self.boolean(depth) if self.rng.random() < 2 / 3 else self.numeric(depth)
        if self.rng.random() < 1 / 6:
            parts = [node for node in _walk(tree) if isinstance(node, Arithmetic | Call | Comparison | Logic | Interval)]
            if parts:
                chosen = self.rng.choice(parts)
                tree = _changed(tree, lambda node: Defined(DEFINED, node) if node is chosen else None)
        return tree

    def scales(self) -> dict[str, Fraction]:
        """What inputs are multiplied by as they are read, for one tree in five: days where hours are meant, and the like."""
        rng = self.rng
        if rng.random() < 0.8:
            return {}
        return {name: rng.choice((Fraction(24), Fraction(1, 24), Fraction(1, 7), Fraction(60), Fraction(1, 3))) for name in NUMBER_NAMES if rng.random() < 0.5}

    def number(self) -> Number:
        """A literal, one in seven with a unit."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.5:
            return literal(rng.choice(BOUNDARIES))
        if kind < 0.86:
            return literal(f"{rng.randint(-1000, 1000)}e-{rng.randint(0, 4)}")
        if kind < 0.93:
            return literal(f"{rng.randint(-500, 500)}e-4", rng.choice((PERCENT, PP)))
        return literal(rng.choice(BOUNDARIES[:26]), rng.choice((MONEY, HOURS, DAYS, MONTHS)))

    def numeric(self, depth: int) -> Node:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.25:
            return Name(rng.choice(NUMBER_NAMES)) if rng.random() < 0.6 else self.number()
        kind = rng.random()
        if kind < 0.6:
            return Arithmetic(rng.choice("+-*/"), self.numeric(depth - 1), self.numeric(depth - 1))  # type: ignore[arg-type]  # one of the four
        if kind < 0.67:
            return Negative(self.numeric(depth - 1))
        if kind < 0.75:
            return Choice(self.boolean(depth - 1), self.numeric(depth - 1), self.numeric(depth - 1))
        function, count = rng.choice((("min", 2), ("max", 2), ("min", 3), ("max", 3), ("coalesce", 2), ("abs", 1), ("clip", 3)))
        return Call(function, tuple(self.numeric(depth - 1) for _ in range(count)))

    def boolean(self, depth: int) -> Node:
        rng = self.rng
        kind = rng.random()
        if depth <= 0:
            return Name(TRUTH_NAME) if kind < 0.5 else Truth(kind < 0.75)
        if kind < 0.45:
            return self.comparison(depth)
        if kind < 0.6:
            return Membership(self.numeric(depth - 1), self.range(depth - 1), rng.random() < 0.3)
        if kind < 0.67:
            return self.text_test()
        if kind < 0.86:
            return Logic(rng.choice(("and", "or")), tuple(self.boolean(depth - 1) for _ in range(rng.choice((2, 2, 3)))))
        if kind < 0.92:
            return Not(self.boolean(depth - 1))
        if kind < 0.95:
            return Call("is_missing", (self.numeric(depth - 1),))
        return Choice(self.boolean(depth - 1), self.boolean(depth - 1), self.boolean(depth - 1))

    def comparison(self, depth: int) -> Node:
        allowed = self.rng.choice((_UP, _DOWN))
        ops: Any = tuple(self.rng.choice(allowed) for _ in range(self.rng.choice((1, 1, 1, 2, 3))))
        return Comparison(self.numeric(depth - 1), ops, tuple(self.numeric(depth - 1) for _ in ops))

    def range(self, depth: int) -> Node:
        rng = self.rng
        kind = rng.random()
        if kind < 0.5:
            return interval(self.numeric(depth), self.numeric(depth), rng.random() < 0.5, rng.random() < 0.5)
        if kind < 0.75:
            spread: Node = literal(rng.choice(_SPREADS), rng.choice((None, PERCENT, PP)))
            if rng.random() < 0.3:
                spread = Name(rng.choice(NUMBER_NAMES))
            return Around(self.numeric(depth), spread, relative=isinstance(spread, Number) and spread.unit == PERCENT)
        return SetOf(tuple(self.number() for _ in range(rng.randint(1, 3))))

    def text_test(self) -> Node:
        rng = self.rng

        def side() -> Node:
            return Name(TEXT_NAME) if rng.random() < 0.6 else Text(rng.choice(TEXTS))

        if rng.random() < 0.5:
            return Comparison(side(), (rng.choice(("==", "!=")),), (side(),))
        return Membership(side(), SetOf(tuple(Text(rng.choice(TEXTS)) for _ in range(rng.randint(1, 3)))), rng.random() < 0.3)


def inputs(tree: Node, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Endlessly many inputs for a tree, most of them at or beside a boundary of it."""
    sides = [pair for pair in _sides(tree) if pair[2]]
    near = [*_FLOATS, *(float(node.exact) for node in _walk(tree) if isinstance(node, Number))]
    used = sorted({node.name for node in _walk(tree) if isinstance(node, Name)}) or [TEXT_NAME]
    while True:
        base = _plain(rng, near)
        yield _spoilt(base, used, rng)
        if not sides:
            continue
        left, right, names = rng.choice(sides)
        name = rng.choice(names)
        root = _root(left, right, base, name)
        if root is None:
            continue
        for value in _beside(root, rng):
            yield _spoilt({**base, name: value}, used, rng)


def _plain(rng: random.Random, near: list[float]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in NUMBER_NAMES:
        kind = rng.random()
        if kind < 0.4:
            found[name] = rng.choice(near)
        elif kind < 0.5:
            found[name] = math.nextafter(rng.choice(near), rng.choice((-math.inf, math.inf)))
        elif kind < 0.65:
            found[name] = rng.randint(-1000, 1000)
        else:
            found[name] = float(f"{rng.randint(-1000, 1000)}e-{rng.randint(0, 4)}")
    found[TEXT_NAME] = rng.choice(TEXTS)
    found[TRUTH_NAME] = rng.random() < 0.5
    return found


def _spoilt(values: dict[str, Any], used: list[str], rng: random.Random) -> dict[str, Any]:
    """The same with an input missing, one time in five, and now and then a value of a kind that nobody expects."""
    kind = rng.random()
    if kind < 0.75:
        return values
    name = rng.choice(used)
    if kind < 0.9:
        return {**values, name: None}
    if kind < 0.97:
        return {known: value for known, value in values.items() if known != name}
    return {**values, name: rng.choice(AWKWARD)}


def _root(left: oracle.Ask, right: oracle.Ask, values: dict[str, Any], name: str) -> Fraction | None:
    """Where the two sides are equal, if they are lines in that input; nothing where that cannot be said."""

    def gap(at: int) -> Fraction:
        one, other = left({**values, name: at}), right({**values, name: at})
        if not (isinstance(one, tuple) and isinstance(other, tuple)):
            raise oracle.TooClose
        return Fraction(one[0], one[1]) - Fraction(other[0], other[1])

    try:
        low, high = gap(2), gap(3)
    except (oracle.TooClose, AssertionError):
        return None
    if low == high:
        return None
    root = 2 - low / (high - low)
    return root if abs(root) < 10**300 else None


def _beside(root: Fraction, rng: random.Random) -> Iterator[float]:
    """The float there and its neighbours, some hundred steps off, and the decimals of some digits next to it."""
    at = float(root)
    up, down = math.nextafter(at, math.inf), math.nextafter(at, -math.inf)
    yield at
    yield up
    yield down
    yield at + rng.choice((2, 3, 4, 8, 30, 200)) * (up - at)
    yield at - rng.choice((2, 3, 4, 8, 30, 200)) * (at - down)
    digits = rng.choice((2, 3, 6, 10, 14, 15, 16))
    text = f"{at:.{digits - 1}e}"
    yield float(text)
    mantissa, _, exponent = text.partition("e")
    step = Fraction(1, 10 ** (digits - 1)) * Fraction(10) ** int(exponent)
    yield float(Fraction(mantissa) * Fraction(10) ** int(exponent) + rng.choice((-1, 1)) * step)
    if root.denominator == 1 and abs(root) <= 2**53:
        yield int(root)


def _sides(tree: Node) -> list[tuple[oracle.Ask, oracle.Ask, list[str]]]:
    """The two sides of every comparison of numbers in a tree, and a divisor beside 0, with the inputs they read."""
    pairs: list[tuple[Node, Node]] = []
    for node in _walk(tree):
        if isinstance(node, Comparison):
            sides = (node.first, *node.rest)
            pairs += list(pairwise(sides))
        elif isinstance(node, Membership):
            where: Node = node.where
            while isinstance(where, Defined):
                where = where.body
            where = where.interval if isinstance(where, Around) else where
            pairs += [(node.operand, end) for end in (children(where) if isinstance(where, Interval | SetOf) else ())]
        elif isinstance(node, Arithmetic) and node.op == "/":
            pairs.append((node.right, literal("0")))
    found = []
    for left, right in pairs:
        names = {node.name for side in (left, right) for node in _walk(side) if isinstance(node, Name)} & set(NUMBER_NAMES)
        if names:
            found.append((oracle.compiled(left), oracle.compiled(right), sorted(names)))
    return found


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _walk(child)


def _changed(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """The tree with the nodes for which `change` gives another one replaced by it."""
    found = change(node)
    if found is not None:
        return found
    parts: dict[str, Any] = {}
    for field in attrs.fields(type(node)):
        part = getattr(node, field.name)
        if isinstance(part, NODE_TYPES):
            parts[field.name] = _changed(part, change)
        elif isinstance(part, tuple) and part and isinstance(part[0], NODE_TYPES):
            parts[field.name] = tuple(_changed(each, change) for each in part)
    return attrs.evolve(node, **parts) if parts else node


def scaled(tree: Node, scales: Mapping[str, Fraction]) -> Node:
    """The tree with inputs that are converted as they are read, as the check of units makes it."""
    return _changed(tree, lambda node: attrs.evolve(node, scale=scales[node.name]) if isinstance(node, Name) and node.name in scales else None)
