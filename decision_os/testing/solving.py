"""Values that reach what the search does not, by the solver: where several equations have to hold at once, no input alone can be set to them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from decision_os.edges import Ground, Target, Values
from decision_os.edges.ground import All, Goal, Is

if TYPE_CHECKING:
    from decision_os.proofs import Space

__all__ = ["Solver", "installed"]

_SECONDS: Final = 2.0
"""How long one target may take: of a sound rule many cannot be reached, which the solver has to find out."""


def installed() -> bool:
    """Whether the extra `prove` is there."""
    try:
        import z3  # noqa: F401, PLC0415  # the solver is loaded when something is to be solved
    except ModuleNotFoundError:
        return False
    return True


class Solver:
    """Solves for the targets of one decision under test."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @cached_property
    def _space(self) -> Space:
        from decision_os.proofs import Space  # noqa: PLC0415  # as above

        keys = list(dict.fromkeys(place.key for place in self._ground.places.values() if place.key)) or [""]
        return Space(self._ground.plan, keys=keys, private="drawn:")

    def values(self, target: Target) -> Values | None:
        """Known values that reach a target, with numbers that people would write; None where there are none, or they were not found."""
        from decision_os.proofs import Asker, Limit  # noqa: PLC0415  # as above

        space, ground = self._space, self._ground
        fixed = [space.inputs[name].value == space.exactly(name, value) for name, value in ground.fixed.items()]
        constraints = [self._term(target.goal), *fixed]
        ask = Asker([space], Limit(_SECONDS))
        if not ask.possible(*constraints):
            return None
        for found in ask.candidates(space, constraints):
            values = {name: found.values[place.own][place.key] if place.key else found.values[place.own] for name, place in ground.places.items()}
            allowed = all(
                value is None or place.kind != "number" or place.allows(value) for place, value in zip(ground.places.values(), values.values(), strict=True)
            )
            if allowed and ground.distance(target.goal, ground.answers(values)) == 0:
                return values
        return None

    def _term(self, goal: Goal) -> Any:
        from decision_os.proofs.terms import both, either  # noqa: PLC0415  # as above

        match goal:
            case Is(leaf, value):
                answer = self._space.terms.condition(self._ground.leaves[leaf].expression.tree)
                return answer.true if value else answer.false
            case All(parts):
                return both([self._term(part) for part in parts])
            case _:
                return either([self._term(part) for part in goal.parts])
