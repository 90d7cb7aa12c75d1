"""The same plan over columns: every row decided in the frame's own engine, nothing collected.

Each condition becomes two masks that are never null, known-true and known-false; what is neither is unknown. Outcome, action and branch are built of
those, so no engine's own idea of null can decide anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any, TypeAlias

import attrs
import narwhals.stable.v2 as nw

from decision_os.errors import DataError, nearest
from decision_os.expr.columns import Stage, kind_of
from decision_os.model import HitPolicy
from decision_os.plan import Condition, Plan, filled
from decision_os.record import Outcome
from decision_os.values import Unknown, Value, settle

__all__ = ["ADDED", "decide_frame"]

Mask: TypeAlias = Any  # a narwhals expression of booleans; narwhals gives expressions no element type

_ALMOST = 0.85  # how alike two names are before one is taken for a misspelling of the other; `win_rate_old` is not `win_rate`
_ORIGINAL = "__decision_os_original_"
_LAST = 10**9  # the level after every other

ADDED = ("outcome", "action", "branch", "unknowns")


@attrs.frozen
class _Asked:
    """A condition over columns: where it is known true, known false, and which inputs leave it unknown."""

    condition: Condition
    true: Mask
    false: Mask
    blame: Mapping[str, Mask]

    @property
    def unknown(self) -> Mask:
        return ~self.true & ~self.false


def decide_frame(plan: Plan, frame: Any, *, choose: Mapping[str, float] | None = None, given: Mapping[str, Any] | None = None) -> Any:
    """Decide for every row; see `Engine.decide_frame`."""
    _refuse_calls(plan)
    try:
        native = nw.from_native(frame)
    except TypeError:
        raise DataError(f"a {type(frame).__name__} is no dataframe (give one of pandas, Polars, PyArrow or another engine that narwhals reads)") from None
    schema = _schema(native)
    planned = isinstance(native, nw.DataFrame) and native.implementation.is_polars()
    if planned:  # an eager Polars frame is cheaper to decide as one lazy plan, and comes back eager
        native = native.lazy()
    clash = [name for name in ADDED if name in schema]
    if clash:
        raise DataError(f"the frame already has a column `{clash[0]}`, which a decision adds (rename it first)")
    chosen = plan.choices(choose)
    readable, stand_ins, empty = _inferred(plan, native, schema)
    scope = _Columns(plan, dict(readable.collect_schema()), {**(given or {}), **chosen}, stand_ins, empty)
    changed = {*scope.made, *(name for name, planned in plan.inputs.items() if planned.valid is not None)}
    originals = {name: nw.col(name).alias(_ORIGINAL + name) for name in schema if name in changed}
    prepared = readable.with_columns(*originals.values()) if originals else readable
    prepared = prepared.with_columns(**scope.made) if scope.made else prepared
    guards = {name: scope.plausible(name) for name in plan.inputs if plan.inputs[name].valid is not None and scope.kinds[name] == "number"}
    prepared = prepared.with_columns(**guards) if guards else prepared
    shown = plan.shown(chosen)
    texts = {action.id: filled(action.text, shown) for action in plan.playbook.actions.values()}
    stage = Stage()
    checks = [scope.ask(check, stage) for check in plan.pre_checks]
    branches = [scope.ask(branch, stage) for branch in plan.branches]
    passed = _all([check.true for check in checks])
    decided = _POLICIES[plan.playbook.hit_policy](branches, texts)
    absent = nw.lit(None, dtype=nw.String)
    added = stage.apply(prepared).with_columns(
        outcome=nw.when(~passed).then(nw.lit(Outcome.BLOCKED.value)).otherwise(decided.outcome),
        action=nw.when(passed).then(decided.action).otherwise(absent),
        branch=nw.when(passed).then(decided.branch).otherwise(absent),
        unknowns=_unknowns([*checks, *branches], [*(check.unknown for check in checks), *(passed & doubt for doubt in decided.doubtful)]),
    )
    kept = [nw.col(_ORIGINAL + name).alias(name) if name in originals else nw.col(name) for name in schema]
    rows = added.select(*kept, *ADDED)
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


def _schema(frame: Any) -> dict[str, nw.dtypes.DType]:
    names = list(frame.collect_schema().names()) if isinstance(frame, nw.LazyFrame) else list(frame.columns)
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise DataError(f"the frame has a column named {odd[0]!r}, which is not a text (rename it)")
    return dict(frame.collect_schema())


def _inferred(plan: Plan, frame: Any, schema: Mapping[str, Any]) -> tuple[Any, dict[str, str], frozenset[str]]:
    """What classic pandas does not say of its columns: for one of objects, a stand-in of the type its values have; and which hold gaps alone."""
    if not frame.implementation.is_pandas():
        return frame, {}, frozenset()
    native = nw.to_native(frame)
    read = [name for name in schema if name in plan.inputs or name in plan.feeds or name in plan.aliases]
    empty = frozenset(name for name in read if native[name].isna().all())
    stand_ins = {name: f"__decision_os_object_{place}" for place, name in enumerate(read) if native[name].dtype == object and name not in empty}
    typed = {stand_in: native[name].convert_dtypes() for name, stand_in in stand_ins.items()}
    for name, stand_in in stand_ins.items():
        if typed[stand_in].dtype == object:
            row, value = next((row, value) for row, value in enumerate(native[name], 1) if not isinstance(value, int | float | None))
            raise DataError(f"the column `{name}` mixes kinds: row {row} has {value!r} (make it one kind, as with `pd.to_numeric(..., errors='coerce')`)")
    return nw.from_native(native.assign(**typed)) if typed else frame, stand_ins, empty


class _Columns:
    """The names of a plan as columns: the frame's own, constants given for all rows, and nulls for what is absent."""

    def __init__(self, plan: Plan, schema: Mapping[str, Any], constants: Mapping[str, Any], stand_ins: Mapping[str, str], empty: Collection[str]) -> None:
        self.plan = plan
        self.made: dict[str, Any] = {}
        self.kinds: dict[str, str] = {}
        for name in constants:
            if name not in plan.inputs and name not in plan.feeds and name not in plan.defaults:
                known = [*plan.inputs, *plan.feeds]
                raise DataError(f"`{plan.playbook.id}` reads no input `{name}` ({nearest(name, known) or 'known: ' + ', '.join(known)})")
        aliases = {written: name for written, name in plan.aliases.items() if written in schema}
        _refuse_misspelled(plan, [*schema], {*constants, *aliases.values()})
        for name in (*plan.inputs, *plan.feeds, *plan.defaults):
            written = next((alias for alias, target in aliases.items() if target == name), None)
            if name in constants:
                constant = settle(constants[name], name)
                self.kinds[name] = _constant_kind(constant)
                if not isinstance(constant, Unknown):
                    self.made[name] = nw.lit(constant)
            elif name in schema or written is not None:
                column = name if name in schema else str(written)
                if column in empty:
                    self.kinds[name] = "missing"
                    continue
                stand_in = stand_ins.get(column, column)
                if stand_in != name:
                    self.made[name] = nw.col(stand_in)
                self.kinds[name] = _fitting(plan, name, column, kind_of(schema[stand_in], column))
            else:
                self.kinds[name] = "missing"

    def plausible(self, name: str) -> Mask:
        """The column of an input, null where it lies outside the valid range of its metric."""
        valid = self.plan.inputs[name].valid
        outside = valid.masks(self.kinds)[1] if valid is not None else _never()
        return nw.when(~outside).then(nw.col(name))

    def ask(self, condition: Condition, stage: Stage) -> _Asked:
        true, false = condition.expression.masks(self.kinds, stage)
        blame = condition.expression.blame(self.kinds, stage)
        return _Asked(condition, true, false, {name: stage.put(mask, _LAST) for name, mask in blame.items()})


