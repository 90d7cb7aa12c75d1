"""What a decision rested on: each pre-check and each branch with its conditions, values and margins. Pure data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from decision_os.expr import Condition

__all__ = ["BranchEvidence", "CheckEvidence", "Evidence", "EvidenceSource", "Shown"]


@attrs.frozen(kw_only=True)
class CheckEvidence:
    """One pre-check: what it asks, whether it holds (None: unknown), and its conditions."""

    id: str
    label: str
    text: str
    holds: bool | None
    conditions: tuple[Condition, ...] = ()


@attrs.frozen(kw_only=True)
class BranchEvidence:
    """One branch: its condition in the author's words, whether it holds (None: unknown), whether it was taken, and its conditions.

    `reached` is False where an earlier branch had already decided.
    """

    id: str
    action: str
    text: str
    holds: bool | None
    taken: bool
    reached: bool = True
    conditions: tuple[Condition, ...] = ()


@attrs.frozen(kw_only=True)
class Shown:
    """A computed value worth showing beside the decision: a projection, or a lever before and after."""

    name: str
    text: str
    formula: str = ""


@attrs.frozen(kw_only=True)
class Evidence:
    """All of it, for one decision."""

    pre_checks: tuple[CheckEvidence, ...] = ()
    branches: tuple[BranchEvidence, ...] = ()
    projections: tuple[Shown, ...] = ()
    residual: tuple[str, ...] = ()
    """The smallest set of inputs which, once known, settle the outcome whatever they are; empty where it is settled."""


EvidenceSource: TypeAlias = Evidence | Callable[[], Evidence]
"""Evidence, or how to work it out when somebody asks."""
