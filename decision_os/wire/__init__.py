"""Rule files in, rule book out: the one place that parses YAML."""

from __future__ import annotations

from decision_os.wire.book import Loaded, is_cases, read_book, rule_files
from decision_os.wire.playbooks import DEMAND_RATIO
from decision_os.wire.scope import FEEDS

__all__ = ["DEMAND_RATIO", "FEEDS", "Loaded", "is_cases", "read_book", "rule_files"]
