"""A user's program, type-checked with the rest: a promise of the face that lost its type would fail `make check`, and one that broke fails here."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import assert_type

import decision_os as dos

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)


def test_the_face_has_the_types_a_user_reads(tmp_path: Path) -> None:
    """A user's type checker would see `Any` where a record, an expression or a receipt is promised."""
    engine = dos.Engine.load(dos.reference_rules())
    assert_type(engine, dos.Engine)
    record = engine.decide("pricing.change", {"elasticity": dos.Reading(value=-0.62, n=420)}, at=AT, choose={"list_price_step": 0.08})
    assert_type(record, dos.DecisionRecord)
    assert_type(record.outcome, dos.Outcome)
    assert_type(record.action, str | None)
    assert_type(record.inputs_hash, str)
    assert_type(record.unknowns, tuple[str, ...])
    assert_type(record.explain(), str)
    assert_type(dos.DecisionRecord.from_json(record.to_json()), dos.DecisionRecord)
    expression = dos.compile("E ∈ [−1.0, −0.3]")
    assert_type(expression, dos.Expression)
    answer = expression.evaluate({"E": None})
    assert isinstance(answer, dos.Unknown)
    assert_type(answer.causes, tuple[dos.Cause, ...])
    ledger = dos.Ledger(tmp_path / "decisions.jsonl")
    journal: dos.Journal = ledger
    assert_type(journal.append(record), dos.Receipt)
    assert_type(ledger.append(record).seq, int)
    assert ledger.verify().ok
