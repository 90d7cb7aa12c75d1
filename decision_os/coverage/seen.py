"""What has been seen of each condition, and what of it is lacking.

Modified condition/decision coverage (MC/DC): every condition of a decision has been true and false, and each has been shown to affect the
decision's outcome independently. Of the forms that the standard admits this is the masking one: two inputs show a condition's effect when it is
true in the one and false in the other, the outcomes differ, and in each of them the outcome would change if that condition alone did. The other
conditions may differ between the two, as long as they do not matter; the unique-cause form, which holds them all fixed, cannot be met where one
input feeds two conditions. Sources: RTCA DO-178C (2011), glossary, "modified condition/decision coverage"; J. J. Chilenski, *An Investigation of Three
Forms of the Modified Condition Decision Coverage (MCDC) Criterion*, DOT/FAA/AR-01/18, 2001; K. J. Hayhurst et al., *A Practical Tutorial on
Modified Condition/Decision Coverage*, NASA/TM-2001-210876.

Answers are three-valued here. A condition that is unknown shows no effect of itself, and does not keep others from showing theirs where the outcome is known
whichever way they go. That each condition was seen unknown is wanted besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

import attrs

from decision_os.engine import Engine
from decision_os.engine.ask import at_key, keys
from decision_os.engine.decide import Verdict, watching
from decision_os.engine.inputs import Taken
from decision_os.errors import Where
from decision_os.expr.structure import Structure, structure
from decision_os.model import HitPolicy, RuleBook
from decision_os.plan import Condition, Plan
from decision_os.record import Outcome
from decision_os.values import Value

__all__ = ["Asked", "Coverage", "Lack", "Vector", "Want"]

Vector: TypeAlias = tuple[tuple[bool | None, ...], ...]
"""The answers of the leaves: once, or for each of the finer keys that a condition is asked for."""

Want: TypeAlias = Literal["true", "false", "unknown", "decides true", "decides false"]
"""What may be lacking of a condition: to have been seen so; to have been true, or false, where that alone made the outcome what it was."""


_TOLD: Final[Mapping[Want, str]] = {
    "true": "holds",
    "false": "fails",
    "unknown": "is unknown",
    "decides true": "holds, and that decides",
    "decides false": "fails, and that decides",
}


@attrs.frozen
class Lack:
    """One thing that is lacking: of which decision, pre-check or branch, which of its conditions, and what."""

    asked: Asked
    leaf: int
    want: Want

    @property
    def words(self) -> str:
        """The condition as its author wrote it."""
        return self.asked.structure.leaves[self.leaf].words

    @property
    def name(self) -> str:
        """What a case that shows it would be called."""
        return f"{self.asked.condition.id}: {self.words} {_TOLD[self.want]}"

    def __str__(self) -> str:
        if self.want in ("true", "false", "unknown"):
            return f"`{self.words}` was never seen {self.want}"
        return f"`{self.words}` was never {self.want.removeprefix('decides ')} where that alone decides"


@attrs.define(eq=False)
class Asked:
    """A pre-check or a branch of one decision: its conditions, and the combinations of their answers that were seen."""

    node: str
    kind: Literal["pre-check", "branch"]
    condition: Condition
    where: Where
    structure: Structure
    seen: set[Vector] = attrs.field(factory=set)

    def outcome(self, vector: Vector) -> bool | None:
        """What the whole comes to, over all keys."""
        decider = not self.condition.every
        found = [self.structure.value(answers) for answers in vector]
        return decider if decider in found else None if None in found else not decider

    def decides(self, leaf: int, vector: Vector) -> Iterator[tuple[bool, bool]]:
        """Each way a leaf by itself makes the outcome what it is: how it is answered, and the outcome.

        What reads no input of a finer grain is one fact, answered alike at every key; the others are looked at key by key.
        """
        outcome = self.outcome(vector)
        if outcome is None:
            return
        for place, answers in enumerate(vector):
            here = answers[leaf]
            if here is None:
                continue
            turned = tuple(_turned(each, leaf) if self.everywhere(leaf) or at == place else each for at, each in enumerate(vector))
            if self.outcome(turned) is (not outcome):
                yield here, outcome

    def everywhere(self, leaf: int) -> bool:
        """Whether a leaf is the same at every finer key."""
        return not set(self.condition.fanned) & set(self.structure.leaves[leaf].expression.names)

    def had(self, leaf: int, want: Want) -> bool:
        """Whether something wanted of a leaf was seen."""
        if want in ("true", "false", "unknown"):
            wanted = {"true": True, "false": False, "unknown": None}[want]
            return any(answers[leaf] is wanted for vector in self.seen for answers in vector)
        side = want == "decides true"
        ours, theirs = self.outcomes(leaf, side), self.outcomes(leaf, not side)
        return bool(ours) and (not theirs or any(outcome is not other for outcome in ours for other in theirs))

    def effect(self, leaf: int) -> bool:
        """Whether a leaf was shown to affect the outcome independently: MC/DC of it."""
        return any(one is not other for one in self.outcomes(leaf, True) for other in self.outcomes(leaf, False))

    def outcomes(self, leaf: int, side: bool) -> set[bool]:
        """What the whole has come to where a leaf, answered so, decided it by itself."""
        return {outcome for vector in self.seen for here, outcome in self.decides(leaf, vector) if here is side}

    def lacking(self) -> Iterator[Lack]:
        """What is lacking of each leaf, in the order written."""
        wants: tuple[Want, ...] = ("decides true", "decides false", "true", "false", "unknown")
        for leaf in range(len(self.structure.leaves)):
            yield from (Lack(self, leaf, want) for want in wants if not self.had(leaf, want))


class Coverage:
    """What decisions have shown of one rule book.

    >>> from decision_os.reference import reference_rules
    >>> coverage = Coverage(Engine.load(reference_rules()))
    >>> coverage.decide("channel.invest", [{"slo_green": True, "attribution_validity_overall": 0.99}, {"slo_green": False}])
    >>> [(asked.condition.id, [str(lack) for lack in asked.lacking()]) for asked in coverage.asked["channel.invest"]][0]
    ('slo_health', ['`slo_green` was never seen unknown'])
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.asked: dict[str, tuple[Asked, ...]] = {node: tuple(_asked(engine, node)) for node in engine.nodes}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count every decision that any engine of this process takes by the same rule book, for as long as this lasts."""
        with watching(self.see):
            yield

    def decide(self, node: str, inputs: Iterable[Mapping[str, Any]], *, choose: Mapping[str, float] | None = None, **more: Any) -> None:
        """Decide for each of some inputs, and count it. The other arguments, and what is raised, are those of `Engine.decide`."""
        with self.watching():
            for values in inputs:
                self.engine.decide(node, values, choose=choose, **more)

    def see(self, book: RuleBook, plan: Plan, scope: Mapping[str, Value], taken: Taken, verdict: Verdict) -> None:
        """Count one decision, if it is by the same rule book: what `decision_os.engine.decide.watching` tells."""
        if book.hash != self.engine.book.hash:
            return
        for asked in self.asked[plan.playbook.id]:
            if not _reached(asked, plan, verdict):
                continue
            vector = _vector(asked, scope, taken)
            asked.seen.add(vector)
            if asked.kind == "branch" and plan.playbook.hit_policy is HitPolicy.FIRST and asked.outcome(vector) is True:
                return

    # ── elsewhere and back ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def data(self) -> dict[str, list[str]]:
        """What was seen as texts, to be added to that of another process by `add`."""
        return {f"{node} {each.kind} {each.condition.id}": sorted(map(_spelt, each.seen)) for node, all_asked in self.asked.items() for each in all_asked}

    def add(self, data: Mapping[str, Sequence[str]]) -> None:
        """Add what another process has seen of the same rule book."""
        for node, all_asked in self.asked.items():
            for each in all_asked:
                each.seen |= set(map(_read, data.get(f"{node} {each.kind} {each.condition.id}", ())))


_LETTERS: dict[bool | None, str] = {True: "t", False: "f", None: "u"}
_ANSWERS = {letter: answer for answer, letter in _LETTERS.items()}


def _spelt(vector: Vector) -> str:
    return " ".join("".join(_LETTERS[answer] for answer in answers) for answers in vector)


def _read(text: str) -> Vector:
    return tuple(tuple(_ANSWERS[letter] for letter in answers) for answers in text.split())


def _turned(answers: tuple[bool | None, ...], leaf: int) -> tuple[bool | None, ...]:
    return (*answers[:leaf], not answers[leaf], *answers[leaf + 1 :])


def _asked(engine: Engine, node: str) -> Iterator[Asked]:
    plan = engine.plan(node)
    for check, planned in zip(plan.playbook.pre_checks, plan.pre_checks, strict=True):
        yield Asked(node, "pre-check", planned, check.where, structure(planned.expression))
    for branch, planned in zip(plan.playbook.branches, plan.branches, strict=True):
        yield Asked(node, "branch", planned, branch.where, structure(planned.expression))


def _reached(asked: Asked, plan: Plan, verdict: Verdict) -> bool:
    """Whether the engine asked it: pre-checks unless an input was blocked; branches where the pre-checks let them."""
    if verdict.outcome is not Outcome.BLOCKED:
        return True
    return asked.kind == "pre-check" and set(verdict.blocked_by) <= {check.id for check in plan.pre_checks}


def _vector(asked: Asked, scope: Mapping[str, Value], taken: Taken) -> Vector:
    condition = asked.condition
    if not condition.fanned:
        return (asked.structure.answers(scope),)
    rows = [asked.structure.answers(at_key(condition, scope, taken.fanned, key)) for key in keys(condition, taken.fanned)]
    return tuple(sorted(rows, key=lambda answers: _spelt((answers,))))
