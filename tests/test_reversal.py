"""Undoing a decision: what an attempt comes to, and the flag file that a flagd provider reads."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

import decision_os as dos
from decision_os import lifecycle
from decision_os.record import DecisionRecord, Event, ReversalKind, ReversalOutcome, ReversalPlan, Status
from decision_os.reversal import FlagFile, Order, Undone, carry_out, order_for
from decision_os.values import Reading
from tests.records import AT
from tests.test_lifecycle import DAY, HOUR, TERMS, executed, proposed

CARD = ReversalPlan(
    plan="price_card_rollback@v2025.10",
    steps=("revert the price card",),
    within="1h",
    owner="CRO",
    kind=ReversalKind.PRICE_CARD,
    flag="price_card",
    to="v2025.10",
)
FLAGS: dict[str, Any] = {
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {
        "banner": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"},
        "price_card": {
            "state": "ENABLED",
            "variants": {"v2025.10": "card-41", "v2026.10": "card-42"},
            "defaultVariant": "v2026.10",
            "targeting": {"if": [{"in": ["@example.com", {"var": "email"}]}, "v2026.10"]},
            "metadata": {"team": "pricing"},
        },
    },
    "$evaluators": {"inside": {"in": ["@example.com", {"var": "email"}]}},
}


def running(**plan: Any) -> DecisionRecord:
    """An executed pricing change with that way back."""
    return executed(reversal_plan=attrs.evolve(CARD, **plan))


def order(**changes: Any) -> Order:
    return attrs.evolve(order_for(running(), AT + DAY), **changes)


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_text(json.dumps(FLAGS), encoding="utf-8")
    return path


@attrs.define
class Adapter:
    """An adapter that does as it is told, and counts."""

    answers: list[Undone | Exception]
    keys: list[str] = attrs.field(factory=list)

    def undo(self, order: Order) -> Undone:
        self.keys.append(order.key)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ticking(*minutes: int) -> Iterator[dt.datetime]:
    return (AT + DAY + minute * dt.timedelta(minutes=1) for minute in minutes)


def carried(record: DecisionRecord, adapter: Any, start: int, end: int) -> tuple[DecisionRecord, Event]:
    """An attempt between two minutes of the day after."""
    times = ticking(start, end)
    return carry_out(record, adapter, person="ops", reason="demand fell", clock=lambda: next(times))


DONE = Undone(done=("all of it",))


def test_a_reversal_within_its_deadline() -> None:
    """Nobody could tell whether the hour was kept."""
    now, event = carried(running(), Adapter([DONE]), 0, 60)
    run = event.reversal
    assert run is not None
    assert (Status.REVERSED, ReversalOutcome.DONE, True, ("all of it",)) == (now.status, run.outcome, run.in_time, run.done)
    assert "done at 2026-10-07 15:00 UTC, in time" == now.reversal_outcome == now.log_entry()["reversal_outcome"]


def test_the_deadline_counts_from_the_first_breach_and_late_is_said() -> None:
    """A rollback that waited for a second look would count as in time."""
    low = {"booking_rate": [Reading(value=0.1, n=500, period="2026-10-07")]}
    now, event = lifecycle.monitor(running(), low, at=AT + 35 * HOUR)
    assert event.report is not None
    assert event.report.breach is not None
    assert AT + 36 * HOUR == event.report.breach.deadline
    again, second = lifecycle.monitor(now, low, at=AT + 36 * HOUR)
    assert second.report is not None
    assert second.report.breach is not None
    assert AT + 36 * HOUR == second.report.breach.deadline
    done, event = carried(again, Adapter([DONE]), 780, 781)
    assert event.reversal is not None
    assert not event.reversal.in_time
    assert "done at 2026-10-08 03:01 UTC, late: it was due by 2026-10-08 02:00 UTC" == done.reversal_outcome


@pytest.mark.parametrize(
    ("within", "zone", "due"),
    [
        ("5m", "UTC", dt.datetime(2026, 10, 7, 14, 5, tzinfo=dt.UTC)),
        ("next cycle", "UTC", dt.datetime(2026, 11, 1, tzinfo=dt.UTC)),
        ("next cycle", "America/New_York", dt.datetime(2026, 11, 1, 4, tzinfo=dt.UTC)),
    ],
)
def test_deadlines(within: str, zone: str, due: dt.datetime) -> None:
    """`next cycle` would be no time at all, or the wrong midnight."""
    record = executed(reversal_plan=attrs.evolve(CARD, within=within), terms=attrs.evolve(TERMS, zone=zone))
    assert due == order_for(record, AT + DAY).deadline


def test_a_deadline_that_cannot_be_read_is_told() -> None:
    """A rollback would have no deadline without anybody noticing."""
    with pytest.raises(dos.LifecycleError, match="within `soon`, which is neither a duration nor `next cycle`"):
        order_for(running(within="soon"), AT + DAY)


def test_what_fails_stays_executed_and_a_retry_has_the_same_key() -> None:
    """A rollback that failed would be forgotten, or a retry would be a second rollback."""
    adapter = Adapter([OSError("disk full"), Undone(done=("flag",), left=("replay",)), DONE])
    now, event = carried(running(), adapter, 0, 1)
    assert event.reversal is not None
    assert (Status.EXECUTED, ReversalOutcome.FAILED, "OSError: disk full") == (now.status, event.reversal.outcome, event.reversal.detail)
    assert (("revert the price card",), "failed at 2026-10-07 14:01 UTC; left to do: revert the price card") == (event.reversal.left, now.reversal_outcome)
    now, event = carried(now, adapter, 2, 3)
    assert event.reversal is not None
    assert (Status.EXECUTED, ReversalOutcome.PARTIAL) == (now.status, event.reversal.outcome)
    now, _ = carried(now, adapter, 4, 5)
    assert Status.REVERSED == now.status
    assert 1 == len(set(adapter.keys))
    with pytest.raises(dos.LifecycleError, match="cannot be reversed; from here: nothing"):
        carried(now, adapter, 6, 7)
    assert 3 == len(adapter.keys)


def test_nothing_is_touched_where_a_reversal_may_not_be() -> None:
    """A flag would be flipped for a decision that was never carried out."""
    adapter = Adapter([])
    for record, person, reason in ((proposed(), "ops", "x"), (running(), " ", "x"), (running(), "ops", "")):
        with pytest.raises(dos.LifecycleError):
            carry_out(record, adapter, person=person, reason=reason, clock=lambda: AT + DAY)
    assert [] == adapter.keys


def test_freshness_has_no_say() -> None:
    """A spent freshness budget would keep a bad decision alive."""
    engine = dos.Engine.load(dos.reference_rules())
    assert engine.decide("pricing.change", {"slo_green": False}, at=AT).outcome is dos.Outcome.BLOCKED
    now = executed(inputs=tuple(attrs.evolve(taken, value=False) for taken in running().inputs))
    assert Status.REVERSED == carried(now, Adapter([DONE]), 0, 1)[0].status


def test_what_is_logged_holds_no_values_and_no_words_of_an_error() -> None:
    """A log would carry what a metric was, or the password in a connection's error."""
    with capture_logs() as logs:
        carried(running(), Adapter([DONE]), 0, 1)
        carried(running(), Adapter([OSError("no route to postgres://ana:hunter2@db")]), 0, 90)
    assert ["reversal.started", "reversal.done", "reversal.started", "reversal.failed"] == [entry["event"] for entry in logs]
    assert ["info", "info", "info", "warning"] == [entry["log_level"] for entry in logs]
    told = json.dumps(logs)
    for taken in running().inputs:
        assert str(taken.value) not in told
    assert "hunter2" not in told


