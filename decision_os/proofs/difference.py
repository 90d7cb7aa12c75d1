"""Two rule books: for each decision, whether the new one acts for more inputs, for fewer, for others or for the same, with inputs that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs
import z3

from decision_os.engine import Engine
from decision_os.model import Playbook
from decision_os.proofs.examples import AT, Asker, Example, Limit
from decision_os.proofs.space import Space, finer_keys
from decision_os.proofs.terms import both, either
from decision_os.record import DecisionRecord

__all__ = ["Change", "Relation", "difference"]

Relation: TypeAlias = Literal["equivalent", "stricter", "looser", "incomparable", "added", "removed", "not-proven"]


@attrs.frozen(kw_only=True)
class Change:
    """What became of one decision.

    `stricter`: whatever the new rules do, the old ones did, and not the other way round; `looser` the reverse; `incomparable`: each does something the
    other does not. `less` are inputs for which the old rules act and the new ones do not do the same, `more` the reverse. `words` say what was
    written differently.
    """

    playbook: str
    relation: Relation
    words: tuple[str, ...] = ()
    less: Example | None = None
    more: Example | None = None

    def __str__(self) -> str:
        lines = [f"{self.playbook}: {self.relation}", *(f"  {word}" for word in self.words)]
        if self.less is not None:
            lines.append(f"  acted before, and not so now: {self.less}")
        if self.more is not None:
            lines.append(f"  acts now, and not so before: {self.more}")
        return "\n".join(lines)


def difference(old: Engine, new: Engine, *, seconds: float = 30.0) -> tuple[Change, ...]:
    """Compare two rule books, decision by decision, in the order of the new one; then what is gone.

    Inputs of one name are one input in both; one that only one of them reads is free. Every example was decided by both engines first.
    """
    limit = Limit(seconds)
    found = [_change(old, new, node, limit) if node in old.nodes else Change(playbook=node, relation="added") for node in new.nodes]
    return (*found, *(Change(playbook=node, relation="removed") for node in old.nodes if node not in new.nodes))


def _change(old: Engine, new: Engine, node: str, limit: Limit) -> Change:
    keys = finer_keys(old.plan(node), new.plan(node))
    before = Space(old.plan(node), private="old:", keys=keys)
    after = Space(new.plan(node), private="new:", beside=before, keys=keys)
    ask = Asker([before, after], limit)
    words = tuple(_words(old.book.playbook(node), new.book.playbook(node)))
    acted, acts = _actions(before), _actions(after)
    less = either([both([acted[text], z3.Not(acts.get(text, z3.BoolVal(False)))]) for text in acted])
    more = either([both([acts[text], z3.Not(acted.get(text, z3.BoolVal(False)))]) for text in acts])
    shown: list[Example | None] = []
    for question in (less, more):
        possible = ask.possible(question)
        if possible is None:
            return Change(playbook=node, relation="not-proven", words=words)
        example = _example(ask, old, new, before, after, question, node) if possible else None
        if possible and example is None:
            return Change(playbook=node, relation="not-proven", words=words)
        shown.append(example)
    relation: Relation = "incomparable" if shown[0] and shown[1] else "stricter" if shown[0] else "looser" if shown[1] else "equivalent"
    return Change(playbook=node, relation=relation, words=words, less=shown[0], more=shown[1])


def _actions(space: Space) -> Mapping[str, Any]:
    """When each action, as people read it, is taken."""
    found: dict[str, list[Any]] = {}
    for branch in space.plan.playbook.branches:
        found.setdefault(space.plan.playbook.actions[branch.action].text, []).append(space.taken(branch.id))
    return {text: either(parts) for text, parts in found.items()}


def _example(ask: Asker, old: Engine, new: Engine, before: Space, after: Space, question: Any, node: str) -> Example | None:
    wider = after if len(after.inputs) >= len(before.inputs) else before

    def differs(record: DecisionRecord) -> bool:  # noqa: ARG001 - the record of one engine says nothing of the other's
        return True

    found = ask.example(wider, new if wider is after else old, [question], differs)
    if found is None:
        return None
    records = [_decided(engine, node, found) for engine in (old, new)]
    return attrs.evolve(found, record=records[1]) if (records[0].outcome, records[0].action) != (records[1].outcome, records[1].action) else None


def _decided(engine: Engine, node: str, example: Example) -> DecisionRecord:
    known = engine.plan(node)
    choose = {name: value for name, value in example.choose.items() if name in known.defaults}
    return engine.decide(node, example.values, at=AT, subject="example", period="example", choose=choose)


def _words(old: Playbook, new: Playbook) -> Iterator[str]:
    """What is written differently: thresholds, branches, pre-checks, parameters, who owns and approves, how it is undone."""
    for what, before, after in (
        ("threshold", {name: item.text for name, item in old.thresholds.items()}, {name: item.text for name, item in new.thresholds.items()}),
        ("pre-check", {item.id: _text(item.condition.text) for item in old.pre_checks}, {item.id: _text(item.condition.text) for item in new.pre_checks}),
        ("branch", {item.id: _text(item.condition.text) for item in old.branches}, {item.id: _text(item.condition.text) for item in new.branches}),
        (
            "action of branch",
            {item.id: old.actions[item.action].text for item in old.branches},
            {item.id: new.actions[item.action].text for item in new.branches},
        ),
        ("projection", {name: _text(item.text) for name, item in old.projections.items()}, {name: _text(item.text) for name, item in new.projections.items()}),
        ("parameter", {name: _parameter(item) for name, item in old.parameters.items()}, {name: _parameter(item) for name, item in new.parameters.items()}),
        ("", _head(old), _head(new)),
    ):
        for name in dict.fromkeys((*before, *after)):
            if before.get(name) != after.get(name):
                label = f"{what} `{name}`" if what else name
                if name not in after:
                    yield f"{label} is gone: {before[name]}"
                else:
                    yield f"{label}: {before[name]} → {after[name]}" if name in before else f"{label} is new: {after[name]}"
    if [branch.id for branch in old.branches] != [branch.id for branch in new.branches] and {b.id for b in old.branches} == {b.id for b in new.branches}:
        yield f"order of branches: {', '.join(b.id for b in old.branches)} → {', '.join(b.id for b in new.branches)}"


def _done(playbook: Playbook) -> dict[str, str]:
    return {branch.id: playbook.actions[branch.action].text for branch in playbook.branches}


def _text(text: str) -> str:
    return " ".join(text.split())


def _parameter(parameter: Any) -> str:
    return f"{parameter.range.text.removeprefix('value in ')}, default {parameter.default:g}"


def _head(playbook: Playbook) -> dict[str, str]:
    return {
        "hit policy": playbook.hit_policy.value,
        "owner": playbook.owner,
        "approvers": ", ".join(playbook.approvers),
        "reversal": f"{playbook.reversal.plan} within {playbook.reversal.within}",
        "review": playbook.cadence,
    }
