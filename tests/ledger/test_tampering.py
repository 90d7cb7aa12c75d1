"""Random changes to a ledger. `make soak-ledger` makes ten thousand of them."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from decision_os.ledger import Ledger
from tests.ledger.tampering import CUT, run, sealed_ledger, trials

COUNT = 1_200


def test_every_change_is_found_and_the_first_bad_line_named(tmp_path: Path) -> None:
    """A change would pass, be located elsewhere, or a cut tail pass where there is a checkpoint."""
    sealed = sealed_ledger(tmp_path)
    tally, failures = run(sealed, COUNT, seed=1, path=tmp_path / "tampered.jsonl")
    assert [] == failures
    assert COUNT == tally.total()
    assert 16 == len(tally), "a kind of change was never made"


def test_opening_a_changed_ledger_hides_nothing(tmp_path: Path) -> None:
    """What a writer does to a torn end would turn a change into a ledger that verifies, and nobody would be told."""
    sealed = sealed_ledger(tmp_path)
    path = tmp_path / "tampered.jsonl"
    for trial in trials(sealed, 300, seed=2):
        path.unlink(missing_ok=True)
        path.write_bytes(trial.data)
        with capture_logs():
            ledger = Ledger(path)
        assert not ledger.verify(sealed.checkpoint).ok or path.read_bytes() == sealed.data
        assert trial.kind == CUT or ledger.recoveries or not ledger.verify().ok
