"""How a broken property says so: which decision, which inputs, what came out, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from decision_os.record import DecisionRecord
from decision_os.testing.subject import Subject

__all__ = ["done", "failed"]


def done(record: DecisionRecord) -> str:
    """What a record comes to, in words."""
    why = f" by {', '.join(record.blocked_by)}" if record.blocked_by else f" (needs {', '.join(record.unknowns)})" if record.unknowns else ""
    return f"{record.action} (branch {record.branch})" if record.action else f"{record.outcome.value}{why}"


def failed(subject: Subject, what: str, todo: str, cases: Sequence[tuple[Mapping[str, Any], DecisionRecord]]) -> AssertionError:
    """The error of a broken property; each case is a mapping and the record made of it."""
    lines = [f"{subject.node}: {what}"]
    for place, (values, record) in enumerate(cases):
        lines.append(f"  {'inputs' if not place else 'and'}: {_shown(values, cases[0][0] if place else None)}")
        lines.append(f"    → {done(record)}")
    lines.append(f"  what to do: {todo}")
    choose = f", choose={dict(subject.choose)!r}" if subject.choose else ""
    lines.append(f"  to see it again: engine.decide({subject.node!r}, {dict(cases[0][0])!r}, at=testing.AT{choose}).explain()")
    return AssertionError("\n".join(lines))


def _shown(values: Mapping[str, Any], beside: Mapping[str, Any] | None) -> str:
    """The inputs; of a second case those that differ from the first."""
    if beside is None:
        return ", ".join(f"{name} = {_one(value)}" for name, value in values.items())
    moved = [name for name in {**beside, **values} if repr(values.get(name)) != repr(beside.get(name))]
    return ", ".join(f"{name} = {_one(values.get(name))} (was {_one(beside.get(name))})" for name in moved) or "the same"


def _one(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_one(item)}" for key, item in value.items()) + "}"
    return "missing" if value is None else str(value)
