"""Values that reach each branch, each gap and each edge of a decision.

From random values inside the contracts' ranges one input after another is set to where the fewest leaves are amiss, until none is; an edge is then solved for
one input. What is not reached from any of the starts may yet be reachable: `decision_os.proofs` tells.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import combinations, islice
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.edges.ground import Goal, Ground, Values, leaves_in, leaves_of
from decision_os.edges.places import Place
from decision_os.values import Scalar

__all__ = ["Corner", "Target", "corners", "reach", "solved", "targets", "wanted_of"]

_STARTS: Final = 16
_STARTS_OVERLAP: Final = 8
"""Fewer where most searches are in vain: of a sound rule under the hit policy `unique` no two branches overlap."""

_SWEEPS: Final = 4
_KEPT: Final = 3
"""How many different sets of values are kept for each target."""

_PAIRS: Final = 40
"""How many pairs of branches are looked at for what both take, the nearest in the order written first."""

_CROSSED: Final = 200
"""How many pairs of leaves of a branch are looked at for where both change, if no input alone leads to it."""

_EDGE_KEYS: Final = 2
"""At how many finer keys edges are solved for: what holds at one key holds at each, and two tell an edge beside another value."""

TargetKind: TypeAlias = Literal["branch", "overlap", "gap", "blocked", "edge"]


@attrs.frozen(kw_only=True)
class Target:
    """Something to reach: a branch taken, two that both hold (`name` and `beside`), a gap, a pre-check that alone fails, or an edge.

    An edge is a leaf on which alone `name` hangs, solved for `pivot`.
    `reached` are values for which it is so (for an edge, up to the value of `pivot`); empty where none were found.
    """

    kind: TargetKind
    name: str
    goal: Goal
    beside: str = ""
    leaf: int = -1
    pivot: str = ""
    reached: tuple[Values, ...] = ()

    def words(self, ground: Ground) -> str:
        """What it is, for people."""
        match self.kind:
            case "branch":
                return f"branch `{self.name}`"
            case "overlap":
                return f"branches `{self.name}` and `{self.beside}` both hold"
            case "gap":
                return "no branch"
            case "blocked":
                return f"pre-check `{self.name}` alone fails"
            case _:
                return f"the edge of `{ground.leaves[self.leaf].words}` in `{self.name}`, by `{self.pivot}`"


@attrs.frozen(kw_only=True)
class Corner:
    """Values at an edge: `values` with the one of `place` solved for, and `around`, what it is at the edge and beside it, all allowed by its contract."""

    target: Target
    place: str
    values: Values
    around: tuple[Scalar | None, ...]

    def each(self) -> Iterator[Values]:
        """The values at the edge and beside it."""
        for value in self.around:
            yield {**self.values, self.place: value}


def targets(ground: Ground) -> tuple[Target, ...]:
    """Everything there is to reach, in the order of branches, gap, pre-checks, overlaps, edges, each with values that reach it where some were found."""
    return tuple(reach(ground, target) for target in wanted_of(ground))


def corners(ground: Ground, reached: Iterable[Target] | None = None) -> tuple[Corner, ...]:
    """One corner for each edge that was reached; `reached` are targets that were searched for already."""
    found = []
    for target in targets(ground) if reached is None else reached:
        if target.kind == "edge" and target.reached:
            values = target.reached[0]
            found.append(Corner(target=target, place=target.pivot, values=values, around=solved(ground, target, values)))
    return tuple(found)


def wanted_of(ground: Ground) -> Iterator[Target]:
    """Everything there is to reach, before anything was searched for."""
    for branch in ground.branches:
        yield Target(kind="branch", name=branch, goal=ground.taken(branch))
    yield Target(kind="gap", name="gap", goal=ground.gap())
    for check in ground.checks:
        yield Target(kind="blocked", name=check, goal=ground.blocked(check))
    order = {branch: place for place, branch in enumerate(ground.branches)}
    pairs = sorted(combinations(order, 2), key=lambda pair: order[pair[1]] - order[pair[0]])
    for one, other in pairs[:_PAIRS]:
        yield Target(kind="overlap", name=one, beside=other, goal=ground.both(one, other))
    keys = list(dict.fromkeys(place.key for place in ground.places.values() if place.key))
    alike = {place.name for place in ground.places.values() if place.key in keys[_EDGE_KEYS:]}
    for condition, formula in (*ground.branches.items(), *ground.checks.items()):
        for leaf in sorted(leaves_in(formula)):
            names = ground.leaves[leaf].expression.names
            for name in names if alike.isdisjoint(names) else ():
                if name in ground.places:
                    yield Target(kind="edge", name=condition, goal=ground.decides(condition, leaf), leaf=leaf, pivot=name)


def solved(ground: Ground, target: Target, values: Values) -> tuple[Scalar | None, ...]:
    """The values of an edge's pivot at the edge and beside it, all others as given: those its contract allows. Empty where there is no edge."""
    place = ground.places[target.pivot]
    answers = ground.answers(values)
    if place.kind != "number":
        every = tuple(cell.value for cell in ground.cells((), values, place.name))
        return every if _tips(ground, target, values, every, answers) else ()
    found: list[Scalar | None] = []
    for point in ground.points(target.leaf, values, place.name):
        if abs(point) > Fraction(10**15):
            continue
        around = tuple(value for value in place.around(point).every if place.allows(value))
        if _tips(ground, target, values, around, answers):
            found += [value for value in around if value not in found]
    if place.optional and not found and _tips(ground, target, values, (None, place.written(place.low)), answers):
        return None, place.written(place.low)
    return tuple(found)


