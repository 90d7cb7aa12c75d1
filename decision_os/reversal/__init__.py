"""Undoing a decision: the small protocol that callers implement, the attempt and its record, and one adapter that writes a flag file."""

from decision_os.reversal.flagfile import FlagFile
from decision_os.reversal.running import Order, Reverser, Undone, carry_out, order_for

__all__ = ["FlagFile", "Order", "Reverser", "Undone", "carry_out", "order_for"]
