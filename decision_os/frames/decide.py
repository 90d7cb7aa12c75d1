"""Every row of a frame decided in the frame's own engine, nothing collected.

Each condition becomes two masks that are never null, known-true and known-false; what is neither is unknown. Outcome, action and branch are built of
those, so no engine's own idea of null can decide anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs
import narwhals.stable.v2 as nw

from decision_os.errors import DataError, nearest
from decision_os.expr.columns import Stage
from decision_os.expr.truths import TruthOf, every, inverse, some
from decision_os.frames.intake import INTERNAL, Intake, intake, read
from decision_os.frames.quick import quickly
from decision_os.model import HitPolicy
from decision_os.plan import Condition, Plan, filled
from decision_os.record import Outcome

__all__ = ["ADDED", "decide_frame"]

_LAST = 10**9  # the level after every other

ADDED = ("outcome", "action", "branch", "unknowns")


@attrs.frozen
class _Asked:
    """A condition over columns: where it is known true, known false, and which inputs leave it unknown."""

    condition: Condition
    true: TruthOf
    false: TruthOf
    blame: Mapping[str, TruthOf]

    @property
    def unknown(self) -> TruthOf:
        return every([inverse(self.true), inverse(self.false)])


def decide_frame(
    plan: Plan,
    frame: Any,
    *,
    choose: Mapping[str, float] | None = None,
    given: Mapping[str, Any] | None = None,
    thresholds: bool | Collection[str] = False,
) -> Any:
    """Decide for every row; see `Engine.decide_frame`."""
    _refuse_calls(plan)
    table = read(frame)
    shown = _thresholds(plan, thresholds)
    _refuse_clash(table.schema, (*ADDED, *shown))
    chosen = plan.choices(choose)
    taken = intake(plan, table, {**(given or {}), **chosen})
    added = None
    if isinstance(taken.frame, nw.DataFrame):
        added = quickly(plan, taken, _texts(plan, chosen), lambda part: exactly(plan, part, chosen), ADDED)
    planned = added is None and isinstance(taken.frame, nw.DataFrame) and taken.frame.implementation.is_polars()
    if added is None:  # an eager Polars frame is cheaper to decide as one lazy plan, and comes back eager
        added = exactly(plan, attrs.evolve(taken, frame=taken.frame.lazy()) if planned else taken, chosen)
    constants = {name: nw.lit(text) for name, text in shown.items()}
    rows = added.with_columns(**constants) if constants else added
    # By taking away, not by naming what stays: Spark reads a point in a column's name as a path into it.
    rows = rows.drop([name for name in rows.collect_schema().names() if name.startswith(INTERNAL) and name not in table.schema])
    return nw.to_native(rows.collect() if planned else rows)


def _refuse_calls(plan: Plan) -> None:
    """A Python function has no column form: it is said before anything is worked out, with who calls it."""
    for what, conditions in (("pre-check", plan.pre_checks), ("branch", plan.branches)):
        for condition in conditions:
            if condition.expression.calls:
                name = condition.expression.calls[0]
                calls = f"{what} `{condition.id}` calls `{name}`, a Python function that no dataframe engine can run"
                raise DataError(
                    f"`{plan.playbook.id}` is not decided on a frame: {calls} (decide row by row with `decide`, or bring what it gives as an input)"
                )


def exactly(plan: Plan, taken: Intake, chosen: Mapping[str, float]) -> Any:
    """The frame with the four columns, by the masks and their bounds alone."""
    texts = _texts(plan, chosen)
    stage = Stage(taken.inputs)
    checks = [_ask(check, taken.kinds, stage) for check in plan.pre_checks]
    branches = [_ask(branch, taken.kinds, stage) for branch in plan.branches]
    passed = every([check.true for check in checks])
    decided = _POLICIES[plan.playbook.hit_policy](branches, texts)
    absent = nw.lit(None, dtype=nw.String)
    return stage.apply(taken.frame).with_columns(
        outcome=_where(passed, decided.outcome, nw.lit(Outcome.BLOCKED.value)),
        action=_where(passed, decided.action, absent),
        branch=_where(passed, decided.branch, absent),
        unknowns=_unknowns([*checks, *branches], [*(check.unknown for check in checks), *(every([passed, doubt]) for doubt in decided.doubtful)]),
    )


def _texts(plan: Plan, chosen: Mapping[str, float]) -> dict[str, str]:
    """The text of each action, its parameters in place."""
    shown = plan.shown(chosen)
    return {action.id: filled(action.text, shown) for action in plan.playbook.actions.values()}


def _ask(condition: Condition, kinds: Mapping[str, Any], stage: Stage) -> _Asked:
    true, false = condition.expression.masks(kinds, stage)
    blame = condition.expression.blame(kinds, stage)
    return _Asked(condition, true, false, {name: stage.put(mask, _LAST) for name, mask in blame.items()})


def _thresholds(plan: Plan, asked: bool | Collection[str]) -> dict[str, str]:
    """The thresholds to show, each as it is written."""
    names = (plan.thresholds if asked else ()) if isinstance(asked, bool) else (asked,) if isinstance(asked, str) else asked
    for name in names:
        if name not in plan.thresholds:
            raise DataError(f"`{plan.playbook.id}` has no threshold `{name}` ({nearest(name, plan.thresholds) or 'known: ' + ', '.join(plan.thresholds)})")
    return {name: plan.thresholds[name] for name in names}


def _refuse_clash(present: Collection[str], added: Collection[str]) -> None:
    """Capitals count as small letters: some engines do not tell them apart."""
    folded = {name.casefold(): name for name in present}
    for name in added:
        if name.casefold() in folded:
            raise DataError(f"the frame already has a column `{folded[name.casefold()]}`, which a decision adds (rename it first)")


@attrs.frozen
class _Decided:
    """What the branches came to, pre-checks aside; `doubtful[i]` is where branch i being unknown is why the row is undetermined."""

    outcome: nw.Expr
    action: nw.Expr
    branch: nw.Expr
    doubtful: tuple[TruthOf, ...]


def _where(truth: TruthOf, then: nw.Expr, otherwise: nw.Expr) -> nw.Expr:
    if isinstance(truth, bool):
        return then if truth else otherwise
    return nw.when(truth).then(then).otherwise(otherwise)


def _first(branches: Sequence[_Asked], texts: Mapping[str, str]) -> _Decided:
    """The first branch known to hold wins; a row is undetermined where a branch before the winner is unknown and would do something else."""
    wins: list[TruthOf] = []
    reach: list[TruthOf] = []
    earlier: TruthOf = False
    for branch in branches:
        reach.append(inverse(earlier))
        wins.append(every([branch.true, reach[-1]]))
        earlier = some([earlier, branch.true])
    nobody = inverse(earlier)
    # Where each branch's winner is contested: some unknown branch before it takes another action.
    contested = [
        every([win, some([before.unknown for before in branches[:place] if before.condition.action != branch.condition.action])])
        for place, (branch, win) in enumerate(zip(branches, wins, strict=True))
    ]
    stands = [every([inverse(branch.false), reached]) for branch, reached in zip(branches, reach, strict=True)]
    doubtful = []
    for place, (branch, reached) in enumerate(zip(branches, reach, strict=True)):
        others = [after for later, after in zip(branches[place:], stands[place:], strict=True) if later.condition.action != branch.condition.action]
        doubtful.append(every([branch.unknown, reached, some([nobody, *others])]))
    undetermined = some([every([nobody, some([branch.unknown for branch in branches])]), *contested])
    acts = every([earlier, inverse(undetermined)])
    return _Decided(_outcome(undetermined, acts), _chosen(branches, wins, acts, texts), _chosen(branches, wins, acts, None), tuple(doubtful))


def _unique(branches: Sequence[_Asked], texts: Mapping[str, str]) -> _Decided:
    held: TruthOf = False
    twice: TruthOf = False
    for branch in branches:
        twice = some([twice, every([held, branch.true])])
        held = some([held, branch.true])
    undetermined = some([twice, *(branch.unknown for branch in branches)])
    acts = every([held, inverse(undetermined)])
    wins = [branch.true for branch in branches]
    doubtful = tuple(every([branch.unknown, inverse(twice)]) for branch in branches)
    return _Decided(_outcome(undetermined, acts), _chosen(branches, wins, acts, texts), _chosen(branches, wins, acts, None), doubtful)


def _collect(branches: Sequence[_Asked], texts: Mapping[str, str]) -> _Decided:
    held = some([branch.true for branch in branches])
    unknown = some([branch.unknown for branch in branches])
    absent = nw.lit(None, dtype=nw.String)

    def joined(words: Sequence[str], separator: str) -> nw.Expr:
        pieces = [_where(branch.true, nw.lit(word), absent) for branch, word in zip(branches, words, strict=True) if branch.true is not False]
        return _where(held, nw.concat_str(pieces, separator=separator, ignore_nulls=True), absent) if pieces else absent

    action = joined([texts[branch.condition.action] for branch in branches], " and ")
    branch_names = joined([branch.condition.id for branch in branches], ", ")
    return _Decided(_outcome(every([inverse(held), unknown]), held), action, branch_names, tuple(branch.unknown for branch in branches))


def _outcome(undetermined: TruthOf, acts: TruthOf) -> nw.Expr:
    act_or_hold = _where(acts, nw.lit(Outcome.ACT.value), nw.lit(Outcome.HOLD.value))
    return _where(undetermined, nw.lit(Outcome.UNDETERMINED.value), act_or_hold)


def _chosen(branches: Sequence[_Asked], wins: Sequence[TruthOf], acts: TruthOf, texts: Mapping[str, str] | None) -> nw.Expr:
    found = nw.lit(None, dtype=nw.String)
    for branch, win in zip(reversed(branches), reversed(wins), strict=True):
        word = branch.condition.id if texts is None else texts[branch.condition.action]
        found = _where(every([win, acts]), nw.lit(word), found)
    return found


_POLICIES = {HitPolicy.FIRST: _first, HitPolicy.UNIQUE: _unique, HitPolicy.COLLECT: _collect}


def _unknowns(asked: Sequence[_Asked], where: Sequence[TruthOf]) -> nw.Expr:
    """The names behind each unknown that matters (`where`, for each condition), sorted and joined by commas; empty where nothing is missing."""
    absent = nw.lit(None, dtype=nw.String)
    blamed: dict[str, TruthOf] = {}
    for name in sorted({name for item in asked for name in item.blame}):
        blamed[name] = some([every([matters, item.blame[name]]) for item, matters in zip(asked, where, strict=True) if name in item.blame])
    pieces = [_where(mask, nw.lit(name), absent) for name, mask in blamed.items() if mask is not False]
    if not pieces:
        return nw.lit("")
    # An engine that works a choice out row by row joins texts for the few rows that lack something.
    return _where(some(blamed.values()), nw.concat_str(pieces, separator=",", ignore_nulls=True), nw.lit(""))
