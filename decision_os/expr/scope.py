"""What an expression may refer to: inputs by their names and labels, definitions, and functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import attrs

from decision_os.expr.notation import normal_label
from decision_os.expr.tree import FUNCTIONS, Node

__all__ = ["Scope", "arity"]

_ARITY: Final = {
    "abs": (1, 1, "abs(x)"),
    "clip": (3, 3, "clip(x, low, high)"),
    "coalesce": (2, 100, "coalesce(x, fallback)"),
    "is_missing": (1, 1, "is_missing(x)"),
    "max": (2, 100, "max(a, b)"),
    "min": (2, 100, "min(a, b)"),
}

_LOOKED_UP: Final = (dict, AbstractSet, Mapping)
"""What a name is found in at once; what most are stands first."""


def arity(function: str) -> tuple[int, int, str]:
    """How many values a function takes, at least and at most, and an example of its call; of a registered one nothing is known here."""
    return _ARITY.get(function, (0, 100, ""))


def _as_set(names: Iterable[str]) -> Collection[str]:
    return names if isinstance(names, _LOOKED_UP) else frozenset(names)


@attrs.frozen
class Scope:
    """The names of one text; `names` and `labels` are None where any name and any label stands for an input."""

    names: Collection[str] | None = attrs.field(converter=attrs.converters.optional(_as_set))
    labels: Mapping[str, str] | None
    definitions: Mapping[str, Node]
    functions: Collection[str] = attrs.field(converter=_as_set)

    def known(self) -> list[str]:
        """The names of inputs and definitions."""
        return [*(self.names or ()), *self.definitions]

    def reads(self, name: str) -> bool:
        """Whether a name stands for an input or a definition."""
        return name in self.definitions or self.names is None or name in self.names

    def calls(self, name: str) -> bool:
        """Whether a name is a function's."""
        return name in FUNCTIONS or name in self.functions

    def known_functions(self) -> list[str]:
        """The functions, in alphabetical order."""
        return sorted({*FUNCTIONS, *self.functions})

    def labelled(self, label: str) -> str | None:
        """The name that a label stands for, however its spaces and operators are written."""
        labels = self.labels or {}
        if label in labels:
            return labels[label]
        wanted = normal_label(label)
        return next((name for known, name in labels.items() if normal_label(known) == wanted), None)
