"""The decision record: its content, its evidence, its full form and log form, and its explanation in words."""

from decision_os.record.content import ActionTaken, Effect, InputTaken, MonitorPlan, Outcome, ReversalPlan, Status
from decision_os.record.decision import DecisionRecord
from decision_os.record.evidence import BranchEvidence, CheckEvidence, Evidence, Shown
from decision_os.record.life import (
    Breach,
    Event,
    EventKind,
    LedgerProof,
    MonitorReport,
    ReversalKind,
    ReversalOutcome,
    ReversalRun,
    Terms,
    WatchReport,
    WatchState,
)
from decision_os.record.log import LogEntry
from decision_os.record.making import maker
from decision_os.record.override import Override

__all__ = [
    "ActionTaken",
    "BranchEvidence",
    "Breach",
    "CheckEvidence",
    "DecisionRecord",
    "Effect",
    "Event",
    "EventKind",
    "Evidence",
    "InputTaken",
    "LedgerProof",
    "LogEntry",
    "MonitorPlan",
    "MonitorReport",
    "Outcome",
    "Override",
    "ReversalKind",
    "ReversalOutcome",
    "ReversalPlan",
    "ReversalRun",
    "Shown",
    "Status",
    "Terms",
    "WatchReport",
    "WatchState",
    "maker",
]
