"""Somebody who lets a decision through although a freshness budget is spent: who, why, and until when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import attrs

from decision_os.errors import InputError
from decision_os.values import as_instant, as_text, zoned

__all__ = ["Override"]


def _shows(character: str) -> bool:
    """Whether a reader sees it: space and marks of no width are not a name."""
    return character.isprintable() and not character.isspace()


def _expiry(given: object) -> dt.datetime:
    expires = as_instant(given, "expires")
    if expires is None:
        raise InputError("an override ends: `expires` is not given", name="expires", hint="write down until when it holds")
    return zoned(expires)


def _listed(slos: Iterable[str]) -> tuple[str, ...]:
    handed: object = slos  # whatever the caller's type checker did not see
    if isinstance(handed, str | bytes) or not isinstance(handed, Iterable):
        raise InputError(f"`slos` is a list of objectives, not a {type(handed).__name__}", name="slos", hint='write it as in `slos=["metric_age"]`')
    return tuple(as_text(name, "slos") for name in slos)


@attrs.frozen(kw_only=True)
class Override:
    """Leave for risky decisions to be taken although a freshness budget is spent, until an aware instant.

    `role` is one that the rule book lets override, `slos` the objectives it is for (none: all). Raises `InputError` where the person or the reason is
    left blank or is no text, and for an expiry that is no instant or has no zone.

    >>> print(Override(role="CRO", person="Ann", reason="the CRM export is late, checked by hand", expires=dt.datetime(2026, 10, 7, tzinfo=dt.UTC)))
    Ann (CRO)
    """

    role: str
    person: str
    reason: str
    expires: dt.datetime = attrs.field(converter=_expiry)
    slos: tuple[str, ...] = attrs.field(default=(), converter=_listed)

    def __attrs_post_init__(self) -> None:
        for name in ("role", "person", "reason"):
            object.__setattr__(self, name, as_text(getattr(self, name), name))
            if not any(map(_shows, getattr(self, name))):
                raise InputError(f"an override names its {name}", name=name, hint="write down who lets it through, and why")

    def __str__(self) -> str:
        return f"{self.person} ({self.role})"
