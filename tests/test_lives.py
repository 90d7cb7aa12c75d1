"""Records brought back from a ledger: what stands in it that happened, and what is refused."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

import decision_os as dos
from decision_os import lifecycle
from decision_os.record import DecisionRecord, Status
from decision_os.reversal import carry_out
from tests.records import AT
from tests.test_lifecycle import DAY, HOUR, executed, pricing
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
