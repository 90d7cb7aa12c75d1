"""A solver's answer → values a person would write, put to the engine before anybody sees them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.engine import Engine
from decision_os.proofs.space import Space
from decision_os.proofs.terms import Input
from decision_os.record import DecisionRecord

__all__ = ["AT", "Asker", "Example", "Limit"]

AT: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
"""The instant examples are decided at: what is asked does not depend on it."""

_PLACES: Final = (0, 1, 2, 3, 4, 6, 9)
_NICE: Final = 400  # milliseconds that one attempt at a rounder number may take


@attrs.frozen
class Example:
    """Inputs (and action parameters chosen) for which something holds, and the record that the engine makes of them."""

    values: Mapping[str, Any]
    choose: Mapping[str, float]
    record: DecisionRecord

    def __str__(self) -> str:
        shown = [f"{name} = {_text(value)}" for name, value in (*self.values.items(), *self.choose.items())]
        return ", ".join(shown)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    return "missing" if value is None else f"{value:,g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


class Limit:
    """How long a whole set of questions may take; what is not answered by then is left unproven."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    @property
    def milliseconds(self) -> int:
        """What is left."""
        return max(0, int((self.end - time.monotonic()) * 1000))


class Asker:
    """Puts questions about some spaces to one solver."""

    def __init__(self, spaces: Sequence[Space], limit: Limit, each: int = 5_000) -> None:
        self.spaces = spaces
        self.limit = limit
        self.each = each
        self.solver = z3.Solver()
        for space in spaces:
            self.solver.add(*space.ranges)
        self.added = 0

    def possible(self, *constraints: Any, at_most: int | None = None) -> bool | None:
        """Whether there are inputs for which all of these hold; nothing where it was not found out in time."""
        left = min(self.limit.milliseconds, self.each if at_most is None else at_most)
        if left <= 0:
            return None
        sides = self.spaces[0].terms.sides
        self.solver.add(*sides[self.added :])
        self.added = len(sides)
        self.solver.set("timeout", left)
        answer = self.solver.check(*constraints)
        return None if answer == z3.unknown else answer == z3.sat

    def example(self, space: Space, engine: Engine, constraints: Sequence[Any], shows: Callable[[DecisionRecord], bool]) -> Example | None:
        """Inputs of one space for which all of these hold and the engine shows it; nothing where none was found.

        Numbers are first looked for where business numbers are, and then rounded as far as the constraints let them.
        """
        usual = space.usual()
        hopes = [[*constraints, *usual], list(constraints)]
        for hope in hopes:
            if self.possible(*hope) is not True:
                continue
            model = self.solver.model()
            for places in (_PLACES, _PLACES[3:], ()):
                found = self._written(space, hope, model, places)
                record = engine.decide(space.plan.playbook.id, found.values, at=AT, subject="example", period="example", choose=found.choose)
                if shows(record):
                    return attrs.evolve(found, record=record)
        return None

    def _written(self, space: Space, constraints: Sequence[Any], model: Any, places: Sequence[int]) -> Example:
        fixed = list(constraints)
        numbers: dict[str, float] = {}
        for name, found in space.inputs.items():
            if found.kind != "number":
                continue
            exact = _number(model, found)
            for digits in places:
                rounded = round(exact, digits)
                equal = found.value == z3.RealVal(str(rounded))
                if self.possible(*fixed, equal, at_most=_NICE):
                    fixed.append(equal)
                    model = self.solver.model()
                    exact = rounded
                    break
            numbers[name] = float(exact)
        values: dict[str, Any] = {}
        choose: dict[str, float] = {}
        for name, found in space.inputs.items():
            known = z3.is_true(model.eval(found.known, model_completion=True))
            value: Any = numbers.get(name)
            if found.kind == "bool":
                value = z3.is_true(model.eval(found.value, model_completion=True))
            elif found.kind == "text":
                value = space.terms.text(model.eval(found.value, model_completion=True).as_long())
            elif isinstance(value, float) and value == int(value) and abs(value) < 1e15:
                value = int(value)
            if name in space.plan.defaults:
                choose[name] = float(numbers[name])
                continue
            own, _, key = name.partition("@")
            if key:
                values.setdefault(own, {})[key] = value if known else None
            else:
                values[own] = value if known else None
        return Example(values, choose, None)  # type: ignore[arg-type]  # the engine's answer is put in before anybody sees it


def _number(model: Any, found: Input) -> Fraction:
    value = model.eval(found.value, model_completion=True)
    if z3.is_rational_value(value):
        return Fraction(value.numerator_as_long(), value.denominator_as_long())
    if z3.is_algebraic_value(value):
        near = value.approx(20)
        return Fraction(near.numerator_as_long(), near.denominator_as_long())
    return Fraction(0)
