"""Tree + units → every problem of kind and unit, and the tree with both sides of each comparison and sum in one unit.

Bare numbers go with anything; a name without a declared unit is not checked. Durations of one family are converted here, once
and exactly, so that no evaluator knows of units.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.errors import Issue, Severity, UnitError, Where
from decision_os.expr.arithmetic import Function
from decision_os.expr.doubtful import beyond_one, by_hand, in_per_cents, multiplies
from decision_os.expr.numerals import holdable
from decision_os.expr.place import error_at, short
from decision_os.expr.tree import (
    Arithmetic,
    Around,
    Call,
    Choice,
    Comparison,
    Defined,
    Interval,
    Logic,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Number,
    SetOf,
    Span,
    Text,
    Truth,
    body_of,
    children,
)
from decision_os.expr.unparse import unparse
from decision_os.units import PERCENT, PP, RATIO, SHARE, Unit, aligned, conversion, divided, multiplied, parse_unit

__all__ = ["Checked", "check"]

Kind: TypeAlias = Literal["number", "condition", "text", "any", "range"]
Verb: TypeAlias = Literal["add", "subtract", "compare", "choose between", "pass"]

_KIND_WORDS: Final = {"condition": "true or false", "text": "a text", "range": "a range", "number": "a number"}
_PLURALS: Final = {"condition": "True or False", "text": "texts", "number": "numbers"}
_SOURCES: Final = {Name: "as declared", Number: "as written", Defined: "as defined"}
_COUNT: Final = Unit((("count", 1),))


@attrs.frozen
class Checked:
    """What a check found.

    `tree` has literals and names rescaled where units differ; `unit` is the unit of its value (None: unknown, or a bare
    number); `condition` says whether it is true or false; `units` says in which unit each name's number is read, the names
    included whose unit was seen from the durations they stand beside.
    """

    tree: Node
    unit: Unit | None
    issues: tuple[Issue, ...]
    condition: bool
    units: Mapping[str, Unit]


@attrs.frozen
class _Typed:
    """A checked node: the rescaled tree, what the author wrote, and what is known of it."""

    node: Node
    written: Node
    kind: Kind
    unit: Unit | None = None
    bare: bool = False
    """Made of numbers without a unit alone: it takes the unit of its surroundings."""
    literal: bool = False
    """Made of literals alone: it is the one to be converted."""
    converted: Fraction = Fraction(1)
    """What its number was multiplied by where durations of its factors met."""
    called: str = ""
    """What to call it where it is not something the author wrote: a value that a function takes."""

    @property
    def unchecked(self) -> bool:
        return self.unit is None and not self.bare


def check(
    tree: Node,
    *,
    units: Mapping[str, Unit | None],
    functions: Mapping[str, Function] | None = None,
    text: str = "",
) -> Checked:
    """Check a tree against the declared units of its names; all problems at once, in the order of their places.

    `functions` are the registered functions, with the units of what they take and give. `text` is what the tree was parsed from: with it, issues
    carry line, column and the line with a caret. A problem inside a definition is reported where the definition is used.

    >>> from decision_os.expr.parser import parse
    >>> from decision_os.units import parse_unit
    >>> source = "price + payback > 0"
    >>> found = check(parse(source).tree, units={"price": parse_unit("USD"), "payback": parse_unit("months")}, text=source)
    >>> found.issues[0].message
    'cannot add `price` (USD, as declared) and `payback` (months, as declared)'
    >>> check(parse("age < 2d").tree, units={"age": parse_unit("hours")}).tree.rest[0].value
    48.0
    """
    return _Checker(units, functions or {}, text).run(tree)


class _Checker:
    """One pass, bottom-up, over one tree."""

    def __init__(self, units: Mapping[str, Unit | None], functions: Mapping[str, Function], text: str) -> None:
        self.units = units
        self.functions = functions
        self.text = text
        self.issues: dict[Issue, None] = {}
        self.read: dict[str, Unit] = {}
        self.names: set[str] = set()
        self.inside: list[Defined] = []

    def run(self, tree: Node) -> Checked:
        words = sorted(_outermost(tree), key=lambda node: node.span)
        self.starts, self.words = [node.span[0] for node in words], [node.name for node in words]
        typed = self.visit(tree)
        known = {name: unit for name in sorted(self.names) if (unit := self.units.get(name) or self.read.get(name)) is not None}
        issues = sorted(self.issues, key=lambda issue: issue.where)
        return Checked(typed.node, typed.unit, tuple(issues), typed.kind == "condition", known)

    # reporting

    def report(self, code: str, span: Span, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        if self.inside:
            span = self.inside[0].span
            message = f"in `{self.inside[-1].name}`: {message}"
        where, excerpt = Where(), ""
        if self.text:
            error = error_at(self.text, *span, message)
            where, excerpt = Where("", error.line, error.column), error.excerpt
        about = tuple(dict.fromkeys(self.words[bisect_left(self.starts, span[0]) : bisect_left(self.starts, span[1])]))
        self.issues[Issue(code, message, where, severity, hint, excerpt, about)] = None

    def shown(self, node: Node) -> str:
        written = self.text[slice(*node.span)] if self.text and not self.inside else ""
        written = written or unparse(node)
        return f"`{short(written)}`"

    def described(self, typed: _Typed) -> str:
        registered = isinstance(typed.written, Call) and typed.written.function in self.functions
        written = "as written" if typed.literal else "as computed"
        source = "as declared" if typed.called or registered else _SOURCES.get(type(typed.written), written)
        return f"{self.named(typed)} ({typed.unit}, {source})"

    def named(self, typed: _Typed) -> str:
        return typed.called or self.shown(typed.written)

    # kinds

    def number(self, node: Node) -> _Typed:
        return self.as_number(self.visit(node))

    def as_number(self, typed: _Typed) -> _Typed:
        if typed.kind in ("number", "any"):
            return typed
        message = f"{self.shown(typed.written)} is {_KIND_WORDS[typed.kind]} where a number is needed"
        self.report("not-a-number", typed.written.span, message)
        return attrs.evolve(typed, kind="any", unit=None, bare=False)

    def condition(self, node: Node) -> Node:
        typed = self.visit(node)
        if typed.kind not in ("condition", "any"):
            hint = f"compare it, as in {self.shown(typed.written)[:-1]} > 0`" if typed.kind == "number" else ""
            message = f"{self.shown(typed.written)} is {_KIND_WORDS[typed.kind]} where a condition is needed"
            self.report("not-a-condition", typed.written.span, message, hint)
        return typed.node

    def either(self, node: Logic) -> None:
        """`x == 1 or 2`, as it is said aloud, is no condition."""
        for before, after in zip(node.operands, node.operands[1:], strict=False):
            if node.op == "or" and isinstance(after, Number | Text) and isinstance(before, Comparison) and before.ops == ("==",):
                item, other = self.shown(before.rest[0])[1:-1], self.shown(after)[1:-1]
                hint = f"write {self.shown(before.first)[:-1]} in {{{item}, {other}}}`"
                self.report("not-a-condition", after.span, f"{self.shown(after)} is {_KIND_WORDS[self.visit(after).kind]} where a condition is needed", hint)

    # the visit

    def visit(self, node: Node) -> _Typed:  # noqa: C901  # one case for each type of node
        match node:
            case Number():
                return _Typed(node, node, "number", node.unit, bare=node.unit is None, literal=True)
            case Text():
                return _Typed(node, node, "text")
            case Truth():
                return _Typed(node, node, "condition")
            case Name():
                self.names.add(node.name)
                unit = self.units.get(node.name)
                return _Typed(node, node, "any" if unit is None else "number", unit)
            case Defined():
                self.inside.append(node)
                body = self.visit(node.body)
                self.inside.pop()
                return attrs.evolve(body, node=attrs.evolve(node, body=body.node), written=node)
            case Negative():
                inner = self.number(node.operand)
                return attrs.evolve(inner, node=attrs.evolve(node, operand=inner.node), written=node)
            case Arithmetic():
                return self.arithmetic(node)
            case Comparison():
                return self.comparison(node)
            case Interval() | Around() | SetOf():
                return self.range_(node)
            case Membership():
                return self.membership(node)
            case Logic():
                self.either(node)
                operands = tuple(self.condition(operand) for operand in node.operands)
                return _Typed(attrs.evolve(node, operands=operands), node, "condition")
            case Not():
                return _Typed(attrs.evolve(node, operand=self.condition(node.operand)), node, "condition")
            case Choice():
                condition = self.condition(node.condition)
                chosen, (then, otherwise) = self.one_of((self.visit(node.then), self.visit(node.otherwise)), node.span)
                return attrs.evolve(chosen, node=attrs.evolve(node, condition=condition, then=then, otherwise=otherwise), written=node)
            case Call():
                return self.call(node)

    def arithmetic(self, node: Arithmetic) -> _Typed:
        left, right = self.number(node.left), self.number(node.right)
        literal = left.literal and right.literal
        converted = Fraction(1)
        if node.op in ("+", "-"):
            unit, bare, (left, right) = self.unified((left, right), "add" if node.op == "+" else "subtract", node.span)
            if node.op == "-" and left.unit == right.unit == SHARE:
                unit = PP
        else:
            unit, bare, right, converted = self.product(left, right, divide=node.op == "/")
            if left.unit is None or right.unit is None:
                self.twice(converted, _Typed(node, node, "number"))
            else:
                self.twice(converted, left)
                self.twice(1 / converted if node.op == "/" else converted, right)
        tree = attrs.evolve(node, left=left.node, right=right.node)
        return _Typed(tree, node, "number", unit, bare, literal, converted)

    def product(self, left: _Typed, right: _Typed, *, divide: bool) -> tuple[Unit | None, bool, _Typed, Fraction]:
        """The unit of a product, whether it is bare, the right side in the durations of the left, and what the product was multiplied by for that."""
        if left.unchecked or right.unchecked:
            return None, False, right, Fraction(1)
        if left.unit is None and right.unit is None:
            return None, True, right, Fraction(1)
        if left.unit is None:
            return divided(RATIO, right.unit or RATIO) if divide else right.unit, False, right, right.converted
        if right.unit is None:
            return left.unit, False, right, left.converted
        unit, factor = aligned(left.unit, right.unit)
        right = attrs.evolve(right, node=self.rescaled(right.node, factor), unit=unit)
        whole = 1 / factor if divide else factor
        return divided(left.unit, unit) if divide else multiplied(left.unit, unit), False, right, whole

    def twice(self, factor: Fraction, typed: _Typed, what: str = "a duration is converted") -> None:
        """A warning where a value is multiplied by hand by what it is converted with already: `arr == mrr * 12`."""
        for found in by_hand(typed.written) if factor != 1 else ():
            if found.factor != factor:
                continue
            shown, without = (f"`{unparse(node)}`" if found.defined else self.shown(node) for node in (found.product, found.without))
            if found.defined:
                shown += f" in `{found.defined}`"
            message = f"{what} where the two meet, and {shown} counts the factor again"
            self.report("converted-twice", typed.written.span if found.defined else found.product.span, message, f"write {without}", Severity.WARNING)

    def comparison(self, node: Comparison) -> _Typed:
        operands = [self.visit(operand) for operand in (node.first, *node.rest)]
        special = next((typed for typed in operands if typed.kind in ("text", "condition", "range")), None)
        if special is None:
            operands = list(self.unified(operands, "compare", node.span)[2])
        else:
            self.same_kind(special, operands, node)
        tree = attrs.evolve(node, first=operands[0].node, rest=tuple(typed.node for typed in operands[1:]))
        return _Typed(tree, node, "condition")

    def same_kind(self, special: _Typed, operands: Sequence[_Typed], node: Comparison) -> None:
        what = _KIND_WORDS[special.kind]
        if special.kind == "range":
            self.report("mixed-kinds", special.written.span, f"{self.shown(special.written)} is a range", "write `x in …`")
            return
        for typed in operands:
            if typed.kind not in (special.kind, "any"):
                message = f"cannot compare {self.shown(special.written)} ({what}) and {self.shown(typed.written)} ({_KIND_WORDS[typed.kind]})"
                self.report("mixed-kinds", node.span, message)
        if any(op not in ("==", "!=") for op in node.ops):
            message = f"{self.shown(special.written)} is {what}, which has no order"
            self.report("mixed-kinds", special.written.span, message, "compare it with `==`, `!=` or `in {…}`")

    def range_(self, node: Interval | Around | SetOf) -> _Typed:
        if isinstance(node, Interval):
            ends = (self.number(node.low), self.number(node.high))
            unit, bare, (low, high) = self.unified(ends, "compare", node.span)
            return _Typed(attrs.evolve(node, low=low.node, high=high.node), node, "range", unit, bare, literal=low.literal and high.literal)
        if isinstance(node, Around):
            centre, spread = self.number(node.centre), self.number(node.spread)
            literal = centre.literal and spread.literal
            unit, bare = centre.unit, centre.bare
            if not node.relative:
                unit, bare, (centre, spread) = self.unified((centre, spread), "add", node.span)
            return _Typed(attrs.evolve(node, centre=centre.node, spread=spread.node), node, "range", unit, bare, literal)
        chosen, items = self.one_of([self.visit(item) for item in node.items], node.span)
        return _Typed(attrs.evolve(node, items=items), node, "range", chosen.unit, chosen.bare, literal=True)

    def membership(self, node: Membership) -> _Typed:
        operand, where = self.visit(node.operand), self.visit(node.where)
        body = body_of(node.where)
        kind: Kind = "number"
        if isinstance(body, SetOf):
            kind = "text" if isinstance(body.items[0], Text) else "condition" if isinstance(body.items[0], Truth) else "number"
        if where.kind != "range":
            message = f"{self.shown(where.written)} is not a range"
            self.report("not-a-range", where.written.span, message, "write `in [low, high]` or `in {…}`")
        elif operand.kind not in (kind, "any"):
            message = f"{self.shown(operand.written)} is {_KIND_WORDS[operand.kind]}, but {self.shown(where.written)} holds {_PLURALS[kind]}"
            self.report("mixed-kinds", node.span, message)
        elif kind == "number":
            operand, where = self.unified((operand, where), "compare", node.span)[2]
        return _Typed(attrs.evolve(node, operand=operand.node, where=where.node), node, "condition")

    def call(self, node: Call) -> _Typed:
        arguments: Sequence[_Typed] = [self.visit(argument) for argument in node.arguments]
        if node.function == "is_missing":
            return _Typed(attrs.evolve(node, arguments=tuple(typed.node for typed in arguments)), node, "condition")
        if node.function == "coalesce":
            chosen, nodes = self.one_of(arguments, node.span)
            return attrs.evolve(chosen, node=attrs.evolve(node, arguments=nodes), written=node)
        if node.function in ("abs", "min", "max", "clip"):
            arguments = [self.as_number(typed) for typed in arguments]
            unit, bare, arguments = self.unified(arguments, "choose between", node.span)
            tree = attrs.evolve(node, arguments=tuple(typed.node for typed in arguments))
            return _Typed(tree, node, "number", unit, bare, literal=all(typed.literal for typed in arguments))
        function = self.functions.get(node.function)
        takes = function.takes if function is not None else (None,) * len(arguments)
        passed = [self.passed(typed, unit, node.function, place) for place, (typed, unit) in enumerate(zip(arguments, takes, strict=False), 1)]
        tree = attrs.evolve(node, arguments=tuple(passed))
        gives = function.gives if function is not None else None
        if isinstance(gives, str):
            return _Typed(tree, node, "condition" if gives == "truth" else "text")
        return _Typed(tree, node, "any" if gives is None else "number", gives)

    def passed(self, typed: _Typed, unit: Unit | None, function: str, place: int) -> Node:
        """A value in the unit in which a registered function takes it."""
        typed = self.as_number(typed)
        if unit is None:
            return typed.node
        target = _Typed(typed.node, typed.written, "number", unit, called=f"value {place} of `{function}`")
        if typed.unit is None:
            if typed.bare:
                self.bare_beside(typed, target, "pass")
            else:
                self.read_beside([typed], [target])
            return typed.node
        factor = conversion(typed.unit, unit)
        if factor is None:
            self.meeting(target, typed, "pass", typed.written.span, left=target)
            return typed.node
        return self.rescaled(typed.node, factor)

    def one_of(self, choices: Sequence[_Typed], span: Span) -> tuple[_Typed, tuple[Node, ...]]:
        """Values one of which is taken: they are of one kind and one unit."""
        sure = [typed for typed in choices if typed.kind != "any"]
        first = sure[0] if sure else choices[0]
        odd = next((typed for typed in sure if typed.kind != first.kind), None)
        if odd is not None:
            message = f"{self.shown(first.written)} is {_KIND_WORDS[first.kind]}, but {self.shown(odd.written)} is {_KIND_WORDS[odd.kind]}"
            self.report("mixed-kinds", span, message)
            first = attrs.evolve(first, kind="any", unit=None, bare=False)
        elif first.kind in ("number", "any"):
            unit, bare, choices = self.unified(choices, "choose between", span)
            literal = all(typed.literal for typed in choices)
            first = attrs.evolve(first, unit=unit, bare=bare, literal=literal)
        return first, tuple(typed.node for typed in choices)

    # units

    def unified(self, operands: Sequence[_Typed], verb: Verb, span: Span) -> tuple[Unit | None, bool, Sequence[_Typed]]:
        """The unit in which several operands meet, whether it is that of bare numbers, and the operands converted to it."""
        self.per_input(operands)
        known = [typed for typed in operands if typed.unit is not None]
        unchecked = [typed for typed in operands if typed.unchecked]
        if not known:
            return None, not unchecked, operands
        if unchecked and self.read_beside(unchecked, known):
            unchecked = [typed for typed in unchecked if not isinstance(typed.node, Name)]
        target = next((typed for typed in known if not typed.literal), known[0])
        for typed in known:
            factor = conversion(_unit(typed), _unit(target))
            if not typed.literal and factor is not None and factor < 1:
                target = typed
        for typed in unchecked:
            self.partly_known(typed, target, verb, span)
        unit: Unit | None = _unit(target)
        met: list[_Typed] = []
        for typed in operands:
            if typed.unit is None:
                if typed.bare:
                    self.bare_beside(typed, target, verb, left=typed is operands[0])
                met.append(typed)
                continue
            factor = conversion(typed.unit, _unit(target))
            if factor is None:
                together = self.meeting(target, typed, verb, span, left=operands[0])
                unit = together if unit is not None else None  # after a mismatch nothing is known, so that it is told once
                met.append(typed)
            else:
                what = f"what is in {typed.unit} is converted to {target.unit}"
                self.twice(factor, typed, what)
                self.twice(1 / factor, target, what)
                met.append(attrs.evolve(typed, node=self.rescaled(typed.node, factor), unit=_unit(target)))
        if unit == PERCENT and verb in ("add", "subtract") and len(known) < len(operands):
            unit = RATIO
        return (None if unchecked else unit), False, met

    def meeting(self, target: _Typed, other: _Typed, verb: Verb, span: Span, *, left: _Typed) -> Unit | None:
        """The unit of two that do not convert but may go together; otherwise none and an issue, as where it is doubtful."""
        mine, yours = _unit(target), _unit(other)
        if mine.dimensionless and yours.dimensionless:
            return self.parts(target, other, verb, span, left=left)
        if mine.counts and yours.counts and _COUNT in (mine, yours) and len((mine if yours == _COUNT else yours).factors) == 1:
            return mine if yours == _COUNT else yours
        for amount, per in ((other, target), (target, other)):
            if amount.literal and _per_thing(_unit(amount), _unit(per)):
                message = f"{self.named(amount)} is read as {per.unit}, the unit of {self.named(per)}"
                self.report("money-per-thing", amount.written.span, message, severity=Severity.NOTE)
                return _unit(per)
        self.mismatch(target, other, verb, span)
        return None

    def parts(self, target: _Typed, other: _Typed, verb: Verb, span: Span, *, left: _Typed) -> Unit:
        """Shares, points, per cents and ratios among themselves."""
        both = {target.unit, other.unit}
        sums = verb in ("add", "subtract")
        per_cent = target if target.unit == PERCENT else other
        rest = other if per_cent is target else target
        if both == {SHARE, PP}:
            points = target if target.unit == PP else other
            if not sums:
                share = other if points is target else target
                message = f"{self.described(points)} is a difference of shares, but {self.described(share)} is a share"
                hint = "write `%` for a share, or compare a difference of two shares"
                self.report("points-for-share", span, message, hint, Severity.WARNING)
            return SHARE
        if PERCENT in both and RATIO not in both:
            complement = verb == "subtract" and per_cent is left and rest.unit == SHARE
            literal = self.shown(per_cent.written)
            if rest.unit == PP and sums and per_cent.literal and rest.literal:
                return SHARE  # `20% ± 2pp`: so many points around a share
            if rest.unit == PP:
                message = f"{literal} is a relative share, but {self.described(rest)} is a difference of shares"
                self.report("percent-for-points", per_cent.written.span, message, f"write {_points(per_cent, literal)}", Severity.WARNING)
            elif sums and not complement:
                message = f"{literal} is a relative share, added to {self.described(rest)} as if it were points"
                sign = "-" if verb == "subtract" else "+"
                hint = f"write {_points(per_cent, literal)}, or `× (1 {sign} {literal[1:-1].lstrip('+')})` for a relative change"
                self.report("percent-for-points", per_cent.written.span, message, hint, Severity.WARNING)
            return _unit(rest)
        return PP if PP in both else RATIO

    def mismatch(self, target: _Typed, other: _Typed, verb: Verb, span: Span) -> None:
        first, second = (other, target) if verb == "pass" else sorted((target, other), key=lambda typed: typed.written.span)
        mine, yours = _unit(first), _unit(second)
        what = f"cannot {verb} {self.described(first)} {'as' if verb == 'pass' else 'and'} {self.described(second)}"
        code, hint = "unit-mismatch", ""
        if mine.currency and yours.currency and mine.currency != yours.currency:
            code, hint = "mixed-currencies", "convert one of the two before they meet"
        elif mine.duration and yours.duration:
            code = "calendar-duration"
            calendar, fixed = (mine, yours) if "calendar" in mine.families() else (yours, mine)
            hint = f"a {calendar.duration} has no fixed number of {fixed}: write both in {calendar}, or both in {fixed}"
        elif PERCENT in (mine, yours):
            per_cent, rest = (first, second) if mine == PERCENT else (second, first)
            of = f"{self.shown(rest.written)[:-1]} *"
            written = self.shown(per_cent.written)[1:-1].lstrip("+")
            hint = f"a per cent is relative: write {of} (1 {'-' if verb == 'subtract' else '+'} {written})`"
            if verb not in ("add", "subtract"):
                hint = f"a per cent is relative: write `baseline * {written}`"
        self.report(code, span, what, hint)

    def bare_beside(self, bare: _Typed, target: _Typed, verb: Verb, *, left: bool = False) -> None:
        """A note where a number without a unit meets money or time, a warning where one above 1 meets a share; zero needs none."""
        unit = _unit(target)
        if unit.kind:
            self.beyond_one(bare, target, points=unit == PP or (unit == SHARE and verb in ("add", "subtract") and not (left and verb == "subtract")))
        body = body_of(bare.written)
        if not unit.families() - {"thing"} or (isinstance(body, Number) and not body.exact):
            return
        hint = ""
        if isinstance(bare.written, Number) and len(unit.factors) == 1 and unit.factors[0][1] == 1:
            hint = f"write `{unparse(attrs.evolve(bare.written, unit=unit))}`"
        message = f"{self.shown(bare.written)} has no unit, and is read in that of {self.described(target)}"
        self.report("bare-number", bare.written.span, message, hint, Severity.NOTE)

    def beyond_one(self, bare: _Typed, target: _Typed, *, points: bool) -> None:
        """A warning where a number above 1 meets a share or points that no product made: 30 would be 3,000 %."""
        if not beyond_one(bare.written) or multiplies(target.written):
            return
        meant, read = in_per_cents(bare.written, points=points)
        defined = isinstance(bare.written, Defined)
        number = f"{self.shown(bare.written)}, which is {unparse(bare.node.body)}," if isinstance(bare.node, Defined) else self.shown(bare.written)
        message = f"{number} is {read} beside {self.described(target)}"
        self.report(
            "bare-share", bare.written.span, message, f"{'define it as' if defined else 'write'} `{meant}`, or `{read}` if that is meant", Severity.WARNING
        )

    def per_input(self, operands: Sequence[_Typed]) -> None:
        """A warning where `$3/seat` beside a value in USD/seat divides by an input."""
        for typed in operands:
            ends = children(typed.written) if isinstance(typed.written, Interval | SetOf | Around) else (typed.written,)
            for end in ends:
                match end:
                    case Arithmetic(op="/", left=Number(unit=Unit() as amount), right=Name(name=name)) if amount.currency:
                        per = _per(amount, name)
                        if any(other.unit == per for other in operands if other is not typed):
                            written = self.shown(end.left)
                            message = f"{self.shown(end)} divides {written} by an input"
                            self.report("money-per-thing", end.span, message, f"write {written}, which is read as {per}", Severity.WARNING)

    def read_beside(self, unchecked: Sequence[_Typed], known: Sequence[_Typed]) -> bool:
        """Names without a unit beside durations: their numbers are read in the duration's unit. Whether there was one."""
        durations = list(dict.fromkeys(typed.unit for typed in known if typed.unit is not None and typed.unit.duration))
        for typed in unchecked:
            for name in _added_names(typed.node):
                for unit in durations:
                    self.read_as(name, unit)
        return bool(durations)

    def partly_known(self, unchecked: _Typed, target: _Typed, verb: Verb, span: Span) -> None:
        """A sum or a choice of something undeclared and an amount is of that amount's unit, or of none: dollars and whatever are no months."""
        there = _unit(target)
        for name in _added_names(unchecked.node):
            unit = self.units.get(name.name)
            if unit is None or conversion(unit, there) is not None or _per_thing(unit, there) or _per_thing(there, unit):
                continue
            if unit.dimensionless or there.dimensionless or unit.counts or there.counts:
                continue  # what a share, a point or a count may stand beside is told where both are known
            if not any(issue.severity is Severity.ERROR for issue in self.issues):  # a sum has no unit after a mismatch either, and that was told
                self.mismatch(target, attrs.evolve(unchecked, unit=unit), verb, span)
            return

    def read_as(self, name: Name, unit: Unit) -> None:
        if self.units.get(name.name) is not None:
            return
        before = self.read.setdefault(name.name, unit)
        if before != unit:
            message = f"{self.shown(name)} has no declared unit, and stands beside {before} and beside {unit}"
            self.report("undeclared-duration", name.span, message, "declare its unit, or write all durations beside it in one")

    # conversion

    def rescaled(self, node: Node, factor: Fraction) -> Node:  # noqa: C901  # one case for each type of node
        """The same value in another unit: every number of it times `factor`, exactly."""
        if factor == 1:
            return node
        match node:
            case Number():
                exact = node.exact * factor
                if not holdable(exact):
                    message = f"{self.shown(node)} is beyond what a number can hold in the other side's unit"
                    self.report("bad-number", node.span, message)
                    return node
                return attrs.evolve(node, value=float(exact), exact=exact, scale=node.scale * factor)
            case Name():
                return attrs.evolve(node, scale=node.scale * factor)
            case Defined():
                return attrs.evolve(node, body=self.rescaled(node.body, factor))
            case Negative():
                return attrs.evolve(node, operand=self.rescaled(node.operand, factor))
            case Arithmetic("+" | "-"):
                return attrs.evolve(node, left=self.rescaled(node.left, factor), right=self.rescaled(node.right, factor))
            case Arithmetic("*") if isinstance(node.left, Number) and node.left.unit is None:
                return attrs.evolve(node, right=self.rescaled(node.right, factor))
            case Arithmetic():
                return attrs.evolve(node, left=self.rescaled(node.left, factor))
            case Interval():
                return attrs.evolve(node, low=self.rescaled(node.low, factor), high=self.rescaled(node.high, factor))
            case Around():
                spread = node.spread if node.relative else self.rescaled(node.spread, factor)
                return attrs.evolve(node, centre=self.rescaled(node.centre, factor), spread=spread)
            case SetOf():
                return attrs.evolve(node, items=tuple(self.rescaled(item, factor) for item in node.items))
            case Choice():
                return attrs.evolve(node, then=self.rescaled(node.then, factor), otherwise=self.rescaled(node.otherwise, factor))
            case Call("abs" | "min" | "max" | "clip" | "coalesce"):
                return attrs.evolve(node, arguments=tuple(self.rescaled(argument, factor) for argument in node.arguments))
            case _:
                return Arithmetic("*", node, Number(float(factor), factor, scale=factor, span=node.span), span=node.span)


def _unit(typed: _Typed) -> Unit:
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


def _points(per_cent: _Typed, shown: str) -> str:
    return shown.replace("%", "pp") if isinstance(per_cent.written, Number) else "it in `pp`"


def _outermost(node: Node) -> Iterator[Name | Defined]:
    """The names and definitions that stand in the text itself, in the order written."""
    if isinstance(node, Name | Defined):
        yield node
        return
    for child in children(node):
        yield from _outermost(child)


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
