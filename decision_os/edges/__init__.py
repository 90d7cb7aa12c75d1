"""Where a decision can tip: the values its conditions compare with, solved for, and inputs that reach each branch, each gap and each such edge."""

from __future__ import annotations

from decision_os.edges.ground import Ground, Values
from decision_os.edges.places import Around, Place
from decision_os.edges.search import Corner, Target, corners, reach, solved, targets, wanted_of

__all__ = ["Around", "Corner", "Ground", "Place", "Target", "Values", "corners", "reach", "solved", "targets", "wanted_of"]
