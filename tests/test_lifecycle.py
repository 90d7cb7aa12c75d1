"""The life of a decision, step by step, and under any sequence of steps."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import decision_os as dos
from decision_os import lifecycle
from decision_os.record import (
    DecisionRecord,
    Event,
    EventKind,
    MonitorPlan,
    MonitorReport,
    Outcome,
    ReversalKind,
    ReversalOutcome,
    ReversalPlan,
    ReversalRun,
    Status,
    Terms,
    WatchState,
)
from decision_os.values import Reading, Reason, Unknown
from tests.records import AT, record

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")

PLAN = ReversalPlan(plan="price_card_rollback@v2025.10", steps=("revert the price card",), within="1h", owner="CRO")
WATCH = MonitorPlan(id="booking_rate", metric="booking_rate", condition="booking_rate ∈ forecast ± 5%", every="1d", lasts="2d", forecast=0.2)
TERMS = Terms(approver_names={"Sales Ops": ("sales_ops", "SalesOps"), "Finance": ("finance",)}, approvals_hold="7d")


def pricing(**changes: Any) -> DecisionRecord:
    """A pricing change that Finance and Sales Ops approve, watched for two days."""
    fields = {"approvers": ("Finance", "Sales Ops"), "reversal_plan": PLAN, "monitoring": (WATCH,), "terms": TERMS, "period": "2026-09", **changes}
    return record(**fields)


@attrs.frozen
class Receipt:
    """A receipt as a ledger gives it."""

    seq: int
    hash: str
    ledger: str
    content: str


def receipt(of: DecisionRecord) -> Receipt:
    """The receipt of a record that was appended as it stands."""
    return Receipt(1, "sha256:e1", "l", lifecycle.content_hash(of))


def attempt(of: DecisionRecord, at: dt.datetime, outcome: ReversalOutcome = ReversalOutcome.DONE) -> ReversalRun:
    """An attempt to reverse that took a minute."""
    left = () if outcome is ReversalOutcome.DONE else ("the rest",)
    return ReversalRun(
        key=f"{of.id}:reverse", plan=PLAN.plan, kind=ReversalKind.MANUAL, outcome=outcome, started=at, ended=at, deadline=lifecycle.deadline(of, at), left=left
    )


def proposed(**changes: Any) -> DecisionRecord:
    return lifecycle.propose(pricing(**changes), person="job", at=AT)[0]


def approved(**changes: Any) -> DecisionRecord:
    half, _ = lifecycle.approve(proposed(**changes), person="ana", role="Finance", at=AT + HOUR)
    return lifecycle.approve(half, person="bo", role="Sales Ops", at=AT + HOUR)[0]


def executed(**changes: Any) -> DecisionRecord:
    ready = approved(**changes)
    return lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=AT + 2 * HOUR)[0]


def test_a_whole_life(tmp_path: Path) -> None:
    """The path everybody takes would not lead to the end, or the ledger would tell another story than the record."""
    ledger = dos.Ledger(tmp_path / "decisions.jsonl")
    life: list[Event] = []

    def keep(step: tuple[DecisionRecord, Event]) -> DecisionRecord:
        life.append(step[1])
        ledger.append(step[1])
        return step[0]

    start = pricing()
    ledger.append(start)
    now = keep(lifecycle.propose(start, person="job", at=AT))
    now = keep(lifecycle.approve(now, person="ana", role="Finance", at=AT + HOUR))
    assert Status.PROPOSED == now.status
    assert ("Sales Ops",) == lifecycle.missing_roles(now, AT + HOUR)
    now = keep(lifecycle.approve(now, person="bo", role="SalesOps", at=AT + HOUR))
    assert Status.APPROVED == now.status
    now = keep(lifecycle.execute(now, person="ops", receipt=ledger.append(now), at=AT + 2 * HOUR))
    seen = {"booking_rate": [Reading(value=0.2, n=300, period=f"2026-10-0{day}") for day in (7, 8)]}
    now = keep(lifecycle.monitor(now, seen, at=AT + 3 * DAY))
    now = keep(lifecycle.keep(now, person="cro", at=AT + 3 * DAY))
    assert (Status.KEPT, tuple(life)) == (now.status, now.life)
    assert now == lifecycle.replay(start, life)
    assert now == DecisionRecord.from_json(now.to_json())
    lives = lifecycle.current(ledger)
    assert ({now.id: now}, ()) == (dict(lives.records), lives.refused)
    assert ((), now) == (lives.open(), lives.of("pricing.change"))
    assert (["Finance", "Sales Ops"], "kept") == (now.log_entry()["approvers"], now.log_entry()["status"])


def test_events_are_read_back_as_they_were() -> None:
    """An event in a ledger would not be the event that happened."""
    watched, event = lifecycle.monitor(executed(), {"booking_rate": [Reading(value=0.1, n=300, period="2026-10-07")]}, at=AT + 2 * DAY)
    for past in (*watched.life, event):
        assert past == Event.from_dict(json.loads(json.dumps(past.to_dict())))
    with pytest.raises(dos.RecordError, match="`event` should be `decision-os/1`"):
        Event.from_dict({"record": "x"})


@pytest.mark.parametrize("outcome", [Outcome.HOLD, Outcome.BLOCKED, Outcome.UNDETERMINED])
def test_only_act_is_proposed(outcome: Outcome) -> None:
    """A decision to do nothing could be approved and executed."""
    with pytest.raises(dos.LifecycleError, match="only a decision to act can be proposed") as told:
        lifecycle.propose(pricing(outcome=outcome, status=Status.RECORDED), person="job", at=AT)
    assert () == told.value.allowed


@pytest.mark.parametrize(
    ("start", "step", "allowed"),
    [
        (pricing, lambda r: lifecycle.approve(r, person="ana", role="Finance", at=AT), ("propose",)),
        (proposed, lambda r: lifecycle.propose(r, person="job", at=AT), ("approve", "reject")),
        (proposed, lambda r: lifecycle.execute(r, person="ops", receipt=receipt(r), at=AT), ("approve", "reject")),
        (approved, lambda r: lifecycle.keep(r, person="cro", at=AT + DAY, reason="why not"), ("execute", "approve", "reject")),
        (approved, lambda r: lifecycle.monitor(r, {}, at=AT + DAY), ("execute", "approve", "reject")),
        (approved, lambda r: lifecycle.reverse(r, attempt(r, AT + DAY), person="cro", reason="x"), ("execute", "approve", "reject")),
        (executed, lambda r: lifecycle.execute(r, person="ops", receipt=receipt(r), at=AT + DAY), ("monitor", "keep", "reverse")),
        (executed, lambda r: lifecycle.reject(r, person="ana", role="Finance", at=AT + DAY, reason="late"), ("monitor", "keep", "reverse")),
    ],
)
def test_an_illegal_step_says_what_is_allowed(start: Callable[[], DecisionRecord], step: Callable[[DecisionRecord], object], allowed: tuple[str, ...]) -> None:
    """A caller would have to guess what to do instead, or a step would be taken out of order."""
    with pytest.raises(dos.LifecycleError) as told:
        step(start())
    assert allowed == told.value.allowed
    assert str(told.value).endswith(f"from here: {', '.join(allowed)}")


@pytest.mark.parametrize("name", ["Sales Ops", "SalesOps", "sales_ops", "sales ops", " SALES-OPS "])
def test_a_role_is_known_by_its_other_names(name: str) -> None:
    """The article's own `SalesOps` would not be the role `Sales Ops`."""
    _, event = lifecycle.approve(proposed(), person="bo", role=name, at=AT)
    assert "Sales Ops" == event.role


