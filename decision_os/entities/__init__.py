"""Raw rows, of text or typed already, into the typed columns that an entity declares.

The rooms::

    cells    one cell of text or of an engine's type → its column's type: texts, booleans, numbers, money
    times    the same for dates, months and instants
    rows     the frame as it comes in, and all its columns read

Everything is said in expressions of the dataframe engine the rows live in; no row is looked at in Python. A step that later ones share is a
column of its own, so that an engine without a query planner works it out once.
"""

from decision_os.entities.cells import UNREAD
from decision_os.entities.rows import ROW, Frame, read_entity

__all__ = ["ROW", "UNREAD", "Frame", "read_entity"]
