"""Decision OS: business metrics in, decisions out that can be explained, audited and undone.

>>> import decision_os as dos
>>> engine = dos.Engine.load(dos.reference_rules())
>>> record = engine.decide("channel.invest", {"cac_per_sqo": 90, "cac_per_sqo_baseline": 100})
>>> record.outcome.value, record.unknowns
('blocked', ('attribution_validity_overall', 'slo_green'))
"""

from __future__ import annotations

from decision_os.engine import Engine
from decision_os.errors import (
    DataError,
    DecisionOSError,
    ExpressionError,
    InputError,
    Issue,
    LedgerError,
    LifecycleError,
    NotFoundError,
    OutOfTimeError,
    RecordError,
    RuleBookError,
    Severity,
    UnitError,
    UnknownTruthError,
    Where,
)
from decision_os.expr import Expression, Function, compile  # noqa: A004  # `dos.compile` is the promised name
from decision_os.ledger import Journal, Ledger, Receipt
from decision_os.model import RuleBook
from decision_os.record import DecisionRecord, LogEntry, Outcome, Override, Status
from decision_os.reference import reference_rules
from decision_os.values import Cause, Reading, Reason, Unknown

__all__ = [
    "Cause",
    "DataError",
    "DecisionOSError",
    "DecisionRecord",
    "Engine",
    "Expression",
    "ExpressionError",
    "Function",
    "InputError",
    "Issue",
    "Journal",
    "Ledger",
    "LedgerError",
    "LifecycleError",
    "LogEntry",
    "NotFoundError",
    "OutOfTimeError",
    "Outcome",
    "Override",
    "Reading",
    "Reason",
    "Receipt",
    "RecordError",
    "RuleBook",
    "RuleBookError",
    "Severity",
    "Status",
    "UnitError",
    "Unknown",
    "UnknownTruthError",
    "Where",
    "compile",
    "reference_rules",
]
