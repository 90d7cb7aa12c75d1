"""What may be changed of a record: each input with what else it may be, and how far that is, counted in steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.edges.places import Place, places
from decision_os.proofs.space import Space
from decision_os.proofs.terms import Input, either
from decision_os.record import DecisionRecord

__all__ = ["Move", "at", "moves"]

_STEPS: Final = {"share": Fraction(1, 100), "pp": Fraction(1, 100), "percent": Fraction(1, 100)}

_FINEST: Final = Fraction(1, 10)
"""Steps below which nobody asks for a nearer change."""


@attrs.frozen(kw_only=True)
class Move:
    """One input of a record (or one of its finer keys) that may change: `now` is its value, None where that is unknown.

    `step` is what a change of a number is counted in: a point of shares, one of counted things, else a hundredth of the value as it is (of 1, where that
    is 0). A truth that turns, another text, and a value for what is unknown are one step each.
    """

    space: Space
    name: str
    now: Any
    place: Place
    step: Fraction

    @property
    def _input(self) -> Input:
        return self.space.inputs[self.name]

    @property
    def counted(self) -> bool:
        """Whether its change is counted by how far a number goes."""
        return self._input.kind == "number" and self.now is not None

    @property
    def moved(self) -> Any:
        """That it is not as it was."""
        return self._input.known if self.now is None else self._input.value != self.space.exactly(self.name, self.now)

    @property
    def distance(self) -> Any:
        """How far it goes, as a term."""
        if not self.counted:
            return z3.If(self.moved, z3.RealVal(1), z3.RealVal(0))
        change = (self._input.value - self.space.exactly(self.name, self.now)) / z3.RealVal(str(self.step))
        return z3.If(change < 0, -change, change)

    def length(self, new: Any) -> Fraction:
        """How far it is from its value to another."""
        return abs(Fraction(str(new)) - Fraction(str(self.now))) / self.step if self.counted else Fraction(1)

    @property
    def finest(self) -> Fraction:
        """The least change that people would speak of (a cent, a hundredth of a point), in steps."""
        return min(self.place.step / self.step, _FINEST) if self.counted else _FINEST

    def limits(self) -> Iterator[Any]:
        """What it may be: what is known stays so, a text is one that the rules name or one that they do not, and a number has no more digits than it may."""
        if self.now is not None:
            yield self._input.known
        if self._input.kind == "text":
            texts = dict.fromkeys([*self.place.texts, *([] if self.now is None else [self.now])])
            yield either([self._input.value == self.space.exactly(self.name, text) for text in texts])
        if self.off_grid:
            yield z3.Or(z3.IsInt(self._input.value * 10 ** (self.digits or 0)), self._input.value == self.space.exactly(self.name, self.now))

    @property
    def digits(self) -> int | None:
        """How many digits after the point it has; None where any number may be."""
        return 0 if self.place.whole else self.place.precision

    @property
    def off_grid(self) -> bool:
        """Whether its value has more digits than its metric says it has."""
        return self.counted and self.digits is not None and (Fraction(str(self.now)) * 10**self.digits).denominator != 1


def moves(space: Space, record: DecisionRecord, values: Mapping[str, Any], among: Sequence[str] | None) -> list[Move]:
    """The inputs of a record that may change. Of those that are unknown only what the record says is still needed."""
    known = {place.name: place for place in places(space.plan, space.keys)}
    found: list[Move] = []
    for name in space.inputs:
        own = name.partition("@")[0]
        if own in space.plan.defaults or (among is not None and own not in among):
            continue
        now = at(values, name)
        if now is None and own not in record.unknowns:
            continue
        found.append(Move(space=space, name=name, now=now, place=known[name], step=_step(known[name], now)))
    return found


def at(values: Mapping[str, Any], name: str) -> Any:
    """The value of an input, at its finer key if it has one."""
    own, _, key = name.partition("@")
    return values[own][key] if key else values[own]


def _step(place: Place, now: Any) -> Fraction:
    if place.kind != "number" or now is None:
        return Fraction(1)
    kind = place.unit.kind if place.unit is not None else ""
    step = _STEPS.get(kind) or (abs(Fraction(str(now))) / 100 or Fraction(1, 100))
    return max(step, Fraction(1)) if place.whole else step
