"""The same plan over columns: every row decided in the frame's own engine, nothing collected; and its rows one by one, as an engine hands them over."""

from decision_os.frames.decide import ADDED, decide_frame
from decision_os.frames.rows import rows

__all__ = ["ADDED", "decide_frame", "rows"]
