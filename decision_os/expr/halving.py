"""The two neighbouring floats between which an answer changes."""

from __future__ import annotations

import struct
from collections.abc import Callable

__all__ = ["halved"]


def halved(near: float, far: float, still: Callable[[float], bool]) -> tuple[float, float]:
    """Two neighbouring floats from `near` to `far`: the first is `near` or one where it is `still` so, the second `far` or one where it is not.

    Floats are halved by their order and not by their size, so that 64 steps reach every one of them.

    >>> halved(0.0, 10.0, lambda x: x < 3)
    (2.9999999999999996, 3.0)
    """
    first, last = _place(near), _place(far)
    while abs(last - first) > 1:
        middle = (first + last) // 2
        if still(_float(middle)):
            first = middle
        else:
            last = middle
    return _float(first), _float(last)


def _place(value: float) -> int:
    """Where a float stands among all floats; both zeros at 0."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(bits + 2**63)


def _float(place: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<q", abs(place)))[0]
    return value if place >= 0 else -value
