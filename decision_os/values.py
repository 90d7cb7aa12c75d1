"""What a metric can be: a value, or an Unknown that says why. One defined answer for every type a caller may hand in."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias

import attrs

from decision_os.errors import InputError, UnknownTruthError

__all__ = ["LARGEST_INTEGER", "Cause", "Reading", "Reason", "Scalar", "Unknown", "Value", "settle"]

Scalar: TypeAlias = bool | int | float | str | dt.date | dt.datetime | dt.timedelta
"""A known value. An int is at most 2**53 either way, a float is finite, an instant carries its zone."""

LARGEST_INTEGER: Final = 2**53
"""The largest integer that float64 holds together with all smaller ones."""


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


@attrs.frozen(order=True)
class Cause:
    """One unknown input: its name, the reason (a `Reason` value), and the detail a reader needs."""

    name: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        detail = f": {self.detail}" if self.detail else ""
        name = f"{self.name} is " if self.name else ""
        return f"{name}{self.reason}{detail}"


def _sorted_once(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    return tuple(sorted(set(causes)))


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
        return cls((Cause(name, reason.value, detail),))

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


@attrs.frozen(kw_only=True)
class Reading:
    """One metric value as it was read, with what is needed to trust it.

    `period` is what it covers (text such as `2026-09` or `2026-W39`); `loaded_at` is the instant freshness counts from (with a
    zone); `valid_until` ends the life of an estimate; `n` is the sample size of a share or a mean, and `members` among how many a Gini says
    it is dealt; `version` names the metric's definition.

    >>> Reading(value=0.21, period="2026-09", n=340).value
    0.21
    """

    value: Any
    period: str | None = None
    loaded_at: dt.datetime | None = None
    valid_until: dt.datetime | None = None
    n: int | None = None
    version: str | None = None
    members: int | None = None


def settle(raw: object, name: str = "") -> Value:
    """The one meaning of a value handed in by a caller.

    `None`, NaN, NaT and the NA of pandas are missing; ±inf is undefined; NumPy scalars become Python's; a `Decimal` becomes the
    nearest float (comparisons allow for that rounding).

    Raises `InputError` for lists, bytes, objects, complex numbers, and integers beyond 2**53 that float64 cannot hold.

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
    kind = type(raw)
    if raw is None or kind.__name__ in ("NAType", "NaTType"):
        return Unknown.because(Reason.MISSING, name)
    if kind.__module__ == "numpy" and hasattr(raw, "item"):
        if kind.__name__ in ("datetime64", "timedelta64"):
            if str(raw) == "NaT":
                return Unknown.because(Reason.MISSING, name)
            plain = raw.astype(f"{kind.__name__}[us]").item()  # type: ignore[attr-defined]  # a NumPy instant
            return settle(plain, name)
        plain = raw.item()
        if type(plain) is not kind:
            return settle(plain, name)
    if isinstance(raw, Decimal):
        if raw.is_nan():
            return Unknown.because(Reason.MISSING, name)
        return settle(float(raw), name)
    if isinstance(raw, Unknown):
        return raw.named(name)
    if isinstance(raw, bool | str | dt.datetime | dt.date | dt.timedelta):
        return raw.to_pydatetime(warn=False) if hasattr(raw, "to_pydatetime") else raw  # a pandas instant; nanoseconds are cut off
    if isinstance(raw, Enum):
        pass
    elif isinstance(raw, float):
        return settle(float(raw), name)
    elif isinstance(raw, int):
        return _integer(int(raw), name)
    label = f" for `{name}`" if name else ""
    article = "an" if kind.__name__[:1] in "aeiouAEIOU" else "a"
    raise InputError(
        f"{article} {kind.__name__}{label} is not a value a rule can read",
        name=name,
        hint="give a number, a text, a date, True or False, None, a Reading or an Unknown",
    )
