"""Instants as whole microseconds since 1970: their differences are elapsed time, whatever the clocks on the wall did."""

from __future__ import annotations

import datetime as dt
from typing import Final

from decision_os.errors import InputError

__all__ = ["MICROSECOND", "count", "instant", "moment"]

MICROSECOND: Final = dt.timedelta(microseconds=1)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def count(at: dt.datetime) -> int:
    """Microseconds since 1970 of an aware instant; differences of these are elapsed time in every zone."""
    return (at - _EPOCH) // MICROSECOND


def instant(microseconds: int) -> dt.datetime:
    """The instant in UTC, so many microseconds after 1970 began."""
    return _EPOCH + microseconds * MICROSECOND


def moment(at: dt.datetime, name: str) -> int:
    """`count` of an instant that a caller gives under that name. Raises `InputError` for one without a zone."""
    if at.utcoffset() is None:
        raise InputError(f"`{name}` is a time without a zone", name=name, hint="give an aware datetime")
    return count(at)
