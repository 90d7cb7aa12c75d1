"""The sequence: pre-checks, branches, record; and the run around it."""

from __future__ import annotations

from decision_os.engine.engine import Engine

__all__ = ["Engine"]
