"""Somebody who lets a decision through although a freshness budget is spent: who, why, and until when."""

from __future__ import annotations

import datetime as dt

import attrs

from decision_os.errors import InputError
from decision_os.values import zoned

__all__ = ["Override"]


def _shows(character: str) -> bool:
    """Whether a reader sees it: space and marks of no width are not a name."""
    return character.isprintable() and not character.isspace()


@attrs.frozen(kw_only=True)
class Override:
    """Leave for risky decisions to be taken although a freshness budget is spent, until an aware instant.

    `role` is one that the rule book lets override, `slos` the objectives it is for (none: all). Raises `InputError` where the person or the reason is
    left blank, and for an expiry without a zone.

    >>> print(Override(role="CRO", person="Ann", reason="the CRM export is late, checked by hand", expires=dt.datetime(2026, 10, 7, tzinfo=dt.UTC)))
    Ann (CRO)
    """

    role: str
    person: str
    reason: str
    expires: dt.datetime = attrs.field(converter=zoned)
    slos: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        for name in ("role", "person", "reason"):
            if not any(map(_shows, getattr(self, name))):
                raise InputError(f"an override names its {name}", name=name, hint="write down who lets it through, and why")

    def __str__(self) -> str:
        return f"{self.person} ({self.role})"
