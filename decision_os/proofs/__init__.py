"""Proofs about the branches of a playbook, by an SMT solver: overlaps, gaps, what never fires; each example decided by the engine first.

Needs the extra `prove` (`z3-solver`).
"""

from __future__ import annotations

from decision_os.proofs.difference import Change, Relation, Witness, difference
from decision_os.proofs.examples import Asker, Example, Limit, values_of
from decision_os.proofs.findings import Finding, Kind, Proof
from decision_os.proofs.levers import shared_levers
from decision_os.proofs.near import keys_of, near
from decision_os.proofs.nearest import Turn, nearest_change
from decision_os.proofs.questions import prove
from decision_os.proofs.space import Space

__all__ = [
    "Asker",
    "Change",
    "Example",
    "Finding",
    "Kind",
    "Limit",
    "Proof",
    "Relation",
    "Space",
    "Turn",
    "Witness",
    "difference",
    "keys_of",
    "near",
    "nearest_change",
    "prove",
    "shared_levers",
    "values_of",
]
