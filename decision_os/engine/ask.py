"""One condition over the values of a decision, and over finer keys where an input has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from decision_os.plan import Condition
from decision_os.values import Reason, Scalar, Unknown, Value

__all__ = ["Truth", "ask", "at_key", "keys"]

Truth: TypeAlias = bool | Unknown


def ask(condition: Condition, scope: Mapping[str, Value], fanned: Mapping[str, Mapping[str, Value]]) -> Truth:
    """Whether a condition holds; over finer keys, whether it holds for all of them, or for any."""
    if not condition.fanned:
        answer = condition.expression.evaluate_settled(scope)
        return answer if answer is True or answer is False else _truth(condition, answer)
    decider = not condition.every
    doubts: list[Unknown] = []
    for key in keys(condition, fanned):
        truth = _truth(condition, condition.expression.evaluate_settled(at_key(condition, scope, fanned, key)))
        if truth is decider:
            return truth
        if isinstance(truth, Unknown):
            doubts.append(truth)
    return Unknown.merged(doubts) if doubts else condition.every


def _truth(condition: Condition, answer: Scalar | Unknown) -> Truth:
    if isinstance(answer, bool | Unknown):
        return answer
    return Unknown.because(Reason.ERROR, "", f"`{condition.expression.text}` gives {answer!r}, not a yes or no")


def keys(condition: Condition, fanned: Mapping[str, Mapping[str, Value]]) -> list[str]:
    """The finer keys that a condition is asked for, sorted."""
    return sorted({key for name in condition.fanned for key in fanned[name]})


def at_key(condition: Condition, scope: Mapping[str, Value], fanned: Mapping[str, Mapping[str, Value]], key: str) -> dict[str, Value]:
    """The values as they are at one finer key."""
    at = dict(scope)
    for name in condition.fanned:
        found = fanned[name].get(key)
        at[name] = Unknown.because(Reason.MISSING, name, f"no value for {key}") if found is None else found
    return at
