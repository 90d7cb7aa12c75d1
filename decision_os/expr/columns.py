"""The same tree over columns: two masks that are never null, known-true and known-false, or a number with its bound.

Null, NaN and ±inf are unknown, on every engine; what an engine itself makes of them decides nothing, because every value is made
known or null before it is used, and every mask is a plain boolean. The rounding bound is computed by the recurrence of `arithmetic`, in the same order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, Final, NamedTuple, TypeAlias

import attrs
import narwhals.stable.v2 as nw

from decision_os.errors import ExpressionError, InputError
from decision_os.expr import arithmetic
from decision_os.expr.arithmetic import ROUNDING, Context, Refusal
from decision_os.expr.place import place
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
    Text,
    Truth,
    children,
    range_of,
)
from decision_os.expr.truths import as_column, every, inverse, some
from decision_os.units import FIXED
from decision_os.values import LARGEST_INTEGER, Unknown

__all__ = ["Masks", "Schema", "Stage", "as_column", "blame", "kind_of", "masks", "value"]

Schema: TypeAlias = Mapping[str, Any]
"""The type of each column: a narwhals dtype, or one of `number`, `text`, `bool`, `date`, `instant`, `naive`, `duration`, `missing`."""

_WORDS: Final = {
    "number": "a number",
    "text": "a text",
    "bool": "true or false",
    "date": "a date",
    "instant": "an instant",
    "duration": "a duration",
    "missing": "missing",
}


class Masks(NamedTuple):
    """Where a condition is known to hold, and where it is known not to; neither is ever null, and either is a plain bool where that is so for every row."""

    true: Any
    false: Any

    @property
    def unknown(self) -> Any:
        """Where it is neither."""
        return every([inverse(self.true), inverse(self.false)])

    def as_columns(self) -> Masks:
        """Both as expressions."""
        return Masks(as_column(self.true), as_column(self.false))

    def __invert__(self) -> Masks:
        return Masks(self.false, self.true)


@attrs.frozen(eq=False)
class _Number:
    """A column of numbers with its bound, known where the bound is finite; both are plain floats where they are known now.

    The bound of every column is at least a share of its magnitude, and no operation makes a finite bound of one that is not: a null, a NaN, an infinity
    or an overflow anywhere below shows in it. Where it is not finite the value means nothing.
    """

    value: Any
    error: Any

    @property
    def constant(self) -> bool:
        return isinstance(self.value, float)

    @property
    def known(self) -> Any:
        return True if self.constant else _finite(self.error)


class Stage:
    """Sub-values kept as columns of their own for the length of one computation, level by level.

    An engine is handed a tree, not a graph: a value that is used twice would be written, and worked out, twice, and twice that one level up.
    Kept here, it is worked out once; what several conditions share is kept once for all of them. `apply` adds the columns to a frame.
    `inputs` says what stands for a name, where that is not the column of the same name: an expression, or a plain value. A `flat` stage keeps
    nothing: everything is written out where it is used.
    """

    def __init__(self, inputs: Mapping[str, Any] | None = None, *, flat: bool = False) -> None:
        self.inputs = inputs or {}
        self.flat = flat
        self.levels: dict[int, dict[str, Any]] = {}
        self.terms: dict[tuple[Node, str], Any] = {}
        self.count = 0

    def put(self, expression: Any, level: int) -> Any:
        """Keep an expression that rests on columns of lower levels, and refer to it by name."""
        if self.flat or isinstance(expression, bool):
            return expression
        name = f"__decision_os_{self.count}"
        self.count += 1
        self.levels.setdefault(level, {})[name] = expression
        return nw.col(name)

    def apply(self, frame: Any) -> Any:
        """The frame with everything that was kept."""
        for level in sorted(self.levels):
            frame = frame.with_columns(**self.levels[level])
        return frame


@attrs.frozen(eq=False)
class _Plain:
    """A column of texts, dates or instants: null where unknown."""

    value: Any
    kind: str
    zone: str | None = None
    """That of a column of instants, where it is known."""

    @property
    def known(self) -> Any:
        return ~self.value.is_null()


_Term: TypeAlias = _Number | _Plain | Masks


def kind_of(dtype: Any, column: str = "") -> str:
    """What a column of that type is to an expression.

    Raises `InputError` for a type no rule can read, such as a list.

    >>> kind_of(nw.Float64()), kind_of(nw.String()), kind_of("bool")
    ('number', 'text', 'bool')
    """
    if isinstance(dtype, str):
        return dtype
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is None:
        return "naive"
    for kind, types in _DTYPES.items():
        if isinstance(dtype, types):
            return kind
    if dtype == nw.Unknown or type(dtype).__name__ == "Null":
        return "missing"
    raise InputError(f"the column `{column}` holds {dtype}, which no rule can read", name=column, hint="cast it to numbers, texts, dates or truth values")


_DTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "text": (nw.String, nw.Categorical, nw.Enum),
    "bool": (nw.Boolean,),
    "instant": (nw.Datetime,),
    "date": (nw.Date,),
    "duration": (nw.Duration,),
}


def masks(tree: Node, schema: Schema | None, context: Context, stage: Stage | None = None) -> Masks:
    """Where a condition is known true and known false. With a `stage`, the masks refer to columns it keeps.

    Raises `InputError` where a column's type does not fit its use, and `ExpressionError` for what has no columns.
    """
    return _Columns(schema, context, stage).condition(tree)


def value(tree: Node, schema: Schema | None, context: Context) -> Any:
    """One expression: a number, a text or a date, or true and false; null where unknown."""
    term = _Columns(schema, context).term(tree)
    if isinstance(term, Masks):
        return nw.when(as_column(term.true)).then(as_column(True)).otherwise(nw.when(as_column(term.false)).then(as_column(False)))
    if isinstance(term, _Number):
        return _float(term.value) if term.constant else nw.when(term.known).then(term.value)
    return term.value


def blame(tree: Node, schema: Schema | None, context: Context, stage: Stage | None = None) -> dict[str, Any]:
    """For each input, where it is among the reasons why the tree is unknown; a mask that is never null.

    An operand that decides ends the matter: `a` is not to blame where `a and b` is false by `b`.
    """
    return {name: mask for name, mask in _Columns(schema, context, stage).blamed(tree).items() if mask is not False}


def _float(number: float) -> Any:
    """A constant that may be a column of its own. By its text: a literal of SQL is a decimal, and what Ibis makes of a column of those is rounded twice."""
    return nw.lit(repr(number)).cast(nw.Float64)


def _finite(bound: Any) -> Any:
    """Where a bound, which is never below zero, is a finite number: on every engine a NaN is either above all numbers or compares as false."""
    return (bound <= sys.float_info.max).fill_null(value=False)


class _Columns:
    """One walk over one tree."""

    def __init__(self, schema: Schema | None, context: Context, stage: Stage | None = None) -> None:
        self.schema = schema
        self.context = context
        self.text = context.text
        self.stage = stage

    def term(self, node: Node, wanted: str = "number") -> _Term:
        if self.stage is None or self.stage.flat or isinstance(node, Number | Text | Truth | Defined):
            return self.worked_out(node, wanted)
        key = (node, wanted)
        if key not in self.stage.terms:
            self.stage.terms[key] = self.kept(self.worked_out(node, wanted), 3 * _height(node), self.stage)
        found: _Term = self.stage.terms[key]
        return found

    def kept(self, term: _Term, level: int, stage: Stage) -> _Term:
        """The same term, referring to columns: its value (or what is known true) at this level, what rests on that at the next."""
        if isinstance(term, Masks):
            return Masks(stage.put(term.true, level), stage.put(term.false, level))
        if isinstance(term, _Plain) or term.constant:
            return term
        return _Number(stage.put(term.value, level), stage.put(term.error, level))

    def worked_out(self, node: Node, wanted: str) -> _Term:
        match node:
            case Number():
                return _Number(*arithmetic.literal(node))
            case Text():
                return _Plain(nw.lit(node.value), "text")
            case Truth():
                return Masks(node.value, not node.value)
            case Name():
                return self.input(node, wanted)
            case Defined():
                outer, self.text = self.text, self.context.texts.get(node.name, "")
                try:
                    return self.term(node.body, wanted)
                finally:
                    self.text = outer
            case Negative():
                inner = self.number(node.operand)
                return _Number(-inner.value, inner.error)
            case Arithmetic():
                return _OPERATIONS[node.op](self.number(node.left), self.number(node.right))
            case Call():
                return self.call(node, wanted)
            case Choice():
                return self.choice(node, wanted)
            case Comparison() | Membership() | Logic() | Not():
                return self.logical(node)
            case Interval() | Around() | SetOf():
                raise self.refused(node, "a range or a set has no single value: it stands to the right of `in`")

    # ── leaves ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def kind(self, node: Name, wanted: str) -> str:
        if self.schema is None:
            return wanted
        return kind_of(self.schema[node.name], node.name) if node.name in self.schema else "missing"

    def input(self, node: Name, wanted: str) -> _Term:
        kind = self.kind(node, wanted)
        column = nw.col(node.name) if self.stage is None else self.stage.inputs.get(node.name, nw.col(node.name))
        dtype = (self.schema or {}).get(node.name)
        if kind == "missing":
            return self.absent(wanted)
        if isinstance(column, bool):
            return Masks(column, not column)
        if isinstance(column, float):
            return self.scaled(_Number(*arithmetic.given(column)), node)
        if not isinstance(column, nw.Expr):
            column = nw.lit(column)
        if kind == "bool":
            known, truth = ~column.is_null(), column.fill_null(value=False).cast(nw.Boolean)
            return Masks(known & truth, known & ~truth)
        if kind == "text":
            return _Plain(column.cast(nw.String), kind)
        if kind == "duration":
            return self.scaled(self.seconds(node, column), node)
        if kind != "number":
            return _Plain(column, kind, getattr(dtype, "time_zone", None))
        return self.scaled(_given(_floats(column, dtype)), node)

    def absent(self, wanted: str) -> _Term:
        if wanted == "bool":
            return Masks(False, False)
        if wanted == "number":
            nothing = nw.lit(None, dtype=nw.Float64)
            return _Number(nothing, nothing)
        return _Plain(nw.lit(None, dtype=nw.String), "missing")

    def seconds(self, node: Name, column: Any) -> _Number:
        unit = self.context.units.get(node.name)
        length = FIXED.get(unit.duration) if unit is not None else None
        if length is None:
            hint = "declare it in seconds, minutes, hours, days or weeks"
            raise self.refused(node, f"`{node.name}` has no unit, so a column of durations cannot be read for it", hint)
        return _given(column.dt.total_microseconds().cast(nw.Float64) / float(1_000_000 * length))

    def scaled(self, term: _Number, node: Name) -> _Number:
        return term if node.scale == 1 else _multiply(term, _Number(*arithmetic.constant(node.scale)))

    # ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self, node: Node) -> _Number:
        term = self.term(node)
        if isinstance(term, _Number):
            return term
        if isinstance(term, _Plain) and term.kind == "missing":
            nothing = nw.lit(None, dtype=nw.Float64)
            return _Number(nothing, nothing)
        kind = "bool" if isinstance(term, Masks) else term.kind
        raise self.refused(node, f"{arithmetic.subject(node)}{_WORDS[kind]} where a number is needed")

    def call(self, node: Call, wanted: str) -> _Term:
        match node.function:
            case "is_missing":
                known = self.known(node.arguments[0])
                return Masks(inverse(known), known)
            case "coalesce":
                return reduce(_first_known, (self.term(argument, wanted) for argument in node.arguments))
            case "abs":
                term = self.number(node.arguments[0])
                return _Number(abs(term.value) if term.constant else term.value.abs(), term.error)
            case "min":
                return _extreme([self.number(argument) for argument in node.arguments], "min")
            case "max":
                return _extreme([self.number(argument) for argument in node.arguments], "max")
            case "clip":
                x, low, high = (self.number(argument) for argument in node.arguments)
                return _extreme([_extreme([x, low], "max"), high], "min")
            case _:
                hint = "decide row by row with `evaluate`, or compute it as a column first"
                line, column = place(self.text, node.span[0])
                message = f"`{node.function}` is a Python function: it cannot run in a dataframe engine"
                raise ExpressionError(message, text=self.text, line=line, column=column, width=node.span[1] - node.span[0], hint=hint)

    def choice(self, node: Choice, wanted: str) -> _Term:
        condition = self.condition(node.condition)
        then, otherwise = self.term(node.then, wanted), self.term(node.otherwise, wanted)
        if isinstance(then, Masks) and isinstance(otherwise, Masks):
            true, false = (some([every([condition.true, mine]), every([condition.false, others])]) for mine, others in zip(then, otherwise, strict=True))
            return Masks(true, false)
        if isinstance(then, _Number) and isinstance(otherwise, _Number):
            return _Number(_either(condition, then.value, otherwise.value), _either(condition, then.error, otherwise.error))
        if isinstance(then, _Plain) and isinstance(otherwise, _Plain):
            return _Plain(_either(condition, then.value, otherwise.value), then.kind)
        raise self.refused(node, "both sides of a choice are of one kind: numbers, texts or conditions")

    # ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, node: Node) -> Masks:
        term = self.term(node, "bool")
        if isinstance(term, Masks):
            return term
        kind = "number" if isinstance(term, _Number) else term.kind
        if kind == "missing":
            return Masks(False, False)
        raise self.refused(node, f"{arithmetic.subject(node)}{_WORDS[kind]} where a condition is needed", "compare it with something")

    def logical(self, node: Comparison | Membership | Logic | Not) -> Masks:
        match node:
            case Not():
                return ~self.condition(node.operand)
            case Logic():
                parts = [self.condition(operand) for operand in node.operands]
                return _conjunction(parts) if node.op == "and" else _disjunction(parts)
            case Comparison():
                nodes = (node.first, *node.rest)
                wanted = next((self.kind_wanted(operand) for operand in nodes if self.kind_wanted(operand) != "number"), "number")
                terms = [self.term(operand, wanted) for operand in nodes]
                return _conjunction([self.compare(op, terms[i], terms[i + 1], nodes[i], nodes[i + 1]) for i, op in enumerate(node.ops)])
            case Membership():
                found = self.within(node.operand, node.where, self.text)
                return ~found if node.negated else found

    def kind_wanted(self, node: Node) -> str:
        """What a name beside this operand is taken for when no schema tells."""
        if isinstance(node, Text):
            return "text"
        if isinstance(node, Truth | Comparison | Membership | Logic | Not):
            return "bool"
        if isinstance(node, Name) and self.schema is not None:
            kind = self.kind(node, "number")
            return "number" if kind in ("duration", "missing") else kind
        return self.kind_wanted(node.body) if isinstance(node, Defined) else "number"

    def within(self, operand: Node, where: Node, text: str) -> Masks:
        """`text` is what the operand's span points into; a definition's range stands in another."""
        match where:
            case Defined():
                outer, self.text = self.text, self.context.texts.get(where.name, "")
                try:
                    return self.within(operand, where.body, text)
                finally:
                    self.text = outer
            case Around():
                return self.within(operand, where.interval, text)
            case Interval():
                low = self.one(">=" if where.low_closed else ">", operand, where.low, text)
                return _conjunction([low, self.one("<=" if where.high_closed else "<", operand, where.high, text)])
            case SetOf():
                return _disjunction([self.one("==", operand, item, text) for item in where.items])
            case _:
                raise self.refused(where, "`in` needs an interval or a set")

    def one(self, op: str, operand: Node, end: Node, text: str) -> Masks:
        wanted = next((kind for node in (operand, end) if (kind := self.kind_wanted(node)) != "number"), "number")
        right, end = self.term(end, wanted), end if self.text == text else operand
        inner, self.text = self.text, text
        try:
            return self.compare(op, self.term(operand, wanted), right, operand, end)
        finally:
            self.text = inner

    def compare(self, op: str, left: _Term, right: _Term, left_node: Node, right_node: Node) -> Masks:
        if any(isinstance(term, _Plain) and term.kind == "missing" for term in (left, right)):
            return Masks(False, False)
        if isinstance(left, _Number) and isinstance(right, _Number):
            difference, bound = left.value - right.value, left.error + right.error
            if left.constant and right.constant:
                holds = bool(_COMPARISONS[op](difference, bound))
                return Masks(holds, not holds)
            known = _finite(bound)
            true = known & _COMPARISONS[op](difference, bound)  # a gap in the difference is one in the bound, and false whatever the other mask is
            return Masks(true, known & ~true)
        if isinstance(left, Masks) and isinstance(right, Masks) and op in ("==", "!="):
            same = Masks(
                some([every([left.true, right.true]), every([left.false, right.false])]),
                some([every([left.true, right.false]), every([left.false, right.true])]),
            )
            return same if op == "==" else ~same
        for side, term in enumerate((left, right)):
            if isinstance(term, _Plain) and term.kind == "naive":
                message, hint = "an instant without a zone cannot be compared", "give the column a zone first"
                raise arithmetic.refused(Refusal(message, hint=hint, side=side), self.text, left_node, right_node)
        if isinstance(left, _Plain) and isinstance(right, _Plain) and left.kind == right.kind and (left.kind != "text" or op in ("==", "!=")):
            known = left.known & right.known
            true = _ORDERED[op](*_in_one_zone(left, right)).fill_null(value=False) & known
            return Masks(true, known & ~true)
        kinds = [_WORDS[_kind(term)] for term in (left, right)]
        orderless = kinds[0] == kinds[1]
        message = f"{kinds[0]} has no order: only `==`, `!=` and a set are meant for it" if orderless else f"{kinds[0]} does not compare with {kinds[1]}"
        raise arithmetic.refused(Refusal(message, side=-1), self.text, left_node, right_node)

    # ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def known(self, node: Node, wanted: str | None = None) -> Any:
        term = self.term(node, wanted or self.kind_wanted(node))
        if isinstance(term, Masks):
            return some([term.true, term.false])
        if isinstance(term, _Plain) and term.kind == "missing":
            return False
        return term.known

    def blamed(self, node: Node, wanted: str = "bool") -> dict[str, Any]:
        match node:
            case Number() | Text() | Truth() | Call(function="is_missing"):
                return {}
            case Name():
                as_given = attrs.evolve(node, scale=Fraction(1))  # one that overflows as it is converted is there, like one that does in a product
                return {node.name: inverse(self.known(as_given, wanted))}
            case Defined():
                return self.blamed(node.body, wanted)
            case Logic():
                return self.where_unknown(node, node.operands, "bool")
            case Not():
                return self.blamed(node.operand, "bool")
            case Comparison():
                firsts = (node.first, *node.rest[:-1])
                pairs = [Comparison(left, (op,), (right,), span=node.span) for left, op, right in zip(firsts, node.ops, node.rest, strict=True)]
                if len(pairs) > 1:
                    return self.where_unknown(node, pairs, "bool")
                return self.gathered((node.first, *node.rest), self.wanted_beside((node.first, *node.rest)))
            case Membership():
                return self.within_blamed(node)
            case Choice():
                condition = self.condition(node.condition)
                sides = [
                    (condition.unknown, self.blamed(node.condition, "bool")),
                    (condition.true, self.blamed(node.then, wanted)),
                    (condition.false, self.blamed(node.otherwise, wanted)),
                ]
                return _joined({name: every([mask, where]) for name, mask in found.items()} for where, found in sides)
            case Call(function="coalesce"):
                return self.where_unknown(node, node.arguments, wanted)
            case Negative() | Arithmetic() | Call():
                return self.gathered(children(node), "number")
            case _:
                return {}

    def wanted_beside(self, nodes: Sequence[Node]) -> str:
        return next((kind for node in nodes if (kind := self.kind_wanted(node)) != "number"), "number")

    def gathered(self, nodes: Sequence[Node], wanted: str) -> dict[str, Any]:
        return _joined(self.blamed(node, wanted) for node in nodes)

    def where_unknown(self, whole: Node, parts: Sequence[Node], wanted: str) -> dict[str, Any]:
        """The blame of the parts, where the whole is unknown by them."""
        unknown = inverse(self.known(whole, wanted))
        return {name: every([mask, unknown]) for name, mask in self.gathered(parts, wanted).items()}

    def within_blamed(self, node: Membership) -> dict[str, Any]:
        where = range_of(node.where)
        others = (where.low, where.high) if isinstance(where, Interval) else where.items if isinstance(where, SetOf) else ()
        found = self.gathered((node.operand, *others), self.wanted_beside((node.operand, *others)))
        unknown = self.logical(node).unknown
        return {name: every([mask, unknown]) for name, mask in found.items()}

    def refused(self, node: Node, message: str, hint: str = "") -> InputError:
        return arithmetic.located(self.text, node, message, hint)


def _height(node: Node) -> int:
    """How many levels of sub-values a node stands on."""
    below = children(node.interval if isinstance(node, Around) else node)
    return 1 + max((_height(child) for child in below), default=0)


def _kind(term: _Term) -> str:
    if isinstance(term, _Number):
        return "number"
    return "bool" if isinstance(term, Masks) else term.kind


def _joined(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        for name, mask in part.items():
            found[name] = some([found[name], mask]) if name in found else mask
    return found


def _conjunction(parts: Sequence[Masks]) -> Masks:
    return Masks(every([part.true for part in parts]), some([part.false for part in parts]))


def _disjunction(parts: Sequence[Masks]) -> Masks:
    return Masks(some([part.true for part in parts]), every([part.false for part in parts]))


def _either(condition: Masks, then: Any, otherwise: Any) -> Any:
    then, otherwise = (_float(side) if isinstance(side, float) else side for side in (then, otherwise))
    return nw.when(as_column(condition.true)).then(then).otherwise(nw.when(as_column(condition.false)).then(otherwise))


# ── the recurrence of `arithmetic`, over columns ─────────────────────────────────────────────────────────────────────────────────────


def _abs(side: Any) -> Any:
    return abs(side) if isinstance(side, float) else side.abs()


def _floats(column: Any, dtype: Any) -> Any:
    """The nearest float64 of each number; null for an integer that float64 may not hold, which nothing here could compare exactly.

    A decimal goes by its text: dividing the digits by a power of ten, as engines do, rounds twice where there are more than 15 of them.
    """
    if dtype is None or isinstance(dtype, str):
        return column.cast(nw.Float64)
    if isinstance(dtype, _WIDE):
        return nw.when(column.is_between(-LARGEST_INTEGER, LARGEST_INTEGER)).then(column).cast(nw.Float64)
    if isinstance(dtype, nw.Decimal):
        return column.cast(nw.String).cast(nw.Float64)
    return column if dtype == nw.Float64 else column.cast(nw.Float64)


_WIDE: Final = (nw.Int64, nw.UInt64, nw.Int128, nw.UInt128)


def _in_one_zone(left: _Plain, right: _Plain) -> tuple[Any, Any]:
    """Instants are the same in any zone; Polars does not compare columns of two."""
    if left.zone == right.zone or left.zone is None or right.zone is None:
        return left.value, right.value
    return left.value.dt.convert_time_zone("UTC"), right.value.dt.convert_time_zone("UTC")


def _given(column: Any) -> _Number:
    return _Number(column, column.abs() * ROUNDING)


def _folded(term: tuple[float, float] | Unknown) -> _Number:
    if isinstance(term, Unknown):
        nothing = nw.lit(None, dtype=nw.Float64)
        return _Number(nothing, nothing)
    return _Number(*term)


def _add(left: _Number, right: _Number) -> _Number:
    if left.constant and right.constant:
        return _folded(arithmetic.add((left.value, left.error), (right.value, right.error)))
    total = left.value + right.value
    return _Number(total, (left.error + right.error) + _abs(total) * ROUNDING)


def _subtract(left: _Number, right: _Number) -> _Number:
    if left.constant and right.constant:
        return _folded(arithmetic.subtract((left.value, left.error), (right.value, right.error)))
    difference = left.value - right.value
    return _Number(difference, (left.error + right.error) + _abs(difference) * ROUNDING)


def _multiply(left: _Number, right: _Number) -> _Number:
    if left.constant and right.constant:
        return _folded(arithmetic.multiply((left.value, left.error), (right.value, right.error)))
    product = left.value * right.value
    return _Number(product, (_abs(left.value) * right.error + _abs(right.value) * left.error) + (left.error * right.error + _abs(product) * ROUNDING))


def _divide(left: _Number, right: _Number) -> _Number:
    if left.constant and right.constant:
        return _folded(arithmetic.divide((left.value, left.error), (right.value, right.error)))
    a, ea, b, eb = left.value, left.error, right.value, right.error
    if right.constant:
        if abs(b) <= eb:
            return _folded(arithmetic.DIVISION)
        quotient = a / (a * 0.0 + b)  # by a column: an engine may divide by a constant as a product with its reciprocal, and round twice
    else:
        safe = nw.when(b.abs() > eb).then(b)  # nor is an infinity above its bound: it must not divide its way back to a number
        quotient = (nw.lit(a) if left.constant else a) / safe
    return _Number(quotient, (_abs(quotient) * eb + ea) / (_abs(b) - eb) + _abs(quotient) * ROUNDING)


_OPERATIONS: Final[dict[str, Callable[[_Number, _Number], _Number]]] = {"+": _add, "-": _subtract, "*": _multiply, "/": _divide}


def _extreme(terms: Sequence[_Number], which: str) -> _Number:
    if all(term.constant for term in terms):
        pairs = [(term.value, term.error) for term in terms]
        return _Number(*(arithmetic.least(pairs) if which == "min" else arithmetic.greatest(pairs)))
    known = every([term.known for term in terms])
    pick = nw.min_horizontal if which == "min" else nw.max_horizontal
    values = [nw.lit(term.value) if term.constant else term.value for term in terms]
    found = pick(*values)
    errors = [term.error - ((value - found) if which == "min" else (found - value)) for term, value in zip(terms, values, strict=True)]
    return _Number(nw.when(known).then(found), nw.when(known).then(nw.max_horizontal(*errors)))


def _first_known(left: _Term, right: _Term) -> _Term:
    if isinstance(left, _Number) and isinstance(right, _Number):
        if left.constant:
            return left
        known = left.known
        other, error = (nw.lit(side) if isinstance(side, float) else side for side in (right.value, right.error))
        return _Number(nw.when(known).then(left.value).otherwise(other), nw.when(known).then(left.error).otherwise(error))
    if isinstance(left, Masks) and isinstance(right, Masks):
        unknown = left.unknown
        return Masks(some([left.true, every([unknown, right.true])]), some([left.false, every([unknown, right.false])]))
    if isinstance(left, _Plain) and isinstance(right, _Plain):
        if left.kind == "missing":
            return right
        return _Plain(nw.when(left.known).then(left.value).otherwise(right.value), left.kind)
    if isinstance(left, _Plain) and left.kind == "missing":
        return right
    return left


_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": lambda d, t: d < -t,
    "<=": lambda d, t: d <= t,
    ">": lambda d, t: d > t,
    ">=": lambda d, t: d >= -t,
    "==": lambda d, t: (d <= t) & (d >= -t),
    "!=": lambda d, t: (d > t) | (d < -t),
}
_ORDERED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
