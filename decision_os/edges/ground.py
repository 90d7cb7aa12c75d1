"""The conditions of a decision as leaves and logic, and what the leaves have to be for something to happen.

A goal says which leaves have to be true or false: all of some goals, or any of them. How far a set of values is from it is the number of leaves that
would have to change. For one input with all others fixed, the points at which a leaf can change are solved (`expr.curves`), so that the values of that input
that come nearest to the goal are known, not guessed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, TypeAlias

import attrs

from decision_os.edges.places import Place, places
from decision_os.expr import Expression
from decision_os.expr.curves import meetings
from decision_os.expr.structure import Formula, Joined, Leaf, Picked, structure
from decision_os.expr.tree import Node, Truth
from decision_os.model import HitPolicy
from decision_os.plan import Condition, Plan
from decision_os.values import Scalar, Unknown

__all__ = ["All", "Any_", "Cell", "Goal", "Ground", "Is", "Values", "leaves_in", "leaves_of", "wanted"]

Values: TypeAlias = Mapping[str, Scalar | None]
"""A value for each place, by its name; None is missing."""


@attrs.frozen
class Is:
    """That a leaf, by its number, is true or false."""

    leaf: int
    value: bool


@attrs.frozen
class All:
    """All of some goals."""

    parts: tuple[Goal, ...]


@attrs.frozen
class Any_:  # noqa: N801  # `Any` is taken
    """Any of some goals; of none: impossible."""

    parts: tuple[Goal, ...]


Goal: TypeAlias = Is | All | Any_


@attrs.frozen
class Cell:
    """Values of one place, others fixed, over which no leaf changes: one value (`low == high`), or all between two points (None: without end)."""

    low: Fraction | None
    high: Fraction | None
    value: Scalar | None
    """One of them."""


class Ground:
    """The places and leaves of one decision with its action parameters fixed, and goals about its pre-checks and branches."""

    def __init__(self, plan: Plan, *, keys: Sequence[str] = (), choose: Mapping[str, float] | None = None) -> None:
        self.plan = plan
        self.fixed: dict[str, Scalar] = dict(plan.choices(choose))
        self.places = {place.name: place for place in places(plan, keys)}
        self._keys = {own: [place.key for place in self.places.values() if place.own == own] for own in {place.own for place in self.places.values()}}
        self.leaves: list[Leaf] = []
        self._numbers: dict[Node, int] = {}
        self.checks = {check.id: self._formula(check) for check in plan.pre_checks}
        self.branches = {branch.id: self._formula(branch) for branch in plan.branches}
        self.readers = {name: [number for number, leaf in enumerate(self.leaves) if name in leaf.expression.names] for name in self.places}

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _formula(self, condition: Condition) -> Formula:
        keys = self._keys[condition.fanned[0]] if condition.fanned else [""]
        parts = [self._at(condition.expression.renamed({name: f"{name}@{key}" for name in condition.fanned} if key else {})) for key in keys]
        return Joined("and" if condition.every else "or", tuple(parts)) if len(parts) > 1 else parts[0]

    def _at(self, expression: Expression) -> Formula:
        found = structure(expression)
        numbers = []
        for leaf in found.leaves:
            if leaf.expression.tree not in self._numbers:
                self._numbers[leaf.expression.tree] = len(self.leaves)
                self.leaves.append(leaf)
            numbers.append(self._numbers[leaf.expression.tree])
        return _renumbered(found.formula, numbers)

    def answers(self, values: Values) -> list[bool | None]:
        """What each leaf comes to; None where that is unknown."""
        settled = self.settled(values)
        return [leaf.answer(settled) for leaf in self.leaves]

    def settled(self, values: Values) -> dict[str, Any]:
        """The values as the conditions read them, the parameters among them."""
        return {name: _MISSING if value is None else value for name, value in values.items()} | self.fixed

    # ── goals ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def passed(self, but: str = "") -> Goal:
        """That every pre-check holds, one left aside."""
        return All(tuple(wanted(formula, value=True) for name, formula in self.checks.items() if name != but))

    def taken(self, branch: str) -> Goal:
        """That a branch is taken."""
        return All((self.passed(), wanted(self.branches[branch], value=True), self._others(branch)))

    def both(self, one: str, other: str) -> Goal:
        """That two branches hold at once, whichever of them the hit policy takes."""
        return All((self.passed(), wanted(self.branches[one], value=True), wanted(self.branches[other], value=True)))

    def gap(self) -> Goal:
        """That no branch holds."""
        return All((self.passed(), *(wanted(formula, value=False) for formula in self.branches.values())))

    def blocked(self, check: str) -> Goal:
        """That one pre-check alone fails."""
        return All((self.passed(check), wanted(self.checks[check], value=False)))

    def decides(self, condition: str, leaf: int) -> Goal:
        """That what a pre-check or a branch comes to, and with it the decision, hangs on one leaf alone."""
        if condition in self.checks:
            return All((self.passed(condition), _hangs(self.checks[condition], leaf)))
        return All((self.passed(), _hangs(self.branches[condition], leaf), self._others(condition)))

    def _others(self, branch: str) -> Goal:
        names = list(self.branches)
        policy = self.plan.playbook.hit_policy
        others = names[: names.index(branch)] if policy is HitPolicy.FIRST else [name for name in names if name != branch and policy is HitPolicy.UNIQUE]
        return All(tuple(wanted(self.branches[other], value=False) for other in others))

    # ── one place, the others fixed ──────────────────────────────────────────────────────────────────────────────────────────────

    def points(self, leaf: int, values: Values, name: str) -> tuple[Fraction, ...]:
        """The values of one place at which a leaf can change."""
        expression = self.leaves[leaf].expression
        found, _ = meetings(expression.tree, self.settled(values), expression.context, name)
        return found

    def cells(self, leaves: Collection[int], values: Values, name: str) -> Iterator[Cell]:
        """The values of one place told apart by some leaves, inside its contract's range."""
        place = self.places[name]
        if place.kind != "number":
            yield from (Cell(None, None, value) for value in _listed(place))
            return
        points: set[Fraction] = set()
        if place.valid is not None:
            points.update((place.low, place.high))
        for leaf in self.readers[name]:
            if leaf in leaves:
                points.update(self.points(leaf, values, name))
        ends: list[Fraction | None] = [None, *sorted(points), None]
        for low, high in pairwise(ends):
            if low is not None and place.allows(float(low)) and place.around(low).at is not None:
                yield Cell(low, low, place.written(low))
            within = place.inside(low, high)
            if within is not None:
                first, last, unit = within
                middle = place.written(((first + last) // 2) * unit)
                if place.allows(middle):
                    yield Cell(low, high, middle)
        if place.optional:
            yield Cell(None, None, None)

    def distance(self, goal: Goal, answers: Sequence[bool | None]) -> float:
        """How many leaves would have to change; infinite for what cannot be."""
        match goal:
            case Is(leaf, value):
                return 0 if answers[leaf] is value else 1
            case All(parts):
                return sum((self.distance(part, answers) for part in parts), 0.0)
            case Any_(parts):
                return min((self.distance(part, answers) for part in parts), default=math.inf)

    def amiss(self, goal: Goal, answers: Sequence[bool | None]) -> set[int]:
        """The leaves of the parts of a goal that are not met."""
        match goal:
            case All(parts):
                return set().union(*(self.amiss(part, answers) for part in parts))
            case _:
                return leaves_of(goal) if self.distance(goal, answers) else set()

    def after(self, answers: Sequence[bool | None], values: Values, name: str) -> list[bool | None]:
        """The answers once one place has changed."""
        found = list(answers)
        settled = self.settled(values)
        for leaf in self.readers[name]:
            found[leaf] = self.leaves[leaf].answer(settled)
        return found

    def nearer(self, goal: Goal, values: Values, name: str, answers: Sequence[bool | None], leaves: Collection[int] | None = None) -> tuple[float, list[Cell]]:
        """The cells of one place that come nearest to a goal, and how near; told apart by the leaves of the goal, or by some of them."""
        best = math.inf
        found: list[Cell] = []
        for cell in self.cells(leaves_of(goal) if leaves is None else leaves, values, name):
            distance = self.distance(goal, self.after(answers, {**values, name: cell.value}, name))
            if distance < best:
                best, found = distance, []
            if distance == best:
                found.append(cell)
        return best, found

    def mapping(self, values: Values) -> dict[str, Any]:
        """The values as `Engine.decide` takes them: one mapping for an input at several keys."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            place = self.places[name]
            if place.key:
                found.setdefault(place.own, {})[place.key] = value
            else:
                found[place.own] = value
        return found


_MISSING: Final = Unknown(())


def _listed(place: Place) -> Iterator[Scalar | None]:
    if place.kind == "truth":
        yield from (True, False)
    else:
        yield from place.texts
    if place.optional:
        yield None


def _renumbered(formula: Formula, numbers: Sequence[int]) -> Formula:
    match formula:
        case int():
            return numbers[formula]
        case Joined():
            return attrs.evolve(formula, parts=tuple(_renumbered(part, numbers) for part in formula.parts))
        case Picked():
            return Picked(*(_renumbered(part, numbers) for part in (formula.condition, formula.then, formula.otherwise)))
        case Truth():
            return formula


def wanted(formula: Formula, *, value: bool) -> Goal:
    """What makes a formula true, or false."""
    match formula:
        case int():
            return Is(formula, value)
        case Truth():
            return All(()) if formula.value is value else Any_(())
        case Joined(op="not", parts=(part,)):
            return wanted(part, value=not value)
        case Joined(op=op, parts=parts):
            return (All if (op == "and") is value else Any_)(tuple(wanted(part, value=value) for part in parts))
        case Picked():
            then = All((wanted(formula.condition, value=True), wanted(formula.then, value=value)))
            return Any_((then, All((wanted(formula.condition, value=False), wanted(formula.otherwise, value=value)))))


def _hangs(formula: Formula, leaf: int) -> Goal:
    """What makes a formula true or false with one leaf alone: on the way to it, nothing else has decided."""
    match formula:
        case int():
            return All(()) if formula == leaf else Any_(())
        case Truth():
            return Any_(())
        case Joined(op="not", parts=(part,)):
            return _hangs(part, leaf)
        case Joined(op=op, parts=parts):
            ways = []
            for place, part in enumerate(parts):
                if _holds_leaf(part, leaf):
                    beside = [wanted(other, value=op == "and") for number, other in enumerate(parts) if number != place]
                    ways.append(All((_hangs(part, leaf), *beside)))
            return Any_(tuple(ways))
        case Picked():
            ways = []
            if _holds_leaf(formula.condition, leaf):
                for one in (True, False):
                    differ = All((wanted(formula.then, value=one), wanted(formula.otherwise, value=not one)))
                    ways.append(All((_hangs(formula.condition, leaf), differ)))
            for part, truth in ((formula.then, True), (formula.otherwise, False)):
                if _holds_leaf(part, leaf):
                    ways.append(All((wanted(formula.condition, value=truth), _hangs(part, leaf))))
            return Any_(tuple(ways))


def _holds_leaf(formula: Formula, leaf: int) -> bool:
    return leaf in leaves_in(formula)


def leaves_in(formula: Formula) -> set[int]:
    """The leaves of a formula."""
    match formula:
        case int():
            return {formula}
        case Joined():
            return set().union(*(leaves_in(part) for part in formula.parts))
        case Picked():
            return leaves_in(formula.condition) | leaves_in(formula.then) | leaves_in(formula.otherwise)
        case Truth():
            return set()


def leaves_of(goal: Goal) -> set[int]:
    """The leaves a goal speaks of."""
    return {goal.leaf} if isinstance(goal, Is) else set().union(*(leaves_of(part) for part in goal.parts))
