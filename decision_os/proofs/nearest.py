"""For a record: the smallest change of its inputs, one or several together, that changes what is decided; solved, then put to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.engine import Engine
from decision_os.errors import DecisionOSError, InputError, nearest
from decision_os.model import HitPolicy
from decision_os.proofs.examples import AT, Asker, Example, Limit, number_in, shown, values_of
from decision_os.proofs.space import Space
from decision_os.record import DecisionRecord, Outcome
from decision_os.values import Reason, Unknown

__all__ = ["Turn", "nearest_change"]

_HALVINGS: Final = 24
_ROUNDED: Final = Fraction(101, 100)
"""How much longer than the shortest a change may be for the sake of numbers that read well."""
_KEPT: Final = 250
"""Milliseconds of each second that are kept for showing what was found."""
_FARTHEST: Final = 10**12
"""Typical steps beyond which nothing is looked for that the engine might decide otherwise than the solver says."""
_TICK: Final = 50  # milliseconds: a solver that is stopped at its limit may come back a little sooner
_STEPS: Final = {"share": Fraction(1, 100), "pp": Fraction(1, 100), "percent": Fraction(1, 100)}


@attrs.frozen(kw_only=True)
class Turn:
    """A change of inputs that changes the decision: what each goes from and to, and the record it would make.

    `distance` is the sum of the changes, each counted in its unit's typical step: one point for shares, else a hundredth of the value as it is
    (of 1, where that is 0). `at_least` is how far is proven to be needed: where it is well below the distance, time ran out before it was known whether
    there is a nearer one, and `proven` is false.
    """

    changes: Mapping[str, tuple[Any, Any]]
    distance: float
    record: DecisionRecord
    at_least: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether no change is nearer, but for the hundredth that numbers which read well may cost."""
        return self.distance <= self.at_least * float(_ROUNDED)

    def __str__(self) -> str:
        moves = " and ".join(f"{name} from {shown(old)} to {shown(new)}" for name, (old, new) in self.changes.items())
        action = f" ({self.record.action})" if self.record.action else ""
        doubt = "" if self.proven else " (not proven to be the nearest)"
        return f"{moves}: {self.record.outcome.value}{action}{doubt}"


def nearest_change(
    engine: Engine, record: DecisionRecord, *, among: Sequence[str] | None = None, at_most: int | None = None, seconds: float = 10.0
) -> Turn | None:
    """The smallest change of numeric inputs that changes outcome or branches, to what is determined; nothing where there is none.

    Where `seconds` are over before it is known to be the smallest, it is the smallest found, and says so (`Turn.proven`). `among` limits which inputs
    may move, `at_most` how many at once. Inputs that are unknown stay so, counts stay whole, and the action parameters stay as chosen.

    Raises `InputError` for a record of other rules and for a name that is no input, `TimeoutError` where `seconds` are over before any change is found, and
    `DecisionOSError` where the solver cannot tell, whatever the time.
    """
    if record.rule_book_hash != engine.book.hash:
        message = f"the record was decided by `{record.rule_book}` as it was then, and these rules are others"
        raise InputError(message, name="record", hint="decide it again by these rules, or load those it was decided by")
    known = engine.needs(record.node)
    for name in among or ():
        if name not in known:
            raise InputError(f"`{record.node}` reads no input `{name}`", name="among", hint=nearest(name, known))
    if any(isinstance(item.value, Unknown) and Reason.BLOCKED.value in item.value.reasons for item in record.inputs):
        return None  # what a failed test blocks stays blocked, whatever the other inputs are
    keys = list(dict.fromkeys(item.key for item in record.inputs if item.key)) or [""]
    space = Space(engine.plan(record.node), keys=keys, unknown={item.name for item in record.inputs if isinstance(item.value, Unknown)})
    values = values_of(record)
    free = [name for name, found in space.inputs.items() if _movable(space, name, found.kind, values, among)]
    if not free:
        return None
    search = _Search(engine, space, record, values, free, seconds)
    if at_most is not None:
        moved = [z3.If(space.inputs[name].value != _exact(values, name), 1, 0) for name in free]
        search.constraints.append(z3.Sum(moved) <= at_most)
    return search.nearest()


