"""Two decisions that move the same lever: inputs for which both act on it, and to different ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import attrs

from decision_os.engine import Engine
from decision_os.errors import InputError, Severity
from decision_os.model import Branch, Playbook
from decision_os.proofs.examples import Asker, Example, Limit
from decision_os.proofs.findings import Finding
from decision_os.proofs.space import Space, finer_keys, optional
from decision_os.record import DecisionRecord, Outcome

__all__ = ["shared_levers"]


def shared_levers(engine: Engine, *, seconds: float = 30.0) -> tuple[Finding, ...]:
    """For each two decisions that move a lever of the same name: whether both can act on it at once, with inputs for each.

    Inputs that are the same metric of the same subject and period have one value in both.
    """
    if not isinstance(engine, Engine):
        raise InputError(f"`shared_levers` takes an engine, not a {type(engine).__name__}", name="engine", hint="as in `shared_levers(engine)`")
    limit = Limit(seconds)
    found: list[Finding] = []
    for one, other in combinations(engine.book.playbooks.values(), 2):
        pairs = [(a, b) for a in one.branches for b in other.branches if (lever := _lever(one, a)) and lever == _lever(other, b)]
        if pairs:
            found += _both(engine, one, other, pairs, limit)
    return tuple(found)


def _lever(playbook: Playbook, branch: Branch) -> str:
    lever = playbook.actions[branch.action].lever
    return lever.name if lever is not None else ""


def _both(engine: Engine, one: Playbook, other: Playbook, pairs: list[tuple[Branch, Branch]], limit: Limit) -> Iterator[Finding]:
    plans, symbols = (engine.plan(one.id), engine.plan(other.id)), (_symbols(one), _symbols(other))
    keys = finer_keys(*plans)
    # What one of them lets be missing is missing, or not, for both.
    missing = {named.get(name, "") for plan, named in zip(plans, symbols, strict=True) for name in optional(plan)}
    unknown = [[name for name in (*plan.inputs, *plan.feeds) if named.get(name) in missing] for plan, named in zip(plans, symbols, strict=True)]
    first = Space(plans[0], named=symbols[0], prefix=f"{one.id}:", keys=keys, unknown=unknown[0])
    second = Space(plans[1], named=symbols[1], prefix=f"{other.id}:", beside=first, keys=keys, unknown=unknown[1])
    ask = Asker([first, second], limit)
    for a, b in pairs:
        lever = _lever(one, a)
        what = f"branch `{a.id}` of `{one.id}` and branch `{b.id}` of `{other.id}`"
        constraints = [first.taken(a.id), second.taken(b.id)]
        possible = ask.possible(*constraints)
        if possible is False:
            continue
        example: Example | None = None
        if possible:
            fixed = ask.example(first, engine, constraints, lambda record, branch=a.id: _taken(record, branch))  # type: ignore[misc]  # as the loop's
            held = [] if fixed is None else ask.fixing(first, fixed)
            example = ask.example(second, engine, [*constraints, *held], lambda record, branch=b.id: _taken(record, branch))  # type: ignore[misc]  # as above
            example = _together(fixed, example, other) if fixed and example else None
        kind, message, severity = ("overlap", f"{what} can both move `{lever}` at once", Severity.WARNING) if example else ("not-proven", "", Severity.WARNING)
        message = message or f"not proven: whether {what} can both move `{lever}` at once"
        yield Finding(
            kind=kind,  # type: ignore[arg-type]  # one of the two
            playbook=one.id,
            branches=(a.id, b.id),
            message=message,
            where=a.where,
            example=example,
            severity=severity,
        )


def _together(one: Example, other: Example, second: Playbook) -> Example:
    """The inputs of both; what the second reads by a name that the first has for something else is named after its playbook."""

    def beside(first: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        return {name if first.get(name, value) == value else f"{second.id}: {name}": value for name, value in values.items()}

    values, choose = beside(one.values, other.values), beside(one.choose, other.choose)
    read = {*one.values, *one.choose} - one.aside | {*other.values, *other.choose} - other.aside
    return attrs.evolve(other, values={**one.values, **values}, choose={**one.choose, **choose}, aside=(one.aside | other.aside) - read)


def _symbols(playbook: Playbook) -> dict[str, str]:
    """One name for what two playbooks read alike: a metric of the same keys, period and lag, and the feeds."""
    shared = {use.name: f"{use.metric}:{','.join(playbook.subject.keys)}:{playbook.period}:{use.lag}:{use.overall}" for use in playbook.inputs.values()}
    return {**shared, "slo_green": "slo_green", "open_sev2_incidents": "open_sev2_incidents"}


def _taken(record: DecisionRecord, branch: str) -> bool:
    return record.outcome is Outcome.ACT and branch in (record.branch or "").split(", ")
