"""What can be asked of a playbook without data: overlaps, gaps, branches that never fire, conditions that decide nothing, divisions by zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Final

import z3

from decision_os.engine import Engine
from decision_os.errors import InputError, Severity
from decision_os.expr.tree import walk
from decision_os.expr.unparse import unparse
from decision_os.model import HitPolicy
from decision_os.proofs.examples import Asker, Example, Limit
from decision_os.proofs.findings import Finding, Kind, Proof
from decision_os.proofs.monotone import broken_promises
from decision_os.proofs.space import Space, atoms
from decision_os.proofs.terms import Division, both, either
from decision_os.record import DecisionRecord, Outcome

__all__ = ["prove"]

_GAPS: Final = 16
_BESIDE: Final = 3
"""Of how many branches, and of how many conditions of each, a message says that they fail."""


def prove(engine: Engine, node: str, *, seconds: float = 30.0, gaps: int = _GAPS) -> Proof:
    """Ask everything of one decision, in at most that many seconds.

    So many kinds of `gaps` are told apart, by the comparisons that fail, each with an input; that there are more is a finding.
    Every example was decided by the engine first, and shows what is said of it. Raises `NotFoundError` for a decision that does not exist, `InputError` for
    what is no engine, no number of seconds or of gaps.
    """
    if not isinstance(engine, Engine):
        raise InputError(f"`prove` takes an engine, not a {type(engine).__name__}", name="engine", hint='as in `prove(engine, "channel.invest")`')
    if isinstance(gaps, bool) or not isinstance(gaps, int) or gaps < 1:
        raise InputError(f"`gaps` is how many kinds of gap are told apart, not {gaps!r}", name="gaps", hint="as in `gaps=100`")
    return Proof(playbook=node, findings=tuple(_Questions(engine, node, Limit(seconds), gaps).all()))


class _Questions:
    """The questions of one playbook."""

    def __init__(self, engine: Engine, node: str, limit: Limit, most_gaps: int) -> None:
        self.engine = engine
        self.most_gaps = most_gaps
        self.playbook = engine.book.playbook(node)
        self.space = Space(engine.plan(node))
        self.ask = Asker([self.space], limit)
        self.branches = {branch.id: branch for branch in self.playbook.branches}
        self.first = self.playbook.hit_policy is HitPolicy.FIRST
        self.places = {check.id: check.where for check in self.playbook.pre_checks} | {branch.id: branch.where for branch in self.playbook.branches}
        # Under `unique` one branch is to hold; the other policies settle what happens where several do, and `otherwise` where none does.
        self.loose = Severity.WARNING if self.playbook.hit_policy is HitPolicy.UNIQUE else Severity.NOTE

    def all(self) -> Iterator[Finding]:
        """Every finding, in the order of the questions."""
        alive: list[str] = []
        for branch in self.branches:
            found = self.fires(branch)
            if found is None:
                alive.append(branch)
            else:
                yield found
        yield from self.overlaps(alive)
        yield from self.gaps()
        yield from self.idle()
        yield from self.zeros()
        yield from broken_promises(self.engine, self.playbook, self.ask.limit)

    def finding(self, kind: Kind, message: str, *branches: str, **more: Any) -> Finding:
        where = self.places.get(branches[0], self.playbook.where) if branches else next(iter(self.branches.values())).where
        return Finding(kind=kind, playbook=self.playbook.id, branches=branches, message=message, **{"where": where, **more})

    def unproven(self, what: str, *branches: str) -> Finding:
        opaque = ", ".join(f"`{name}`" for name in sorted(self.space.terms.opaque))
        why = f"what {opaque} gives is not known" if opaque else self.ask.why
        return self.finding("not-proven", f"not proven: {what} ({why})", *branches)

    # ── branches ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def fires(self, branch: str) -> Finding | None:
        """Why a branch can never be taken; nothing where it can."""
        holds = self.space.branches[branch].true
        possible = self.ask.possible(self.space.passed, holds)
        if possible is None:
            return self.unproven(f"whether branch `{branch}` can fire", branch)
        if not possible:
            alone = self.ask.possible(holds)
            if alone is None:
                return self.unproven(f"why branch `{branch}` cannot fire", branch)
            if not alone:
                return self.finding("never-fires", f"branch `{branch}` can never fire: its conditions contradict one another or the contracts' ranges", branch)
            checks = [check for check in self.space.checks if self.ask.possible(self.space.checks[check].true, holds) is False]
            named = " and ".join(f"`{check}`" for check in checks) or "the pre-checks together"
            example = self.ask.example(self.space, self.engine, [holds], lambda record: _held(record, branch))
            return self.finding("contradicts-check", f"branch `{branch}` can never fire: where it holds, {named} cannot pass", branch, example=example)
        if not self.first:
            return None
        taken = self.ask.possible(self.space.taken(branch))
        if taken is None:
            return self.unproven(f"whether branch `{branch}` is masked by those before it", branch)
        if taken:
            return None
        before = list(self.branches)[: list(self.branches).index(branch)]
        single = [other for other in before if self.ask.possible(self.space.passed, holds, z3.Not(self.space.branches[other].true)) is False]
        named = " or ".join(f"`{other}`" for other in (single[:1] or before))
        example = self.ask.example(self.space, self.engine, [self.space.passed, holds], lambda record: _held(record, branch))
        none_holds = [z3.Not(self.space.branches[other].true) for other in before]
        certain = single or self.ask.possible(self.space.passed, holds, *none_holds) is False
        what = "holds before it" if certain else "holds before it or is unknown"
        message = f"branch `{branch}` is never taken: wherever it holds, {named} {what}"
        return self.finding("masked", message, branch, *(single[:1] or before), example=example)

    def overlaps(self, alive: list[str]) -> Iterator[Finding]:
        """Pairs of branches that can both hold."""
        for one, other in combinations(alive, 2):
            same = self.branches[one].action == self.branches[other].action
            constraints = [self.space.passed, self.space.branches[one].true, self.space.branches[other].true]
            possible = self.ask.possible(*constraints)
            meant = self.playbook.meant.get(f"{one} & {other}", "") or self.playbook.meant.get(f"{other} & {one}", "")
            if possible is False:
                if meant:
                    yield self.finding("not-there", f"branches `{one}` and `{other}` are meant to overlap, and never both hold", one, other)
                continue
            example = self.ask.example(self.space, self.engine, constraints, lambda record: _hold(record, one, other)) if possible else None  # noqa: B023  # used at once
            if example is None:
                yield self.unproven(f"whether `{one}` and `{other}` can both hold", one, other)
                continue
            policy = self.playbook.hit_policy
            then = {HitPolicy.FIRST: f"`{one}` is taken", HitPolicy.UNIQUE: "nothing is", HitPolicy.COLLECT: "both are"}[policy]
            both_do = ", to the same action" if same else ""
            message = f"branches `{one}` and `{other}` can both hold{both_do}; {then}"
            yield self.finding("overlap", message, one, other, example=example, meant=meant, severity=self.loose)

    def gaps(self) -> Iterator[Finding]:
        """Inputs for which no branch holds: outside the gaps that are named as meant, and in each of these."""
        regions = [(gap, self.space.region(gap.when)) for gap in self.playbook.meant_gaps]
        yield from self.gaps_outside([z3.Not(region.true) for _, region in regions])
        for gap, region in regions:
            words = " ".join(gap.when.text.split())
            possible = self.ask.possible(self.space.free, region.true)
            if possible is False:
                yield self.finding("not-there", f"a gap is meant where `{words}`, and none is there", where=gap.where)
                continue
            example = self.ask.example(self.space, self.engine, [self.space.free, region.true], _gap) if possible else None
            if example is None:
                yield self.unproven(f"whether there is a gap where `{words}`")
                continue
            yield self.gap(example, meant=gap.why, where=gap.where)

    def gaps_outside(self, told: list[Any]) -> Iterator[Finding]:
        """Gaps where none is named, told apart by the comparisons that fail."""
        comparisons = [self.space.over_keys(branch, node).false for branch in self.space.plan.branches for node, _ in atoms(branch.expression)]
        meant = self.playbook.meant.get("gap", "")
        for count in range(self.most_gaps + 1):
            possible = self.ask.possible(self.space.free, *told)
            if possible is False:
                if meant and not count:
                    yield self.finding("not-there", "a gap is meant, and some branch always holds")
                return
            if possible is None:
                yield self.unproven("whether there are inputs for which no branch holds")
                return
            if count == self.most_gaps:
                message = f"there are more kinds of gap than these {count} (`gaps`, or `--gaps`, tells more of them apart)"
                yield self.finding("gap", message, meant=meant, severity=self.loose)
                return
            model = self.ask.solver.model()  # read here: looking for an example asks more, and has models of its own
            kind = z3.And([fails if z3.is_true(model.eval(fails, model_completion=True)) else z3.Not(fails) for fails in comparisons])
            example = self.ask.example(self.space, self.engine, [self.space.free, *told, kind], _gap)
            told.append(z3.Not(kind))
            if example is None:
                yield self.unproven("whether there are inputs for which no branch holds")
                continue
            yield self.gap(example, meant=meant)

    def gap(self, example: Example, **more: Any) -> Finding:
        why = _why_not(example.record)
        message = f"no branch holds, so {self.playbook.otherwise}" + (f" ({why})" if why else "")
        return self.finding("gap", message, example=example, severity=self.loose, **more)

    def idle(self) -> Iterator[Finding]:
        """Comparisons that the contracts' ranges decide."""
        for condition in (*self.space.plan.pre_checks, *self.space.plan.branches):
            for node, text in atoms(condition.expression):
                words = " ".join(text[slice(*node.span)].split())
                asked = self.space.over_keys(condition, node)
                for kind, way in (("always-true", asked.false), ("never-true", asked.true)):
                    if self.ask.possible(way) is False and self.ask.possible(both([z3.Or(asked.true, asked.false)])):
                        what = "always holds" if kind == "always-true" else "never holds"
                        message = f"`{words}` in `{condition.id}` {what}, whatever the contracts' ranges allow"
                        yield self.finding(kind, message, condition.id)  # type: ignore[arg-type]  # one of the two

    def zeros(self) -> Iterator[Finding]:
        """Divisors that can be zero."""
        alike: dict[str, list[Division]] = {}
        for division in self.space.divisions:
            alike.setdefault(f"{division.divisor}", []).append(division)
        meant = self.playbook.meant.get("zero-divisor", "")
        found = False
        for divisions in alike.values():
            division = divisions[0]
            constraints = [self.space.passed, either([each.known for each in divisions]), division.divisor == 0]
            possible = self.ask.possible(*constraints)
            if possible is False:
                continue
            found = True
            example = self.ask.example(self.space, self.engine, constraints, _divides_by_zero) if possible else None
            if example is None:
                yield self.unproven(f"whether the divisor of `{unparse(division.node)}` can be zero")
                continue
            message = f"the divisor of `{unparse(division.node)}` can be zero, which leaves it undefined"
            yield self.finding("zero-divisor", message, example=example, meant=meant, where=self.places[self.reader(division)])
        if meant and not found:
            yield self.finding("not-there", "a divisor of zero is meant, and no divisor can be zero")

    def reader(self, division: Division) -> str:
        """The first pre-check or branch in which a division stands."""
        conditions = (*self.space.plan.pre_checks, *self.space.plan.branches)
        return next(each.id for each in conditions if any(node is division.node for node in walk(each.expression.tree)))


