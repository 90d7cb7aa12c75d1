"""What the operations mean: numbers that carry their rounding, comparisons, and the values an operation refuses.

A number is a pair (value, error): the float64 that was computed, and a bound on how far it can be from exact arithmetic over the
inputs as written. Two sides of a comparison are equal when they differ by no more than their two bounds together. Every evaluator
computes value and bound with the operations below, in this order, so that all give the same answer to the last bit.

The bounds are those of the standard model of floating point, fl(a op b) = (a op b)(1 + d) with |d| <= 2**-53 (N. J. Higham,
*Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 2.2 and chapter 3); `ROUNDING` is a hair above 2**-53 to cover the rounding of
the bounds themselves. The model, and so the bound, holds while no intermediate result underflows (below about 1e-290).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import inf
from typing import Any, Final, Literal, TypeAlias

import attrs

from decision_os.errors import InputError
from decision_os.expr.place import place, short
from decision_os.expr.tree import Choice, Defined, Name, Node, Number
from decision_os.units import FIXED, Unit, parse_unit
from decision_os.values import EXACT_INTEGER, Reading, Reason, Scalar, Unknown, Value, settle

__all__ = [
    "ROUNDING",
    "Bounded",
    "Context",
    "Function",
    "Refusal",
    "Result",
    "Term",
    "absolute",
    "add",
    "compare",
    "constant",
    "divide",
    "given",
    "greatest",
    "held",
    "instant",
    "least",
    "literal",
    "located",
    "looked_up",
    "multiply",
    "negate",
    "number",
    "plain",
    "read",
    "readable",
    "scaled",
    "subtract",
    "taken_otherwise",
    "truth",
]

Bounded: TypeAlias = tuple[float, float]
"""A number as (value, error bound)."""

Term: TypeAlias = Bounded | bool | str | dt.date | Unknown
"""What a node of an expression evaluates to."""

ROUNDING: Final = 2.0**-53 * (1 + 2.0**-20)
"""The largest relative error of one rounding to float64, and a hair more."""

OVERFLOW: Final = Unknown.because(Reason.UNDEFINED, "", "overflow")
DIVISION: Final = Unknown.because(Reason.UNDEFINED, "", "division by zero")


class Refusal(Exception):  # noqa: N818 - not an error of its own: the evaluator turns it into an InputError with its place
    """A value that an operation does not take; `side` tells the second operand (1) from the first (0)."""

    def __init__(self, message: str, *, hint: str = "", side: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.side = side


@attrs.frozen(kw_only=True)
class Context:
    """What an evaluator needs beside the tree: the texts its spans point into, units of names, registered functions."""

    text: str
    texts: Mapping[str, str] = attrs.field(factory=dict)
    """The author's text of each definition, by name."""
    units: Mapping[str, Unit] = attrs.field(factory=dict)
    seen: frozenset[str] = frozenset()
    """The names among `units` whose unit nobody declared: it was seen from what they stand beside."""
    functions: Mapping[str, Function] = attrs.field(factory=dict)
    currency: str = "USD"
    """What the literals of money are in."""


# ── where a refused value stands ─────────────────────────────────────────────────────────────────────────────────────────────────


def refused(refusal: Refusal | InputError, text: str, *operands: Node) -> InputError:
    """The error for a refusal at one of these operands, pointing into the author's text."""
    if isinstance(refusal, InputError):
        return located(text, operands[0], refusal.message, refusal.hint)
    if len(operands) == 1:
        return located(text, operands[0], refusal.message, refusal.hint)
    node = culprit(refusal.side, *operands)
    name = f"`{node.name}`: " if isinstance(node, Name | Defined) else ""
    return located(text, node, name + refusal.message, refusal.hint)


def located(text: str, node: Node, message: str, hint: str = "") -> InputError:
    """The error for a value refused at this node of an expression, pointing into the author's text."""
    line, column = place(text, node.span[0])
    shown = text[slice(*node.span)]
    name = node.name if isinstance(node, Name | Defined) else ""
    error = InputError(message, name=name, hint=hint, text=text, line=line, column=column)
    error.width = max(1, len(shown.splitlines()[0]) if shown else 1)
    return error


