"""Records brought back from a ledger: what stands in it that happened, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

import decision_os as dos
from decision_os import lifecycle
from decision_os.record import DecisionRecord, Status
from decision_os.reversal import carry_out
from tests.records import AT
from tests.test_lifecycle import DAY, HOUR, PLAN, TERMS, executed, pricing
from tests.test_reversal import DONE, Adapter


@pytest.fixture
def ledger(tmp_path: Path) -> dos.Ledger:
    return dos.Ledger(tmp_path / "decisions.jsonl", durability="none")


def lived(ledger: dos.Ledger, start: DecisionRecord) -> DecisionRecord:
    """A decision carried out, with every step appended."""
    at = start.timestamp
    ledger.append(start)
    now, event = lifecycle.propose(start, person="job", at=at)
    ledger.append(event)
    for person, role in (("ana", "Finance"), ("bo", "Sales Ops")):
        now, event = lifecycle.approve(now, person=person, role=role, at=at + HOUR)
        ledger.append(event)
    now, event = lifecycle.execute(now, person="ops", receipt=ledger.append(now), at=at + 2 * HOUR)
    ledger.append(event)
    return now


def test_events_of_your_own_and_unreadable_ones_stop_no_other_life(ledger: dos.Ledger) -> None:
    """One entry would make every decision of an append-only file unreadable for ever."""
    now = lived(ledger, pricing())
    ledger.append({"event": "agreed", "by": "ann", "record": now.id})
    ledger.append({"event": "decision-os/1", "record": now.id, "kind": "praised"})
    ledger.append({"event": "decision-os/9", "record": now.id, "kind": "kept"})
    lives = lifecycle.current(ledger)
    assert {now.id: now} == dict(lives.records)
    assert ["entry 8", "entry 9"] == [told.partition(":")[0] for told in lives.refused]


def test_a_life_that_has_ended_stays_ended(ledger: dos.Ledger) -> None:
    """The same inputs the next night would wipe the reversal of today off the record."""
    now = lived(ledger, pricing())
    now, event = carry_out(now, Adapter([DONE]), person="ops", reason="fell", clock=lambda: AT + 3 * HOUR)
    ledger.append(event)
    lived(ledger, pricing(timestamp=AT + DAY))
    lives = lifecycle.current(ledger)
    assert {now.id: now} == dict(lives.records)
    assert Status.REVERSED == lives.of("pricing.change").status
    assert lives.refused
    with pytest.raises(dos.LifecycleError, match=r"which is reversed.*its life is over"):
        lifecycle.propose(pricing(timestamp=AT + DAY), person="job", at=AT + DAY, known=lives.records.values())


def test_the_first_proposal_stands_until_it_has_ended(ledger: dos.Ledger) -> None:
    """Two jobs that propose the same would leave whichever wrote last, and drop the approvals of the first."""
    first, event = lifecycle.propose(pricing(), person="job", at=AT)
    for item in (pricing(), event, lifecycle.propose(pricing(), person="another job", at=AT + HOUR)[0]):
        ledger.append(item)
    lives = lifecycle.current(ledger)
    assert {first.id: first} == dict(lives.records)
    assert 1 == len(lives.refused)


@pytest.mark.parametrize("forged", ["no such entry", "another content", "another ledger"])
def test_an_execution_is_asked_for_its_entry(ledger: dos.Ledger, tmp_path: Path, forged: str) -> None:
    """`executed` would need no more than a receipt that somebody typed."""
    ready = attrs.evolve(executed(), status=Status.APPROVED, life=executed().life[:-1])
    ledger.append(pricing())
    for event in ready.life:
        ledger.append(event)
    content = lifecycle.content_hash(ready)
    receipt = {
        "no such entry": lambda: dos.Receipt(99, "sha256:forged", "nosuch", content),
        "another content": lambda: attrs.evolve(ledger.append(pricing()), content=content),
        "another ledger": lambda: dos.Ledger(tmp_path / "another.jsonl").append(ready),
    }[forged]()
    now, event = lifecycle.execute(ready, person="ops", receipt=receipt, at=AT + 3 * HOUR)
    entry = ledger.append(event)
    lives = lifecycle.current(ledger)
    assert Status.APPROVED == lives.records[now.id].status
    told = f"entry {entry.seq}: executed on the receipt of entry {receipt.seq} of ledger {receipt.ledger}, which does not stand before it"
    assert (told,) == lives.refused


def test_a_life_goes_on_in_the_next_ledger(ledger: dos.Ledger, tmp_path: Path) -> None:
    """A ledger could never be closed while a decision of it is watched."""
    now = lived(ledger, pricing())
    after = dos.Ledger(tmp_path / "next.jsonl")
    now, event = carry_out(now, Adapter([DONE]), person="ops", reason="fell", clock=lambda: AT + 3 * HOUR)
    after.append(event)
    lives = lifecycle.current([*ledger, *after])
    assert ({now.id: now}, ()) == (dict(lives.records), lives.refused)


def test_a_rejection_stands_before_what_comes_after_it(ledger: dos.Ledger) -> None:
    """A process that did not hear of it could carry out what was rejected, and the ledger would forget that it was."""
    start = pricing()
    ledger.append(start)
    now, event = lifecycle.propose(start, person="job", at=AT)
    ledger.append(event)
    half, event = lifecycle.approve(now, person="ana", role="Finance", at=AT + HOUR)
    ledger.append(event)
    ledger.append(lifecycle.reject(half, person="cfo", role="Finance", at=AT + 2 * HOUR, reason="no")[1])
    ready, event = lifecycle.approve(half, person="bo", role="Sales Ops", at=AT + 3 * HOUR)
    ledger.append(event)
    _, event = lifecycle.execute(ready, person="ops", receipt=ledger.append(ready), at=AT + 4 * HOUR)
    ledger.append(event)
    lives = lifecycle.current(ledger)
    assert Status.REJECTED == lives.records[start.id].status
    assert ["entry 5", "entry 6", "entry 7"] == [told.partition(":")[0] for told in lives.refused]


@pytest.mark.parametrize("first", [True, False], ids=["beside a proposal", "beside a decision"])
@pytest.mark.parametrize(
    "change", [{"approvers": ("Intern",)}, {"reversal_plan": attrs.evolve(PLAN, to="v1999")}, {"terms": attrs.evolve(TERMS, approvals_hold="900d")}]
)
def test_another_record_under_the_same_identity_is_refused(ledger: dos.Ledger, change: dict[str, Any], *, first: bool) -> None:
    """A decision could be carried out with the approval of somebody whom no rule book names."""
    start = pricing()
    ledger.append(start)
    now, event = lifecycle.propose(start, person="job", at=AT)
    if first:
        ledger.append(event)
    forged, _ = lifecycle.propose(pricing(**change), person="kid", at=AT)
    for role in forged.approvers:
        forged, event = lifecycle.approve(forged, person=f"kid as {role}", role=role, at=AT + HOUR)
    _, event = lifecycle.execute(forged, person="kid", receipt=ledger.append(forged), at=AT + 2 * HOUR)
    ledger.append(event)
    lives = lifecycle.current(ledger)
    assert (now if first else start) == lives.records[start.id]
    assert "another record under the identity of one that stands before it" in lives.refused[0]


def test_the_same_decided_again_on_another_sample_is_proposed_as_what_it_is(ledger: dos.Ledger) -> None:
    """An n that has grown over night would leave a proposal that nobody can approve, or approvals of the wrong sample."""
    start = pricing()
    again = pricing(inputs=tuple(attrs.evolve(taken, n=999) for taken in start.inputs), timestamp=AT + DAY)
    for item in (start, again):
        ledger.append(item)
    now, event = lifecycle.propose(again, person="job", at=AT + DAY)
    ledger.append(event)
    ledger.append(start)
    lives = lifecycle.current(ledger)
    assert ({now.id: now}, ()) == (dict(lives.records), lives.refused)


def test_approvals_that_two_processes_hold_in_another_order_are_executed_on(ledger: dos.Ledger) -> None:
    """The receipt of a process that heard of the approvals in another order than the ledger would be refused."""
    start = pricing()
    ledger.append(start)
    now, proposal = lifecycle.propose(start, person="job", at=AT)
    _, ana = lifecycle.approve(now, person="ana", role="Finance", at=AT + HOUR)
    _, bo = lifecycle.approve(now, person="bo", role="Sales Ops", at=AT + HOUR)
    for item in (proposal, ana, bo):
        ledger.append(item)
    other = lifecycle.replay(start, (proposal, bo, ana))
    done, event = lifecycle.execute(other, person="ops", receipt=ledger.append(other), at=AT + 2 * HOUR)
    ledger.append(event)
    lives = lifecycle.current(ledger)
    assert ({done.id: done}, ()) == (dict(lives.records), lives.refused)


def test_a_receipt_is_as_good_as_a_checkpoint_for_its_entry(ledger: dos.Ledger) -> None:
    """Whoever was given a receipt could not show that the entry is gone, or is another."""
    first, second = ledger.append(pricing()), ledger.append({"note": "b"})
    assert ledger.verify(first).ok
    assert ledger.verify(second).ok
    assert not ledger.verify(attrs.evolve(first, hash=second.hash)).ok
    assert not ledger.verify(attrs.evolve(second, seq=3)).ok
