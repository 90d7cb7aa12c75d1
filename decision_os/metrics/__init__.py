"""Facts → measures → derived metrics: what a metric is for a key and a period, or why that is unknown.

- `facts`: entity rows with lookups and derived columns, filtered by marks and not by deletion
- `places`: what a value is asked for, members of dimensions and periods
- `measures`: partial aggregates per key and period, collected once each
- `supplied`: values computed elsewhere, read and checked
- `answers`: a value on its way up, with what is needed to trust it
- `computed`, `ready`: a measure, or a supplied metric, at a place
- `failures`: what failed tests withhold and set in motion
- `store`: contracts evaluated over all of these
"""

from __future__ import annotations

from decision_os.metrics.facts import CheckedRows, RowBlock
from decision_os.metrics.failures import Block
from decision_os.metrics.store import MetricStore, TableRow

__all__ = ["Block", "CheckedRows", "MetricStore", "RowBlock", "TableRow"]
