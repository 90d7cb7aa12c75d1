"""The demo: the main job on the sample exports, end to end, as a newcomer sees it."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections import Counter
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from decision_os import lifecycle
from decision_os.cli.app import app
from decision_os.demo import demo
from decision_os.engine.result import RunResult
from decision_os.errors import LedgerError
from decision_os.ledger import Ledger
from decision_os.record import DecisionRecord

DECISIONS = {"pricing.change", "channel.invest", "icp.update", "routing.policy"}


@attrs.frozen
class Told:
    """What one demo came to, what it said, and where it wrote."""

    result: RunResult
    text: str
    folder: Path


def tell(folder: Path, backend: str = "polars") -> Told:
    """Run the demo, and keep what it says with the folder's own path taken out."""
    said: list[str] = []
    result = demo(folder, backend=backend, say=said.append)
    return Told(result, "\n".join(said).replace(str(folder), "OUT"), folder)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """One demo for all tests that only look at it."""
    return tell(tmp_path_factory.mktemp("first"))


def test_every_outcome_occurs_and_every_decision_is_taken(told: Told) -> None:
    """A newcomer would not see what a blocked or an undetermined decision looks like."""
    outcomes = Counter(record.outcome.value for record in told.result.records)
    assert {"act", "hold", "blocked", "undetermined"} == set(outcomes)
    assert {record.node for record in told.result.records} == DECISIONS
    counted = ", ".join(f"{outcomes[name]} {name}" for name in ("act", "hold", "blocked", "undetermined"))
    assert counted in told.text


def test_every_decision_is_in_the_table_with_its_reason(told: Told) -> None:
    """A subject would be decided on without appearing in the account."""
    for record in told.result.records:
        row = next(line for line in told.text.splitlines() if re.match(rf"    {re.escape(record.subject)} +{record.outcome.value.upper()} ", line))
        assert len(re.split(r"  +", row.strip())) == 4
        assert (record.action or "–") in row


def test_the_account_says_where_quarantined_rows_went_and_why(told: Told) -> None:
    """Quarantined rows would look deleted, or the counts would not add up."""
    assert told.result.quarantine
    for entity, checked in told.result.checked.items():
        assert checked.rows_in == checked.rows_passed + checked.rows_quarantined
        counts = f"{checked.rows_in:,} rows in = {checked.rows_passed:,} passed + {checked.rows_quarantined:,} quarantined"
        assert f"  {entity}: {counts}\n" in told.text
        path = told.folder / "quarantine" / f"{entity}.csv"
        assert path.exists() == bool(checked.rows_quarantined)
        if checked.rows_quarantined:
            assert f"quarantined rows: OUT/quarantine/{entity}.csv" in told.text.replace("\\", "/")
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            assert checked.rows_quarantined == len(rows)
            assert all(row["failed_tests"] for row in rows)


def test_the_warts_of_the_samples_are_caught_by_their_tests(told: Told) -> None:
    """A missing owner, a stage outside the enum or a key used twice would pass."""
    counts = told.result.checked["opportunities"].counts
    assert (counts["missing_owner"], counts["stage_enum"], counts["duplicate_id"], counts["amount_range"]) == (78, 3, 2, 1)


def test_what_is_blocked_or_undetermined_says_what_would_settle_it(told: Told) -> None:
    """A reader would not know what to do about a decision that was not taken."""
    needed = told.text.split("\nStill needed", 1)[1].split("\nOne decision", 1)[0]
    waiting = [record for record in told.result.records if record.outcome.value in {"blocked", "undetermined"}]
    for record in waiting:
        head = f"  {record.node} · {record.subject}: {record.outcome.value}\n"
        assert needed.split(head, 1)[1].startswith("    - ")


def test_a_pricing_decision_is_explained_in_full(told: Told) -> None:
    """The demo would not show why a decision was taken."""
    explained = [line.strip() for line in told.result.record("pricing.change").explain().splitlines()]
    shown = [line.strip() for line in told.text.splitlines()]
    at = shown.index(explained[0])
    assert explained == shown[at : at + len(explained)]


def test_intended_effects_and_budgets_are_told(told: Told) -> None:
    """The caller would not learn what to do, or that a shift is not funded."""
    assert told.result.effects
    for effect in told.result.effects:
        assert f"{effect.kind} {effect.target}" in told.text
    assert told.result.shifts
    for shift in told.result.shifts:
        assert f"{shift.lever} ({shift.node}): " in told.text


