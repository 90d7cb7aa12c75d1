"""What is lacking of a coverage → an input that would show it, or a proof that none can. Solved, then decided by the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import z3

from decision_os.cases import as_case
from decision_os.coverage.seen import Asked, Coverage, Lack, Vector
from decision_os.engine import Engine
from decision_os.expr.structure import Formula, Joined, Picked
from decision_os.expr.tree import Truth
from decision_os.model import HitPolicy
from decision_os.proofs import Asker, Limit, Space, keys_of, near
from decision_os.proofs.terms import Kleene, both, either

__all__ = ["dead", "proposals"]

_SURE = Kleene(z3.BoolVal(True), z3.BoolVal(False))


def proposals(engine: Engine, lacks: Sequence[Lack], given: Mapping[str, Mapping[str, Any]], seconds: float) -> list[tuple[str, bool]]:
    """For each lack a case that would show it, or that none can: that is proven. Neither, where it was not found out in time."""
    limit = Limit(seconds)
    found: list[tuple[str, bool]] = []
    questions: dict[str, _Questions] = {}
    for lack in lacks:
        node = lack.asked.node
        if node not in questions:
            questions[node] = _Questions(engine, node, given.get(node, {}), limit)
        found.append(questions[node].answer(lack))
    return found


def dead(engine: Engine, branches: Sequence[Asked], seconds: float) -> list[Asked]:
    """Those of some branches that are proven never to be taken: nothing they could be taken by is reached, unknown inputs included."""
    limit = Limit(seconds)
    found: list[Asked] = []
    for asked in branches:
        plan = engine.plan(asked.node)
        space = Space(plan, unknown=[*plan.inputs, *plan.feeds])
        if Asker([space], limit).possible(*_reached(space, asked), space.branches[asked.condition.id].true) is False:
            found.append(asked)
    return found


@attrs.frozen
class _Proposal:
    """A case that is proposed, and what it lets be seen of each pre-check and branch."""

    case: str
    seen: Mapping[str, set[Vector]]


class _Questions:
    """The questions about one decision: over known inputs, for examples that read well; and over inputs any of which may be unknown."""

    def __init__(self, engine: Engine, node: str, given: Mapping[str, Any], limit: Limit) -> None:
        self.engine, self.node, self.given, self.limit = engine, node, given, limit
        plan = engine.plan(node)
        keys = keys_of(plan, given)
        self.spaces = [Space(plan, keys=keys), Space(plan, keys=keys, unknown=[*plan.inputs, *plan.feeds])]
        self.askers = [Asker([space], limit) for space in self.spaces]
        self.made: list[_Proposal] = []

    def answer(self, lack: Lack) -> tuple[str, bool]:
        for proposal in self.made:
            if _with(lack.asked, proposal.seen[_key(lack.asked)]).had(lack.leaf, lack.want):
                return proposal.case, False
        spaces = list(zip(self.spaces, self.askers, strict=True))
        possible: bool | None = False
        for space, ask in spaces[1:] if lack.want == "unknown" else spaces:
            if not self.limit.milliseconds:
                return "", False
            wanted = [*_reached(space, lack.asked), *_wanted(space, lack)]
            for more in (_alone(space, lack.asked), []):
                possible = ask.possible(*wanted, *more)
                case = self.example(space, ask, [*wanted, *more], lack) if possible else ""
                if case:
                    return case, False
        return "", possible is False

    def example(self, space: Space, ask: Asker, wanted: list[Any], lack: Lack) -> str:
        scratch = Coverage(self.engine)
        before = {_key(each): each for each in scratch.asked[self.node]}

        def shows(_: object) -> bool:
            return _with(lack.asked, before[_key(lack.asked)].seen).had(lack.leaf, lack.want)

        with scratch.watching():
            found = ask.example(space, self.engine, [*wanted, *near(space, ask, wanted, self.given)], shows)
        if found is None:
            return ""
        once = Coverage(self.engine)
        once.decide(self.node, [found.values], choose=found.choose)
        case = as_case(lack.name, space.plan, self.given, found.values, found.choose, found.record)
        self.made.append(_Proposal(case, {_key(each): each.seen for each in once.asked[self.node]}))
        return case


def _key(asked: Asked) -> str:
    return f"{asked.kind} {asked.condition.id}"


def _with(asked: Asked, more: set[Vector]) -> Asked:
    return attrs.evolve(asked, seen=asked.seen | more)


def _reached(space: Space, asked: Asked) -> list[Any]:
    """That the engine asks it."""
    if asked.kind == "pre-check":
        return []
    before: list[Any] = []
    if space.plan.playbook.hit_policy is HitPolicy.FIRST:
        names = list(space.branches)
        before = [z3.Not(space.branches[name].true) for name in names[: names.index(asked.condition.id)]]
    return [space.passed, *before]


def _alone(space: Space, asked: Asked) -> list[Any]:
    """That no other branch holds, where one more would leave the decision undetermined: a case reads better where something is decided."""
    if asked.kind == "pre-check" or space.plan.playbook.hit_policy is not HitPolicy.UNIQUE:
        return []
    return [space.branches[name].false for name in space.branches if name != asked.condition.id]


def _wanted(space: Space, lack: Lack) -> list[Any]:
    """That what is lacking is seen at the first of the finer keys."""
    asked, condition = lack.asked, lack.asked.condition
    leaves = [_leaves(space, asked, key) for key in (space.keys if condition.fanned else [""])]
    leaf = leaves[0][lack.leaf]
    if lack.want in ("true", "false"):
        return [leaf.true if lack.want == "true" else leaf.false]
    if lack.want == "unknown":
        return [z3.Not(leaf.true), z3.Not(leaf.false)]

    def outcome(answer: Kleene) -> Kleene:
        rows = [
            _formula(asked.structure.formula, [*row[: lack.leaf], answer, *row[lack.leaf + 1 :]] if place == 0 or asked.everywhere(lack.leaf) else row)
            for place, row in enumerate(leaves)
        ]
        return _joined("and" if condition.every else "or", rows)

    side = lack.want == "decides true"
    ours, other = (outcome(_SURE), outcome(~_SURE)) if side else (outcome(~_SURE), outcome(_SURE))
    theirs = asked.outcomes(lack.leaf, not side)
    ways = [each for each in (True, False) if theirs != {each}]
    swings = either([both([ours.true, other.false]) if way else both([ours.false, other.true]) for way in ways])
    return [leaf.true if side else leaf.false, swings]


def _leaves(space: Space, asked: Asked, key: str) -> list[Kleene]:
    at = {name: space.place(name, key) for name in asked.condition.fanned}
    return [space.terms.condition(leaf.expression.tree, at) for leaf in asked.structure.leaves]


def _formula(formula: Formula, leaves: Sequence[Kleene]) -> Kleene:
    match formula:
        case int():
            return leaves[formula]
        case Truth(value=value):
            return _SURE if value else ~_SURE
        case Joined(op="not", parts=(part,)):
            return ~_formula(part, leaves)
        case Joined(op=op, parts=parts):
            return _joined(op, [_formula(part, leaves) for part in parts])
        case Picked():
            asked, then, otherwise = (_formula(part, leaves) for part in (formula.condition, formula.then, formula.otherwise))
            return Kleene(
                either([both([asked.true, then.true]), both([asked.false, otherwise.true])]),
                either([both([asked.true, then.false]), both([asked.false, otherwise.false])]),
            )


def _joined(op: str, parts: Sequence[Kleene]) -> Kleene:
    true, false = [part.true for part in parts], [part.false for part in parts]
    return Kleene(both(true), either(false)) if op == "and" else Kleene(either(true), both(false))