# ── values coming in and going out ───────────────────────────────────────────────────────────────────────────────────────────────


def given(value: float) -> Bounded:
    """A number as a caller gives it: the nearest float of what was written.

    >>> given(0.5)[0]
    0.5
    """
    return value, ROUNDING * abs(value)


def constant(exact: Fraction, value: float | None = None) -> Bounded:
    """A number known exactly; it has no error where float64 holds it.

    >>> constant(Fraction(1, 2))
    (0.5, 0.0)
    """
    nearest = float(exact) if value is None else value
    return nearest, 0.0 if Fraction(nearest) == exact else ROUNDING * abs(nearest)


def literal(node: Number) -> Bounded:
    """The number that a literal stands for."""
    return constant(node.exact, node.value)


def scaled(term: Bounded, scale: Fraction) -> Bounded | Unknown:
    """A number converted to another unit."""
    return term if scale == 1 else multiply(term, constant(scale))


def read(raw: object, node: Name, unit: Unit | None, *, settled: bool = False) -> Term:
    """The term that a caller's value stands for at this name; `unit` is what the name was declared to be in.

    Raises `Refusal` for a duration where the name has no unit of fixed length, and `InputError` as `values.settle` does.
    """
    given_value = raw.value if type(raw) is Reading else raw
    value: Value = given_value if settled else settle(given_value, node.name)  # type: ignore[assignment]  # the caller promises what `settle` gives
    kind = type(value)
    if kind is int and not -EXACT_INTEGER < value < EXACT_INTEGER:  # type: ignore[operator]  # exact type tested
        return scaled((float(value), 0.0), node.scale)  # type: ignore[arg-type]  # as above
    if kind is float or kind is int:
        return scaled(given(float(value)), node.scale)  # type: ignore[arg-type]  # as above
    if isinstance(value, dt.timedelta):
        return scaled(given(_duration(value, node, unit)), node.scale)
    return value  # type: ignore[return-value]  # what is left of Value: bool, text, date, instant, Unknown


