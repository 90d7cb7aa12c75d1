"""For a record: the smallest change of its inputs, one or several together, that changes what is decided; solved, then put to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.engine import Engine
from decision_os.proofs.examples import AT, Asker, Example, Limit, number_in, shown, values_of
from decision_os.proofs.space import Space
from decision_os.record import DecisionRecord, Outcome
from decision_os.values import Unknown

__all__ = ["Turn", "nearest_change"]

_HALVINGS: Final = 24
_ROUNDED: Final = Fraction(101, 100)
"""How much longer than the shortest a change may be for the sake of numbers that read well."""
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
    """The smallest change of numeric inputs that changes outcome or branch; nothing where there is none.

    Where `seconds` are over before it is known to be the smallest, it is the smallest found, and says so (`Turn.proven`). `among` limits which inputs
    may move, `at_most` how many at once. Inputs that are unknown stay so, and the action parameters stay as chosen.

    Raises `TimeoutError` where `seconds` are over before any is found.
    """
    keys = list(dict.fromkeys(item.key for item in record.inputs if item.key)) or [""]
    space = Space(engine.plan(record.node), keys=keys, unknown={item.name for item in record.inputs if isinstance(item.value, Unknown)})
    values = values_of(record)
    chosen = dict(record.chosen)
    start = Example(values, chosen, record)
    free = [name for name, found in space.inputs.items() if _movable(space, name, found.kind, values, among)]
    ask = Asker([space], Limit(seconds))
    held = [constraint for name, constraint in zip(space.inputs, ask.fixing(space, start), strict=True) if name not in free]
    distances = {name: _distance(space, name, values) for name in free}
    other = z3.Not(_same(space, record))
    constraints = [other, *held]
    if at_most is not None:
        moved = [z3.If(space.inputs[name].value != _exact(values, name), 1, 0) for name in free]
        constraints.append(z3.Sum(moved) <= at_most)
    if not free:
        return None
    found = ask.possible(*constraints)
    if found is None:
        raise _late(record, seconds)
    if not found:
        return None
    total = z3.Sum(list(distances.values()))
    best = number_in(ask.solver.model(), total)
    low = Fraction(0)
    for _ in range(_HALVINGS):
        middle = (low + best) / 2
        found = ask.possible(*constraints, total <= z3.RealVal(str(middle)))
        if found is None:
            break
        if found:
            best = min(middle, number_in(ask.solver.model(), total))
        else:
            low = middle
        if best - low <= best / 10_000:
            break
    example = ask.example(space, engine, [*constraints, total <= z3.RealVal(str(best * _ROUNDED))], lambda made: _differs(made, record))
    if example is None:
        raise _late(record, seconds)
    changes = {name: (_at(values, name), _at(example.values, name)) for name in free if _at(values, name) != _at(example.values, name)}
    return Turn(
        changes=changes,
        distance=float(best),
        at_least=float(low),
        record=engine.decide(record.node, example.values, at=AT, choose=chosen, subject=record.subject, period=record.period),
    )


def _late(record: DecisionRecord, seconds: float) -> TimeoutError:
    return TimeoutError(f"whether a change of its inputs changes {record.node} for {record.subject} was not found out in {seconds:g} s (give more `seconds`)")


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


def _distance(space: Space, name: str, values: Mapping[str, Any]) -> Any:
    planned = space.plan.inputs[name.partition("@")[0]]
    now = Fraction(str(_at(values, name)))
    kind = planned.metric.unit.kind if planned.metric.unit is not None else ""
    step = _STEPS.get(kind) or (abs(now) / 100 or Fraction(1, 100))
    change = (space.inputs[name].value - z3.RealVal(str(now))) / z3.RealVal(str(step))
    return z3.If(change < 0, -change, change)


def _same(space: Space, record: DecisionRecord) -> Any:
    """That what is decided is what was."""
    if record.outcome is Outcome.ACT:
        return z3.And(*(space.taken(branch) for branch in (record.branch or "").split(", ")))
    return space.free if record.outcome is Outcome.HOLD else z3.Not(space.passed)


def _differs(made: DecisionRecord, record: DecisionRecord) -> bool:
    return (made.outcome, made.branch) != (record.outcome, record.branch) and made.outcome is not Outcome.UNDETERMINED