def test_the_ledger_holds_the_records_and_verifies(told: Told) -> None:
    """The demo would claim a ledger that does not verify, or lose records."""
    ledger = Ledger(told.folder / "ledger.jsonl")
    assert ledger.verify().ok
    assert [record.id for record in told.result.records] == list(dict.fromkeys(record.id for record in ledger.records()))
    assert f"{len(told.result.records)} records appended; verified: {len(told.result.records)} entries" in told.text


def test_a_whole_life_is_told_and_is_real(told: Told) -> None:
    """The demo would claim a reversal that the ledger, the flag file or the memo know nothing of."""
    lives = lifecycle.current(Ledger(told.folder / "ledger.jsonl"))
    record = lives.of("pricing.change")
    kinds = ["proposed", "approved", "approved", "executed", "monitored", "reversed"]
    assert (kinds, ()) == ([event.kind.value for event in record.life], lives.refused)
    assert {"Finance", "Sales Ops"} == {event.role for event in record.life if event.role}
    run = record.life[-1].reversal
    assert run is not None
    assert run.in_time
    assert run.deadline - record.life[-2].at == dt.timedelta(hours=1)
    flags = json.loads((told.folder / "flags.json").read_text(encoding="utf-8"))["flags"]
    assert record.reversal_plan.to == flags[record.reversal_plan.flag]["defaultVariant"]
    memo = (told.folder / "pricing-memo.md").read_text(encoding="utf-8")
    for told_in in (told.text, memo):
        for words in ("approved as Finance by", "approved as Sales Ops by", "booking_rate breached", "price card, price_card_rollback@v2025.10: done"):
            assert words in told_in.replace("\\", "")


def test_the_records_written_read_back(told: Told) -> None:
    """What the demo leaves behind could not be explained later."""
    lines = (told.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert [DecisionRecord.from_json(line) for line in lines] == list(told.result.records)


def test_the_account_ends_with_the_files_written(told: Told) -> None:
    """A newcomer would not find the memo."""
    listed = told.text.split("\nWritten\n", 1)[1].replace("\\", "/").splitlines()
    assert {"OUT/exports", "OUT/records.jsonl", "OUT/memo.md", "OUT/effects.jsonl", "OUT/ledger.jsonl"} <= {line.strip() for line in listed}
    for line in listed:
        assert Path(line.strip().replace("OUT", str(told.folder))).exists()


def test_pandas_decides_as_polars_does(told: Told, tmp_path: Path) -> None:
    """The engine would change a decision, a record's identity, or a word of the account."""
    again = tell(tmp_path, "pandas")
    assert [(record.id, record.outcome) for record in told.result.records] == [(record.id, record.outcome) for record in again.result.records]
    assert told.text == again.text


def test_done_again_it_tells_the_same_and_the_ledger_gains_nothing(told: Told) -> None:
    """The demo would depend on the clock or on the order of a set, or each demo would propose every decision anew."""
    count = len(told.result.records)
    appended = f"{count} records appended; verified: {count} entries"
    entries = Ledger(told.folder / "ledger.jsonl").verify().entries
    known = f"0 records appended, {count} were in it already; verified: {entries} entries"
    assert told.text.replace(appended, known) == tell(told.folder).text


def test_a_ledger_that_was_tampered_with_is_said_and_left_alone(told: Told, tmp_path: Path) -> None:
    """The demo would write on a ledger that no longer proves anything."""
    lines = (told.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    changed = "".join([*lines[:1], *lines[2:]])
    (tmp_path / "ledger.jsonl").write_text(changed, encoding="utf-8")
    with pytest.raises(LedgerError, match="does not verify"):
        tell(tmp_path)
    assert changed == (tmp_path / "ledger.jsonl").read_text(encoding="utf-8")


def test_the_command_prints_what_the_demo_says(told: Told, tmp_path: Path) -> None:
    """The command line would tell another story than the function, or the folder would change it."""
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "out"), "--engine", "polars"])
    assert result.exit_code == 0
    assert f"{told.text}\n" == result.stdout.replace(str(tmp_path / "out"), "OUT")
    assert not result.stderr
