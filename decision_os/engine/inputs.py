"""What a caller hands in → what a decision reads: names resolved, values settled, staleness and sample size looked at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from math import inf
from typing import Any

import attrs

from decision_os.canonical import Shape
from decision_os.errors import InputError, nearest
from decision_os.freshness import stale
from decision_os.model import Combine, Metric
from decision_os.plan import Plan, PlannedInput
from decision_os.record import InputTaken, maker
from decision_os.sampling import wilson
from decision_os.slo import spell_duration
from decision_os.values import LARGEST_INTEGER, Cause, Reading, Reason, Unknown, Value, settle, told
from decision_os.wire import FEEDS

__all__ = ["Intake", "Taken"]


@attrs.frozen
class Taken:
    """The inputs of one decision.

    `values` are by name; `fanned` holds, for the names that fan out, the value of each finer key. `listed` is what goes on the record, `hash` what
    identifies all that was read; `doubtful` says that something in `listed` is unknown, `sized` that something may have its n.
    """

    values: dict[str, Value]
    fanned: dict[str, dict[str, Value]]
    listed: tuple[InputTaken, ...]
    hash: str
    doubtful: bool
    sized: bool


_make_input = maker(InputTaken)
_make_taken = maker(Taken)


class Intake:
    """Reads the inputs of one playbook; what does not depend on a caller's values is worked out once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._plain_names = frozenset({*plan.inputs, *plan.feeds, *plan.playbook.subject.keys}) - frozenset(plan.aliases)
        self._inputs = tuple(
            (name, planned, _is_number(planned.metric), planned.metric.id, planned.unit, planned.valid.evaluate_settled if planned.valid is not None else None)
            for name, planned in plan.inputs.items()
        )
        self._shape = Shape([*plan.inputs, *plan.feeds])

    def take(self, given: Mapping[str, Any], at: dt.datetime) -> Taken:
        """Read the inputs from a mapping.

        Raises `InputError` for a name that is almost that of an absent input, and for a value no rule can read. What is absent is unknown, never an
        error; names of nothing this decision reads are passed over, so that a row of a wider frame can be handed in as it is.
        """
        by_name = given if type(given) is dict and self._plain_names.issuperset(given) else _resolve(self._plan, given)
        values: dict[str, Value] = {}
        fanned: dict[str, dict[str, Value]] = {}
        keyed: dict[str, dict[str, Value]] = {}
        listed: list[InputTaken] = []
        doubtful = sized = False
        for name, planned, is_number, metric, unit, is_valid in self._inputs:
            raw: Any = by_name.get(name)
            kind = type(raw)
            if is_number and ((kind is float and -inf < raw < inf) or (kind is int and -LARGEST_INTEGER <= raw <= LARGEST_INTEGER)):  # most are
                value: Value = raw
                values[name] = raw
                if is_valid is not None and is_valid(values) is False:
                    value = values[name] = _implausible(name, planned, raw)
                    doubtful = True
                listed.append(_make_input(name, value, metric, "", unit))
            elif isinstance(raw, Mapping):
                keyed[name] = _each(name, planned, raw, at, listed)
                doubtful = sized = True
                if planned.use.combine is Combine.WORST:
                    values[name] = _worst(name, keyed[name], planned.use.worst)
                elif planned.fans:
                    fanned[name] = keyed[name] or {"": Unknown.because(Reason.MISSING, name)}
                    values[name] = next(iter(fanned[name].values()))
                else:
                    hint = "declare `combine: all`, `any` or `worst` on the input"
                    raise InputError(f"`{name}` is one value, not one for each of several keys", name=name, hint=hint)
                continue
            else:
                value = values[name] = _one(name, planned, raw, at, "", listed)
                doubtful = doubtful or isinstance(value, Unknown)
                sized = sized or kind is Reading
            if planned.fans:
                fanned[name] = {"": value}
        for name in self._plan.feeds:
            raw = by_name.get(name)
            value = values[name] = _feed(name, raw)
            seen_at = raw.loaded_at if isinstance(raw, Reading) else None
            if seen_at is None and type(value) in (bool, int, float):
                listed.append(_make_input(name, value))
            else:
                if seen_at is not None:
                    _refuse_zoneless(name, "loaded_at", seen_at)
                listed.append(InputTaken(name=name, value=value, age="asserted" if seen_at is None else "measured", loaded_at=seen_at))
        return _make_taken(values, fanned, tuple(listed), self._shape.fingerprint({**values, **keyed} if keyed else values), doubtful, sized)


