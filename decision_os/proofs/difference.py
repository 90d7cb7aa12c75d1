"""Two rule books: for each decision, whether the new one acts for more inputs, for fewer, for others or for the same, with inputs that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import attrs
import z3

from decision_os.engine import Engine
from decision_os.errors import InputError
from decision_os.graph import build, lineage
from decision_os.model import Action
from decision_os.plan import Plan, PlannedInput
from decision_os.proofs.examples import AT, Asker, Example, Limit
from decision_os.proofs.space import Space, finer_keys, optional
from decision_os.proofs.terms import both, either
from decision_os.record import DecisionRecord, MonitorPlan, Outcome, ReversalPlan

__all__ = ["Change", "Relation", "Witness", "difference"]

Relation: TypeAlias = Literal["equivalent", "stricter", "looser", "incomparable", "added", "removed", "not-proven"]
_Done: TypeAlias = tuple[object, ...]
"""What an action does, as far as it is compared."""


@attrs.frozen
class Witness(Example):
    """Inputs for which two rule books decide differently, and what each does about them: the text of its action, or the outcome where it takes none."""

    was: str = ""
    now: str = ""


@attrs.frozen(kw_only=True)
class Change:
    """What became of one decision.

    `stricter`: whatever the new rules do, the old ones did, and not the other way round; `looser` the reverse; `incomparable`: each does something the
    other does not. `not-proven`: it was not found out in time, or something changed that is not compared and that `words` name: what an input reads, how
    that is computed, tested and kept fresh, what is promised of raising it, what a parameter is unless chosen. `less` are inputs for which the old rules act
    and the new ones do not do the same, `more` the reverse. `words` say what was written differently.
    """

    playbook: str
    relation: Relation
    words: tuple[str, ...] = ()
    less: Witness | None = None
    more: Witness | None = None

    def __str__(self) -> str:
        shown = dict.fromkeys(f"  at {each}: {each.was} → {each.now}" for each in (self.less, self.more) if each is not None)
        return "\n".join([f"{self.playbook}: {self.relation}", *(f"  {word}" for word in self.words), *shown])


def difference(old: Engine, new: Engine, *, seconds: float = 30.0) -> tuple[Change, ...]:
    """Compare two rule books, decision by decision, in the order of the new one; then what is gone. Raises `InputError` for what is no engine.

    Inputs of one name are one input in both, each valid where its own rule book says; one that only one of them reads is free. An action is the same where
    its text, its parts and its lever are. Every example was decided by both engines first.
    """
    for engine in (old, new):
        if not isinstance(engine, Engine):
            raise InputError(f"`difference` takes two engines, not a {type(engine).__name__}", name="engine", hint="as in `difference(old, new)`")
    limit = Limit(seconds)
    found = [_change(old, new, node, limit) if node in old.nodes else Change(playbook=node, relation="added") for node in new.nodes]
    return (*found, *(Change(playbook=node, relation="removed") for node in old.nodes if node not in new.nodes))


def _change(old: Engine, new: Engine, node: str, limit: Limit) -> Change:
    one, other = old.plan(node), new.plan(node)
    resting = tuple(_resting_otherwise(_rests_on(old, node), _rests_on(new, node)))
    words = (*_words(one, other), *resting)
    shared = [name for name in one.inputs if name in other.inputs]
    if any(_shape(one.inputs[name]) != _shape(other.inputs[name]) for name in shared):
        return Change(playbook=node, relation="not-proven", words=words)
    parameters = {name: (item, other.playbook.parameters[name]) for name, item in one.playbook.parameters.items() if name in other.defaults}
    apart = {name for name in shared if one.inputs[name].valid_range != other.inputs[name].valid_range}
    apart |= {name for name, (was, becomes) in parameters.items() if was.range != becomes.range}
    unknown = optional(one) | optional(other)
    keys = finer_keys(one, other)
    before = Space(one, private="old:", keys=keys, unknown=unknown, apart=apart)
    after = Space(other, private="new:", beside=before, keys=keys, unknown=unknown, apart=apart)
    ask = Asker([before, after], limit)
    acted, acts = _actions(before), _actions(after)
    less = either([both([acted[done], z3.Not(acts.get(done, z3.BoolVal(False)))]) for done in acted])
    more = either([both([acts[done], z3.Not(acted.get(done, z3.BoolVal(False)))]) for done in acts])
    valid = _valid_in_one(before, after)
    shown: list[Witness | None] = []
    for question, more_is_done in ((less, False), (more, True)):
        possible = ask.possible(question, valid)
        example = _example(ask, old, new, [question, valid], node, more=more_is_done) if possible else None
        if possible is not False and example is None:
            return Change(playbook=node, relation="not-proven", words=words)
        shown.append(example)
    relation: Relation = "incomparable" if shown[0] and shown[1] else "stricter" if shown[0] else "looser" if shown[1] else "equivalent"
    rebound = bool(resting) or any(_reading(one.inputs[name]) != _reading(other.inputs[name]) for name in shared)
    redefaulted = any(was.default != becomes.default for was, becomes in parameters.values())
    if (relation != "incomparable" and (rebound or redefaulted)) or (relation == "equivalent" and _promises(one) != _promises(other)):
        relation = "not-proven"
    return Change(playbook=node, relation=relation, words=words, less=shown[0], more=shown[1])


def _shape(planned: PlannedInput) -> tuple[bool, bool, bool]:
    """What values an input takes: texts, truths, one for each finer key."""
    return planned.metric.text, planned.metric.sustained is not None, planned.fans


def _actions(space: Space) -> Mapping[_Done, Any]:
    """When each action is taken, told apart by what it says and what it moves, with parameters that may be chosen."""
    chosen = [inside for name, inside in space.inside.items() if name in space.plan.defaults]
    found: dict[_Done, list[Any]] = {}
    for branch in space.plan.playbook.branches:
        found.setdefault(_done(space.plan.playbook.actions[branch.action]), []).append(both([*chosen, space.taken(branch.id)]))
    return {done: either(parts) for done, parts in found.items()}


def _done(action: Action) -> _Done:
    lever = action.lever
    return action.text, action.parts, (lever.name, lever.before.tree, lever.after.tree) if lever is not None else None


def _valid_in_one(before: Space, after: Space) -> Any:
    """That an input whose contract changed is valid in one of the two: outside both it is as unknown as one that is not there."""
    names = (name for name in before.inside if name in after.inside and name not in before.plan.defaults)
    return both([either([before.inside[name], after.inside[name]]) for name in names])


def _example(ask: Asker, old: Engine, new: Engine, question: Sequence[Any], node: str, *, more: bool) -> Witness | None:
    """Inputs for which the old engine does something that the new one does not; the other way round where `more` is done."""
    # Spaces of their own to write from: what one of them takes for unknown, because its contract refuses it, is a value all the same.
    asked = ask.spaces[0]
    spaces = [Space(engine.plan(node), beside=asked, keys=asked.keys, unknown=asked.optional) for engine in (old, new)]
    for found in ask.candidates(max(spaces, key=lambda space: len(space.inputs)), question):
        before, after = (_decided(engine, node, found) for engine in (old, new))
        doing, other = (after, before) if more else (before, after)
        if doing.record is not None and doing.actions - other.actions:
            was, now = before.words, after.words
            now = f"{now}, with another lever or other parts" if now == was else now
            aside = frozenset.intersection(*(space.aside | found.values.keys() - space.inputs.keys() for space in spaces))
            return Witness(found.values, found.choose, other.record or doing.record, aside, was=was, now=now)
    return None


@attrs.frozen
class _Decided:
    """What an engine does about some inputs, and its record; none where it refuses what was chosen."""

    actions: frozenset[_Done]
    record: DecisionRecord | None

    @property
    def words(self) -> str:
        if self.record is None:
            return "refused"
        return self.record.action if self.record.action is not None else self.record.outcome.value


def _decided(engine: Engine, node: str, example: Example) -> _Decided:
    plan = engine.plan(node)
    choose = {name: value for name, value in example.choose.items() if name in plan.defaults}
    try:
        record = engine.decide(node, example.values, at=AT, subject="example", period="example", choose=choose)
    except InputError:
        return _Decided(frozenset(), None)
    taken = {branch.id for branch in record.evidence.branches if branch.taken} if record.outcome is Outcome.ACT else set()
    return _Decided(frozenset(_done(plan.playbook.actions[branch.action]) for branch in plan.playbook.branches if branch.id in taken), record)


# ── what it rests on ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rests_on(engine: Engine, node: str) -> dict[str, object]:
    """Everything that the inputs of a decision come from, without what decides nothing: labels, owners, and the ranges that are compared by themselves."""
    book, plan = engine.book, engine.plan(node)
    tables: dict[str, Mapping[str, object]] = {"source": book.sources, "entity": book.entities, "fact": book.facts}
    read = {planned.metric.id for planned in plan.inputs.values()}
    found: dict[str, object] = {f"freshness SLO `{name}`": book.slos.get(name) for name in plan.playbook.slos}
    for item in lineage(build(book), node):
        kind, _, name = item.partition(":")
        if kind == "metric":
            metric = book.metrics[name]
            metric = attrs.evolve(metric, valid_range=None, unit=None) if name in read else metric
            found[f"metric `{name}`"] = attrs.evolve(metric, label="", definition="", owner="", version="", hash="")
        elif name in tables.get(kind, {}):
            found[f"{kind} `{name}`"] = tables[kind][name]
    return found


def _resting_otherwise(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    """What both rest on and is not the same; what only one rests on is told where it is read."""
    yield from (f"{what} is written otherwise" for what in before if what in after and before[what] != after[what])


# ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _words(one: Plan, other: Plan) -> Iterator[str]:
    """What is written differently: inputs and their contracts, thresholds, branches, pre-checks, parameters, actions, promises, who owns and approves,
    how it is undone.
    """
    old, new = one.playbook, other.playbook
    for what, read in _TOLD.items():
        yield from _changed(what, read(one), read(other))
    if [branch.id for branch in old.branches] != [branch.id for branch in new.branches] and {b.id for b in old.branches} == {b.id for b in new.branches}:
        yield f"order of branches: {', '.join(b.id for b in old.branches)} → {', '.join(b.id for b in new.branches)}"


def _changed(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            label = f"{what} `{name}`" if what else name
            if name not in after:
                yield f"{label} is gone: {before[name]}"
            else:
                yield f"{label}: {before[name]} → {after[name]}" if name in before else f"{label} is new: {after[name]}"


def _bound(plan: Plan) -> dict[str, str]:
    """What each input reads."""
    return {name: _reading(planned) for name, planned in plan.inputs.items()}


def _reading(planned: PlannedInput) -> str:
    use = planned.use
    parts = [
        planned.metric.id,
        f"in {planned.unit}" if planned.unit else "",
        f"{use.lag} periods back" if use.lag else "",
        "over all subjects" if use.overall else "",
        f"{use.combine.value} {use.worst}".strip() + f" by {', '.join(use.by)}" * bool(use.by) if use.combine is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _promises(plan: Plan) -> dict[str, str]:
    return {item.input: f"{'improves' if item.improves else 'worsens'} {', '.join(item.order)}" for item in plan.playbook.monotonic}


def _parameters(plan: Plan) -> dict[str, str]:
    return {name: f"{item.range.text.removeprefix('value in ')}, default {item.default:g}" for name, item in plan.playbook.parameters.items()}


def _levers(plan: Plan) -> dict[str, str]:
    levers = {branch.id: plan.playbook.actions[branch.action].lever for branch in plan.playbook.branches}
    return {name: f"{lever.name} from {_text(lever.before.text)} to {_text(lever.after.text)}" for name, lever in levers.items() if lever is not None}


def _text(text: str) -> str:
    return " ".join(text.split())


def _monitors(plan: Plan) -> dict[str, str]:
    return {monitor.id: _monitor(monitor) for monitor in plan.monitoring}


def _monitor(monitor: MonitorPlan) -> str:
    parts = [
        f"keep {_text(monitor.condition)}",
        f"of {monitor.metric}",
        f"every {monitor.every}" if monitor.every else "",
        f"for {monitor.lasts}" if monitor.lasts else "",
        f"forecast {_text(monitor.formula)}" if monitor.formula else "",
        monitor.basis,
        f"from {monitor.min_n} cases on" if monitor.min_n is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _reversal(plan: ReversalPlan) -> str:
    parts = [
        f"{plan.plan} within {plan.within}",
        f"by {plan.owner}",
        f"{plan.kind.value} {plan.flag} {plan.to} {plan.replay}".rstrip(),
        "; ".join(plan.steps),
    ]
    return ", ".join(part for part in parts if part)


def _head(plan: Plan) -> dict[str, str]:
    playbook = plan.playbook
    return {
        "subject": ", ".join((playbook.subject.id, *playbook.subject.keys)),
        "period": playbook.period,
        "hit policy": playbook.hit_policy.value,
        "owner": playbook.owner,
        "approvers": ", ".join(playbook.approvers),
        "risk": f"{playbook.risk.level} ({playbook.risk.note})" if playbook.risk.note else playbook.risk.level,
        "reversibility": playbook.reversibility,
        "reversal": _reversal(plan.reversal),
        "while a freshness budget is spent": "its acts wait" if plan.freezes else "it acts",
        "review": playbook.cadence,
    }


_TOLD: Final[Mapping[str, Callable[[Plan], Mapping[str, str]]]] = {
    "input": _bound,
    "valid range of": lambda plan: {name: item.valid_range or "any" for name, item in plan.inputs.items()},
    "freshness SLO": lambda plan: dict.fromkeys(plan.playbook.slos, "asked for"),
    "threshold": lambda plan: {name: item.text for name, item in plan.playbook.thresholds.items()},
    "pre-check": lambda plan: {item.id: _text(item.condition.text) for item in plan.playbook.pre_checks},
    "branch": lambda plan: {item.id: _text(item.condition.text) for item in plan.playbook.branches},
    "action of branch": lambda plan: {item.id: plan.playbook.actions[item.action].text for item in plan.playbook.branches},
    "parts of the action of branch": lambda plan: {item.id: ", ".join(plan.playbook.actions[item.action].parts) for item in plan.playbook.branches},
    "lever of branch": _levers,
    "projection": lambda plan: {name: _text(item.text) for name, item in plan.playbook.projections.items()},
    "parameter": _parameters,
    "promise on": _promises,
    "monitor": _monitors,
    "": _head,
}
