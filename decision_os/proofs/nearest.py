"""For a record: the smallest change of its inputs, one or several together, that changes what is decided; solved, then put to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import attrs
import z3

from decision_os.engine import Engine
from decision_os.errors import DecisionOSError, InputError, OutOfTimeError, nearest
from decision_os.model import HitPolicy
from decision_os.plan import filled
from decision_os.proofs.examples import AT, Asker, Example, Limit, number_in, shown, values_of
from decision_os.proofs.moves import Move, at, moves
from decision_os.proofs.space import Space
from decision_os.proofs.terms import both, either
from decision_os.record import DecisionRecord, Outcome
from decision_os.values import Reason, Unknown

__all__ = ["Turn", "nearest_change"]

_HALVINGS: Final = 100
"""Enough from wherever the solver begins, which may be far out; each takes a few milliseconds, and the search ends when the nearest is known."""
_ROUNDED: Final = Fraction(101, 100)
"""How much longer than the shortest a change may be for the sake of numbers that read well."""
_LOOKING: Final = 0.75
"""The part of the time in which the nearest is looked for; the rest is kept for showing what was found."""
_FARTHEST: Final = 10**12
"""Typical steps beyond which nothing is looked for that the engine might decide otherwise than the solver says."""
_TICK: Final = 50  # milliseconds: a solver that is stopped at its limit may come back a little sooner
_AIMS: Final = (Outcome.ACT, Outcome.HOLD, Outcome.BLOCKED)


@attrs.frozen(kw_only=True)
class Turn:
    """A change of inputs that changes the decision: what each goes from and to (None: unknown), and the record it would make.

    `distance` is the sum of the changes. A number's is counted in its unit's typical step: one point for shares, one of what is counted, else a hundredth of
    the value as it is (of 1, where that is 0). A truth that turns, another text, and a value for what is unknown are one step each. `at_least` is how far is
    proven to be needed. `proven` says that no change is nearer, but for the hundredth that numbers which read well may cost, and for what nobody counts (less
    than a cent, than a hundredth of a point): where it is false, the search was over before that was known.

    There are no changes where the record is already what was asked for.
    """

    changes: Mapping[str, tuple[Any, Any]]
    distance: float
    record: DecisionRecord
    at_least: float = 0.0
    proven: bool = True

    def __str__(self) -> str:
        changed = " and ".join(f"{name} from {_said(old)} to {_said(new)}" for name, (old, new) in self.changes.items())
        action = f" ({self.record.action})" if self.record.action else ""
        doubt = "" if self.proven else " (not proven to be the nearest)"
        return f"{changed or 'as it is'}: {self.record.outcome.value}{action}{doubt}"


def nearest_change(
    engine: Engine,
    record: DecisionRecord,
    *,
    outcome: str | None = None,
    action: str | None = None,
    among: Sequence[str] | None = None,
    at_most: int | None = None,
    seconds: float = 30.0,
) -> Turn | None:
    """The smallest change of inputs that changes outcome or branches, to what is determined; nothing where there is none.

    With `outcome` (`act`, `hold` or `blocked`) it is the smallest that comes to that one, with `action` (an action of the playbook by its name or its text, or
    a branch) to that act. `among` limits which inputs may move, feeds such as `slo_green` included, `at_most` how many at once. Numbers move inside their
    valid ranges, what is counted by whole things; a text moves to those the rules name for it, and to one that they do not. What is unknown gets a value where
    the record says that it is still needed, and what is known stays so; the action parameters stay as chosen.

    Where the search is over before it is known to be the smallest, it is the smallest found, and says so (`Turn.proven`). A record that is held back by no
    input (by a failed contract test, a spent freshness budget) has none.

    Raises `InputError` for a record of other rules and for an argument that fits nothing, `OutOfTimeError` where `seconds` are over before any change is
    found, and `DecisionOSError` where the solver cannot tell, whatever the time.

    >>> import decision_os as dos
    >>> engine = dos.Engine.load(dos.reference_rules())
    >>> values = {"p_route_2m": 0.97, "availability": 0.998, "unassigned_rate": 0.003, "fairness_gini": 0.15, "shadow_match": 0.9949, "slo_green": False}
    >>> record = engine.decide("routing.policy", values)
    >>> print(nearest_change(engine, record))
    slo_green from false to true: hold
    >>> print(nearest_change(engine, record, outcome="act"))
    shadow_match from 0.9949 to 0.995 and slo_green from false to true: act (promote rule set)
    """
    _checked(engine, record, among, at_most)
    limit = Limit(seconds)
    aim = _Aim(engine, record, outcome, action)
    if aim.met(record):
        return Turn(changes={}, distance=0.0, record=record)
    checks = {check.id for check in engine.plan(record.node).pre_checks}
    blocked = any(isinstance(item.value, Unknown) and Reason.BLOCKED.value in item.value.reasons for item in record.inputs)
    if blocked or not checks.issuperset(record.blocked_by):
        return None  # what a failed test or a spent budget blocks stays blocked, whatever the inputs are
    keys = list(dict.fromkeys(item.key for item in record.inputs if item.key)) or [""]
    space = Space(engine.plan(record.node), keys=keys, unknown={item.name for item in record.inputs if isinstance(item.value, Unknown)})
    values = values_of(record)
    free = moves(space, record, values, among)
    return _Search(engine, space, record, values, free, aim, limit, at_most).nearest() if free else None


def _checked(engine: object, record: object, among: object, at_most: object) -> None:
    """Refuse what no change could be looked for with."""
    if not isinstance(engine, Engine) or not isinstance(record, DecisionRecord):
        given = engine if not isinstance(engine, Engine) else record
        hint = "as in `nearest_change(engine, engine.decide(...))`"
        raise InputError(f"`nearest_change` takes an engine and a record that it decided, not a {type(given).__name__}", name="record", hint=hint)
    if record.rule_book_hash != engine.book.hash:
        message = f"the record was decided by `{record.rule_book}` as it was then, and these rules are others"
        raise InputError(message, name="record", hint="decide it again by these rules, or load those it was decided by")
    known = engine.needs(record.node)
    if among is not None and (isinstance(among, str) or not isinstance(among, Sequence) or not among):
        raise InputError(f"`among` is a list of inputs, not {among!r}", name="among", hint=f'as in `among=["{known[0]}"]`; leave it out for all of them')
    for name in among or ():
        if name not in known:
            raise InputError(f"`{record.node}` reads no input `{name}`", name="among", hint=nearest(name, known) or f"it reads {', '.join(known)}")
    if at_most is not None and (isinstance(at_most, bool) or not isinstance(at_most, int) or at_most < 1):
        raise InputError(f"`at_most` is how many inputs may move at once, not {at_most!r}", name="at_most", hint="as in `at_most=1`; leave it out for any")


class _Aim:
    """What a change is to come to: one outcome, one action, or anything else than what was decided."""

    def __init__(self, engine: Engine, record: DecisionRecord, outcome: object, action: object) -> None:
        self.record = record
        self.plan = engine.plan(record.node)
        if outcome is not None and outcome not in _AIMS:
            hint = f"one of {', '.join(f'`{each.value}`' for each in _AIMS)}"
            raise InputError(f"no change is looked for that comes to {outcome!r}", name="outcome", hint=hint)
        self.outcome = Outcome.ACT if action is not None else None if outcome is None else Outcome(str(outcome))
        if action is not None and outcome is not None and outcome != Outcome.ACT:
            raise InputError(f"to `{outcome}` is to take no action, and `action` names one", name="action", hint="leave one of the two out")
        self.branches = self._branches(action)

    def _branches(self, action: object) -> frozenset[str]:
        playbook = self.plan.playbook
        if action is None:
            return frozenset(branch.id for branch in playbook.branches)
        shown = self.plan.shown(self.record.chosen)
        texts = {branch.id: filled(playbook.actions[branch.action].text, shown) for branch in playbook.branches}
        found = {branch.id for branch in playbook.branches if action in (branch.action, texts[branch.id])} or {each for each in texts if each == action}
        if not found:
            known = list(dict.fromkeys(branch.action for branch in playbook.branches))
            hint = nearest(action, [*known, *texts, *texts.values()]) or f"it takes {', '.join(known)}"
            raise InputError(f"`{playbook.id}` takes no action {action!r}", name="action", hint=hint)
        return frozenset(found)

    def met(self, made: DecisionRecord) -> bool:
        """Whether a record is what is looked for."""
        if self.outcome is None:
            return (made.outcome, made.branch) != (self.record.outcome, self.record.branch) and made.outcome is not Outcome.UNDETERMINED
        return made.outcome is self.outcome and (self.outcome is not Outcome.ACT or not self.branches.isdisjoint((made.branch or "").split(", ")))

    def term(self, space: Space) -> Any:
        """The same of a space."""
        match self.outcome:
            case None:
                return _another(space, self.record)
            case Outcome.ACT:
                return either([space.taken(branch) for branch in space.branches if branch in self.branches])
            case Outcome.HOLD:
                return space.free
            case _:
                return z3.Not(space.passed)


class _Search:
    """The way to the nearest other decision of one record."""

    def __init__(
        self,
        engine: Engine,
        space: Space,
        record: DecisionRecord,
        values: Mapping[str, Any],
        free: Sequence[Move],
        aim: _Aim,
        limit: Limit,
        at_most: int | None,
    ) -> None:
        self.engine = engine
        self.record = record
        self.space = space
        self.values = values
        self.free = {move.name: move for move in free}
        self.shows: Callable[[DecisionRecord], bool] = aim.met
        self.looking = Limit(_LOOKING * limit.seconds)
        self.ask = Asker([space], limit, grids=[name for name in space.decimals if name in self.free and not self.free[name].off_grid])
        self.total = z3.Sum([move.distance for move in free])
        self.finest = min(move.finest for move in free)
        fixed = zip(space.inputs, self.ask.fixing(space, Example(values, dict(record.chosen), record)), strict=True)
        self.constraints = [aim.term(space), self.total > 0, *(constraint for name, constraint in fixed if name not in self.free)]
        for move in free:
            self.constraints += move.limits()
        if at_most is not None:
            self.constraints.append(z3.Sum([z3.If(move.moved, 1, 0) for move in free]) <= at_most)

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
        near, far, wide = low, best * _ROUNDED, _ROUNDED - 1
        while True:
            still, finest = self._still(near, far)
            within = self._between(near, max(far, best + finest))
            example = self.ask.example(self.space, self.engine, [*self.constraints, *still, *within], self.shows)
            if example is not None:
                return self._turn(example, low, proven=near == low and self._close(low, best))
            if far > _FARTHEST or not self.ask.possible(*self.constraints, self.total > z3.RealVal(str(far))):
                raise self._not_found()
            wide = min(4 * wide, Fraction(1))
            near, far = far, far * (1 + wide)

    def _between(self, near: Fraction, far: Fraction) -> list[Any]:
        return [self.total >= z3.RealVal(str(near)), self.total <= z3.RealVal(str(far))]

    def _still(self, near: Fraction, far: Fraction) -> tuple[list[Any], Fraction]:
        """That whatever need not move does not (numbers may go a little farther than they have to, which leaves room for others), and what the rest goes by."""
        held = [*self.constraints, *self._between(near, far)]
        still: list[Any] = []
        finest = Fraction(0)
        for move in self.free.values():
            if self.ask.possible(*held, *still, z3.Not(move.moved)):
                still.append(z3.Not(move.moved))
            else:
                finest = max(finest, move.finest)
        return still, finest

    def _close(self, low: Fraction, best: Fraction) -> bool:
        """Whether nothing is known to be nearer than one that is so near, but for what nobody counts."""
        return best - low <= best / 10_000 or best <= self.finest

    def _narrowed(self, best: Fraction) -> tuple[Fraction, Fraction]:
        """How far is proven to be needed, and how near there is one; a part of the time is kept for showing it."""
        low = Fraction(0)
        for _ in range(_HALVINGS):
            if self._close(low, best):
                break
            middle = (low + best) / 2
            found = self.ask.possible(*self.constraints, self.total <= z3.RealVal(str(middle)), limit=self.looking)
            if found is None:
                break
            if found:
                best = min(middle, number_in(self.ask.solver.model(), self.total))
            else:
                low = middle
        return low, best

    def _turn(self, example: Example, low: Fraction, *, proven: bool) -> Turn:
        pairs = {name: (move.now, at(example.values, name)) for name, move in self.free.items()}
        changes = {name: (old, new) for name, (old, new) in pairs.items() if old != new}
        distance = sum((self.free[name].length(new) for name, (_, new) in changes.items()), Fraction(0))
        record = self.record
        made = self.engine.decide(record.node, example.values, at=AT, choose=dict(record.chosen), subject=record.subject, period=record.period)
        return Turn(changes=changes, distance=float(distance), at_least=float(low), proven=proven, record=made)

    def _not_found(self) -> DecisionOSError:
        what = f"whether a change of its inputs changes {self.record.node} for {self.record.subject} was not found out"
        if self.ask.limit.milliseconds < _TICK:
            return OutOfTimeError(f"{what} in {self.ask.limit.seconds:g} s (give more `seconds`)")
        return DecisionOSError(
            f"{what}: the solver cannot tell, or does not know what a Python function gives; more time would not help (look `among` other inputs)"
        )


def _said(value: Any) -> str:
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else shown(value)


def _another(space: Space, record: DecisionRecord) -> Any:
    """That something is decided, and it is not what was."""
    collects = space.plan.playbook.hit_policy is HitPolicy.COLLECT
    acts = {branch: space.taken(branch) for branch in space.branches}
    decided = either([z3.Not(space.passed), space.free, *acts.values()])
    if record.outcome is Outcome.UNDETERMINED:
        return decided
    if record.outcome is Outcome.BLOCKED:
        return both([decided, space.passed])
    if record.outcome is Outcome.HOLD:
        return both([decided, z3.Not(space.free)])
    before = (record.branch or "").split(", ")
    others = [acts[branch] for branch in acts if branch not in before] if collects else []
    return both([decided, either([*(z3.Not(acts[branch]) for branch in before), *others])])
