"""Appending processes killed at random. `make soak-ledger` kills many more of them."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.ledger.kills import runs


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
@pytest.mark.parametrize("writers", [1, 4])
def test_no_acknowledged_entry_is_lost(tmp_path: Path, writers: int) -> None:
    """A process that dies in an append would take an entry along that somebody has a receipt for, or leave a ledger that cannot be gone on with."""
    tally, failures = runs(tmp_path, 4, writers=writers, durability="fsync", seed=20)
    assert [] == failures
    assert 4 * writers == tally["kills"]
    assert tally["receipts"]
