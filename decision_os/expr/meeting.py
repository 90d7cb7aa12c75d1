"""Where units meet, in sums, products, comparisons and choices: the unit of the whole, both sides in one unit, and what is said where they do not go together.

Bare numbers go with anything; a name without a declared unit is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.errors import Severity, UnitError
from decision_os.expr.doubtful import beyond_one, by_hand, in_per_cents, multiplies
from decision_os.expr.findings import ONE, Findings, Typed
from decision_os.expr.rescaling import rescaled
from decision_os.expr.tree import Arithmetic, Around, Call, Choice, Defined, Interval, Name, Negative, Node, Number, SetOf, Span, body_of, children
from decision_os.expr.unparse import unparse
from decision_os.units import PERCENT, PP, RATIO, SHARE, Unit, aligned, conversion, divided, multiplied, parse_unit

__all__ = ["Meeting", "Verb"]

Verb: TypeAlias = Literal["add", "subtract", "compare", "choose between", "pass"]

_COUNT: Final = Unit((("count", 1),))


class Meeting:
    """The units of one tree; `read` are those of names without a declared one, as seen from the durations they stand beside."""

    def __init__(self, declared: Mapping[str, Unit | None], findings: Findings) -> None:
        self.declared = declared
        self.findings = findings
        self.read: dict[str, Unit] = {}

    def unified(self, operands: Sequence[Typed], verb: Verb, span: Span) -> tuple[Unit | None, bool, Sequence[Typed]]:
        """The unit in which several operands meet, whether it is that of bare numbers, and the operands converted to it."""
        self._per_input(operands)
        known = [typed for typed in operands if typed.unit is not None]
        unchecked = [typed for typed in operands if typed.unchecked]
        if not known:
            return None, not unchecked, operands
        if unchecked and self.read_beside(unchecked, known):
            unchecked = [typed for typed in unchecked if not isinstance(typed.node, Name)]
        target = next((typed for typed in known if not typed.literal), known[0])
        for typed in known:
            if typed.literal or typed.unit == target.unit:
                continue
            factor = conversion(_unit(typed), _unit(target))
            if factor is not None and factor < 1:
                target = typed
        for typed in unchecked:
            self._partly_known(typed, target, verb, span)
        unit: Unit | None = _unit(target)
        met: list[Typed] = []
        for typed in operands:
            if typed.unit is None:
                if typed.bare:
                    self.bare_beside(typed, target, verb, left=typed is operands[0])
                met.append(typed)
                continue
            if typed.unit == target.unit:
                met.append(typed)
                continue
            factor = conversion(typed.unit, _unit(target))
            if factor is None:
                met_unit = self.together(target, typed, verb, span, left=operands[0])
                unit = met_unit if unit is not None else None  # after a mismatch nothing is known, so that it is told once
                met.append(typed)
            else:
                what = f"what is in {typed.unit} is converted to {target.unit}"
                self.twice(factor, typed, what)
                self.twice(1 / factor, target, what)
                met.append(attrs.evolve(typed, node=self.rescaled(typed.node, factor), unit=_unit(target)))
        if unit == PERCENT and verb in ("add", "subtract") and len(known) < len(operands):
            unit = RATIO
        return (None if unchecked else unit), False, met

    def product(self, left: Typed, right: Typed, *, divide: bool) -> tuple[Unit | None, bool, Typed, Fraction]:
        """The unit of a product, whether it is bare, the right side in the durations of the left, and what the product was multiplied by for that."""
        if left.unchecked or right.unchecked:
            return None, False, right, ONE
        if left.unit is None and right.unit is None:
            return None, True, right, ONE
        if left.unit is None:
            return divided(RATIO, right.unit or RATIO) if divide else right.unit, False, right, right.converted
        if right.unit is None:
            return left.unit, False, right, left.converted
        unit, factor = aligned(left.unit, right.unit)
        if factor != 1:
            right = attrs.evolve(right, node=self.rescaled(right.node, factor), unit=unit)
        whole = 1 / factor if divide else factor
        return divided(left.unit, unit) if divide else multiplied(left.unit, unit), False, right, whole

    def together(self, target: Typed, other: Typed, verb: Verb, span: Span, *, left: Typed) -> Unit | None:
        """The unit of two that do not convert but may go together; otherwise none and an issue, as where it is doubtful."""
        mine, yours = _unit(target), _unit(other)
        if mine.dimensionless and yours.dimensionless:
            return self._parts(target, other, verb, span, left=left)
        if mine.counts and yours.counts and _COUNT in (mine, yours) and len((mine if yours == _COUNT else yours).factors) == 1:
            return mine if yours == _COUNT else yours
        for amount, per in ((other, target), (target, other)):
            if amount.literal and _per_thing(_unit(amount), _unit(per)):
                message = f"{self.findings.named(amount)} is read as {per.unit}, the unit of {self.findings.named(per)}"
                self.findings.report("money-per-thing", amount.written.span, message, severity=Severity.NOTE)
                return _unit(per)
        self._mismatch(target, other, verb, span)
        return None

    def _parts(self, target: Typed, other: Typed, verb: Verb, span: Span, *, left: Typed) -> Unit:
        """Shares, points, per cents and ratios among themselves."""
        both = {target.unit, other.unit}
        sums = verb in ("add", "subtract")
        per_cent = target if target.unit == PERCENT else other
        rest = other if per_cent is target else target
        if both == {SHARE, PP}:
            points = target if target.unit == PP else other
            if not sums:
                share = other if points is target else target
                message = f"{self.findings.described(points)} is a difference of shares, but {self.findings.described(share)} is a share"
                hint = "write `%` for a share, or compare a difference of two shares"
                self.findings.report("points-for-share", span, message, hint, Severity.WARNING)
            return SHARE
        if PERCENT in both and RATIO not in both:
            complement = verb == "subtract" and per_cent is left and rest.unit == SHARE
            literal = self.findings.shown(per_cent.written)
            if rest.unit == PP and sums and per_cent.literal and rest.literal:
                return SHARE  # `20% ± 2pp`: so many points around a share
            if rest.unit == PP:
                message = f"{literal} is a relative share, but {self.findings.described(rest)} is a difference of shares"
                self.findings.report("percent-for-points", per_cent.written.span, message, f"write {_points(per_cent, literal)}", Severity.WARNING)
            elif sums and not complement:
                message = f"{literal} is a relative share, added to {self.findings.described(rest)} as if it were points"
                sign = "-" if verb == "subtract" else "+"
                hint = f"write {_points(per_cent, literal)}, or `× (1 {sign} {literal[1:-1].lstrip('+')})` for a relative change"
                self.findings.report("percent-for-points", per_cent.written.span, message, hint, Severity.WARNING)
            return _unit(rest)
        return PP if PP in both else RATIO

    def _mismatch(self, target: Typed, other: Typed, verb: Verb, span: Span) -> None:
        first, second = (other, target) if verb == "pass" else sorted((target, other), key=lambda typed: typed.written.span)
        mine, yours = _unit(first), _unit(second)
        what = f"cannot {verb} {self.findings.described(first)} {'as' if verb == 'pass' else 'and'} {self.findings.described(second)}"
        code, hint = "unit-mismatch", ""
        if mine.currency and yours.currency and mine.currency != yours.currency:
            code, hint = "mixed-currencies", "convert one of the two before they meet"
        elif mine.duration and yours.duration:
            code = "calendar-duration"
            calendar, fixed = (mine, yours) if "calendar" in mine.families() else (yours, mine)
            hint = f"a {calendar.duration} has no fixed number of {fixed}: write both in {calendar}, or both in {fixed}"
        elif PERCENT in (mine, yours):
            per_cent, rest = (first, second) if mine == PERCENT else (second, first)
            of = f"{self.findings.shown(rest.written)[:-1]} *"
            written = self.findings.shown(per_cent.written)[1:-1].lstrip("+")
            hint = f"a per cent is relative: write {of} (1 {'-' if verb == 'subtract' else '+'} {written})`"
            if verb not in ("add", "subtract"):
                hint = f"a per cent is relative: write `baseline * {written}`"
        self.findings.report(code, span, what, hint)

    def twice(self, factor: Fraction, typed: Typed, what: str = "a duration is converted") -> None:
        """A warning where a value is multiplied by hand by what it is converted with already: `arr == mrr * 12`."""
        for found in by_hand(typed.written) if factor != 1 else ():
            if found.factor != factor:
                continue
            shown, without = (f"`{unparse(node)}`" if found.defined else self.findings.shown(node) for node in (found.product, found.without))
            if found.defined:
                shown += f" in `{found.defined}`"
            message = f"{what} where the two meet, and {shown} counts the factor again"
            self.findings.report("converted-twice", typed.written.span if found.defined else found.product.span, message, f"write {without}", Severity.WARNING)

    def bare_beside(self, bare: Typed, target: Typed, verb: Verb, *, left: bool = False) -> None:
        """A note where a number without a unit meets money or time, a warning where one above 1 meets a share; zero needs none."""
        unit = _unit(target)
        if unit.kind:
            self._beyond_one(bare, target, points=unit == PP or (unit == SHARE and verb in ("add", "subtract") and not (left and verb == "subtract")))
        body = body_of(bare.written)
        if not unit.families() - {"thing"} or (isinstance(body, Number) and not body.exact):
            return
        hint = ""
        if isinstance(bare.written, Number) and len(unit.factors) == 1 and unit.factors[0][1] == 1:
            hint = f"write `{unparse(attrs.evolve(bare.written, unit=unit))}`"
        message = f"{self.findings.shown(bare.written)} has no unit, and is read in that of {self.findings.described(target)}"
        self.findings.report("bare-number", bare.written.span, message, hint, Severity.NOTE)

    def _beyond_one(self, bare: Typed, target: Typed, *, points: bool) -> None:
        """A warning where a number above 1 meets a share or points that no product made: 30 would be 3,000 %."""
        if not beyond_one(bare.written) or multiplies(target.written):
            return
        meant, read = in_per_cents(bare.written, points=points)
        defined = isinstance(bare.written, Defined)
        number = (
            f"{self.findings.shown(bare.written)}, which is {unparse(bare.node.body)}," if isinstance(bare.node, Defined) else self.findings.shown(bare.written)
        )
        message = f"{number} is {read} beside {self.findings.described(target)}"
        self.findings.report(
            "bare-share", bare.written.span, message, f"{'define it as' if defined else 'write'} `{meant}`, or `{read}` if that is meant", Severity.WARNING
        )

    def _per_input(self, operands: Sequence[Typed]) -> None:
        """A warning where `$3/seat` beside a value in USD/seat divides by an input."""
        for typed in operands:
            ends = children(typed.written) if isinstance(typed.written, Interval | SetOf | Around) else (typed.written,)
            for end in ends:
                match end:
                    case Arithmetic(op="/", left=Number(unit=Unit() as amount), right=Name(name=name)) if amount.currency:
                        per = _per(amount, name)
                        if any(other.unit == per for other in operands if other is not typed):
                            written = self.findings.shown(end.left)
                            message = f"{self.findings.shown(end)} divides {written} by an input"
                            self.findings.report("money-per-thing", end.span, message, f"write {written}, which is read as {per}", Severity.WARNING)

    def read_beside(self, unchecked: Sequence[Typed], known: Sequence[Typed]) -> bool:
        """Names without a unit beside durations: their numbers are read in the duration's unit. Whether there was one."""
        durations = list(dict.fromkeys(typed.unit for typed in known if typed.unit is not None and typed.unit.duration))
        for typed in unchecked:
            for name in _added_names(typed.node):
                for unit in durations:
                    self._read_as(name, unit)
        return bool(durations)

    def _partly_known(self, unchecked: Typed, target: Typed, verb: Verb, span: Span) -> None:
        """A sum or a choice of something undeclared and an amount is of that amount's unit, or of none: dollars and whatever are no months."""
        there = _unit(target)
        for name in _added_names(unchecked.node):
            unit = self.declared.get(name.name)
            if unit is None or conversion(unit, there) is not None or _per_thing(unit, there) or _per_thing(there, unit):
                continue
            if unit.dimensionless or there.dimensionless or unit.counts or there.counts:
                continue  # what a share, a point or a count may stand beside is told where both are known
            if not any(issue.severity is Severity.ERROR for issue in self.findings.issues):  # a sum has no unit after a mismatch either, and that was told
                self._mismatch(target, attrs.evolve(unchecked, unit=unit), verb, span)
            return

    def _read_as(self, name: Name, unit: Unit) -> None:
        if self.declared.get(name.name) is not None:
            return
        before = self.read.setdefault(name.name, unit)
        if before != unit:
            message = f"{self.findings.shown(name)} has no declared unit, and stands beside {before} and beside {unit}"
            self.findings.report("undeclared-duration", name.span, message, "declare its unit, or write all durations beside it in one")

    def rescaled(self, node: Node, factor: Fraction) -> Node:
        """The same value in another unit: every number of it times `factor`, exactly."""
        return rescaled(node, factor, self._unheld)

    def _unheld(self, node: Number) -> None:
        message = f"{self.findings.shown(node)} is beyond what a number can hold in the other side's unit"
        self.findings.report("bad-number", node.span, message)


