"""Whether raising an input does to a decision what `improves` and `worsens` promise: for all inputs, the others as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import z3

from decision_os.engine import Engine
from decision_os.model import HOLD, Monotonicity, Playbook
from decision_os.proofs.examples import Asker, Example, Limit, shown
from decision_os.proofs.findings import Finding
from decision_os.proofs.space import Space, finer_keys
from decision_os.proofs.terms import both, either
from decision_os.record import DecisionRecord, Outcome

__all__ = ["broken_promises"]


def broken_promises(engine: Engine, playbook: Playbook, limit: Limit) -> Iterator[Finding]:
    """For each promise that does not hold, two sets of inputs that differ in that input alone, both decided by the engine; and what was not proven."""
    for promise in playbook.monotonic:
        yield from _Pair(engine, playbook, promise, limit).broken()


class _Pair:
    """The same decision twice, with one input raised in the second."""

    def __init__(self, engine: Engine, playbook: Playbook, promise: Monotonicity, limit: Limit) -> None:
        self.engine, self.playbook, self.promise = engine, playbook, promise
        plan = engine.plan(playbook.id)
        keys = finer_keys(plan, plan)
        self.before = Space(plan, private="before:", keys=keys)
        self.after = Space(plan, named={promise.input: f"raised {promise.input}"}, private="after:", beside=self.before, keys=keys)
        self.ask = Asker([self.before, self.after], limit)

    def broken(self) -> Iterator[Finding]:
        names = [name for name in self.before.inputs if name.partition("@")[0] == self.promise.input]
        if not names:
            return
        constraints = [self._raised(names), self._settled(self.before), self._settled(self.after), self._worse()]
        possible = self.ask.possible(*constraints)
        if possible is False:
            return
        key = "improves" if self.promise.improves else "worsens"
        pair = self._shown(constraints) if possible else None
        if pair is None:
            message = f"not proven: that raising `{self.promise.input}` {key} the decision"
            yield Finding(kind="not-proven", playbook=self.playbook.id, branches=(), message=message, where=self.promise.where)
            return
        low, high = pair
        was, now = low.values[self.promise.input], high.values[self.promise.input]
        message = (
            f"`{self.promise.input}` is promised to {key[:-1]} the decision, and raising it from {_said(was)} to {_said(now)} "
            f"{'worsens' if self.promise.improves else 'improves'} it: {_told(low.record)} → {_told(high.record)}"
        )
        yield Finding(kind="not-monotone", playbook=self.playbook.id, branches=(), message=message, where=self.promise.where, example=low)

    # ── terms ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _raised(self, names: Sequence[str]) -> Any:
        """That no value of the input is lower in the second, and one is higher."""
        nowhere_lower, somewhere_higher = [], []
        for name in names:
            low, high = self.before.inputs[name], self.after.inputs[name]
            nowhere_lower += [low.known, high.known, z3.Implies(low.value, high.value) if low.kind == "bool" else low.value <= high.value]
            somewhere_higher.append(z3.And(z3.Not(low.value), high.value) if low.kind == "bool" else low.value < high.value)
        return both([*nowhere_lower, either(somewhere_higher)])

    def _taken(self, space: Space) -> dict[str, list[Any]]:
        """When each action in the order is taken."""
        found: dict[str, list[Any]] = {action: [] for action in self.promise.order}
        for branch in self.playbook.branches:
            if branch.action in found:
                found[branch.action].append(space.taken(branch.id))
        return found

    def _settled(self, space: Space) -> Any:
        """That the decision is blocked, holds, or acts: it is not undetermined."""
        return either([z3.Not(space.passed), space.free, *(space.taken(branch.id) for branch in self.playbook.branches)])

    def _at_least(self, space: Space, level: int, *, best: bool) -> Any:
        """That the best, or the worst, of what is done stands at that place of the order or above it."""
        order, taken = self.promise.order, self._taken(space)
        nothing = z3.Not(either([each for several in taken.values() for each in several]))
        idle = both([nothing, z3.BoolVal(order.index(HOLD) >= level)])
        above = either([each for action in order[level:] for each in taken[action]])
        if best:
            return either([above, idle])
        below = either([each for action in order[:level] for each in taken[action]])
        return either([idle, both([above, z3.Not(below)])])

    def _worse(self) -> Any:
        """That the second stands lower in the order than the first; higher, for an input that is promised to worsen it."""
        first, second = (self.before, self.after) if self.promise.improves else (self.after, self.before)
        ways = [
            both([self._at_least(first, level, best=best), z3.Not(self._at_least(second, level, best=best))])
            for level in range(1, len(self.promise.order))
            for best in (True, False)
        ]
        return either(ways)

    # ── what shows it ────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _shown(self, constraints: Sequence[Any]) -> tuple[Example, Example] | None:
        low = self.ask.example(self.before, self.engine, constraints, lambda record: record.outcome is not Outcome.UNDETERMINED)
        if low is None:
            return None
        held = self.ask.fixing(self.before, low)
        high = self.ask.example(self.after, self.engine, [*constraints, *held], lambda record: not self.promise.kept(_actions(low.record), _actions(record)))
        return None if high is None else (low, high)


def _actions(record: DecisionRecord) -> list[str]:
    return [action.id for action in record.actions]


def _said(value: Any) -> str:
    return shown(value) if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _told(record: DecisionRecord) -> str:
    return record.action or record.outcome.value
