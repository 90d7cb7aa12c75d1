"""Names of test cases that every tool can hand on: pytest writes what is not ASCII with backslashes, which not all of them read back."""

from __future__ import annotations

import re

__all__ = ["plain"]


def plain(text: str) -> str:
    """The text in printable ASCII without a backslash.

    >>> plain("E ∈ [0, 1]")
    'E &8712; [0, 1]'
    """
    return re.sub(r"[^ -~]|\\", lambda found: f"&{ord(found[0])};", text)