def _is_number(metric: Metric) -> bool:
    return not metric.text and metric.sustained is None


def _each(name: str, planned: PlannedInput, raw: Mapping[Any, Any], at: dt.datetime, listed: list[InputTaken]) -> dict[str, Value]:
    """The value of each finer key, in the order of the keys."""
    by_key = {str(key): item for key, item in raw.items()}
    if len(by_key) < len(raw):
        raise InputError(f"two keys of `{name}` read alike: {', '.join(map(repr, raw))}", name=name, hint="give each key as a text")
    return {key: _one(name, planned, by_key[key], at, key, listed) for key in sorted(by_key)}


def _feed(name: str, raw: object) -> Value:
    if type(raw) is bool and not FEEDS[name]:
        return raw
    value = settle(raw.value if isinstance(raw, Reading) else raw, name)
    wanted, fits = ("a number", not isinstance(value, bool | str)) if FEEDS[name] else ("true or false", isinstance(value, bool))
    if not fits and not isinstance(value, Unknown):
        raise InputError(f"`{name}` is {wanted}, not {value!r}", name=name, hint="leave it out, or give None, where it is not known")
    return value


def _resolve(plan: Plan, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        hint = "give a mapping of names to values; `decide_frame` decides every row of a frame"
        raise InputError(f"`{plan.playbook.id}` is decided on a mapping, not on what is of type {type(given).__name__}", hint=hint)
    found: dict[str, Any] = {name: given[written] for written, name in reversed(list(plan.aliases.items())) if written in given}
    for name, raw in given.items():
        if name in plan.inputs or name in plan.feeds:
            if name in found and not _same(found[name], raw):
                other = next(written for written, of in plan.aliases.items() if of == name and written in given)
                raise InputError(f"`{name}` is given twice, as {raw!r} and under `{other}` as {given[other]!r}", name=name, hint="leave one of them out")
            found[name] = raw
        elif name not in plan.aliases and not plan.accepts(name):
            known = [*plan.inputs, *plan.feeds, *plan.aliases]
            wrong = str(name)
            hint = nearest(wrong, [item for item in known if item not in given], cutoff=0.8)
            if hint:  # a name near one that is absent is a slip; any other belongs to somebody else's use of the same row
                raise InputError(f"`{plan.playbook.id}` reads no input `{wrong}`", name=wrong, hint=hint)
    return found


def _same(one: object, other: object) -> bool:
    """Whether two raw values are read alike: a wide row may hold an input under its name and under its label."""
    if isinstance(one, Reading | Mapping) or isinstance(other, Reading | Mapping):
        return one is other or one == other
    return settle(one, "") == settle(other, "")


def _one(name: str, planned: PlannedInput, raw: object, at: dt.datetime, key: str, listed: list[InputTaken]) -> Value:
    if type(raw) is not Reading:
        value = _plausible(name, planned, _typed(name, planned, _own(name, planned, settle(raw, name))))
        listed.append(InputTaken(name=name, value=value, metric=planned.metric.id, key=key, unit=planned.unit))
        return value
    value = _typed(name, planned, _own(name, planned, settle(raw.value, name)))
    value = _trusted(name, planned, _plausible(name, planned, value), raw, at)
    listed.append(
        InputTaken(
            name=name,
            value=value,
            metric=planned.metric.id,
            key=key,
            unit=planned.unit,
            period=raw.period,
            loaded_at=raw.loaded_at,
            valid_until=raw.valid_until,
            n=raw.n,
            interval=wilson(value, raw.n) if planned.share and raw.n and isinstance(value, int | float) and 0 <= value <= 1 else None,
            members=raw.members,
            version=raw.version,
            age="asserted" if raw.loaded_at is None else "measured",
        )
    )
    return value


def _own(name: str, planned: PlannedInput, value: Value) -> Value:
    """An unknown under the input's own name, which is what a caller can do something about; the metric further up goes into the detail."""
    if not isinstance(value, Unknown):
        return value
    known = (name, planned.metric.id, "")

    def detail(cause: Cause) -> str:
        return cause.detail if cause.name in known else f"{cause.name}: {cause.detail}".rstrip(": ")

    return Unknown(tuple(Cause(name, cause.reason, detail(cause)) for cause in value.causes))


def _typed(name: str, planned: PlannedInput, value: Value) -> Value:
    """Refuse a value of another kind than the metric's: here the message can say what the metric is."""
    if isinstance(value, Unknown):
        return value
    metric = planned.metric
    if _is_number(metric):
        wanted, fits = "a number", not isinstance(value, bool | str)
    elif metric.text:
        wanted, fits = "a text", isinstance(value, str)
    else:
        wanted, fits = "true or false", isinstance(value, bool)
    if fits:
        return value
    unit = f" in {metric.unit}" if metric.unit is not None else ""
    raise InputError(f"`{name}` is {wanted}{unit}, not {value!r}", name=name, hint="leave it out, or give None, where it is not known")


def _plausible(name: str, planned: PlannedInput, value: Value) -> Value:
    """The value, unless it lies outside the range its contract says is valid: 29 is no share."""
    if planned.valid is None or isinstance(value, Unknown) or planned.valid.evaluate_settled({name: value}) is not False:
        return value
    return _implausible(name, planned, value)


def _implausible(name: str, planned: PlannedInput, value: Value) -> Unknown:
    return Unknown.because(Reason.ERROR, name, f"{value} is outside its valid range {planned.valid_range}")


def _trusted(name: str, planned: PlannedInput, value: Value, reading: Reading, at: dt.datetime) -> Value:
    """The value, unless the reading is too old, past its validity, or rests on too few."""
    if reading.loaded_at is not None:
        _refuse_zoneless(name, "loaded_at", reading.loaded_at)
    if reading.valid_until is not None:
        _refuse_zoneless(name, "valid_until", reading.valid_until)
    if isinstance(value, Unknown):
        return value
    if reading.loaded_at is not None and reading.loaded_at > at:
        return Unknown.because(Reason.ERROR, name, f"loaded {spell_duration(reading.loaded_at - at)} after the decision")
    if reading.valid_until is not None and reading.valid_until < at:
        return Unknown.because(Reason.STALE, name, f"valid until {told(reading.valid_until)}")
    if reading.loaded_at is not None and planned.max_age is not None:
        late = stale(reading.loaded_at, at, planned.max_age)
        if late is not None:
            return late.named(name)
    if reading.n == 0 and planned.share:
        return Unknown.because(Reason.TOO_FEW, name, "n = 0: a share of no cases")
    if planned.metric.min_n is not None and reading.n is not None and reading.n < planned.metric.min_n:
        return Unknown.because(Reason.TOO_FEW, name, f"n = {reading.n}, at least {planned.metric.min_n} wanted")
    return value


def _refuse_zoneless(name: str, label: str, instant: dt.datetime) -> None:
    if type(instant.tzinfo) is not dt.timezone and instant.utcoffset() is None:
        raise InputError(f"`{label}` of `{name}` has no zone", name=name, hint="give an aware datetime, as in `datetime(2026, 10, 6, tzinfo=UTC)`")


def _worst(name: str, keyed: Mapping[str, Value], which: str) -> Value:
    unknown = [value for value in keyed.values() if isinstance(value, Unknown)]
    if unknown:
        return Unknown.merged(unknown)
    numbers = [value for value in keyed.values() if isinstance(value, int | float)]
    if not numbers:
        return Unknown.because(Reason.MISSING, name)
    return max(numbers) if which == "max" else min(numbers)
