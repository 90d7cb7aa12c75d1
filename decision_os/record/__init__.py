"""The decision record: its content, its evidence, its full form and log form, and its explanation in words."""

from decision_os.record.content import ActionTaken, Effect, InputTaken, MonitorPlan, Outcome, ReversalPlan, Status, zoned
from decision_os.record.decision import DecisionRecord
from decision_os.record.evidence import BranchEvidence, CheckEvidence, Evidence, Shown
from decision_os.record.log import LogEntry
from decision_os.record.making import maker

__all__ = [
    "ActionTaken",
    "BranchEvidence",
    "CheckEvidence",
    "DecisionRecord",
    "Effect",
    "Evidence",
    "InputTaken",
    "LogEntry",
    "MonitorPlan",
    "Outcome",
    "ReversalPlan",
    "Shown",
    "Status",
    "maker",
    "zoned",
]