def test_the_flag_file_is_changed_where_it_should_be_and_nowhere_else(flags: Path) -> None:
    """Another team's flag, or a shared targeting rule, would be lost in a rollback."""
    now, event = carried(running(), FlagFile(flags), 0, 1)
    assert Status.REVERSED == now.status
    written = json.loads(flags.read_text(encoding="utf-8"))
    card = written["flags"].pop("price_card")
    assert {key: value for key, value in FLAGS.items() if key != "flags"} == {key: value for key, value in written.items() if key != "flags"}
    assert {"banner": FLAGS["flags"]["banner"]} == written["flags"]
    assert ("ENABLED", "v2025.10", FLAGS["flags"]["price_card"]["variants"]) == (card["state"], card["defaultVariant"], card["variants"])
    assert "targeting" not in card
    assert {"team": "pricing", "decisionOsReversal": f"{now.id}:reverse:sha256:e1"} == card["metadata"]
    assert event.reversal is not None
    before = json.loads(event.reversal.detail.removeprefix("before: "))
    assert {key: FLAGS["flags"]["price_card"][key] for key in ("state", "defaultVariant", "targeting")} == before
    assert ["flags.json"] == [path.name for path in flags.parent.iterdir()]


def test_the_same_order_again_does_nothing_and_says_where_the_flag_was_switched_on_again(flags: Path) -> None:
    """A retry that was delayed would undo a newer decision, or call done what is not."""
    FlagFile(flags).undo(order())
    first = flags.read_text(encoding="utf-8")
    assert ("flag `price_card` was set to `v2025.10` by this order before",) == FlagFile(flags).undo(order()).done
    assert first == flags.read_text(encoding="utf-8")
    on_again = first.replace('"defaultVariant": "v2025.10"', '"defaultVariant": "v2026.10"')
    flags.write_text(on_again, encoding="utf-8")
    undone = FlagFile(flags).undo(order())
    assert ((), 1, True) == (undone.done, len(undone.left), '"defaultVariant": "v2026.10"' in undone.left[0])
    assert on_again == flags.read_text(encoding="utf-8")
    FlagFile(flags).undo(order(key="another decision"))
    FlagFile(flags).undo(order(key="a third", to="v2026.10"))
    after = flags.read_text(encoding="utf-8")
    late = FlagFile(flags).undo(order())
    assert ((), 1, after) == (late.done, len(late.left), flags.read_text(encoding="utf-8"))
    assert ("flag `price_card` was set to `v2026.10` by this order before",) == FlagFile(flags).undo(order(key="a third", to="v2026.10")).done
    FlagFile(flags).undo(order(key="a fourth"))
    assert "v2025.10" == json.loads(flags.read_text(encoding="utf-8"))["flags"]["price_card"]["defaultVariant"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ('{"flags": {}, "flags": {}}', "the key `flags` is there twice"),
        ("[]", "no object `flags`"),
        ('{"flags": []}', "no object `flags`"),
        ('{"flags": {"price_card": {"variants": {"a": 1}}}}', "no `state` of ENABLED or DISABLED"),
        ('{"flags": {"price_card": {"state": "on", "variants": {"a": 1}}}}', "no `state` of ENABLED or DISABLED"),
        ('{"flags": {"price_card": {"state": "ENABLED"}}}', "no `variants`"),
        ('{"flags": {"price_card": {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "b"}}}', "none of its variants"),
        ('{"flags": {"price_card": {"state": "ENABLED", "variants": {"v2025.10": 1}, "metadata": 3}}}', "is no object"),
        ('{"flags": {"price_cart": {"state": "ENABLED", "variants": {"v2025.10": 1}}}}', "did you mean `price_cart`"),
        ('{"flags": {"price_card": {"state": "ENABLED", "variants": {"v2025.1": 1}}}}', "did you mean `v2025.1`"),
    ],
)
def test_a_malformed_file_is_refused_and_left_alone(flags: Path, text: str, told: str) -> None:
    """A rollback would write on top of something it does not understand."""
    flags.write_text(text, encoding="utf-8")
    with pytest.raises(dos.DecisionOSError, match=told):
        FlagFile(flags).undo(order())
    assert text == flags.read_text(encoding="utf-8")
    assert ReversalOutcome.FAILED == getattr(carried(running(), FlagFile(flags), 0, 1)[1].reversal, "outcome", None)


