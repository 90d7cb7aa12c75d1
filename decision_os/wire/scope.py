"""What a name may mean in each place an expression stands, and the compiling of expressions in that scope."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from decision_os.expr import Analysis, Expression, Function, analyse, analyse_threshold
from decision_os.model import Column, Entity
from decision_os.units import Unit, parse_unit

__all__ = ["FEEDS", "Scope", "column_units", "split_result"]

FEEDS: Final[Mapping[str, str]] = {"slo_green": "", "open_sev2_incidents": "count"}
"""Names every pre-check may read: `run` fills them from the load log and the incidents, `decide` takes them in its mapping."""

_RESULT: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(?![=<>])\s*")


@attrs.frozen(kw_only=True)
class Scope:
    """The names an expression may use, with their units, their labels and what is defined for it."""

    units: Mapping[str, Unit | None]
    labels: Mapping[str, str] = attrs.field(factory=dict)
    definitions: Mapping[str, Expression] = attrs.field(factory=dict)
    functions: Mapping[str, Function] = attrs.field(factory=dict)
    currency: str = "USD"
    open: bool = False
    """What is in scope cannot be known, since something it comes from could not be read: any name may be in it."""

    def analyse(self, text: str) -> Analysis:
        """Compile a condition or a formula."""
        return analyse(
            text,
            names=None if self.open else [*self.units, *self.definitions],
            units={name: unit for name, unit in self.units.items() if unit is not None},
            labels=self.labels,
            definitions=self.definitions,
            functions=self.functions,
            currency=self.currency,
        )

    def analyse_threshold(self, text: str) -> Analysis:
        """Compile the value of a named threshold: a literal, a range, a set."""
        return analyse_threshold(text, names=(), currency=self.currency)

    def defining(self, definitions: Mapping[str, Expression]) -> Scope:
        """The same scope with more definitions."""
        return attrs.evolve(self, definitions={**self.definitions, **definitions})

    def naming(self, names: Iterable[str]) -> Scope:
        """The same scope with more names of which nothing is known."""
        return attrs.evolve(self, units={**self.units, **dict.fromkeys(names)})

    def range_check(self, text: str, unit: Unit | None) -> Callable[[], Expression | None]:
        """The condition `value in <range>` for the text of a range, compiled when called; nothing where the text is no range."""

        def build() -> Expression | None:
            units = {"value": unit}
            return Scope(units=units, currency=self.currency).analyse(f"value in {text}").expression

        return build


def column_units(entity: Entity, currency: str) -> dict[str, Unit | None]:
    """The unit of each column of an entity, from its type."""
    return {name: _column_unit(column, currency) for name, column in entity.columns.items()}


def _column_unit(column: Column, currency: str) -> Unit | None:
    if column.type == "money":
        return parse_unit(currency)
    if column.type == "share":
        return parse_unit("share")
    return None


def split_result(text: str) -> tuple[str, str]:
    """The name a formula gives its result, and the formula with that name blanked out so that columns stay true.

    >>> split_result("payback_months = CAC / CM")
    ('payback_months', '                 CAC / CM')
    """
    found = _RESULT.match(text)
    if not found:
        return "", text
    return found.group(1), " " * found.end() + text[found.end() :]
