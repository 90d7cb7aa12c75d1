"""A mistake that no test noticed, where there is no solver: an input that tells the two rules apart, looked for at the edges of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from decision_os.cases import AT
from decision_os.cases.trying import Inputs, kept_near, worth_trying
from decision_os.engine import Engine
from decision_os.errors import InputError
from decision_os.mutation.mutants import Mutant
from decision_os.record import DecisionRecord

__all__ = ["both_decided", "searched"]


def searched(engine: Engine, mutant: Mutant, changed: Engine, given: Mapping[str, Any], tried: Sequence[Inputs]) -> Inputs | None:
    """Inputs for which the two decide differently, near the given ones; nothing where none was found, which proves nothing.

    `tried` are those worth trying by the rule; those by the mistake are looked for where none of them will do.
    """

    def differ(inputs: Inputs) -> bool:
        try:
            one, other = both_decided(engine, mutant, changed, inputs)
        except InputError:  # a value the engine refuses tells nothing apart
            return False
        return (one.outcome, one.branch, one.action, one.blocked_by) != (other.outcome, other.branch, other.action, other.blocked_by)

    found = next(filter(differ, chain(tried, worth_trying(changed.plan(mutant.node), given))), None)
    return None if found is None else kept_near(found, given, differ)


def both_decided(
    engine: Engine, mutant: Mutant, changed: Engine, inputs: Inputs, choose: Mapping[str, float] | None = None
) -> tuple[DecisionRecord, DecisionRecord]:
    """What the rule and the mistake decide of some inputs."""
    one, other = (each.decide(mutant.node, inputs, at=AT, choose=choose) for each in (engine, changed))
    return one, other
