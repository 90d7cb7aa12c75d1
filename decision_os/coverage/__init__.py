"""Which conditions of a rule book the decided inputs have tried: seen true, false and unknown, and shown to decide by themselves (MC/DC)."""

from __future__ import annotations

from decision_os.coverage.report import Report, report
from decision_os.coverage.seen import Asked, Coverage, Lack, Want

__all__ = ["Asked", "Coverage", "Lack", "Report", "Want", "report"]
