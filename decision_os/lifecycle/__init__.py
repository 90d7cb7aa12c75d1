"""The life of a decision: propose, approve or reject, execute, monitor, keep or reverse. Pure: no clock, no input or output, no logging."""

from decision_os.lifecycle.approvals import approvals, binding, content_hash, missing_roles
from decision_os.lifecycle.history import Lives, current, replay
from decision_os.lifecycle.monitoring import deadline, report
from decision_os.lifecycle.steps import (
    Receipt,
    allowed,
    apply,
    approve,
    carried_out,
    execute,
    executed_at,
    keep,
    monitor,
    propose,
    reject,
    reverse,
    same_proposal,
)

__all__ = [
    "Lives",
    "Receipt",
    "allowed",
    "apply",
    "approvals",
    "approve",
    "binding",
    "carried_out",
    "content_hash",
    "current",
    "deadline",
    "execute",
    "executed_at",
    "keep",
    "missing_roles",
    "monitor",
    "propose",
    "reject",
    "replay",
    "report",
    "reverse",
    "same_proposal",
]
