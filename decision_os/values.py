"""What a metric can be: a value, or an Unknown that says why. One defined answer for every type a caller may hand in."""

from __future__ import annotations

import datetime as dt
import math
import operator
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Final, TypeAlias

import attrs

from decision_os.errors import InputError, UnknownTruthError

__all__ = ["EXACT_INTEGER", "LARGEST_INTEGER", "Cause", "Reading", "Reason", "Scalar", "Unknown", "Value", "as_instant", "as_text", "settle", "told", "zoned"]

Scalar: TypeAlias = bool | int | float | str | dt.date | dt.datetime | dt.timedelta
"""A known value. An int is at most 2**53 either way, a float is finite, an instant carries its zone."""

LARGEST_INTEGER: Final = 2**53
"""The largest integer that float64 holds together with all smaller ones."""

EXACT_INTEGER: Final = 2**50
"""From here on the rounding that a number is allowed could reach the next integer, so integers are taken as exact."""

_SMALLEST: Final = 2.3e-308
"""Below it float64 holds fewer digits, and the rounding of a number is no longer relative to it."""

_SMALLEST_EXPONENT, _LARGEST_EXPONENT = -400, 400
"""Exponents of ten beyond which a Decimal is refused before anybody works out its digits."""


class Reason(Enum):
    """Why a value is unknown."""

    MISSING = "missing"
    STALE = "stale"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    UNDEFINED = "undefined"
    TOO_FEW = "too few"
    IMMATURE = "immature"
    ERROR = "error"


def _word(reason: str | Reason) -> str:
    return reason.value if isinstance(reason, Reason) else reason


@attrs.frozen(order=True)
class Cause:
    """One unknown input: its name, the reason (a `Reason` value), and the detail a reader needs. Raises `InputError` for what is no text."""

    name: str
    reason: str = attrs.field(converter=_word)
    detail: str = ""

    def __attrs_post_init__(self) -> None:
        if type(self.name) is not str or type(self.reason) is not str or type(self.detail) is not str:
            for field in ("name", "reason", "detail"):
                object.__setattr__(self, field, as_text(getattr(self, field), field))

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        name = f"{self.name} is " if self.name else ""
        return f"{name}{self.reason}{detail}"