def _refuse_misspelled(plan: Plan, present: Sequence[str], filled: Collection[str]) -> None:
    """An input without a column is unknown in every row; where a column's name is almost the input's, that is hardly what is meant."""
    absent = [name for name in (*plan.inputs, *plan.feeds) if name not in present and name not in filled]
    words = [*absent, *(written for written, name in plan.aliases.items() if name in absent)]
    for column in present:
        if plan.accepts(column) or not words:
            continue
        hint = nearest(column, words, cutoff=_ALMOST)
        if hint:
            raise DataError(f"`{plan.playbook.id}` has no use for the column `{column}`, and lacks one that is almost called so ({hint})")


def _fitting(plan: Plan, name: str, column: str, kind: str) -> str:
    """The kind of a column, where it is the kind that its input is."""
    if name in plan.inputs and kind != "missing":
        metric = plan.inputs[name].metric
        wanted = "text" if metric.text else "bool" if metric.sustained is not None else "number"
        if kind != wanted and not (wanted == "number" and kind not in ("text", "bool")):
            words = {"text": "texts", "bool": "truth values", "number": "numbers"}
            raise DataError(f"the column `{column}` holds {words.get(kind, kind + 's')}, where `{name}` takes {words[wanted]} (convert it first)")
    return kind


def _constant_kind(value: Value) -> str:
    if isinstance(value, Unknown):
        return "missing"
    kinds: tuple[tuple[type, str], ...] = ((bool, "bool"), (str, "text"), (dt.datetime, "instant"), (dt.date, "date"), (dt.timedelta, "duration"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "number")


@attrs.frozen
class _Decided:
    """What the branches came to, pre-checks aside; `doubtful[i]` is where branch i being unknown is why the row is undetermined."""

    outcome: Mask
    action: Mask
    branch: Mask
    doubtful: tuple[Mask, ...]


def _never() -> Mask:
    return nw.lit(value=False)


def _all(masks: Sequence[Mask]) -> Mask:
    return reduce(and_, masks) if masks else nw.lit(value=True)


def _any(masks: Sequence[Mask]) -> Mask:
    return reduce(or_, masks) if masks else _never()


def _first(branches: Sequence[_Asked], texts: Mapping[str, str]) -> _Decided:
    """The first branch known to hold wins; a row is undetermined where a branch before the winner is unknown and would do something else."""
    wins: list[Mask] = []
    reach: list[Mask] = []
    earlier: Mask = _never()
    for branch in branches:
        reach.append(~earlier)
        wins.append(branch.true & ~earlier)
        earlier = earlier | branch.true
    nobody = ~earlier
    # Where each branch's winner is contested: some unknown branch before it takes another action.
    contested = [
        win & _any([before.unknown for before in branches[:place] if before.condition.action != branch.condition.action])
        for place, (branch, win) in enumerate(zip(branches, wins, strict=True))
    ]
    stands = [~branch.false & reached for branch, reached in zip(branches, reach, strict=True)]
    doubtful = tuple(
        branch.unknown
        & reached
        & (nobody | _any([after for later, after in zip(branches[place:], stands[place:], strict=True) if later.condition.action != branch.condition.action]))
        for place, (branch, reached) in enumerate(zip(branches, reach, strict=True))
    )
    undetermined = (nobody & _any([branch.unknown for branch in branches])) | _any(contested)
    acts = earlier & ~undetermined
    return _Decided(_outcome(undetermined, acts), _chosen(branches, wins, acts, texts), _chosen(branches, wins, acts, None), doubtful)


def _unique(branches: Sequence[_Asked], texts: Mapping[str, str]) -> _Decided:
    held: Mask = _never()
    twice: Mask = _never()
    for branch in branches:
        twice = twice | (held & branch.true)
        held = held | branch.true
    unknown = _any([branch.unknown for branch in branches])
    undetermined = twice | unknown
    acts = held & ~undetermined
    wins = [branch.true for branch in branches]
    doubtful = tuple(branch.unknown & ~twice for branch in branches)
    return _Decided(_outcome(undetermined, acts), _chosen(branches, wins, acts, texts), _chosen(branches, wins, acts, None), doubtful)


def _collect(branches: Sequence[_Asked], texts: Mapping[str, str]) -> _Decided:
    held = _any([branch.true for branch in branches])
    unknown = _any([branch.unknown for branch in branches])
    absent = nw.lit(None, dtype=nw.String)

    def joined(words: Sequence[str], separator: str) -> Mask:
        pieces = [nw.when(branch.true).then(nw.lit(word)).otherwise(absent) for branch, word in zip(branches, words, strict=True)]
        return nw.when(held).then(nw.concat_str(pieces, separator=separator, ignore_nulls=True)).otherwise(absent)

    action = joined([texts[branch.condition.action] for branch in branches], " and ")
    branch_names = joined([branch.condition.id for branch in branches], ", ")
    return _Decided(_outcome(~held & unknown, held), action, branch_names, tuple(branch.unknown for branch in branches))


def _outcome(undetermined: Mask, acts: Mask) -> Mask:
    act_or_hold = nw.when(acts).then(nw.lit(Outcome.ACT.value)).otherwise(nw.lit(Outcome.HOLD.value))
    return nw.when(undetermined).then(nw.lit(Outcome.UNDETERMINED.value)).otherwise(act_or_hold)


def _chosen(branches: Sequence[_Asked], wins: Sequence[Mask], acts: Mask, texts: Mapping[str, str] | None) -> Mask:
    found: Mask = nw.lit(None, dtype=nw.String)
    for branch, win in zip(reversed(branches), reversed(wins), strict=True):
        word = branch.condition.id if texts is None else texts[branch.condition.action]
        found = nw.when(win & acts).then(nw.lit(word)).otherwise(found)
    return found


_POLICIES = {HitPolicy.FIRST: _first, HitPolicy.UNIQUE: _unique, HitPolicy.COLLECT: _collect}


def _unknowns(asked: Sequence[_Asked], where: Sequence[Mask]) -> Mask:
    """The names behind each unknown that matters (`where`, for each condition), sorted and joined by commas; empty where nothing is missing."""
    absent = nw.lit(None, dtype=nw.String)
    pieces = []
    for name in sorted({name for item in asked for name in item.blame}):
        blamed = _any([matters & item.blame[name] for item, matters in zip(asked, where, strict=True) if name in item.blame])
        pieces.append(nw.when(blamed).then(nw.lit(name)).otherwise(absent))
    return nw.concat_str(pieces, separator=",", ignore_nulls=True).fill_null("") if pieces else nw.lit("")