class _Search:
    """The way to the nearest other decision of one record."""

    def __init__(self, engine: Engine, space: Space, record: DecisionRecord, values: Mapping[str, Any], free: Sequence[str], seconds: float) -> None:
        self.engine = engine
        self.space = space
        self.record = record
        self.values = values
        self.free = free
        self.seconds = seconds
        self.ask = Asker([space], Limit(seconds), each=int(seconds * 1000))
        self.steps = {name: _step(space, name, values) for name in free}
        self.total = z3.Sum([self._distance(name) for name in free])
        fixed = zip(space.inputs, self.ask.fixing(space, Example(values, dict(record.chosen), record)), strict=True)
        self.constraints = [_another(space, record), self.total > 0, *(constraint for name, constraint in fixed if name not in free)]
        for name in free:
            found = space.inputs[name]
            self.constraints.append(found.known)
            if space.plan.inputs[name.partition("@")[0]].metric.whole:
                self.constraints.append(z3.Or(z3.IsInt(found.value), found.value == _exact(values, name)))

    def nearest(self) -> Turn | None:
        """What the engine decides otherwise, as near as is found.

        What the solver says is put to the engine. Where that does not decide otherwise (arithmetic of floats, a Python function), others are looked
        for farther out, where there are any, in wider and wider stretches.
        """
        found = self.ask.possible(*self.constraints)
        if found is None:
            raise self._not_found()
        if not found:
            return None
        low, best = self._narrowed(number_in(self.ask.solver.model(), self.total))
        near, far, wide = low, (low if best <= low * _ROUNDED else best) * _ROUNDED, _ROUNDED - 1
        while True:
            within = [*self.constraints, self.total >= z3.RealVal(str(near)), self.total <= z3.RealVal(str(far))]
            example = self.ask.example(self.space, self.engine, within, self._shows)
            if example is not None:
                return self._turn(example, low)
            if far > _FARTHEST or not self.ask.possible(*self.constraints, self.total > z3.RealVal(str(far))):
                raise self._not_found()
            wide = min(4 * wide, Fraction(1))
            near, far = far, far * (1 + wide)

    def _narrowed(self, best: Fraction) -> tuple[Fraction, Fraction]:
        """How far is proven to be needed, and how near there is one; a part of the time is kept for showing it."""
        low = Fraction(0)
        for _ in range(_HALVINGS):
            middle = (low + best) / 2
            left = self.ask.limit.milliseconds - int(self.seconds * _KEPT)
            found = self.ask.possible(*self.constraints, self.total <= z3.RealVal(str(middle)), at_most=left)
            if found is None:
                break
            if found:
                best = min(middle, number_in(self.ask.solver.model(), self.total))
            else:
                low = middle
            if best - low <= best / 10_000:
                break
        return low, best

    def _shows(self, made: DecisionRecord) -> bool:
        return (made.outcome, made.branch) != (self.record.outcome, self.record.branch) and made.outcome is not Outcome.UNDETERMINED

    def _distance(self, name: str) -> Any:
        change = (self.space.inputs[name].value - _exact(self.values, name)) / z3.RealVal(str(self.steps[name]))
        return z3.If(change < 0, -change, change)

    def _turn(self, example: Example, low: Fraction) -> Turn:
        pairs = {name: (_at(self.values, name), _at(example.values, name)) for name in self.free}
        changes = {name: (old, new) for name, (old, new) in pairs.items() if old != new}
        distance = sum((abs(Fraction(str(new)) - Fraction(str(old))) / self.steps[name] for name, (old, new) in changes.items()), Fraction(0))
        record = self.record
        made = self.engine.decide(record.node, example.values, at=AT, choose=dict(record.chosen), subject=record.subject, period=record.period)
        return Turn(changes=changes, distance=float(distance), at_least=float(low), record=made)

    def _not_found(self) -> Exception:
        what = f"whether a change of its inputs changes {self.record.node} for {self.record.subject} was not found out"
        if self.ask.limit.milliseconds < _TICK:
            return TimeoutError(f"{what} in {self.seconds:g} s (give more `seconds`)")
        return DecisionOSError(
            f"{what}: the solver cannot tell, or does not know what a Python function gives; more time would not help (look `among` other inputs)"
        )


def _at(values: Mapping[str, Any], name: str) -> Any:
    own, _, key = name.partition("@")
    return values[own][key] if key else values[own]


def _exact(values: Mapping[str, Any], name: str) -> Any:
    return z3.RealVal(str(Fraction(str(_at(values, name)))))


def _movable(space: Space, name: str, kind: str, values: Mapping[str, Any], among: Sequence[str] | None) -> bool:
    own = name.partition("@")[0]
    if kind != "number" or own in space.plan.defaults or own in space.plan.feeds:
        return False
    return (among is None or own in among) and isinstance(_at(values, name), int | float)


def _step(space: Space, name: str, values: Mapping[str, Any]) -> Fraction:
    """The typical step of an input: what its change is counted in."""
    planned = space.plan.inputs[name.partition("@")[0]]
    kind = planned.metric.unit.kind if planned.metric.unit is not None else ""
    return _STEPS.get(kind) or (abs(Fraction(str(_at(values, name)))) / 100 or Fraction(1, 100))


def _another(space: Space, record: DecisionRecord) -> Any:
    """That something is decided, and it is not what was."""
    collects = space.plan.playbook.hit_policy is HitPolicy.COLLECT
    acts = {branch: space.taken(branch) for branch in space.branches}
    decided = z3.Or(z3.Not(space.passed), space.free, *acts.values())
    if record.outcome is Outcome.UNDETERMINED:
        return decided
    if record.outcome is Outcome.BLOCKED:
        return z3.And(decided, space.passed)
    if record.outcome is Outcome.HOLD:
        return z3.And(decided, z3.Not(space.free))
    before = (record.branch or "").split(", ")
    others = [acts[branch] for branch in acts if branch not in before] if collects else []
    return z3.And(decided, z3.Or(*(z3.Not(acts[branch]) for branch in before), *others))
