"""Proofs about the branches of a playbook, by an SMT solver: overlaps, gaps, what never fires; each example decided by the engine first.

Needs the extra `prove` (`z3-solver`).
"""

from __future__ import annotations

from decision_os.proofs.examples import Example
from decision_os.proofs.questions import Finding, Proof, prove

__all__ = ["Example", "Finding", "Proof", "prove"]
