"""A proof that takes long is left off when its process is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.proofs.corpus import Case, write_book

HARD = "x*x*y + z*z*w*x == 7.123 and x*y*z*w + z*y*y*y == 3.7 and w*w*x*x*y + z == 1.1 and x*x*x*y*z == w + 5"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent by kill")
def test_an_interrupt_ends_a_proof(tmp_path: Path) -> None:
    """The solver would take the signal for itself, and each question still to be asked would take its time."""
    wide = ("ratio", "[-100, 100]")
    book = write_book(tmp_path, Case(name="hard", inputs=dict.fromkeys(("x", "y", "z", "w"), wide), branches={"a": HARD, "b": HARD.replace("7.123", "7.124")}))
    lines = (
        "import decision_os as dos",
        f"engine = dos.Engine.load({str(book)!r})",
        "print('ready', flush=True)",
        "dos.proofs.prove(engine, 'node', seconds=600)",
    )
    program = "import decision_os.proofs\n" + "\n".join(lines)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "ready" == process.stdout.readline().strip()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in said