def _duration(value: dt.timedelta, node: Name, unit: Unit | None) -> float:
    seconds = FIXED.get(unit.duration) if unit is not None else None
    if seconds is None:
        what = f"`{node.name}` is in {unit}" if unit is not None else f"`{node.name}` has no unit"
        raise Refusal(f"{what}, so a duration cannot be read for it", hint="declare it in seconds, minutes, hours, days or weeks, or give a number")
    return float(Fraction(value // dt.timedelta(microseconds=1), 1_000_000 * seconds))


def looked_up(values: Mapping[str, object], name: str) -> object:
    """What a mapping holds under a name, None where it holds nothing: not what it would make up.

    Raises `InputError` where the mapping itself fails.
    """
    try:
        return values[name] if name in values else None  # noqa: SIM401 - `get` of a mapping that makes up values would make one up here
    except Exception as error:
        hint = "give a dict of the values"
        raise InputError(f"the mapping that `{name}` is read from fails: {type(error).__name__}", name=name, hint=hint) from error


def held(values: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    """What a mapping holds under these names. One under which it fails is left out: whoever needed it was told."""
    found: dict[str, object] = {}
    for name in names:
        with contextlib.suppress(InputError):
            found[name] = looked_up(values, name)
    return {name: raw for name, raw in found.items() if raw is not None}


def readable(values: object) -> None:
    """Refuse what is no mapping from names to values; a row of a frame that works as one will do. Raises `InputError`."""
    kind = type(values)
    if not (hasattr(kind, "keys") and hasattr(kind, "__contains__") and hasattr(kind, "__getitem__")):
        shown = "nothing" if values is None else f"{'an' if kind.__name__[:1] in 'aeiouAEIOU' else 'a'} {kind.__name__}"
        raise InputError(f"an expression is evaluated on a mapping from names to values, not on {shown}", hint='write it as in `{"cac": 900}`')


def plain(term: Term) -> Scalar | Unknown:
    """What a caller gets back for a term: a number without its bound."""
    return term[0] if isinstance(term, tuple) else term


# ── the recurrence ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _finite(value: float, error: float) -> Bounded | Unknown:
    return (value, error) if -inf < value < inf and error < inf else OVERFLOW


def add(left: Bounded, right: Bounded) -> Bounded | Unknown:
    """The sum. Unknown where it overflows."""
    value = left[0] + right[0]
    return _finite(value, (left[1] + right[1]) + ROUNDING * abs(value))


def subtract(left: Bounded, right: Bounded) -> Bounded | Unknown:
    """The difference. Unknown where it overflows."""
    value = left[0] - right[0]
    return _finite(value, (left[1] + right[1]) + ROUNDING * abs(value))


def multiply(left: Bounded, right: Bounded) -> Bounded | Unknown:
    """The product. Unknown where it overflows."""
    (a, ea), (b, eb) = left, right
    value = a * b
    return _finite(value, (abs(a) * eb + abs(b) * ea) + (ea * eb + ROUNDING * abs(value)))


def divide(left: Bounded, right: Bounded) -> Bounded | Unknown:
    """The quotient. Unknown where the divisor cannot be told from zero.

    >>> divide((1.0, 0.0), (0.0, 0.0)).reasons
    ('undefined',)
    """
    (a, ea), (b, eb) = left, right
    if abs(b) <= eb:
        return DIVISION
    value = a / b
    return _finite(value, (ea + abs(value) * eb) / (abs(b) - eb) + ROUNDING * abs(value))


def negate(term: Bounded) -> Bounded:
    """The number with its sign turned."""
    return -term[0], term[1]


def absolute(term: Bounded) -> Bounded:
    """The number without its sign."""
    return abs(term[0]), term[1]


def least(terms: Sequence[Bounded]) -> Bounded:
    """The smallest of several numbers; its bound is what each may be below it: nothing for one that is further above it than its own bound."""
    value = min(value for value, _ in terms)
    return value, max(error - (other - value) for other, error in terms)


def greatest(terms: Sequence[Bounded]) -> Bounded:
    """The largest of several numbers; its bound is what each may be above it."""
    value = max(value for value, _ in terms)
    return value, max(error - (value - other) for other, error in terms)


# ── comparisons and kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────

_NUMBER: Final = re.compile(r"(?P<number>[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?) ?(?P<share>%)?")
"""A text that holds a number, as a spreadsheet or a form hands it on."""

_NUMERIC: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda d, t: d < -t,
    "<=": lambda d, t: d <= t,
    ">": lambda d, t: d > t,
    ">=": lambda d, t: d >= -t,
    "==": lambda d, t: -t <= d <= t,
    "!=": lambda d, t: not -t <= d <= t,
}
_ORDERED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def kind(term: Term) -> str:
    """What a known term is, in the author's words."""
    match term:
        case tuple():
            return "a number"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case dt.datetime():
            return "an instant" if term.tzinfo is not None else "an instant without a zone"
        case _:
            return "a date"


def compare(op: str, left: Term, right: Term) -> bool | Unknown:
    """Whether `left op right` holds; unknown where a side is.

    Raises `Refusal` for two kinds that do not compare.

    >>> compare(">=", given(0.29), add(given(0.27), given(0.02)))
    True
    """
    if isinstance(left, tuple) and isinstance(right, tuple):
        return _NUMERIC[op](left[0] - right[0], left[1] + right[1])
    if isinstance(left, Unknown):
        return Unknown.merged((left, right)) if isinstance(right, Unknown) else left
    if isinstance(right, Unknown):
        return right
    kinds = kind(left), kind(right)
    for side, one in enumerate(kinds):
        if one == "an instant without a zone":
            raise Refusal("an instant without a zone cannot be compared", hint="give it a zone: `tzinfo=`", side=side)
    if kinds[0] != kinds[1]:
        hint = next((_as_number(one) for one, other in ((left, kinds[1]), (right, kinds[0])) if other == "a number"), "")
        raise Refusal(f"{_told(left)} does not compare with {_told(right)}", hint=hint, side=-1)
    if op not in ("==", "!=") and isinstance(left, bool | str):
        raise Refusal(f"{kinds[0]} has no order: only `==`, `!=` and a set are meant for it", side=-1)
    return _ORDERED[op](instant(left), instant(right))


def instant(term: Any) -> Any:
    """An instant in UTC: in one zone Python compares what the clocks show, and takes an hour shown twice for the same."""
    return term.astimezone(dt.UTC) if isinstance(term, dt.datetime) else term


def culprit(side: int, left: Node, right: Node) -> Node:
    """The operand a refusal is about; where either could be it, the one that is an input."""
    if side >= 0:
        return (left, right)[side]
    return right if isinstance(right, Name) and not isinstance(left, Name) else left


def subject(node: Node) -> str:
    """How an error names an operand: an input by its name."""
    match node:
        case Name() | Defined():
            return f"`{node.name}` is "
        case Choice():
            return "this choice is "
        case _:
            return "this is "


def number(term: Term, node: Node) -> Bounded | Unknown:
    """The term, where it may stand as a number. Raises `Refusal` otherwise."""
    if isinstance(term, tuple | Unknown):
        return term
    if isinstance(term, dt.date):
        hint = "compare it with another; what lies between two of them is an input of its own, such as a number of days"
    else:
        hint = "a truth value is not a number" if isinstance(term, bool) else _as_number(term)
    raise Refusal(f"{subject(node)}{_told(term)} where a number is needed", hint=hint)


def _told(term: Term) -> str:
    """What a refused term is; of a text, which."""
    return f"the text {short(repr(term))}" if isinstance(term, str) else kind(term)


def _as_number(term: Term) -> str:
    """What to write for a text that holds a number."""
    found = _NUMBER.fullmatch(term.strip().replace(",", "")) if isinstance(term, str) else None
    if found is None:
        return ""
    exact = Decimal(found["number"]) / (100 if found["share"] else 1)
    return f"write the number {exact.normalize():f}"


def truth(term: Term, node: Node) -> bool | Unknown:
    """The term, where it may stand as a condition. Raises `Refusal` otherwise."""
    if isinstance(term, bool | Unknown):
        return term
    raise Refusal(f"{subject(node)}{kind(term)} where a condition is needed", hint="compare it with something")


# ── functions of the rule book ───────────────────────────────────────────────────────────────────────────────────────────────────

Result: TypeAlias = Unit | Literal["truth", "text"] | None
"""What a function gives: a number in a unit, true or false, a text, or (None) any of them, unchecked."""

_LONGEST_REASON: Final = 200
_MOST_VALUES: Final = 100


def _taken(takes: int | str | Unit | Sequence[str | Unit | None]) -> tuple[Unit | None, ...]:
    handed: object = takes  # whatever the caller's type checker did not see
    if isinstance(handed, bool) or not isinstance(handed, int | str | Unit | Sequence):
        raise InputError(
            f"`takes` of a function is a {type(handed).__name__}", name="takes", hint='say how many values it takes, or their units: `["USD", "share"]`'
        )
    if isinstance(takes, int):
        if takes > _MOST_VALUES:
            raise InputError(f"a function takes at most {_MOST_VALUES} values, not {takes}", name="takes")
        found: tuple[Unit | None, ...] = (None,) * takes
    else:
        found = tuple(_unit_of(each) for each in ((takes,) if isinstance(takes, str | Unit) else takes))
    if not found:
        raise InputError("a function takes at least one value", hint="a value that rests on nothing is a threshold")
    return found


def _unit_of(raw: str | Unit | None) -> Unit | None:
    if raw is None or raw == "any":
        return None
    handed: object = raw  # as above
    if not isinstance(handed, str | Unit):
        raise InputError(
            f"the unit of what a function takes or gives is of type {type(handed).__name__}", hint="write it as a text, such as `USD/seat`, or `any`"
        )
    return parse_unit(raw) if isinstance(raw, str) else raw


def _result(raw: str | Unit | None) -> Result:
    return "truth" if raw == "truth" else "text" if raw == "text" else _unit_of(raw)


@attrs.frozen
class Function:
    """A pure Python function of numbers that expressions may call.

    `call` is the function, `takes` the units of its values in order (None or `any`: unchecked; a whole number says only how many), `gives` the
    unit of its result, or `truth`, or `text` (None or `any`: unchecked). It is handed floats in the units it takes: durations are converted, a
    share of 5 % is 0.05. An unknown value makes the result unknown without a call. An exception, a result of another kind than promised, or one
    that no rule can read make it unknown with reason `error`; None and NaN make it `undefined`; an `Unknown` stays what it is. What the function does
    to the rounding of its values is not known, so its result counts as a number that was given.

    That it is pure is its author's promise: it is called when a decision is taken and again when one is explained.

    Raises `InputError` for what cannot be called, or not with so many values, and `UnitError` for a unit that is none.

    >>> import math
    >>> Function(math.sqrt, 1).apply("sqrt", [given(9.0)])[0]
    3.0
    >>> Function(lambda price, discount: price * (1 - discount), takes=["USD/seat", "share"], gives="USD/seat").arity
    2
    """

    call: Callable[..., object] | None
    """None for one that a rule book declares and nobody handed in."""
    takes: tuple[Unit | None, ...] = attrs.field(converter=_taken)
    gives: Result = attrs.field(default=None, converter=_result)

    def __attrs_post_init__(self) -> None:
        handed: object = self.call  # as above
        if handed is None:
            return
        if not callable(handed):
            raise InputError(
                f"`call` of a function is of type {type(handed).__name__}, which cannot be called", name="call", hint="hand in the function itself"
            )
        takes = taken_otherwise(handed, self.arity)
        if takes:
            message = f"`takes` says {self.arity} value{'' if self.arity == 1 else 's'}, but the function takes `{takes}`"
            raise InputError(message, name="takes", hint="give `takes` the unit of each value, in order")

    @property
    def arity(self) -> int:
        """How many values it takes."""
        return len(self.takes)

    def apply(self, name: str, arguments: Sequence[Bounded | Unknown]) -> Term:
        """The term for a call with these arguments."""
        unknowns = [term for term in arguments if isinstance(term, Unknown)]
        if unknowns:
            return Unknown.merged(unknowns)
        if self.call is None:
            return Unknown.because(Reason.ERROR, "", f"`{name}` is declared, but was not handed in")
        try:
            raw = self.call(*(term[0] for term in arguments if isinstance(term, tuple)))
            result = settle(raw)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the rule book's own function raises is an answer that is not there
            return Unknown.because(Reason.ERROR, "", f"`{name}` failed: {_reason(error)}")
        if isinstance(result, Unknown):
            return result if isinstance(raw, Unknown) else Unknown.because(Reason.UNDEFINED, "", f"`{name}` gave no value")
        term: Term = given(float(result)) if isinstance(result, int | float) and not isinstance(result, bool) else result  # type: ignore[assignment]
        wanted = "true or false" if self.gives == "truth" else "a text" if self.gives == "text" else "a number"
        found = "a duration" if isinstance(result, dt.timedelta) else kind(term)
        if found != wanted and (self.gives is not None or isinstance(result, dt.timedelta)):
            return Unknown.because(Reason.ERROR, "", f"`{name}` gave {found}, not {wanted}")
        return term


def taken_otherwise(call: Callable[..., object], arity: int) -> str:
    """What a function takes, as it says, where it does not take so many values; empty where it does, or says nothing (as some written in C)."""
    try:
        says = inspect.signature(call)
    except (TypeError, ValueError):
        return ""
    try:
        says.bind(*[0.0] * arity)
    except TypeError:
        return str(says)
    return ""


def _reason(error: BaseException) -> str:
    """What an exception says, in one line; its type where it says nothing, or where even saying it fails."""
    try:
        said = " ".join((error.message if isinstance(error, InputError) else str(error)).split())
    except Exception:  # noqa: BLE001 - as said
        said = ""
    return (said or type(error).__name__)[:_LONGEST_REASON]
