"""A mistake that no test noticed: an input that tells the two rules apart, decided by both; or a proof that there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import z3

from decision_os.engine import Engine
from decision_os.model import HitPolicy
from decision_os.plan import Plan
from decision_os.proofs import Asker, Example, Limit, Space, keys_of, near, values_of
from decision_os.proofs.terms import both, either
from decision_os.record import DecisionRecord

__all__ = ["Telling"]


class Telling:
    """Tells mistakes from the rules of one decision, near the given inputs; the rules are made ready for it once."""

    def __init__(self, engine: Engine, node: str, given: Mapping[str, Any], limit: Limit) -> None:
        self.engine, self.node, self.given, self.limit = engine, node, given, limit
        self.plan = engine.plan(node)
        self.keys = keys_of(self.plan, given, self.plan)
        unknowns: list[list[str]] = [[], [*self.plan.inputs, *self.plan.feeds]]
        self.spaces = [(unknown, Space(self.plan, private="rule:", keys=self.keys, unknown=unknown)) for unknown in unknowns]

    def apart(self, changed: Engine) -> tuple[Example | None, bool]:
        """Inputs for which the two decide differently; and whether it is proven that there are none, unknown inputs included."""

        def differs(record: DecisionRecord) -> bool:
            turned = changed.decide(self.node, values_of(record), at=record.timestamp, choose=dict(record.chosen))
            return (record.outcome, record.branch, record.action, record.blocked_by) != (turned.outcome, turned.branch, turned.action, turned.blocked_by)

        possible: bool | None = None
        for unknown, before in self.spaces:
            if not self.limit.milliseconds:
                return None, False
            after = Space(changed.plan(self.node), private="mistake:", beside=before, keys=self.keys, unknown=unknown)
            ask = Asker([before, after], self.limit)
            pairs = zip(_outcomes(before, self.plan), _outcomes(after, self.plan), strict=True)
            apart = either([z3.Xor(one, its) for one, its in pairs if not one.eq(its)])
            possible = ask.possible(apart)
            if possible:
                found = ask.example(before, self.engine, [apart, *near(before, ask, [apart], self.given)], differs)
                if found is not None:
                    return found, False
        return None, possible is False


def _outcomes(space: Space, order: Plan) -> Iterator[Any]:
    """What a record says of the outcome, as conditions: which pre-checks pass, which actions are taken by which branches, and that nothing is.

    They come in the order of one plan, so that two plans whose branches stand in another order are compared branch by branch. Where none of them holds,
    the decision is undetermined.
    """
    yield from (check.true for check in space.checks.values())
    actions = sorted({branch.action for branch in order.branches})
    for branch in order.branches:
        for action in actions:
            yield both([space.passed, _taken(space, branch.id), z3.BoolVal(_action(space, branch.id) == action)])
    yield both([space.passed, *(branch.false for branch in space.branches.values())])


def _action(space: Space, branch: str) -> str:
    return next(each.action for each in space.plan.branches if each.id == branch)


def _taken(space: Space, branch: str) -> Any:
    """That a branch is taken where the pre-checks pass. Under `first`, an unknown one before it that would do the same does not matter to the engine."""
    holds, policy = space.branches[branch].true, space.plan.playbook.hit_policy
    names = list(space.branches)
    if policy is HitPolicy.COLLECT:
        return holds
    if policy is HitPolicy.UNIQUE:
        return both([holds, *(space.branches[name].false for name in names if name != branch)])
    before = names[: names.index(branch)]
    own = _action(space, branch)
    passed_over = [space.branches[name].false if _action(space, name) != own else z3.Not(space.branches[name].true) for name in before]
    return both([holds, *passed_over])