def test_no_file_and_no_flag_are_told(tmp_path: Path) -> None:
    """A rollback would look done although there was nothing to set."""
    with pytest.raises(dos.NotFoundError, match="no flag file at"):
        FlagFile(tmp_path / "none.json").undo(order())
    with pytest.raises(dos.InputError, match="names no flag and variant to set"):
        FlagFile(tmp_path / "none.json").undo(order(flag=""))


def test_a_write_that_fails_leaves_the_old_file(flags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of a rollback would leave half a file for every service to read."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        FlagFile(flags).undo(order())
    assert FLAGS == json.loads(flags.read_text(encoding="utf-8"))
    assert ["flags.json"] == [path.name for path in flags.parent.iterdir()]


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither modes nor links without rights")
def test_mode_and_links_are_kept(flags: Path) -> None:
    """The service could no longer read its flags after a rollback, or a deployment's link would be cut."""
    flags.chmod(0o640)
    link = flags.with_name("current.json")
    link.symlink_to(flags.name)
    FlagFile(link).undo(order())
    assert (True, 0o640) == (link.is_symlink(), flags.stat().st_mode & 0o777)
    assert "v2025.10" == json.loads(flags.read_text(encoding="utf-8"))["flags"]["price_card"]["defaultVariant"]


def test_a_routing_flag_is_done_when_the_queue_was_sent_again(flags: Path) -> None:
    """Leads that were held back would stay where they are, and the reversal would look whole."""
    routing = running(kind=ReversalKind.ROUTING_FLAG, replay="routing.dlq")
    now, event = carried(routing, FlagFile(flags), 0, 1)
    assert event.reversal is not None
    assert (Status.EXECUTED, ("replay `routing.dlq`",)) == (now.status, event.reversal.left)

    def broken(_: Order) -> None:
        raise TimeoutError("queue is down")

    now, event = carried(now, FlagFile(flags, replay=broken), 2, 3)
    assert event.reversal is not None
    assert "replay: TimeoutError: queue is down" == event.reversal.detail
    sent: list[str] = []
    now, event = carried(now, FlagFile(flags, replay=lambda order: sent.append(order.replay)), 4, 5)
    assert (Status.REVERSED, ["routing.dlq"]) == (now.status, sent)


def test_the_deadline_of_the_first_attempt_stays() -> None:
    """A reversal that fails for hours would be in time whenever it comes about."""
    adapter = Adapter([OSError("down"), Undone(done=("flag",), left=("replay",)), DONE])
    now, _ = carried(running(), adapter, 0, 1)
    now, _ = carried(now, adapter, 60, 61)
    now, event = carried(now, adapter, 120, 121)
    assert event.reversal is not None
    assert (AT + DAY + HOUR, False) == (event.reversal.deadline, event.reversal.in_time)
    assert "done at 2026-10-07 16:01 UTC, late: it was due by 2026-10-07 15:00 UTC" == now.reversal_outcome


def test_a_breach_after_all_was_well_has_its_own_deadline() -> None:
    """A second breach would be overdue before anybody saw it; a gap in the readings would start the clock anew."""
    now, due = running(), []
    for days, value in ((2, 0.1), (3, 0.1), (4, None), (5, 0.1), (6, 0.2), (7, 0.1)):
        seen = {"booking_rate": [Reading(value=value, n=500, period=f"2026-10-0{day}") for day in (7, 8)]}
        now, event = lifecycle.monitor(now, seen, at=AT + days * DAY)
        assert event.report is not None
        due.append(event.report.breach and (event.report.breach.deadline - AT) / DAY)
    hour = 1 / 24
    assert [2 + hour, 2 + hour, None, 2 + hour, None, 7 + hour] == due


@pytest.mark.parametrize("lag", [dt.timedelta(seconds=1), DAY])
def test_a_clock_that_lags_refuses_no_reversal(flags: Path, lag: dt.timedelta) -> None:
    """The flag would be set back, and no record of it kept."""
    before = running()
    now, event = carry_out(before, FlagFile(flags), person="ops", reason="fell", clock=lambda: before.life[-1].at - lag)
    assert event.reversal is not None
    assert (Status.REVERSED, before.life[-1].at, True) == (now.status, event.at, event.reversal.in_time)
    assert "the clock said" in event.reversal.detail


def test_a_clock_without_a_zone_is_told_before_anything_is_touched(flags: Path) -> None:
    """The flag would be set back, and no record of it kept."""
    with pytest.raises(dos.InputError, match="`clock` gives an instant without a zone"):
        carry_out(running(), FlagFile(flags), person="ops", reason="fell", clock=lambda: dt.datetime(2026, 10, 7, 14))
    assert FLAGS == json.loads(flags.read_text(encoding="utf-8"))


def test_an_adapter_that_says_nothing_has_failed() -> None:
    """What it may have done would be on no record."""
    now, event = carried(running(), Adapter([None]), 0, 1)  # type: ignore[list-item]  # that is the point
    assert event.reversal is not None
    assert (Status.EXECUTED, ReversalOutcome.FAILED) == (now.status, event.reversal.outcome)
    assert "`undo` gave back a NoneType" in event.reversal.detail


def test_another_execution_of_the_same_decision_is_undone_anew(flags: Path) -> None:
    """The second time it was carried out, its reversal would be done on paper only."""
    carried(running(), FlagFile(flags), 0, 1)
    flags.write_text(flags.read_text(encoding="utf-8").replace('"defaultVariant": "v2025.10"', '"defaultVariant": "v2026.10"'), encoding="utf-8")
    again = running()
    life = tuple(event if event.receipt is None else attrs.evolve(event, receipt=attrs.evolve(event.receipt, hash="sha256:e9")) for event in again.life)
    now, _ = carried(attrs.evolve(again, life=life), FlagFile(flags), 0, 1)
    assert Status.REVERSED == now.status
    assert "v2025.10" == json.loads(flags.read_text(encoding="utf-8"))["flags"]["price_card"]["defaultVariant"]
