"""The next reviews of a rule book, and what each of them has before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import attrs

from decision_os.calendars import next_review
from decision_os.engine.feeds import decisions
from decision_os.lifecycle import missing_roles
from decision_os.model import RuleBook
from decision_os.plan import Plan
from decision_os.record import DecisionRecord, Status

__all__ = ["Review", "agenda_of", "reviews_of"]


@attrs.frozen(kw_only=True)
class Review:
    """One review: of which cadence, when (in that cadence's zone), what is on its agenda, and which decisions come to it.

    `pending` are the proposals that wait for it, the longest waiting first; `overdue` those of them that an earlier review should have settled.
    """

    id: str
    at: dt.datetime
    agenda: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    pending: tuple[DecisionRecord, ...] = ()
    overdue: tuple[DecisionRecord, ...] = ()

    def __str__(self) -> str:
        about = f": {', '.join(self.agenda)}" if self.agenda else ""
        head = f"{self.id}, {self.at:%a %Y-%m-%d %H:%M %Z}{about}"
        late = {record.id for record in self.overdue}
        waiting = [f"  {record}{', overdue' if record.id in late else ''}" for record in self.pending]
        return "\n".join([head, *(waiting or ["  nothing waits"])])


def reviews_of(book: RuleBook, plans: Mapping[str, Plan], at: dt.datetime) -> tuple[Review, ...]:
    """The next review of each cadence of a rule book strictly after an aware instant, the soonest first; one no decision comes to included."""
    found = []
    for cadence in book.review_cadence.values():
        nodes = tuple(name for name, plan in plans.items() if plan.playbook.cadence == cadence.id)
        when = next_review(cadence.when, at, book.fiscal_year_start, book.holidays)
        found.append(Review(id=cadence.id, at=when, agenda=cadence.agenda, nodes=nodes))
    return tuple(sorted(found, key=lambda review: (review.at.astimezone(dt.UTC), review.id)))


def _waits(record: DecisionRecord, at: dt.datetime) -> bool:
    """Whether somebody still has to approve it."""
    return record.status is Status.PROPOSED or (record.status is Status.APPROVED and bool(missing_roles(record, at)))


def agenda_of(reviews: Iterable[Review], records: Iterable[DecisionRecord], at: dt.datetime) -> tuple[Review, ...]:
    """The same reviews with what waits for each: proposals, and those approved whose approvals have ended since. Of the same id the last one given counts."""
    latest = {record.id: record for record in decisions(records, "records")}
    waiting = sorted((record for record in latest.values() if _waits(record, at)), key=lambda record: (record.timestamp, record.node, record.subject))
    found = []
    for review in reviews:
        pending = tuple(record for record in waiting if record.node in review.nodes)
        overdue = tuple(record for record in pending if record.review_date is not None and record.review_date <= at)
        found.append(attrs.evolve(review, pending=pending, overdue=overdue))
    return tuple(found)
