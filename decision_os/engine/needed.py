"""What an open decision still needs: the smallest set of unknown inputs that settles the outcome, under the playbook's hit policy.

It is worked out as for one expression (`decision_os.expr.residual`), of the conditions' standings instead of a tree's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from decision_os.engine.ask import at_key, keys
from decision_os.engine.inputs import Taken
from decision_os.expr import Standing, alternatives, kleene, smallest
from decision_os.expr.residual import STEPS
from decision_os.expr.work import Work
from decision_os.model import HitPolicy
from decision_os.plan import Condition, Plan
from decision_os.values import Reason, Unknown, Value

__all__ = ["needed"]

Standings: TypeAlias = frozenset[Standing]
Ask: TypeAlias = Callable[[frozenset[str]], Standings]
"""What a condition can come to once some inputs are known."""

_OPEN, _STUCK = Standing.OPEN.value, Standing.STUCK.value


def needed(plan: Plan, scope: Mapping[str, Value], taken: Taken) -> tuple[str, ...]:
    """The smallest set of inputs which, once known, settle the outcome whatever they are, in the order the conditions read them.

    What can change neither the outcome nor the action is left out; where the search takes more steps than are spent on it, fewer may do.
    Inputs that a failed test withholds are in it: they block until they are mended. An input of a finer grain counts as one.
    """
    conditions = (*plan.pre_checks, *plan.branches)
    read = tuple(dict.fromkeys(name for condition in conditions for name in condition.expression.names))
    gaps = [name for name in read if _gap(name, scope, taken)]
    blocked = [item.name for item in taken.listed if isinstance(item.value, Unknown) and Reason.BLOCKED.value in item.value.reasons]
    doubtful = frozenset[str]().union(*(alternatives(condition.expression.tree) for condition in conditions))
    work = Work(STEPS)
    gates = [_asked(check, scope, taken, work) for check in plan.pre_checks]
    branches = [(branch, _asked(branch, scope, taken, work)) for branch in plan.branches]
    found, _ = smallest(gaps, doubtful, partial(_settles, gates, branches, plan.playbook.hit_policy), work)
    return tuple(dict.fromkeys([*blocked, *(name for name in gaps if name in found)]))


def _gap(name: str, scope: Mapping[str, Value], taken: Taken) -> bool:
    if name in taken.fanned:
        return not taken.fanned[name] or any(isinstance(value, Unknown) for value in taken.fanned[name].values())
    return name not in scope or isinstance(scope[name], Unknown)


def _settles(gates: Sequence[Ask], branches: Sequence[tuple[Condition, Ask]], policy: HitPolicy, known: frozenset[str]) -> bool:
    """Whether the outcome depends on nothing else once these are known."""
    gate = kleene(Standing.FALSE, [ask(known) for ask in gates])
    if Standing.OPEN in gate:
        return False
    if Standing.TRUE not in gate:
        return True
    return _OPEN not in _POLICIES[policy]([(branch, ask(known)) for branch, ask in branches])


def _asked(condition: Condition, scope: Mapping[str, Value], taken: Taken, work: Work) -> Ask:
    if not condition.fanned:
        return condition.expression.standings(scope, work)
    several = [condition.expression.standings(at_key(condition, scope, taken.fanned, key), work) for key in keys(condition, taken.fanned)]
    return lambda known: kleene(Standing.FALSE if condition.every else Standing.TRUE, [ask(known) for ask in several])


def _first(branches: list[tuple[Condition, Standings]]) -> set[str]:
    """What the whole can come to, from the last branch to the first: an action, nothing (``), open or stuck."""
    after = {""}
    for branch, several in reversed(branches):
        found: set[str] = set()
        for standing in several:
            match standing:
                case Standing.TRUE:
                    found.add(f"action {branch.action}")
                case Standing.FALSE:
                    found |= after
                case _:
                    found |= {_doubted(standing.value, f"action {branch.action}", rest) for rest in after}
        after = found
    return after


def _doubted(doubt: str, action: str, rest: str) -> str:
    """An unknown branch before `rest`: it is in nobody's way where both do the same."""
    if rest == action:
        return action
    return _OPEN if _OPEN in (doubt, rest) else _STUCK


def _unique(branches: list[tuple[Condition, Standings]]) -> set[str]:
    """Two branches that hold, or one that is undefined, leave it undetermined for good."""
    stuck = any(several == {Standing.STUCK} for _, several in branches)
    states = {(0, False)}
    for _, several in branches:
        able = several - {Standing.STUCK} or {Standing.FALSE}
        states = {(min(2, held + (standing is Standing.TRUE)), doubt or standing is Standing.OPEN) for held, doubt in states for standing in able}
    return {_STUCK if stuck or held > 1 else _OPEN if doubt else "settled" for held, doubt in states}


def _collect(branches: list[tuple[Condition, Standings]]) -> set[str]:
    """Every branch counts by itself."""
    return {_OPEN} if any(Standing.OPEN in several for _, several in branches) else {"settled"}


_POLICIES: Mapping[HitPolicy, Callable[[list[tuple[Condition, Standings]]], set[str]]] = {
    HitPolicy.FIRST: _first,
    HitPolicy.UNIQUE: _unique,
    HitPolicy.COLLECT: _collect,
}
