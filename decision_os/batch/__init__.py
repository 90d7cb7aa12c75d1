"""A run from a folder of exports to a folder of results, and what it says about itself in plain text."""

from __future__ import annotations

from decision_os.batch.intake import Intake, read_folder, read_loads
from decision_os.batch.outputs import Written, record_in, write_results
from decision_os.batch.summary import decisions, freshness, intended, needs, quality, shifts, statuses, summary, to_plain

__all__ = [
    "Intake",
    "Written",
    "decisions",
    "freshness",
    "intended",
    "needs",
    "quality",
    "read_folder",
    "read_loads",
    "record_in",
    "shifts",
    "statuses",
    "summary",
    "to_plain",
    "write_results",
]
