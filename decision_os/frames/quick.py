"""An eager frame in two passes: the rows that are clear of every boundary and lack nothing by plain comparisons, the others apart, by their bounds.

Each row has a small whole number for what it comes to, and a table says the four texts for each: texts are written once, not worked out row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import narwhals.stable.v2 as nw

from decision_os.expr.clear import Clear, clear
from decision_os.expr.columns import Stage
from decision_os.frames.intake import INTERNAL, Intake
from decision_os.model import HitPolicy
from decision_os.plan import Plan
from decision_os.record import Outcome

__all__ = ["quickly"]

Texts = tuple[str | None, ...]
"""Outcome, action, branch and unknowns."""

_MOST_CONDITIONS: Final = 8  # that are not the same for all rows: the table has two to the power of this many entries
_CODE, _DOUBT, _KEY = f"{INTERNAL}code", f"{INTERNAL}doubt", f"{INTERNAL}key"
_SEPARATOR, _NOTHING = "\x1f", "\x00"
_ENOUGH: Final = 2  # with less than one row in so many clear, the second pass alone is cheaper


def quickly(plan: Plan, taken: Intake, texts: Mapping[str, str], exactly: Callable[[Intake], Any], names: Sequence[str]) -> Any:
    """The frame with the four columns, or None where it is better decided in one pass.

    `texts` are those of the actions; `exactly` decides the rows that are in doubt, into columns of these `names`.
    """
    stage = Stage(taken.inputs)
    conditions = (*plan.pre_checks, *plan.branches)
    asked = [clear(each.expression.tree, taken.kinds, each.expression.context, stage) for each in conditions]
    open_places = [place for place, one in enumerate(asked) if not isinstance(one.truth, bool)]
    doubts = [one.doubt for one in asked if not isinstance(one.doubt, bool)]
    if not open_places or not doubts or len(open_places) > _MOST_CONDITIONS or any(one.doubt is True for one in asked):
        return None
    passed = stage.apply(_lazily(taken.frame)).select(
        _sum([asked[place].truth.cast(nw.Int16) * 2**bit for bit, place in enumerate(open_places)]).fill_null(0).alias(_CODE),
        _any(doubts).fill_null(value=True).alias(_DOUBT),
    )
    passed = passed.collect() if isinstance(passed, nw.LazyFrame) else passed
    codes, doubt = passed[_CODE], passed[_DOUBT]
    count = int(doubt.sum() or 0)
    if count * _ENOUGH > len(codes):
        return None
    table = [_decided(plan, asked, open_places, code, texts) for code in range(2 ** len(open_places))]
    if count:
        places = doubt.arg_true()
        slow = exactly(attrs.evolve(taken, frame=_lazily(taken.frame.filter(doubt))))
        keyed = slow.select(nw.concat_str([nw.col(name).fill_null(_NOTHING) for name in names], separator=_SEPARATOR).alias(_KEY))
        keys = (keyed.collect() if isinstance(keyed, nw.LazyFrame) else keyed)[_KEY]
        found = sorted(keys.unique().to_list())
        codes = codes.scatter(places, keys.replace_strict(found, [len(table) + place for place in range(len(found))], return_dtype=nw.Int16))
        table += [tuple(None if text == _NOTHING else text for text in key.split(_SEPARATOR)) for key in found]
    columns = [_spread([row[place] for row in table], name, codes, taken.frame) for place, name in enumerate(names)]
    return taken.frame.with_columns(*columns)


def _lazily(frame: Any) -> Any:
    """Polars is quicker with a plan than step by step."""
    return frame.lazy() if frame.implementation.is_polars() else frame


def _sum(parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _any(parts: Sequence[Any]) -> Any:
    found = parts[0]
    for part in parts[1:]:
        found = found | part
    return found


def _spread(texts: Sequence[str | None], name: str, codes: Any, frame: Any) -> Any:
    """The text of each row's code."""
    if len(set(texts)) == 1:
        return nw.lit(texts[0], dtype=nw.String).alias(name)
    return nw.new_series(name, list(texts), nw.String, backend=frame.implementation)[codes].alias(name)


def _decided(plan: Plan, asked: Sequence[Clear], places: Sequence[int], code: int, texts: Mapping[str, str]) -> Texts:
    """What a row comes to whose conditions are known, as the bits of a code."""
    truths = [bool(one.truth) if isinstance(one.truth, bool) else bool(code >> places.index(place) & 1) for place, one in enumerate(asked)]
    checks, branches = truths[: len(plan.pre_checks)], truths[len(plan.pre_checks) :]
    if not all(checks):
        return Outcome.BLOCKED.value, None, None, ""
    held = [branch for branch, holds in zip(plan.branches, branches, strict=True) if holds]
    if not held:
        return Outcome.HOLD.value, None, None, ""
    policy = plan.playbook.hit_policy
    if policy is HitPolicy.UNIQUE and len(held) > 1:
        return Outcome.UNDETERMINED.value, None, None, ""
    won = held if policy is HitPolicy.COLLECT else held[:1]
    return Outcome.ACT.value, " and ".join(texts[branch.action] for branch in won), ", ".join(branch.id for branch in won), ""