def test_a_role_that_does_not_approve_here_is_refused_with_those_that_do() -> None:
    """Anybody could approve anything."""
    with pytest.raises(dos.LifecycleError, match=r"`Legal` is no role that approves .*those who do: Finance, Sales Ops"):
        lifecycle.approve(proposed(), person="lea", role="Legal", at=AT)


def test_the_reference_rule_book_says_who_approves_and_for_how_long() -> None:
    """A record would leave its rule book behind and no longer know its own roles."""
    engine = dos.Engine.load(dos.reference_rules())
    values = {"elasticity": -0.62, "list_price": 40, "cm_per_seat": 28, "payback": {"SMB": 12.0}, "slo_green": True, "open_sev2_incidents": 0}
    now, _ = lifecycle.propose(engine.decide("pricing.change", values, at=AT), person="job", at=AT)
    now, event = lifecycle.approve(now, person="bo", role="SalesOps", at=AT)
    assert ("Sales Ops", AT + 7 * DAY) == (event.role, event.until)
    assert ("Finance",) == lifecycle.missing_roles(now, AT)


def test_the_proposer_is_not_the_only_one_to_approve() -> None:
    """One person could propose, approve and execute alone by wearing every hat."""
    half, _ = lifecycle.approve(proposed(), person="JOB ", role="Finance", at=AT)
    with pytest.raises(dos.LifecycleError, match="cannot be the only one to approve it"):
        lifecycle.approve(half, person="job", role="Sales Ops", at=AT)
    assert Status.APPROVED == lifecycle.approve(half, person="bo", role="Sales Ops", at=AT)[0].status