def _hold(record: DecisionRecord, *branches: str) -> bool:
    return record.outcome is not Outcome.BLOCKED and all(branch.holds is True for branch in record.evidence.branches if branch.id in branches)


def _gap(record: DecisionRecord) -> bool:
    return record.outcome is Outcome.HOLD and all(branch.holds is False for branch in record.evidence.branches)


def _why_not(record: DecisionRecord) -> str:
    """Which conditions of the branches fail: of those nearest to holding, so that a hundred branches do not fill pages."""
    failing = {branch.id: [condition.text for condition in branch.conditions if condition.holds is False] for branch in record.evidence.branches}
    nearest = sorted((item for item in failing.items() if item[1]), key=lambda item: len(item[1]))
    told = [f"`{branch}` by {_some(texts)}" for branch, texts in nearest[:_BESIDE]]
    return "; ".join([*told, *([f"and {len(nearest) - _BESIDE} more branches"] if len(nearest) > _BESIDE else [])])


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _BESIDE
    return ", ".join(texts[:_BESIDE]) + (f" and {more} more" if more > 0 else "")


def _held(record: DecisionRecord, branch: str) -> bool:
    return any(each.id == branch and each.holds is True and not each.taken for each in record.evidence.branches)


def _divides_by_zero(record: DecisionRecord) -> bool:
    conditions = [condition for branch in record.evidence.branches for condition in branch.conditions]
    conditions += [condition for check in record.evidence.pre_checks for condition in check.conditions]
    return any("division by zero" in cause.detail for condition in conditions for cause in condition.causes)
