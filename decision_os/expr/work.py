"""How much is worked out before it is said that the rest was not: counted steps, so that every machine stops at the same place."""

from __future__ import annotations

import attrs

__all__ = ["Spent", "Work"]


class Spent(Exception):  # noqa: N818 - no error: whoever asked says that it stopped
    """The steps are used up."""


@attrs.define
class Work:
    """The steps that are left.

    >>> work = Work(10)
    >>> work.spend(4)
    >>> work.left
    6
    """

    left: int

    def spend(self, steps: int) -> None:
        """Take steps off. Raises `Spent` where there are not as many."""
        self.left -= steps
        if self.left < 0:
            raise Spent
