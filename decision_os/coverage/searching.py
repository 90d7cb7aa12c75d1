"""What is lacking of a coverage, where there is no solver: an input that would show it, looked for at the edges of the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from decision_os.cases import AT, as_case
from decision_os.cases.trying import Inputs, kept_near, worth_trying
from decision_os.coverage.seen import Coverage, Lack
from decision_os.engine import Engine
from decision_os.errors import InputError

__all__ = ["searched"]


def searched(engine: Engine, lacks: Sequence[Lack], given: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """For each lack a case that would show it; empty where none was found, which proves nothing."""
    tried = {node: list(worth_trying(engine.plan(node), given.get(node, {}))) for node in dict.fromkeys(lack.asked.node for lack in lacks)}
    scratch = Coverage(engine)
    return [_case(scratch, lack, tried[lack.asked.node], given.get(lack.asked.node, {})) for lack in lacks]


def _case(scratch: Coverage, lack: Lack, tried: Sequence[Inputs], given: Mapping[str, Any]) -> str:
    engine, node = scratch.engine, lack.asked.node
    mine = next(each for each in scratch.asked[node] if (each.kind, each.condition.id) == (lack.asked.kind, lack.asked.condition.id))

    def shows(inputs: Inputs) -> bool:
        mine.seen.clear()
        try:
            scratch.decide(node, [inputs], at=AT)
        except InputError:  # a value the engine refuses shows nothing
            return False
        return attrs.evolve(lack.asked, seen=lack.asked.seen | mine.seen).had(lack.leaf, lack.want)

    found = next(filter(shows, tried), None)
    if found is None:
        return ""
    near = kept_near(found, given, shows)
    return as_case(lack.name, engine.plan(node), given, near, {}, engine.decide(node, near, at=AT))
