"""When a freshness budget is spent, risky decisions wait: what freshness says for one playbook, what that freezes, and who may let it through.

Frozen are acts of the risk levels that the rule book names, unless their playbook says otherwise; a decision to hold is none, and undoing is never frozen,
since it does not come by this way. A role that the rule book names may override, with a reason and an expiry; that goes on the record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from decision_os.canonical import fingerprint
from decision_os.errors import InputError, NotFoundError, nearest
from decision_os.freshness import FreshnessReport, FreshnessStatus
from decision_os.graph import sources_of
from decision_os.model import Playbook, RuleBook
from decision_os.plan import Plan
from decision_os.record import DecisionRecord, Evidence, Outcome, Override, Status
from decision_os.slo import spell_duration
from decision_os.values import Cause, Reading, Reason, Unknown, Value, settle

__all__ = ["GREEN", "Standing", "checked", "gate", "governed", "held_back", "rests_unseen", "standing", "vouched", "with_green"]

GREEN: Final = "slo_green"
"""The feed that says whether every promise is kept."""

_UNASKED: Final = "whether a freshness budget is spent is not known: nothing was given that says so"

_OLD: Final = dt.timedelta(minutes=1)
"""A report that was taken just before deciding is of that instant; of an older one the record says so."""


@attrs.frozen(kw_only=True)
class Standing:
    """What freshness says for one playbook at an instant.

    `green` is what its pre-checks read; `broken` names the objectives whose budget is spent and that nobody overrides, `lacking` those of which the report
    says nothing for a source that matters, and that nobody overrides, `used` the overrides that something rests on. `notes` say all of it in words.
    `unasked` says that nobody was asked: then nothing is held back, and an act that a spent budget would hold back says so.
    """

    green: Value
    broken: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    unasked: bool = False
    used: tuple[Override, ...] = ()
    notes: tuple[str, ...] = ()


def checked(book: RuleBook, overrides: Iterable[Override]) -> tuple[Override, ...]:
    """The overrides, each with its role as the rule book calls it.

    Raises `InputError` for a role that the rule book does not let override, `NotFoundError` for an objective or a role that it does not have.
    """
    if isinstance(overrides, Override):
        raise InputError("`overrides` is a list, not one override", name="overrides", hint="write `overrides=[...]`")
    found = []
    for override in overrides:
        role = book.role(override.role).label
        if role not in book.freeze.overrides:
            may = f"the rule book names {', '.join(book.freeze.overrides)}" if book.freeze.overrides else "the rule book names nobody under `freeze`"
            raise InputError(f"`{role}` may not override a spent freshness budget", name="role", hint=may)
        for name in override.slos:
            if name not in book.slos:
                hint = nearest(name, book.slos) or f"known: {', '.join(book.slos)}"
                raise NotFoundError(f"an override is for `{name}`, which is no freshness SLO ({hint})")
        found.append(attrs.evolve(override, role=role))
    return tuple(found)


def standing(book: RuleBook, playbook: Playbook, found: FreshnessReport | None, overrides: Iterable[Override], at: dt.datetime) -> Standing:
    """Whether every promise of freshness that a decision rests on is kept, and what follows where one is not.

    Those are the promises about the sources of its inputs: of the SLOs it names, or of all where it names none. An SLO it names that covers
    none of those sources (a forecast it is judged by) counts for every source it covers. A promise of which the report has no status (one of another
    promise by the same name is none) is not known to be kept.
    `overrides` are `checked`; one that has ended is passed over, and the notes say so.
    """
    if found is None:
        return Standing(green=Unknown.because(Reason.MISSING, GREEN, "no load log was given: pass `loads=`"), unasked=True)
    judged, absent = _judged(book, playbook, found)
    broken = [status for status in judged if not status.green]
    spent = dict.fromkeys(status.slo.name for status in broken)
    unsaid = dict.fromkeys(name for name, _ in absent if name not in spent)
    left, used, notes = _waived((*spent, *unsaid), overrides, at)
    lacking = tuple(name for name in left if name in unsaid)
    unknown = Unknown(tuple(Cause(GREEN, Reason.MISSING.value, f"no status of `{name}` for {source}") for name, source in absent if name in lacking))
    return Standing(
        green=False if len(left) > len(lacking) else unknown if lacking else True,
        broken=tuple(name for name in left if name in spent),
        lacking=lacking,
        used=used,
        notes=(*map(_told, broken), *(f"freshness of {source}: the report has no status of `{name}`" for name, source in absent), *notes),
    )


def vouched(book: RuleBook, playbook: Playbook, green: object, overrides: Iterable[Override], at: dt.datetime) -> Standing:
    """The same, where all that is known is whether the caller calls the promises kept: an override has to be for all of them to count."""
    if settle(green.value if isinstance(green, Reading) else green, GREEN) is not False:
        return Standing(green=True, unasked=green is None)
    left, used, notes = _waived(playbook.slos or tuple(book.slos), overrides, at)
    return Standing(green=not left, used=() if left else used, notes=() if left and used else notes)


def rests_unseen(plan: Plan) -> bool:
    """Whether a spent budget holds a decision back that has no pre-check on the promises: one that acts says so where nobody said how they stand."""
    return plan.freezes and GREEN not in plan.feeds


def gate(
    book: RuleBook, plan: Plan, found: FreshnessReport | None, overrides: Iterable[Override], at: dt.datetime
) -> Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], Standing]]:
    """For decisions of one playbook at an instant: a caller's values → the values as freshness has them, and how it stands for `governed`.

    `found` is the report, or None where the values say themselves whether the promises are kept. Raises what `checked` raises, and `InputError` for a
    report of a later instant.
    """
    waivers = checked(book, overrides)
    handed: object = found  # whatever the caller's type checker did not see
    if handed is not None and not isinstance(handed, FreshnessReport):
        hint = "take one from the load log: `engine.freshness(loads, at=at)`"
        raise InputError(f"`freshness` is a report, not a {type(handed).__name__}", name="freshness", hint=hint)
    if found is None:

        def by_caller(values: Mapping[str, Any]) -> tuple[Mapping[str, Any], Standing]:
            green = values.get(GREEN) if isinstance(values, Mapping) else None  # what is no mapping is refused where it is read
            stands = vouched(book, plan.playbook, green, waivers, at)
            return (with_green(values, stands, at) if stands.used else values), stands

        return by_caller
    if found.at > at:
        hint = "take it for the instant that is decided at: `engine.freshness(loads, at=at)`"
        raise InputError(f"the freshness report is of {found.at.isoformat()}, after the decision", name="freshness", hint=hint)
    stands = standing(book, plan.playbook, found, waivers, at)
    if at - found.at >= _OLD:
        stands = attrs.evolve(stands, notes=(*stands.notes, f"freshness as it stood {spell_duration(at - found.at)} before the decision"))
    return lambda values: (with_green(values, stands, found.at) if isinstance(values, Mapping) else values, stands)


def governed(plan: Plan, record: DecisionRecord, stands: Standing) -> DecisionRecord:
    """The record, held back where it acts while a budget is spent; where an override lets it through, with that override.

    Both make it another proposal than the same inputs would be without: a decision that was frozen may be proposed once the budget is back.
    """
    acts = plan.freezes and record.outcome is Outcome.ACT
    concerned = acts or GREEN in plan.feeds
    frozen, used, notes = (*stands.broken, *stands.lacking) if acts else (), stands.used if concerned else (), stands.notes if concerned else ()
    if frozen:
        record = held_back(record, tuple(f"freeze:{name}" for name in frozen), _frozen_words(stands))
    elif acts and stands.unasked:
        notes = (*notes, _UNASKED)
    if notes:
        record = attrs.evolve(record, notes=(*record.notes, *notes))
    if not frozen and not used:
        return record
    identity = fingerprint({"of": record.id, "frozen": list(frozen), "overrides": [[each.role, each.person, each.reason, each.expires] for each in used]})
    effects = tuple(attrs.evolve(effect, key=effect.key.replace(record.id, identity)) for effect in record.effects)
    return attrs.evolve(record, id=identity, overrides=used, effects=effects)


def held_back(record: DecisionRecord, blocked_by: tuple[str, ...], note: str) -> DecisionRecord:
    """A record that would act, blocked: it held, and nothing comes of it."""
    return attrs.evolve(
        record,
        outcome=Outcome.BLOCKED,
        status=Status.RECORDED,
        branch=None,
        action=None,
        actions=(),
        blocked_by=blocked_by,
        effects=(),
        notes=(*record.notes, note),
        evidence=lambda: _untaken(record.evidence),
    )


def with_green(values: Mapping[str, Any], stands: Standing, at: dt.datetime) -> Mapping[str, Any]:
    """A caller's values with what freshness says of the promises, seen at that instant."""
    return {**values, GREEN: Reading(value=stands.green, loaded_at=at)}


