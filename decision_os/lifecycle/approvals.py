"""Who has approved what: roles and persons kept apart, approvals bound to what was approved, and ended by time."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Final

import attrs

from decision_os.calendars import read_duration
from decision_os.canonical import fingerprint_plain
from decision_os.errors import LifecycleError, nearest
from decision_os.record import DecisionRecord, Event, EventKind, Evidence, Status
from decision_os.values import zoned

__all__ = ["approvals", "binding", "content_hash", "missing_roles", "person_key", "proposer", "role_named", "until"]

# Not part of what is approved: what happens to it afterwards, and what differs when the same is decided again.
_NOT_BOUND: Final = ("record", "status", "life", "reversal_outcome", "evidence", "timestamp", "review_date", "notes")
_NOT_OF_AN_INPUT: Final = ("loaded_at", "age")


def binding(record: DecisionRecord) -> str:
    """The hash an approval is bound to: of what was decided, on which inputs, by which rules, with which way back.

    Changed inputs (what they rest on and stand for included: n, period, version), parameters, actions, thresholds, approvers, monitoring or reversal give
    another hash, and need new approvals. When it was decided, when the inputs were loaded, and notes do not count.
    """
    bare = attrs.evolve(record, status=Status.PROPOSED, life=(), reversal_outcome=None, evidence=Evidence())
    bound = {key: value for key, value in bare.to_dict().items() if key not in _NOT_BOUND}
    bound["inputs"] = [{key: value for key, value in taken.items() if key not in _NOT_OF_AN_INPUT} for taken in bound["inputs"]]
    return fingerprint_plain(bound)


def content_hash(record: DecisionRecord) -> str:
    """The hash that a ledger's receipt for this record gives as its `content`: over the whole full form."""
    return fingerprint_plain(record.to_dict())


def until(record: DecisionRecord, given: dt.datetime) -> dt.datetime:
    """When an approval given at an instant ends; that instant is no longer within."""
    holds = read_duration(record.terms.approvals_hold)
    if holds is None:
        raise LifecycleError(f"the record says that approvals hold `{record.terms.approvals_hold}`, which is no duration")
    return given.astimezone(dt.UTC) + holds  # elapsed time: where clocks change, a day by the wall is not 24 hours


def approvals(record: DecisionRecord, at: dt.datetime) -> tuple[Event, ...]:
    """The approvals that count at an instant: given by then, not ended, and bound to this very decision. Raises `InputError` for one without a zone."""
    when = zoned(at)
    given = [event for event in record.life if event.kind is EventKind.APPROVED and event.until is not None and event.at <= when < event.until]
    if not given:
        return ()
    bound = binding(record)
    return tuple(event for event in given if event.binds == bound)


def missing_roles(record: DecisionRecord, at: dt.datetime) -> tuple[str, ...]:
    """The roles whose approval is still needed at an instant, in the playbook's order. Raises `InputError` for one without a zone."""
    have = {event.role for event in approvals(record, at)}
    return tuple(role for role in record.approvers if role not in have)


def proposer(record: DecisionRecord) -> str:
    """Who proposed it; empty before that."""
    return next((event.person for event in record.life if event.kind is EventKind.PROPOSED), "")


def person_key(person: str) -> str:
    """What tells persons apart: the case of letters, space, signs that cannot be seen and the way a letter is encoded do not; nobody is empty."""
    seen = "".join(ch for ch in unicodedata.normalize("NFKC", person) if unicodedata.category(ch) != "Cf")
    return " ".join(seen.casefold().split())


def role_named(record: DecisionRecord, name: str, *, also: tuple[str, ...] = ()) -> str:
    """The approving role that a name stands for: its own, an alias, or either written with other spaces, signs or case.

    `also` are other roles to accept. Raises `LifecycleError` for one that does not approve here.
    """
    names = {role: (role, *record.terms.approver_names.get(role, ())) for role in (*record.approvers, *also)}
    for same in (str.strip, _folded):
        found = [role for role, known in names.items() if same(name) in map(same, known)]
        if len(found) == 1:
            return found[0]
    hint = nearest(name, [known for each in names.values() for known in each]) or f"those who do: {', '.join(names) or 'nobody'}"
    raise LifecycleError(f"`{name}` is no role that approves {record.node} for {record.subject}", allowed=(), hint=hint)


def _folded(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum())
