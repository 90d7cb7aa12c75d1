"""What is there on purpose: the gaps, overlaps and divisors of zero of a playbook that a proof finds and its author meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from decision_os.errors import nearest
from decision_os.model import MeantGap
from decision_os.wire.fields import Fields
from decision_os.wire.nodes import MapNode, Node, ScalarNode, SeqNode
from decision_os.wire.scope import FEEDS, Scope

__all__ = ["read_meant"]

_UNCALLED = ("a proof knows nothing of what it gives", "compare the inputs")
_GAP = "write why any gap is meant, or one gap as in `{when: win_rate < 20%, why: too few to act on}`, or a list of these"


def read_meant(fields: Fields, branches: Sequence[str], scope: Scope) -> tuple[dict[str, str], tuple[MeantGap, ...]]:
    """What is meant, with the reason: any `gap`, `zero-divisor`, or two branches joined by `&`; and the gaps that are named by their inputs."""
    meant: dict[str, str] = {}
    gaps: list[MeantGap] = []
    for key, value in fields.mapping("meant"):
        parts = [part.strip() for part in key.text.split("&")]
        odd = [part for part in parts if part not in branches]
        if parts not in (["gap"], ["zero-divisor"]) and (odd or len(parts) != 2):
            hint = (nearest(odd[0], branches) if odd and len(parts) == 2 else "") or "write `gap`, or for example `pause & invest`"
            fields.report.error("unknown-branch", f"`{key.text}` is neither `gap`, `zero-divisor` nor two branches", key.where, hint)
        elif parts == ["gap"] and not isinstance(value, ScalarNode):
            gaps += _gaps(value, fields, scope)
        elif isinstance(value, ScalarNode) and value.text.strip():
            meant[" & ".join(parts)] = value.text.strip()
        else:
            hint = _GAP if parts == ["gap"] else ""
            fields.report.error("wrong-type", f"`{key.text}` says why it is meant, in words", value.where, hint)
    return meant, tuple(gaps)


def _gaps(node: Node, fields: Fields, scope: Scope) -> Iterator[MeantGap]:
    # A gap lies behind the pre-checks, so that what they read says nothing of it.
    inputs = attrs.evolve(scope, units={name: unit for name, unit in scope.units.items() if name not in FEEDS}, uncalled=_UNCALLED)
    for item in node.items if isinstance(node, SeqNode) else (node,):
        if not isinstance(item, MapNode):
            fields.report.error("wrong-type", f"a gap that is meant in {fields.what} has `when` and `why`", item.where, _GAP)
            continue
        inner = Fields(item, f"a gap that is meant in {fields.what}", fields.report)
        when = inner.condition("when", inputs.analyse, required=True)
        why = inner.text("why", required=True)
        inner.close()
        if when is not None and why:
            yield MeantGap(when=when, why=why, where=inner.where)