def _untaken(evidence: Evidence) -> Evidence:
    """The same evidence with no branch taken."""
    return attrs.evolve(evidence, branches=tuple(attrs.evolve(branch, taken=False, reached=False) for branch in evidence.branches))


def _judged(book: RuleBook, playbook: Playbook, found: FreshnessReport) -> tuple[list[FreshnessStatus], list[tuple[str, str]]]:
    """The statuses of the promises that a decision rests on; and those promises, by objective and source, of which the report has none."""
    sources = {source for use in playbook.inputs.values() for source in sources_of(book, use.metric)}
    judged: list[FreshnessStatus] = []
    absent: list[tuple[str, str]] = []
    for name in playbook.slos or book.slos:
        covered = set(book.slos[name].covers)
        of = covered & sources or (covered if playbook.slos else set())
        here = [status for status in found.statuses if status.slo == book.slos[name].objective and status.source in of]
        judged += here
        absent += [(name, source) for source in sorted(of - {status.source for status in here})]
    return judged, absent


def _waived(broken: tuple[str, ...], overrides: Iterable[Override], at: dt.datetime) -> tuple[tuple[str, ...], tuple[Override, ...], tuple[str, ...]]:
    """The broken promises that nobody overrides, the overrides that count, and both in words."""
    left, used, notes = list(broken), [], []
    for override in overrides:
        mine = [name for name in broken if not override.slos or name in override.slos]
        if not mine:
            continue
        if override.expires <= at:
            notes.append(f"the override by {override} ended {override.expires:%Y-%m-%d %H:%M %Z}: not used")
            continue
        used.append(override)
        left = [name for name in left if name not in mine]
        notes.append(f"{', '.join(f'`{name}`' for name in mine)} overridden by {override} until {override.expires:%Y-%m-%d %H:%M %Z}: {override.reason}")
    return tuple(left), tuple(used), tuple(notes)


def _frozen_words(stands: Standing) -> str:
    spent, lacking = (", ".join(f"`{name}`" for name in names) for names in (stands.broken, stands.lacking))
    told = [f"the freshness budget of {spent} is spent"] * bool(spent) + [f"whether the freshness budget of {lacking} is spent is not known"] * bool(lacking)
    return f"frozen: {', and '.join(told)}; the decision waits until it is {'back' if spent else 'known'}, or a named role overrides"


def _told(status: FreshnessStatus) -> str:
    """A broken promise in one line."""
    age = "never loaded" if status.age is None else f"loaded {spell_duration(status.age)} ago"
    share = f"{float(status.share):.1%} of the last {spell_duration(status.slo.window)}"
    return f"freshness of {status.source}: {age}; {status.slo.text} was kept {share}"