def _tips(ground: Ground, target: Target, values: Values, around: tuple[Scalar | None, ...], answers: list[bool | None]) -> bool:
    """Whether the leaf changes among these values of the pivot, and somewhere among them everything hangs on it."""
    told: set[bool | None] = set()
    hangs = False
    for value in around:
        after = ground.after(answers, {**values, target.pivot: value}, target.pivot)
        told.add(after[target.leaf])
        hangs = hangs or ground.distance(target.goal, after) == 0
    return hangs and {True, False} <= told


def reach(ground: Ground, target: Target) -> Target:
    """A target with values that reach it, where some are found; the same each time."""
    dice = random.Random(f"{target.kind} {target.name}{target.beside} {target.leaf} {target.pivot}")  # noqa: S311  # the same starts each time
    names = [name for name in ground.places if any(leaf in ground.readers[name] for leaf in leaves_of(target.goal))]
    found: list[Values] = []
    for _ in range(_STARTS if target.kind != "overlap" else _STARTS_OVERLAP):
        values: Values = {place.name: usual(place, dice) for place in ground.places.values()}
        reached = _descend(ground, target, names, values, dice)
        if reached is not None:
            reached = _rounded(ground, target, reached) if target.kind != "edge" else reached
        if reached is not None and reached not in found:
            found.append(reached)
            if len(found) == _KEPT:
                break
    if not found and target.kind == "branch":
        start: Values = {place.name: usual(place, dice) for place in ground.places.values()}
        tried = (_descend(ground, target, names, values, dice) for values in _crossings(ground, target, start))
        found += next(([values] for values in tried if values is not None), [])
    return attrs.evolve(target, reached=tuple(found))


def _crossings(ground: Ground, target: Target, values: Values) -> Iterator[Values]:
    """Values at which two leaves can both change, by two inputs together: one is eliminated, which is exact where both leaves are linear in them."""
    for one, other in islice(combinations(sorted(leaves_of(target.goal)), 2), _CROSSED):
        shared = [name for name, place in ground.places.items() if place.kind == "number" and {one, other} <= set(ground.readers[name])]
        for x, y in combinations(shared, 2):
            place = ground.places[y]
            low, high = (place.written(Fraction(number)) for number in (1, 2))
            apart = [[ground.points(leaf, {**values, y: at}, x) for leaf in (one, other)] for at in (low, high)]
            if not all(points for pair in apart for points in pair):
                continue
            (first, second), (first_high, second_high) = apart
            gap, gap_high = first[0] - second[0], first_high[0] - second_high[0]
            if gap == gap_high:
                continue
            at = place.written(1 - gap / (gap_high - gap))
            for point in ground.points(one, {**values, y: at}, x):
                yield {**values, y: at, x: ground.places[x].written(point)}


def _descend(ground: Ground, target: Target, names: list[str], values: Values, dice: random.Random) -> Values | None:
    """The values moved one by one to where the goal is met; None where it was not."""
    answers = ground.answers(values)
    formulas = {**ground.checks, **ground.branches}
    own = set().union(*(leaves_in(formulas[name]) for name in (target.name, target.beside) if name in formulas))
    for _ in range(_SWEEPS):
        if ground.distance(target.goal, answers) == 0:
            if target.kind != "edge":
                return values
            if solved(ground, target, values):
                return values
        order = list(names)
        dice.shuffle(order)
        for name in order:
            leaves = own | ground.amiss(target.goal, answers)
            _, cells = ground.nearer(target.goal, values, name, answers, leaves)
            if cells:
                values = {**values, name: dice.choice(cells).value}
                answers = ground.after(answers, values, name)
            if target.kind == "edge" and name == target.pivot and solved(ground, target, values):
                return values
    if ground.distance(target.goal, answers) == 0 and (target.kind != "edge" or solved(ground, target, values)):
        return values
    return None


def _rounded(ground: Ground, target: Target, values: Values) -> Values:
    """The values with numbers that people would write, as far as the goal lets them."""
    answers = ground.answers(values)
    for name, place in ground.places.items():
        for number in place.typical if place.kind == "number" else ():
            tried = {**values, name: place.written(number)}
            after = ground.after(answers, tried, name)
            if place.allows(tried[name]) and ground.distance(target.goal, after) == 0:
                values, answers = tried, after
                break
    return values


def usual(place: Place, dice: random.Random) -> Scalar | None:
    """A value inside the contract's range, as round as its unit."""
    if place.kind == "truth":
        return dice.random() < 0.9
    if place.kind == "text":
        return dice.choice(place.texts)
    first, last, unit = place.usual
    return place.written(dice.randint(first, last) * unit)