def test_the_same_approval_again_is_refused_while_it_holds_and_renews_it_after() -> None:
    """A retry would look like a second approval, or an approval that ended could never be given again."""
    with pytest.raises(dos.LifecycleError, match="is approved by `ana` as Finance already"):
        lifecycle.approve(approved(), person="Ana", role="Finance", at=AT + DAY)
    renewed, _ = lifecycle.approve(approved(), person="ana", role="Finance", at=AT + 8 * DAY)
    assert (Status.APPROVED, ("Sales Ops",)) == (renewed.status, lifecycle.missing_roles(renewed, AT + 8 * DAY))


def test_approvals_end_and_the_last_instant_is_outside() -> None:
    """A decision could be executed on what somebody thought of it months ago."""
    ready = approved()
    end = AT + HOUR + 7 * DAY
    assert Status.EXECUTED == lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=end - dt.timedelta(microseconds=1))[0].status
    with pytest.raises(dos.LifecycleError, match=r"lacks the approval of Finance, Sales Ops .*approvals hold 7d, and theirs has ended"):
        lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=end)


@pytest.mark.parametrize(
    "change",
    [
        {"chosen": {"list_price_step": 0.1}},
        {"action": "raise list price +10%"},
        {"inputs_hash": "sha256:other"},
        {"inputs": ()},
        {"rule_book_hash": "sha256:other"},
        {"thresholds": {"cm_uplift_min": "$1"}},
        {"approvers": ("Finance",)},
        {"reversal_plan": attrs.evolve(PLAN, within="7d")},
        {"monitoring": ()},
        {"terms": attrs.evolve(TERMS, approvals_hold="30d")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_changed_needs_its_approvals_again(change: dict[str, Any]) -> None:
    """Something else than what was approved could be executed."""
    changed = attrs.evolve(approved(), **change)
    with pytest.raises(dos.LifecycleError, match="changed since it was proposed"):
        lifecycle.execute(changed, person="ops", receipt=receipt(changed), at=AT + 2 * HOUR)
    with pytest.raises(dos.LifecycleError, match="changed since it was proposed"):
        lifecycle.approve(changed, person="cy", role="Finance", at=AT + 2 * HOUR)
    again, _ = lifecycle.propose(changed, person="job", at=AT + 2 * HOUR)
    assert (Status.PROPOSED, changed.approvers) == (again.status, lifecycle.missing_roles(again, AT + 2 * HOUR))


def test_the_same_decided_later_is_the_same_to_its_approvers() -> None:
    """A nightly job would throw every approval away by deciding the same again."""
    assert lifecycle.binding(approved()) == lifecycle.binding(pricing(timestamp=AT + DAY, review_date=AT + 9 * DAY))


def test_the_same_proposal_is_recognised() -> None:
    """Every run of a job would propose everything anew."""
    known = approved()
    again = pricing(timestamp=AT + DAY)
    assert known == lifecycle.same_proposal(again, [pricing(id="sha256:2e"), known])
    with pytest.raises(dos.LifecycleError, match="is the same proposal as one of 2026-10-06, which is approved"):
        lifecycle.propose(again, person="job", at=AT + DAY, known=[known])


def test_executed_needs_the_receipt_of_the_approved_record() -> None:
    """A decision could be executed that the ledger never saw approved."""
    ready = approved()
    for other in (proposed(), pricing(id="sha256:2e"), attrs.evolve(ready, life=ready.life[:2])):
        with pytest.raises(dos.LifecycleError, match=r"receipt of another entry .*receipt=ledger.append\(record\)"):
            lifecycle.execute(ready, person="ops", receipt=receipt(other), at=AT + 2 * HOUR)


def test_an_approval_that_came_after_the_entry_does_no_harm() -> None:
    """Two processes, one appending the approved record while the other adds an approval, would block each other."""
    ready = approved()
    more, _ = lifecycle.approve(ready, person="cy", role="Finance", at=AT + HOUR)
    assert Status.EXECUTED == lifecycle.execute(more, person="ops", receipt=receipt(ready), at=AT + 2 * HOUR)[0].status


def test_a_rejection_ends_it_and_says_why() -> None:
    """A rejected proposal could still be executed, or nobody would know why it was not."""
    for start in (proposed(), approved()):
        with pytest.raises(dos.LifecycleError, match="without a reason"):
            lifecycle.reject(start, person="ana", role="Finance", at=AT + DAY, reason=" ")
        gone, event = lifecycle.reject(start, person="cro", role="CRO", at=AT + DAY, reason="not in this quarter")
        assert (Status.REJECTED, "not in this quarter", ()) == (gone.status, event.reason, lifecycle.allowed(gone))


def test_steps_by_nobody_and_back_in_time_are_refused() -> None:
    """The record would not say who, or would have been executed before it was approved."""
    with pytest.raises(dos.LifecycleError, match="by nobody"):
        lifecycle.propose(pricing(), person=" ", at=AT)
    ready = approved()
    with pytest.raises(dos.LifecycleError, match="lacks the approval of Finance, Sales Ops"):
        lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=AT)
    with pytest.raises(dos.LifecycleError, match="before what had happened"):
        lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=AT - HOUR)
    with pytest.raises(dos.LifecycleError, match="before what had happened"):
        lifecycle.propose(pricing(), person="job", at=AT - HOUR)
    with pytest.raises(dos.InputError, match="no instant with a zone"):
        lifecycle.propose(pricing(), person="job", at=AT.replace(tzinfo=None))


def test_who_approved_is_asked_of_an_instant() -> None:
    """Before the first approval a time without a zone would be taken, after it a raw TypeError."""
    for now in (proposed(), executed()):
        for ask in (lifecycle.approvals, lifecycle.missing_roles):
            with pytest.raises(dos.InputError, match="has no zone"):
                ask(now, AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("value", "more", "state"),
    [
        (0.2, {}, "within"),
        (None, {}, "within"),
        (Unknown.because(Reason.UNDEFINED, "booking_rate", "0 / 0"), {}, "within"),
        (Unknown.because(Reason.TOO_FEW, "booking_rate"), {}, "within"),
        (Unknown.because(Reason.QUARANTINED, "booking_rate"), {}, "unknown"),
        (Unknown.because(Reason.BLOCKED, "booking_rate"), {}, "unknown"),
        (Unknown.merged([Unknown.because(Reason.MISSING, "a"), Unknown.because(Reason.STALE, "b")]), {}, "unknown"),
        (0.2, {"loaded_at": AT + 4 * DAY}, "unknown"),
        (0.2, {"valid_until": AT + 2 * DAY}, "unknown"),
    ],
    ids=["a value", "no value", "0 by 0", "too few", "quarantined", "blocked", "stale in part", "loaded later", "ended"],
)
def test_a_day_of_none_weighs_nothing_only_where_it_is_known_to_be_one(value: Any, more: dict[str, Any], state: str) -> None:
    """Thirteen days of which nobody knows anything would count as thirteen days on which nothing happened, and settle the decision."""
    first, second = (Reading(value=0.2, n=300, period="2026-10-07"), Reading(value=value, n=0, period="2026-10-08", **more))
    _, event = lifecycle.monitor(executed(), {"booking_rate": [first, second]}, at=AT + 3 * DAY)
    assert event.report is not None
    assert state == event.report.state
    assert (state == "within") is event.report.settled


def test_keeping_needs_a_settled_report_or_a_reason() -> None:
    """A decision would count as fine although nobody knows, or although it is not."""
    now = executed()
    with pytest.raises(dos.LifecycleError, match="it was not monitored yet"):
        lifecycle.keep(now, person="cro", at=AT + DAY)
    early, _ = lifecycle.monitor(now, {"booking_rate": [Reading(value=0.2, n=9, period="2026-10-07")]}, at=AT + 2 * DAY)
    with pytest.raises(dos.LifecycleError, match="booking_rate is within, 1 of 2 periods over"):
        lifecycle.keep(early, person="cro", at=AT + 2 * DAY)
    blind, _ = lifecycle.monitor(now, {}, at=AT + 5 * DAY)
    with pytest.raises(dos.LifecycleError, match="booking_rate is unknown"):
        lifecycle.keep(blind, person="cro", at=AT + 5 * DAY)
    kept, event = lifecycle.keep(blind, person="cro", at=AT + 5 * DAY, reason="the tracker was down; finance counted by hand")
    assert (Status.KEPT, "the tracker was down; finance counted by hand") == (kept.status, event.reason)


def test_a_reversal_that_left_something_may_be_tried_again_and_one_that_did_not_may_not() -> None:
    """A failed rollback would look like one that worked, or a second one would undo something else."""
    now, event = lifecycle.reverse(executed(), attempt(executed(), AT + DAY, ReversalOutcome.PARTIAL), person="cro", reason="demand fell")
    assert (Status.EXECUTED, EventKind.REVERSAL_FAILED) == (now.status, event.kind)
    assert "partial at 2026-10-07 14:00 UTC; left to do: the rest" == now.reversal_outcome
    now, event = lifecycle.reverse(now, attempt(now, AT + DAY + HOUR), person="cro", reason="demand fell")
    assert (Status.REVERSED, EventKind.REVERSED, "done at 2026-10-07 15:00 UTC, in time") == (now.status, event.kind, now.reversal_outcome)
    with pytest.raises(dos.LifecycleError, match="cannot be reversed; from here: nothing"):
        lifecycle.reverse(now, attempt(now, AT + 2 * DAY), person="cro", reason="again")


def test_what_could_not_have_happened_is_told_and_nothing_else_is_lost(tmp_path: Path) -> None:
    """One bad entry would make a whole ledger unreadable, or would count."""
    ledger = dos.Ledger(tmp_path / "decisions.jsonl")
    start = pricing()
    now, first = lifecycle.propose(start, person="job", at=AT)
    orphan = attrs.evolve(first, record="sha256:gone")
    forged = attrs.evolve(first, kind=EventKind.EXECUTED, at=AT + HOUR)
    ledger.extend([orphan, start, {"note": "not of this library"}, first, forged, first, pricing(timestamp=AT + DAY)])
    lives = lifecycle.current(ledger)
    assert {now.id: now} == dict(lives.records)
    assert 2 == len(lives.refused)
    assert lives.refused[0].startswith("entry 1: proposed, and the record it happened to (sha256:gone)")
    assert lives.refused[1].startswith("entry 5: pricing.change for list-price, 2026-09 (proposed) cannot be executed")
    with pytest.raises(dos.NotFoundError, match=r"no proposal of `channel.invest`"):
        lives.of("channel.invest")


def test_two_that_approve_at_once_do_not_lose_each_other(tmp_path: Path) -> None:
    """Each would have read the record before the other approved, and the last to write would win."""
    ledger = dos.Ledger(tmp_path / "decisions.jsonl")
    start = proposed()
    ledger.append(start)
    for person, role, at in (("bo", "Sales Ops", AT + 2 * HOUR), ("ana", "Finance", AT + HOUR)):
        ledger.append(lifecycle.approve(start, person=person, role=role, at=at)[1])
    now = lifecycle.current(ledger).of("pricing.change")
    assert (Status.APPROVED, 3) == (now.status, len(now.life))
    done, event = lifecycle.execute(now, person="ops", receipt=ledger.append(now), at=AT + 3 * HOUR)
    ledger.append(event)
    assert done == lifecycle.current(ledger).of("pricing.change")


PEOPLE = st.sampled_from(["ana", "bo", "cy"])
ROLES = st.sampled_from(["Finance", "SalesOps"])
SELDOM = st.integers(0, 7).map(lambda drawn: drawn == 7)


class Life(RuleBasedStateMachine):
    """Any sequence of calls, with an account of its own of who approved which version and when."""

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.version = 0
        self.given: list[tuple[str, str, dt.datetime, int]] = []
        self.receipts: list[tuple[Receipt, int, int]] = []
        self.happened = 0
        self.proposer = ""

    @initialize(person=PEOPLE)
    def begin(self, person: str) -> None:
        self.start = pricing()
        self.record, _ = lifecycle.propose(self.start, person=person, at=self.now)
        self.proposer, self.happened = person, 1

    def do(self, step: Callable[[], tuple[DecisionRecord, Event]]) -> bool:
        """Take a step if it may be taken; a refused one changes nothing."""
        before = self.record
        try:
            self.record, event = step()
        except dos.LifecycleError:
            assert before == self.record
            return False
        self.happened += 1
        assert event == self.record.life[-1]
        return True

    @rule(hours=st.sampled_from([1, 24, 100, 169]))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(person=PEOPLE, role=ROLES)
    def approve(self, person: str, role: str) -> None:
        if self.do(lambda: lifecycle.approve(self.record, person=person, role=role, at=self.now)):
            self.given.append((person, role, self.now, self.version))

    @rule(people=st.tuples(PEOPLE, PEOPLE))
    def approve_both(self, people: tuple[str, str]) -> None:
        for person, role in zip(people, ("Finance", "SalesOps"), strict=True):
            self.approve(person, role)

    @rule(role=ROLES, wanted=SELDOM)
    def reject(self, role: str, wanted: bool) -> None:
        if wanted:
            self.do(lambda: lifecycle.reject(self.record, person="ana", role=role, at=self.now, reason="no"))

    @precondition(lambda self: self.record.status in (Status.PROPOSED, Status.APPROVED))
    @rule(person=PEOPLE, wanted=SELDOM)
    def change(self, person: str, wanted: bool) -> None:
        """Another step is chosen, and the record proposed again; meanwhile what was approved before cannot be executed."""
        if not wanted:
            return
        self.version += 1
        changed = attrs.evolve(self.record, chosen={"list_price_step": 0.05 + self.version / 1000})
        with pytest.raises(dos.LifecycleError):
            lifecycle.execute(changed, person="ops", receipt=receipt(changed), at=self.now)
        self.start = attrs.evolve(changed, life=(), status=Status.PROPOSED)
        self.record, _ = lifecycle.propose(changed, person=person, at=self.now)
        self.proposer, self.happened = person, 1

    @precondition(lambda self: self.record.status is not Status.EXECUTED)
    @rule(earlier=st.sampled_from([0, 0, 0, 1, 2]))
    def execute(self, earlier: int) -> None:
        """On the receipt of the record as it stands, or on an earlier one."""
        self.receipts.append((receipt(self.record), self.version, len(self.record.life)))
        proof, version, length = self.receipts[max(0, len(self.receipts) - 1 - earlier)]
        if not self.do(lambda: lifecycle.execute(self.record, person="ops", receipt=proof, at=self.now)):
            return
        before = self.record.life[:length]
        appended = {(event.person, event.role, event.at) for event in before if event.kind is EventKind.APPROVED}
        holding = [(person, role) for person, role, at, of in self.given if of == self.version and at <= self.now < at + 7 * DAY]
        assert {"Finance", "SalesOps"} == {role for _, role in holding}
        assert {person for person, _ in holding} != {self.proposer}
        assert version == self.version
        assert {"Finance", "SalesOps"} == {role for person, role, at, of in self.given if (person, {"SalesOps": "Sales Ops"}.get(role, role), at) in appended}

    @precondition(lambda self: self.record.status not in (Status.PROPOSED, Status.APPROVED))
    @rule(value=st.sampled_from([0.1, 0.2, None]), days=st.integers(0, 2))
    def monitor(self, value: float | None, days: int) -> None:
        when = lifecycle.executed_at(self.record)
        first = (when or self.now).date()
        seen = [Reading(value=value, n=100, period=str(first + day * DAY)) for day in range(1, days + 1)]
        self.do(lambda: lifecycle.monitor(self.record, {"booking_rate": seen}, at=self.now))

    @precondition(lambda self: self.record.status not in (Status.PROPOSED, Status.APPROVED))
    @rule(reason=st.sampled_from(["", "because"]))
    def keep(self, reason: str) -> None:
        if self.do(lambda: lifecycle.keep(self.record, person="cro", at=self.now, reason=reason)) and not reason:
            last = [event.report for event in self.record.life if event.report is not None][-1]
            assert (2, 2, "within") == (last.watches[0].known, last.watches[0].due, last.state)

    @precondition(lambda self: self.record.status not in (Status.PROPOSED, Status.APPROVED))
    @rule(outcome=st.sampled_from(list(ReversalOutcome)))
    def reverse(self, outcome: ReversalOutcome) -> None:
        self.do(lambda: lifecycle.reverse(self.record, attempt(self.record, self.now, outcome), person="cro", reason="x"))

    @invariant()
    def no_event_is_lost(self) -> None:
        assert self.happened == len(self.record.life)
        assert self.record == lifecycle.replay(self.start, self.record.life)

    @invariant()
    def it_reads_back(self) -> None:
        assert self.record == DecisionRecord.from_json(self.record.to_json())

    @invariant()
    def each_end_comes_once(self) -> None:
        kinds = [event.kind for event in self.record.life]
        for once in (EventKind.PROPOSED, EventKind.EXECUTED, EventKind.REVERSED, EventKind.KEPT, EventKind.REJECTED):
            assert kinds.count(once) <= 1
        ended = [kind for kind in kinds if kind in (EventKind.REVERSED, EventKind.KEPT, EventKind.REJECTED)]
        assert ended == kinds[-1:] * bool(ended)
        assert (EventKind.EXECUTED in kinds) == (self.record.status in (Status.EXECUTED, Status.KEPT, Status.REVERSED))


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("start", [dt.datetime(2026, 10, 28, 10, tzinfo=NEW_YORK), dt.datetime(2026, 3, 4, 10, tzinfo=NEW_YORK)], ids=["autumn", "spring"])
def test_approvals_hold_for_elapsed_time_where_clocks_change(start: dt.datetime) -> None:
    """In the week before clocks change nobody could approve, or approvals would hold an hour too long."""
    now, _ = lifecycle.propose(pricing(timestamp=start), person="job", at=start)
    _, event = lifecycle.approve(now, person="ana", role="Finance", at=start)
    assert event.until is not None
    assert dt.timedelta(days=7) == event.until - start.astimezone(dt.UTC)


@pytest.mark.parametrize("same", ["José", "jose\u0301", "JOSÉ", " José ", "Jo\u200bsé", "José\u00a0"])
def test_a_person_is_the_same_however_the_name_is_encoded(same: str) -> None:
    """Whoever proposed could approve alone, by the other form of an accent or a sign that nobody sees."""
    now, _ = lifecycle.propose(pricing(), person="José", at=AT)
    now, _ = lifecycle.approve(now, person=same, role="Finance", at=AT)
    with pytest.raises(dos.LifecycleError, match="cannot be the only one to approve it"):
        lifecycle.approve(now, person=same, role="Sales Ops", at=AT)
    with pytest.raises(dos.LifecycleError, match="by nobody"):
        lifecycle.approve(now, person="\u200b", role="Sales Ops", at=AT)


def test_an_approval_by_a_clock_years_ahead_holds_nothing_up() -> None:
    """One wrong clock would take back what is approved, and nobody could reject or execute for years."""
    ready = approved()
    now, _ = lifecycle.approve(ready, person="zed", role="Finance", at=AT + 3650 * DAY)
    assert Status.APPROVED == now.status
    assert Status.REJECTED == lifecycle.reject(now, person="cfo", role="Finance", at=AT + 2 * HOUR, reason="no")[0].status
    assert Status.EXECUTED == lifecycle.execute(now, person="ops", receipt=receipt(ready), at=AT + 2 * HOUR)[0].status


def test_a_life_that_was_not_lived_is_not_executed() -> None:
    """Approvals that were stretched, or given by nobody, would let through what `current` refuses only afterwards."""
    ready = approved()
    stretched = tuple(event if event.until is None else attrs.evolve(event, until=AT + 300 * DAY) for event in ready.life)
    nobody = tuple(event if event.until is None else attrs.evolve(event, person="") for event in ready.life)
    for life, at in ((stretched, AT + 200 * DAY), (nobody, AT + DAY)):
        forged = attrs.evolve(ready, life=life)
        with pytest.raises(dos.LifecycleError, match="has a life that cannot have happened"):
            lifecycle.execute(forged, person="ops", receipt=receipt(forged), at=at)


def test_what_was_changed_since_it_was_executed_is_watched_kept_and_reversed_no_more() -> None:
    """A looser condition, or another way back, could be put under the approvals after the act."""
    now = executed()
    looser = attrs.evolve(now, monitoring=(attrs.evolve(WATCH, condition="booking_rate ≥ 0"),))
    with pytest.raises(dos.LifecycleError, match="cannot be monitored: it was changed since it was executed"):
        lifecycle.monitor(looser, {}, at=AT + DAY)
    with pytest.raises(dos.LifecycleError, match="cannot be kept: it was changed since it was executed"):
        lifecycle.keep(looser, person="cro", at=AT + DAY, reason="fine")
    wider = attrs.evolve(now, reversal_plan=attrs.evolve(PLAN, within="900d"))
    with pytest.raises(dos.LifecycleError, match="cannot be reversed: it was changed since it was executed"):
        lifecycle.reverse(wider, attempt(wider, AT + DAY), person="ops", reason="fell")
    never = attrs.evolve(proposed(), status=Status.EXECUTED)
    with pytest.raises(dos.LifecycleError, match="nothing says that it was executed"):
        lifecycle.keep(never, person="cro", at=AT + DAY, reason="fine")


def test_a_report_and_a_reversal_are_those_of_the_plan() -> None:
    """An event that somebody wrote by hand could say that all is well with what nobody watches, or give a reversal another deadline."""
    now = executed()
    event = Event(record=now.id, kind=EventKind.MONITORED, at=AT + DAY, report=MonitorReport(state=WatchState.WITHIN, watches=()))
    with pytest.raises(dos.LifecycleError, match="something else than its plan watches"):
        lifecycle.apply(now, event)
    assert not MonitorReport(state=WatchState.WITHIN, watches=()).settled
    late = attrs.evolve(attempt(now, AT + DAY), deadline=AT + 900 * DAY)
    with pytest.raises(dos.LifecycleError, match=r"by another plan than price_card_rollback@v2025.10, due 2026-10-07 15:00 UTC"):
        lifecycle.reverse(now, late, person="ops", reason="fell")


def test_a_subject_that_is_watched_is_not_acted_on_again() -> None:
    """Two proposals approved side by side would both be carried out, and nobody could tell what either did."""
    ready = approved(id="sha256:2e", period="2026-10")
    with pytest.raises(dos.LifecycleError, match="is in cooldown: the action of 2026-09"):
        lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=AT + 2 * HOUR, known=[executed()])
    elsewhere = [executed(subject="Enterprise"), approved(), ready]
    assert Status.EXECUTED == lifecycle.execute(ready, person="ops", receipt=receipt(ready), at=AT + 2 * HOUR, known=elsewhere)[0].status


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (lambda: lifecycle.propose(pricing(), person=None, at=AT), "`person`"),  # type: ignore[arg-type]  # these all are
        (lambda: lifecycle.approve(proposed(), person="ana", role=None, at=AT), "`role`"),  # type: ignore[arg-type]
        (lambda: lifecycle.reject(proposed(), person="ana", role="Finance", at=AT, reason=None), "`reason`"),  # type: ignore[arg-type]
        (lambda: lifecycle.execute(approved(), person="ops", receipt=None, at=AT + 2 * HOUR), "is no receipt of a ledger"),  # type: ignore[arg-type]
        (lambda: lifecycle.monitor(executed(), None, at=AT + DAY), "a mapping of names to readings"),  # type: ignore[arg-type]
        (lambda: lifecycle.monitor(executed(), {"booking_rate": 0.2}, at=AT + DAY), "a Reading that says its period"),
        (lambda: lifecycle.monitor(executed(), {"booking_rate": None}, at=AT + DAY), "a Reading that says its period"),
        (lambda: lifecycle.current([pricing()]), "the entries of a ledger are asked for"),  # type: ignore[list-item]
    ],
    ids=["person", "role", "reason", "receipt", "observations", "a number", "nothing", "records"],
)
def test_wrong_arguments_are_told_by_their_name(step: Callable[[], object], told: str) -> None:
    """A slip would end in an error of Python's own, from somewhere inside."""
    with pytest.raises(dos.InputError, match=told):
        step()
