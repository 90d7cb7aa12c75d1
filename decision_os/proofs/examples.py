"""A solver's answer → values a person would write, put to the engine before anybody sees them."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.engine import Engine
from decision_os.errors import InputError
from decision_os.proofs.space import Space
from decision_os.record import DecisionRecord
from decision_os.values import Unknown

__all__ = ["AT", "Asker", "Example", "Limit", "number_in", "shown", "values_of"]

AT: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
"""The instant examples are decided at: what is asked does not depend on it."""

_PLACES: Final = (0, 1, 2, 3, 4, 6, 9)
_UNITS: Final = 50_000
"""Units of the solver's work that one question may take for each second of the whole limit: the same answers come of them, however busy the machine is.
Conditions that are linear take a few thousand; products of inputs take a second for every 200,000 or so."""

_NICE: Final = 80_000  # units that one attempt at a rounder number may take


@attrs.frozen
class Example:
    """Inputs (and action parameters chosen) for which something holds, and the record that the engine makes of them.

    `aside` are the names that no condition reads: they are left out where it is printed.
    """

    values: Mapping[str, Any]
    choose: Mapping[str, float]
    record: DecisionRecord
    aside: frozenset[str] = frozenset()

    def __str__(self) -> str:
        shown = [f"{name} = {_text(value)}" for name, value in (*self.values.items(), *self.choose.items()) if name not in self.aside]
        return ", ".join(shown)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    return "missing" if value is None else shown(value) if isinstance(value, float) else str(value)


def shown(value: float) -> str:
    """A number with its thousands apart; in full where six digits would not be it."""
    return f"{value:,g}" if float(f"{value:g}") == value else str(value)


class Limit:
    """How long a whole set of questions may take, and how much work each of them; what is not answered by then is left unproven.

    Raises `InputError` for what is no number of seconds.
    """

    def __init__(self, seconds: float) -> None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _LONGEST:
            raise InputError(f"`seconds` is a number from 0 to {_LONGEST:,}, not {seconds!r}", name="seconds", hint="as in `seconds=30`")
        self.seconds = seconds
        self.end = time.monotonic() + seconds
        self.units = int(_UNITS * seconds)

    @property
    def milliseconds(self) -> int:
        """What is left."""
        return max(0, int((self.end - time.monotonic()) * 1000))


_LONGEST: Final = 1_000_000  # seconds, some eleven days
_MOST_UNITS: Final = 2**32 - 1

_LEFT_OFF: Final = ("canceled", "interrupted from keyboard")
"""Why the solver has no answer where it was stopped, by the end of its time or of its units, or by a signal."""


class Asker:
    """Puts questions about some spaces to one solver; `why` is why the last one had no answer.

    Numbers that have so many digits and no more are held to them: all of them, or those of `grids`.
    """

    def __init__(self, spaces: Sequence[Space], limit: Limit, *, grids: Collection[str] | None = None) -> None:
        self.spaces = spaces
        self.limit = limit
        self.solver = z3.Solver()
        for space in spaces:
            self.solver.add(*space.ranges)
        self.added = [0] * len(spaces)
        self.grids = _grids(spaces, grids)
        self.why = ""

    def possible(self, *constraints: Any, at_most: int | None = None, limit: Limit | None = None) -> bool | None:
        """Whether there are inputs for which all of these hold; nothing where it was not found out in time, or with so many units of work.

        Numbers that have so many digits and no more are taken for any numbers first: what is impossible for those is settled, and it is asked sooner.
        """
        limit = limit or self.limit
        units = limit.units if at_most is None else at_most
        answer = self._asked(constraints, units, limit)
        if not answer:
            return answer
        model = self.solver.model()
        if all(number_in(model, term).denominator == 1 for term in self.grids):
            return True
        answer = self._asked([*constraints, *(z3.IsInt(term) for term in self.grids)], units, limit)
        return self._stepped(constraints, model, units, limit) if answer is None else answer

    def _stepped(self, constraints: Sequence[Any], model: Any, units: int, limit: Limit) -> bool | None:
        """Where the solver does not know: whether one number after another can be brought to one with so many digits, next to what it is."""
        held = list(constraints)
        for term in self.grids:
            exact = number_in(model, term)
            for whole in dict.fromkeys((math.floor(exact), math.ceil(exact))):
                if self._asked([*held, term == whole], units, limit):
                    held.append(term == whole)
                    model = self.solver.model()
                    break
            else:
                return None
        return True

    def _asked(self, constraints: Sequence[Any], units: int, limit: Limit) -> bool | None:
        left = limit.milliseconds
        if left <= 0:
            self.why = "the time was up"
            return None
        for place, space in enumerate(self.spaces):
            self.solver.add(*space.terms.sides[self.added[place] :])
            self.added[place] = len(space.terms.sides)
        self.solver.set("timeout", left)
        self.solver.set("rlimit", min(units, _MOST_UNITS))
        end, before = time.monotonic() + 0.9 * left / 1000, self._spent
        answer = self.solver.check(*constraints)
        if answer == z3.unknown and self.solver.reason_unknown() in _LEFT_OFF and time.monotonic() < end and self._spent - before < units:
            raise KeyboardInterrupt  # the solver takes the signal for itself, and would go on with the next question
        if answer != z3.unknown:
            self.why = "no example of it was found that the engine decides so"
            return bool(answer == z3.sat)
        late = time.monotonic() >= end
        self.why = "the time was up" if late else "it takes more work than one question may" if self._spent - before >= units else "the solver cannot tell"
        return None

    @property
    def _spent(self) -> int:
        """The units that all solvers of this process have spent."""
        return int(self.solver.statistics().get_key_value("rlimit count"))

    def example(self, space: Space, engine: Engine, constraints: Sequence[Any], shows: Callable[[DecisionRecord], bool]) -> Example | None:
        """Inputs of one space for which all of these hold and the engine shows it; nothing where none was found."""
        for found in self.candidates(space, constraints):
            record = engine.decide(space.plan.playbook.id, found.values, at=AT, subject="example", period="example", choose=found.choose)
            if shows(record):
                return attrs.evolve(found, record=record)
        return None

    def candidates(self, space: Space, constraints: Sequence[Any]) -> Iterator[Example]:
        """Inputs of one space for which all of these hold, which no engine has decided yet.

        Numbers are first looked for where business numbers are, and then rounded as far as the constraints let them.
        """
        for usual in (space.usual(Fraction(10)), space.usual(), ()):
            hope = [*constraints, *usual]
            if self.possible(*hope) is not True:
                continue
            model = self.solver.model()
            for places in (_PLACES, _PLACES[3:], ()):
                yield self._written(space, hope, model, places)

    def fixing(self, space: Space, example: Example) -> list[Any]:
        """That the inputs of a space have the values of an example."""
        held: list[Any] = []
        for name, found in space.inputs.items():
            own, _, key = name.partition("@")
            value: Any = example.choose[name] if name in example.choose else example.values[own]
            value = value[key] if key else value
            held.append(z3.Not(found.known) if value is None else z3.And(found.known, found.value == space.exactly(name, value)))
        return held

    def _written(self, space: Space, constraints: Sequence[Any], model: Any, places: Sequence[int]) -> Example:
        fixed = list(constraints)
        numbers: dict[str, float] = {}
        for name, found in space.inputs.items():
            if found.kind != "number":
                continue
            exact = number_in(model, found.value)
            for rounded in _rounder(exact, places):
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
        return Example(values, choose, None, space.aside)  # type: ignore[arg-type]  # the engine's answer is put in before anybody sees it


def _grids(spaces: Sequence[Space], among: Collection[str] | None) -> list[Any]:
    """The numbers that have so many digits after the point in every space, each as so many of the last one: those are whole."""
    found: dict[str, list[tuple[Any, int | None]]] = {}
    for space in spaces:
        for name, each in space.inputs.items():
            if among is None or name in among:
                found.setdefault(each.name, []).append((each.value, space.decimals.get(name)))
    grids: list[Any] = []
    for several in found.values():
        decimals = [digits for _, digits in several if digits is not None]
        if len(decimals) == len(several):
            grids.append(several[0][0] * z3.RealVal(10 ** max(decimals)))
    return grids


def _rounder(exact: Fraction, places: Sequence[int]) -> Iterator[Fraction]:
    """The number with fewer digits, the nearest, the next below and the next above, the shortest first."""
    seen: set[Fraction] = set()
    for digits in places:
        unit = Fraction(1, 10**digits)
        below = math.floor(exact / unit) * unit
        for rounded in (round(exact, digits), below, below + unit):
            if rounded not in seen:
                seen.add(rounded)
                yield rounded


def number_in(model: Any, term: Any) -> Fraction:
    """What a term comes to in a model; a root that no fraction is, to 20 digits."""
    value = model.eval(term, model_completion=True)
    if z3.is_rational_value(value):
        return Fraction(value.numerator_as_long(), value.denominator_as_long())
    if z3.is_algebraic_value(value):
        near = value.approx(20)
        return Fraction(near.numerator_as_long(), near.denominator_as_long())
    return Fraction(0)


def values_of(record: DecisionRecord) -> dict[str, Any]:
    """The values a record was made of; what was unknown is None."""
    values: dict[str, Any] = {}
    for item in record.inputs:
        value = None if isinstance(item.value, Unknown) else item.value
        if item.key:
            values.setdefault(item.name, {})[item.key] = value
        else:
            values[item.name] = value
    return values
