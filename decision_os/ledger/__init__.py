"""Where decisions are kept: the small protocol that a journal of them fulfils, and the append-only, hash-chained file that is the default."""

from decision_os.ledger.entries import Checkpoint, Durability, Entry, Item, Journal, Problem, Receipt, Recovery, Verification
from decision_os.ledger.ledger import Ledger

__all__ = ["Checkpoint", "Durability", "Entry", "Item", "Journal", "Ledger", "Problem", "Receipt", "Recovery", "Verification"]