def _unit(typed: Typed) -> Unit:
    return typed.unit if typed.unit is not None else RATIO


def _per_thing(amount: Unit, per: Unit) -> bool:
    """Whether one is an amount of money, and the other the same money per something."""
    if not amount.currency or amount.factors != ((amount.currency, 1),) or per.currency != amount.currency:
        return False
    return all(power < 0 for atom, power in per.factors if atom != per.currency)


def _per(amount: Unit, name: str) -> Unit | None:
    """An amount per what an input is named after (USD/seat for `seats`); None where that is no unit."""
    try:
        return divided(amount, parse_unit(name))
    except UnitError:
        return None


def _points(per_cent: Typed, shown: str) -> str:
    return shown.replace("%", "pp") if isinstance(per_cent.written, Number) else "it in `pp`"


def _added_names(node: Node) -> list[Name]:
    """The names whose numbers a value is a sum, a difference or a choice of: they are in its unit."""
    if isinstance(node, Name):
        return [node]
    if isinstance(node, Choice):
        return [*_added_names(node.then), *_added_names(node.otherwise)]
    relative = isinstance(node, Around) and node.relative
    sums = isinstance(node, Arithmetic) and node.op in ("+", "-")
    picks = isinstance(node, Call) and node.function in ("abs", "min", "max", "clip", "coalesce")
    if sums or picks or isinstance(node, Negative | Defined | Interval | Around):
        below = children(node)[:1] if relative else children(node)
        return [name for child in below for name in _added_names(child)]
    return []