def _sorted_once(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    handed: object = causes  # whatever the caller's type checker did not see
    if isinstance(handed, str | Mapping) or not isinstance(handed, Iterable):
        raise _no_cause(handed)
    found = tuple(causes)
    for cause in found:
        if type(cause) is not Cause:
            raise _no_cause(cause)
    return found if len(found) < 2 else tuple(sorted(set(found)))


def _no_cause(raw: object) -> InputError:
    hint = 'write it as in `Unknown.because(Reason.MISSING, "cac")`'
    return InputError(f"the causes of an Unknown are `Cause`s, not a {type(raw).__name__}", name="causes", hint=hint)


@attrs.frozen
class Unknown:
    """The third truth value, and the value that is not there; it always says why.

    It is neither true nor false, so `bool()` of it is refused.

    >>> why = Unknown.because(Reason.TOO_FEW, "win_rate", "n = 9, at least 30 wanted")
    >>> print(why)
    unknown (win_rate is too few: n = 9, at least 30 wanted)
    >>> why.names
    ('win_rate',)
    """

    causes: tuple[Cause, ...] = attrs.field(converter=_sorted_once)

    @classmethod
    def because(cls, reason: Reason, name: str = "", detail: str = "") -> Unknown:
        """An unknown with one cause."""
        return cls((Cause(name, reason, detail),))

    @classmethod
    def merged(cls, unknowns: Iterable[Unknown]) -> Unknown:
        """All causes of several unknowns, each once."""
        return cls(tuple(cause for unknown in unknowns for cause in unknown.causes))

    def named(self, name: str) -> Unknown:
        """The same, with causes that lack a name given this one."""
        return Unknown(tuple(attrs.evolve(cause, name=cause.name or name) for cause in self.causes))

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that are unknown, sorted, each once."""
        return tuple(sorted({cause.name for cause in self.causes if cause.name}))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, sorted, each once."""
        return tuple(sorted({cause.reason for cause in self.causes}))

    def __bool__(self) -> bool:
        raise UnknownTruthError(f"{self} is neither true nor false; compare with `is True`, or read `.causes`")

    def __str__(self) -> str:
        return f"unknown ({'; '.join(str(cause) for cause in self.causes)})" if self.causes else "unknown"


Value: TypeAlias = Scalar | Unknown


def zoned(instant: dt.datetime) -> dt.datetime:
    """An instant with its zone as a fixed offset, so that comparing it with another and subtracting count elapsed time.

    Of two instants of one named zone Python compares what the clock on the wall showed, which in the hour that autumn repeats is another order, and on the
    days of both changes another length; and in that hour instants of a named zone equal none of another's. So instants pass here where they come in.

    Raises `InputError` for one without a zone.

    >>> from zoneinfo import ZoneInfo
    >>> repeated = dt.datetime(2026, 11, 1, 1, 10, fold=1, tzinfo=ZoneInfo("America/New_York"))
    >>> zoned(repeated).isoformat(), zoned(repeated) > zoned(repeated.replace(minute=50, fold=0))
    ('2026-11-01T01:10:00-05:00', True)
    """
    if isinstance(instant.tzinfo, dt.timezone):
        return instant
    offset = instant.utcoffset()
    if offset is None:
        raise InputError(f"the instant `{instant}` has no zone", hint="give it one, for example `tzinfo=datetime.UTC`")
    return instant.replace(tzinfo=dt.timezone(offset), fold=0)


def told(instant: dt.datetime) -> str:
    """An aware instant in ISO 8601 and in UTC, for a text that takes part in an identity: the same decision on the same instants is one, in any zone.

    >>> told(dt.datetime(2026, 10, 6, 20, tzinfo=dt.timezone(dt.timedelta(hours=-4))))
    '2026-10-07T00:00:00+00:00'
    """
    try:
        return instant.astimezone(dt.UTC).isoformat()
    except OverflowError:  # at the edge of the calendar
        return instant.isoformat()


def _zoned_if_aware(raw: Any) -> Any:
    """An instant as `zoned` has it; what is none, or has no zone, is refused by whoever reads it, who knows its name."""
    if not isinstance(raw, dt.datetime) or raw.tzinfo is None or type(raw.tzinfo) is dt.timezone:  # most are; and the NaT of pandas
        return raw
    return raw if raw.utcoffset() is None else zoned(raw)


@attrs.frozen(kw_only=True)
class Reading:
    """One metric value as it was read, with what is needed to trust it.

    `period` is what it covers (text such as `2026-09` or `2026-W39`); `loaded_at` is the instant freshness counts from (with a
    zone); `valid_until` ends the life of an estimate; `n` is the sample size of a share or a mean, and `members` among how many a Gini says
    it is dealt; `version` names the metric's definition.

    What a frame hands in is read as it is meant: None, NaN, NaT and NA as not there, a NumPy integer or a float without a fraction as a count, a
    whole number as the text of a period or a version, a pandas timestamp as an instant. Raises `InputError` for a count, a text or an
    instant that is none (`n="5"`, `period=2026.0`, a date for `loaded_at`).

    >>> Reading(value=0.21, period="2026-09", n=340).value
    0.21
    >>> Reading(value=0.21, period=2026, n=float("nan"))
    Reading(value=0.21, period='2026', loaded_at=None, valid_until=None, n=None, version=None, members=None)
    """

    value: Any
    period: str | None = None
    loaded_at: dt.datetime | None = attrs.field(default=None, converter=_zoned_if_aware)
    valid_until: dt.datetime | None = attrs.field(default=None, converter=_zoned_if_aware)
    n: int | None = None
    version: str | None = None
    members: int | None = None

    def __attrs_post_init__(self) -> None:
        texts = type(self.period) in _TEXT_OR_NONE and type(self.version) in _TEXT_OR_NONE
        instants = type(self.loaded_at) in _INSTANT_OR_NONE and type(self.valid_until) in _INSTANT_OR_NONE
        if texts and instants and type(self.n) in _COUNT_OR_NONE and 0 <= (self.n or 0) <= LARGEST_INTEGER and self.members is None:  # most are
            return
        for name, read in _BESIDE_A_VALUE.items():
            object.__setattr__(self, name, read(getattr(self, name), name))


def settle(raw: object, name: str = "") -> Value:
    """The one meaning of a value handed in by a caller.

    `None`, NaN, NaT and the NA of pandas are missing; ±inf is undefined; scalars of NumPy and pyarrow and subclasses become Python's
    own; a `Decimal` or a `Fraction` becomes the nearest float (comparisons allow for that rounding). A float32 is the number it holds: 0.1 as float32
    is 0.10000000149011612. Instants and durations are kept to the microsecond, and what is finer is cut off; the zone of an instant
    becomes a fixed offset (`zoned`).

    Raises `InputError` for lists, arrays, bytes, objects, complex numbers, Enums that are no texts, numbers that float64 cannot hold to
    its precision, and integers beyond 2**53.

    >>> settle(float("nan"), "cac").reasons
    ('missing',)
    >>> settle(3), settle(True), settle("won")
    (3, True, 'won')
    """
    kind = type(raw)
    if kind is float:
        if raw - raw == 0.0:  # type: ignore[operator]  # finite, and the cheapest way to ask
            return raw  # type: ignore[return-value]  # `kind` is float
        return _not_finite(raw, name)  # type: ignore[arg-type]  # `kind` is float
    if kind is int:
        return _integer(raw, name)  # type: ignore[arg-type]  # `kind` is int
    if kind is str or kind is bool or kind is Unknown:
        return raw.named(name) if kind is Unknown else raw  # type: ignore[attr-defined,return-value]  # exact type tested
    return _settle_rare(raw, name)


def _not_finite(raw: float, name: str) -> Unknown:
    if math.isnan(raw):
        return Unknown.because(Reason.MISSING, name)
    return Unknown.because(Reason.UNDEFINED, name, "not finite")


def _integer(raw: int, name: str) -> int:
    if -LARGEST_INTEGER <= raw <= LARGEST_INTEGER:
        return raw
    label = f" for `{name}`" if name else ""
    raise InputError(
        f"an integer beyond 2**53{label} cannot be compared exactly", name=name, hint="give it in a larger unit, or as text if it is an identifier"
    )


def _settle_rare(raw: object, name: str) -> Value:
    """What is no exact type of the language's own. A value's methods may be anybody's: whatever they raise is a value that cannot be read."""
    try:
        return _rare(raw, name)
    except InputError:
        raise
    except Exception as error:
        raise _refused(raw, name, f"cannot be read: {type(error).__name__}") from error


def _rare(raw: Any, name: str) -> Value:  # one case for each kind of value
    # By `type`, not by `isinstance`, which believes an object's own `__class__`; by the builtin's own methods, not by those of a subclass.
    kind = type(raw)
    if raw is None or (kind.__name__ in ("NAType", "NaTType") and kind.__module__.startswith("pandas.")):
        return Unknown.because(Reason.MISSING, name)
    if issubclass(kind, Unknown):
        unknown: Unknown = raw.named(name)
        return unknown
    if issubclass(kind, str):
        return str.__str__(raw)  # of a StrEnum, its value
    if issubclass(kind, Enum):
        raise _refused(raw, name, hint="give its `.value`")
    if issubclass(kind, float):
        return settle(float.__float__(raw), name)
    if issubclass(kind, int):
        return _integer(int.__int__(raw), name)
    if issubclass(kind, Decimal):
        return _decimal(Decimal(raw), name)
    if issubclass(kind, Fraction):
        return _fraction(raw, name)
    if issubclass(kind, dt.date | dt.timedelta):
        return _time(raw, name)
    for module, scalar in _SCALARS.items():
        library = sys.modules.get(module)  # who has a scalar of a library has imported it
        if library is not None and issubclass(kind, getattr(library, scalar)):
            return _numpy(raw, name) if module == "numpy" else settle(raw.as_py(), name)
    raise _refused(raw, name)


_SCALARS: Final = {"numpy": "generic", "pyarrow": "Scalar"}


def as_text(raw: object, name: str) -> str:
    """The text that names something: a subject, a period, a version. A whole number, as ids in a frame are, becomes its digits, a date its ISO form.

    Raises `InputError` for anything else: 101.0 too, which an id becomes in a column with a gap, and NaN, which is the gap.

    >>> as_text("Ads", "subject"), as_text(101, "subject")
    ('Ads', '101')
    """
    found = raw if type(raw) is str else _name_of(raw)
    if found is None:
        hint = "an id that a gap in its column made a float needs a column of texts, or one of type `Int64`" if issubclass(type(raw), float) else ""
        raise _not_a(raw, name, "a text or a whole number", hint or "give the text that names it")
    return found


def _name_of(raw: Any) -> str | None:
    kind = type(raw)
    try:
        if issubclass(kind, str):
            return str.__str__(raw)
        if issubclass(kind, int):
            return None if kind is bool else str(int.__int__(raw))
        if hasattr(kind, "__index__"):  # the integers of NumPy, of any size
            return str(operator.index(raw))
        found = settle(raw)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it names nothing
        return None
    if type(found) is dt.date:
        return found.isoformat()
    return found if type(found) is str else str(found) if type(found) is int else None


def _count(raw: object, name: str) -> int | None:
    """How many: a whole number, not below 0. A float without a fraction is one, which a count becomes in a column with a gap."""
    found = settle(raw, name)
    if isinstance(found, float) and found.is_integer():
        found = _integer(int(found), name)
    if _is_missing(found):
        return None
    if type(found) is not int or found < 0:
        raise _not_a(raw, name, "a whole number, 0 or more", "leave it out, or give None, where it is not known")
    return found


def _label(raw: object, name: str) -> str | None:
    return None if _is_missing(_settled_if_any(raw)) else as_text(raw, name)


def as_instant(raw: object, name: str) -> dt.datetime | None:
    """An instant in Python's own class; None where there is none (None, NaT, NaN). Raises `InputError` for a text, a date and all else."""
    found = settle(raw, name)
    if _is_missing(found):
        return None
    if type(found) is not dt.datetime:
        raise _not_a(raw, name, "an instant", "give an aware datetime, as in `datetime(2026, 10, 6, tzinfo=UTC)`")
    return found


def _settled_if_any(raw: object) -> Value | None:
    """A value, settled; nothing for what is none."""
    try:
        return settle(raw)
    except InputError:
        return None


def _is_missing(value: Value | None) -> bool:
    return isinstance(value, Unknown) and value.reasons == (Reason.MISSING.value,)


_BESIDE_A_VALUE: Final[dict[str, Callable[[object, str], object]]] = {
    "period": _label,
    "loaded_at": as_instant,
    "valid_until": as_instant,
    "n": _count,
    "version": _label,
    "members": _count,
}
"""How each field of a reading beside its value is read."""

_TEXT_OR_NONE: Final = frozenset({str, type(None)})
_INSTANT_OR_NONE: Final = frozenset({dt.datetime, type(None)})
_COUNT_OR_NONE: Final = frozenset({int, type(None)})


def _not_a(raw: object, name: str, wanted: str, hint: str) -> InputError:
    kind = type(raw)
    article = "an" if kind.__name__[:1] in "aeiouAEIOU" else "a"
    shown = f"{article} {kind.__name__}"
    if raw is None or kind in (bool, float, str) or (type(raw) is int and raw.bit_length() < 64):  # Python writes no integer of any size
        shown = repr(raw)[:60]
    return InputError(f"`{name}` is {wanted}, not {shown}", name=name, hint=hint)


def _refused(raw: object, name: str, what: str = "is not a value a rule can read", hint: str = "") -> InputError:
    kind = type(raw).__name__
    label = f" for `{name}`" if name else ""
    article = "an" if kind[:1] in "aeiouAEIOU" else "a"
    known = "give a number, a text, a date, True or False, None, a Reading or an Unknown"
    return InputError(f"{article} {kind}{label} {what}", name=name, hint=hint or known)


def _decimal(raw: Decimal, name: str) -> Value:
    if raw.is_nan():
        return Unknown.because(Reason.MISSING, name)
    if raw.is_infinite():
        return Unknown.because(Reason.UNDEFINED, name, "not finite")
    if raw and not _SMALLEST_EXPONENT <= raw.adjusted() <= _LARGEST_EXPONENT:
        raise _refused(raw, name, "is beyond what a number can hold", "give it in another unit")
    return _fraction(raw, name)


def _fraction(raw: Decimal | Fraction, name: str) -> Value:
    """The nearest float of an exact number; an integer that only looks like one of the next is kept, or refused."""
    try:
        nearest = float(raw)
    except OverflowError:
        nearest = math.inf
    if not math.isfinite(nearest) or (raw and abs(nearest) < _SMALLEST):
        raise _refused(raw, name, "is beyond what a number can hold", "give it in another unit")
    return _integer(int(raw), name) if abs(nearest) >= EXACT_INTEGER and int(raw) == raw else nearest


def _time(raw: Any, name: str) -> Value:
    """A date, an instant or a duration in Python's own class. An instant is asked for its offset here, so that nothing fails later."""
    if isinstance(raw, dt.timedelta):
        return dt.timedelta.__pos__(raw.to_pytimedelta() if hasattr(raw, "to_pytimedelta") else raw)
    if not isinstance(raw, dt.datetime):
        return dt.date.fromordinal(dt.date.toordinal(raw))
    if hasattr(raw, "to_pydatetime"):
        raw = raw.to_pydatetime(warn=False)  # of pandas; nanoseconds are cut off
    plain = dt.datetime.combine(dt.datetime.date(raw), dt.datetime.timetz(raw))
    if plain.tzinfo is not None:
        if plain.utcoffset() is None:
            return plain.replace(tzinfo=None)
        try:
            plain.astimezone(dt.UTC)
        except OverflowError:
            raise _refused(raw, name, "lies outside the years 1 to 9999 in UTC", "give an instant of the calendar") from None
        return zoned(plain)
    return plain


def _numpy(raw: Any, name: str) -> Value:
    letter = raw.dtype.kind
    if letter in "mM":
        return _numpy_time(raw, name)
    if letter in "iub":
        return settle(raw.item(), name)
    if letter == "f":  # `float64` is a float of Python already
        nearest = float(raw)
        if raw.dtype.itemsize <= 8 or not math.isfinite(nearest):
            if math.isinf(nearest) and abs(raw) != math.inf:
                raise _refused(raw, name, "is beyond what a number can hold", "give it in another unit")
            return settle(nearest, name)
        return _fraction(Fraction(*raw.as_integer_ratio()), name)
    raise _refused(raw, name)


def _numpy_time(raw: Any, name: str) -> Value:
    """Days are a date, finer units an instant without a zone or a duration; what is finer than a microsecond is cut off."""
    unit, step = re.fullmatch(r"[mM]8(?:\[(\d*)(\w+)\])?", raw.dtype.str.lstrip("<>=|")).group(2, 1)  # type: ignore[union-attr]  # NumPy's own words
    count = raw.astype("int64").item()
    if count == -(2**63):
        return Unknown.because(Reason.MISSING, name)
    if unit not in _SECONDS:
        what = f"counts {_NO_LENGTH[unit]}, which have no fixed length" if unit in _NO_LENGTH else "says no unit of time"
        raise _refused(raw, name, what, "give it in days" if raw.dtype.kind == "m" else "give a date")
    microseconds = math.floor(count * int(step or 1) * _SECONDS[unit] * 1_000_000)
    try:
        length = dt.timedelta(microseconds=microseconds)
        if raw.dtype.kind == "m":
            return length
        instant = dt.datetime(1970, 1, 1) + length  # noqa: DTZ001 - NumPy's instants have no zone
    except OverflowError:
        raise _refused(raw, name, "is beyond what a duration or the years 1 to 9999 can hold", "give it in another unit") from None
    return instant.date() if unit in "WD" else instant


_SECONDS: Final = {
    "W": Fraction(604800),
    "D": Fraction(86400),
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    **{unit: Fraction(1, 1000**power) for power, unit in enumerate(("ms", "us", "ns", "ps", "fs", "as"), 1)},
}
"""The units of NumPy's instants and durations that have a fixed length."""

_NO_LENGTH: Final = {"Y": "years", "M": "months"}
