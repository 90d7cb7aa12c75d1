"""Proofs about the branches of a playbook, by an SMT solver: overlaps, gaps, what never fires; each example decided by the engine first.

Needs the extra `prove` (`z3-solver`).
"""

from __future__ import annotations

from decision_os.proofs.difference import Change, Relation, difference
from decision_os.proofs.examples import Example
from decision_os.proofs.levers import shared_levers
from decision_os.proofs.nearest import Turn, nearest_change
from decision_os.proofs.questions import Finding, Kind, Proof, prove

__all__ = ["Change", "Example", "Finding", "Kind", "Proof", "Relation", "Turn", "difference", "nearest_change", "prove", "shared_levers"]
