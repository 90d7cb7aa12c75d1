"""Examples that keep to given values where they can: what differs is what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import z3

from decision_os.plan import Plan
from decision_os.proofs.examples import Asker
from decision_os.proofs.space import Space, finer_keys
from decision_os.proofs.terms import Input
from decision_os.values import Reading

__all__ = ["keys_of", "near"]


def keys_of(plan: Plan, given: Mapping[str, Any], *beside: Plan) -> list[str]:
    """The finer keys to ask about: those of the given values, and as many more as it takes for what is proven of them to be proven of any."""
    found = {str(key) for name, value in given.items() if isinstance(value, Mapping) and name in plan.inputs and plan.inputs[name].fans for key in value}
    more = [key for key in finer_keys(plan, *beside) if key not in found]
    wanted = len(finer_keys(plan, *beside)) - (len(found) if len(found) > 1 else 0)
    return [*(sorted(found) if len(found) > 1 else []), *more[: max(wanted, 0)]]


def near(space: Space, ask: Asker, constraints: Sequence[Any], given: Mapping[str, Any]) -> list[Any]:
    """As many inputs at their given values as can be (parameters at their defaults); the others known, and where business numbers are."""
    held: list[Any] = []
    bounds = {name: space.between(name, *_reaching(low, high, _given(name, given))) for name, (low, high) in space.usual_ends().items()}
    if not ask.possible(*constraints, *(part for parts in bounds.values() for part in parts)):
        bounds = {}
    for name, found in space.inputs.items():
        usual = bounds.pop(name, [])
        wishes: list[list[Any]] = []
        if name in space.plan.defaults:
            wishes.append([found.value == z3.RealVal(str(Fraction(str(space.plan.defaults[name]))))])
        else:
            at = _at(space, name, found, given)
            wishes += [[]] if at is None else [[at]]
            wishes += [[found.known, *usual]]
        rest = [part for parts in bounds.values() for part in parts]
        for wish in wishes:
            if wish and ask.possible(*constraints, *held, *wish, *rest):
                held += wish
                break
    return held


def _given(name: str, given: Mapping[str, Any]) -> Any:
    """What is given for an input, at its finer key if it has one."""
    own, _, key = name.partition("@")
    value = given.get(own)
    value = value.get(key) if isinstance(value, Mapping) else value
    return value.value if isinstance(value, Reading) else value


def _reaching(low: Fraction, high: Fraction, value: Any) -> tuple[Fraction, Fraction]:
    """Bounds that hold a given number too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return low, high
    exact = Fraction(str(value))
    return min(low, exact), max(high, exact)


def _at(space: Space, name: str, found: Input, given: Mapping[str, Any]) -> Any:
    """That an input has its given value; nothing where none is given that it could have."""
    value = _given(name, given)
    if value is None:
        return None if name.partition("@")[0] not in given else z3.Not(found.known)
    return z3.And(found.known, found.value == space.exactly(name, value))
