"""A mapping that stays as it was made: what frozen classes hold, so that they can be shared, copied and sent to another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

__all__ = ["ReadOnly", "read_only"]

K = TypeVar("K")
V = TypeVar("V")


class ReadOnly(dict[K, V]):
    """A dict that refuses to be changed. Unlike the mapping proxy of the standard library it pickles and copies.

    Raises `TypeError` for whatever would change it; `dict(…)` of it, and `|`, give a dict of one's own.

    >>> limits = ReadOnly({"cac": 90})
    >>> limits["cac"], limits == {"cac": 90}, limits | {"sqo": 30}
    (90, True, {'cac': 90, 'sqo': 30})
    >>> limits["cac"] = 95
    Traceback (most recent call last):
    ...
    TypeError: this mapping is read-only; `dict(…)` of it can be changed
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("this mapping is read-only; `dict(…)` of it can be changed")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew of a dict: item by item, as dicts are restored otherwise, is refused."""
        return ReadOnly, (dict(self),)


def read_only(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A read-only copy of a mapping; of one that is read-only already, itself."""
    return value if type(value) is ReadOnly else ReadOnly(value)
