"""What a name may mean in each place an expression stands, and the compiling of expressions in that scope."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Final

import attrs

from decision_os.errors import Issue, Severity, Where
from decision_os.expr import Analysis, Expression, Function, Readings, Vocabulary
from decision_os.model import Column, Entity
from decision_os.units import Unit, parse_unit

__all__ = ["FEEDS", "FROM_RECORDS", "ON_COLUMNS", "WHILE_READ", "Scope", "column_units", "split_result"]

FEEDS: Final[Mapping[str, str]] = {"slo_green": "", "open_sev2_incidents": "count"}
"""Names every pre-check may read: `run` fills them from the load log and the incidents, `decide` takes them in its mapping."""

ON_COLUMNS: Final = (
    "it runs over columns, where no Python function can be called",
    "call it in a formula or a playbook, or bring its result as a column",
)
"""Why a test of a row, a fact or a measure calls no registered function, and what to do instead."""

WHILE_READ: Final = ("it is worked out while the rules are read, when nothing of theirs is called", "write the value")
"""The same for what a parameter is declared with."""

FROM_RECORDS: Final = ("it is judged from a record alone, which holds no functions", "call it in the formula of the metric that is watched")
"""The same for what a monitor keeps."""

_ON_UNITS: Final = frozenset(
    {
        *("unit-mismatch", "mixed-currencies", "calendar-duration", "points-for-share", "percent-for-points", "undeclared-duration", "mixed-kinds"),
        *("bare-share", "converted-twice"),
    }
)

_RESULT: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(?![=<>])\s*")


@attrs.frozen(kw_only=True, eq=False)
class Scope:
    """The names an expression may use, with their units, their labels and what is defined for it."""

    units: Mapping[str, Unit | None]
    labels: Mapping[str, str] = attrs.field(factory=dict)
    definitions: Mapping[str, Expression] = attrs.field(factory=dict)
    functions: Mapping[str, Function] = attrs.field(factory=dict)
    currency: str = "USD"
    declared: Mapping[str, Where] = attrs.field(factory=dict)
    """Where the unit of a name, or the definition, is written."""
    uncalled: tuple[str, str] | None = None
    """Why no registered function can be called here, and a hint; nothing where one can."""
    open: bool = False
    """What is in scope cannot be known, since something it comes from could not be read: any name may be in it."""
    readings: Readings = attrs.field(factory=Readings)
    """What the texts of the same rule book came to."""

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(
            names=None if self.open else (*self.units, *self.definitions),
            units=self.units,
            labels=self.labels,
            definitions=self.definitions,
            functions=self.functions,
            currency=self.currency,
            readings=self.readings,
        )

    def analyse(self, text: str) -> Analysis:
        """Compile a condition or a formula."""
        found = self._vocabulary.analyse(text)
        if found.issues:
            found = attrs.evolve(found, issues=tuple(map(self.placed, found.issues)))
        return self.without_calls(found)

    def placed(self, issue: Issue) -> Issue:
        """A finding about units says where each was declared."""
        places = [f"`{name}` at {self.declared[name]}" for name in issue.about if name in self.declared]
        if not places or issue.code not in _ON_UNITS or issue.severity is Severity.NOTE:
            return issue
        return attrs.evolve(issue, message=f"{issue.message}; declared: {', '.join(places)}")

    def analyse_threshold(self, text: str) -> Analysis:
        """Compile the value of a named threshold: a literal, a range, a set."""
        literals = Vocabulary(names=(), functions=self.functions, currency=self.currency, readings=self.readings)
        return self.without_calls(literals.analyse_threshold(text))

    def without_calls(self, found: Analysis) -> Analysis:
        """The same, unless it calls a registered function where none can be called."""
        expression = found.expression
        if expression is None or self.uncalled is None or not expression.calls:
            return found
        why, hint = self.uncalled
        message = f"this calls the Python function `{expression.calls[0]}`, but {why}"
        return Analysis(None, (*found.issues, Issue("function-out-of-place", message, expression.place_of_call(), hint=hint)))

    def defining(self, definitions: Mapping[str, Expression]) -> Scope:
        """The same scope with more definitions."""
        return attrs.evolve(self, definitions={**self.definitions, **definitions})

    def naming(self, names: Iterable[str], unit: Unit | None = None) -> Scope:
        """The same scope with more names, of that unit, or of which nothing is known."""
        return attrs.evolve(self, units={**self.units, **dict.fromkeys(names, unit)})

    def range_check(self, text: str, unit: Unit | None) -> Callable[[], Expression | None]:
        """The condition `value in <range>` for the text of a range, compiled when called; nothing where the text is no range."""
        scope = attrs.evolve(self, units={"value": unit}, labels={}, definitions={}, declared={}, open=False)
        return lambda: scope.analyse(f"value in {text}").expression


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
